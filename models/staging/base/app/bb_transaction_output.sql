select * from {{ source "app" "transaction_output" }}
