// Package source holds the text that users wrote and the way back to it: files,
// spans of bytes in them, and maps from rendered output to the bytes that produced it.
//
// It knows bytes and offsets. It does not know what a model, a template or SQL is.
package source
