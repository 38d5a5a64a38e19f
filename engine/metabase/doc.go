// Package metabase tells Metabase what a project knows of its tables: descriptions, names,
// semantic types, keys, what is hidden, order and form of columns; and reads back which cards
// and dashboards use which node.
//
// What is wanted (Wanted, from a compiled program) and what was found (Server.Metadata) are
// plain values, and so is what was written last. Make compares the three: it reads neither
// clock nor network, and what somebody has changed in Metabase by hand since it was written
// stays. Apply sends the plan. Exposures follows cards to tables.
//
// The room knows Metabase's HTTP interface and compiled programs. It does not know flags,
// terminals, or where the memory of what was written lies.
package metabase
