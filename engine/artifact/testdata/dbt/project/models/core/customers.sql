{{ config(materialized='incremental', unique_key='id', tags=['core']) }}
select id, name from {{ ref('stg_customers') }}
