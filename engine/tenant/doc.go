// Package tenant says what each customer gets of a warehouse that holds the rows of many: the
// customers as configured, what models declare, the slice of a model that is a customer's,
// and the proofs that nothing else is in it.
//
// It is pure: it reads no file and opens no connection. SQL is written with a
// warehouse.Dialect and run elsewhere (package distribute).
package tenant
