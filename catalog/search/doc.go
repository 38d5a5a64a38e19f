// Package search makes the index that the catalog's pages search in: names of everything,
// columns with the nodes that have them, the words of descriptions and of SQL, and the texts
// that results show. All of it are data files in the site; scripts of package web read them.
//
// It knows package content and nothing else of the catalog: what is not in the value cannot
// be found, and addresses of pages come in as functions.
package search
