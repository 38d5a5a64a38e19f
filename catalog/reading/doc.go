// Package reading makes the catalog's content from a compiled program and from what is known
// of its target: the graph of its columns, the last run and those before, numbers of the
// warehouse, profiles, freshness, customers.
//
// It reads values and asks nobody: no warehouse, no clock, no file. What it writes is plain
// text for readers; it knows no page and no address of the site. Values of sensitive columns,
// values of environment variables and paths of the machine do not get past it.
package reading
