package tenant_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// peer is a real warehouse with an empty schema.
type peer struct {
	conn                              warehouse.Conn
	d                                 tenant.Dialect
	schema                            addr.Relation
	integer, text, uuid, json, number string
	// ids are the names of custom fields in JSON, all but those that the peer cannot read.
	ids      []string
	emulator bool
}

var fieldIDs = []string{"exp", "exp date", `a"b`, "x.y", "$", "/a~b", "it's", "", "0", "17", "ä", `back\slash`, "*", "[0]", "$.exp"}

func open(t testing.TB, d warehouse.Driver, fields map[string]string) *peer {
	t.Helper()
	conn, err := d.Open(context.Background(), warehouse.Config{Type: d.Name(), Dir: t.TempDir(), Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	dialect, err := tenant.For(conn.Dialect())
	if err != nil {
		t.Fatal(err)
	}
	if err := warehouse.Prepare(context.Background(), conn, dialect.Needs()); err != nil {
		t.Fatal(err)
	}
	return &peer{conn: conn, d: dialect, ids: fieldIDs}
}

func openDuckDB(t testing.TB) *peer {
	p := open(t, duckdb.Driver{}, map[string]string{"path": ":memory:"})
	p.schema = addr.Relation{Schema: "main"}
	p.integer, p.text, p.uuid, p.json, p.number = "BIGINT", "VARCHAR", "UUID", "JSON", "DECIMAL(12,2)"
	return p
}

func openPostgres(t testing.TB) *peer {
	s := pg.Shared(t)
	p := open(t, postgres.Driver{}, s.Fields(s.Database(t)))
	p.schema = addr.Relation{Schema: "public"}
	p.integer, p.text, p.uuid, p.json, p.number = "bigint", "text", "uuid", "jsonb", "numeric(12,2)"
	return p
}

func openBigQuery(t testing.TB) *peer {
	p := open(t, bigquery.Driver{}, map[string]string{"project": "test-project", "api_endpoint": bqpeer.Start(t).URL})
	p.schema = addr.Relation{Schema: "tenants"}
	if _, _, _, err := p.conn.(warehouse.Performer).Perform(t.Context(), warehouse.CreateSchema{Schema: "tenants"}); err != nil {
		t.Fatal(err)
	}
	p.integer, p.text, p.json, p.number = "INT64", "STRING", "JSON", "NUMERIC"
	// The emulator's paths take no other keys, not even through a subscript; it fails for a
	// path into a JSON that is an array, and for NULL in an array of texts; NUMERIC has no end,
	// and February 31 days.
	p.ids, p.emulator = []string{"exp", "exp date", "x.y", "/a~b", "0", "17", "ä"}, true
	return p
}

func (p *peer) named(name string) addr.Relation {
	r := p.schema
	r.Name = name
	return r
}

func (p *peer) exec(t testing.TB, sql string) {
	t.Helper()
	if _, err := p.conn.Exec(context.Background(), warehouse.Statement{SQL: sql}); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

func (p *peer) query(t testing.TB, sql string) [][]any {
	t.Helper()
	out, err := p.try(sql)
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return out
}

func (p *peer) try(sql string) ([][]any, error) {
	rows, err := p.conn.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]any
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		out = append(out, slices.Clone(v))
	}
	return out, rows.Err()
}

// table makes a table with these rows, whose values are literals of the dialect.
func (p *peer) table(t testing.TB, r addr.Relation, columns []warehouse.Column, rows [][]any) {
	t.Helper()
	var defs []string
	for _, c := range columns {
		defs = append(defs, p.d.Ident(c.Name)+" "+c.Type)
	}
	p.exec(t, "CREATE TABLE "+p.d.Quote(r)+" ("+strings.Join(defs, ", ")+")")
	if len(rows) == 0 {
		return
	}
	var lines []string
	for _, row := range rows {
		var values []string
		for i, v := range row {
			l := p.d.Literal(v)
			if v != nil && columns[i].Type == "JSON" && p.d.Name() == "bigquery" {
				l = "PARSE_JSON(" + l + ", wide_number_mode => 'round')"
			}
			values = append(values, l)
		}
		lines = append(lines, "("+strings.Join(values, ", ")+")")
	}
	p.exec(t, "INSERT INTO "+p.d.Quote(r)+" VALUES "+strings.Join(lines, ",\n"))
}

func (p *peer) drop(t testing.TB, relations ...addr.Relation) {
	for _, r := range relations {
		p.exec(t, "DROP TABLE IF EXISTS "+p.d.Quote(r))
	}
}

// sample is the JSON of a value and what it is for each type of a field, written as shown
// does; "" is none. Where a value is there and is none, it is counted as uncast, unless void.
type sample struct {
	json string
	want map[warehouse.FieldType]string
	void bool
}

const (
	str, num, integer, date, stamp, boolean, several = warehouse.FieldText, warehouse.FieldNumber, warehouse.FieldInteger, warehouse.FieldDate, warehouse.FieldDatetime, warehouse.FieldBool, warehouse.FieldList
)

type wants = map[warehouse.FieldType]string

// empty is the empty text in wants, where "" is no value.
const empty = "∅"

var samples = []sample{
	{json: `"hello; DROP"`, want: wants{str: "hello; DROP"}},
	{json: `"12"`, want: wants{str: "12", num: "12", integer: "12"}},
	{json: `"-7.0"`, want: wants{str: "-7.0", num: "-7", integer: "-7"}},
	{json: `12`, want: wants{str: "12", num: "12", integer: "12"}},
	{json: `12.25`, want: wants{str: "12.25", num: "12.25"}},
	{json: `"1e3"`, want: wants{str: "1e3", num: "1000"}},
	{json: `"  42 "`, want: wants{str: "  42 ", num: "42", integer: "42"}},
	{json: `"+.5"`, want: wants{str: "+.5", num: "0.5"}},
	{json: `"123456789012.3456"`, want: wants{str: "123456789012.3456", num: "123456789012.3456"}},
	{json: `"-12345678901234567890.1234567895"`, want: wants{str: "-12345678901234567890.1234567895", num: "-12345678901234567890.12345679"}},
	{json: `"0.0000000005"`, want: wants{str: "0.0000000005", num: "0.000000001"}},
	{json: `"1e40"`, want: wants{str: "1e40"}},
	{json: `"99999999999999999999999999999.9999999999"`, want: wants{str: "99999999999999999999999999999.9999999999"}},
	{json: `"9223372036854775808"`, want: wants{str: "9223372036854775808", num: "9223372036854775808"}},
	{json: `"-9223372036854775808"`, want: wants{str: "-9223372036854775808", num: "-9223372036854775808", integer: "-9223372036854775808"}},
	{json: `"0x1F"`, want: wants{str: "0x1F"}},
	{json: `"today"`, want: wants{str: "today"}},
	{json: `"1"`, want: wants{str: "1", num: "1", integer: "1", boolean: "true"}},
	{json: `true`, want: wants{str: "true", boolean: "true"}},
	{json: `"No"`, want: wants{str: "No", boolean: "false"}},
	{json: `"2024-02-29"`, want: wants{str: "2024-02-29", date: "2024-02-29T00:00:00Z", stamp: "2024-02-29T00:00:00Z"}},
	{json: `"2023-02-29"`, want: wants{str: "2023-02-29"}},
	{json: `"0000-01-01"`, want: wants{str: "0000-01-01"}},
	{json: `"2024-13-01"`, want: wants{str: "2024-13-01"}},
	{json: `"03.02.2024"`, want: wants{str: "03.02.2024", date: "2024-02-03T00:00:00Z", stamp: "2024-02-03T00:00:00Z"}},
	{json: `"31.02.2024"`, want: wants{str: "31.02.2024"}},
	{json: `"03/Feb/2024 04:05 PM"`, want: wants{str: "03/Feb/2024 04:05 PM", stamp: "2024-02-03T16:05:00Z"}},
	{json: `"2024-02-29T10:20:30Z"`, want: wants{str: "2024-02-29T10:20:30Z", stamp: "2024-02-29T10:20:30Z"}},
	{json: `"2024-02-29 10:20:30.5+01:30"`, want: wants{str: "2024-02-29 10:20:30.5+01:30", stamp: "2024-02-29T08:50:30.5Z"}},
	{json: `"2024-02-29 10:20-0200"`, want: wants{str: "2024-02-29 10:20-0200", stamp: "2024-02-29T12:20:00Z"}},
	{json: `"2024-02-29 10:20"`, want: wants{str: "2024-02-29 10:20", stamp: "2024-02-29T10:20:00Z"}},
	{json: `"2024-02-30 10:20"`, want: wants{str: "2024-02-30 10:20"}},
	{json: `"2024-02-29 24:20"`, want: wants{str: "2024-02-29 24:20"}},
	{json: `["a","b c"]`, want: wants{several: "[a|b c]"}},
	{json: `["a",1,null,true]`, want: wants{several: "[a|1|true]"}},
	{json: `["a",{"x":1}]`, want: wants{}},
	{json: `{"x":1}`, want: wants{}},
	{json: `null`, void: true},
	{json: `""`, want: wants{str: empty}, void: true},
}

var dateFormats = []string{"%d.%m.%Y", "%d/%b/%Y %I:%M %p"}

// cell is a value of a row: nil, int64 or string; the JSON of fields is a document.
type document struct {
	text   string // "" is NULL
	broken bool
	fields map[string]sample
}

// world is a random configuration with a few models.
type world struct {
	customers []tenant.Customer
	tenants   map[string][]tenant.Key            // customer →
	links     map[string]map[string][]tenant.Key // customer → entity →
	transfers map[string]map[string][]tenant.Key
	frozen    tenant.Frozen
	models    []model
}

type model struct {
	rule tenant.Rule
	rows [][]any
}

var entities = []string{"material", "o'rder; --"}

// hostile names of columns, in the order of their use.
var names = []string{"select", `a"b`, "semi;colon", "customer", "key_text", "n", "k0", "holder", "id", "Größe", "_r", "entity", "held", "raw", "seen", "b", "g", "f"}

var texts = []string{"a", "b", "A", "", " ", "1", "01", "'; DROP TABLE x; --", "NULL", "ä", `q"uote`, `back\slash`, "%", "null"}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// makeWorld makes a world with its tables.
func makeWorld(t testing.TB, p *peer, r *rand.Rand, number int) *world {
	w := &world{tenants: map[string][]tenant.Key{}, links: map[string]map[string][]tenant.Key{}, transfers: map[string]map[string][]tenant.Key{}}
	// Keys are numbers, texts, or uuids, which are compared by their text.
	kind := r.IntN(5)
	if kind > 1 && p.uuid == "" {
		kind = r.IntN(2)
	}
	uuid := kind == 4
	isText := kind == 1 || kind == 3
	keyOf := func(i int) tenant.Key {
		switch {
		case uuid:
			return tenant.Key{Text: fmt.Sprintf("00000000-0000-0000-0000-%012d", i)}
		case isText:
			return tenant.Key{Text: texts[i%len(texts)]}
		}
		n := []int64{1, 2, 3, -4, 5, 1 << 40, 0, 7, 8, 9, 10, 11, 12, 13}[i%14]
		return tenant.Key{Int: n, Number: true, Text: strconv.FormatInt(n, 10)}
	}
	some := func(n int) []tenant.Key {
		var out []tenant.Key
		for range n {
			out = append(out, keyOf(r.IntN(14)))
		}
		return out
	}
	var tenants, links, transfers [][]any
	line := func(k tenant.Key) []any {
		if k.Number {
			return []any{k.Int, k.Text}
		}
		return []any{nil, k.Text}
	}
	for i := range 2 + r.IntN(6) {
		c := tenant.Customer{Name: fmt.Sprintf("c%d", i), Links: map[string]tenant.Keys{}, Transfers: map[string]tenant.Keys{}, Fields: map[string][]tenant.Field{}}
		if i == 1 {
			c.Name = `o'brien"; --`
		}
		w.tenants[c.Name] = some(r.IntN(4))
		c.Tenants = distinct(w.tenants[c.Name])
		w.links[c.Name], w.transfers[c.Name] = map[string][]tenant.Key{}, map[string][]tenant.Key{}
		for _, k := range w.tenants[c.Name] {
			tenants = append(tenants, append([]any{c.Name}, line(k)...))
		}
		for _, e := range entities {
			l, v := some(r.IntN(4)), some(r.IntN(5))
			w.links[c.Name][e], w.transfers[c.Name][e] = l, v
			c.Links[e], c.Transfers[e] = tenant.Keys{Count: len(distinct(l))}, tenant.Keys{Count: len(distinct(v))}
			for _, k := range l {
				links = append(links, append([]any{c.Name, e}, line(k)...))
			}
			for _, k := range v {
				transfers = append(transfers, append([]any{c.Name, e}, line(k)...))
			}
		}
		w.customers = append(w.customers, c)
	}
	made := func(name string) addr.Relation { return p.named(fmt.Sprintf("w%d_%s", number, name)) }
	w.frozen = tenant.Frozen{Tenants: made("tenants"), Links: made("links"), Transfers: made("transfers")}
	column := func(name, typ string) warehouse.Column { return warehouse.Column{Name: name, Type: typ} }
	customer, entity, keyInt, keyText := column("customer", p.text), column("entity", p.text), column("key_int", p.integer), column("key_text", p.text)
	p.table(t, w.frozen.Tenants, []warehouse.Column{customer, keyInt, keyText}, tenants)
	p.table(t, w.frozen.Links, []warehouse.Column{customer, entity, keyInt, keyText}, links)
	p.table(t, w.frozen.Transfers, []warehouse.Column{customer, entity, keyInt, keyText}, transfers)

	for n := range 3 {
		keyColumn := tenant.Column{Type: p.integer, Number: true}
		switch {
		case uuid:
			keyColumn = tenant.Column{Type: p.uuid}
		case isText:
			keyColumn = tenant.Column{Type: p.text, Text: true}
		}
		column := func(i int, c tenant.Column) tenant.Column {
			c.Name = names[(n*7+i)%len(names)]
			c.Visible = r.IntN(2) == 0
			switch {
			case r.IntN(3) == 0:
			case c.Text && r.IntN(2) == 0:
				c.Mask = tenant.Mask{Kind: tenant.MaskHash}
			case c.Text:
				c.Mask = tenant.Mask{Kind: tenant.MaskConstant, Constant: `red'act"ed\`}
			case c.Number:
				c.Mask = tenant.Mask{Kind: tenant.MaskConstant, Constant: "-1"}
			}
			return c
		}
		plain := func() tenant.Column {
			return pick(r, []tenant.Column{{Type: p.text, Text: true}, {Type: p.integer, Number: true}, {Type: p.number}})
		}
		m := model{rule: tenant.Rule{Relation: made(fmt.Sprintf("m%d", n)), As: fmt.Sprintf("m%d", n), Columns: []tenant.Column{
			column(0, keyColumn), column(1, keyColumn), column(2, keyColumn), column(3, plain()), column(4, plain()), column(5, tenant.Column{Type: p.json})}}}
		rule := &m.rule
		if n == 1 && p.d.Name() != "bigquery" {
			rule.Relation.Name += ` "x; '`
			rule.Columns[5].Type = p.text // JSON as a text, with texts that are none
		}
		show := func(l tenant.Link) tenant.Link {
			i := slices.IndexFunc(rule.Columns, func(c tenant.Column) bool { return c.Name == l.Column })
			rule.Columns[i].Visible = true
			return l
		}
		link := func() tenant.Link {
			return show(tenant.Link{Entity: pick(r, entities), Column: rule.Columns[1+r.IntN(2)].Name})
		}
		if rule.All = r.IntN(10) == 0; !rule.All {
			for range r.IntN(3) {
				rule.Links = append(rule.Links, link())
			}
			for range r.IntN(3) {
				rule.Via = append(rule.Via, link())
			}
			if r.IntN(10) > 0 || len(rule.Links)+len(rule.Via) == 0 {
				rule.Tenant = show(tenant.Link{Column: rule.Columns[0].Name}).Column
			}
		}
		if r.IntN(6) == 0 {
			rule.Only = []string{w.customers[0].Name, w.customers[len(w.customers)-1].Name, "nobody"}
		}
		if n != 2 {
			rule.Fields = &tenant.FieldSource{Column: rule.Columns[5].Name, KeepRaw: r.IntN(3) == 0, Formats: dateFormats}
			for i := range w.customers {
				var list []tenant.Field
				for j, id := range r.Perm(len(p.ids))[:r.IntN(5)] {
					list = append(list, tenant.Field{ID: p.ids[id], Type: pick(r, []warehouse.FieldType{str, num, integer, date, stamp, boolean, several}), Column: fmt.Sprintf(`cf "%d"`, j)})
					if p.d.Name() == "bigquery" {
						list[j].Column = fmt.Sprintf("cf_%d", j)
					}
				}
				w.customers[i].Fields[rule.As] = list
			}
		}
		unique := n == 0 && r.IntN(2) == 0
		if unique {
			rule.Key = []string{rule.Columns[3].Name}
			rule.Columns[3].Type, rule.Columns[3].Number, rule.Columns[3].Text = p.integer, true, false
			rule.Columns[3].Mask = tenant.Mask{}
		}
		value := func(c tenant.Column) any {
			switch {
			case r.IntN(6) == 0:
				return nil
			case c.Number:
				return int64(r.IntN(9))
			case c.Text:
				return pick(r, texts)
			}
			return int64(r.IntN(9))
		}
		key := func() any {
			switch k := keyOf(r.IntN(14)); {
			case r.IntN(7) == 0:
				return nil
			case k.Number:
				return k.Int
			default:
				return k.Text
			}
		}
		for i := range r.IntN(25) {
			row := []any{key(), key(), key(), value(rule.Columns[3]), value(rule.Columns[4]), makeDocument(r, p, rule.Columns[5].Type == p.text)}
			if unique {
				row[3] = int64(i)
			}
			m.rows = append(m.rows, row)
			if !unique && r.IntN(4) == 0 {
				m.rows = append(m.rows, row) // a row of the model that is there twice
			}
		}
		var columns []warehouse.Column
		for _, c := range rule.Columns {
			columns = append(columns, warehouse.Column{Name: c.Name, Type: c.Type})
		}
		var rows [][]any
		for _, row := range m.rows {
			row = slices.Clone(row)
			if d := row[5].(document); d.text == "" {
				row[5] = nil
			} else {
				row[5] = d.text
			}
			rows = append(rows, row)
		}
		p.table(t, rule.Relation, columns, rows)
		w.models = append(w.models, m)
	}
	return w
}

func distinct(keys []tenant.Key) []tenant.Key {
	out := slices.Clone(keys)
	slices.SortFunc(out, func(a, b tenant.Key) int { return strings.Compare(a.Text, b.Text) })
	return slices.Compact(out)
}

func makeDocument(r *rand.Rand, p *peer, text bool) document {
	switch n := r.IntN(12); {
	case n == 0:
		return document{}
	case n == 1 && text:
		return document{text: `{"exp": oops`, broken: true}
	case n == 2 && !p.emulator:
		return document{text: `["exp"]`}
	}
	d := document{fields: map[string]sample{}}
	var parts []string
	for _, i := range r.Perm(len(p.ids))[:r.IntN(len(p.ids))] {
		s := pick(r, samples)
		if p.emulator && slices.ContainsFunc([]string{"null", "e40", "99999", "31.02", "0000-"}, func(part string) bool { return s.json != "null" && strings.Contains(s.json, part) }) {
			s = samples[0]
		}
		d.fields[p.ids[i]] = s
		id, _ := json.Marshal(p.ids[i])
		parts = append(parts, string(id)+": "+s.json)
	}
	d.text = "{" + strings.Join(parts, ", ") + "}"
	return d
}

// reference is what a customer is to have of a model: rows as texts, sorted; and how many
// values of fields are uncast in rows that show them.
func reference(w *world, m model, c tenant.Customer) (out []string, uncast int) {
	rule := m.rule
	if rule.Only != nil && !slices.Contains(rule.Only, c.Name) {
		return nil, 0
	}
	index := func(name string) int {
		return slices.IndexFunc(rule.Columns, func(c tenant.Column) bool { return c.Name == name })
	}
	holds := func(list []tenant.Key, v any) bool {
		return v != nil && slices.ContainsFunc(list, func(k tenant.Key) bool { return k.Text == fmt.Sprint(v) })
	}
	for _, row := range m.rows {
		full := rule.All || rule.Tenant != "" && holds(w.tenants[c.Name], row[index(rule.Tenant)])
		for _, l := range rule.Links {
			full = full || holds(w.links[c.Name][l.Entity], row[index(l.Column)])
		}
		partial := false
		for _, l := range rule.Via {
			partial = partial || holds(w.transfers[c.Name][l.Entity], row[index(l.Column)])
		}
		if !full && !partial {
			continue
		}
		var cells []string
		for i, col := range rule.Columns {
			doc, isDoc := row[i].(document)
			v := shown(row[i])
			if isDoc {
				v = canonical(doc.text, col.Type)
			}
			if rule.Fields != nil && isDoc && !rule.Fields.KeepRaw {
				continue
			}
			if !full && !col.Visible {
				switch {
				case col.Mask.Kind == tenant.MaskConstant:
					v = col.Mask.Constant
				case col.Mask.Kind == tenant.MaskHash && row[i] != nil:
					sum := sha256.Sum256([]byte(fmt.Sprint(row[i])))
					v = hex.EncodeToString(sum[:])
				default:
					v = shown(nil)
				}
			}
			cells = append(cells, v)
		}
		if rule.Fields != nil && len(c.Fields[rule.As]) > 0 {
			doc := row[5].(document)
			shows := full || rule.Columns[5].Visible
			if doc.broken && shows {
				uncast++
			}
			for _, f := range c.Fields[rule.As] {
				s, there := doc.fields[f.ID]
				v := s.want[f.Type]
				if there && shows && v == "" && !s.void {
					uncast++
				}
				if v == "" || !shows {
					v = shown(nil)
				}
				if v == empty {
					v = ""
				}
				cells = append(cells, v)
			}
		}
		out = append(out, strings.Join(cells, " ¦ "))
	}
	slices.Sort(out)
	return out, uncast
}

// shown writes a value of any warehouse the same way.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "∅NULL"
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []string:
		return "[" + strings.Join(v, "|") + "]"
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, fmt.Sprint(e))
		}
		return "[" + strings.Join(parts, "|") + "]"
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// canonical writes JSON one way; a text column's stays as it is.
func canonical(text, typ string) string {
	if text == "" {
		return "∅NULL"
	}
	if !strings.HasPrefix(strings.ToUpper(typ), "JSON") {
		return text
	}
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	if d.Decode(&v) != nil {
		return text
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// have are the rows of a query as texts, sorted.
func have(t testing.TB, p *peer, query string, columns []warehouse.Column) []string {
	t.Helper()
	var out []string
	for _, row := range p.query(t, query) {
		if len(row) != len(columns) {
			t.Fatalf("%d columns instead of %d\n%s", len(row), len(columns), query)
		}
		var cells []string
		for i, v := range row {
			typ := strings.ToUpper(columns[i].Type)
			switch s, isText := v.(string); {
			case v == nil:
				cells = append(cells, shown(nil))
			case strings.HasPrefix(typ, "JSON") && isText:
				cells = append(cells, canonical(s, typ))
			case strings.HasPrefix(typ, "JSON"):
				b, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				cells = append(cells, canonical(string(b), typ))
			case strings.HasPrefix(typ, "NUMERIC") || strings.HasPrefix(typ, "DECIMAL"):
				s = fmt.Sprint(v)
				if strings.Contains(s, ".") {
					s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
				}
				cells = append(cells, s)
			case typ == "DATE" && isText:
				cells = append(cells, s+"T00:00:00Z")
			case strings.HasPrefix(typ, "ARRAY<") && shown(v) == "[]": // what BigQuery makes of NULL
				cells = append(cells, shown(nil))
			default:
				cells = append(cells, shown(v))
			}
		}
		out = append(out, strings.Join(cells, " ¦ "))
	}
	slices.Sort(out)
	return out
}
