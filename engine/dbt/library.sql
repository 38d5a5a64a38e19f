{% macro dbt__type_string() %}string{% endmacro %}
{% macro dbt__type_string__duckdb() %}text{% endmacro %}
{% macro dbt__type_string__postgres() %}text{% endmacro %}
{% macro dbt__type_timestamp() %}timestamp{% endmacro %}
{% macro dbt__type_float() %}float64{% endmacro %}
{% macro dbt__type_float__duckdb() %}float{% endmacro %}
{% macro dbt__type_float__postgres() %}float{% endmacro %}
{% macro dbt__type_numeric() %}numeric{% endmacro %}
{% macro dbt__type_numeric__duckdb() %}numeric(28, 6){% endmacro %}
{% macro dbt__type_numeric__postgres() %}numeric(28,6){% endmacro %}
{% macro dbt__type_int() %}int64{% endmacro %}
{% macro dbt__type_int__duckdb() %}integer{% endmacro %}
{% macro dbt__type_int__postgres() %}integer{% endmacro %}
{% macro dbt__type_bigint() %}int64{% endmacro %}
{% macro dbt__type_bigint__duckdb() %}bigint{% endmacro %}
{% macro dbt__type_bigint__postgres() %}bigint{% endmacro %}
{% macro dbt__type_boolean() %}bool{% endmacro %}
{% macro dbt__type_boolean__duckdb() %}boolean{% endmacro %}
{% macro dbt__type_boolean__postgres() %}boolean{% endmacro %}
{% macro dbt__current_timestamp() %}current_timestamp(){% endmacro %}
{% macro dbt__current_timestamp__duckdb() %}now(){% endmacro %}
{% macro dbt__current_timestamp__postgres() %}now(){% endmacro %}
{% macro dbt__date_trunc(datepart, date) %}timestamp_trunc(cast({{ date }} as timestamp), {{ datepart }}){% endmacro %}
{% macro dbt__date_trunc__duckdb(datepart, date) %}date_trunc('{{ datepart }}', {{ date }}){% endmacro %}
{% macro dbt__date_trunc__postgres(datepart, date) %}date_trunc('{{ datepart }}', {{ date }}){% endmacro %}
{% macro dbt__dateadd(datepart, interval, from_date_or_timestamp) %}datetime_add(cast({{ from_date_or_timestamp }} as datetime), interval {{ interval }} {{ datepart }}){% endmacro %}
{% macro dbt__dateadd__duckdb(datepart, interval, from_date_or_timestamp) %}date_add({{ from_date_or_timestamp }}, interval ({{ interval }}) {{ datepart }}){% endmacro %}
{% macro dbt__dateadd__postgres(datepart, interval, from_date_or_timestamp) %}{{ from_date_or_timestamp }} + ((interval '1 {{ datepart }}') * ({{ interval }})){% endmacro %}
{% macro dbt__datediff(first_date, second_date, datepart) %}datetime_diff(cast({{ second_date }} as datetime), cast({{ first_date }} as datetime), {{ datepart }}){% endmacro %}
{% macro dbt__datediff__duckdb(first_date, second_date, datepart) %}date_diff('{{ datepart }}', {{ first_date }}::timestamp, {{ second_date }}::timestamp){% endmacro %}
{% macro dbt__concat(fields) %}concat({{ fields | join(', ') }}){% endmacro %}
{% macro dbt__concat__duckdb(fields) %}{{ fields | join(' || ') }}{% endmacro %}
{% macro dbt__concat__postgres(fields) %}{{ fields | join(' || ') }}{% endmacro %}
{% macro dbt__cast(field, type) %}cast({{ field }} as {{ type }}){% endmacro %}
{% macro dbt__safe_cast(field, type) %}safe_cast({{ field }} as {{ type }}){% endmacro %}
{% macro dbt__safe_cast__duckdb(field, type) %}try_cast({{ field }} as {{ type }}){% endmacro %}
{% macro dbt__safe_cast__postgres(field, type) %}cast({{ field }} as {{ type }}){% endmacro %}
{% macro dbt__hash(field) %}to_hex(md5(cast({{ field }} as string))){% endmacro %}
{% macro dbt__hash__duckdb(field) %}md5(cast({{ field }} as text)){% endmacro %}
{% macro dbt__hash__postgres(field) %}md5(cast({{ field }} as text)){% endmacro %}
{% macro dbt__length(expression) %}length({{ expression }}){% endmacro %}
{% macro dbt__replace(field, old_chars, new_chars) %}replace({{ field }}, {{ old_chars }}, {{ new_chars }}){% endmacro %}
{% macro dbt__right(string_text, length_expression) %}substr({{ string_text }}, -1 * ({{ length_expression }})){% endmacro %}
{% macro dbt__right__duckdb(string_text, length_expression) %}right({{ string_text }}, {{ length_expression }}){% endmacro %}
{% macro dbt__right__postgres(string_text, length_expression) %}right({{ string_text }}, {{ length_expression }}){% endmacro %}
{% macro dbt__position(substring_text, string_text) %}strpos({{ string_text }}, {{ substring_text }}){% endmacro %}
{% macro dbt__last_day(date, datepart) %}cast(last_day({{ date }}, {{ datepart }}) as date){% endmacro %}
{% macro dbt__last_day__duckdb(date, datepart) %}cast(date_trunc('{{ datepart }}', {{ date }}) + interval 1 {{ datepart }} - interval 1 day as date){% endmacro %}
{% macro dbt__last_day__postgres(date, datepart) %}cast(date_trunc('{{ datepart }}', {{ date }}) + interval '1 {{ datepart }}' - interval '1 day' as date){% endmacro %}
{% macro dbt__listagg(measure, delimiter_text="','", order_by_clause='', limit_num=none) %}{% if limit_num %}{{ exceptions.raise_compiler_error('listagg with a limit is not there') }}{% endif %}string_agg({{ measure }}, {{ delimiter_text }} {{ order_by_clause }}){% endmacro %}
{% macro dbt__split_part(string_text, delimiter_text, part_number) %}split({{ string_text }}, {{ delimiter_text }})[safe_offset({{ part_number }} - 1)]{% endmacro %}
{% macro dbt__split_part__duckdb(string_text, delimiter_text, part_number) %}string_split({{ string_text }}, {{ delimiter_text }})[{{ part_number }}]{% endmacro %}
{% macro dbt__split_part__postgres(string_text, delimiter_text, part_number) %}split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }}){% endmacro %}
{% macro dbt__any_value(expression) %}any_value({{ expression }}){% endmacro %}
{% macro dbt__any_value__postgres(expression) %}min({{ expression }}){% endmacro %}
{% macro dbt__bool_or(expression) %}logical_or({{ expression }}){% endmacro %}
{% macro dbt__bool_or__duckdb(expression) %}bool_or({{ expression }}){% endmacro %}
{% macro dbt__bool_or__postgres(expression) %}bool_or({{ expression }}){% endmacro %}
{% macro dbt__except() %}except distinct{% endmacro %}
{% macro dbt__except__duckdb() %}except{% endmacro %}
{% macro dbt__except__postgres() %}except{% endmacro %}
{% macro dbt__intersect() %}intersect distinct{% endmacro %}
{% macro dbt__intersect__duckdb() %}intersect{% endmacro %}
{% macro dbt__intersect__postgres() %}intersect{% endmacro %}
{% macro dbt__string_literal(value) %}'{{ value }}'{% endmacro %}
{% macro dbt__escape_single_quotes(expression) %}{{ expression | replace("'", "\\'") }}{% endmacro %}
{% macro dbt__escape_single_quotes__duckdb(expression) %}{{ expression | replace("'", "''") }}{% endmacro %}
{% macro dbt__escape_single_quotes__postgres(expression) %}{{ expression | replace("'", "''") }}{% endmacro %}
{% macro dbt_utils__generate_surrogate_key(field_list) %}{% set parts = [] %}{% for field in field_list %}{% do parts.append("coalesce(cast(" ~ field ~ " as " ~ dbt.type_string() ~ "), '_dbt_utils_surrogate_key_null_')") %}{% if not loop.last %}{% do parts.append("'-'") %}{% endif %}{% endfor %}{{ dbt.hash(dbt.concat(parts)) }}{% endmacro %}
{% macro dbt_utils__surrogate_key(field_list) %}{% set parts = [] %}{% for field in field_list %}{% do parts.append("coalesce(cast(" ~ field ~ " as " ~ dbt.type_string() ~ "), '')") %}{% if not loop.last %}{% do parts.append("'-'") %}{% endif %}{% endfor %}{{ dbt.hash(dbt.concat(parts)) }}{% endmacro %}
{% macro dbt_utils__group_by(n) %}group by {% for i in range(1, n + 1) %}{{ i }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro %}
{% macro dbt_utils__safe_divide(numerator, denominator) %}( {{ numerator }} ) / nullif( ( {{ denominator }} ), 0){% endmacro %}
{% macro dbt_utils__safe_add(field_list) %}{% for f in field_list %}coalesce({{ f }}, 0){% if not loop.last %} + {% endif %}{% endfor %}{% endmacro %}
{% macro dbt_utils__safe_subtract(field_list) %}{% for f in field_list %}coalesce({{ f }}, 0){% if not loop.last %} - {% endif %}{% endfor %}{% endmacro %}
{% macro dbt_utils__slugify(string) %}{{ return(string | lower | replace(' ', '_') | replace('-', '_')) }}{% endmacro %}
{% macro dbt_utils__star__duckdb(from, relation_alias='', except=[], prefix='', suffix='', quote_identifiers=true) %}{% if prefix or suffix %}{{ exceptions.raise_compiler_error('star with a prefix or suffix asks the warehouse for columns: write the columns down') }}{% endif %}{% if relation_alias %}{{ relation_alias }}.{% endif %}*{% if except %} exclude ({{ except | join(', ') }}){% endif %}{% endmacro %}
{% macro dbt_utils__star__bigquery(from, relation_alias='', except=[], prefix='', suffix='', quote_identifiers=true) %}{% if prefix or suffix %}{{ exceptions.raise_compiler_error('star with a prefix or suffix asks the warehouse for columns: write the columns down') }}{% endif %}{% if relation_alias %}{{ relation_alias }}.{% endif %}*{% if except %} except ({{ except | join(', ') }}){% endif %}{% endmacro %}
{% macro dbt_utils__union_relations__duckdb(relations, column_override=none, include=[], exclude=[], source_column_name='_dbt_source_relation', where=none) %}{% if include or column_override %}{{ exceptions.raise_compiler_error('union_relations with include or column_override asks the warehouse for columns: write the selects down') }}{% endif %}{% for r in relations %}(select {% if source_column_name %}cast({% if (r ~ '').split('.') | length == 2 %}'"' || current_database() || '".' || {% endif %}'{{ r }}' as text) as {{ source_column_name }}, {% endif %}*{% if exclude %} exclude ({{ exclude | join(', ') }}){% endif %} from {{ r }}{% if where %} where {{ where }}{% endif %}){% if not loop.last %} union all by name {% endif %}{% endfor %}{% endmacro %}
{% macro dbt_utils__date_spine__duckdb(datepart, start_date, end_date) %}(select cast(range as timestamp) as date_{{ datepart }} from range(cast({{ start_date }} as timestamp), cast({{ end_date }} as timestamp), interval 1 {{ datepart }})){% endmacro %}
{% macro dbt_utils__date_spine__postgres(datepart, start_date, end_date) %}(select g as date_{{ datepart }} from generate_series(cast({{ start_date }} as timestamp), cast({{ end_date }} as timestamp) - interval '1 {{ datepart }}', interval '1 {{ datepart }}') as g){% endmacro %}
{% macro dbt_utils__date_spine__bigquery(datepart, start_date, end_date) %}(select d as date_{{ datepart }} from unnest(generate_date_array(cast({{ start_date }} as date), date_sub(cast({{ end_date }} as date), interval 1 {{ datepart }}), interval 1 {{ datepart }})) as d){% endmacro %}
{% macro dbt_utils__generate_series__duckdb(upper_bound) %}select range as generated_number from range(1, {{ upper_bound }} + 1){% endmacro %}
{% macro dbt_utils__generate_series__postgres(upper_bound) %}select g as generated_number from generate_series(1, {{ upper_bound }}) as g{% endmacro %}
{% macro dbt_utils__generate_series__bigquery(upper_bound) %}select g as generated_number from unnest(generate_array(1, {{ upper_bound }})) as g{% endmacro %}
{% macro dbt_utils__deduplicate__duckdb(relation, partition_by, order_by) %}select * from {{ relation }} as tt qualify row_number() over (partition by {{ partition_by }} order by {{ order_by }}) = 1{% endmacro %}
{% macro dbt_utils__deduplicate__bigquery(relation, partition_by, order_by) %}select * from {{ relation }} as tt qualify row_number() over (partition by {{ partition_by }} order by {{ order_by }}) = 1{% endmacro %}
{% macro dbt_utils__deduplicate__postgres(relation, partition_by, order_by) %}select distinct on ({{ partition_by }}) * from {{ relation }} order by {{ partition_by }}, {{ order_by }}{% endmacro %}
{% macro dbt_utils__pivot(column, values, alias=true, agg='sum', cmp='=', prefix='', suffix='', then_value=1, else_value=0, quote_identifiers=true, distinct=false) %}{% for value in values %}{{ agg }}({% if distinct %}distinct {% endif %}case when {{ column }} {{ cmp }} '{{ value }}' then {{ then_value }} else {{ else_value }} end){% if alias %} as {% if quote_identifiers %}{{ adapter.quote(prefix ~ value ~ suffix) }}{% else %}{{ dbt_utils.slugify(prefix ~ value ~ suffix) }}{% endif %}{% endif %}{% if not loop.last %}, {% endif %}{% endfor %}{% endmacro %}
{% macro dbt_utils__haversine_distance(lat1, lon1, lat2, lon2, unit='mi') %}2 * {% if unit == 'mi' %}3961{% else %}6371{% endif %} * asin(sqrt(power((sin(radians(({{ lat2 }} - {{ lat1 }}) / 2))), 2) + cos(radians({{ lat1 }})) * cos(radians({{ lat2 }})) * power((sin(radians(({{ lon2 }} - {{ lon1 }}) / 2))), 2))){% endmacro %}
{% macro dbt_utils__get_url_parameter__duckdb(field, url_parameter) %}nullif(split_part(split_part({{ field }}, '{{ url_parameter }}=', 2), '&', 1), ''){% endmacro %}
{% macro dbt_utils__get_url_parameter__postgres(field, url_parameter) %}nullif(split_part(split_part({{ field }}, '{{ url_parameter }}=', 2), '&', 1), ''){% endmacro %}
{% macro dbt_utils__width_bucket(expr, min_value, max_value, num_buckets) %}case when {{ expr }} < {{ min_value }} then 0 when {{ expr }} >= {{ max_value }} then {{ num_buckets }} + 1 else cast(floor(({{ expr }} - {{ min_value }}) / (({{ max_value }} - {{ min_value }}) / {{ num_buckets }})) as {{ dbt.type_int() }}) + 1 end{% endmacro %}
