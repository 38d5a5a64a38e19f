select * from {{ source "app" "material" }}
