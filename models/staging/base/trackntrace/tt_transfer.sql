select * from {{ source "trackntrace" "transfer" }}
