select c.id from {{ ref('cities') }} c, {{ source('app', 'orders') }} o, {{ ref('countries') }} x where c.id < o.id and x.code is null
