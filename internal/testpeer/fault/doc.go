// Package fault is a reverse proxy that breaks HTTP on purpose: by rule it answers with an
// error instead of asking the server, drops the connection before or after the server acted,
// cuts bodies off, delays, or turns a job that ended well into one that failed. It counts
// what it did, so that a test can say how many faults were met.
//
// It speaks HTTP and knows the shape of BigQuery's errors and jobs, nothing of the engine and
// nothing of the server behind it.
package fault
