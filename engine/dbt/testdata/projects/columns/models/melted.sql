{{ dbt_utils.unpivot(relation=ref('parts'), cast_to='varchar', exclude=['id'], remove=['Made On'], field_name='what', value_name='how_much') }}
