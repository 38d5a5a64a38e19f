// Package isolation proves from a query's tree whose rows its result holds. A warehouse holds the
// rows of many tenants; the proof says that what one tenant gets of a relation follows from the
// tenant's own rows alone, and from rows that belong to nobody.
//
// What is proved is noninterference. Every table is either Clean (no tenant's rows) or Tenant: a
// column says to whom a row belongs, and rows without a value there belong to nobody and are given
// to nobody. Let two states of all tables agree in what is clean and in the rows of one tenant. A
// result that is Tenant by a column has, in both states, the same rows of that tenant, in all
// columns that are not Tainted. Its rows of nobody follow from rows of nobody alone, unless it is
// Blurred. A result that is neither Clean nor Tenant is Mixed.
//
// The proof is an abstract run of the query. The rows of a scan depend on owners: one for each
// time that rows of tenants enter the query. A column may be the tenant of an owner. An equality of two such
// columns makes two owners one; what is left with more than one is Mixed. Whatever looks at several
// rows — groups, windows, LIMIT, subqueries, what a set operation compares — has to be told apart
// by the tenant of every owner, or it depends on rows of others: the rows become Mixed, or, where
// only a value depends, its column Tainted.
//
// It stands on these premises. A relation that is said to be clean is. Casts between whole numbers and
// texts name the same tenant, so that '05' and 5 are one. An incremental model holds what its
// full text says: conditions that compare with the model's own rows (is it newer than the newest?)
// decide when a row comes, not which rows there are in the end; and its unique_key is unique over all
// tenants. Nothing but its query changes a relation. Errors, durations and the order of rows say nothing.
//
// The room is a pure function over engine/ir: it knows neither models nor files.
package isolation
