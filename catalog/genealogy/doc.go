// Package genealogy keeps lots of material and the runs that made and used them, and writes
// them as files that a page can walk through without a server: what a lot was made of, what
// became of it, and who got it.
//
// The words are those of EPCIS: a run is a transformation, its flows are what went in and what
// came out. A Builder takes rows of three relations, or the edges of an ancestry, in any size
// that memory holds; a Graph numbers lots and runs by the time of their events, so that what
// belongs together lies in the same few files.
//
// It knows rows, not where they come from: it must not know warehouses, models or the
// catalog's other pages. What it writes are rows of the data, so whoever calls it decides who
// may see them.
package genealogy
