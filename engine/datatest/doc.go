// Package datatest holds the kinds of data tests: which arguments they take, which rows
// fail them, and how several cheap ones become one query. It also writes the rows of unit
// tests as SQL and compares what came out.
//
// It knows tests as written, relations by the text that reads them, and numbers of
// failures. It does not know which node a test gates, when it runs, nor what a project is
// beyond its test entries: compile and plan stand above it.
package datatest
