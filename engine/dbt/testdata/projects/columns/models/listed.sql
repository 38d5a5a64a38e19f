{%- set columns = dbt_utils.get_filtered_columns_in_relation(from=ref('prefixed'), except=['part_id_v']) -%}
select {% for c in columns %}count("{{ c }}") as "n_{{ c | lower | replace(' ', '_') }}"{{ ", " if not loop.last }}{% endfor %}, {{ columns | length }} as how_many
from {{ ref('prefixed') }}
