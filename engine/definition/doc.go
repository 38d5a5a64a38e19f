// Package definition holds what a project says its nodes are, free of the target that it
// was compiled for: relations are named after their nodes. Two definitions of one node tell
// whether somebody has changed it, whatever the schemas and databases are called.
//
// It knows compiled programs and their text form (a file, a table of records). It does not
// know where definitions are kept, nor what is done about a change.
package definition
