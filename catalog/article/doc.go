// Package article writes the pages about one thing: a source, seed, model, snapshot or exposure,
// a test, a macro. An article is what stands between the head and the foot of a page; where pages
// are and what surrounds them is told to it. It knows the content and nothing else: no file, no
// program, no warehouse.
package article
