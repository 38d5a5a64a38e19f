// Package compile turns a Project and a Target into a Program: configuration inherited,
// refs resolved, ephemeral models inlined, nodes ordered, SQL rendered, columns found,
// fingerprints taken, tests bound to what they test.
//
// It knows all names and one target. It opens no connection to it, reads no clock, and
// knows nothing about state or what is built.
package compile
