select * from {{ source "app" "purchase" }}
