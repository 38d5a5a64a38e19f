{{ config(group='marketing', meta={'rank': 1, 'weights': [1, 2], 'flags': [true], 'note': 'a[b]', 'none': none}) }}
select id, email, 1 as position from {{ ref('stg_app__users') }}
