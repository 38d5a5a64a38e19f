select * from {{ ref("eph") }}
