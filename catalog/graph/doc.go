// Package graph makes what the lineage explorer in the browser reads: nodes, edges, columns,
// where columns come from, and a drawing of the whole project.
//
// It knows the format of these files, which the scripts in catalog/web read, and nothing of
// pages but what leads to them.
package graph
