select * from {{ source "app" "transaction" }}
