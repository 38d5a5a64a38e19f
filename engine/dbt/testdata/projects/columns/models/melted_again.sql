select id, what, how_much as price from {{ ref('melted') }} where what = 'price'
