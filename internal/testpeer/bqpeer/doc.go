// Package bqpeer starts the BigQuery peer of the tests: the real emulator behind a test
// double of what it lacks (the module in ../bq, see its README). The peer is a process of
// its own, because the emulator's 90 modules must not enter this module's build.
//
// The package must not know the engine; only tests import it.
package bqpeer
