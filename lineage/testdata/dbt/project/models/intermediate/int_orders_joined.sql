{{ config(materialized='ephemeral', tags=['int']) }}
select o.id, o.user_id, o.amount, c.name as country from {{ ref('stg_app__orders') }} o join {{ ref('countries') }} c on c.code = o.country
