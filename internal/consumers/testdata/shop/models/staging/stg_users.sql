select id, name, ts from {{ source "app" "users" }}
