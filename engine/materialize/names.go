package materialize

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// StagedName is the name under which rel is built aside, in rel's own schema.
func StagedName(rel addr.Relation, caps warehouse.Caps) addr.Relation {
	return asideName(rel, "new", caps)
}

// ScratchName is a second name aside, for the copy that is changed on warehouses that
// cannot change a table inside a transaction, and for the rows a snapshot will get.
func ScratchName(rel addr.Relation, caps warehouse.Caps) addr.Relation {
	return asideName(rel, "copy", caps)
}

// KeptName is the name under which plans keep the table that rel replaces. A run makes a
// name of its own of it (see state.KeptName).
func KeptName(rel addr.Relation, caps warehouse.Caps) addr.Relation {
	return asideName(rel, "old", caps)
}

var asidePattern = regexp.MustCompile(`^_engine_([a-z]+)__.`)

// IsStaged reports whether a relation of this name was built aside by the engine, so that
// one left behind by a run that died may be removed.
func IsStaged(name string) bool { return asidePattern.MatchString(name) }

// Asides are the names under which some relations are built aside. Several projects may
// build into one schema, and what another one has aside is not to be touched.
type Asides struct {
	relations []addr.Relation
	caps      warehouse.Caps
	of        map[string]map[addr.Relation]bool // by purpose
}

// NewAsides is for the given relations.
func NewAsides(relations []addr.Relation, caps warehouse.Caps) *Asides {
	return &Asides{relations: relations, caps: caps, of: map[string]map[addr.Relation]bool{}}
}

// Has reports whether rel is a name that one of the relations has aside.
func (a *Asides) Has(rel addr.Relation) bool {
	found := asidePattern.FindStringSubmatch(rel.Name)
	if found == nil {
		return false
	}
	names, known := a.of[found[1]]
	if !known {
		names = make(map[addr.Relation]bool, len(a.relations))
		for _, r := range a.relations {
			names[a.folded(asideName(r, found[1], a.caps))] = true
		}
		a.of[found[1]] = names
	}
	return names[a.folded(rel)]
}

// folded is the same for names that are the same to the warehouse.
func (a *Asides) folded(rel addr.Relation) addr.Relation {
	if !a.caps.FoldsCase {
		return rel
	}
	return addr.Relation{Database: strings.ToLower(rel.Database), Schema: strings.ToLower(rel.Schema), Name: strings.ToLower(rel.Name)}
}

// asideName is «_engine_<purpose>__<name>» in rel's schema, fitted.
func asideName(rel addr.Relation, purpose string, caps warehouse.Caps) addr.Relation {
	rel.Name = FitName("_engine_"+purpose+"__"+rel.Name, caps)
	return rel
}

// FitName is name, or, when the warehouse does not allow names that long, the beginning of
// name followed by a hash of all of it.
func FitName(name string, caps warehouse.Caps) string {
	limit := caps.MaxIdentifier
	if limit <= 0 || len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:8])
	return cut(name, limit-len(hash)) + hash
}

// cut is the longest prefix of s of at most n bytes that splits no rune.
func cut(s string, n int) string {
	n = min(max(n, 0), len(s))
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
