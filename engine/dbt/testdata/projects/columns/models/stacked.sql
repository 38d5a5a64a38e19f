{% set tables = [ref('parts'), ref('melted_again')] %}
{{ dbt_utils.union_relations(tables, exclude=['note'], column_override={'id': 'double'}, source_column_name='came_from') }}
