-- schema
create schema if not exists `shop`;

-- schema of a project
create schema if not exists `other-project`.`shop`;

-- table
create table `shop`.`orders` as (
select 1 as id -- all
);

-- table aside
create or replace table `shop`.`_engine_new__orders`
partition by `day`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 43200 second)) as (
select 1 as id -- all
);

-- table with casts
create table `shop`.`orders` as select cast(`id` as STRING) as `id`, `x`
from (select null as `id`, null as `x` from (select 1) where false union all (
select 1 as id -- all
));

-- table with everything
create table `shop`.`orders`
partition by `day`
cluster by `id`, `name`
options (require_partition_filter = true, partition_expiration_days = 1.5, kms_key_name = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k', expiration_timestamp = timestamp_add(current_timestamp(), interval 129600 second), labels = [('a', 'it\'s'), ('team', 'sales')]) as (
select 1 as id -- all
);

-- table with keys
create table `shop`.`orders` (
  `id` INT64 not null,
  `name` STRING,
  primary key (`id`) not enforced,
  constraint `of_customer` foreign key (`name`) references `shop`.`customers` (`name`) not enforced
) as select cast(`id` as INT64) as `id`, cast(`name` as STRING) as `name`
from (select null as `id`, null as `name` from (select 1) where false union all (
select 1 as id -- all
));

-- table by day of a date
create table `shop`.`o`
partition by `day` as (
select 1 as id -- all
);

-- table by month of a date
create table `shop`.`o`
partition by date_trunc(`day`, MONTH) as (
select 1 as id -- all
);

-- table by hour
create table `shop`.`o`
partition by timestamp_trunc(`at`, HOUR) as (
select 1 as id -- all
);

-- table by day of a datetime
create table `shop`.`o`
partition by datetime_trunc(`at`, DAY) as (
select 1 as id -- all
);

-- table by year
create table `shop`.`o`
partition by timestamp_trunc(`at`, YEAR) as (
select 1 as id -- all
);

-- table by range
create table `shop`.`o`
partition by range_bucket(`id`, generate_array(-10, 100, 10)) as (
select 1 as id -- all
);

-- table by arrival
create table `shop`.`o` (
  `id` INT64,
  `name` STRING
)
partition by _PARTITIONDATE;

-- table by hour of arrival
create table `shop`.`o` (
  `id` INT64,
  `name` STRING
)
partition by timestamp_trunc(_PARTITIONTIME, HOUR);

-- empty table
create table if not exists `shop`.`o` (
  `id` INT64 not null,
  `name` STRING,
  primary key (`id`) not enforced,
  constraint `of_customer` foreign key (`name`) references `shop`.`customers` (`name`) not enforced
);

-- view
create view `shop`.`v`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 3600 second), labels = [('a', 'b')]) as (
select 1 as id -- all
);

-- view aside
create or replace view `shop`.`_engine_new__v`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 43200 second)) as (
select 1 as id -- all
);

-- materialized view
create materialized view `shop`.`m`
partition by `day`
cluster by `id`
options (labels = [('a', 'b')], enable_refresh = true, refresh_interval_minutes = 45, max_staleness = interval '4:0:0' hour to second) as (
select 1 as id -- all
);

-- materialized view refreshed by hand
create materialized view `shop`.`m`
options (enable_refresh = false) as (
select 1 as id -- all
);

-- refresh
call BQ.REFRESH_MATERIALIZED_VIEW('shop.m');

-- swap tables
create or replace table `shop`.`o` copy `shop`.`_engine_new__o`;
drop table if exists `shop`.`_engine_new__o`;

-- swap of another spread
alter table `shop`.`o` rename to `_engine_old__o`;
alter table `shop`.`_engine_new__o` rename to `o`;
drop table if exists `shop`.`_engine_old__o`;

-- table for a view
drop view if exists `shop`.`o`;
create or replace table `shop`.`o` copy `shop`.`_engine_new__o`;
drop table if exists `shop`.`_engine_new__o`;

-- view for a table
alter table `shop`.`o` rename to `_engine_old__o`;
create or replace view `shop`.`o` as (
select 1 as id -- all
);
drop table if exists `shop`.`_engine_old__o`;
drop view if exists `shop`.`_engine_new__o`;

-- view for a view
create or replace view `shop`.`o` as (
select 1 as id -- all
);
drop view if exists `shop`.`_engine_new__o`;

-- clone
create or replace table `shop`.`_engine_copy__o` clone `shop`.`o`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 43200 second));

-- insert
insert into `shop`.`o` (`id`, `sel ect`)
select `id`, `sel ect` from `shop`.`s`;

-- merge
select error(cast(message as string)) from (
select * from (
select concat('several new rows have the key id = ', coalesce(safe_cast(`id` as string), 'NULL')) as message from `shop`.`_engine_new__orders` where `id` is not null group by `id` having count(*) > 1 limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on t.`id` = s.`id`
when matched then update set `day` = s.`day`, `amount` = s.`amount`
when not matched then insert (`id`, `day`, `amount`) values (s.`id`, s.`day`, s.`amount`);

-- merge with limits
select error(cast(message as string)) from (
select * from (
select concat('several new rows have the key id = ', coalesce(safe_cast(`id` as string), 'NULL')) as message from `shop`.`_engine_new__orders` where `id` is not null group by `id` having count(*) > 1 limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on t.`id` = s.`id` and (t.day > '2024-01-01' -- recent
)
when matched then update set `amount` = s.`amount`
when not matched then insert (`id`, `day`, `amount`) values (s.`id`, s.`day`, s.`amount`);

-- merge of keys only
select error(cast(message as string)) from (
select * from (
select concat('several new rows have the key id, day, amount = ', coalesce(safe_cast(`id` as string), 'NULL'), ', ', coalesce(safe_cast(`day` as string), 'NULL'), ', ', coalesce(safe_cast(`amount` as string), 'NULL')) as message from `shop`.`_engine_new__orders` where `id` is not null and `day` is not null and `amount` is not null group by `id`, `day`, `amount` having count(*) > 1 limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on t.`id` = s.`id` and t.`day` = s.`day` and t.`amount` = s.`amount`
when not matched then insert (`id`, `day`, `amount`) values (s.`id`, s.`day`, s.`amount`);

-- replace partitions found
delete from `shop`.`orders` as t
where exists (select 1 from `shop`.`_engine_new__orders` as s where date_trunc(s.`day`, DAY) is not distinct from date_trunc(t.`day`, DAY));
insert into `shop`.`orders` (`id`, `day`)
select `id`, `day` from `shop`.`_engine_new__orders`;

-- replace given days
select error(cast(message as string)) from (
select * from (
select concat('rows of shop._engine_new__orders lie outside of the partitions to replace, for example one with day = ', coalesce(cast(s.`day` as string), 'NULL')) as message from `shop`.`_engine_new__orders` as s where not coalesce((s.`day` in (cast('2024-01-01' as DATE), cast(date_sub(current_date(), interval 1 day) as DATE)) or s.`day` is null), false) limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on false
when not matched by source and (t.`day` in (cast('2024-01-01' as DATE), cast(date_sub(current_date(), interval 1 day) as DATE)) or t.`day` is null) then delete
when not matched then insert (`id`, `day`) values (s.`id`, s.`day`);

-- replace given months
select error(cast(message as string)) from (
select * from (
select concat('rows of shop._engine_new__orders lie outside of the partitions to replace, for example one with at = ', coalesce(cast(s.`at` as string), 'NULL')) as message from `shop`.`_engine_new__orders` as s where not coalesce(((s.`at` >= timestamp_trunc(cast('2024-01-01' as TIMESTAMP), MONTH) and s.`at` < timestamp(datetime_add(datetime(timestamp_trunc(cast('2024-01-01' as TIMESTAMP), MONTH)), interval 1 MONTH)))), false) limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on false
when not matched by source and ((t.`at` >= timestamp_trunc(cast('2024-01-01' as TIMESTAMP), MONTH) and t.`at` < timestamp(datetime_add(datetime(timestamp_trunc(cast('2024-01-01' as TIMESTAMP), MONTH)), interval 1 MONTH)))) then delete
when not matched then insert (`id`, `day`) values (s.`id`, s.`day`);

-- replace given hours
select error(cast(message as string)) from (
select * from (
select concat('rows of shop._engine_new__orders lie outside of the partitions to replace, for example one with at = ', coalesce(cast(s.`at` as string), 'NULL')) as message from `shop`.`_engine_new__orders` as s where not coalesce(((s.`at` >= timestamp_trunc(cast('2024-01-01 05:00:00' as TIMESTAMP), HOUR) and s.`at` < timestamp_add(timestamp_trunc(cast('2024-01-01 05:00:00' as TIMESTAMP), HOUR), interval 1 HOUR))), false) limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on false
when not matched by source and ((t.`at` >= timestamp_trunc(cast('2024-01-01 05:00:00' as TIMESTAMP), HOUR) and t.`at` < timestamp_add(timestamp_trunc(cast('2024-01-01 05:00:00' as TIMESTAMP), HOUR), interval 1 HOUR))) then delete
when not matched then insert (`id`, `day`) values (s.`id`, s.`day`);

-- replace given ranges
select error(cast(message as string)) from (
select * from (
select concat('rows of shop._engine_new__orders lie outside of the partitions to replace, for example one with id = ', coalesce(cast(s.`id` as string), 'NULL')) as message from `shop`.`_engine_new__orders` as s where not coalesce(((s.`id` >= cast(20 as INT64) and s.`id` < cast(20 as INT64) + 10) or (s.`id` >= cast(-5 as INT64) and s.`id` < cast(-5 as INT64) + 10)), false) limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on false
when not matched by source and ((t.`id` >= cast(20 as INT64) and t.`id` < cast(20 as INT64) + 10) or (t.`id` >= cast(-5 as INT64) and t.`id` < cast(-5 as INT64) + 10)) then delete
when not matched then insert (`id`, `day`) values (s.`id`, s.`day`);

-- replace given arrivals
select error(cast(message as string)) from (
select * from (
select concat('rows of shop._engine_new__orders lie outside of the partitions to replace, for example one with _PARTITIONTIME = ', coalesce(cast(s._PARTITIONTIME as string), 'NULL')) as message from `shop`.`_engine_new__orders` as s where not coalesce(((s._PARTITIONTIME >= timestamp_trunc(cast('2024-01-01' as TIMESTAMP), DAY) and s._PARTITIONTIME < timestamp_add(timestamp_trunc(cast('2024-01-01' as TIMESTAMP), DAY), interval 1 DAY))), false) limit 1
) limit 1);
merge into `shop`.`orders` as t
using `shop`.`_engine_new__orders` as s
on false
when not matched by source and ((t._PARTITIONTIME >= timestamp_trunc(cast('2024-01-01' as TIMESTAMP), DAY) and t._PARTITIONTIME < timestamp_add(timestamp_trunc(cast('2024-01-01' as TIMESTAMP), DAY), interval 1 DAY))) then delete
when not matched then insert (_PARTITIONTIME, `id`, `day`) values (s._PARTITIONTIME, s.`id`, s.`day`);

-- delete
merge into `shop`.`o` as t
using (select distinct `id`, `day` from `shop`.`s`) as s
on t.`id` = s.`id` and t.`day` = s.`day`
when matched and (t.day > '2024-01-01' -- recent
) then delete;

-- add columns
alter table `shop`.`o`
  add column `id` INT64,
  add column `name` STRING;

-- drop columns
alter table `shop`.`o`
  drop column `id`,
  drop column `name`;

-- retype
alter table `shop`.`o`
  alter column `id` set data type INT64;

-- drop
drop materialized view if exists `shop`.`m`;

-- comment
alter table `shop`.`o` set options (description = 'it\'s «ü»\n`x` \\');

-- comment of a column
alter view `shop`.`v` alter column `id` set options (description = 'key');

-- no comment
alter table `shop`.`o` set options (description = NULL);

-- values
insert into `shop`.`o` (`a`, `b`) values
(cast(TIMESTAMP '2024-02-29 01:02:03.000004+00' as TIMESTAMP), NULL),
(cast(NULL as TIMESTAMP), 'x');

-- close rows
merge into `shop`.`h` as t
using `shop`.`s` as s
on s.`id` = t.`id` and t.`till` is null
when matched then update set `till` = s.`since`;

-- close missing rows
merge into `shop`.`h` as t
using `shop`.`s` as s
on s.`id` = t.`id`
when not matched by source and t.`till` is null then update set `till` = current_timestamp();

-- require
select error(cast(message as string)) from (
select * from (
select 'x' as message -- none
) limit 1);

-- grant
grant `roles/bigquery.dataViewer` on table `shop`.`o` to 'user:a@b.c', 'group:g@b.c';

-- hook
select 1;

