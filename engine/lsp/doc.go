// Package lsp speaks the Language Server Protocol, version 3.17, for projects that are being
// edited: it keeps the texts of open buffers, turns offsets into the positions of editors,
// and asks engine/editor whatever an editor asks.
//
// A message goes through these hands: frames (frames.go) are cut out of the stream, jrpc2
// matches calls and answers, the dispatcher (dispatch.go) keeps requests and edits in the
// order in which they were sent and holds panics back, documents (documents.go) and folders
// (folders.go) say what text and which project is meant, and features.go answers.
//
// The room knows the protocol and nothing of flags, standard streams, processes and files:
// which folder is a project, how it is opened and how a warehouse is asked comes in as
// functions. What users wrote is never logged, only names of methods, times and sizes.
package lsp
