select * from {{ source "trackntrace" "lab_result" }}
