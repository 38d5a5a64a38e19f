package tenant

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Table is one part of the configuration as rows.
type Table struct {
	Part string // project.Customers, …
	// Columns are by our names. Rows are in their order: nil, bool, int64, float64, string, or
	// a []any of these.
	Columns []string
	Rows    [][]any
	// At are the places of the cells; nil for a relation, whose name From is.
	At   [][]source.Span
	From string
}

// Summary is what a warehouse says of one list of keys that is too long to be read.
type Summary struct {
	Customer, Entity string
	Keys             Keys
	// Nulls are keys that are NULL, and are in no list. Odd are those that are no whole number.
	Nulls, Odd int64
}

// Parts are the tables of a configuration. Those that stand in engine.yml or in a file need
// not be there. Summaries of project.Links and project.Transfers take the place of a table.
type Parts struct {
	Tables    map[string]Table
	Summaries map[string][]Summary
}

// Options of Read.
type Options struct {
	Rules     []Rule
	Contracts []Contract
	Caps      warehouse.Caps
	// Reserved are schemas that no customer can have.
	Reserved []string
	// First are the columns with which custom fields were published first.
	First map[FieldRef]string
}

// FieldRef names a custom field of a customer.
type FieldRef struct {
	Customer, Model, ID string
}

// Written are the tables of a configuration that stand in engine.yml or in a file.
func Written(d *project.Distribution) Parts {
	p := Parts{Tables: map[string]Table{}}
	for name, part := range d.Parts {
		if part.Ref.V != "" {
			continue
		}
		t := Table{Part: name, Columns: part.Header, Rows: make([][]any, len(part.Rows)), At: make([][]source.Span, len(part.Rows))}
		for i, row := range part.Rows {
			t.Rows[i], t.At[i] = make([]any, len(row)), make([]source.Span, len(row))
			for j, cell := range row {
				t.Rows[i][j], t.At[i][j] = cell.V, cell.At
			}
		}
		p.Tables[name] = t
	}
	return p
}

// Read makes the customers of the parts and reports all that is wrong with them. What a
// person wrote into engine.yml or a file and what cannot be right is an error. Rows of a
// relation that name what is not there, and NULLs, give nobody anything: they are left out
// with a warning. When the list has errors nothing may be published. It is pure; equal
// arguments give an equal Config, whatever the order of the rows.
func Read(d *project.Distribution, parts Parts, o Options) (*Config, diag.List) {
	written := Written(d)
	for name, t := range parts.Tables {
		written.Tables[name] = t
	}
	written.Summaries = parts.Summaries
	r := &configReader{d: d, o: o, parts: written, byName: map[string]*Customer{}, counts: map[string]int{}}
	r.customers()
	r.tenants()
	r.lists(project.Links)
	r.lists(project.Transfers)
	r.principals()
	r.fields()
	cfg := r.finish()
	return cfg, r.list.Sorted()
}

type configReader struct {
	d      *project.Distribution
	o      Options
	parts  Parts
	byName map[string]*Customer
	list   diag.List
	counts map[string]int // diagnostics by code, part and severity
}

// row is one row of a table while it is read.
type row struct {
	r     *configReader
	table *Table
	i     int
}

func (w row) index(column string) int { return slices.Index(w.table.Columns, column) }

// get is the value of a column, nil where there is none. An empty text is none.
func (w row) get(column string) any {
	i := w.index(column)
	if i < 0 || i >= len(w.table.Rows[w.i]) {
		return nil
	}
	v := w.table.Rows[w.i][i]
	if s, ok := v.(string); ok && strings.TrimSpace(s) == "" {
		return nil
	}
	return v
}

func (w row) at(column string) source.Span {
	i := w.index(column)
	if w.table.At == nil || w.i >= len(w.table.At) {
		if part := w.r.d.Parts[w.table.Part]; part != nil {
			return part.Ref.At
		}
		return w.r.d.At
	}
	if i < 0 || i >= len(w.table.At[w.i]) {
		if len(w.table.At[w.i]) > 0 {
			return w.table.At[w.i][0]
		}
		return w.r.d.At
	}
	return w.table.At[w.i][i]
}

// mostAlike is how many mistakes of one kind in one part are told one by one.
const mostAlike = 20

// kind names diagnostics that are counted together.
func (w row) kind(severity diag.Severity, code diag.Code) string {
	return fmt.Sprint(code, w.table.Part, severity)
}

// report adds what is wrong with a row. Of a relation the row is named, since it has no place.
func (w row) report(severity diag.Severity, code diag.Code, column, help, format string, args ...any) {
	key := w.kind(severity, code)
	w.r.counts[key]++
	if n := w.r.counts[key]; n > mostAlike {
		if n == mostAlike+1 {
			w.r.list.Add(diag.Diagnostic{Severity: severity, Code: code, Message: fmt.Sprintf("and there is more of this kind in %s", w.where()), At: w.at(column), Help: "mend the first ones, and run again"})
		}
		return
	}
	d := diag.Diagnostic{Severity: severity, Code: code, Message: fmt.Sprintf(format, args...), At: w.at(column), Help: help}
	if w.table.At == nil {
		d.Message += " in " + w.where()
		d.Notes = []string{"the row is " + w.text()}
	}
	w.r.list.Add(d)
}

func (w row) where() string {
	if w.table.From != "" {
		return w.table.From
	}
	return w.table.Part
}

// text is the row for people.
func (w row) text() string {
	var out []string
	for i, c := range w.table.Columns {
		if i < len(w.table.Rows[w.i]) {
			out = append(out, c+" "+shown(w.table.Rows[w.i][i]))
		}
	}
	return strings.Join(out, ", ")
}

// shown is a value for people, short and without anything that a terminal would take for
// more than a letter.
func shown(v any) string {
	s, ok := v.(string)
	switch {
	case v == nil:
		return "NULL"
	case !ok:
		s = fmt.Sprint(v)
	}
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:60]) + "…"
	}
	if !ok {
		return s
	}
	return strconv.Quote(s)
}

// soft is the severity of a row that gives nobody anything: what a person has written is a
// mistake, what an app has stored a warning.
func (w row) soft() diag.Severity {
	if w.table.At == nil {
		return diag.Warning
	}
	return diag.Error
}

// each calls f with all rows of a part.
func (r *configReader) each(part string, f func(row)) {
	t, ok := r.parts.Tables[part]
	if !ok {
		return
	}
	t.Part = part
	for i := range t.Rows {
		f(row{r, &t, i})
	}
}

// plain is the text of a value, false where it is none.
func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), utf8.Valid(v)
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

func (w row) plain(column string) string {
	s, _ := plain(w.get(column))
	return strings.TrimSpace(s)
}

// customer is the name in a row, of a customer that exists.
func (w row) customer() *Customer {
	v := w.get("customer")
	if v == nil {
		w.report(w.soft(), codeKey, "customer", "name the customer, or remove the row", "a row of %s has no customer", w.table.Part)
		return nil
	}
	name, _ := plain(v)
	if c := w.r.byName[name]; c != nil {
		return c
	}
	help := ""
	if w.r.counts[w.kind(w.soft(), codeCustomerUnknown)] < mostAlike { // to look for names that are alike takes time
		help = suggest(name, w.r.names(), "customers")
	}
	w.report(w.soft(), codeCustomerUnknown, "customer", help, "there is no customer %s", shown(v))
	return nil
}

func (r *configReader) names() []string { return slices.Sorted(maps.Keys(r.byName)) }

func (r *configReader) customers() {
	n := 0
	first := map[string]row{}
	r.each(project.Customers, func(w row) {
		if n++; int64(n) > r.d.MaxCustomers.V {
			if int64(n) == r.d.MaxCustomers.V+1 {
				w.report(diag.Error, codeCustomers, "customer", "raise distribution.limits.max_customers if they are right", "there are more than %d customers", r.d.MaxCustomers.V)
			}
			return
		}
		v := w.get("customer")
		name, isText := plain(v)
		switch {
		case v == nil:
			w.report(diag.Error, codeCustomer, "customer", "give it a name", "a customer has no name")
			return
		case !isText || !customerName.MatchString(name):
			help := "use a-z, 0-9 and _, beginning with a letter"
			if s := Slug(name); customerName.MatchString(s) {
				help = fmt.Sprintf("%s: %s, for example; title has the name for people", help, s)
			}
			w.report(diag.Error, codeCustomer, "customer", help, "%s cannot be the name of a customer", shown(v))
			return
		}
		if was, twice := first[name]; twice {
			w.report(diag.Error, codeCustomerTwice, "customer", "remove one of the rows", "customer %q is there twice", name)
			if w.table.At != nil {
				last := &r.list[len(r.list)-1]
				last.Labels = labels(was.at("customer"), "first here")
			}
			return
		}
		first[name] = w
		r.byName[name] = w.make(name)
	})
}

// make reads the columns of a customer.
func (w row) make(name string) *Customer {
	c := &Customer{Name: name, Title: w.plain("title"), Tier: 2, Contract: newestOf(w.r.o.Contracts), Enabled: true}
	if w.table.At != nil {
		c.At = w.at("customer")
	}
	if v := w.get("tier"); v != nil {
		tier, ok := wholeNumber(v)
		if !ok || tier < 1 || tier > 3 {
			w.report(diag.Error, codeCustomer, "tier", "1: reads through a BI account; 2: has schemas of its own; 3: has models of its own, too", "%s is not a tier, of customer %q", shown(v), name)
		} else {
			c.Tier = int(tier)
		}
	}
	c.Mode = Mode(w.r.d.Mode.V)
	if m, ok := w.r.d.ModeOf[int64(c.Tier)]; ok {
		c.Mode = Mode(m.V)
	}
	if v := w.get("mode"); v != nil {
		if s, _ := plain(v); slices.Contains(project.Modes, s) {
			c.Mode = Mode(s)
		} else {
			w.report(diag.Error, codeCustomer, "mode", suggest(s, project.Modes, "modes"), "%s is not a mode, of customer %q", shown(v), name)
		}
	}
	if v := w.get("contract"); v != nil {
		n, ok := wholeNumber(v)
		if i := slices.IndexFunc(w.r.o.Contracts, func(k Contract) bool { return ok && int64(k.Version) == n }); i < 0 {
			w.report(diag.Error, codeCustomer, "contract", "contracts are "+versions(w.r.o.Contracts), "there is no contract %s, which customer %q reads", shown(v), name)
		} else {
			c.Contract = int(n)
		}
	}
	c.Enabled = w.flag("enabled", name, true)
	c.Canary = w.flag("canary", name, false)
	c.Markers = w.markers(c)
	for _, p := range w.words("principals") {
		w.principal(c, "principals", p)
	}
	return c
}

func versions(contracts []Contract) string {
	var out []string
	for _, c := range contracts {
		out = append(out, strconv.Itoa(c.Version))
	}
	return strings.Join(out, ", ")
}

// wholeNumber is a whole number, as a number or as text.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), true
		}
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func (w row) flag(column, customer string, def bool) bool {
	switch v := w.get(column).(type) {
	case nil:
		return def
	case bool:
		return v
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "t", "yes", "1":
			return true
		case "false", "f", "no", "0":
			return false
		}
	case int64:
		if v == 0 || v == 1 {
			return v == 1
		}
	}
	w.report(diag.Error, codeCustomer, column, "write true or false", "%s of customer %q is %s", column, customer, shown(w.get(column)))
	return def
}

// words are the items of a list, or of a text that ; separates.
func (w row) words(column string) []string {
	var out []string
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	switch v := w.get(column).(type) {
	case []any:
		for _, item := range v {
			s, ok := plain(item)
			if !ok && item != nil {
				w.report(diag.Error, codeCustomer, column, "write a list of texts", "%s has an item that is no text", column)
				continue
			}
			add(s)
		}
	case []string:
		for _, s := range v {
			add(s)
		}
	default:
		s, _ := plain(v)
		for _, item := range strings.Split(s, ";") {
			add(item)
		}
	}
	return out
}

// leastMarker is how long a marker is at least, in characters: a shorter one turns up by chance.
const leastMarker = 6

func (w row) markers(c *Customer) []string {
	found := w.words("markers")
	switch {
	case !c.Canary && len(found) > 0:
		w.report(diag.Warning, codeCustomer, "markers", "add canary: true, or remove the markers", "customer %q has markers, and is no canary", c.Name)
		return nil
	case !c.Canary:
		return nil
	case len(found) == 0:
		for _, m := range w.r.d.Markers {
			found = append(found, m.V)
		}
	}
	if len(found) == 0 {
		w.report(diag.Error, codeCustomer, "canary", "give it markers, texts that its rows have and nobody else's, or distribution.canary_markers", "customer %q is a canary without markers", c.Name)
	}
	for _, m := range found {
		if utf8.RuneCountInString(m) < leastMarker {
			w.report(diag.Error, codeCustomer, "markers", "give a text that cannot turn up by chance", "marker %q of customer %q has less than %d characters", m, c.Name, leastMarker)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// everybody are principals that are not somebody: a customer's rows are for nobody else.
var everybody = []string{"public", "allusers", "allauthenticatedusers", "specialgroup:allusers", "specialgroup:allauthenticatedusers", "iammember:allusers", "iammember:allauthenticatedusers"}

// longestPrincipal is in bytes; members of BigQuery are e-mail addresses or URLs of pools.
const longestPrincipal = 1024

func (w row) principal(c *Customer, column, name string) {
	bad := strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
	switch {
	case slices.Contains(everybody, strings.ToLower(name)):
		w.report(diag.Error, codeCustomer, column, "name the accounts or the groups that may read", "principal %q of customer %q is everybody", name, c.Name)
	case bad || len(name) > longestPrincipal:
		w.report(diag.Error, codeCustomer, column, "name it as the warehouse knows it", "%s of customer %q cannot be a principal", shown(name), c.Name)
	case slices.Contains(c.Principals, name):
		w.report(diag.Warning, codeCustomerTwice, column, "remove one", "principal %q of customer %q is there twice", name, c.Name)
	default:
		c.Principals = append(c.Principals, name)
	}
}

func (r *configReader) principals() {
	r.each(project.Principals, func(w row) {
		c := w.customer()
		if c == nil {
			return
		}
		v := w.get("principal")
		name, ok := plain(v)
		if v == nil || !ok {
			w.report(w.soft(), codeCustomer, "principal", "name it, or remove the row", "a principal of customer %q has no name", c.Name)
			return
		}
		w.principal(c, "principal", strings.TrimSpace(name))
	})
	holders := map[string][]string{}
	for _, name := range r.names() {
		for _, p := range r.byName[name].Principals {
			holders[p] = append(holders[p], name)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(holders)) {
		if who := holders[p]; len(who) > 1 {
			r.list.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeCustomerTwice, Message: fmt.Sprintf("principal %q reads what is of %s", p, names(who)), At: placeOf(r.byName[who[1]].At, r.d.At),
				Labels: labels(r.byName[who[0]].At, "first here"), Help: "give every customer principals of its own, unless it is the account of your own BI tool"})
		}
	}
}

// ParseKey is the key of a value; false where it cannot be one. A text that is a whole
// number as a number is written is the number, too: "0476" is not.
func ParseKey(v any) (Key, bool) {
	switch v := v.(type) {
	case int64:
		return Key{Int: v, Text: strconv.FormatInt(v, 10), Number: true}, true
	case int:
		return ParseKey(int64(v))
	case float64:
		if n, ok := wholeNumber(v); ok {
			return ParseKey(n)
		}
	case []byte:
		return ParseKey(string(v))
	case string:
		if v == "" || !utf8.ValidString(v) || strings.ContainsRune(v, 0) || len(v) > longestKey {
			return Key{}, false
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && strconv.FormatInt(n, 10) == v {
			return Key{Int: n, Text: v, Number: true}, true
		}
		return Key{Text: v}, true
	}
	return Key{}, false
}

// longestKey is in bytes.
const longestKey = 1024

// HashKeys is the hash of a list of keys: hex digits of the SHA-256 of their texts in byte
// order, each once and behind its length in bytes and a colon, so that no key can look like two.
func HashKeys(keys []Key) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.Text
	}
	slices.Sort(texts)
	h := sha256.New()
	var buf []byte
	for _, t := range slices.Compact(texts) {
		buf = append(append(strconv.AppendInt(buf[:0], int64(len(t)), 10), ':'), t...)
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// key is the key in a column. numeric names a relation whose column is a whole number, if
// there is one that is compared with it.
func (w row) key(column, what string, numeric string) (Key, bool) {
	v := w.get(column)
	if v == nil {
		w.report(w.soft(), codeKey, column, "give it, or remove the row: nothing matches NULL", "a row of %s has no %s", w.table.Part, column)
		return Key{}, false
	}
	k, ok := ParseKey(v)
	switch {
	case !ok:
		w.report(diag.Error, codeKey, column, "give a whole number or a text", "%s cannot be %s", shown(v), what)
	case numeric != "" && !k.Number:
		w.report(diag.Error, codeKey, column, "give a whole number, written without leading zeros", "%s cannot be %s: the column in %q is a whole number", shown(v), what, numeric)
		ok = false
	}
	return k, ok
}

// numericTenant names a relation whose tenant column is a whole number.
func (r *configReader) numericTenant() string {
	for _, rule := range r.o.Rules {
		if i := rule.column(rule.Tenant); rule.Tenant != "" && i >= 0 && rule.Columns[i].Number {
			return rule.As
		}
	}
	return ""
}

func (r *configReader) tenants() {
	numeric := r.numericTenant()
	have := map[string]map[string]bool{}
	r.each(project.CustomerTenants, func(w row) {
		c := w.customer()
		k, ok := w.key("tenant", "a tenant", numeric)
		if c == nil || !ok {
			return
		}
		if have[c.Name] == nil {
			have[c.Name] = map[string]bool{}
		}
		if have[c.Name][k.Text] {
			w.report(diag.Warning, codeCustomerTwice, "tenant", "remove one of the rows", "tenant %s of customer %q is there twice", k.Text, c.Name)
			return
		}
		have[c.Name][k.Text] = true
		c.Tenants = append(c.Tenants, k)
	})
	for _, c := range r.byName {
		slices.SortFunc(c.Tenants, compareKeys)
	}
}

func compareKeys(a, b Key) int {
	if a.Number != b.Number {
		if a.Number {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Int, b.Int), cmp.Compare(a.Text, b.Text))
}

// entities are the entities that rules find rows by, with a relation where the column is a
// whole number, or an empty text.
func (r *configReader) entities(part string) map[string]string {
	out := map[string]string{}
	for _, rule := range r.o.Rules {
		used := rule.Links
		if part == project.Transfers {
			used = rule.Via
		}
		for _, l := range used {
			if _, ok := out[l.Entity]; !ok {
				out[l.Entity] = ""
			}
			if i := rule.column(l.Column); i >= 0 && rule.Columns[i].Number {
				out[l.Entity] = rule.As
			}
		}
	}
	return out
}

func (r *configReader) lists(part string) {
	entities := r.entities(part)
	known := slices.Sorted(maps.Keys(entities))
	set := func(c *Customer, entity string, keys Keys) {
		into := &c.Links
		if part == project.Transfers {
			into = &c.Transfers
		}
		if *into == nil {
			*into = map[string]Keys{}
		}
		(*into)[entity] = keys
	}
	unread := map[string]bool{}
	entity := func(w row, name string) bool {
		if _, ok := entities[name]; ok {
			return true
		}
		if !unread[name] || w.table.At != nil {
			unread[name] = true
			help := suggest(name, known, "entities")
			if len(known) == 0 {
				help = map[string]string{project.Links: "no model has links: {entity: column}", project.Transfers: "no model has partial: {via: {entity: column}}"}[part]
			}
			w.report(w.soft(), codeKey, "entity", help, "no model finds rows by the entity %q of %s", name, part)
		}
		return false
	}
	if list, ok := r.parts.Summaries[part]; ok {
		r.summaries(part, list, entity, set, entities)
		return
	}
	type listed struct {
		keys []Key
		have map[string]bool
	}
	found := map[[2]string]*listed{}
	r.each(part, func(w row) {
		c := w.customer()
		name := w.plain("entity")
		if name == "" {
			w.report(w.soft(), codeKey, "entity", "say what the key is of", "a row of %s has no entity", part)
			return
		}
		if !entity(w, name) || c == nil {
			return
		}
		k, ok := w.key("key", "a key of "+name, entities[name])
		if !ok {
			return
		}
		at := found[[2]string{c.Name, name}]
		if at == nil {
			at = &listed{have: map[string]bool{}}
			found[[2]string{c.Name, name}] = at
		}
		if at.have[k.Text] {
			if w.table.At != nil {
				w.report(diag.Warning, codeCustomerTwice, "key", "remove one of the rows", "%s %s of customer %q is there twice", name, k.Text, c.Name)
			}
			return
		}
		at.have[k.Text] = true
		at.keys = append(at.keys, k)
	})
	for key, l := range found {
		set(r.byName[key[0]], key[1], Keys{Count: len(l.keys), Hash: HashKeys(l.keys)})
	}
}

// summaries takes lists that the warehouse has summed up.
func (r *configReader) summaries(part string, list []Summary, entity func(row, string) bool, set func(*Customer, string, Keys), entities map[string]string) {
	t := Table{Part: part, Columns: []string{"customer", "entity"}}
	if p := r.d.Parts[part]; p != nil {
		t.From = "relation " + p.Ref.V
	}
	for i, s := range list {
		value := func(text string) any {
			if text == "" {
				return nil
			}
			return text
		}
		t.Rows = append(t.Rows, []any{value(s.Customer), value(s.Entity)})
		w := row{r, &t, i}
		c := w.customer()
		if s.Entity == "" {
			w.report(diag.Warning, codeKey, "entity", "say what the key is of", "rows of %s have no entity", part)
			continue
		}
		if !entity(w, s.Entity) || c == nil {
			continue
		}
		if s.Nulls > 0 {
			w.report(diag.Warning, codeKey, "key", "give them, or remove the rows: nothing matches NULL", "%d rows of %s have no key", s.Nulls, part)
		}
		if numeric := entities[s.Entity]; numeric != "" && s.Odd > 0 {
			w.report(diag.Error, codeKey, "key", "give whole numbers, written without leading zeros", "%d keys of %s are no whole numbers, and the column in %q is one", s.Odd, part, numeric)
		}
		if s.Keys.Count > 0 {
			set(c, s.Entity, s.Keys)
		}
	}
}

// longestField is how long the id or the name of a custom field is, in bytes.
const longestField = 1024

func (r *configReader) fields() {
	rules := map[string]Rule{}
	var known []string
	for _, rule := range r.o.Rules {
		if rule.Source == "" && rule.Fields != nil {
			rules[rule.As] = rule
			known = append(known, rule.As)
		}
	}
	slices.Sort(known)
	owners := map[string][]*Customer{} // by tenant
	for _, name := range r.names() {
		for _, k := range r.byName[name].Tenants {
			owners[k.Text] = append(owners[k.Text], r.byName[name])
		}
	}
	defined := map[FieldRef][]definition{}
	unread := map[string]bool{}
	r.each(project.CustomFieldRows, func(w row) {
		model := w.plain("model")
		if _, ok := rules[model]; !ok {
			if !unread[model] || w.table.At != nil {
				unread[model] = true
				help := suggest(model, known, "those with custom_fields")
				if len(known) == 0 {
					help = "no model has custom_fields: {column: …}"
				}
				w.report(w.soft(), codeField, "model", help, "custom fields of %q can go nowhere: no relation of customers of that name has any", model)
			}
			return
		}
		who, tenant := w.owners(owners)
		f, ok := w.field(model)
		if !ok {
			return
		}
		for _, c := range who {
			if rule := rules[model]; rule.For(c.Name) {
				ref := FieldRef{c.Name, model, f.ID}
				defined[ref] = append(defined[ref], definition{f, tenant, w})
			}
		}
	})
	r.define(defined, rules)
}

// definition is a custom field as one row has it; tenant is empty where it is a customer's.
type definition struct {
	Field
	tenant string
	row    row
}

// owners are the customers who have the field of a row.
func (w row) owners(owners map[string][]*Customer) (who []*Customer, tenant string) {
	customer, t := w.get("customer"), w.get("tenant")
	switch {
	case customer != nil && t != nil:
		w.report(w.soft(), codeField, "tenant", "give a customer, or a tenant whose customers all have it", "a custom field has a customer and a tenant")
		return nil, ""
	case customer != nil:
		if c := w.customer(); c != nil {
			return []*Customer{c}, ""
		}
		return nil, ""
	case t == nil:
		w.report(w.soft(), codeField, "customer", "give a customer, or a tenant whose customers all have it", "a custom field has neither a customer nor a tenant")
		return nil, ""
	}
	k, ok := ParseKey(t)
	if !ok {
		w.report(w.soft(), codeField, "tenant", "give a whole number or a text", "%s cannot be a tenant", shown(t))
		return nil, ""
	}
	// In a relation such rows are what an app keeps of tenants that are no customer's.
	if at, known := w.r.parts.Tables[project.CustomerTenants]; known && w.table.At != nil && len(owners[k.Text]) == 0 {
		severity := diag.Error
		if at.At == nil {
			severity = diag.Warning // who has a tenant changes without whoever wrote this
		}
		w.report(severity, codeField, "tenant", "give it to a customer in customer_tenants, or remove the row", "no customer has the tenant %s of a custom field", shown(t))
	}
	return owners[k.Text], k.Text
}

func (w row) field(model string) (Field, bool) {
	v := w.get("id")
	id, ok := plain(v)
	why := ""
	switch {
	case v == nil || !ok:
	case !utf8.ValidString(id):
		why = "it is not UTF-8"
	case strings.ContainsFunc(id, unicode.IsControl):
		why = "it has a line break, a tab or another control character, and becomes the name of a column"
	case len(id) > longestField:
		why = fmt.Sprintf("it has %d bytes, and may have %d", len(id), longestField)
	}
	switch {
	case why != "":
		w.report(w.soft(), codeField, "id", "give the field another id in the JSON column, or leave it out", "%s cannot be the id of a custom field of %q: %s", shown(v), model, why)
		return Field{}, false
	case v == nil || !ok:
		w.report(w.soft(), codeField, "id", "give the name that it has in the JSON column", "%s cannot be the id of a custom field of %q", shown(v), model)
		return Field{}, false
	}
	f := Field{ID: id, Name: cmp.Or(w.plain("name"), id)}
	if len(f.Name) > longestField || !utf8.ValidString(f.Name) {
		f.Name = id
	}
	written := w.get("type")
	typ, _ := plain(written)
	known, ok := fieldTypes[strings.ToLower(strings.TrimSpace(typ))]
	if !ok {
		w.report(w.soft(), codeField, "type", suggest(typ, FieldTypes, "types"), "%s is no type, which custom field %q of %q has", shown(written), id, model)
		if w.soft() == diag.Error {
			return Field{}, false
		}
		known = warehouse.FieldText // the app has a type that is not known here; text holds all
	}
	f.Type = known
	return f, true
}

// define makes the fields of every customer from all rows that define them.
func (r *configReader) define(defined map[FieldRef][]definition, rules map[string]Rule) {
	refs := slices.SortedFunc(maps.Keys(defined), func(a, b FieldRef) int {
		return cmp.Or(cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.Model, b.Model), cmp.Compare(a.ID, b.ID))
	})
	for _, ref := range refs {
		rows := defined[ref]
		slices.SortStableFunc(rows, func(a, b definition) int {
			return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
		})
		f := rows[0].Field
		for i, d := range rows[1:] {
			if d.tenant == rows[i].tenant {
				d.row.report(diag.Warning, codeField, "id", "remove one of the rows", "custom field %q of %q is defined twice for customer %q", ref.ID, ref.Model, ref.Customer)
			}
			if d.Type != f.Type && f.Type != warehouse.FieldText {
				d.row.report(diag.Warning, codeField, "type", "give it one type in the app", "custom field %q of %q is %s and %s for customer %q, and becomes string", ref.ID, ref.Model, f.Type, d.Type, ref.Customer)
				f.Type = warehouse.FieldText
			}
		}
		c := r.byName[ref.Customer]
		if c.Fields == nil {
			c.Fields = map[string][]Field{}
		}
		c.Fields[ref.Model] = append(c.Fields[ref.Model], f)
	}
	told := map[string]bool{}
	for _, name := range r.names() {
		c := r.byName[name]
		for _, model := range slices.Sorted(maps.Keys(c.Fields)) {
			first := map[string]string{}
			for _, f := range c.Fields[model] {
				if was, ok := r.o.First[FieldRef{name, model, f.ID}]; ok {
					first[f.ID] = was
				}
			}
			fields, list := Columns(rules[model], c.Fields[model], first, r.o.Caps)
			c.Fields[model] = fields
			for _, d := range list {
				// Customers of one tenant have the same fields, and one word of them is enough.
				if c.Enabled && !told[d.Message] && len(told) < mostAlike {
					told[d.Message] = true
					d.Notes = append(d.Notes, fmt.Sprintf("customer %q has the field", name))
					r.list.Add(d)
				}
			}
		}
	}
}

// finish looks at the customers as a whole.
func (r *configReader) finish() *Config {
	cfg := &Config{}
	tenants := map[string]bool{}
	for _, name := range r.names() {
		c := r.byName[name]
		slices.Sort(c.Principals)
		for _, k := range c.Tenants {
			tenants[k.Text] = true
		}
		cfg.Customers = append(cfg.Customers, *c)
	}
	cfg.Tenants = len(tenants)
	var empty []Customer
	for _, c := range cfg.Customers {
		if c.Enabled && len(c.Tenants) == 0 {
			empty = append(empty, c)
		}
	}
	for i, c := range empty {
		if i == mostAlike {
			r.list.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeCustomerEmpty, Message: fmt.Sprintf("and %d more customers have no tenants", len(empty)-i), At: r.d.At})
			break
		}
		r.list.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeCustomerEmpty, Message: fmt.Sprintf("customer %q has no tenants: it gets what is shared, and no rows of tenants but by links and transfers", c.Name), At: placeOf(c.At, r.d.At), Help: "add its tenants to customer_tenants, or disable it"})
	}
	for _, rule := range r.o.Rules {
		for _, name := range rule.Only {
			if r.byName[name] == nil {
				r.list.Add(diag.Diagnostic{Code: codeCustomerUnknown, Message: fmt.Sprintf("%q is only for customer %q, which does not exist", rule.As, name), At: within(rule.At, name), Model: rule.Node, Help: suggest(name, r.names(), "customers")})
			}
		}
	}
	r.list.Add(checkSchemas(r.d, cfg.Customers, r.o)...)
	cfg.Hash = cfg.hash()
	return cfg
}

// hash is over all of the configuration but where it stands.
func (c *Config) hash() string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, customer := range c.Customers {
		customer.At = source.Span{}
		if err := enc.Encode(customer); err != nil {
			// Plain data with text keys: everything has a JSON form.
			panic(fmt.Sprintf("tenant: customer without a JSON form: %v", err))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
