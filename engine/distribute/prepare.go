package distribute

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// Request says what a distribution is asked for.
type Request struct {
	// Only are the customers that it is about, nil for all; Force takes everything for changed.
	Only  []string
	Force bool
	// AllowEmpty: that there are no customers, or no tenants, any more is meant so.
	AllowEmpty bool
	// Freeze: something is going to be published. Otherwise nothing is written.
	Freeze bool
	// At is the time of the clock.
	At time.Time
	// Snapshot is what the target holds.
	Snapshot state.Snapshot
	// Builds: it is asked what would be published after a build that changes these nodes.
	Builds  bool
	Changes []addr.Node
}

// Prepared is a distribution that is about to happen, or that cannot where errors came with it:
// its plan is one for TakeBack then, and there is no workshop.
type Prepared struct {
	Plan     *Plan
	Config   *tenant.Config
	Workshop Workshop
	Past     map[string]state.Release
	// Setting has the schemas of customers.
	Setting Setting
}

// Prepare reads the customers' configuration, looks at what there is and decides what to do.
// What is wrong with the project or the configuration is in the list. Where nobody knows then who
// the customers are there is nothing else; where that is known, and all the same nothing can be
// published, the plan says who loses access.
func Prepare(ctx context.Context, p *compile.Program, conn warehouse.Conn, q Request) (out *Prepared, wrong diag.List, err error) {
	rules, found := tenant.Rules(p)
	contracts, more := tenant.Contracts(p, rules)
	if found.Add(more...); found.HasErrors() {
		return nil, found.Sorted(), nil
	}
	scope := state.Scope{Database: p.Target.Database, Project: p.Project.Settings.Name.V, Schema: p.Target.Schema}
	past, shapes, err := state.ReadReleases(ctx, conn, scope)
	if err != nil {
		return nil, nil, err
	}
	relations, err := measured(ctx, conn, rules)
	if err != nil {
		return nil, nil, err
	}
	setting := settingOf(p, rules, contracts)
	config, shop, more, err := Freeze(ctx, conn, p, Reading{Rules: rules, Contracts: contracts, Past: past, Owner: setting.Owner(), Schema: setting.WorkshopSchema, Freeze: q.Freeze})
	if found.Add(more...); err != nil || found.HasErrors() || config == nil {
		return nil, found.Sorted(), err
	}
	defer func() {
		if out == nil || wrong.HasErrors() {
			shop.abandon(ctx, conn)
		}
	}()
	found.Add(asked(q.Only, config, past)...)
	found.Add(tenant.Sunsets(contracts, config, q.At)...)
	found.Add(modes(conn, config, p.Target.Name, newestOf(contracts))...)
	if setting.Export != "" && setting.Accounts {
		found.Add(fileless(setting.Export, p.Target.Name, p.Project.Settings.Distribution.Export.At))
	}
	if found.HasErrors() {
		return nil, found.Sorted(), nil
	}
	stock, err := stocked(ctx, conn, setting, config, past, q.Only)
	if err != nil {
		return nil, nil, err
	}
	unfit, err := unfits(ctx, conn, setting, config)
	if err != nil {
		return nil, nil, err
	}
	held := plan.Held(p, q.Snapshot, q.At)
	names := make(map[addr.Node]string, len(rules))
	for _, r := range rules {
		if name := held[r.Node].Of(compile.Reading{All: true}); name != "" && !slices.Contains(q.Changes, r.Node) {
			names[r.Node] = name
		}
	}
	if !q.Builds {
		found.Add(built(conn, rules, relations)...)
		found.Add(sampled(p, rules, q.Snapshot)...)
	}
	made, more := Make(In{Setting: setting, Scope: scope, Rules: rules, Config: config, Held: names, Relations: relations, Past: past, Shapes: shapes, Stock: stock, Unfit: unfit, Only: q.Only, Force: q.Force, AllowEmpty: q.AllowEmpty})
	found.Add(more...)
	made.whole = len(q.Only) == 0
	for _, m := range made.Models {
		if n := p.Nodes[m.Node]; n != nil {
			m.Across = n.Config.AcrossTenants
		}
	}
	return &Prepared{Plan: made, Config: config, Workshop: shop, Past: past, Setting: setting}, found.Sorted(), nil
}

// stocked asks what is there of what was published, nil where the warehouse cannot tell cheaply.
func stocked(ctx context.Context, conn warehouse.Conn, setting Setting, config *tenant.Config, past map[string]state.Release, only []string) (map[string]warehouse.Stock, error) {
	taker, ok := conn.(warehouse.Stocktaker)
	if !ok {
		return nil, nil
	}
	var specs []warehouse.ReleaseSpec
	asked := map[string]bool{SharedRows: true}
	add := func(name string, places Places, readers []string) {
		asked[name] = true
		if !setting.Accounts {
			readers = nil
		}
		if len(past[name].Pairs) > 0 && (only == nil || slices.Contains(only, name) || name == SharedRows) {
			spec := warehouse.ReleaseSpec{Owner: setting.Owner(), Customer: name, Schemas: places.All(), Dir: setting.Dir, Readers: readers}
			if !past[name].Begun {
				spec.Stamp = past[name].Stamp
			}
			specs = append(specs, spec)
		}
	}
	var sharing []string
	for i := range config.Customers {
		c := &config.Customers[i]
		var readers []string
		switch {
		case c.Enabled && c.Mode == tenant.Rows:
			sharing = append(sharing, c.Principals...)
		case c.Enabled:
			readers = c.Principals
		}
		add(c.Name, setting.Places(c), readers)
	}
	add(SharedRows, setting.Shared(), sharing)
	for _, name := range slices.Sorted(maps.Keys(past)) {
		if !asked[name] { // it is configured no more
			add(name, setting.Places(&tenant.Customer{Name: name, Contract: past[name].Contract}), nil)
		}
	}
	stock, err := taker.Stock(ctx, specs)
	if err != nil {
		return nil, fmt.Errorf("look what customers have: %w", err)
	}
	return stock, nil
}

// unfits are the principals whom no right keeps from other customers' rows; true: from those that
// customers share, but not from others.
func unfits(ctx context.Context, conn warehouse.Conn, setting Setting, config *tenant.Config) (map[string]bool, error) {
	vetter, ok := conn.(warehouse.Vetter)
	if !ok || !setting.Accounts {
		return nil, nil
	}
	all := config.Principals()
	out := map[string]bool{}
	for _, guarded := range []bool{true, false} { // what is unfit for any table is for guarded ones
		bad, err := vetter.Unfit(ctx, all, guarded)
		if err != nil {
			return nil, fmt.Errorf("look at the principals: %w", err)
		}
		for _, e := range bad {
			if e.Reason != "" {
				out[e.Principal] = guarded
			}
		}
	}
	return out, nil
}

// modes gives tables to those who cannot have what they are configured to have on this
// warehouse: copies of their own keep customers apart more strictly than views do.
func modes(conn warehouse.Conn, config *tenant.Config, target string, newest int) (found diag.List) {
	caps := conn.Dialect().Caps()
	policed := false
	if p, ok := conn.(warehouse.Policed); ok {
		policed = p.Policed()
	}
	var of [2][]string
	for i := range config.Customers {
		c := &config.Customers[i]
		switch {
		case c.Mode == tenant.Views && !caps.Grants:
			of[0] = append(of[0], c.Name)
		case c.Mode == tenant.Rows && (!policed || c.Contract != newest):
			of[1] = append(of[1], c.Name)
		default:
			continue
		}
		c.Mode = tenant.Tables
	}
	for i, mode := range []tenant.Mode{tenant.Views, tenant.Rows} {
		if len(of[i]) > 0 {
			found.Add(modeless(of[i], mode, target))
		}
	}
	return found
}

// settingOf takes from the project what a distribution needs to know.
func settingOf(p *compile.Program, rules []tenant.Rule, contracts []tenant.Contract) Setting {
	d := p.Project.Settings.Distribution
	dir := filepath.FromSlash(d.Path.V)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.Project.Dir, dir)
	}
	var sources []string
	for _, r := range rules {
		if r.Source != "" && !slices.Contains(sources, r.Source) {
			sources = append(sources, r.Source)
		}
	}
	newest := newestOf(contracts)
	return Setting{
		Project: p.Project.Settings.Name.V, Target: p.Target.Name, Schema: p.Target.Schema, WorkshopSchema: d.WorkshopSchema.V, Dir: dir, Split: Splitting(d.Split.V), Export: d.Export.V,
		Places: func(c *tenant.Customer) Places {
			s := tenant.Schemas(d, *c, sources, newest)
			return Places{Serving: s.Main, Tables: s.Tables, Lakes: s.Lakes, Workspace: s.Workspace}
		},
		Accounts: p.Target.Dialect.Caps().Grants, MaxInline: int(d.MaxInline.V), Contracts: contracts,
	}
}

func newestOf(contracts []tenant.Contract) int {
	newest := 1
	for _, c := range contracts {
		newest = max(newest, c.Version)
	}
	return newest
}

// measured are the relations of rules as they are in the warehouse.
func measured(ctx context.Context, conn warehouse.Conn, rules []tenant.Rule) (map[addr.Node]warehouse.Relation, error) {
	out := make(map[addr.Node]warehouse.Relation, len(rules))
	if len(rules) == 0 {
		return out, nil
	}
	wanted := make([]addr.Relation, len(rules))
	for i, r := range rules {
		wanted[i] = r.Relation
	}
	found, err := conn.Inspect(ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("inspect what customers get: %w", err)
	}
	there := make(map[addr.Relation]warehouse.Relation, len(found))
	for _, rel := range found {
		there[key(conn, rel.Name)] = rel
	}
	for _, r := range rules {
		if rel, ok := there[key(conn, r.Relation)]; ok {
			out[r.Node] = rel
		}
	}
	return out, nil
}

// built finds relations that are not as the project says.
func built(conn warehouse.Conn, rules []tenant.Rule, relations map[addr.Node]warehouse.Relation) (found diag.List) {
	for _, r := range rules {
		rel, ok := relations[r.Node]
		if !ok {
			found.Add(unbuilt(r, r.Relation.String()+" is not there"))
			continue
		}
		for _, c := range r.Columns {
			if !slices.ContainsFunc(rel.Columns, func(have warehouse.Column) bool { return sameName(conn, have.Name, c.Name) }) {
				found.Add(unbuilt(r, fmt.Sprintf("%s has no column %q yet", r.Relation, c.Name)))
				break
			}
		}
	}
	return found
}

// sampled refuses what holds only a part of its rows, itself or through views: customers would
// lose the others.
func sampled(p *compile.Program, rules []tenant.Rule, s state.Snapshot) (found diag.List) {
	seen := map[addr.Node]bool{}
	var part func(n addr.Node) bool
	part = func(n addr.Node) bool {
		node := p.Nodes[n]
		if seen[n] || node == nil {
			return false
		}
		seen[n] = true
		record := s.Nodes[n]
		if compile.Limited(record.Fingerprint) {
			return true
		}
		return (node.Config.Materialized == "ephemeral" || record.Kind == warehouse.View || n.Kind == addr.Source) && slices.ContainsFunc(node.Parents, part)
	}
	for _, r := range rules {
		clear(seen)
		if part(r.Node) {
			found.Add(unbuilt(r, r.Relation.String()+" holds only the rows of a build with --empty or --sample"))
		}
	}
	return found
}

func sameName(conn warehouse.Conn, a, b string) bool {
	return a == b || conn.Dialect().Caps().FoldsCase && strings.EqualFold(a, b)
}

// asked refuses names that nobody has.
func asked(only []string, config *tenant.Config, past map[string]state.Release) (found diag.List) {
	var known []string
	for i := range config.Customers {
		known = append(known, config.Customers[i].Name)
	}
	for name := range past {
		if name != SharedRows { // what is shared is nobody's by that name: its readers have names
			known = append(known, name)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for _, name := range only {
		if !slices.Contains(known, name) {
			found.Add(unknownCustomer(name, known))
		}
	}
	return found
}

// Resting says of customers that are asked for that they are disabled.
func Resting(only []string, config *tenant.Config) (found diag.List) {
	for i := range config.Customers {
		if c := &config.Customers[i]; !c.Enabled && slices.Contains(only, c.Name) {
			found.Add(resting(c.Name, c.Mode))
		}
	}
	return found
}

// Distributes reports whether publishing is the last phase of a build on a target.
func Distributes(p *compile.Program) bool {
	d := p.Project.Settings.Distribution
	return d != nil && slices.ContainsFunc(d.Targets, func(t project.Value[string]) bool { return t.V == p.Target.Name })
}

// Entitled are the nodes of which a customer gets something. A name that the project would
// have to have, and has not, is a mistake; of customers in a relation nothing is known here.
func Entitled(p *compile.Program, customer string) ([]addr.Node, diag.List) {
	rules, found := tenant.Rules(p)
	if found.HasErrors() {
		return nil, found
	}
	if names := Written(p.Project.Settings.Distribution); len(names) > 0 && !slices.Contains(names, customer) {
		return nil, diag.List{unknownCustomer(customer, names)}
	}
	var out []addr.Node
	for i := range rules {
		if rules[i].For(customer) {
			out = append(out, rules[i].Node)
		}
	}
	return out, nil
}

// Sources are the nodes that the customers' configuration is made of: those that it is read from,
// and what these read.
func Sources(p *compile.Program) map[addr.Node]bool {
	out := map[addr.Node]bool{}
	var add func(n addr.Node)
	add = func(n addr.Node) {
		if node := p.Nodes[n]; node != nil && !out[n] {
			out[n] = true
			for _, parent := range node.Parents {
				add(parent)
			}
		}
	}
	for _, name := range project.PartNames {
		if part := p.Project.Settings.Distribution.Parts[name]; part != nil && part.Ref.V != "" {
			if node := tenant.Referred(p, part); node != nil {
				add(node.ID)
			}
		}
	}
	return out
}

// Unbuilt reports whether all that is wrong is that something is not built yet.
func Unbuilt(found diag.List) bool {
	return !slices.ContainsFunc(found, func(d diag.Diagnostic) bool {
		return (d.Severity == diag.Error || d.Severity == diag.Internal) && d.Code != codeUnbuilt
	})
}

// Written are the customers whose names stand in the project, sorted.
func Written(d *project.Distribution) []string {
	if d == nil || d.Parts[project.Customers] == nil {
		return nil
	}
	part := d.Parts[project.Customers]
	i := slices.Index(part.Header, "customer")
	var out []string
	for _, row := range part.Rows {
		if i >= 0 && i < len(row) {
			if name, ok := row[i].V.(string); ok {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
