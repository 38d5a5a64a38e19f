{{ config(materialized='table', pre_hook="create table if not exists {{ target.schema }}_log.hooked (name varchar)", post_hook=["insert into {{ target.schema }}_log.hooked values ('{{ this.name }}')"]) }}
select e.event_id, e.user_id, a.name, a.plan
from {{ ref('fct_events') }} e
left join {{ ref('accounts_by_plan') }} a on a.account_id = e.user_id - 9 and a.dbt_valid_to is null
where e.event_type = 'purchase'
