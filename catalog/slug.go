package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// devices are file names that Windows keeps for itself, whatever their ending.
var devices = []string{
	"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

const maxSlug = 100

// slug turns any name into a file name that is safe on every system and in a URL. Plain
// names stay as they are; others get a hash of the whole name, so that two names never
// share a file even where the file system does not tell cases apart, and a node keeps its
// address whatever else the project holds.
func slug(name string) string {
	plain := len(name) > 0 && len(name) <= maxSlug && name[0] != '.' && name[len(name)-1] != '.'
	var b strings.Builder
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			b.WriteRune(r)
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
			plain = false
		default:
			b.WriteByte('_')
			plain = false
		}
	}
	safe := b.String()
	stem, _, _ := strings.Cut(safe, ".")
	if plain && !slices.Contains(devices, stem) {
		return safe
	}
	if len(safe) > maxSlug-10 {
		safe = safe[:maxSlug-10]
	}
	sum := sha256.Sum256([]byte(name))
	// The tilde never occurs in a plain name.
	return strings.Trim(safe, ".") + "~" + hex.EncodeToString(sum[:4])
}

// nodePath is the page of a node, relative to the site.
func nodePath(n addr.Node) string { return string(n.Kind) + "/" + slug(n.Name) + ".html" }

// folderPath is the page of a folder.
func folderPath(folder string) string {
	if strings.ContainsAny(folder, ".~") {
		return "folder/" + slug(folder) + ".html"
	}
	// Slashes become dots, which no other part has here, so the address stays readable.
	return "folder/" + slug(strings.ReplaceAll(folder, "/", ".")) + ".html"
}
