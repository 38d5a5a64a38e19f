// Package layout places the boxes of a directed graph in columns, left to right, so that
// people can read it: ranks, order within a rank, coordinates, and the routes of edges.
//
// It knows sizes and edges by number. It does not know what the boxes mean or how they are
// drawn. The same input always gives the same drawing.
package layout
