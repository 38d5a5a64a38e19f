select * from {{ source "app" "account_tenant" }}
