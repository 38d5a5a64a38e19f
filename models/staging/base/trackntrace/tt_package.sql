select * from {{ source "trackntrace" "package" }}
