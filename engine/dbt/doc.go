// Package dbt reads dbt projects and writes them anew as engine projects: templates from Jinja to
// Go, with the places of everything that has no counterpart.
//
// It knows dbt's files and functions. It does not know warehouses, and it neither renders nor
// runs anything.
package dbt
