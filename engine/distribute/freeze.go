package distribute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// Workshop is where a run works for all customers.
type Workshop struct {
	// At has database and schema.
	At     addr.Relation
	Frozen tenant.Frozen
}

// Reading says what the customers' configuration is read for.
type Reading struct {
	Rules     []tenant.Rule
	Contracts []tenant.Contract
	// Past has the columns that custom fields got first.
	Past map[string]state.Release
	// Owner and Schema make a workshop; Freeze is false where nothing is to be written.
	Owner, Schema string
	Freeze        bool
}

// Freeze reads who the customers are. What relations say is copied first, so that a run sees
// one configuration from its beginning to its end, whatever happens to them meanwhile; and the
// keys of rows are laid out for the slices and for their proofs. Where something is wrong it
// leaves no workshop.
func Freeze(ctx context.Context, conn warehouse.Conn, p *compile.Program, in Reading) (config *tenant.Config, shop Workshop, wrong diag.List, err error) {
	defer func() {
		if config == nil || err != nil || wrong.HasErrors() {
			shop.abandon(ctx, conn)
		}
	}()
	return freeze(ctx, conn, p, in)
}

// abandon removes what was made for a run that is not going to be. What cannot be removed now
// is removed by the next run.
func (w Workshop) abandon(ctx context.Context, conn warehouse.Conn) {
	dist, err := warehouse.Distribute(conn)
	if err != nil || w.At.IsZero() {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer stop()
	_ = dist.CloseWorkshop(ctx, w.At)
}

func freeze(ctx context.Context, conn warehouse.Conn, p *compile.Program, in Reading) (*tenant.Config, Workshop, diag.List, error) {
	d := p.Project.Settings.Distribution
	f := &freezer{conn: conn, program: p, d: d, parts: tenant.Written(d), most: mostRows, texts: map[string]any{}}
	if f.parts.Tables == nil {
		f.parts.Tables = map[string]tenant.Table{}
	}
	refs, found, err := f.refs(ctx)
	if err != nil || found.HasErrors() {
		return nil, Workshop{}, found, err
	}
	var shop Workshop
	if in.Freeze {
		dist, err := warehouse.Distribute(conn)
		if err != nil {
			return nil, shop, nil, err
		}
		if shop.At, err = dist.Workshop(ctx, in.Owner, in.Schema); err != nil {
			return nil, shop, nil, fmt.Errorf("make the workshop %s: %w", in.Schema, err)
		}
		if err := f.copy(ctx, shop.At, refs); err != nil {
			return nil, shop, nil, err
		}
	}
	for _, r := range refs {
		table, err := f.read(ctx, r)
		var many *tooManyError
		if errors.As(err, &many) {
			return nil, shop, diag.List{sourceTooLong(r.part, many.most)}, nil
		}
		if err != nil {
			return nil, shop, nil, err
		}
		f.parts.Tables[r.part.Name] = table
	}
	caps := p.Target.Dialect.Caps()
	config, found := tenant.Read(d, f.parts, tenant.Options{Rules: in.Rules, Contracts: in.Contracts, Caps: caps, Reserved: tenant.Reserved(p), First: first(in.Past)})
	if s, ok := f.conn.(warehouse.Sheltered); ok && config != nil {
		// Only now it is known whose functions must not run, and no customer's rows are read yet.
		var open *warehouse.OpenError
		if err := s.ShelteredFrom(ctx, config.Principals()); errors.As(err, &open) {
			return nil, shop, diag.List{lurking(open)}, nil
		} else if err != nil {
			return nil, shop, nil, fmt.Errorf("look at the principals: %w", err)
		}
	}
	if config == nil || found.HasErrors() || !in.Freeze {
		return config, shop, found, nil
	}
	shop.Frozen, err = f.lists(ctx, shop.At, refs)
	return config, shop, found, err
}

// first are the columns that custom fields got when they were first published.
func first(past map[string]state.Release) map[tenant.FieldRef]string {
	out := map[tenant.FieldRef]string{}
	for name, r := range past {
		for model, fields := range r.Fields {
			for id, column := range fields {
				out[tenant.FieldRef{Customer: name, Model: model, ID: id}] = column
			}
		}
	}
	return out
}

type freezer struct {
	conn    warehouse.Conn
	program *compile.Program
	d       *project.Distribution
	parts   tenant.Parts
	most    int            // rows of a relation
	texts   map[string]any // see kept
}

// ref is a part of the configuration that is a relation.
type ref struct {
	part    *project.Part
	at      addr.Relation // where it is read: its copy, once there is one
	columns []refColumn
}

type refColumn struct{ ours, theirs, typ string }

// refs finds the relations that hold configuration.
func (f *freezer) refs(ctx context.Context) ([]*ref, diag.List, error) {
	var found diag.List
	var out []*ref
	var asked []addr.Relation
	for _, name := range project.PartNames {
		part := f.d.Parts[name]
		if part == nil || part.Ref.V == "" {
			continue
		}
		node := tenant.Referred(f.program, part)
		if node == nil {
			continue // package tenant says so
		}
		r := &ref{part: part, at: f.program.ReadAt(node.ID)}
		out, asked = append(out, r), append(asked, r.at)
	}
	if len(asked) == 0 {
		return nil, nil, nil
	}
	relations, err := f.conn.Inspect(ctx, asked)
	if err != nil {
		return nil, nil, fmt.Errorf("inspect the relations with the customers: %w", err)
	}
	there := map[addr.Relation]warehouse.Relation{}
	for _, rel := range relations {
		there[key(f.conn, rel.Name)] = rel
	}
	for _, r := range out {
		rel, ok := there[key(f.conn, r.at)]
		if !ok {
			found.Add(sourceMissing(r.part, r.at))
			continue
		}
		for _, c := range project.PartColumns(r.part.Name) {
			theirs := r.part.Theirs(c.Name)
			i := slices.IndexFunc(rel.Columns, func(have warehouse.Column) bool { return strings.EqualFold(have.Name, theirs) })
			if i >= 0 {
				r.columns = append(r.columns, refColumn{c.Name, rel.Columns[i].Name, rel.Columns[i].Type})
			} else if _, written := r.part.Columns[c.Name]; c.Required || written {
				found.Add(sourceColumn(r.part, r.at, theirs, rel.Columns))
			}
		}
	}
	return out, found, nil
}

// copy takes the relations as they are now.
func (f *freezer) copy(ctx context.Context, at addr.Relation, refs []*ref) error {
	d := f.conn.Dialect()
	for _, r := range refs {
		list := make([]string, len(r.columns))
		for i, c := range r.columns {
			list[i] = d.Ident(c.theirs) + " AS " + d.Ident(c.ours)
			r.columns[i].theirs = c.ours
		}
		target := at
		target.Name = "config_" + r.part.Name
		query := "SELECT " + strings.Join(list, ", ") + " FROM " + d.Quote(r.at)
		if err := f.do(ctx, warehouse.CreateTableAs{Target: target, Query: query}); err != nil {
			return fmt.Errorf("freeze %s: %w", r.at, err)
		}
		r.at = target
	}
	return nil
}

// mostRows is how many rows a relation with configuration may have: they are held in memory,
// some hundred bytes each.
const mostRows = 5_000_000

// tooManyError is that of a relation with more than mostRows.
type tooManyError struct{ most int }

func (e *tooManyError) Error() string { return fmt.Sprintf("more than %d rows", e.most) }

// read gives the rows of a relation.
func (f *freezer) read(ctx context.Context, r *ref) (tenant.Table, error) {
	d := f.conn.Dialect()
	out := tenant.Table{Part: r.part.Name, From: "relation " + r.part.Ref.V}
	list := make([]string, len(r.columns))
	for i, c := range r.columns {
		list[i] = d.Ident(c.theirs)
		out.Columns = append(out.Columns, c.ours)
	}
	stmt := warehouse.Statement{SQL: "SELECT " + strings.Join(list, ", ") + " FROM " + d.Quote(r.at)}
	rows, err := f.conn.Query(ctx, stmt)
	if err != nil {
		return out, fmt.Errorf("read %s: %w", r.at, err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return out, fmt.Errorf("read %s: %w", r.at, err)
		}
		if err := f.add(&out, v); err != nil {
			return out, err
		}
	}
	if err := rows.Err(); err != nil {
		return out, fmt.Errorf("read %s: %w", r.at, err)
	}
	return out, nil
}

// add keeps a row, or is a *tooManyError.
func (f *freezer) add(to *tenant.Table, row []any) error {
	if len(to.Rows) == f.most {
		return &tooManyError{f.most}
	}
	to.Rows = append(to.Rows, f.kept(row))
	return nil
}

// kept is a copy of a row in which texts that come again are the same ones: names of customers
// and entities are few, and stand in every row.
func (f *freezer) kept(row []any) []any {
	out := slices.Clone(row)
	for i, v := range out {
		text, ok := v.(string)
		if !ok || len(text) > longText {
			continue
		}
		if known, ok := f.texts[text]; ok {
			out[i] = known
		} else if len(f.texts) < mostTexts {
			f.texts[text] = v
		}
	}
	return out
}

// Texts that are kept once: so many, and none that is longer.
const (
	mostTexts = 100_000
	longText  = 100
)

// lists lays out the keys of rows: customer, entity, key_int and key_text.
func (f *freezer) lists(ctx context.Context, at addr.Relation, refs []*ref) (tenant.Frozen, error) {
	var out tenant.Frozen
	for _, l := range []struct {
		part, key string
		entity    bool
		to        *addr.Relation
	}{
		{project.CustomerTenants, "tenant", false, &out.Tenants}, {project.Links, "key", true, &out.Links}, {project.Transfers, "key", true, &out.Transfers},
	} {
		*l.to = at
		l.to.Name = "frozen_" + l.part
		var err error
		if i := slices.IndexFunc(refs, func(r *ref) bool { return r.part.Name == l.part }); i >= 0 {
			err = f.derive(ctx, *l.to, refs[i], l.key, l.entity)
		} else {
			err = f.write(ctx, *l.to, f.parts.Tables[l.part], l.key, l.entity)
		}
		if err != nil {
			return out, fmt.Errorf("freeze %s: %w", l.part, err)
		}
	}
	return out, nil
}

// wholeNumber is how a key that is a whole number is written: the way it prints.
const wholeNumber = `^(0|-?[1-9][0-9]{0,18})$`

// derive lays the keys of a relation out in the warehouse.
func (f *freezer) derive(ctx context.Context, to addr.Relation, r *ref, keyName string, entity bool) error {
	d, err := tenant.For(f.conn.Dialect())
	if err != nil {
		return err
	}
	if err := warehouse.Prepare(ctx, f.conn, d.Needs()); err != nil {
		return err
	}
	w := d.Words()
	text := func(name string) string { return w.Cast(d.Ident(name), w.Text()) }
	key := text(keyName)
	columns := []string{text("customer") + " AS " + d.Ident("customer")}
	where := []string{d.Ident("customer") + " IS NOT NULL", d.Ident(keyName) + " IS NOT NULL"}
	if entity {
		columns = append(columns, text("entity")+" AS "+d.Ident("entity"))
		where = append(where, d.Ident("entity")+" IS NOT NULL")
	}
	columns = append(columns, fmt.Sprintf("CASE WHEN %s THEN %s END AS %s", w.Regexp(key, wholeNumber), d.SafeCast(key, "BIGINT"), d.Ident("key_int")), key+" AS "+d.Ident("key_text"))
	query := fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s", strings.Join(columns, ", "), d.Quote(r.at), strings.Join(where, " AND "))
	return f.do(ctx, warehouse.CreateTableAs{Target: to, Query: query})
}

// batch is how many rows one statement writes, and bulk how many a Filler is given at once.
const (
	batch = 500
	bulk  = 20_000
)

// write lays the keys out that are written in the project.
func (f *freezer) write(ctx context.Context, to addr.Relation, t tenant.Table, keyName string, entity bool) error {
	text := f.conn.Dialect().Words().Text()
	columns := []warehouse.Column{{Name: "customer", Type: text}}
	if entity {
		columns = append(columns, warehouse.Column{Name: "entity", Type: text})
	}
	columns = append(columns, warehouse.Column{Name: "key_int", Type: "BIGINT"}, warehouse.Column{Name: "key_text", Type: text})
	keys := keysOf(t, keyName, entity)
	if filler, ok := f.conn.(warehouse.Filler); ok && len(keys) > batch {
		_, err := filler.Fill(ctx, to, columns, nil, keys.batches(entity))
		return err
	}
	if err := f.do(ctx, warehouse.CreateTable{Target: to, Columns: columns}); err != nil {
		return err
	}
	for part := range slices.Chunk(keys, batch) {
		rows := make([][]any, len(part))
		for i, k := range part {
			rows[i] = append(rows[i], k.customer)
			if entity {
				rows[i] = append(rows[i], k.entity)
			}
			var number any
			if k.whole {
				number = k.number
			}
			rows[i] = append(rows[i], number, k.text)
		}
		if err := f.do(ctx, warehouse.InsertValues{Target: to, Columns: columns, Rows: rows}); err != nil {
			return err
		}
	}
	return nil
}

// writtenKey is a row of a list that is written in the project.
type writtenKey struct {
	customer, entity, text string
	number                 int64
	whole                  bool // number is the key
}

type writtenKeys []writtenKey

// keysOf are the rows that give somebody something, each once.
func keysOf(t tenant.Table, keyName string, entity bool) writtenKeys {
	cell := func(row []any, i int) string {
		if i < 0 || i >= len(row) || row[i] == nil {
			return ""
		}
		if text, ok := row[i].(string); ok {
			return text
		}
		return fmt.Sprint(row[i])
	}
	customer, what, key := slices.Index(t.Columns, "customer"), -1, slices.Index(t.Columns, keyName)
	if entity {
		what = slices.Index(t.Columns, "entity")
	}
	seen := make(map[writtenKey]bool, len(t.Rows))
	out := make(writtenKeys, 0, len(t.Rows))
	for _, row := range t.Rows {
		k := writtenKey{customer: cell(row, customer), entity: cell(row, what), text: cell(row, key)}
		if k.customer == "" || k.text == "" || entity && k.entity == "" {
			continue
		}
		if n, err := strconv.ParseInt(k.text, 10, 64); err == nil && strconv.FormatInt(n, 10) == k.text {
			k.number, k.whole = n, true
		}
		if !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}

// batches gives the keys to a Filler.
func (keys writtenKeys) batches(entity bool) func() (*warehouse.Batch, error) {
	return func() (*warehouse.Batch, error) {
		if len(keys) == 0 {
			return nil, nil
		}
		part := keys[:min(len(keys), bulk)]
		keys = keys[len(part):]
		n := len(part)
		customers, entities, texts := make([]string, n), make([]string, n), make([]string, n)
		numbers, null := make([]int64, n), make([]bool, n)
		for i, k := range part {
			customers[i], entities[i], texts[i], numbers[i], null[i] = k.customer, k.entity, k.text, k.number, !k.whole
		}
		columns := []warehouse.Vector{{Texts: customers}}
		if entity {
			columns = append(columns, warehouse.Vector{Texts: entities})
		}
		columns = append(columns, warehouse.Vector{Ints: numbers, Null: null}, warehouse.Vector{Texts: texts})
		return &warehouse.Batch{Rows: n, Columns: columns}, nil
	}
}

func (f *freezer) do(ctx context.Context, op warehouse.Op) error {
	r := &runner{conn: f.conn}
	_, err := r.do(ctx, op, &Usage{})
	return err
}
