select * from {{ source "app" "custom_field" }}
