// Package diag holds what the engine says about mistakes: the Diagnostic value, lists
// of them, the catalogue of codes, and the renderings (framed text, one line, JSON,
// CI annotations). The framed text is rendered from the JSON form, so the two cannot differ.
//
// It knows spans, severities and words. It does not know which stage runs, nor
// terminals: colour and width are values passed in.
package diag
