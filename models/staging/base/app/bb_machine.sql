select * from {{ source "app" "machine" }}
