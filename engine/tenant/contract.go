package tenant

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// OldModel is a relation as an older contract has it.
type OldModel struct {
	Name string
	// Newest is the relation that it is a view of; empty where there is none any more: the
	// view has no rows.
	Newest  string
	Columns []OldColumn
}

// OldColumn is a column as an older contract has it.
type OldColumn struct {
	Name, Type string
	// From is the column of the newest that it is; empty where it is gone: NULL. Cast: it has
	// another type there, and is NULL where the value does not fit.
	From string
	Cast bool
}

// Contracts are the versions of what customers read, ascending, with types in the target's
// spelling: at least one, version 1 if none is configured. Mistakes in them are reported,
// those against the rules included: every contract has to lead to what the models have.
func Contracts(p *compile.Program, rules []Rule) ([]Contract, diag.List) {
	d := p.Project.Settings.Distribution
	if d == nil || len(d.Contracts) == 0 {
		return []Contract{{Version: 1}}, nil
	}
	c := &contractor{p: p}
	var out []Contract
	for _, w := range d.Contracts {
		out = append(out, c.contract(w))
	}
	if last := d.Contracts[len(d.Contracts)-1]; len(last.Changes) > 0 {
		c.list.Add(contractWrong(last.Changes[0].At, fmt.Sprintf("contract %d has changes, and there is no contract after it", last.Version.V), "changes lead to the next contract: add it, or move them to the one before"))
		out[len(out)-1].Changes = nil
	}
	if last := d.Contracts[len(d.Contracts)-1]; last.Sunset.IsSet() {
		c.list.Add(contractWrong(last.Sunset.At, fmt.Sprintf("contract %d is the newest, and has a sunset", last.Version.V), "remove it: customers would have nothing to move to"))
	}
	b := &backward{list: &c.list, models: newestModels(rules), check: true}
	for i := len(out) - 2; i >= 0; i-- {
		b.step(out[i])
	}
	return out, c.list.Sorted()
}

// newestOf is the version of the newest contract.
func newestOf(contracts []Contract) int {
	if len(contracts) == 0 {
		return 1
	}
	return contracts[len(contracts)-1].Version
}

type contractor struct {
	p    *compile.Program
	list diag.List
}

func (c *contractor) contract(w project.Contract) Contract {
	out := Contract{Version: int(w.Version.V), Sunset: w.Sunset.V, At: w.Version.At}
	for _, ch := range w.Changes {
		plain := func(m map[string]project.Value[string], types bool) map[string]string {
			if len(m) == 0 {
				return nil
			}
			made := make(map[string]string, len(m))
			for _, name := range slices.Sorted(maps.Keys(m)) {
				if made[name] = m[name].V; types {
					made[name] = c.native(m[name])
				}
			}
			return made
		}
		out.Changes = append(out.Changes, Change{
			Model: ch.Model.V, Renamed: plain(ch.Renamed, false), Removed: plain(ch.Removed, true), Retyped: plain(ch.Retyped, true),
			Added: ch.Added, Dropped: ch.Dropped, At: ch.At,
		})
	}
	return out
}

// native is a type in the target's spelling. What is no type of GoogleSQL has to be one of
// the target that the translator knows.
func (c *contractor) native(w project.Value[string]) string {
	tr := c.p.Target.Translator
	t, _, err := googlesql.ParseType(w.V)
	switch {
	case err == nil && tr == nil:
		return w.V
	case err == nil:
		if native, err := tr.Type(t); err == nil {
			return native
		}
	case tr != nil:
		if _, ok := tr.Parse(w.V); ok {
			return w.V
		}
	}
	c.list.Add(contractWrong(w.At, fmt.Sprintf("%q is no type", w.V), "write a type of GoogleSQL: INT64, STRING, NUMERIC, DATE, ARRAY<STRING>, …"))
	return w.V
}

// newestModels are the relations of models as the newest contract has them.
func newestModels(rules []Rule) map[string]*OldModel {
	out := map[string]*OldModel{}
	for _, r := range rules {
		if r.Source == "" {
			out[r.As] = asIs(r.As, r.Columns)
		}
	}
	return out
}

func asIs(name string, columns []Column) *OldModel {
	m := &OldModel{Name: name, Newest: name}
	for _, c := range columns {
		m.Columns = append(m.Columns, OldColumn{Name: c.Name, Type: c.Type, From: c.Name})
	}
	return m
}

// backward leads models from a contract to the one before.
type backward struct {
	models map[string]*OldModel // by name in the contract reached
	check  bool
	list   *diag.List
}

// wrong reports a change that does not lead anywhere, once: while the contracts are checked.
func (b *backward) wrong(at source.Span, help, format string, args ...any) {
	if b.check {
		b.list.Add(contractWrong(at, fmt.Sprintf(format, args...), help))
	}
}

// step makes the models those of contract c, which are those of the next so far.
func (b *backward) step(c Contract) {
	seen := map[string]bool{}
	for _, ch := range c.Changes {
		m := b.models[ch.Model]
		switch {
		case seen[ch.Model]:
			b.wrong(ch.At, "put the changes of a model into one entry", "contract %d has two changes of %q", c.Version, ch.Model)
			continue
		case ch.Dropped && m != nil:
			b.wrong(ch.At, `remove "dropped": the model is there`, "contract %d says that %q was dropped, and it is there", c.Version, ch.Model)
			continue
		case !ch.Dropped && m == nil:
			b.wrong(ch.At, suggest(ch.Model, slices.Sorted(maps.Keys(b.models)), "those of the next contract"), "contract %d has changes of %q, which the next one does not have", c.Version, ch.Model)
			continue
		}
		seen[ch.Model] = true
		switch {
		case ch.Added:
			delete(b.models, ch.Model)
		case ch.Dropped:
			m = &OldModel{Name: ch.Model}
			b.remove(c, ch, m)
			b.models[ch.Model] = m
		default:
			b.change(c, ch, m)
		}
	}
}

func (m *OldModel) index(name string) int {
	return slices.IndexFunc(m.Columns, func(c OldColumn) bool { return strings.EqualFold(c.Name, name) })
}

func (m *OldModel) names() []string {
	out := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		out[i] = c.Name
	}
	return out
}

func (b *backward) change(c Contract, ch Change, m *OldModel) {
	to := map[int]string{} // column → its older name
	for _, old := range slices.Sorted(maps.Keys(ch.Renamed)) {
		now := ch.Renamed[old]
		i := m.index(now)
		if i < 0 {
			b.wrong(ch.At, suggest(now, m.names(), "its columns"), "contract %d: %q of %q was renamed to %q, which the next contract does not have", c.Version, old, ch.Model, now)
			continue
		}
		if first, twice := to[i]; twice {
			b.wrong(ch.At, "a column has one older name", "contract %d: %q and %q of %q were both renamed to %q", c.Version, first, old, ch.Model, now)
			continue
		}
		to[i] = old
	}
	for i, old := range to {
		m.Columns[i].Name = old
	}
	for _, name := range slices.Sorted(maps.Keys(ch.Retyped)) {
		i := m.index(name)
		if i < 0 {
			b.wrong(ch.At, suggest(name, m.names(), "its columns then"), "contract %d: %q has no column %q that could have had another type", c.Version, ch.Model, name)
			continue
		}
		if b.check && sameType(m.Columns[i].Type, ch.Retyped[name]) && ch.Retyped[name] != "" {
			b.wrong(ch.At, "remove it from retyped", "contract %d: %q of %q has had the type %s all along", c.Version, name, ch.Model, ch.Retyped[name])
		}
		m.Columns[i].Type, m.Columns[i].Cast = ch.Retyped[name], m.Columns[i].From != ""
	}
	b.remove(c, ch, m)
	have := map[string]bool{}
	for _, col := range m.Columns {
		if key := strings.ToLower(col.Name); have[key] {
			b.wrong(ch.At, "the older contract had one column of the name: say what has become of it", "contract %d: %q would have two columns %q", c.Version, ch.Model, col.Name)
		} else {
			have[key] = true
		}
	}
}

// remove puts back the columns that the next contract lacks, behind the others.
func (b *backward) remove(c Contract, ch Change, m *OldModel) {
	for _, name := range slices.Sorted(maps.Keys(ch.Removed)) {
		if m.index(name) >= 0 {
			b.wrong(ch.At, `it is there: remove it from "removed"`, "contract %d: %q of %q was removed, and the next contract has it", c.Version, name, ch.Model)
			continue
		}
		m.Columns = append(m.Columns, OldColumn{Name: name, Type: ch.Removed[name]})
	}
}

// Older are the relations as a contract has them, sorted by name, where columns are those
// of the newest by relation, a customer's custom fields included. Of the newest contract
// they are what there is.
func Older(contracts []Contract, version int, columns map[string][]Column) []OldModel {
	b := &backward{models: map[string]*OldModel{}}
	for name, cols := range columns {
		b.models[name] = asIs(name, cols)
	}
	for i := len(contracts) - 2; i >= 0 && contracts[i].Version >= version; i-- {
		b.step(contracts[i])
	}
	out := make([]OldModel, 0, len(b.models))
	for _, name := range slices.Sorted(maps.Keys(b.models)) {
		out = append(out, *b.models[name])
	}
	return out
}

// Break is one way in which columns no longer are what customers read. After is empty where
// the column is gone; otherwise both are types.
type Break struct {
	Column, Before, After string
	// Became is the only new column of the same type, which it was perhaps renamed to.
	Became string
}

// String is the break in words.
func (b Break) String() string {
	switch {
	case b.After != "":
		return fmt.Sprintf("%q was %s and is %s", b.Column, b.Before, b.After)
	case b.Became != "":
		return fmt.Sprintf("%q is gone, perhaps renamed to %q", b.Column, b.Became)
	}
	return fmt.Sprintf("%q is gone", b.Column)
}

// Breaks compares what customers read of a relation with what they would read now: columns
// that are gone, and types that do not hold every value of the former one. New columns and
// another order break nothing. A type that is not known is not compared.
func Breaks(before, after []Column) []Break {
	index := func(list []Column, name string) int {
		return slices.IndexFunc(list, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	}
	var out []Break
	for _, b := range before {
		i := index(after, b.Name)
		if i >= 0 {
			if a := after[i]; a.Type != "" && b.Type != "" && !holds(a.Type, b.Type) {
				out = append(out, Break{Column: b.Name, Before: b.Type, After: a.Type})
			}
			continue
		}
		gone := Break{Column: b.Name, Before: b.Type}
		var fresh []string
		for _, a := range after {
			if index(before, a.Name) < 0 && sameType(a.Type, b.Type) {
				fresh = append(fresh, a.Name)
			}
		}
		if len(fresh) == 1 {
			gone.Became = fresh[0]
		}
		out = append(out, gone)
	}
	slices.SortFunc(out, func(a, b Break) int { return cmp.Compare(a.Column, b.Column) })
	return out
}

// aliases are other spellings of a type, in the three warehouses.
var aliases = map[string]string{
	"INT": "INTEGER", "INT4": "INTEGER", "SIGNED": "INTEGER", "INT2": "SMALLINT", "SHORT": "SMALLINT", "INT1": "TINYINT",
	"INT8": "BIGINT", "INT64": "BIGINT", "LONG": "BIGINT", "FLOAT4": "REAL", "FLOAT8": "DOUBLE", "FLOAT64": "DOUBLE", "DOUBLE PRECISION": "DOUBLE",
	"TEXT": "STRING", "VARCHAR": "STRING", "CHARACTER VARYING": "STRING", "CHAR VARYING": "STRING", "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN",
	"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP", "DECIMAL": "NUMERIC",
}

var typeForm = regexp.MustCompile(`^([A-Z][A-Z0-9 ]*?) ?\( ?(\d+)(?: ?, ?(\d+))? ?\)$`)

// parsed is a type as a word and up to two numbers; -1 where there is none.
func parsed(typ string) (word string, a, b int) {
	word, a, b = strings.Join(strings.Fields(strings.ToUpper(typ)), " "), -1, -1
	if m := typeForm.FindStringSubmatch(word); m != nil {
		word = m[1]
		a, _ = strconv.Atoi(m[2])
		b = 0
		if m[3] != "" {
			b, _ = strconv.Atoi(m[3])
		}
	}
	if known, ok := aliases[word]; ok {
		word = known
	}
	return word, a, b
}

func sameType(a, b string) bool {
	aw, a1, a2 := parsed(a)
	bw, b1, b2 := parsed(b)
	return aw == bw && a1 == b1 && a2 == b2
}

var wider = map[string][]string{
	"SMALLINT": {"TINYINT"}, "INTEGER": {"TINYINT", "SMALLINT"}, "BIGINT": {"TINYINT", "SMALLINT", "INTEGER"}, "DOUBLE": {"REAL"},
	"BIGNUMERIC": {"NUMERIC", "BIGINT"},
}

// holds reports whether a type has every value of another, so that queries that read it go on
// to work.
func holds(now, before string) bool {
	nw, n1, n2 := parsed(now)
	bw, b1, b2 := parsed(before)
	switch {
	case nw == bw && n1 == b1 && n2 == b2:
		return true
	case nw != bw:
		return n1 < 0 && b1 < 0 && slices.Contains(wider[nw], bw)
	case n1 < 0:
		return true // without a limit
	case b1 < 0:
		return false
	}
	return n1-n2 >= b1-b2 && n2 >= b2
}

// sunsetNotice is how long before its end a contract is spoken of.
const sunsetNotice = 30 * 24 * time.Hour

// Sunsets warns of contracts that customers read and that end within 30 days, or have ended.
func Sunsets(contracts []Contract, cfg *Config, now time.Time) diag.List {
	var list diag.List
	for _, c := range contracts {
		if c.Sunset.IsZero() || now.Before(c.Sunset.Add(-sunsetNotice)) {
			continue
		}
		var who []string
		for _, customer := range cfg.Customers {
			if customer.Enabled && customer.Contract == c.Version {
				who = append(who, customer.Name)
			}
		}
		if len(who) == 0 {
			continue
		}
		verb := "ends"
		if !now.Before(c.Sunset) {
			verb = "ended"
		}
		list.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeSunset, Message: fmt.Sprintf("contract %d, which %s %s, %s on %s", c.Version, names(who), reads(who), verb, c.Sunset.Format(time.DateOnly)), At: c.At,
			Help: fmt.Sprintf("move them to contract %d, or give the contract a later sunset", newestOf(contracts))})
	}
	return list
}

func reads(who []string) string {
	if len(who) == 1 {
		return "reads"
	}
	return "read"
}
