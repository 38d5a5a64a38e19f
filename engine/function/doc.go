// Package function holds GoogleSQL's scalar functions that a warehouse's SQL cannot
// express, as pure Go.
//
// A function takes and gives plain values: string, []byte, int64, float64, bool, *big.Int
// and lists of them ([]any); NULL is nil. Types that have no plain form travel as one that
// has: a date as days and a timestamp as microseconds since 1970-01-01 (int64), a NUMERIC as
// its unscaled *big.Int or as text, a JSON value as its text in GoogleSQL's canonical form
// (no spaces, object keys sorted and unique, numbers as the shortest text that reads back).
//
// The sources of the semantics are Google's documentation of the functions and the
// compliance suite of github.com/google/googlesql.
//
// The room knows neither warehouses nor SQL texts; it does no I/O. Every function may be
// called from several goroutines at once.
package function
