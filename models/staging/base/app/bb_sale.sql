select * from {{ source "app" "sale" }}
