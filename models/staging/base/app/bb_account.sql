select * from {{ source "app" "account" }}
