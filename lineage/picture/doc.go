// Package picture draws boxes and arrows as SVG, in the style of all lineage graphs.
//
// It lays out and escapes; it does not know what the boxes mean.
package picture
