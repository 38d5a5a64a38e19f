with u as (
{{ dbt_utils.union_relations(
    relations=[ref('sales'), ref('returns')],
    source_column_name='source_table'
) }}
)
select * from u
