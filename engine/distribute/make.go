package distribute

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// Format is the version of the plan's JSON form.
const Format = 1

// generation is part of every fingerprint: another one publishes everything anew. It changes
// when slices of the same definition come out differently.
const generation = "1"

// Splitting says whether relations are read once for all customers.
type Splitting string

const (
	SplitAuto   Splitting = "auto"
	SplitAlways Splitting = "always"
	SplitNever  Splitting = "never"
)

// Places are where a customer's relations are: names of schemas.
type Places struct {
	// Serving has what the customer reads, in the contract that it pins. Tables has the tables;
	// it is Serving unless the contract is an old one.
	Serving, Tables string
	// Lakes are by name of the source.
	Lakes     map[string]string
	Workspace string // empty: none

	marks map[string]string // by source, see mark
}

// All are the schemas of the engine's, Serving first.
func (p Places) All() []string {
	out := []string{p.Serving}
	if p.Tables != p.Serving {
		out = append(out, p.Tables)
	}
	for _, source := range slices.Sorted(maps.Keys(p.Lakes)) {
		out = append(out, p.Lakes[source])
	}
	return out
}

// Setting is what a distribution is about, apart from rules and customers.
type Setting struct {
	Project, Target string
	// Schema is the target's: developers have one target, and a schema each.
	Schema string
	// WorkshopSchema and Dir are where the run works: see warehouse.Distributor.
	WorkshopSchema, Dir string
	Split               Splitting
	// Export is the format of the files that are written of everything, for warehouses that
	// can; empty: none.
	Export string
	// Places gives those of a customer.
	Places func(*tenant.Customer) Places
	// Accounts: the warehouse has them, and they are granted access.
	Accounts bool
	// MaxInline is the most tenants that are written into the text of a slice.
	MaxInline int
	Contracts []tenant.Contract
}

// Owner is the name under which relations are the engine's. Records are by schema (see
// state.Scope), and so is what they are about: nobody replaces what another's records tell of.
func (s Setting) Owner() string { return s.Project + "/" + s.Target + "/" + s.Schema }

// Shared are the schemas of those who share tables.
func (s Setting) Shared() Places {
	places := s.Places(&tenant.Customer{Name: SharedRows, Contract: newestOf(s.Contracts)})
	places.Workspace = ""
	return places
}

// In is what Make decides on.
type In struct {
	Setting Setting
	Scope   state.Scope
	Rules   []tenant.Rule
	Config  *tenant.Config
	// Held names what relations hold; those of which nothing is known are absent.
	Held map[addr.Node]string
	// Relations are as they are in the warehouse, for sizes and columns.
	Relations map[addr.Node]warehouse.Relation
	Past      map[string]state.Release
	Shapes    state.Shapes
	// Stock is what is there of what was published, by customer; nil where nobody can tell.
	Stock map[string]warehouse.Stock
	// Unfit are principals whom no right keeps from other customers' rows; true: from shared ones.
	Unfit map[string]bool
	// Only are the customers that it is about, nil for all. Force takes everything for changed.
	Only  []string
	Force bool
	// AllowEmpty: that there are no customers, or no tenants, any more is meant so.
	AllowEmpty bool
}

// Make decides who gets what anew, and how. It reads neither clock nor network: the same
// arguments give the same plan.
func Make(in In) (*Plan, diag.List) {
	m := &maker{in: in, contracts: map[int][]tenant.OldModel{}, viewed: map[int]map[string]state.ReleasedPair{}, byNode: map[addr.Node]*ruled{}, plan: &Plan{Format: Format, Project: in.Setting.Project, Target: in.Setting.Target, Config: in.Config.Hash, setting: in.Setting, scope: in.Scope, shapes: state.Shapes{}}}
	m.markers()
	m.admit()
	m.models()
	asked := map[string]bool{}
	for _, name := range in.Only {
		asked[name] = true
	}
	known := make(map[string]bool, len(in.Config.Customers))
	var sharing []*tenant.Customer
	wanted := false
	for i := range in.Config.Customers {
		c := &in.Config.Customers[i]
		known[c.Name] = true
		if c.Mode == tenant.Rows && c.Enabled {
			known[SharedRows] = true
			sharing = append(sharing, c)
			wanted = wanted || asked[c.Name]
		}
		if len(asked) == 0 || asked[c.Name] {
			m.customer(c)
		}
	}
	if len(sharing) > 0 && (len(asked) == 0 || wanted || asked[SharedRows]) {
		m.group(sharing)
	}
	for _, name := range slices.Sorted(maps.Keys(in.Past)) {
		if !known[name] && (len(asked) == 0 || asked[name]) {
			m.left(name)
		}
	}
	slices.SortFunc(m.plan.Customers, func(a, b *Customer) int { return cmp.Compare(a.Name, b.Name) })
	m.ways()
	m.breaks()
	m.diags.Add(strangers(m.strange)...)
	if part := m.emptied(); part != "" && !in.AllowEmpty {
		m.plan.Customers = nil // nobody loses anything
		m.diags = slices.DeleteFunc(m.diags, func(d diag.Diagnostic) bool { return d.Code == codeLeft })
		m.diags.Add(allGone(part))
	}
	return m.plan, m.diags.Sorted()
}

// emptied is the part of the configuration that has no rows any more, though customers would lose
// all that they have by it: an accident upstream, rather than so many decisions.
func (m *maker) emptied() string {
	// Canaries are made by hand: an accident upstream leaves them.
	var canaries []string // their principals
	real := false
	for i := range m.in.Config.Customers {
		c := &m.in.Config.Customers[i]
		switch {
		case c.Canary:
			canaries = append(canaries, c.Principals...)
		case len(c.Tenants) > 0:
			return ""
		default:
			real = true
		}
	}
	if !real {
		for _, past := range m.in.Past {
			if slices.ContainsFunc(past.Granted, func(p string) bool { return !slices.Contains(canaries, p) }) {
				return project.Customers
			}
		}
		return ""
	}
	for _, c := range m.plan.Customers {
		if c.config != nil && c.config.Canary {
			continue
		}
		for _, pair := range c.Pairs {
			// How many rows a view has is not known; that other tenants are meant is.
			if rule := pair.model.rule; !rule.All && rule.Tenant != "" && (pair.Before > 0 || pair.Before < 0 && pair.Reason == ReasonSlice) {
				return project.CustomerTenants
			}
		}
	}
	return ""
}

type maker struct {
	in        In
	plan      *Plan
	diags     diag.List
	rules     []ruled
	contracts map[int][]tenant.OldModel
	viewed    map[int]map[string]state.ReleasedPair // by contract
	byNode    map[addr.Node]*ruled
	text      []byte // buffer of hashes
	strange   []strangeness
}

// strangeness is access to an unchanged customer's that the engine did not give.
type strangeness struct {
	customer string
	who      []string
}

// ruled is a model with what its pairs' fingerprints are made of.
type ruled struct {
	*Model
	rows       string // of what it holds, empty where that is not known
	definition string
	only       map[string]bool
	shapes     map[int]string // by contract
	// reads is the same number for rules that read the same of a customer's configuration.
	reads int
}

// markers collects those of the canaries.
func (m *maker) markers() {
	h := sha256.New()
	for i := range m.in.Config.Customers {
		if c := &m.in.Config.Customers[i]; c.Canary && c.Enabled {
			for _, text := range c.Markers {
				m.plan.markers = append(m.plan.markers, marker{c.Name, text})
				fmt.Fprintf(h, "%q %q\n", c.Name, text)
			}
		}
	}
	if len(m.plan.markers) > 0 {
		m.plan.marks = base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
	}
}

// admit collects whose relations each principal may read: those of all customers that it reads
// for, or did until this run.
func (m *maker) admit() {
	if !m.in.Setting.Accounts {
		return
	}
	m.plan.admitted = map[string][]string{}
	add := func(name string, principals []string) {
		for _, p := range principals {
			m.plan.admitted[p] = append(m.plan.admitted[p], name)
		}
	}
	for i := range m.in.Config.Customers {
		c := &m.in.Config.Customers[i]
		add(c.Name, c.Principals)
		if c.Mode == tenant.Rows {
			add(SharedRows, c.Principals)
		}
	}
	for name, past := range m.in.Past {
		add(name, past.Granted)
	}
	for p, names := range m.plan.admitted {
		slices.Sort(names)
		m.plan.admitted[p] = slices.Compact(names)
	}
}

// models fills in what there is to distribute.
func (m *maker) models() {
	for _, rule := range m.in.Rules {
		size := m.in.Relations[rule.Node]
		if _, there := m.in.Relations[rule.Node]; !there {
			size.Rows, size.Bytes = -1, -1
		}
		model := &Model{Node: rule.Node, Relation: rule.Relation, As: rule.As, Source: rule.Source, Rows: size.Rows, Bytes: size.Bytes, rule: rule, Scans: 1 + len(rule.Links) + len(rule.Via)}
		m.plan.Models = append(m.plan.Models, model)
		r := ruled{Model: model, definition: definition(rule), shapes: map[int]string{}}
		if m.in.Setting.Export != "" {
			r.definition = m.hash(r.definition, "export", m.in.Setting.Export) // so that files come with the key
		}
		if name := m.in.Held[rule.Node]; name != "" {
			r.rows = m.hash(name)
		}
		if rule.Only != nil {
			r.only = map[string]bool{}
			for _, name := range rule.Only {
				r.only[name] = true
			}
		}
		m.rules = append(m.rules, r)
	}
	order := func(a, b *Model) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.As, b.As), a.Node.Compare(b.Node))
	}
	kinds := map[string]int{}
	for i := range m.rules {
		r := &m.rules[i]
		kind := fmt.Sprintf("%v %q %q", r.rule.All, r.rule.Links, r.rule.Via)
		if r.rule.Fields != nil {
			kind += fmt.Sprintf(" %q", fieldsOf(&r.rule))
		}
		if _, known := kinds[kind]; !known {
			kinds[kind] = len(kinds)
		}
		r.reads = kinds[kind]
	}
	slices.SortFunc(m.plan.Models, order)
	slices.SortFunc(m.rules, func(a, b ruled) int { return order(a.Model, b.Model) })
	for i := range m.rules {
		m.byNode[m.rules[i].Node] = &m.rules[i]
	}
}

// hash is short: 72 bits, so that pairs in the millions do not meet by accident.
func (m *maker) hash(parts ...string) string {
	m.text = m.text[:0]
	for _, p := range parts {
		m.text = append(append(m.text, p...), 0)
	}
	sum := sha256.Sum256(m.text)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// definition is over all that a rule says, but who gets it.
func definition(r tenant.Rule) string {
	r.Only, r.At = nil, source.Span{}
	b, err := json.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("distribute: a rule does not marshal: %v", err))
	}
	sum := sha256.Sum256(append([]byte(generation+"\x00"), b...))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// final is where a model is at a customer's.
func (p Places) final(model *Model) addr.Relation {
	if model.Source != "" {
		return addr.Relation{Schema: p.Lakes[model.Source], Name: model.As}
	}
	return addr.Relation{Schema: p.Tables, Name: model.As}
}

// mark is a hash over the schema of the models, or of a lake, and the mode.
func (p *Places) mark(m *maker, mode, source string) string {
	known, ok := p.marks[source]
	if !ok {
		if p.marks == nil {
			p.marks = map[string]string{}
		}
		schema := p.Tables
		if source != "" {
			schema = p.Lakes[source]
		}
		known = m.hash(mode, schema)
		p.marks[source] = known
	}
	return known
}

// sliced are hashes over the parts of a customer's configuration that rules may read.
type sliced struct {
	tenants string
	of      map[int]string // by ruled.reads
}

func (m *maker) slices(c *tenant.Customer) sliced {
	text := make([]byte, 0, 16*len(c.Tenants))
	for _, k := range c.Tenants {
		text = append(append(text, keyText(k)...), 0)
	}
	return sliced{m.hash(string(text)), map[int]string{}}
}

func keyText(k tenant.Key) string {
	if k.Number {
		return fmt.Sprintf("n%d", k.Int)
	}
	return "t" + k.Text
}

// slice is a hash over what a rule reads of a customer's configuration.
func (m *maker) slice(c *tenant.Customer, s sliced, r *ruled) string {
	known, ok := s.of[r.reads]
	if !ok {
		known = m.sliceOf(c, s, &r.rule)
		s.of[r.reads] = known
	}
	return known
}

func (m *maker) sliceOf(c *tenant.Customer, s sliced, r *tenant.Rule) string {
	if r.All {
		return "-"
	}
	m.text = append(append(m.text[:0], s.tenants...), 0)
	if len(c.Tenants) > m.in.Setting.MaxInline {
		m.text = append(m.text, 'f') // read from the frozen list
	}
	add := func(what byte, entity string, k tenant.Keys) {
		m.text = append(append(append(append(append(m.text, what), entity...), 0), k.Hash...), 0)
	}
	for _, l := range r.Links {
		add('l', l.Entity, c.Links[l.Entity])
	}
	for _, l := range r.Via {
		add('v', l.Entity, c.Transfers[l.Entity])
	}
	if r.Fields != nil {
		for _, f := range c.Fields[fieldsOf(r)] {
			for _, part := range []string{f.ID, string(f.Type), f.Column} {
				m.text = append(append(m.text, part...), 0)
			}
		}
	}
	sum := sha256.Sum256(m.text)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// fieldsOf is the key of a rule in Customer.Fields.
func fieldsOf(r *tenant.Rule) string { return r.As }

// customer decides about one that is configured.
func (m *maker) customer(c *tenant.Customer) {
	past, had := m.in.Past[c.Name]
	if !c.Enabled {
		// It keeps what it has, but for principals that are configured no more.
		if _, revoke := differing(past.Granted, c.Principals); had && len(revoke) > 0 && m.in.Setting.Accounts {
			m.withdraw(c, past, revoke)
		} else {
			m.plan.Unchanged.Customers++
		}
		return
	}
	if c.Mode == tenant.Rows {
		// What it has of its own goes: from now on it reads what is shared.
		if !had || len(past.Pairs)+len(past.Granted) == 0 {
			return
		}
		alone := *c
		alone.Principals = nil
		m.decide(&Customer{joins: true, keeps: c.Principals, Name: c.Name, Title: c.Title, Tier: c.Tier, Mode: string(c.Mode), Contract: c.Contract, config: &alone, past: past, places: m.in.Setting.Places(c)}, had, nil)
		return
	}
	m.decide(&Customer{Name: c.Name, Title: c.Title, Tier: c.Tier, Mode: string(c.Mode), Contract: c.Contract, config: c, past: past, places: m.in.Setting.Places(c)}, had, []sliced{m.slices(c)})
}

// group decides about those who share tables.
func (m *maker) group(members []*tenant.Customer) {
	past, had := m.in.Past[SharedRows]
	config := &tenant.Customer{Name: SharedRows, Tier: 1, Mode: tenant.Rows, Contract: newestOf(m.in.Setting.Contracts), Enabled: true}
	var parts []sliced
	for _, c := range members {
		config.Principals = append(config.Principals, c.Principals...)
		parts = append(parts, m.slices(c))
	}
	slices.Sort(config.Principals)
	config.Principals = slices.Compact(config.Principals)
	places := m.in.Setting.Shared()
	m.decide(&Customer{Name: SharedRows, Title: fmt.Sprintf("%d customers with mode rows", len(members)), Tier: 1, Mode: string(tenant.Rows), Contract: config.Contract, config: config, members: members, leaving: m.leaving(), past: past, places: places}, had, parts)
}

// gets reports whether a customer has a model. Tables that several share are for all of them,
// unless they are told apart by rows.
func (r *ruled) gets(c *Customer) bool {
	if r.only == nil {
		return true
	}
	some, all := false, true
	for _, one := range c.readers() {
		if r.only[one.Name] {
			some = true
		} else {
			all = false
		}
	}
	return all || some && !r.rule.All
}

// decide finds out what out gets anew. parts are the slices of its readers; nil: it gets
// nothing any more.
func (m *maker) decide(out *Customer, had bool, parts []sliced) {
	c, past := out.config, out.past
	got := 0
	if parts != nil {
		out.all = make([]entitled, 0, len(m.rules))
		if !had {
			out.Pairs = make([]Pair, 0, len(m.rules))
		}
		for i := range m.rules {
			r := &m.rules[i]
			if !r.gets(out) {
				continue
			}
			r.Customers += len(out.readers())
			before, known := past.Pairs[r.Node]
			if known {
				got++
			}
			unsure := before.Fingerprint == "" && past.Begun
			lost := known && m.lost(out, r)
			fp := m.fingerprint(out, r, parts)
			now := state.ReleasedPair{Fingerprint: fp, Shape: m.shape(r, c.Contract), Rows: -1}
			reason := m.reason(before, known, unsure, fp, r, c.Mode)
			if lost && !unsure {
				reason = ReasonLost
			}
			if reason == "" {
				before.Shape = now.Shape // an older contract may have changed
				out.all = append(out.all, entitled{model: r.Model, pair: before})
				continue
			}
			rows := int64(-1)
			if known {
				rows = before.Rows
			}
			way := Direct
			if c.Mode == tenant.Views {
				way = Live
			}
			out.all = append(out.all, entitled{model: r.Model, pair: now, due: true})
			out.Pairs = append(out.Pairs, Pair{Node: r.Node, As: out.places.final(r.Model), Reason: reason, Way: way, Before: rows, model: r.Model})
		}
	}
	out.Kept = len(out.all) - len(out.Pairs)
	if had && got < len(past.Pairs) {
		for _, n := range slices.SortedFunc(maps.Keys(past.Pairs), addr.Node.Compare) {
			if !slices.ContainsFunc(out.all, func(e entitled) bool { return e.model.Node == n }) {
				out.Gone = append(out.Gone, n)
			}
		}
		out.Reasons = append(out.Reasons, ReasonGone)
	}
	if parts != nil {
		out.views = m.views(out)
	}
	lost, hidden := false, false
	if had && parts != nil && !past.Begun {
		lost, hidden = m.missed(out)
	}
	if m.in.Setting.Accounts {
		out.Grant, out.Revoke = differing(past.Granted, c.Principals)
		unfit := slices.ContainsFunc(past.Granted, func(p string) bool {
			guarded, is := m.in.Unfit[p]
			return is && (!guarded || out.members != nil)
		})
		if len(out.Grant)+len(out.Revoke) > 0 || hidden || unfit {
			out.Reasons = append(out.Reasons, ReasonAccess)
		}
	}
	if lost && past.Contract == c.Contract && maps.Equal(past.Views, out.views) {
		out.Reasons = append(out.Reasons, ReasonLost)
	}
	if had && (past.Contract != c.Contract || !past.Begun && parts != nil && !maps.Equal(past.Views, out.views)) {
		out.Reasons = append(out.Reasons, ReasonContract)
	}
	if had && past.Begun {
		out.Reasons = append(out.Reasons, ReasonUnfinished)
	}
	if !had && len(out.Pairs) == 0 {
		out.Reasons = append(out.Reasons, ReasonNew)
	}
	if had && m.plan.marks != past.Markers && m.plan.marks != "" && parts != nil {
		out.Reasons = append(out.Reasons, ReasonMarkers)
	}
	m.plan.Unchanged.Pairs += out.Kept
	if len(out.Pairs)+len(out.Reasons) == 0 {
		m.stamp(out)
		m.plan.Unchanged.Customers += len(out.readers())
		if strangers := m.in.Stock[out.Name].Strangers; len(strangers) > 0 {
			m.strange = append(m.strange, strangeness{out.Name, strangers})
		}
		return
	}
	m.plan.Customers = append(m.plan.Customers, out)
	m.plan.Due.Customers += len(out.readers())
	m.plan.Due.Pairs += len(out.Pairs)
	for i := range out.Pairs {
		out.Pairs[i].model.Due += len(out.readers())
	}
}

// stamp keeps how what an unchanged customer has looks now, so that nobody has to look into it again.
func (m *maker) stamp(c *Customer) {
	stock, there := m.in.Stock[c.Name]
	if past := c.past; there && stock.Stamp != "" && stock.Stamp != past.Stamp && !past.Begun {
		past.At, past.Stamp = past.Next(past.At), stock.Stamp
		m.plan.stamped = append(m.plan.stamped, past)
	}
}

// fingerprint has three parts: definition, rows, slice. Of a view rows do not count.
func (m *maker) fingerprint(c *Customer, r *ruled, parts []sliced) string {
	rows := r.rows
	if c.config.Mode == tenant.Views {
		rows = "live"
	}
	// The name of the relation is part of the definition.
	own := r.definition + c.places.mark(m, c.Mode, r.Source)
	if c.members == nil {
		return own + "." + rows + "." + m.slice(c.config, parts[0], r)
	}
	// Of those who share, who they are counts, too, and who reads as them.
	var list []string
	for i, one := range c.members {
		if r.rule.For(one.Name) {
			list = append(list, one.Name, m.slice(one, parts[i], r), strings.Join(one.Principals, "\x00"))
		}
	}
	return own + "." + rows + "." + m.hash(list...)
}

// reason says why a pair is due, empty if it is not.
func (m *maker) reason(before state.ReleasedPair, known, unsure bool, now string, r *ruled, mode tenant.Mode) Reason {
	switch {
	case unsure:
		return ReasonUnfinished
	case !known:
		return ReasonNew
	case m.in.Force:
		return ReasonForced
	case r.rows == "" && mode != tenant.Views:
		return ReasonUnknown
	case before.Fingerprint == now:
		return ""
	}
	was, is := strings.SplitN(before.Fingerprint, ".", 3), strings.SplitN(now, ".", 3)
	switch {
	case len(was) != 3 || was[0] != is[0]:
		return ReasonDefinition
	case was[2] != is[2]:
		return ReasonSlice
	}
	return ReasonRows
}

// lost reports whether what was published is not there any more.
func (m *maker) lost(c *Customer, r *ruled) bool {
	if m.in.Stock == nil {
		return false
	}
	stock, there := m.in.Stock[c.Name]
	if !there {
		return true
	}
	if p := c.past; stock.Run != nil && p.Published != "" && *stock.Run != p.Published && !(p.Begun && *stock.Run == p.Run) {
		return true // an old copy
	}
	final := c.places.final(r.Model)
	if c.members != nil && !r.rule.All && stock.Guarded != nil && !stock.Guarded[final] {
		return true // its readers see all rows
	}
	return stock.Relations != nil && !stock.Relations[final]
}

// missed looks at what a customer has beside its pairs, and at who may read all of it: views of
// an older contract that are not there, and relations that are hidden from a principal.
func (m *maker) missed(c *Customer) (lost, hidden bool) {
	stock, there := m.in.Stock[c.Name]
	if !there {
		return false, false // every pair is lost
	}
	for name := range c.views {
		view := addr.Relation{Schema: c.places.Serving, Name: name}
		lost = lost || stock.Relations != nil && !stock.Relations[view]
		hidden = hidden || stock.Hidden[view]
	}
	for _, e := range c.all {
		// Of what several share, nobody can read a guarded table of which they get no rows.
		some := !e.model.rule.All && slices.ContainsFunc(c.members, func(one *tenant.Customer) bool { return len(one.Principals) > 0 && !e.model.rule.For(one.Name) })
		hidden = hidden || stock.Hidden[c.places.final(e.model)] && !some
	}
	return lost, hidden
}

// differing are the wanted ones that are not there, and those there that are not wanted.
func differing(have, want []string) (grant, revoke []string) {
	for _, w := range want {
		if !slices.Contains(have, w) {
			grant = append(grant, w)
		}
	}
	for _, h := range have {
		if !slices.Contains(want, h) {
			revoke = append(revoke, h)
		}
	}
	slices.Sort(grant)
	slices.Sort(revoke)
	return slices.Compact(grant), slices.Compact(revoke)
}

// withdraw takes access from principals. The relations stay: who drops them is no matter of
// a configuration that may be wrong for a day.
func (m *maker) withdraw(c *tenant.Customer, past state.Release, revoke []string) {
	m.plan.Customers = append(m.plan.Customers, &Customer{
		Name: c.Name, Title: c.Title, Tier: c.Tier, Mode: past.Mode, Contract: past.Contract, Reasons: []Reason{ReasonWithdrawn},
		Revoke: revoke, config: c, past: past, places: m.in.Setting.Places(c),
	})
	if c.Name == SharedRows {
		m.plan.Customers[len(m.plan.Customers)-1].leaving = m.leaving()
	}
	m.plan.Due.Customers++
}

// left is a customer that is not configured any more.
func (m *maker) left(name string) {
	past := m.in.Past[name]
	if stock, there := m.in.Stock[name]; len(past.Pairs) > 0 && (m.in.Stock == nil || there && (stock.Relations == nil || len(stock.Relations) > 0)) {
		m.diags.Add(departed(name, len(past.Granted) > 0))
	}
	if len(past.Granted) == 0 {
		return
	}
	m.withdraw(&tenant.Customer{Name: name, Mode: tenant.Mode(past.Mode), Contract: past.Contract}, past, slices.Sorted(slices.Values(past.Granted)))
}

// ways decides how the rows of each model are read.
func (m *maker) ways() {
	total := max(len(m.in.Config.Customers), 1)
	tables := map[*Model]int{} // due customers that get tables
	for _, c := range m.plan.Customers {
		for i := range c.Pairs {
			if c.Pairs[i].Way != Live {
				tables[c.Pairs[i].model] += len(c.readers())
			}
		}
	}
	e := &m.plan.Estimate
	for _, model := range m.plan.Models {
		n := tables[model]
		if n == 0 {
			continue
		}
		model.Way = m.way(model, n, total)
		for _, size := range []struct {
			of            int64
			direct, split *int64
			all           [2]*int64
		}{
			{model.Rows, &model.Estimate.DirectRows, &model.Estimate.SplitRows, [2]*int64{&e.DirectRows, &e.SplitRows}},
			{model.Bytes, &model.Estimate.DirectBytes, &model.Estimate.SplitBytes, [2]*int64{&e.DirectBytes, &e.SplitBytes}},
		} {
			if size.of < 0 {
				*size.direct, *size.split = -1, -1
			} else {
				*size.direct = size.of * int64(n)
				*size.split = splitReads(model, size.of, n, total)
			}
			for i, one := range []int64{*size.direct, *size.split} {
				if sum := size.all[i]; one < 0 || *sum < 0 {
					*sum = -1
				} else {
					*sum += one
				}
			}
		}
	}
	for _, c := range m.plan.Customers {
		for i := range c.Pairs {
			if c.Pairs[i].Way != Live {
				c.Pairs[i].Way = c.Pairs[i].model.Way
			}
		}
	}
}

// splitReads estimates what is read when a relation is split: each scan, and then every due
// customer's part once more, which is taken for an equal share.
func splitReads(model *Model, size int64, due, total int) int64 {
	if model.rule.All {
		return size * int64(due)
	}
	return size*int64(model.Scans) + int64(float64(size)*float64(due)/float64(total))
}

// way is the cheaper one, unless one is asked for. What is split is written, too, so it has to
// spare a reading or two. What all customers get whole there is no use to split.
func (m *maker) way(model *Model, due, total int) Way {
	switch {
	case model.rule.All:
		return Direct
	case m.in.Setting.Split == SplitAlways:
		return Split
	case m.in.Setting.Split == SplitNever:
		return Direct
	}
	const unit = 1 << 20 // sizes that are not known compare all the same
	if writes := int64(float64(unit) * float64(due) / float64(total)); splitReads(model, unit, due, total)+writes < unit*int64(due) && due > 2 {
		return Split
	}
	return Direct
}

// breaks finds what customers would lose within the contract that they read.
func (m *maker) breaks() {
	type broken struct {
		name     string
		contract int
		before   string
	}
	who := map[broken][]string{}
	for _, c := range m.plan.Customers {
		if c.past.Contract != c.Contract || c.config.Mode == tenant.Rows && c.members == nil || slices.Contains(c.Reasons, ReasonWithdrawn) {
			continue
		}
		now := m.serves(c)
		for name, was := range m.served(c) {
			if was != "" && was != now[name] && !m.others(c, name, now) {
				k := broken{name, c.Contract, was}
				who[k] = append(who[k], c.Name)
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(who), func(a, b broken) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.contract, b.contract), cmp.Compare(a.before, b.before))
	})
	for _, k := range keys {
		before, known := m.in.Shapes[k.before]
		if !known {
			continue
		}
		name, at := k.name, source.Span{}
		after := m.at(k.contract, name)
		if i := slices.IndexFunc(m.rules, func(r ruled) bool { return r.Source == "" && r.As == name }); i >= 0 {
			at = m.rules[i].rule.At
		}
		was := make([]tenant.Column, len(before))
		for i, c := range before {
			was[i] = tenant.Column{Name: c.Name, Type: c.Type}
		}
		if list := tenant.Breaks(was, after); len(list) > 0 {
			m.diags.Add(tenant.Breaking(name, k.contract, max(k.contract, newestOf(m.in.Setting.Contracts)), list, who[k], at))
		}
	}
}

// served are the shapes of what a customer reads so far, but for lakes, by name.
func (m *maker) served(c *Customer) map[string]string {
	out := map[string]string{}
	if len(c.past.Views) > 0 {
		for name, v := range c.past.Views {
			out[name] = v.Shape
		}
		return out
	}
	for n, pair := range c.past.Pairs {
		if n.Kind == addr.Source {
			continue
		}
		name := n.Name
		if r := m.byNode[n]; r != nil {
			name = r.As
		}
		out[name] = pair.Shape
	}
	return out
}

// serves are the shapes of what it reads after the publication.
func (m *maker) serves(c *Customer) map[string]string {
	out := map[string]string{}
	if c.Contract != newestOf(m.in.Setting.Contracts) {
		for name, v := range c.views {
			out[name] = v.Shape
		}
		return out
	}
	for _, e := range c.all {
		if e.model.Source == "" {
			out[e.model.As] = m.shape(m.byNode[e.model.Node], c.Contract)
		}
	}
	return out
}

// others reports whether something that a customer gets no more is no matter of its contract:
// it is for others now.
func (m *maker) others(c *Customer, name string, now map[string]string) bool {
	return now[name] == "" &&
		slices.ContainsFunc(m.rules, func(r ruled) bool { return r.Source == "" && r.As == name }) &&
		!slices.ContainsFunc(c.all, func(e entitled) bool { return e.model.Source == "" && e.model.As == name })
}

// views are what a customer reads of an older contract, by name, with a hash over how each is
// made of the newest.
func (m *maker) views(c *Customer) map[string]state.ReleasedPair {
	if c.Contract == newestOf(m.in.Setting.Contracts) {
		return nil
	}
	known, ok := m.viewed[c.Contract]
	if !ok {
		known = map[string]state.ReleasedPair{}
		for _, old := range m.older(c.Contract) {
			known[old.Name] = state.ReleasedPair{Fingerprint: m.hash(fmt.Sprintf("%+v", old)), Shape: m.shaped(m.at(c.Contract, old.Name)), Rows: -1}
		}
		m.viewed[c.Contract] = known
	}
	out := map[string]state.ReleasedPair{}
	has := map[string]bool{"": true} // what is gone is there for all, without rows
	for _, e := range c.all {
		if e.model.Source == "" {
			has[e.model.As] = true
		}
	}
	for _, old := range m.older(c.Contract) {
		if has[old.Newest] {
			out[old.Name] = known[old.Name]
		}
	}
	return out
}

// at are the columns of a relation as a contract has it, none where it has it not.
func (m *maker) at(contract int, name string) []tenant.Column {
	for _, old := range m.older(contract) {
		if old.Name == name {
			out := make([]tenant.Column, len(old.Columns))
			for i, c := range old.Columns {
				out[i] = tenant.Column{Name: c.Name, Type: c.Type}
			}
			return out
		}
	}
	return nil
}

// seen are the columns of a model as a contract has them.
func (m *maker) seen(r *ruled, contract int) []tenant.Column {
	if r.Source != "" {
		return r.rule.Columns
	}
	for _, old := range m.older(contract) {
		if old.Newest != r.As {
			continue
		}
		out := make([]tenant.Column, len(old.Columns))
		for i, c := range old.Columns {
			out[i] = tenant.Column{Name: c.Name, Type: c.Type}
		}
		return out
	}
	return r.rule.Columns
}

// older are all models as a contract has them, without custom fields.
func (m *maker) older(contract int) []tenant.OldModel {
	if known, ok := m.contracts[contract]; ok {
		return known
	}
	columns := make(map[string][]tenant.Column, len(m.rules))
	for i := range m.rules {
		if m.rules[i].Source == "" {
			columns[m.rules[i].As] = m.rules[i].rule.Columns
		}
	}
	m.contracts[contract] = tenant.Older(m.in.Setting.Contracts, contract, columns)
	return m.contracts[contract]
}

// shape is the hash of the columns that readers of a contract see of a model. It is recorded
// unless it was.
func (m *maker) shape(r *ruled, contract int) string {
	if known, ok := r.shapes[contract]; ok {
		return known
	}
	r.shapes[contract] = m.shaped(m.seen(r, contract))
	return r.shapes[contract]
}

func (m *maker) shaped(seen []tenant.Column) string {
	columns := make([]warehouse.Column, len(seen))
	for i, c := range seen {
		columns[i] = warehouse.Column{Name: c.Name, Type: c.Type}
	}
	hash := state.ShapeOf(columns)
	if m.in.Shapes[hash] == nil {
		m.plan.shapes[hash] = columns
	}
	return hash
}

// JSON is the plan for programs: the same plan gives the same bytes.
func (p *Plan) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the plan of the distribution: %w", err)
	}
	return b, nil
}

// IsEmpty reports whether there is nothing to do.
func (p *Plan) IsEmpty() bool { return len(p.Customers) == 0 }
