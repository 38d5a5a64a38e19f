// Package distribute gives every customer its slice of a warehouse that holds the rows of
// many: it reads the customers' configuration and freezes it, decides which customer gets which
// model anew (Make, which is pure), and does it (Apply): what serves all customers once, then
// the customers side by side, each staged, proven, published and recorded on its own.
//
// It is the only room that opens connections for that. What a slice is, and what proves it, is
// package tenant's trade; how a warehouse publishes is a driver's (warehouse.Distributor). It
// knows nothing of SQL, flags and terminals.
package distribute
