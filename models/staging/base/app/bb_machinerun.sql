select * from {{ source "app" "machinerun" }}
