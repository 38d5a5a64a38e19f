// Package state remembers what is built and from what, in append-only tables of the
// target's own _engine schema: no service, no local file.
//
// It knows nodes, fingerprints, versions and relations. It does not know why anything
// is rebuilt (that is plan's trade).
package state
