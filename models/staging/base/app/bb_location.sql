select * from {{ source "app" "location" }}
