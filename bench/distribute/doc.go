// Command distribute measures engine publish: so many customers, models and rows on DuckDB
// or PostgreSQL, from nothing, unchanged, and with one changed customer, against the script
// that people write, one filtered copy per customer and model.
package main
