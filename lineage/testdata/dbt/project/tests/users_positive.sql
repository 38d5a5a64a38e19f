{{ config(tags=['odd'], severity='warn') }} select id from {{ ref('dim_users', v=2) }} where id < 0
