// Package lookml writes what a compiled project says of its relations as LookML, the
// language in which Looker is told of tables: a view per node, dimensions from columns and
// their types, keys and joins from tests and constraints, measures from meta.
//
// The room knows the Program and LookML. It opens no connection and touches no file: it
// returns texts, and says how a folder differs from them.
package lookml
