// Package addr holds identities: small comparable values that name a node of the
// project, a column, or a relation in a warehouse, with their text form and its parser.
//
// It knows names. It does not know whether the named thing exists.
package addr
