select id from {{ ref('stg_users') }}
where {% if var('break') == 'test' %} true {% else %} false {% endif %}
