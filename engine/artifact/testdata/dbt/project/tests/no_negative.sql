select * from {{ ref("customers") }} where id < 0
