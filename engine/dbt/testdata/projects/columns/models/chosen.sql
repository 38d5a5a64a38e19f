{{ dbt_utils.union_relations(relations=[ref('parts'), ref('wheels')], include=['ID', 'price', 'colour'], column_override={'price': 'varchar'}, source_column_name=none) }}
