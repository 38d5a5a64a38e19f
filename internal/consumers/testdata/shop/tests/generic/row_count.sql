select count(*) as n from {{ .model }} having count(*) < {{ .at_least }}
