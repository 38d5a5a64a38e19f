// Package warehousetest is the conformance suite of warehouses: what every driver must
// do, shown by rows. A driver's own test calls Run with a way to open a connection.
//
// It knows the warehouse contract only. It holds no SQL of one dialect: queries are plain
// SQL, names and literals come from the Dialect, type names from the caller.
package warehousetest
