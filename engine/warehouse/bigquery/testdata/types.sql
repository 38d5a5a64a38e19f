dry run: select id, at, who from x -- all;

create table `shop`.`a` (
  `id` INT64 not null,
  `at` TIMESTAMP,
  `who` ARRAY<STRUCT<a STRING>>
) as (
select id, at, who from x -- all
);

dry run: select id, at, who from x -- all;

create or replace table `shop`.`_engine_new__b` (
  `id` INT64,
  `at` TIMESTAMP,
  `who` ARRAY<STRUCT<a STRING>>
)
partition by timestamp_trunc(_PARTITIONTIME, HOUR)
options (require_partition_filter = true, expiration_timestamp = timestamp_add(current_timestamp(), interval 43200 second));

insert into `shop`.`_engine_new__b` (`id`, `at`, `who`)
(
select id, at, who from x -- all
);

dry run: select cast(`k` as STRING) as `k`, `at`, `who`
from (select null as `k`, null as `at`, null as `who` from (select 1) where false union all (
select id, at, who from x -- all
));

create table `shop`.`c` (
  `k` STRING,
  `at` TIMESTAMP,
  `who` STRING,
  primary key (`k`) not enforced
) as select cast(`k` as STRING) as `k`, `at`, `who`
from (select null as `k`, null as `at`, null as `who` from (select 1) where false union all (
select id, at, who from x -- all
));
