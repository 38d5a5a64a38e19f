package dbt

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
)

// What the engine's reader reports of a properties file that dbt takes: dbt ignores keys that it
// does not know, takes any key below config, and only warns of properties of nothing.
const (
	ignoredKey     diag.Code = "key-unknown"
	foreignKey     diag.Code = "key-unsupported"
	misplacedKey   diag.Code = "key-misplaced"
	customKey      diag.Code = "config-unknown"
	unmatchedProps diag.Code = "props-unmatched"
)

// Mend changes properties files of the new project by what its reader reports of them. Keys that
// a project has made up for config go below meta, where the engine has such things; what has no
// use here becomes a comment, with a note. It says whether anything was changed; the reader then
// may see more.
func (p *Project) Mend(found diag.List) bool {
	byFile := map[string]diag.List{}
	for _, d := range found {
		switch d.Code {
		case ignoredKey, foreignKey, misplacedKey, customKey, unmatchedProps:
			if d.At.File != nil && bytes.Equal(p.Files[d.At.File.Path], d.At.File.Data) && d.At.File.Path != settingsFile {
				byFile[d.At.File.Path] = append(byFile[d.At.File.Path], d)
			}
		}
	}
	changed := false
	for _, name := range slices.Sorted(maps.Keys(byFile)) {
		data, notes := mended(p.Files[name], byFile[name])
		if !bytes.Equal(data, p.Files[name]) {
			p.Files[name], changed = data, true
			p.Notes.Add(notes...)
		}
	}
	p.Notes = p.Notes.Sorted()
	return changed
}

// settingsFile is the engine's own.
const settingsFile = "engine.yml"

// place is where a node stands: the mapping or list around it, and its position in there.
type place struct {
	in  *yaml.Node
	at  int // of the key in a mapping, of the item in a list
	out *place
}

// mender mends one file.
type mender struct {
	data  []byte
	lines []int
	// gone are pairs of mappings, by their keys, and items of lists that become comments.
	gone map[*yaml.Node]bool
	// custom are pairs below config that go below meta, by the mapping of config.
	custom map[*yaml.Node][]*yaml.Node
	// silent are those of gone that decide nothing here: they go, and there is no note.
	silent map[*yaml.Node]bool
	notes  diag.List
}

func mended(data []byte, found diag.List) ([]byte, diag.List) {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil || len(root.Content) != 1 {
		return data, nil
	}
	m := &mender{data: data, lines: lineStarts(data), gone: map[*yaml.Node]bool{}, custom: map[*yaml.Node][]*yaml.Node{}, silent: map[*yaml.Node]bool{}}
	byOffset := map[int]diag.Diagnostic{}
	for _, d := range found {
		byOffset[d.At.Start] = d
	}
	var walk func(n *yaml.Node, at *place)
	walk = func(n *yaml.Node, at *place) {
		for i := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				continue
			}
			here, key := &place{n, i, at}, n.Content[i]
			if n.Kind != yaml.MappingNode {
				if key.Kind != yaml.AliasNode {
					walk(key, here)
				}
				continue
			}
			value := n.Content[i+1]
			d, ok := byOffset[m.offset(key)]
			switch {
			case ok && (d.Code == customKey || d.Code == foreignKey) && slices.Contains(useless, key.Value):
				m.silent[key] = true
				m.leave(here, d)
			case ok && d.Code == customKey:
				m.custom[n] = append(m.custom[n], key)
			case ok && d.Code != unmatchedProps:
				m.leave(here, d)
			case key.Value == "name" && at != nil && at.in.Kind == yaml.SequenceNode:
				if d, ok := byOffset[m.offset(value)]; ok && d.Code == unmatchedProps {
					m.leave(at, d)
					return
				}
			}
			if value.Kind != yaml.AliasNode && !m.gone[key] {
				walk(value, here)
			}
		}
	}
	walk(root.Content[0], nil)
	var edits []edit
	m.comments(root.Content[0], &edits)
	for _, config := range slices.SortedFunc(maps.Keys(m.custom), func(a, b *yaml.Node) int { return m.offset(a) - m.offset(b) }) {
		edits = append(edits, m.meta(config)...)
	}
	// Edits of one round do not touch one another: what overlaps is left to the next.
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var apart []edit
	for _, e := range edits {
		if len(apart) == 0 || e.start >= apart[len(apart)-1].end {
			apart = append(apart, e)
		}
	}
	out := applied(data, apart)
	var check yaml.Node
	if yaml.Unmarshal(out, &check) != nil {
		return data, nil // an unusual layout: the reader's own report stays
	}
	return out, m.notes
}

// leave makes a comment of a pair or an item, and of what is empty without it.
func (m *mender) leave(p *place, d diag.Diagnostic) {
	why := d.Message
	if key := p.in.Content[p.at]; m.silent[key] {
		m.without(p)
		return
	}
	if d.Help != "" && d.Code != unmatchedProps && d.Code != ignoredKey {
		why += ": " + d.Help
	}
	m.notes.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeUnconverted, Message: why + "; it is a comment now", At: d.At})
	m.without(p)
}

// without marks a pair or an item, and what is empty without it.
func (m *mender) without(p *place) {
	silent := m.silent[p.in.Content[p.at]]
	for ; p != nil; p = p.out {
		m.silent[p.in.Content[p.at]] = silent
		m.gone[p.in.Content[p.at]] = true
		step := 1
		if p.in.Kind == yaml.MappingNode {
			step = 2
		}
		for i := 0; i < len(p.in.Content); i += step {
			if !m.gone[p.in.Content[i]] {
				return
			}
		}
	}
}

func (m *mender) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(m.lines) {
		return -1
	}
	return m.lines[n.Line-1] + column(m.data[m.lines[n.Line-1]:], n.Column)
}

// comments writes the edits for everything that is gone, outermost first.
func (m *mender) comments(n *yaml.Node, edits *[]edit) {
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	for i := 0; i+step-1 < len(n.Content); i += step {
		if !m.gone[n.Content[i]] {
			if last := n.Content[i+step-1]; last.Kind != yaml.AliasNode {
				m.comments(last, edits)
			}
			continue
		}
		if n.Style&yaml.FlowStyle != 0 {
			*edits = append(*edits, m.withoutFlow(n)...)
			return
		}
		*edits = append(*edits, m.comment(n, i, step)...)
	}
}

// comment makes a comment of a pair or an item in block style.
func (m *mender) comment(n *yaml.Node, i, step int) []edit {
	start := m.offset(n.Content[i])
	first := m.lines[n.Content[i].Line-1]
	if n.Kind == yaml.SequenceNode {
		dash := bytes.LastIndexByte(m.data[first:start], '-')
		if dash < 0 {
			return nil
		}
		start = first + dash
	}
	indent := start - first
	end := m.blockEnd(n.Content[i].Line-1, indent, n.Kind == yaml.MappingNode)
	text := m.data[first:end]
	if strings.TrimSpace(string(m.data[first:start])) == "" && m.silent[n.Content[i]] {
		return []edit{{first, end, ""}}
	}
	if strings.TrimSpace(string(m.data[first:start])) == "" {
		return []edit{{first, end, commented(string(text), indent)}}
	}
	// The first pair of a list's item: the next one takes its place behind the dash.
	if i+step >= len(n.Content) {
		return nil
	}
	next := m.offset(n.Content[i+step])
	if next < start || next-m.lines[n.Content[i+step].Line-1] != indent {
		return nil
	}
	gone := strings.Repeat(" ", indent) + string(m.data[start:next])
	return []edit{{first, first, commented(strings.TrimRight(gone, " \t\r\n")+"\n", indent)}, {start, next, ""}}
}

// blockEnd is the end of the block whose first line is given by its number, from 0: lines that
// are indented more belong to it, and items of a list below a key that stand as far left.
func (m *mender) blockEnd(line, indent int, isPair bool) int {
	end := m.lineEnd(line)
	for l := line + 1; l < len(m.lines); l++ {
		text := m.data[m.lines[l]:m.lineEnd(l)]
		bare := bytes.TrimLeft(text, " ")
		depth := len(text) - len(bare)
		switch {
		case len(bytes.TrimSpace(bare)) == 0:
			continue
		case depth > indent, isPair && depth == indent && bytes.HasPrefix(bare, []byte("- ")):
			end = m.lineEnd(l)
		default:
			return end
		}
	}
	return end
}

// lineEnd is the end of a line, behind its line break.
func (m *mender) lineEnd(line int) int {
	if line+1 < len(m.lines) {
		return m.lines[line+1]
	}
	return len(m.data)
}

func commented(text string, indent int) string {
	var b strings.Builder
	for _, line := range strings.SplitAfter(text, "\n") {
		if strings.TrimSpace(line) == "" {
			b.WriteString(line)
			continue
		}
		n := min(indent, len(line)-len(strings.TrimLeft(line, " ")))
		b.WriteString(line[:n] + "# " + line[n:])
	}
	return b.String()
}

// withoutFlow writes a mapping or a list between brackets anew, without what is gone.
func (m *mender) withoutFlow(n *yaml.Node) []edit {
	kept := *n
	kept.Content = nil
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	for i := 0; i+step-1 < len(n.Content); i += step {
		if !m.gone[n.Content[i]] {
			kept.Content = append(kept.Content, n.Content[i:i+step]...)
		}
	}
	return m.flow(n, &kept)
}

func (m *mender) flow(old, made *yaml.Node) []edit {
	start := m.offset(old)
	end, ok := flowEnd(m.data, start)
	setStyle(made)
	text, err := yaml.Dump(made, yaml.WithLineWidth(-1))
	if !ok || err != nil {
		return nil
	}
	return []edit{{start, end, strings.TrimSpace(string(text))}}
}

// flowEnd is the end of what is between brackets.
func flowEnd(data []byte, start int) (int, bool) {
	depth := 0
	for i := start; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		case '"', '\'':
			if i > 0 && strings.IndexByte(" ,[{:\n\t", data[i-1]) >= 0 {
				end, ok := scalarEnd(data, i)
				if !ok {
					return 0, false
				}
				i = end - 1
			}
		}
	}
	return 0, false
}

// meta moves keys of config below its meta.
func (m *mender) meta(config *yaml.Node) []edit {
	keys := m.custom[config]
	had := get(config, "meta")
	if config.Style&yaml.FlowStyle != 0 || had != nil && (had.Kind != yaml.MappingNode || had.Style&yaml.FlowStyle != 0) {
		made := *config
		made.Content = nil
		inner := &yaml.Node{Kind: yaml.MappingNode}
		if had != nil {
			inner.Content = slices.Clone(had.Content)
		}
		for i := 0; i+1 < len(config.Content); i += 2 {
			switch key := config.Content[i]; {
			case slices.Contains(keys, key):
				inner.Content = append(inner.Content, key, config.Content[i+1])
			case key.Value != "meta":
				made.Content = append(made.Content, key, config.Content[i+1])
			}
		}
		made.Content = append(made.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "meta"}, inner)
		if config.Style&yaml.FlowStyle != 0 {
			return m.flow(config, &made)
		}
		if had.Kind != yaml.MappingNode { // nothing, or no mapping: the reader's to report
			return nil
		}
		edits := m.flow(had, inner)
		for _, key := range keys {
			first, end := m.linesOf(key)
			edits = append(edits, edit{first, end, ""})
		}
		return edits
	}
	var moved strings.Builder
	var edits []edit
	indent, more := config.Content[0].Column-1, "  "
	if had != nil && len(had.Content) > 0 {
		more = strings.Repeat(" ", max(had.Content[0].Column-1-indent, 0))
	}
	for _, key := range keys {
		first, end := m.linesOf(key)
		for _, line := range strings.SplitAfter(string(m.data[first:end]), "\n") {
			if strings.TrimSpace(line) != "" {
				line = more + line
			}
			moved.WriteString(line)
		}
		if end > first && m.data[end-1] != '\n' {
			moved.WriteString("\n")
		}
		edits = append(edits, edit{first, end, ""})
	}
	if had != nil && len(had.Content) > 0 {
		at := m.lines[had.Content[0].Line-1]
		return append(edits, edit{at, at, moved.String()})
	}
	edits[0].text = strings.Repeat(" ", indent) + "meta:\n" + moved.String()
	return edits
}

// linesOf are the lines of a pair in block style.
func (m *mender) linesOf(key *yaml.Node) (start, end int) {
	return m.lines[key.Line-1], m.blockEnd(key.Line-1, key.Column-1, true)
}

// withoutMissing keeps the folders that have files in the new project.
func (im *importer) withoutMissing(folders []string) (out []string) {
	for _, f := range folders {
		f = path.Clean(f)
		for name := range im.out.Files {
			if strings.HasPrefix(name, f+"/") || f == "." {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// ignoredBy says what .dbtignore leaves out, whose lines are patterns as git has them.
func ignoredBy(data []byte) func(string) bool {
	type rule struct {
		parts    []string
		anywhere bool
		keep     bool
	}
	var rules []rule
	for line := range strings.SplitSeq(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line, keep := strings.CutPrefix(line, "!")
		bare := strings.TrimSuffix(line, "/")
		anywhere := !strings.Contains(bare, "/")
		rules = append(rules, rule{strings.Split(strings.TrimPrefix(bare, "/"), "/"), anywhere, keep})
	}
	return func(p string) bool {
		parts, out := strings.Split(p, "/"), false
		for _, r := range rules {
			hit := matches(r.parts, parts)
			for i := 1; r.anywhere && i < len(parts) && !hit; i++ {
				hit = matches(r.parts, parts[i:])
			}
			if hit {
				out = !r.keep
			}
		}
		return out
	}
}

// matches says whether a path, or a folder that it is in, has the pattern.
func matches(pattern, parts []string) bool {
	switch {
	case len(pattern) == 0:
		return true
	case pattern[0] == "**":
		for i := range len(parts) + 1 {
			if matches(pattern[1:], parts[i:]) {
				return true
			}
		}
		return false
	case len(parts) == 0:
		return false
	}
	ok, err := path.Match(pattern[0], parts[0])
	return err == nil && ok && matches(pattern[1:], parts[1:])
}

// noted is a note of configuration that the engine knows, and has no use for.
func noted(key, help string) string {
	return fmt.Sprintf("config %q of dbt has no counterpart: %s", key, help)
}
