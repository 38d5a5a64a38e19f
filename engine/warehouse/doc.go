// Package warehouse is the contract between the engine and a database: operations that
// say what shall happen (Op), a pure Dialect that says how it is written, and a Conn
// that does the I/O. Optional powers are separate interfaces with a free function that
// falls back.
//
// It knows relations, columns and statements. It does not know models, plans or templates,
// and it holds no driver: each warehouse has a folder of its own below this one.
package warehouse
