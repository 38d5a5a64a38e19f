select * from {{ source "app" "scan" }}
