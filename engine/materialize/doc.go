// Package materialize turns the intent of a model, seed or snapshot into warehouse
// operations: what is built aside, what publishes it, and what clears up when its tests
// fail. There is one file per kind.
//
// It knows kinds of materialization, their configuration and operations. It does not know
// how an operation is written in SQL, why a node is built, or when anything runs.
package materialize
