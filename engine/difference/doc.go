// Package difference compares two relations in the warehouse: their columns, their rows by
// a key, and value by value. Only figures and a bounded sample of rows leave the warehouse.
//
// It knows columns and queries. It does not know models, targets, or what the difference is
// good for.
package difference
