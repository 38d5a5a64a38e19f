// Package origin says where the columns of one statement come from: for every
// output column the columns of tables that give its value, and apart from them
// those that only decide which rows there are or in what order; and which output
// columns are unique by construction (Grain).
//
// It reads the resolved tree of engine/ir and is a pure function of it. It knows
// no models, files or warehouses: a table is the name under which it was declared
// to the analyzer.
package origin
