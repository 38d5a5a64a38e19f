package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
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
	return hashed(safe, name)
}

// hashed is a readable part of safe with a hash of the name.
func hashed(safe, name string) string {
	if len(safe) > maxSlug-10 {
		safe = safe[:maxSlug-10]
	}
	if stem, _, dotted := strings.Cut(safe, "."); dotted && slices.Contains(devices, stem) {
		safe = strings.Replace(safe, ".", "_", 1)
	}
	sum := sha256.Sum256([]byte(name))
	// The tilde never occurs in a plain name.
	return strings.Trim(safe, ".") + "~" + hex.EncodeToString(sum[:4])
}

// nodePath is the page of a node, relative to the site.
func nodePath(n *content.Node) string { return string(n.ID.Kind) + "/" + slug(n.ID.Name) + ".html" }

// folderPath is the page of a folder.
func folderPath(folder string) string {
	// Slashes become dots, which no other part has here, so the address stays readable.
	dotted := strings.ReplaceAll(folder, "/", ".")
	if strings.ContainsAny(folder, ".~") {
		safe, _, _ := strings.Cut(slug(dotted+"~"), "~") // of what slug makes safe
		return "folder/" + hashed(safe, folder) + ".html"
	}
	return "folder/" + slug(dotted) + ".html"
}

// Pages of what nodes have in common.
func tierPath(tier string) string     { return "tier/" + slug(tier) + ".html" }
func tagPath(tag string) string       { return "tag/" + slug(tag) + ".html" }
func ownerPath(owner string) string   { return "owner/" + slug(owner) + ".html" }
func groupPath(group string) string   { return "group/" + slug(group) + ".html" }
func customerPath(name string) string { return "customer/" + slug(name) + ".html" }
func macroPath(name string) string    { return "macro/" + slug(name) + ".html" }

// testAnchor is the id of a test on the page of its node. A data test and a unit test may have
// one name.
func testAnchor(t *content.Test) string {
	if t.ID.Kind == addr.UnitTest {
		return "u-" + slug(t.ID.Name)
	}
	return "t-" + slug(t.ID.Name)
}

// termAnchor is the id of a term in the glossary.
func termAnchor(t *content.Term) string { return "g-" + slug(t.Name) }

// columnAnchors are the ids of a node's columns on its page.
func columnAnchors(n *content.Node) []string {
	out, used := make([]string, len(n.Columns)), make(map[string]bool, len(n.Columns))
	for i, c := range n.Columns {
		id := "c-" + slug(c.Name)
		for used[id] {
			id += "~"
		}
		used[id] = true
		out[i] = id
	}
	return out
}

// pagedPath is a further page of a list that has several; the first keeps its name.
func pagedPath(path string, page int) string {
	if page == 0 {
		return path
	}
	return strings.TrimSuffix(path, ".html") + "~p" + itoa(page+1) + ".html"
}
