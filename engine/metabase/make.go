package metabase

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// Memory is what was last written, by table (see Plan.Tables) and by what it is of: the text
// of a value, short. What is not in it was never written, or is not ours any more. Where a
// write may or may not have been done, that of the value before and that of the value sent are
// there, one to a line; the first is empty where none was ours before.
type Memory map[string]map[string]string

// either stands between texts of a Memory that may both be what was written.
const either = "\n"

// Plan is what to write to one database.
type Plan struct {
	// Database is its name in Metabase, Customer whose it is; empty: the project's own.
	Database string       `json:"database"`
	Customer string       `json:"customer,omitempty"`
	Tables   []*TablePlan `json:"tables"`
}

// TablePlan is what to write to one table.
type TablePlan struct {
	// Key names the table in a Memory.
	Key  string    `json:"-"`
	Node addr.Node `json:"node,omitzero"`
	// Table is «schema.name».
	Table string `json:"table"`
	// Missing says why nothing can be written; Lacks names columns that Metabase does not have,
	// and Loose foreign keys that lead nowhere there.
	Missing string   `json:"missing,omitempty"`
	Lacks   []string `json:"lacks,omitempty"`
	Loose   []string `json:"loose,omitempty"`
	Writes  []*Write `json:"writes,omitempty"`
	// Kept are differences that somebody made by hand.
	Kept []Change `json:"kept,omitempty"`
	// agreed is what Metabase has of what is wanted, as it would be remembered; gone what is
	// neither wanted nor written any more.
	agreed map[string]string
	gone   []string
}

// Write is one request.
type Write struct {
	Kind string `json:"kind"` // table, field, order
	// ID is the table's or the field's.
	ID int `json:"id"`
	// What is the table, or the column of it.
	What    string   `json:"what"`
	Changes []Change `json:"changes"`
	// Body is what is sent.
	Body any `json:"body"`
	// Error says why it was not done; Done that it was.
	Error string `json:"error,omitempty"`
	Done  bool   `json:"done,omitempty"`

	stage  int
	learnt map[string]string // "" forgets
}

// Change is a value that differs.
type Change struct {
	What string `json:"what"` // «orders.id: semantic_type»
	From any    `json:"from"`
	To   any    `json:"to"`
}

// Stages of writes: tables come before their columns, which a hidden table may not show, and
// what foreign keys lead to before the keys.
const (
	stageTable = iota
	stageKey
	stageField
	stageOrder
	stages
)

// In is what Make decides on.
type In struct {
	Server, Customer string
	Tables           []Table
	Found            *Found
	Memory           Memory
	// Force writes over what somebody has changed by hand.
	Force bool
}

// Make compares what is wanted with what there is and with what was last written. A value
// that differs is written if Metabase has none, or still has the one that was written last;
// else somebody has changed it, and it stays. A value that is wanted no more and is still ours
// is taken back. It is pure: the same arguments give the same plan.
func Make(in In) *Plan {
	m := &maker{in: in, plan: &Plan{Database: in.Found.Name, Customer: in.Customer, Tables: []*TablePlan{}}, find: finderOf(in.Found), primary: map[int]bool{}, needed: map[int]bool{}, at: map[addr.Node]*FoundTable{}}
	for i := range in.Tables {
		t := &in.Tables[i]
		if f, _ := m.find.table(t.Schema, t.Name); f != nil && !t.Node.IsZero() {
			m.at[t.Node] = f
		}
	}
	m.targets()
	done := map[int]bool{}
	for i := range in.Tables {
		if in.Tables[i].Beside {
			continue
		}
		if f := m.table(&in.Tables[i]); f != nil {
			done[f.ID] = true
		}
	}
	// What is referred to is a key, be the table chosen or not.
	for i := range in.Found.Tables {
		f := &in.Found.Tables[i]
		if !done[f.ID] {
			m.referred(f)
		}
	}
	return m.plan
}

type maker struct {
	in      In
	plan    *Plan
	find    *finder
	at      map[addr.Node]*FoundTable
	primary map[int]bool // IDs of fields that foreign keys lead to
	needed  map[int]bool // those that foreign keys of chosen tables lead to
}

// targets finds the fields that foreign keys lead to, those of all tables: what is a key does
// not depend on which tables are chosen.
func (m *maker) targets() {
	for i := range m.in.Tables {
		t := &m.in.Tables[i]
		f, _ := m.find.table(t.Schema, t.Name)
		if f == nil || m.hidden(t, f) {
			continue
		}
		for _, c := range t.Columns {
			if to := m.target(c.To); to != nil && f.field(c.Name) != nil {
				m.primary[to.ID] = true
				if !t.Beside {
					m.needed[to.ID] = true
				}
			}
		}
	}
}

// target is the field that a foreign key leads to, nil if Metabase has none.
func (m *maker) target(to *Target) *FoundField {
	if to == nil {
		return nil
	}
	t := m.at[to.Node]
	if t == nil {
		t, _ = m.find.table(to.Schema, to.Table)
	}
	if t == nil {
		return nil
	}
	return t.field(to.Column)
}

// hidden reports whether Metabase does not look at the columns of a table.
func (m *maker) hidden(t *Table, f *FoundTable) bool {
	if v, said := t.Set["visibility_type"]; said {
		return v != nil
	}
	return plain(f.Values["visibility_type"]) != ""
}

func (m *maker) key(schema, name string) string {
	return m.in.Server + "/" + m.in.Found.Name + "/" + schema + "." + name
}

func (m *maker) table(t *Table) *FoundTable {
	p := &TablePlan{Node: t.Node, Table: t.Schema + "." + t.Name, agreed: map[string]string{}}
	m.plan.Tables = append(m.plan.Tables, p)
	f, several := m.find.table(t.Schema, t.Name)
	if f == nil {
		if p.Missing = "Metabase has no such table"; several {
			p.Missing = "Metabase has several tables whose names differ in case only"
		}
		return nil
	}
	p.Key = m.key(f.Schema, f.Name)
	d := &deed{m: m, p: p, past: m.in.Memory[p.Key]}
	d.values("", f.Name, p.Table, t.Set, f.Values, tableKeys)
	d.write("table", f.ID, p.Table, stageTable)
	if m.hidden(t, f) {
		return f
	}
	seen := map[*FoundField]bool{}
	for i := range t.Columns {
		c := &t.Columns[i]
		field := f.field(c.Name)
		if field == nil {
			if !c.Nested {
				p.Lacks = append(p.Lacks, c.Name)
			}
			continue
		}
		seen[field] = true
		m.column(d, c, field)
	}
	for i := range f.Fields {
		if field := &f.Fields[i]; !seen[field] {
			m.column(d, &Column{Name: field.Path}, field)
		}
	}
	if t.Ordered {
		m.order(d, t, f)
	} else {
		p.gone = append(p.gone, orderKey)
	}
	return f
}

// referred makes keys of the columns of a table that is not chosen.
func (m *maker) referred(f *FoundTable) {
	if plain(f.Values["visibility_type"]) != "" {
		return
	}
	p := &TablePlan{Key: m.key(f.Schema, f.Name), Table: f.Schema + "." + f.Name, agreed: map[string]string{}}
	d := &deed{m: m, p: p, past: m.in.Memory[p.Key], part: true}
	for i := range f.Fields {
		if field := &f.Fields[i]; m.needed[field.ID] {
			m.column(d, &Column{Name: field.Path}, field)
		}
	}
	if len(p.Writes)+len(p.Kept)+len(p.agreed) > 0 {
		m.plan.Tables = append(m.plan.Tables, p)
	}
}

func (m *maker) column(d *deed, c *Column, f *FoundField) {
	set := maps.Clone(c.Set)
	if set == nil {
		set = map[string]any{}
	}
	what := d.p.Table + "." + f.Path
	if _, said := set[semanticType]; !said && m.primary[f.ID] {
		set[semanticType] = typePK
	}
	if c.To != nil {
		if to := m.target(c.To); to != nil {
			set[fkTarget] = int64(to.ID)
		} else {
			d.p.Loose = append(d.p.Loose, c.Name)
			if set[semanticType] == typeFK {
				delete(set, semanticType)
			}
		}
	}
	at := "fields/" + strings.ToLower(f.Path) + "/"
	d.values(at, f.Name, what, set, f.Values, fieldKeys)
	if f.Kind != semanticType {
		if v, ok := d.body[semanticType]; ok {
			d.body[f.Kind] = v
			delete(d.body, semanticType)
		}
	}
	d.settings(at+settings+".", what, c.Settings, f.Settings)
	stage := stageField
	if v := d.body[f.Kind]; v == typePK {
		stage = stageKey
	}
	d.write("field", f.ID, what, stage)
}

const orderKey = "order"

// order puts the columns of the model first, in its order; others follow as they stand.
func (m *maker) order(d *deed, t *Table, f *FoundTable) {
	var want, have []*FoundField
	for _, c := range t.Columns {
		if field := f.field(c.Name); field != nil && !slices.Contains(want, field) {
			want = append(want, field)
		}
	}
	for i := range f.Fields {
		field := &f.Fields[i]
		have = append(have, field)
		if !slices.Contains(want, field) {
			want = append(want, field)
		}
	}
	names := func(list []*FoundField) []string {
		out := []string{}
		for _, field := range list {
			out = append(out, strings.ToLower(field.Path))
		}
		return out
	}
	wanted, had := names(want), names(have)
	remembered := strings.Join(wanted, ",")
	if slices.Equal(wanted, had) && f.Order == "custom" || len(want) == 0 {
		d.p.agreed[orderKey] = remembered
		return
	}
	// Columns that came since stand at the end: that is no change by hand.
	if f.Order == "custom" && !m.in.Force {
		ours := slices.ContainsFunc(strings.Split(d.past[orderKey], either), func(past string) bool {
			was := strings.Split(past, ",")
			old := slices.DeleteFunc(slices.Clone(had), func(n string) bool { return !slices.Contains(was, n) })
			was = slices.DeleteFunc(was, func(n string) bool { return !slices.Contains(had, n) })
			return past != "" && slices.Equal(old, was)
		})
		if !ours {
			d.p.Kept = append(d.p.Kept, Change{What: d.p.Table + ": order of columns", From: had, To: wanted})
			return
		}
	}
	ids := []int{}
	for _, field := range want {
		ids = append(ids, field.ID)
	}
	d.p.Writes = append(d.p.Writes, &Write{Kind: orderKey, ID: f.ID, What: d.p.Table, Body: ids, stage: stageOrder, learnt: map[string]string{orderKey: remembered},
		Changes: []Change{{What: d.p.Table + ": order of columns", From: had, To: wanted}}})
}

// deed gathers the writes of one table.
type deed struct {
	m    *maker
	p    *TablePlan
	past map[string]string
	part bool // only some values are looked at: the others are not gone

	body    map[string]any
	changes []Change
	learnt  map[string]string
}

// write makes a request of what was gathered.
func (d *deed) write(kind string, id int, what string, stage int) {
	if len(d.body) > 0 {
		d.p.Writes = append(d.p.Writes, &Write{Kind: kind, ID: id, What: what, Changes: d.changes, Body: d.body, stage: stage, learnt: d.learnt})
	}
	d.body, d.changes, d.learnt = nil, nil, nil
}

func (d *deed) put(key string, v any, c Change, remember, as string) {
	if d.body == nil {
		d.body, d.learnt = map[string]any{}, map[string]string{}
	}
	if v == nil && key == "visibility_type" && strings.HasPrefix(remember, "fields/") {
		v = "normal" // a field has no other word for it
	}
	d.body[key] = v
	d.changes = append(d.changes, c)
	d.learnt[remember] = as
}

// values compares values of a table or a field; at begins their keys in the memory.
func (d *deed) values(at, name, what string, set, found map[string]any, keys []string) {
	for _, key := range keys {
		want, wanted := set[key]
		have := found[key]
		switch d.verdict(at+key, key, name, want, wanted, have) {
		case agree:
			d.p.agreed[at+key] = digest(want)
		case overwrite:
			if key == fkTarget && d.kept(what+": "+semanticType) {
				continue // somebody says that it is no foreign key
			}
			d.put(key, want, Change{what + ": " + key, have, want}, at+key, digest(want))
		case takeBack:
			d.put(key, nil, Change{what + ": " + key, have, nil}, at+key, "")
		case stay:
			d.p.Kept = append(d.p.Kept, Change{what + ": " + key, have, want})
		case forgotten:
			d.p.gone = append(d.p.gone, at+key)
		}
	}
}

func (d *deed) kept(what string) bool {
	return slices.ContainsFunc(d.p.Kept, func(c Change) bool { return c.What == what })
}

// settings compares how values are written. They are sent as a whole: those of others too.
func (d *deed) settings(at, what string, set, found map[string]any) {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	for key := range d.past {
		if name, ok := strings.CutPrefix(key, at); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	whole := maps.Clone(found)
	if whole == nil {
		whole = map[string]any{}
	}
	changed := false
	for _, name := range names {
		want, wanted := set[name]
		key, label := at+name, what+": "+settings+"."+name
		switch d.verdict(key, name, "", want, wanted, found[name]) {
		case agree:
			d.p.agreed[key] = digest(want)
		case overwrite:
			if whole[name] = want; want == nil {
				delete(whole, name)
			}
			changed = true
			d.put(settings, whole, Change{label, found[name], want}, key, digest(want))
		case takeBack:
			delete(whole, name)
			changed = true
			d.put(settings, whole, Change{label, found[name], nil}, key, "")
		case stay:
			d.p.Kept = append(d.p.Kept, Change{label, found[name], want})
		case forgotten:
			d.p.gone = append(d.p.gone, key)
		}
	}
	if changed && len(whole) == 0 {
		d.body[settings] = nil
	}
}

type verdict int

const (
	leave     verdict = iota // nothing is wanted, nothing was ours
	agree                    // it is as it is wanted
	overwrite                // it is written
	takeBack                 // it is ours and wanted no more
	stay                     // somebody has changed it
	forgotten                // it was ours, somebody has changed it, and nothing is wanted
)

// guessed are values that Metabase makes up itself where nobody gives one: without a memory
// they are nobody's.
var guessed = map[string]bool{semanticType: true, fkTarget: true, "has_field_values": true}

func (d *deed) verdict(remember, key, name string, want any, wanted bool, have any) verdict {
	past, remembered := d.past[remember]
	texts := strings.Split(past, either)
	ours := slices.Contains(texts, digest(have))
	wantText, haveText := plain(want), plain(have)
	nothing := haveText == "" || key == "visibility_type" && haveText == "normal" ||
		key == "display_name" && name != "" && bare(haveText) == bare(name)
	switch {
	case !wanted && (!remembered || d.part):
		return leave
	case !wanted && ours && !nothing:
		return takeBack
	case !wanted:
		return forgotten
	case wantText == haveText, nothing && (want == nil || key == "visibility_type" && wantText == "normal"):
		return agree
	case nothing, d.m.in.Force, ours:
		return overwrite
	case texts[0] == "" && guessed[key]: // none was written that is sure to have been
		return overwrite
	}
	return stay
}

// plain is the text of a value, so that what JSON read and what YAML read compare. Metabase
// has neither spaces nor empty lines at the ends of texts.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
	case int64:
		return strconv.FormatFloat(float64(v), 'g', -1, 64)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// digest is a value as it is remembered.
func digest(v any) string {
	h := sha256.Sum256([]byte(plain(v)))
	return hex.EncodeToString(h[:8])
}

// bare is a name as Metabase may make words of it: «order_id» is «Order ID».
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// Intend is the memory of the plan's tables to keep before it is applied: if nobody is there to
// keep what Remember says afterwards, what was written is known for ours all the same. Only
// tables that are written to, and whose memory is not that already, are in it.
func (p *Plan) Intend(past Memory) Memory {
	out := Memory{}
	for _, t := range p.Tables {
		now := maps.Clone(past[t.Key])
		if now == nil {
			now = map[string]string{}
		}
		for _, w := range t.Writes {
			for key, v := range w.learnt {
				if !slices.Contains(strings.Split(now[key], either), v) {
					now[key] += either + v
				}
			}
		}
		if !maps.Equal(now, past[t.Key]) {
			out[t.Key] = now
		}
	}
	return out
}

// Remember is the memory of the plan's tables after it was applied: what Metabase has of what
// is wanted. What failed may have been done: it is remembered as past has it, which is what
// Intend gave. Only tables whose memory is not what it was are in it.
func (p *Plan) Remember(past Memory) Memory {
	out := Memory{}
	for _, t := range p.Tables {
		if t.Key == "" {
			continue
		}
		now := maps.Clone(past[t.Key])
		if now == nil {
			now = map[string]string{}
		}
		maps.Copy(now, t.agreed)
		for _, key := range t.gone {
			delete(now, key)
		}
		for _, w := range t.Writes {
			if !w.Done {
				continue
			}
			for key, v := range w.learnt {
				if now[key] = v; v == "" {
					delete(now, key)
				}
			}
		}
		if !maps.Equal(now, past[t.Key]) {
			out[t.Key] = now
		}
	}
	return out
}

// Counts of a plan.
type Counts struct {
	Tables  int `json:"tables"`
	Missing int `json:"missing"`
	Lacks   int `json:"missing_columns"`
	Writes  int `json:"writes"`
	Failed  int `json:"failed"`
	Kept    int `json:"kept"`
}

// Count counts what is in the plan, or after Apply what was done.
func (p *Plan) Count() Counts {
	var c Counts
	for _, t := range p.Tables {
		if !t.Node.IsZero() {
			c.Tables++
		}
		if t.Missing != "" {
			c.Missing++
		}
		c.Lacks += len(t.Lacks) + len(t.Loose)
		c.Kept += len(t.Kept)
		for _, w := range t.Writes {
			if c.Writes++; w.Error != "" {
				c.Failed++
			}
		}
	}
	return c
}

// Add sums up.
func (c Counts) Add(o Counts) Counts {
	return Counts{c.Tables + o.Tables, c.Missing + o.Missing, c.Lacks + o.Lacks, c.Writes + o.Writes, c.Failed + o.Failed, c.Kept + o.Kept}
}

// Complete reports whether Metabase has all that is wanted to be described: it need not look
// for tables and columns anew.
func Complete(tables []Table, f *Found) bool {
	find := finderOf(f)
	for i := range tables {
		t := &tables[i]
		if t.Beside {
			continue
		}
		at, _ := find.table(t.Schema, t.Name)
		if at == nil {
			return false
		}
		if plain(at.Values["visibility_type"]) != "" {
			continue // Metabase does not look at its columns
		}
		for _, c := range t.Columns {
			if !c.Nested && at.field(c.Name) == nil {
				return false
			}
		}
	}
	return true
}

func (w *Write) before(o *Write) int {
	return cmp.Or(cmp.Compare(w.stage, o.stage), cmp.Compare(w.What, o.What), cmp.Compare(w.ID, o.ID))
}
