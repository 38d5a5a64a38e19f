package audience

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/engine/addr"
)

// canary begins every text that must not come through, magic every number.
const (
	canary = "zqcanary"
	magic  = 1 << 60
)

// each calls f with every text and number below v that can be set, and the way to it.
func each(v reflect.Value, path string, f func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			each(v.Elem(), path, f)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			f(path, v)
			return
		}
		for i := range v.NumField() {
			each(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), path, f)
		}
	default:
		f(path, v)
	}
}

// always is what every audience sees of a node, and numbers and words that are no texts of
// users.
var always = []string{
	".ID.Name", ".ID.Kind", ".Label", ".Tone", ".Tier", ".Description", ".Grain", ".Access", ".Contract", ".Deprecated",
	".Version.Model", ".Version.Name", ".Version.Latest", ".Withheld", ".Parents", ".Children", ".Tests", ".Macros", ".Customers", ".ForAll",
	".Columns.Name", ".Columns.Type", ".Columns.Description", ".Columns.Constraints", ".Columns.Sensitive", ".Columns.Written", ".Columns.Tests",
	".Source.Name", ".Source.Description", ".Exposure.Type", ".Exposure.Maturity", ".Described", ".Status", ".Advice.Level", ".Advice.Text", ".Advice.Prefer",
	".Template.Links.From", ".Template.Links.To", ".Template.Links.Node", ".SQL.Links.From", ".SQL.Links.To", ".SQL.Links.Node",
}

// withFacet is what else a facet shows.
var withFacet = map[Facet][]string{
	SQL:       {".Template.Text", ".SQL.Text"},
	Paths:     {".Folder", ".File", ".YAML", ".Line"},
	Owners:    {".Owner", ".Group", ".Exposure.OwnerName", ".Exposure.Email"},
	Relations: {".Relation", ".Exposure.URL"},
	Settings:  {".Materialized", ".Facts.Name", ".Facts.Value", ".NoTypes", ".NoFlow", ".Source.Loader", ".Source.LoadedAt", ".Source.WarnAfter", ".Source.ErrorAfter", ".Seed.Format"},
	Tags:      {".Tags", ".Columns.Tags"},
	Meta:      {".Meta.Name", ".Meta.Value", ".Columns.Meta.Name", ".Columns.Meta.Value"},
	Tests:     {},
	Status:    {".Data.BuiltAt", ".Source.Loaded", ".Source.Checked", ".Source.Fresh"},
	Stats:     {".Data.Rows", ".Data.Bytes", ".Data.Partitioned", ".Data.Clustered", ".History.At", ".History.Took", ".History.Rows", ".History.Bytes", ".History.Billed", ".History.Slots", ".Seed.Size"},
	Profile: {".Columns.Profile.Rows", ".Columns.Profile.Nulls", ".Columns.Profile.Distinct", ".Columns.Profile.Sampled", ".Columns.Profile.Min", ".Columns.Profile.Max",
		".Columns.Profile.Top.Value", ".Columns.Profile.Top.Rows", ".Columns.Profile.At"},
	Samples: {}, Customers: {},
}

// poison puts canaries into whatever the audience must not see: all of hidden nodes, and of
// the others what no facet allows. Names of hidden nodes change everywhere.
func poison(c *content.Catalog, shown map[int]bool, show []Facet) {
	rename := []string{}
	mine := map[string]bool{}
	for i, n := range c.Nodes {
		if shown[i] {
			for _, name := range namesOf(n) {
				mine[name] = true
			}
		}
	}
	for i, n := range c.Nodes {
		if shown[i] {
			continue
		}
		for _, name := range []string{n.Relation, n.ID.Name, n.Label} {
			if strings.TrimSpace(name) != "" && len(name) > 3 && !mine[name] {
				rename = append(rename, name, fmt.Sprintf("%s_n%d", canary, i))
			}
		}
	}
	// Longer names first: one may begin another.
	pairs := [][2]string{}
	for i := 0; i < len(rename); i += 2 {
		pairs = append(pairs, [2]string{rename[i], rename[i+1]})
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return len(b[0]) - len(a[0]) })
	flat := []string{}
	for _, p := range pairs {
		flat = append(flat, p[0], p[1])
	}
	replace := strings.NewReplacer(flat...)
	each(reflect.ValueOf(c), "", func(path string, v reflect.Value) {
		// Texts that people write about other things than the one they stand at. A column or a
		// group may well be called like a hidden node: that is no leak.
		last := path[strings.LastIndexByte(path, '.')+1:]
		if v.Kind() == reflect.String && slices.Contains([]string{"Description", "Text", "Texts", "SQL", "Sentence", "Constraints", "Problem", "Problems", "NoTypes", "Value", "Grain"}, last) && !strings.Contains(path, ".Lakes") && !strings.Contains(path, ".Profile") {
			v.SetString(replace.Replace(v.String()))
		}
	})
	for _, t := range c.Tests {
		t.ID.Name = replace.Replace(t.ID.Name)
	}
	for i, n := range c.Nodes {
		if !shown[i] {
			n.ID.Name, n.Label, n.Relation = fmt.Sprintf("%s_n%d", canary, i), replace.Replace(n.Label), fmt.Sprintf("%s_schema.%s_n%d", canary, canary, i)
		}
	}
	allowed := slices.Clone(always)
	for _, f := range show {
		allowed = append(allowed, withFacet[f]...)
	}
	count := 0
	spoil := func(path string, v reflect.Value) {
		count++
		switch v.Kind() {
		case reflect.String:
			if v.Type() == reflect.TypeFor[string]() {
				v.SetString(v.String() + fmt.Sprintf(" %s_%d_%s", canary, count, strings.ReplaceAll(path, ".", "_")))
			}
		case reflect.Int64:
			v.SetInt(magic + int64(count))
		case reflect.Struct:
			if t, ok := v.Interface().(time.Time); ok && !t.IsZero() {
				v.Set(reflect.ValueOf(time.Date(3333, 1, 1, 0, 0, count, 0, time.UTC)))
			}
		}
	}
	for i, n := range c.Nodes {
		each(reflect.ValueOf(n), "", func(path string, v reflect.Value) {
			if !shown[i] && path != ".ID.Name" && path != ".ID.Kind" && path != ".Relation" && path != ".Label" || shown[i] && !slices.Contains(allowed, path) && !strings.HasPrefix(path, ".Offer") {
				spoil(path, v)
			}
		})
	}
	for _, r := range c.Runs {
		each(reflect.ValueOf(r), "run", spoil)
	}
	if !slices.Contains(show, Owners) {
		for _, g := range c.Groups {
			each(reflect.ValueOf(g), "group", spoil)
		}
	}
	if !slices.Contains(show, SQL) {
		for _, m := range c.Macros {
			each(reflect.ValueOf(m), "macro", spoil)
		}
		for i := range c.Flow.Texts {
			if i > 0 {
				c.Flow.Texts[i] = canary + c.Flow.Texts[i]
			}
		}
	}
	if !slices.Contains(show, Customers) {
		for i, x := range c.Customers {
			x.Name, x.Title = fmt.Sprintf("%scustomer%d", canary, i), fmt.Sprintf("%s title %d", canary, i)
			x.Tenants = magic
		}
	}
	for _, t := range c.Tests {
		sees := func(f Facet) bool { return slices.Contains(show, f) }
		if !sees(SQL) {
			t.SQL, t.Problem = canary, canary
		}
		if !sees(Paths) {
			t.Where = canary
		}
		if !sees(Samples) {
			t.Stored = canary
			t.Sample = &content.Sample{Columns: []string{canary}, Rows: [][]string{{canary}}}
		}
		if !sees(Stats) {
			t.Failures = magic
			for i := range t.History {
				t.History[i].Failures = magic
			}
		}
	}
	c.Project, c.Target, c.Warehouse = canary+"_project", canary+"_target", canary+"_warehouse"
	if slices.Contains(show, Relations) {
		c.Target, c.Warehouse = "dev", "duckdb"
	}
}

// leaks are the ways to canaries in what an audience was given.
func leaks(c *content.Catalog) []string {
	var out []string
	each(reflect.ValueOf(c), "", func(path string, v reflect.Value) {
		bad := false
		switch v.Kind() {
		case reflect.String:
			bad = strings.Contains(strings.ToLower(v.String()), canary)
		case reflect.Int64, reflect.Int:
			bad = v.Int() >= magic
		case reflect.Struct:
			t, _ := v.Interface().(time.Time)
			bad = t.Year() == 3333
		}
		if bad {
			out = append(out, fmt.Sprintf("%s: %v", path, v.Interface()))
		}
	})
	return out
}

// worlds are the catalogs that are narrowed in tests.
var worlds = map[string]func() *content.Catalog{
	"small":   func() *content.Catalog { return contenttest.Offer(contenttest.Small()) },
	"hostile": func() *content.Catalog { return contenttest.Offer(contenttest.Hostile()) },
	"large":   func() *content.Catalog { return contenttest.Offer(contenttest.Large(120)) },
}

// half are the numbers of about half of the nodes.
func half(c *content.Catalog) []int {
	var out []int
	for i, n := range c.Nodes {
		if n.Tier == "dim" || n.Tier == "fct" || n.Tier == "mart" || i%3 == 1 {
			out = append(out, i)
		}
	}
	return out
}

// TestNothingHiddenComesThrough: with each facet alone, with none and with all, whatever is not
// shown is nowhere in the value. A field that catalogs get later is tried as well.
func TestNothingHiddenComesThrough(t *testing.T) {
	shows := [][]Facet{nil, Facets()}
	for _, f := range Facets() {
		shows = append(shows, []Facet{f})
	}
	for name, world := range worlds {
		for _, show := range shows {
			for _, l := range Lineages() {
				t.Run(fmt.Sprintf("%s/%v/%s", name, show, l), func(t *testing.T) {
					c := world()
					nodes := half(c)
					shown := map[int]bool{}
					for _, i := range nodes {
						shown[i] = true
					}
					poison(c, shown, show)
					out, _ := For(c, Audience{Name: "a", Title: "Readers", Nodes: nodes, Show: show, Lineage: l})
					if len(out.Nodes) != len(nodes) {
						t.Errorf("%d nodes came through, want %d", len(out.Nodes), len(nodes))
					}
					for _, l := range leaks(out) {
						t.Error(l)
					}
					if err := contenttest.Check(out); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// TestCustomersSeeTheirsOnly: the same for each customer.
func TestCustomersSeeTheirsOnly(t *testing.T) {
	for name, world := range worlds {
		for i, x := range world().Customers {
			if i > 3 {
				break
			}
			t.Run(name+"/"+x.Name, func(t *testing.T) {
				c := world()
				shown := map[int]bool{}
				for _, n := range x.Nodes {
					shown[n] = true
				}
				poison(c, shown, []Facet{Owners, Tags, Meta, Tests, Customers})
				for j, y := range c.Customers {
					if j != i {
						y.Name, y.Title, y.Schema = fmt.Sprintf("%scustomer%d", canary, j), canary+" title", canary+"_schema"
					}
				}
				out, _ := For(c, Audience{Name: "customers", Customer: c.Customers[i].Name, Show: Facets()})
				if len(out.Nodes) != len(x.Nodes) {
					t.Errorf("%d nodes came through, want %d", len(out.Nodes), len(x.Nodes))
				}
				for _, l := range leaks(out) {
					t.Error(l)
				}
				if err := contenttest.Check(out); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestTheScanFinds: a filter that hides nothing is caught, in every field.
func TestTheScanFinds(t *testing.T) {
	c := contenttest.Small()
	poison(c, map[int]bool{7: true}, nil)
	found := strings.Join(leaks(c), "\n")
	for _, want := range []string{".Nodes.ID.Name", ".Nodes.Description", ".Nodes.SQL.Text", ".Nodes.Owner", ".Nodes.Data.Rows", ".Nodes.History.At", ".Tests.SQL", ".Macros.Text", ".Flow.Texts", ".Runs.ID", ".Customers.Name", ".Target"} {
		if !strings.Contains(found, want+":") {
			t.Errorf("the scan does not see %s", want)
		}
	}
}

// TestHiddenNodesLeaveNoTrace: with fifty more hidden nodes, tests and edges the value is the same.
func TestHiddenNodesLeaveNoTrace(t *testing.T) {
	for name, world := range worlds {
		for _, l := range Lineages() {
			for _, show := range [][]Facet{nil, Facets()} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, l, len(show)), func(t *testing.T) {
					c := world()
					if slices.Contains(show, Customers) {
						c.Customers = nil // who receives hidden things is told there
					}
					a := Audience{Name: "a", Nodes: half(c), Show: show, Lineage: l}
					want, _ := For(c, a)
					more := grown(c)
					for i, n := range a.Nodes {
						a.Nodes[i] = n + 25
					}
					got, _ := For(more, a)
					if d := cmp.Diff(want, got); d != "" {
						t.Errorf("hidden nodes can be seen (-without +with):\n%s", d)
					}
				})
			}
		}
	}
}

// grown is c with 25 nodes before all others and 25 behind them: the first ones are read by
// nobody who is shown, the last ones read everything.
func grown(c *content.Catalog) *content.Catalog {
	const n = 25
	out := *c
	out.Nodes = nil
	shift := func(list []int) []int {
		moved := make([]int, len(list))
		for i, x := range list {
			moved[i] = x + n
		}
		return moved
	}
	extra := func(i int) *content.Node {
		return &content.Node{
			ID: addr.Node{Kind: addr.Model, Name: fmt.Sprintf("aaa_extra_%d", i)}, Tone: "fct", Tier: "fct", Folder: "models/secret", Description: "An extra one.",
			Columns: []*content.Column{{Name: fmt.Sprintf("zz_extra_%d", i)}}, Data: content.Data{Rows: 5, Bytes: 5},
		}
	}
	for i := range n {
		out.Nodes = append(out.Nodes, extra(i))
	}
	for _, was := range c.Nodes {
		x := *was
		x.Parents, x.Children = shift(was.Parents), shift(was.Children)
		x.Advice = slices.Clone(was.Advice)
		for i := range x.Advice {
			if x.Advice[i].Prefer >= 0 {
				x.Advice[i].Prefer += n
			}
		}
		for _, code := range []*content.Code{&x.Template, &x.SQL} {
			code.Links = slices.Clone(code.Links)
			for i := range code.Links {
				code.Links[i].Node += n
			}
		}
		out.Nodes = append(out.Nodes, &x)
	}
	for i := range n {
		x := extra(n + i)
		for p := n; p < n+len(c.Nodes); p++ {
			x.Parents = append(x.Parents, p)
		}
		out.Nodes = append(out.Nodes, x)
		for p := n; p < n+len(c.Nodes); p++ {
			out.Nodes[p].Children = append(out.Nodes[p].Children, len(out.Nodes)-1)
		}
	}
	out.Tests = nil
	for _, was := range c.Tests {
		x := *was
		x.Reads = shift(was.Reads)
		if x.Of >= 0 {
			x.Of += n
		}
		out.Tests = append(out.Tests, &x)
	}
	out.Tests = append(out.Tests, &content.Test{ID: addr.Node{Kind: addr.Test, Name: "zz_extra"}, Of: 0, Reads: []int{0, n}})
	out.Nodes[0].Tests = []int{len(out.Tests) - 1}
	out.Nodes[n].Tests = append(slices.Clone(out.Nodes[n].Tests), len(out.Tests)-1)
	out.Macros, out.Terms = nil, nil
	for _, was := range c.Macros {
		x := *was
		x.UsedBy = shift(was.UsedBy)
		out.Macros = append(out.Macros, &x)
	}
	for _, was := range c.Terms {
		x := *was
		x.UsedBy = shift(was.UsedBy)
		out.Terms = append(out.Terms, &x)
	}
	f := &out.Flow
	*f = content.Flow{Known: c.Flow.Known, Texts: append(slices.Clone(c.Flow.Texts), "aaa_extra_0 + 1")}
	next := int32(0)
	for _, x := range out.Nodes {
		f.First = append(f.First, next)
		next += int32(len(x.Columns))
	}
	f.First = append(f.First, next)
	for _, e := range c.Flow.Edges {
		e.From, e.To = e.From+n, e.To+n
		f.Edges = append(f.Edges, e)
	}
	last := f.First[len(out.Nodes)-1]
	for from := int32(n); from < last; from += 7 {
		f.Edges = append(f.Edges, content.Edge{From: from, To: last, Way: content.Aggregated, Text: int32(len(f.Texts) - 1)})
	}
	for _, r := range c.Flow.Reads {
		r.Column, r.Node = r.Column+n, r.Node+n
		if r.To >= 0 {
			r.To += n
		}
		f.Reads = append(f.Reads, r)
	}
	return &out
}
