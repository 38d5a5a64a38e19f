package definition

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/warehouse/google"
)

// Of gives the definitions of all that a program has. version is the engine's own.
func Of(p *compile.Program, version string) *Set {
	b := newBuilder(p)
	out := &Set{Format: Format, Engine: version, Project: p.Project.Settings.Name.V, Target: p.Target.Name, Type: p.Target.Type,
		Nodes: make(map[addr.Node]Node, len(p.Order)+len(p.Tests)+len(p.UnitTests)+len(p.Exposures))}
	made := make([]Node, len(p.Order))
	var wait sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), max(1, len(p.Order)/64))
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(p.Order); i += workers {
				made[i] = b.node(p.Nodes[p.Order[i]])
			}
		})
	}
	wait.Wait()
	for i, id := range p.Order {
		out.Nodes[id] = made[i]
	}
	for _, t := range p.Tests {
		out.Nodes[t.ID] = b.test(t)
	}
	for _, t := range p.UnitTests {
		out.Nodes[t.ID] = Node{Text: t.Fingerprint, Parents: []addr.Node{t.Node}}
	}
	for _, e := range p.Exposures {
		out.Nodes[e.ID] = exposure(e)
	}
	return out
}

// builder holds what all nodes of a program need. It is read by many at once.
type builder struct {
	p         *compile.Program
	macros    map[string]string // hash of a macro with all that it includes
	functions []function
	shared    map[string]string // variables of all targets, as JSON
	// environment replaces values of environment variables by their names: they may be secret,
	// and they are not the project's.
	environment *strings.Replacer // nil: there are none
}

func (b *builder) masked(text string) string {
	if b.environment == nil {
		return text
	}
	return b.environment.Replace(text)
}

// shortest is the length of a value that is told from any other text, in bytes.
const shortest = 3

type function struct {
	name *regexp.Regexp
	hash string
}

func newBuilder(p *compile.Program) *builder {
	b := &builder{p: p, shared: map[string]string{}}
	b.macros = macroHashes(p.Project.Macros)
	b.functions = functionHashes(p.Project.Functions)
	for name, v := range p.Project.Settings.Vars {
		b.shared[name] = encode(v.V)
	}
	values := map[string]string{}
	for _, n := range p.Nodes {
		for name, v := range n.Vars {
			if text, ok := v.(string); ok && strings.HasPrefix(name, "env.") && len(text) >= shortest {
				if other, twice := values[text]; !twice || name < other {
					values[text] = name
				}
			}
		}
	}
	longest := slices.SortedFunc(maps.Keys(values), func(x, y string) int { return cmp.Or(len(y)-len(x), strings.Compare(x, y)) })
	pairs := make([]string, 0, 2*len(longest))
	for _, v := range longest {
		pairs = append(pairs, v, "{"+values[v]+"}")
		if inJSON := encode(v); inJSON[1:len(inJSON)-1] != v {
			pairs = append(pairs, inJSON[1:len(inJSON)-1], "{"+values[v]+"}") // configuration is masked as JSON
		}
	}
	if len(pairs) > 0 {
		b.environment = strings.NewReplacer(pairs...)
	}
	return b
}

func (b *builder) node(n *compile.Node) Node {
	out := Node{Relation: n.Relation, Materialized: n.Config.Materialized, Meaning: n.Meaning, Parents: n.Parents}
	if n.ID.Kind == addr.Source {
		return b.source(n, out)
	}
	if n.Seed != nil {
		out.Raw = n.Seed.Hash()
	} else {
		out.Raw = Checksum(n.File)
	}
	if n.Text != "" {
		named := b.named(n)
		out.Code = b.masked(named.apply(n.Text))
		lexis := lexisOf(n.Dialect)
		out.Text = hash(lexis.Canonical(out.Code), lexis.Canonical(b.masked(named.apply(n.IncrementalText))))
	}
	out.Macros = b.macrosOf(n)
	out.Functions = b.functionsOf(n)
	out.Vars = b.varsOf(n)
	out.Config = b.configOf(n.Raw)
	out.Place = &addr.Relation{Database: n.Config.Database, Schema: n.Config.Schema, Name: n.Config.Alias}
	out.Descriptions = descriptions(n)
	out.Contract = contract(n)
	for _, col := range n.Columns {
		out.Columns = append(out.Columns, Column{Name: col.Name, Type: col.Type})
	}
	return out
}

// renaming puts nodes in the place of relations: pairs of a text and what replaces it, longer
// texts first. What replaces them has no quotes, so that it is not replaced again.
type renaming [][2]string

func (r renaming) apply(text string) string {
	for _, p := range r {
		text = strings.ReplaceAll(text, p[0], p[1])
	}
	return text
}

// named replaces the names of relations that the text of n may have by those of their nodes.
func (b *builder) named(n *compile.Node) renaming {
	var pairs renaming
	seen := make([]addr.Node, 0, 1+len(n.Parents))
	quote := b.p.Target.Dialect.Quote
	if n.Dialect == project.GoogleSQL {
		quote = google.Spelling{}.Quote
	}
	add := func(id addr.Node, r addr.Relation) {
		if !r.IsZero() {
			pairs = append(pairs, [2]string{quote(r), "{" + id.String() + "}"})
		}
	}
	var visit func(id addr.Node)
	visit = func(id addr.Node) {
		x := b.p.Nodes[id]
		if x == nil || slices.Contains(seen, id) {
			return
		}
		seen = append(seen, id)
		at := b.p.ReadAt(id)
		add(id, at)
		if at != x.Relation {
			add(id, x.Relation)
		}
		if x.Config.Materialized == "ephemeral" || id == n.ID {
			for _, parent := range x.Parents {
				visit(parent)
			}
		}
	}
	visit(n.ID)
	// A source whose relation a node of the project makes has one name with it: the greater
	// of the two stays, always the same.
	slices.SortFunc(pairs, func(x, y [2]string) int {
		return cmp.Or(len(y[0])-len(x[0]), strings.Compare(x[0], y[0]), strings.Compare(y[1], x[1]))
	})
	return pairs
}

func (b *builder) source(n *compile.Node, out Node) Node {
	s := n.Source
	if s == nil {
		return out
	}
	columns := make([]string, 0, 2*len(s.Columns))
	for _, c := range s.Columns {
		columns = append(columns, c.Name.V, c.DataType.V)
		out.Columns = append(out.Columns, Column{Name: c.Name.V, Type: c.DataType.V})
	}
	out.Config = b.configOf(n.Raw)
	out.Config["loaded_at_field"] = encode(s.LoadedAt.V)
	if n.LoadedAtQuery != "" {
		out.Config["loaded_at_query"] = encode(n.LoadedAtQuery)
	}
	out.Config["columns"] = encode(columns)
	if f := s.Freshness; f != nil {
		out.Config["freshness"] = encode(fmt.Sprint(f.WarnAfter.Count, f.WarnAfter.Unit, f.ErrorAfter.Count, f.ErrorAfter.Unit, f.Filter))
	}
	out.Place = &addr.Relation{Database: s.Database.V, Schema: s.Schema.V, Name: s.Identifier.V}
	return out
}

func (b *builder) test(t *compile.Test) Node {
	lexis := sql.GoogleSQL
	if t.Config.Dialect != "" && t.Config.Dialect != project.GoogleSQL {
		lexis = sql.Standard
	}
	parts := []string{t.Kind, t.Node.String(), t.Column, lexis.Canonical(t.SQL),
		fmt.Sprint(t.Config.Severity, "\x00", t.Config.WarnIf, "\x00", t.Config.ErrorIf, "\x00", t.Config.Where, "\x00", t.Config.Limit, "\x00", t.Config.FailCalc)}
	for _, name := range slices.Sorted(maps.Keys(t.Args)) {
		parts = append(parts, name, fmt.Sprintf("%T %v", t.Args[name], t.Args[name]))
	}
	for _, p := range t.Parents {
		parts = append(parts, p.String())
	}
	return Node{Text: hash(parts...), Parents: t.Parents}
}

func exposure(e *compile.Exposure) Node {
	x := e.Props
	parts := []string{x.Label, x.Type.V, x.URL, x.Maturity.V, x.Description, x.OwnerName, x.OwnerEmail, encode(x.Meta)}
	for _, p := range e.Parents {
		parts = append(parts, p.String())
	}
	return Node{Text: hash(parts...), Parents: e.Parents}
}

func lexisOf(dialect string) sql.Lexis {
	if dialect == project.GoogleSQL || dialect == "bigquery" {
		return sql.GoogleSQL
	}
	return sql.Standard
}

// Checksum is dbt's checksum of a file of SQL: that of its text without white space around
// it, each run of white space within counting as one space. Empty without a file.
func Checksum(f *source.File) string {
	if f == nil {
		return ""
	}
	code := strings.ToValidUTF8(strings.TrimSpace(string(f.Data)), "\uFFFD")
	folded := make([]byte, 0, len(code))
	for word := range strings.FieldsSeq(code) {
		if len(folded) > 0 {
			folded = append(folded, ' ')
		}
		folded = append(folded, word...)
	}
	sum := sha256.Sum256(folded)
	return hex.EncodeToString(sum[:])
}

// elsewhere are keys of configuration that do not change what is built, or that are
// compared as Place.
var elsewhere = []string{"database", "schema", "alias", "tags", "group", "owner", "tier"}

func (b *builder) configOf(raw project.Config) map[string]string {
	out := make(map[string]string, len(raw))
	for key, v := range raw {
		if !slices.Contains(elsewhere, key) {
			out[key] = b.masked(encode(v.V))
		}
	}
	return out
}

// encode gives one text per value: keys of maps are sorted.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T %v", v, v) // NaN, infinity
	}
	return string(b)
}

func descriptions(n *compile.Node) string {
	if !n.Config.PersistDocs {
		return ""
	}
	parts := []string{n.Description}
	for _, c := range slices.Concat(n.Columns, n.Fields) {
		if c.Description != "" {
			parts = append(parts, strings.ToLower(c.Name), c.Description)
		}
	}
	return hash(parts...)
}

// contract is what is declared of the shape of a node.
func contract(n *compile.Node) string {
	var parts []string
	for _, c := range n.Constraints {
		parts = append(parts, encode(struct {
			Type, To, Expression string
			Columns, ToColumns   []string
			Enforced             bool
		}{c.Type, c.To.Name, c.Expression, c.Columns, c.ToColumns, c.Enforced}))
	}
	if raw, ok := n.Raw["contract"]; ok && n.Props != nil {
		parts = append(parts, encode(raw.V))
		for _, c := range n.Props.Columns {
			parts = append(parts, strings.ToLower(c.Name.V), c.DataType.V, strconv.FormatBool(c.Protected.V))
		}
	}
	return hash(parts...)
}

// macroFile is what a file of macros defines and includes.
type macroFile struct {
	hash     string
	includes []string
}

var (
	defines  = regexp.MustCompile(`\bdefine\s+["` + "`" + `]([^"` + "`" + `]+)["` + "`" + `]`)
	includes = regexp.MustCompile(`\b(?:include|template)\s+["` + "`" + `]([^"` + "`" + `]+)["` + "`" + `]`)
)

// macroHashes gives each macro the hash of its file and of the files of all that it includes.
func macroHashes(files []*project.File) map[string]string {
	byName := map[string]*macroFile{}
	for _, f := range files {
		text := string(f.Source.Data)
		m := &macroFile{hash: hash(strings.Join(strings.Fields(text), " "))}
		for _, found := range includes.FindAllStringSubmatch(text, -1) {
			m.includes = append(m.includes, found[1])
		}
		byName[f.Name] = m
		for _, found := range defines.FindAllStringSubmatch(text, -1) {
			byName[found[1]] = m
		}
	}
	out := make(map[string]string, len(byName))
	for name := range byName {
		reached := map[*macroFile]bool{}
		var visit func(m *macroFile)
		visit = func(m *macroFile) {
			if m == nil || reached[m] {
				return
			}
			reached[m] = true
			for _, next := range m.includes {
				visit(byName[next])
			}
		}
		visit(byName[name])
		var hashes []string
		for m := range reached {
			hashes = append(hashes, m.hash)
		}
		slices.Sort(hashes)
		out[name] = hash(hashes...)
	}
	return out
}

func (b *builder) macrosOf(n *compile.Node) string {
	var parts []string
	for _, name := range n.Macros {
		parts = append(parts, name, b.macros[name])
	}
	return hash(parts...)
}

var functionName = regexp.MustCompile("(?is)\\bfunction\\s+(?:if\\s+not\\s+exists\\s+)?[`\\w.]*?`?(\\w+)`?\\s*\\(")

// functionHashes finds the functions of the project by name.
func functionHashes(files []*project.File) []function {
	var out []function
	for _, f := range files {
		text := string(f.Source.Data)
		sum := hash(sql.GoogleSQL.Canonical(text))
		for _, found := range functionName.FindAllStringSubmatch(text, -1) {
			out = append(out, function{name: regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(found[1]) + `\b`), hash: sum})
		}
	}
	return out
}

func (b *builder) functionsOf(n *compile.Node) string {
	var parts []string
	for _, f := range b.functions {
		if f.name.MatchString(n.Text) || f.name.MatchString(n.IncrementalText) {
			parts = append(parts, f.hash)
		}
	}
	slices.Sort(parts)
	return hash(slices.Compact(parts)...)
}

// varsOf is over the values that engine.yml gives the variables for all targets: those of a
// target or of the command line are not the project's.
func (b *builder) varsOf(n *compile.Node) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(n.Vars)) {
		if v, ok := b.shared[name]; ok {
			parts = append(parts, name, v)
		}
	}
	return hash(parts...)
}

func sortedKeys(ms ...map[string]string) []string {
	var out []string
	for _, m := range ms {
		out = slices.AppendSeq(out, maps.Keys(m))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
