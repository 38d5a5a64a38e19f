{{/* at_least: rows whose value is below a minimum; arguments: min */}}
select *
from {{ .model }}
where {{ .column }} < {{ .min }}
