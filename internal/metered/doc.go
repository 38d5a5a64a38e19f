// Package metered is DuckDB with the habits of a warehouse that charges for reading: jobs
// with ids, dry runs, bytes billed, a limit per job, and no transactions over DDL. What it
// charges is computed from the rows that are really there. Tests of cost, budgets and of
// records on such a warehouse run on it; it knows nothing about models or plans.
package metered
