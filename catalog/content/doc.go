// Package content is what a catalog says, before it is pages: one value with every node,
// column, test, person and number that a site may show, and what its readers may follow.
//
// It is made from a compiled program by Read, narrowed for an audience by package audience,
// compared with an earlier one by package changes, and printed by package catalog. It knows
// nothing of pages, addresses and files of the site.
package content
