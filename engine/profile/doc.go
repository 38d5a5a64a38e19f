// Package profile scans relations for what their columns hold: the share of NULL, about how
// many values, the least and the greatest, and the most frequent ones. Each relation is read
// once, in a sample where it is large. Columns whose values are nobody's business are not read.
//
// It knows columns and dialects. It does not know what a profile is shown for, nor which
// columns are sensitive: it is told.
package profile
