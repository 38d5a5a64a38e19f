// Package audience narrows a catalog to what one audience is told: everybody outside, a team,
// one customer.
//
// What leaves here is made anew, field by field, of what the audience may know; nothing is
// copied and then taken away. So a fact that catalogs get later is hidden until somebody shows
// it here, and pages, search, counts, places in drawings and comparisons, all of which are made
// of the narrowed value, cannot tell what they do not have. The package knows nothing of pages,
// configuration files and selectors.
package audience
