// Package artifact writes what other tools read: manifest.json, run_results.json,
// catalog.json and sources.json in the exact shape of dbt-core 1.12 (manifest v12, run
// results v6, catalog v1, sources v3), without a key that dbt does not have.
//
// It knows dbt's words and how the engine's map to them. It does not know where the
// values come from, reads no clock and no environment: both come in with Meta.
package artifact
