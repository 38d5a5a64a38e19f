select * from {{ source "app" "transaction_input" }}
