// Package man writes the manual pages of a tree of commands, as man(1) reads them.
//
// It knows commands, flags and roff. It must not know what any command does; where the pages go
// and which day it is are values.
package man
