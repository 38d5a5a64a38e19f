select * from {{ source "trackntrace" "item" }}
