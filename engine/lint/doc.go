// Package lint finds what is suspicious in one GoogleSQL statement that is right as far
// as the analyzer is concerned: joins without a condition, outer joins that a filter
// undoes, comparisons that are never true.
//
// A rule reads the resolved tree, and the text only for what the tree leaves out (a
// star, a comma, an alias). It reports what it can prove from these two. Which findings
// matter, and how much, is decided elsewhere: here all rules run.
//
// The room knows neither models nor files nor settings; it does no I/O.
package lint
