package tenant

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

var customerName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// SchemaSet are the schemas of one customer.
type SchemaSet struct {
	// Main is where the customer reads. Tables is where models' tables lie: Main, or where
	// the customer reads an older contract than the newest, a schema of which Main has views.
	Main, Tables string
	Lakes        map[string]string // by source
	// Workspace is where the customer makes relations of its own; empty: it has none.
	Workspace string
}

// All are the schemas that the engine fills, Main first; the workspace is not among them.
func (s SchemaSet) All() []string {
	out := []string{s.Main}
	if s.Tables != s.Main {
		out = append(out, s.Tables)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Lakes)) {
		out = append(out, s.Lakes[name])
	}
	return out
}

// Schemas names the schemas of a customer who gets tables of the given sources, where
// newest is the version of the newest contract.
func Schemas(d *project.Distribution, c Customer, sources []string, newest int) SchemaSet {
	fill := func(template, source string) string {
		return strings.NewReplacer("{customer}", c.Name, "{source}", source).Replace(template)
	}
	s := SchemaSet{Main: fill(d.CustomerSchema.V, ""), Lakes: map[string]string{}}
	s.Tables = s.Main
	if c.Contract != newest {
		s.Tables = fmt.Sprintf("%s_v%d", s.Main, newest)
	}
	for _, name := range sources {
		s.Lakes[name] = fill(d.LakeSchema.V, name)
	}
	if d.Workspace.V == project.Separate || d.Workspace.V == "" && len(c.Principals) > 0 {
		s.Workspace = fill(d.WorkspaceSchema.V, "")
	}
	return s
}

// Reserved are the schemas of a program's own relations, which no customer can have.
func Reserved(p *compile.Program) []string {
	have := map[string]bool{"_engine": true, p.Target.Schema: true}
	for _, n := range p.Nodes {
		if !n.Relation.IsZero() {
			have[n.Relation.Schema] = true
		}
	}
	return slices.Sorted(maps.Keys(have))
}

// sourcesOf are the sources of which a customer gets tables, sorted.
func sourcesOf(rules []Rule, customer string) []string {
	var out []string
	for _, r := range rules {
		if r.Source != "" && r.For(customer) && !slices.Contains(out, r.Source) {
			out = append(out, r.Source)
		}
	}
	slices.Sort(out)
	return out
}

// For reports whether a customer gets anything of it.
func (r *Rule) For(customer string) bool {
	return r.Only == nil || slices.Contains(r.Only, customer)
}

// checkSchemas finds names of schemas that two would share, that the project has itself,
// or that are too long. Names that differ only in case are one name.
func checkSchemas(d *project.Distribution, customers []Customer, o Options) diag.List {
	var list diag.List
	type holder struct {
		what string
		at   source.Span
	}
	taken := map[string]holder{strings.ToLower(d.WorkshopSchema.V): {"workshop_schema", d.WorkshopSchema.At}}
	for _, name := range o.Reserved {
		if first, ok := taken[strings.ToLower(name)]; ok && first.what == "workshop_schema" {
			list.Add(diag.Diagnostic{Code: codeCustomerSchema, Message: fmt.Sprintf("workshop_schema %q is a schema of the project", name), At: placeOf(first.at, d.At), Help: "choose a name that nothing else has: what is in it is removed by every run"})
		}
		taken[strings.ToLower(name)] = holder{what: "the project itself"}
	}
	for _, name := range sourcesOfAll(o.Rules) {
		if !customerName.MatchString("x" + name) {
			list.Add(diag.Diagnostic{Code: codeCustomerSchema, Message: fmt.Sprintf("source %q cannot be part of the name of a schema", name), At: placeOf(d.LakeSchema.At, d.At), Help: "rename the source with a-z, 0-9 and _; its schema in the warehouse can stay"})
		}
	}
	bySources := map[string][]string{}
	newest := newestOf(o.Contracts)
	for _, c := range customers {
		sources := sourcesOf(o.Rules, c.Name)
		bySources[c.Name] = sources
		set := Schemas(d, c, sources, newest)
		all := set.All()
		if set.Workspace != "" {
			all = append(all, set.Workspace)
		}
		for _, name := range all {
			if limit := o.Caps.MaxIdentifier; limit > 0 && len(name) > limit {
				list.Add(diag.Diagnostic{Code: codeCustomerSchema, Message: fmt.Sprintf("schema %q of customer %q has %d bytes, and the warehouse allows %d", name, c.Name, len(name), limit), At: placeOf(c.At, d.At), Help: "shorten the customer's name or the template of the schema"})
			}
			first, ok := taken[strings.ToLower(name)]
			if ok {
				list.Add(diag.Diagnostic{Code: codeCustomerSchema, Message: fmt.Sprintf("schema %q of customer %q is that of %s, too", name, c.Name, first.what), At: placeOf(c.At, d.At), Labels: labels(first.at, "the other one"),
					Help: "rename one of them, or tell the templates apart: lake_schema: \"dl_{customer}__{source}\""})
				continue
			}
			taken[strings.ToLower(name)] = holder{fmt.Sprintf("customer %q", c.Name), c.At}
		}
	}
	return list
}

func placeOf(at, otherwise source.Span) source.Span {
	if at.IsZero() {
		return otherwise
	}
	return at
}

func sourcesOfAll(rules []Rule) []string {
	have := map[string]bool{}
	for _, r := range rules {
		if r.Source != "" {
			have[r.Source] = true
		}
	}
	return slices.Sorted(maps.Keys(have))
}

// letters are those that have no decomposition into a plain letter and marks.
var letters = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "ł", "l", "þ", "th", "ı", "i")

// Slug makes a name of a-z, 0-9 and _ of any text: letters lose their marks, runs of
// everything else become one _. It is empty where nothing is left.
func Slug(text string) string {
	var b strings.Builder
	gap := false
	for _, r := range letters.Replace(strings.ToLower(norm.NFKD.String(text))) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		default:
			gap = true
		}
	}
	return b.String()
}

// short is a hash of eight hex digits.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// cut shortens a name to what the warehouse allows, and keeps it apart from others.
func cut(name string, caps warehouse.Caps) string {
	limit := caps.MaxIdentifier
	if limit == 0 || len(name) <= limit {
		return name
	}
	tail := "_" + short(name)
	return strings.TrimRight(name[:max(limit-len(tail), 0)], "_") + tail
}
