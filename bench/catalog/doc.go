// Command catalog measures the site of the catalog against its budgets: how long it takes to make,
// how large it is, and how soon a reader has something before them in a real browser.
//
//	go run ./bench/catalog                      100, 1,000 and 10,000 models, medians of 5 runs
//	go run ./bench/catalog -models 1000 -runs 9
//	go run ./bench/catalog -only size           without a browser
//	go run ./bench/catalog -project             «engine docs generate» on a generated project
//
// The catalogs are those of contenttest: seeded, so that two runs measure the same bytes. Making a
// site is a process of its own, on two processors. A loop that has nothing to do with the engine is
// timed before and after, and each second: on a machine that others use, compare its ratio first.
package main
