package tenant

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

// The proofs read what was made for a customer, and the frozen configuration, with SQL that
// has nothing in common with that of Slice and Split but the spelling of names and literals:
// joins with the raw lists where those have IN, texts compared byte by byte where those
// compare numbers and texts as the warehouse does.

// Staged is what was made for a customer and is not published yet.
type Staged struct {
	Relation addr.Relation
	// Shared: a table that others' rows are in, too, see SharedTable.
	Shared bool
}

// Proof is a query that counts what is wrong. It gives one row of whole numbers, one for each
// of Parts.
type Proof struct {
	Name  string // rows, keys, masks, fields, uncast
	Query string
	// Severity: an Error blocks the publication, a Warning does not.
	Severity diag.Severity
	// Parts name what each number counts, in what Sentence is about: columns, or a single "".
	Parts []string
	// Sentence says what is wrong if a number is not 0; it has one %d.
	Sentence string
	// from and sums are what Query reads and counts, where it is that alone.
	from string
	sums []string
}

// Along adds the numbers of a proof to a query of Measured, as its last columns, where both are
// about the same rows: they are read once then. Otherwise ok is false.
func Along(measured string, p Proof) (query string, ok bool) {
	head, ok := strings.CutSuffix(measured, "\nFROM "+p.from)
	if !ok || len(p.sums) == 0 {
		return "", false
	}
	return head + ",\n  " + strings.Join(p.sums, ",\n  ") + "\nFROM " + p.from, true
}

// Read reads the row of a proof: how many are wrong, and sentences that say so.
func (p Proof) Read(row []any) (wrong int64, sentences []string, err error) {
	if len(row) != len(p.Parts) {
		return 0, nil, fmt.Errorf("proof %s gave %d columns instead of %d", p.Name, len(row), len(p.Parts))
	}
	for i, v := range row {
		n, err := countOf(v)
		if err != nil {
			return 0, nil, fmt.Errorf("proof %s: %w", p.Name, err)
		}
		if n == 0 {
			continue
		}
		wrong += n
		sentence := fmt.Sprintf(p.Sentence, n)
		if p.Parts[i] != "" {
			sentence = p.Parts[i] + ": " + sentence
		}
		sentences = append(sentences, sentence)
	}
	return wrong, sentences, nil
}

// countOf reads a number as a warehouse gives sums and counts. A sum over no rows is none.
func countOf(v any) (int64, error) {
	if v == nil {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(fmt.Sprint(v), ".0"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%v is no whole number", v)
	}
	return n, nil
}

// maxParts is how many custom fields one query looks at: each takes several columns, of which
// a query has a limited number.
const maxParts = 100

// Proofs are the queries that show that a customer's rows of a model are its own, hidden where
// they are to be, and its custom fields those of the rows. from is what the rows were read
// from: the proofs of values look there for the values that were.
func Proofs(d Dialect, rule Rule, c Customer, frozen Frozen, from From, staged Staged) []Proof {
	p := proof{d: d, rule: rule, frozen: frozen, customer: d.Literal(c.Name)}
	var out []Proof
	made := p.staged(staged)
	if !rule.All {
		where := "NOT " + made.full + " AND NOT " + made.partial
		out = append(out, Proof{Name: "rows", Parts: []string{""}, Sentence: "%d rows are neither of a tenant of the customer nor in one of its lists",
			Query: "SELECT count(*) FROM " + made.from + " WHERE " + where, from: made.from, sums: []string{"count(CASE WHEN " + where + " THEN 1 END)"}})
	}
	if !rule.For(c.Name) {
		out = append(out, Proof{Name: "admitted", Parts: []string{""}, Sentence: "%d rows of a model that is for other customers",
			Query: "SELECT count(*) FROM " + made.from})
	}
	if len(rule.Key) > 0 {
		out = append(out, p.keys(made))
	}
	if len(rule.Via) > 0 {
		out = append(out, p.masks(c, from, staged))
	}
	if !staged.Shared {
		out = append(out, p.fields(c, from, made)...)
	}
	return out
}

// proof writes the queries for one rule.
type proof struct {
	d        Dialect
	rule     Rule
	frozen   Frozen
	customer string // literal
}

// measured is a relation with what is known of each row: conditions that it is seen whole, or
// in part only. Both are true or false, never NULL.
type measured struct{ from, full, partial string }

const provenAlias = "_engine_s"

func (p proof) of(column string) string { return provenAlias + "." + p.d.Ident(column) }

func (p proof) column(name string) Column {
	if i := slices.IndexFunc(p.rule.Columns, func(c Column) bool { return c.Name == name }); i >= 0 {
		return p.rule.Columns[i]
	}
	return Column{Name: name}
}

func (p proof) exact(column string) string { return p.d.Exact(p.of(column), p.column(column).Type) }

// staged is what was made for the customer.
func (p proof) staged(s Staged) measured {
	source := p.d.Quote(s.Relation)
	if s.Shared && !p.rule.All {
		source = "(SELECT * FROM " + source + " WHERE " + p.d.Ident(CustomerColumn) + " = " + p.customer + ")"
	}
	return p.measure(source)
}

// measure looks the keys of each row up in the raw lists. A list's keys are distinct, so that
// no row is met twice.
func (p proof) measure(source string) measured {
	m := measured{from: source + " AS " + provenAlias, full: "(1 = 1)", partial: "(1 = 0)"}
	if p.rule.All {
		return m
	}
	n := 0
	lookUp := func(column string, list addr.Relation, entity string) string {
		alias := "_engine_p" + strconv.Itoa(n)
		n++
		where := " WHERE customer = " + p.customer
		if entity != "" {
			where += " AND entity = " + p.d.Literal(entity)
		}
		m.from += "\nLEFT JOIN (SELECT DISTINCT key_text AS held FROM " + p.d.Quote(list) + where + ") AS " + alias + " ON " + alias + ".held = " + p.exact(column)
		return alias + ".held IS NOT NULL"
	}
	var full, partial []string
	if p.rule.Tenant != "" {
		full = append(full, lookUp(p.rule.Tenant, p.frozen.Tenants, ""))
	}
	for _, l := range p.rule.Links {
		full = append(full, lookUp(l.Column, p.frozen.Links, l.Entity))
	}
	for _, l := range p.rule.Via {
		partial = append(partial, lookUp(l.Column, p.frozen.Transfers, l.Entity))
	}
	m.full = "(" + strings.Join(append(full, "1 = 0"), " OR ") + ")"
	m.partial = "(NOT " + m.full + " AND (" + strings.Join(append(partial, "1 = 0"), " OR ") + "))"
	return m
}

// keys counts values of the key that several rows have. Where a partial row hides a part of
// the key, only whole rows are looked at.
func (p proof) keys(made measured) Proof {
	var list, where []string
	for _, k := range p.rule.Key {
		list = append(list, p.exact(k))
		where = append(where, p.of(k)+" IS NOT NULL")
		if !p.column(k).Visible && len(p.rule.Via) > 0 && !slices.Contains(where, made.full) {
			where = append(where, made.full)
		}
	}
	return Proof{Name: "keys", Parts: []string{strings.Join(p.rule.Key, ", ")}, Sentence: "%d values of the key are in several rows",
		Query: "SELECT count(*) FROM (SELECT count(*) AS n FROM " + made.from + " WHERE " + strings.Join(where, " AND ") +
			" GROUP BY " + strings.Join(list, ", ") + " HAVING count(*) > 1) AS _engine_d"}
}

// masks counts, for each column that partial rows hide, those that show something.
func (p proof) masks(c Customer, from From, staged Staged) Proof {
	out := Proof{Name: "masks", Sentence: "%d rows that are seen in part only show what is to be hidden"}
	made := p.staged(staged)
	var sums []string
	wrong := func(name, cond string) {
		out.Parts = append(out.Parts, name)
		sums = append(sums, "count(CASE WHEN "+made.partial+" AND "+cond+" THEN 1 END)")
	}
	transfers := false
	for _, l := range p.rule.Via {
		transfers = transfers || c.Transfers[l.Entity].Count > 0
	}
	for i, col := range p.rule.Columns {
		if col.Visible || p.dropsRaw(col.Name) {
			continue
		}
		value := p.exact(col.Name)
		switch col.Mask.Kind {
		case MaskHash:
			value = p.d.Exact(p.of(col.Name), p.d.FieldColumn(warehouse.FieldText))
			cond := "NOT " + p.d.Words().Regexp(value, "^[0-9a-f]{64}$")
			if transfers {
				// A value that looks like a digest may be one that was there before.
				raw := "_engine_h" + strconv.Itoa(i)
				where := p.d.Ident(col.Name) + " IS NOT NULL"
				source := p.rule.Relation
				if !from.Split.IsZero() {
					source, where = from.Split, where+" AND "+p.d.Ident(CustomerColumn)+" = "+p.customer
				}
				made.from += "\nLEFT JOIN (SELECT DISTINCT " + p.d.Exact(p.d.Ident(col.Name), col.Type) + " AS raw FROM " + p.d.Quote(source) + " WHERE " + where + ") AS " + raw + " ON " + raw + ".raw = " + value
				cond = "(" + cond + " OR " + raw + ".raw IS NOT NULL)"
			}
			wrong(col.Name, value+" IS NOT NULL AND "+cond)
		case MaskConstant:
			constant := p.d.Exact("CAST("+p.d.Literal(col.Mask.Constant)+" AS "+col.Type+")", col.Type)
			wrong(col.Name, "("+value+" IS NULL OR "+value+" <> "+constant+")")
		default:
			wrong(col.Name, value+" IS NOT NULL")
		}
	}
	if p.rule.Fields != nil && !staged.Shared && !p.column(p.rule.Fields.Column).Visible {
		for _, f := range c.Fields[p.rule.As] {
			wrong(f.Column, p.d.Exact(p.of(f.Column), p.d.FieldColumn(f.Type))+" IS NOT NULL")
		}
	}
	if len(sums) == 0 { // everything is visible
		out.Parts, sums = []string{""}, []string{"count(CASE WHEN 1 = 0 THEN 1 END)"}
	}
	out.Query = "SELECT " + strings.Join(sums, ",\n  ") + "\nFROM " + made.from
	out.from, out.sums = made.from, sums
	return out
}

// dropsRaw says that a column is the JSON of custom fields and not the customer's.
func (p proof) dropsRaw(column string) bool {
	return p.rule.Fields != nil && p.rule.Fields.Column == column && !p.rule.Fields.KeepRaw
}

// fields compares the values of custom fields with those that the JSON of the customer's rows
// has under the fields' ids: how many there are, their least and greatest and their length.
// Values that do not fit the type are counted by a warning.
func (p proof) fields(c Customer, from From, made measured) []Proof {
	list := c.Fields[p.rule.As]
	if p.rule.Fields == nil || len(list) == 0 || !p.rule.For(c.Name) {
		return nil
	}
	json := p.column(p.rule.Fields.Column)
	source := measured{full: provenAlias + "." + p.d.Ident(FullColumn), partial: "(NOT " + provenAlias + "." + p.d.Ident(FullColumn) + ")",
		from: "(SELECT * FROM " + p.d.Quote(from.Split) + " WHERE " + p.d.Ident(CustomerColumn) + " = " + p.customer + ") AS " + provenAlias}
	if from.Split.IsZero() || p.rule.All {
		source = p.measure(p.d.Quote(p.rule.Relation))
	}
	// Hidden fields of partial rows are for the proof of masks.
	shown := func(m measured) string {
		if json.Visible {
			return "(" + m.full + " OR " + m.partial + ")"
		}
		return m.full
	}
	var out []Proof
	for batch := range slices.Chunk(list, maxParts) {
		names := []string{}
		document, jsonType := p.d.Document(p.of(json.Name), json.Type)
		// The JSON is read, taken apart and made values of in one subquery each.
		parts := []string{"t.given AND t.parsed IS NULL AS broken"}
		read := []string{"t.broken"}
		uncast := []string{"count(CASE WHEN broken THEN 1 END)"}
		var there, here, differ []string
		for i, f := range batch {
			names = append(names, f.Column)
			n := strconv.Itoa(i)
			var at []string
			taken, of := p.d.Field("t.parsed", jsonType, f.ID, f.Type, p.rule.Fields.Formats)
			for j, part := range taken {
				parts = append(parts, part+" AS p"+n+"_"+strconv.Itoa(j))
				at = append(at, "t.p"+n+"_"+strconv.Itoa(j))
			}
			value, present := of(at)
			read = append(read, p.d.Exact("("+value+")", p.d.FieldColumn(f.Type))+" AS x"+n, present+" AS y"+n)
			sums := func(expr, alias string) string {
				return "count(" + expr + ") AS " + alias + "c" + n + ", min(" + expr + ") AS " + alias + "l" + n + ", max(" + expr + ") AS " + alias + "g" + n + ", coalesce(sum(length(" + expr + ")), 0) AS " + alias + "s" + n
			}
			there = append(there, sums("x"+n, "a"))
			here = append(here, sums(p.exactField(f), "b"))
			var same []string
			for _, k := range []string{"c", "l", "g", "s"} {
				same = append(same, p.d.Words().Distinct("_engine_a.a"+k+n, "_engine_b.b"+k+n))
			}
			differ = append(differ, "CASE WHEN "+strings.Join(same, " OR ")+" THEN 1 ELSE 0 END")
			uncast = append(uncast, "count(CASE WHEN y"+n+" AND x"+n+" IS NULL THEN 1 END)")
		}
		values := "(SELECT " + strings.Join(read, ",\n  ") + "\nFROM (SELECT " + strings.Join(parts, ",\n  ") + "\nFROM (SELECT " + document + " AS parsed, " + p.of(json.Name) + " IS NOT NULL AS given" +
			"\nFROM " + source.from + " WHERE " + shown(source) + p.d.Fence() + ") AS t" + p.d.Fence() + ") AS t" + p.d.Fence() + ") AS v"
		out = append(out,
			Proof{Name: "fields", Parts: names, Sentence: "%d custom field does not hold the values of its rows",
				Query: "SELECT " + strings.Join(differ, ",\n  ") + "\nFROM (SELECT " + strings.Join(there, ",\n  ") + "\nFROM " + values + ") AS _engine_a\nCROSS JOIN (SELECT " +
					strings.Join(here, ",\n  ") + "\nFROM " + made.from + " WHERE " + shown(made) + ") AS _engine_b"},
			Proof{Name: "uncast", Severity: diag.Warning, Parts: append([]string{json.Name}, names...), Sentence: "%d values do not fit the type and are NULL",
				Query: "SELECT " + strings.Join(uncast, ",\n  ") + "\nFROM " + values})
	}
	return out
}

func (p proof) exactField(f Field) string {
	return p.d.Exact(p.of(f.Column), p.d.FieldColumn(f.Type))
}

// CheckColumns compares the columns of what was made for a customer with those that it is to
// have, and says what is amiss. shared is for a table of several customers.
func CheckColumns(rule Rule, c Customer, shared bool, have []warehouse.Column) []string {
	var out, want []string
	for _, col := range rule.Columns {
		if rule.Fields == nil || col.Name != rule.Fields.Column || rule.Fields.KeepRaw {
			want = append(want, col.Name)
		}
	}
	switch {
	case shared && !rule.All:
		want = append(want, CustomerColumn)
	case !shared && rule.Fields != nil:
		for _, f := range c.Fields[rule.As] {
			want = append(want, f.Column)
		}
	}
	names := map[string]bool{}
	for _, h := range have {
		names[h.Name] = true
		switch {
		case slices.Contains(want, h.Name):
		case rule.Fields != nil && h.Name == rule.Fields.Column:
			out = append(out, "the column "+h.Name+" holds the JSON of custom fields, which is not the customer's")
		default:
			out = append(out, "there is a column "+h.Name+" that the customer is not to have")
		}
	}
	for _, w := range want {
		if !names[w] {
			out = append(out, "there is no column "+w)
		}
	}
	return out
}

// Counts are how many rows of a model a customer sees whole and in part, and how many of them
// have a value, for each column that they are to show (see Counted).
type Counts struct {
	Customer              string
	Full, Partial         int64
	Values, PartialValues []int64
}

// Counted are the columns that Counts count the values of: in whole rows, and in partial ones.
func Counted(rule Rule) (full, partial []string) {
	p := proof{rule: rule}
	for _, c := range rule.Columns {
		if p.dropsRaw(c.Name) {
			continue
		}
		full = append(full, c.Name)
		if c.Visible && len(rule.Via) > 0 {
			partial = append(partial, c.Name)
		}
	}
	return full, partial
}

// present is an expression that is not NULL where a column has a value, as far as tables keep
// the difference.
func (p proof) present(column string) string {
	if strings.HasPrefix(strings.ToUpper(p.column(column).Type), "ARRAY<") {
		return p.exact(column)
	}
	return p.of(column)
}

// wholePattern is a whole number as it prints. No other text is equal to a column of whole numbers,
// and none of these is equal to two, so that they may be compared as what they are: a warehouse
// finds numbers faster than their texts, and with the index or order that the relation has.
const wholePattern = `^(0|-?[1-9][0-9]{0,18})$`

// Expected is the query of Counts as they are to be, one row for each due customer (nil: all)
// that sees rows, read from the model itself. Of a rule whose rows are all it is one row, for
// a customer without name.
//
// Who sees a row depends on its keys only: rows are grouped by those keys that are in any list
// first, and a group is the customer's as the highest of what any list says of it.
func Expected(d Dialect, rule Rule, frozen Frozen, due []string) string {
	p := proof{d: d, rule: rule, frozen: frozen}
	full, partial := Counted(rule)
	if rule.All {
		sums := []string{"'' AS customer", "count(*)", "0"}
		for _, c := range full {
			sums = append(sums, "count("+p.present(c)+")")
		}
		for range partial {
			sums = append(sums, "0")
		}
		return "SELECT " + strings.Join(sums, ", ") + " FROM " + d.Quote(rule.Relation) + " AS " + provenAlias
	}
	type listed struct {
		frozen addr.Relation
		Link
		level int
	}
	var lists []listed
	if rule.Tenant != "" {
		lists = append(lists, listed{frozen.Tenants, Link{Column: rule.Tenant}, 2})
	}
	for _, l := range rule.Links {
		lists = append(lists, listed{frozen.Links, l, 2})
	}
	for _, l := range rule.Via {
		lists = append(lists, listed{frozen.Transfers, l, 1})
	}
	// who limits a list to those whose counts are wanted. The empty text is nobody.
	who := func(alias string) string {
		where := ""
		for _, names := range [][]string{rule.Only, due} {
			if names != nil {
				where += " AND " + alias + "customer IN (" + literals(d, append([]string{""}, names...)) + ")"
			}
		}
		return where
	}
	of := func(l listed, alias string) string {
		if l.Entity == "" {
			return alias + "key_text IS NOT NULL" + who(alias)
		}
		return alias + "entity = " + d.Literal(l.Entity) + who(alias)
	}
	// A key that is in nobody's list is as good as none, and a row without any is nobody's: what is
	// left makes few groups.
	source := d.Quote(rule.Relation) + " AS " + provenAlias
	join := "\nJOIN "
	if len(lists) > 1 {
		join = "\nLEFT JOIN "
	}
	var grouped, groups, carried, highest, by, some []string
	for i, l := range lists {
		alias, held := "k"+strconv.Itoa(i), "_engine_u"+strconv.Itoa(i)
		columns, where, on := "key_text AS held", of(l, ""), held+".held = "+p.exact(l.Column)
		if p.column(l.Column).Number {
			columns += ", " + d.SafeCast("key_text", "BIGINT") + " AS number"
			where += " AND " + d.Words().Regexp("key_text", wholePattern)
			on = held + ".number = " + p.of(l.Column)
		}
		source += join + "(SELECT DISTINCT " + columns + " FROM " + d.Quote(l.frozen) + " WHERE " + where + ") AS " + held + " ON " + on
		some = append(some, held+".held IS NOT NULL")
		grouped = append(grouped, held+".held AS "+alias)
		groups = append(groups, strconv.Itoa(i+1))
		carried = append(carried, "g."+alias)
		by = append(by, alias)
	}
	grouped = append(grouped, "count(*) AS n")
	carried = append(carried, "g.n")
	highest = append(highest, "max(n) AS n")
	for i, c := range full {
		alias := "v" + strconv.Itoa(i)
		grouped = append(grouped, "count("+p.present(c)+") AS "+alias)
		carried = append(carried, "g."+alias)
		highest = append(highest, "max("+alias+") AS "+alias)
	}
	if len(lists) > 1 {
		source += "\nWHERE " + strings.Join(some, " OR ")
	}
	var branches []string
	for i, l := range lists {
		branches = append(branches, "SELECT f.customer, "+strconv.Itoa(l.level)+" AS seen, "+strings.Join(carried, ", ")+
			" FROM _engine_g AS g JOIN "+d.Quote(l.frozen)+" AS f ON f.key_text = g.k"+strconv.Itoa(i)+" AND "+of(l, "f."))
	}
	sums := []string{"customer", "sum(CASE WHEN seen = 2 THEN n ELSE 0 END)", "sum(CASE WHEN seen = 1 THEN n ELSE 0 END)"}
	for i := range full {
		sums = append(sums, "sum(CASE WHEN seen = 2 THEN v"+strconv.Itoa(i)+" ELSE 0 END)")
	}
	for _, c := range partial {
		sums = append(sums, "sum(CASE WHEN seen = 1 THEN v"+strconv.Itoa(slices.Index(full, c))+" ELSE 0 END)")
	}
	return "WITH _engine_g AS (SELECT " + strings.Join(grouped, ", ") + "\nFROM " + source + " GROUP BY " + strings.Join(groups, ", ") + "),\n" +
		"_engine_m AS (SELECT customer, max(seen) AS seen, " + strings.Join(highest, ", ") + "\nFROM (" + strings.Join(branches, "\nUNION ALL ") + ") AS b GROUP BY customer, " + strings.Join(by, ", ") + ")\n" +
		"SELECT " + strings.Join(sums, ", ") + "\nFROM _engine_m GROUP BY customer ORDER BY customer"
}

// Measured is the query of Counts as they are in what was made for a customer: one row.
func Measured(d Dialect, rule Rule, c Customer, frozen Frozen, staged Staged) string {
	p := proof{d: d, rule: rule, frozen: frozen, customer: d.Literal(c.Name)}
	made := p.staged(staged)
	full, partial := Counted(rule)
	sums := []string{p.customer, "count(CASE WHEN " + made.full + " THEN 1 END)", "count(CASE WHEN " + made.partial + " THEN 1 END)"}
	for _, col := range full {
		sums = append(sums, "count(CASE WHEN "+made.full+" AND "+p.present(col)+" IS NOT NULL THEN 1 END)")
	}
	for _, col := range partial {
		sums = append(sums, "count(CASE WHEN "+made.partial+" AND "+p.present(col)+" IS NOT NULL THEN 1 END)")
	}
	return "SELECT " + strings.Join(sums, ",\n  ") + "\nFROM " + made.from
}

// NoCounts are those of a customer that sees nothing.
func NoCounts(rule Rule, customer string) Counts {
	full, partial := Counted(rule)
	return Counts{Customer: customer, Values: make([]int64, len(full)), PartialValues: make([]int64, len(partial))}
}

// CountsOf reads a row of Expected or Measured.
func CountsOf(rule Rule, row []any) (Counts, error) {
	full, partial := Counted(rule)
	if len(row) != 3+len(full)+len(partial) {
		return Counts{}, fmt.Errorf("%d counts instead of %d", len(row), 3+len(full)+len(partial))
	}
	c := Counts{Customer: fmt.Sprint(row[0])}
	for i, v := range row[1:] {
		n, err := countOf(v)
		if err != nil {
			return Counts{}, err
		}
		switch {
		case i == 0:
			c.Full = n
		case i == 1:
			c.Partial = n
		case i < 2+len(full):
			c.Values = append(c.Values, n)
		default:
			c.PartialValues = append(c.PartialValues, n)
		}
	}
	return c, nil
}

// Differ says where counts are not those wanted.
func (c Counts) Differ(rule Rule, want Counts) []string {
	var out []string
	differ := func(what string, have, want int64) {
		if have != want {
			out = append(out, fmt.Sprintf("%s: %d, and the model has %d for the customer", what, have, want))
		}
	}
	differ("rows that are seen whole", c.Full, want.Full)
	differ("rows that are seen in part", c.Partial, want.Partial)
	full, partial := Counted(rule)
	for i, name := range full {
		if i < len(c.Values) && i < len(want.Values) {
			differ("values of "+name, c.Values[i], want.Values[i])
		}
	}
	for i, name := range partial {
		if i < len(c.PartialValues) && i < len(want.PartialValues) {
			differ("values of "+name+" in rows that are seen in part", c.PartialValues[i], want.PartialValues[i])
		}
	}
	return out
}

// Marker is a text that stands in the rows of one customer only.
type Marker struct{ Customer, Text string }

// Canary is the query that counts the rows of a relation in any column of which one of the
// markers stands; "" where there is nothing to look for. With apart rows say whose they are, in
// CustomerColumn: one is counted that has somebody else's marker, and who asks whose these are.
func Canary(d Dialect, relation addr.Relation, columns []warehouse.Column, markers []Marker, apart bool) (count, who string) {
	var found []string
	for _, c := range columns {
		for _, m := range markers {
			if m.Text == "" {
				continue
			}
			one := "strpos(" + d.Exact(provenAlias+"."+d.Ident(c.Name), c.Type) + ", " + d.Literal(m.Text) + ") > 0"
			if apart {
				one = "(" + provenAlias + "." + d.Ident(CustomerColumn) + " <> " + d.Literal(m.Customer) + " AND " + one + ")"
			}
			found = append(found, one)
		}
	}
	if len(found) == 0 {
		return "", ""
	}
	from := " FROM " + d.Quote(relation) + " AS " + provenAlias + " WHERE " + strings.Join(found, "\n  OR ")
	if apart {
		column := provenAlias + "." + d.Ident(CustomerColumn)
		who = "SELECT DISTINCT " + column + from + " ORDER BY " + column
	}
	return "SELECT count(*)" + from, who
}
