{% snapshot accounts_by_time %}

{{
    config(
      unique_key='account_id',
      strategy='timestamp',
      updated_at='updated_at'
    )
}}

select account_id, name, plan, cast(updated_at as timestamp) as updated_at from {{ ref('accounts') }}

{% endsnapshot %}


{% snapshot accounts_by_plan %}
    {{ config(
        target_schema='snapshots',
        unique_key='account_id',
        strategy='check',
        check_cols=['plan'],
        invalidate_hard_deletes=True,
    ) }}
    select * from {{ ref('accounts') }}
{% endsnapshot %}

{% snapshot accounts_all %}
    {{ config(unique_key="account_id", strategy='check', check_cols='all') }}
    select account_id, name, plan from {{ ref('accounts') }}
{% endsnapshot %}
