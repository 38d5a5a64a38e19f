package lookml

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"
)

// Sort of a Change.
type Sort string

// Sorts of changes.
const (
	Create Sort = "create" // there is no such file
	Update Sort = "update" // it has other text
	Remove Sort = "remove" // nothing makes it any more
	Frame  Sort = "frame"  // a refinement to fill in
)

// Change is what has to be done to one file of a folder.
type Change struct {
	Sort Sort   `json:"change"`
	Path string `json:"path"`
	Text []byte `json:"-"` // nil of Remove
}

// Ours reports whether the text of a file is a generated one.
func Ours(text []byte) bool { return bytes.HasPrefix(text, []byte(Header+" ")) }

// Compare says how a folder gets to be what out has, by path. found are the files below it by
// slash-separated path; frames that are missing are made if asked, and never changed. foreign
// are files that stand where a generated one has to be, without being ours: with any, nothing
// should be done. Files of others elsewhere are left alone.
func Compare(out Output, generated string, found map[string][]byte, frames bool) (changes []Change, foreign []string) {
	made := map[string]bool{}
	// Some file systems have one file for two cases of a name.
	byFold := map[string]string{}
	for name := range found {
		byFold[strings.ToLower(name)] = name
	}
	for _, f := range out.Files {
		made[f.Path] = true
		there, ok := byFold[strings.ToLower(f.Path)]
		switch old := found[there]; {
		case !ok:
			changes = append(changes, Change{Create, f.Path, f.Text})
		case !Ours(old):
			foreign = append(foreign, there)
		case there != f.Path:
			changes = append(changes, Change{Remove, there, nil}, Change{Create, f.Path, f.Text})
		case !bytes.Equal(old, f.Text):
			changes = append(changes, Change{Update, f.Path, f.Text})
		}
		made[there] = true
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if path.Dir(name) == generated && !made[name] && (strings.HasSuffix(name, ".view.lkml") || strings.HasSuffix(name, ".explore.lkml")) && Ours(found[name]) {
			changes = append(changes, Change{Remove, name, nil})
		}
	}
	if frames {
		for _, f := range out.Frames {
			if _, there := byFold[strings.ToLower(f.Path)]; !there {
				changes = append(changes, Change{Frame, f.Path, f.Text})
			}
		}
	}
	// A file that goes away makes place for one that comes.
	slices.SortStableFunc(changes, func(a, b Change) int {
		if (a.Sort == Remove) != (b.Sort == Remove) {
			if a.Sort == Remove {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Path, b.Path)
	})
	return changes, foreign
}
