package bigquery

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"
)

// shorten is name, or, when it is longer than limit bytes, its beginning followed by a
// hash of all of it. It splits no rune.
func shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:8])
	n := limit - len(hash)
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n] + hash
}
