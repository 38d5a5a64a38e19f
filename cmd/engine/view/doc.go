// Package view shows what the engine did or would do: for people (human text, a live
// progress area on a terminal) and for programs (one JSON document, or one JSON object
// per line).
//
// It knows words, columns and colours. Where it writes, how wide the terminal is, whether
// it has colour and what time it is are values of Screen: it opens no file, reads no
// environment and no clock.
package view
