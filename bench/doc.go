// Package bench holds the engine against its budgets: how fast projects of 100, 1,000 and
// 10,000 models load, and what a build costs over the bare driver. «make bench» prints
// the table (cmd/report); the benchmarks here are for profiles.
package bench
