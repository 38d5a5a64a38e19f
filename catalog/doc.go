// Package catalog makes the project's documentation: a static site that opens from a file,
// from any sub-path of a server, and without a network.
//
// It knows the compiled program, its graph, the outcome of a run and facts about built
// relations, all as values. It opens no connection, and only Site.Write touches the disk.
package catalog
