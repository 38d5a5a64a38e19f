create or replace table `shop`.`o` (
  `id` INT64 not null,
  `day` DATE,
  `who` STRUCT<email STRING>,
  `lines` ARRAY<STRUCT<n INT64, sub STRUCT<a STRING>>>
)
partition by date_trunc(`day`, MONTH)
cluster by `id`
options (require_partition_filter = true, labels = [('team', 'core')]) as
select t.`id` as `id`, t.`day` as `day`, if(t.`who` is null, null, struct(t.`who`.`email` as `email`)) as `who`, array(select as struct e0.`n` as `n`, if(e0.`sub` is null, null, struct(e0.`sub`.`a` as `a`)) as `sub` from unnest(t.`lines`) as e0 with offset as o0 order by o0) as `lines`
from `shop`.`o` as t
where t.`day` is null or t.`day` is not null;

create or replace table `shop`.`o` (
  `id` STRING not null,
  `day` DATE,
  `gone` STRING,
  `who` STRUCT<email STRING, phone STRING>,
  `lines` ARRAY<STRUCT<n FLOAT64, sub STRUCT<a STRING, b STRING>>>
)
partition by date_trunc(`day`, MONTH)
cluster by `id`
options (require_partition_filter = true, labels = [('team', 'core')]) as
select cast(t.`id` as STRING) as `id`, t.`day` as `day`, t.`gone` as `gone`, t.`who` as `who`, array(select as struct cast(e0.`n` as FLOAT64) as `n`, e0.`sub` as `sub` from unnest(t.`lines`) as e0 with offset as o0 order by o0) as `lines`
from `shop`.`o` as t
where t.`day` is null or t.`day` is not null;
