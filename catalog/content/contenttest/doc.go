// Package contenttest makes catalogs for tests and benches: a small one that a reader can
// check by hand, a large one of any size with the shape of a real project, and one whose every
// text attacks what prints it. The same arguments give the same value.
//
// It knows the type and no program: nothing here is compiled or run.
package contenttest
