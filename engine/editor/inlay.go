package editor

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

// InlayKind is the sort of an Inlay.
type InlayKind string

// The sorts: the type of a column, and the columns that a star stands for.
const (
	InlayType    InlayKind = "type"
	InlayColumns InlayKind = "columns"
)

// Inlay is a short note that is shown within a text.
type Inlay struct {
	At   int // it is shown in front of this byte
	Text string
	Kind InlayKind
	// Doc is all there is to say, as Markdown, where Text is not.
	Doc string
}

// Inlays are the notes within the bytes [from, to) of a file, by place: behind the items of
// select lists their types, as far as they are known, and behind a star its columns.
func (v *View) Inlays(path string, from, to int) []Inlay {
	f, ok := v.File(path)
	if !ok || sortOf(path) != sqlFile {
		return nil
	}
	text := string(f.Data)
	s := scan(v.names(), tokenize(text, v.lexisOf(path), nil))
	node := v.made(path, s)
	var out []Inlay
	for _, sel := range s.selections {
		// Of EXISTS (select 1 …) nobody wants to know.
		var exact []column
		if node != nil && sel.within == nil && sel.outer == nil {
			if columns := v.names().columnsOf(node); len(columns) == len(sel.columns) {
				exact = columns
			}
		}
		n := 0 // of the columns
		for _, it := range sel.items {
			if it.star {
				list := s.star(sel, it)
				n += len(list)
				end := s.list[it.end-1].end
				if len(list) > 0 && end >= from && end < to {
					out = append(out, Inlay{At: end, Text: "→ " + starText(list), Kind: InlayColumns, Doc: columnList(list)})
				}
				continue
			}
			end := s.list[it.end-1].end
			if end < from || end >= to && end != len(text) {
				n++
				continue
			}
			typ := ""
			if n < len(exact) && (it.name == "" || strings.EqualFold(exact[n].name, it.name)) {
				typ = exact[n].typ
			}
			if typ == "" && n < len(sel.columns) {
				typ = sel.columns[n].typ
			}
			n++
			if typ != "" {
				i := Inlay{At: end, Text: typ, Kind: InlayType}
				if r := []rune(typ); len(r) > 32 {
					i.Text, i.Doc = string(r[:31])+"…", "`"+typ+"`"
				}
				out = append(out, i)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Inlay) int { return cmp.Compare(a.At, b.At) })
	return out
}

// made is the node whose columns a text makes, where it is as it was compiled.
func (v *View) made(path string, s *scopes) *compile.Node {
	n, ok := v.Node(path)
	if !ok || n.Unanalyzed != "" || n.Closure != nil || n.ID.Kind == addr.Snapshot {
		return nil
	}
	return n
}

// starText are the first columns of a star.
func starText(list []column) string {
	var names []string
	size := 0
	for i, c := range list {
		if size += len(c.name) + 2; i > 0 && size > 48 {
			names = append(names, "…")
			break
		}
		names = append(names, cmp.Or(c.name, "?"))
	}
	text := strings.Join(names, ", ")
	if len(list) > len(names)-1 && names[len(names)-1] == "…" {
		text += " (" + columnCount(len(list)) + ")"
	}
	return text
}
