// Package genealogy takes edges out of a warehouse, closes them with package ancestry, or
// has the warehouse close them step by step, and writes pairs or things back. Ask looks a
// thing up in them. It knows the operations CloseEdges and UpdateClosure and the connection
// it gets; it must not know models, plans or configuration.
package genealogy
