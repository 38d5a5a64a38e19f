{{ config(alias='placed_here', schema='odd', grain='row') }}
select '{{ this.schema }}' as own_schema, '{{ this.identifier }}' as own_name, '{{ this.name }}' as own, {{ where_is(ref('parts')) }} as parts_are, {{ where_is(this) }} as this_is,
    '{{ model.name }}' as model_name, '{{ model.unique_id }}' as unique_id, '{{ flags.WHICH }}' as which, '{{ api.Relation.create(schema='a', identifier='b') }}' as made,
    '{{ local_md5("x") }}' as digest, cast('1' as {{ api.Column.translate_type('integer') }}) as one, '{{ config.get("grain") }}' as grain
