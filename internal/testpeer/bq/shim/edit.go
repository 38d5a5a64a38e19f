package shim

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// edit replaces source[start:end] by text.
type edit struct {
	start, end int
	text       string
}

// edited is source text with changes, able to say where a position of the result stood.
type edited struct {
	src   string
	out   string
	spans []span
}

// span is a run of the result that was copied (or, with length 0 in the source, put in).
type span struct{ out, src, length int }

// apply makes the changes; they must not overlap.
func apply(src string, edits []edit) edited {
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b edit) int { return a.start - b.start })
	e := edited{src: src}
	var b strings.Builder
	at := 0
	for _, ed := range edits {
		e.spans = append(e.spans, span{b.Len(), at, ed.start - at})
		b.WriteString(src[at:ed.start])
		e.spans = append(e.spans, span{b.Len(), ed.start, 0})
		b.WriteString(ed.text)
		at = ed.end
	}
	e.spans = append(e.spans, span{b.Len(), at, len(src) - at})
	b.WriteString(src[at:])
	e.out = b.String()
	return e
}

// source returns the place in the source of a place in the result. What was put in stands
// where it replaced something.
func (e edited) source(line, col int) (int, int) {
	if e.src == e.out {
		return line, col
	}
	off := offsetOf(e.out, line, col)
	for i := len(e.spans) - 1; i >= 0; i-- {
		s := e.spans[i]
		if off >= s.out {
			return lineCol(e.src, min(s.src+min(off-s.out, s.length), len(e.src)))
		}
	}
	return line, col
}

// tabWidth is how far GoogleSQL counts a tab: to the next multiple of eight.
const tabWidth = 8

// lineCol returns the position of an offset as GoogleSQL counts: from 1, in characters, tabs
// expanded.
func lineCol(src string, off int) (line, col int) {
	before := src[:min(off, len(src))]
	line = 1 + strings.Count(before, "\n")
	for _, r := range before[strings.LastIndex(before, "\n")+1:] {
		if r == '\t' {
			col += tabWidth - col%tabWidth
		} else {
			col++
		}
	}
	return line, col + 1
}

// offsetOf is the inverse of lineCol.
func offsetOf(src string, line, col int) int {
	off := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(src[off:], '\n')
		if i < 0 {
			return len(src)
		}
		off += i + 1
	}
	c := 0
	for i, r := range src[off:] {
		if c+1 >= col || r == '\n' {
			return off + i
		}
		if r == '\t' {
			c += tabWidth - c%tabWidth
		} else {
			c++
		}
	}
	return len(src)
}

var at = regexp.MustCompile(`\s*\[at (\d+):(\d+)\]`)

// relocate writes the positions of an emulator's message for the source, in the service's
// form « at [line:column]».
func (e edited) relocate(message string) string {
	return at.ReplaceAllStringFunc(message, func(m string) string {
		g := at.FindStringSubmatch(m)
		line, _ := strconv.Atoi(g[1]) // digits
		col, _ := strconv.Atoi(g[2])
		line, col = e.source(line, col)
		return " at [" + strconv.Itoa(line) + ":" + strconv.Itoa(col) + "]"
	})
}

// tableWords stand before a table's name.
var tableWords = []string{"FROM", "JOIN", "USING", ",", "INTO", "UPDATE", "MERGE", "TABLE", "DELETE", "INSERT", "("}

// qualify returns the edits that write every table name in full, because the emulator takes
// a table of any project or dataset for a name that is not, and those that put the rows of
// INFORMATION_SCHEMA in. skip are edits that are already there.
func (s *Server) qualify(ctx context.Context, src, project, dataset string, skip []edit) ([]edit, *apiError) {
	toks := lex(src)
	ctes := commonTables(toks)
	var out []edit
	for i := 0; i < len(toks); {
		inside := slices.ContainsFunc(skip, func(e edit) bool { return toks[i].start >= e.start && toks[i].start < e.end })
		if inside || !toks[i].name() || i > 0 && toks[i-1].is(".") {
			i++
			continue
		}
		p := &parser{src: src, toks: toks, i: i}
		path, err := p.path()
		if err != nil || p.i <= i {
			i++
			continue
		}
		first, last := toks[i], toks[p.i-1]
		call := p.i < len(toks) && toks[p.i].is("(")
		if view, _ := systemPath(path); view != "" {
			rows, err := s.systemRows(ctx, path, project, dataset)
			if err != nil {
				return nil, err
			}
			if p.i >= len(toks) || !(toks[p.i].is("AS") || toks[p.i].name() && !reservedAfterTable[strings.ToUpper(toks[p.i].text)]) {
				rows += " AS " + view
			}
			out = append(out, edit{first.start, last.end, rows})
			i = p.i
			continue
		}
		after := i > 0 && slices.ContainsFunc(tableWords, toks[i-1].is)
		before := i
		i = p.i
		if !after || call && !toks[before-1].is("INTO") && !toks[before-1].is("INSERT") || len(path) > 3 {
			continue
		}
		if len(path) == 1 {
			if ctes[strings.ToLower(path[0])] || toks[before-1].is("(") || toks[before-1].is(",") && dataset == "" {
				continue
			}
			if dataset == "" {
				if from := toks[before-1]; (from.is("FROM") || from.is("JOIN")) && !(before > 1 && toks[before-2].is("DISTINCT")) && s.anyTable(path[0]) {
					line, col := lineCol(src, first.start)
					return nil, invalidQuery("Table %q must be qualified with a dataset (e.g. dataset.table). at [%d:%d]", path[0], line, col)
				}
				continue
			}
		}
		ref, err := s.resolve(path, project, dataset)
		if err != nil || s.dataset(ref.ProjectId, ref.DatasetId) == nil {
			continue
		}
		if len(path) == 1 && s.table(ref) == nil {
			continue
		}
		if full := quoted(ref); src[first.start:last.end] != full {
			out = append(out, edit{first.start, last.end, full})
		}
	}
	return out, nil
}

// commonTables are the names that WITH defines somewhere in the statement.
func commonTables(toks []token) map[string]bool {
	out := map[string]bool{}
	for i := 0; i+2 < len(toks); i++ {
		if toks[i].name() && toks[i+1].is("AS") && toks[i+2].is("(") {
			out[strings.ToLower(toks[i].text)] = true
		}
	}
	return out
}

// anyTable reports whether some dataset has a table of the name.
func (s *Server) anyTable(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projects {
		for _, d := range p.datasets {
			if d.tables[name] != nil {
				return true
			}
		}
	}
	return false
}

// full is the text with its names written in full, where positions do not matter.
func (s *Server) full(ctx context.Context, src, project, dataset string) (string, *apiError) {
	edits, err := s.qualify(ctx, src, project, dataset, nil)
	if err != nil {
		return "", err
	}
	return apply(src, edits).out, nil
}
