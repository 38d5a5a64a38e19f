// Package catalog prints a content.Catalog as a static site that opens from a file, from any
// sub-path of a server, from an archive, and without a network: pages that are complete
// without scripting, and the data that scripts read for search and for the lineage explorer.
//
// It knows the catalog's value and nothing of the program, runs or warehouses behind it. Only
// Site.Write and Site.WriteFile touch the disk.
package catalog
