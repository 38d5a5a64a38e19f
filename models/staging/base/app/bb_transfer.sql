select * from {{ source "app" "transfer" }}
