package compile

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// analyze finds the columns of every node in order, parents first, and reports what the
// warehouse's own binder would refuse. A node whose parents are bad or unknown is not
// looked at: consequences are silent. What is found here leaves the text of a node as it
// is, so that those that read it are looked at as far as its columns are known.
func (c *compiler) analyze(ctx context.Context, order []addr.Node) {
	c.declareColumns()
	c.nativelyRead = map[addr.Node]bool{}
	native := func(parents []addr.Node) {
		for _, p := range parents {
			c.nativelyRead[p] = true
		}
	}
	for _, u := range c.all {
		if u.kind != addr.Source && !c.google(u) {
			native(u.Parents)
		}
	}
	for _, t := range c.tests {
		if c.testDialect(t) != project.GoogleSQL {
			native(t.Parents)
		}
	}
	for _, u := range c.all {
		if u.kind == addr.Source && c.nativelyRead[u.ID] {
			native(u.Parents) // what builds the source has its columns
		}
	}
	if c.options.Analyzer == nil && c.options.Google == nil {
		for _, u := range c.all {
			u.Unanalyzed = "analysis is off"
		}
		return
	}
	byID := c.byID
	c.leaveFar()
	for _, wave := range waves(order, func(n addr.Node) []addr.Node { return byID[n].Parents }) {
		c.parallel(len(wave), func(i int) {
			u := byID[wave[i]]
			defer u.guard("analyze")
			if c.far != nil && c.far[u.ID] {
				u.Unanalyzed = notYet
				return
			}
			if ctx.Err() == nil {
				c.renderAsking(u, byID)
				c.analyzeUnit(ctx, u, byID)
				c.isolate(u)
				c.declarePlace(ctx, u)
			}
		})
		for _, id := range wave {
			if byID[id].asks {
				c.take(byID[id])
				continue
			}
			c.report(byID[id])
		}
	}
	for _, u := range c.all {
		c.checkColumns(u)
	}
}

const notYet = "it has not been looked at yet"

// leaveFar notes what need not be analyzed, if anything.
func (c *compiler) leaveFar() {
	if c.options.Near == nil || c.whole != nil {
		return
	}
	c.far = make(map[addr.Node]bool, len(c.all))
	for _, u := range c.all {
		c.far[u.ID] = true
	}
	var need func(n addr.Node)
	need = func(n addr.Node) {
		if c.far[n] {
			delete(c.far, n)
			for _, p := range c.byID[n].Parents {
				need(p)
			}
		}
	}
	for _, u := range c.all {
		if u.kind != addr.Source && slices.Contains(c.options.Near, u.Path) {
			need(u.ID)
		}
	}
}

// waves splits a topological order into steps of nodes that do not depend on each other.
func waves(order []addr.Node, parents func(addr.Node) []addr.Node) [][]addr.Node {
	level := make(map[addr.Node]int, len(order))
	var out [][]addr.Node
	for _, n := range order {
		l := 0
		for _, p := range parents(n) {
			if above, ordered := level[p]; ordered { // else it is compiled already, see Base
				l = max(l, above+1)
			}
		}
		level[n] = l
		if l == len(out) {
			out = append(out, nil)
		}
		out[l] = append(out[l], n)
	}
	return out
}

// declareColumns starts every node with the columns that YAML declares.
func (c *compiler) declareColumns() {
	for _, u := range c.all {
		var written []*project.Column
		if u.Props != nil {
			written = u.Props.Columns
		} else if u.Source != nil {
			written = u.Source.Columns
		}
		for _, w := range written {
			u.Columns = append(u.Columns, Column{
				Name: w.Name.V, Type: w.DataType.V, Description: w.Description.V,
				Meta: w.Meta, Tags: w.Tags, Declared: true, At: w.Name.At,
			})
		}
		if u.Source != nil && c.project.Lock != nil {
			c.lockedColumns(u)
		}
	}
}

// lockedColumns adds what is written down of a source to what is declared.
func (c *compiler) lockedColumns(u *unit) {
	locked := c.project.Lock.Sources[u.ID.Name]
	if locked == nil {
		return
	}
	declared := u.Columns
	u.Columns = nil
	for _, l := range locked.Columns {
		typ := l.Native
		if l.Type != "" && c.project.Settings.Dialect.V == project.GoogleSQL {
			typ = l.Type
		}
		i := slices.IndexFunc(declared, func(d Column) bool { return strings.EqualFold(d.Name, l.Name) })
		if i < 0 {
			u.Columns = append(u.Columns, Column{Name: l.Name, Type: typ})
			continue
		}
		if declared[i].Type == "" {
			declared[i].Type = typ
		}
		u.Columns = append(u.Columns, declared[i])
	}
	for _, d := range declared {
		if !hasColumn(u.Columns, d.Name) {
			u.diags.Add(columnUnknown(u, d, u.Columns))
		}
	}
}

// lockedForeign reports whether a column of a source has a type that only the target has,
// as the lock file says. It is no mistake: what reads the column learns that it cannot.
func (c *compiler) lockedForeign(u *unit, col *Column) bool {
	if c.project.Lock == nil || c.project.Lock.Sources[u.ID.Name] == nil {
		return false
	}
	return slices.ContainsFunc(c.project.Lock.Sources[u.ID.Name].Columns, func(l project.LockedColumn) bool {
		return strings.EqualFold(l.Name, col.Name) && l.Type == "" && l.Native == col.Type
	})
}

func (c *compiler) analyzeUnit(ctx context.Context, u *unit, byID map[addr.Node]*unit) {
	if c.bad[u.ID] || u.asks && u.diags.HasErrors() {
		u.Unanalyzed = "it has an error"
		return
	}
	switch u.kind {
	case addr.Source:
		c.analyzeSource(ctx, u, byID)
		return
	case addr.Seed:
		c.analyzeSeed(ctx, u)
		return
	}
	for _, p := range u.Parents {
		if parent := byID[p]; parent.Unanalyzed != "" && !slices.Contains(u.referred, p) {
			u.Unanalyzed = unknownParent(parent)
			if c.google(u) && c.options.Google.Sessions != nil && c.options.Google.Translator != nil && !c.silent(parent) {
				u.diags.Add(notAnalyzable(u, parent, c.target.Dialect.Name()))
			}
			return
		}
	}
	if c.google(u) {
		c.analyzeGoogle(ctx, u)
		return
	}
	if c.options.Analyzer == nil || u.free {
		u.Unanalyzed = "analysis is off"
		return
	}
	declare := u.Relation
	if u.kind == addr.Snapshot || u.Config.Materialized == "ephemeral" || u.Config.Materialized == Ancestry {
		declare = addr.Relation{}
	}
	found, ok := c.bind(ctx, u, declare, u.SQL, u.Map)
	if !ok {
		return
	}
	if u.Config.Materialized == Ancestry {
		pairs, ok := c.closed(u, c.known(found))
		if !ok {
			u.Unanalyzed = "it has an error"
			return
		}
		c.declare(ctx, u, plain(pairs), u.at)
		c.takeColumns(u, pairs)
		return
	}
	if u.kind == addr.Snapshot {
		found = append(found, plain(snapshotColumns(c.target.Dialect.Words(), u.Config))...)
		if !c.declare(ctx, u, found, u.at) {
			return
		}
	}
	c.setColumns(u, found)
	if u.IncrementalSQL != "" {
		c.bind(ctx, u, addr.Relation{}, u.IncrementalSQL, u.IncrementalMap)
	}
}

// bind analyzes one text of u. ok is false when there is nothing more to know.
func (c *compiler) bind(ctx context.Context, u *unit, declare addr.Relation, text string, m *source.Map) ([]warehouse.Column, bool) {
	if c.whole != nil {
		declare = addr.Relation{} // what was declared of it may be read by others
	}
	a, err := c.options.Analyzer.Analyze(ctx, declare, text)
	if err != nil {
		if ctx.Err() != nil {
			return nil, false
		}
		if name := warehouse.Explain(c.target.Dialect, err).Word; c.madeByHook(name) {
			u.Unanalyzed = name + " is made by an on-run-start hook"
			u.Opaque = u.Unanalyzed
			return nil, false
		}
		d := warehouse.Trace(c.target.Dialect, warehouse.Statement{SQL: text, BodyEnd: len(text)}, m, u.at, err)
		d.Model = u.ID
		u.diags.Add(d)
		u.Unanalyzed = "it has an error"
		return nil, false
	}
	if a.Unknown != "" {
		u.Unanalyzed, u.Opaque = a.Unknown, a.Unknown
		return nil, false
	}
	return a.Columns, true
}

// madeByHook reports whether a hook of the project creates something of this name, which
// the analyzer cannot know.
func (c *compiler) madeByHook(name string) bool {
	return name != "" && slices.ContainsFunc(c.project.Settings.OnRunStart, func(h project.Value[string]) bool {
		text := strings.ToLower(h.V)
		return strings.Contains(text, "create") && strings.Contains(text, strings.ToLower(name))
	})
}

func (c *compiler) declare(ctx context.Context, u *unit, columns []warehouse.Column, at source.Span) bool {
	if c.options.Analyzer == nil || c.whole != nil {
		return true
	}
	u.declared = true
	if err := c.options.Analyzer.Declare(ctx, u.Relation, columns); err != nil {
		if ctx.Err() == nil {
			d := warehouse.Trace(c.target.Dialect, warehouse.Statement{}, nil, at, err)
			d.Model = u.ID
			u.diags.Add(d)
		}
		u.Unanalyzed = "it has an error"
		return false
	}
	return true
}

// declarePlace makes a node known under the name that it is read by, for SQL in the target's
// own language.
func (c *compiler) declarePlace(ctx context.Context, u *unit) {
	at := c.place(u)
	if at == u.Relation || c.options.Analyzer == nil || c.whole != nil || u.Unanalyzed != "" || len(u.Columns) == 0 {
		return
	}
	if err := c.options.Analyzer.Declare(ctx, at, plain(u.Columns)); err != nil && ctx.Err() == nil {
		d := warehouse.Trace(c.target.Dialect, warehouse.Statement{}, nil, u.at, err)
		d.Model = u.ID
		u.diags.Add(d)
		u.Unanalyzed = "it has an error"
	}
}

// snapshotColumns are the columns that a snapshot adds to its query's.
func snapshotColumns(w warehouse.Words, cfg Config) []Column {
	text := Column{Type: w.Text(), Google: &ir.Type{Kind: ir.String}}
	when := Column{Type: w.Timestamp(), Google: &ir.Type{Kind: ir.Timestamp}}
	own := cfg.SnapshotNames.Full()
	named := func(c Column, name string) Column { c.Name = name; return c }
	cols := []Column{named(text, own.ID), named(when, own.UpdatedAt), named(when, own.From), named(when, own.To)}
	if cfg.HardDeletes == "new_record" {
		cols = append(cols, named(text, own.Deleted))
	}
	return cols
}

func (c *compiler) analyzeSource(ctx context.Context, u *unit, byID map[addr.Node]*unit) {
	if len(u.Parents) == 1 {
		builder := byID[u.Parents[0]]
		u.Unanalyzed = builder.Unanalyzed
		if builder.Unanalyzed == "" {
			c.takeColumns(u, builder.Columns)
		}
		return
	}
	if len(u.Columns) == 0 {
		u.Unanalyzed = "its columns are not declared"
		return
	}
	for i := range u.Columns {
		col := &u.Columns[i]
		if col.Type == "" {
			u.Unanalyzed = `its column "` + col.Name + `" has no data_type`
			return
		}
		if c.lockedForeign(u, col) {
			continue
		}
		if d := c.typed(col); d != nil {
			d.Model = u.ID
			u.diags.Add(*d)
			u.Unanalyzed = "it has an error"
			return
		}
	}
	if columns := plain(u.Columns); c.judgedNatively(u, columns) {
		c.declare(ctx, u, columns, u.at)
	}
}

func plain(columns []Column) []warehouse.Column {
	out := make([]warehouse.Column, len(columns))
	for i, col := range columns {
		out[i] = warehouse.Column{Name: col.Name, Type: col.Type}
	}
	return out
}

func (c *compiler) analyzeSeed(ctx context.Context, u *unit) {
	if u.Seed.Size == 0 {
		u.Unanalyzed = "it is empty" // load has reported it
		return
	}
	columns, why, ds := c.seedColumns(ctx, u)
	u.diags.Add(ds...)
	if why != "" || ds.HasErrors() {
		u.Unanalyzed = why
		return
	}
	at := u.Raw["column_types"].At // the only types that can be wrong
	if at.IsZero() {
		at = u.at
	}
	if !c.judgedNatively(u, columns) || c.declare(ctx, u, columns, at) {
		c.setColumns(u, columns)
	}
}

// seedColumns reads the header of a seed and the types that configuration or the data give.
func (c *compiler) seedColumns(ctx context.Context, u *unit) (columns []warehouse.Column, why string, ds diag.List) {
	if c.options.Sniff == nil {
		return nil, "its columns are not known", nil
	}
	path := filepath.Join(c.project.Dir, filepath.FromSlash(u.Path))
	f := warehouse.File{Path: path, Format: u.Seed.Format, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	if u.Config.Delimiter != "" {
		f.Delimiter = []rune(u.Config.Delimiter)[0]
	}
	// A large file is not read before it is loaded if configuration has all its types.
	var known []warehouse.Column
	if u.Seed.Size > frameLimit {
		known = configured(u.Config.ColumnTypes)
	}
	found, err := c.sniff(ctx, u, f, known)
	if err != nil {
		if ctx.Err() != nil {
			return nil, "interrupted", nil
		}
		return nil, "it has an error", warehouse.TraceLoad(readSeed(u, path), err)
	}
	names := make([]string, len(found))
	for i := range found {
		names[i] = found[i].Name
	}
	for name := range u.Config.ColumnTypes {
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		if i < 0 {
			ds.Add(seedColumnUnknown(u, name, names))
			continue
		}
		found[i].Type = u.Config.ColumnTypes[name]
	}
	c.zoned(u, found)
	if c.options.Try != nil && len(u.Config.ColumnTypes) > 0 && u.Seed.Size <= frameLimit && !ds.HasErrors() {
		// Other errors than bad rows, an unknown type for one, are found when the columns are declared.
		var bad *warehouse.LoadError
		if err := c.try(ctx, u, f, found); errors.As(err, &bad) {
			return nil, "it has an error", append(ds, warehouse.TraceLoad(readSeed(u, path), err)...)
		}
	}
	return found, "", ds
}

// seedKey stands for a question about a data file of this content.
func (c *compiler) seedKey(question string, u *unit, columns []warehouse.Column) string {
	d := &digest{}
	put(d, question, c.target.Type, u.Seed.Hash(), u.Seed.Format, u.Config.Delimiter)
	for _, col := range columns {
		put(d, col.Name, col.Type)
	}
	sum := sha256.Sum256(d.text)
	return string(sum[:16])
}

// answers is where answers about data files are kept, nil for nowhere: a file that cannot be
// read has no hash to keep them under.
func (c *compiler) answers(u *unit) Cache {
	if c.options.Google == nil || u.Seed.Hash() == "" {
		return nil
	}
	return c.options.Google.Cache
}

// sniff finds the columns of a data file, those of unchanged content without reading it again.
func (c *compiler) sniff(ctx context.Context, u *unit, f warehouse.File, known []warehouse.Column) ([]warehouse.Column, error) {
	cache := c.answers(u)
	if cache == nil {
		return c.options.Sniff(ctx, f, known...)
	}
	key := c.seedKey("columns", u, known)
	if value, ok := cache.Get(key); ok {
		r := reader{rest: value}
		var found []warehouse.Column
		for range r.count() {
			found = append(found, warehouse.Column{Name: r.text(), Type: r.text(), Nullable: r.number() == 1})
		}
		if !r.bad {
			return found, nil
		}
	}
	found, err := c.options.Sniff(ctx, f, known...)
	if err != nil {
		return found, err
	}
	w := writer{}
	w.number(len(found))
	for _, col := range found {
		w.text(col.Name)
		w.text(col.Type)
		nullable := 0
		if col.Nullable {
			nullable = 1
		}
		w.number(nullable)
	}
	cache.Put(key, w)
	return found, nil
}

// try finds out whether a data file loads; that it does is kept.
func (c *compiler) try(ctx context.Context, u *unit, f warehouse.File, columns []warehouse.Column) error {
	cache := c.answers(u)
	if cache == nil {
		return c.options.Try(ctx, columns, f)
	}
	key := c.seedKey("loads", u, columns)
	if _, ok := cache.Get(key); ok {
		return nil
	}
	err := c.options.Try(ctx, columns, f)
	if err == nil && ctx.Err() == nil {
		cache.Put(key, nil)
	}
	return err
}

func configured(types map[string]string) []warehouse.Column {
	var out []warehouse.Column
	for _, name := range slices.Sorted(maps.Keys(types)) {
		out = append(out, warehouse.Column{Name: name, Type: types[name]})
	}
	return out
}

// frameLimit is the size in bytes up to which a seed file is read before it is loaded: to
// check its shape, and to show the line at fault.
const frameLimit = 32 << 20

func readSeed(u *unit, path string) *source.File {
	if u.Seed.Size <= frameLimit {
		if data, err := os.ReadFile(path); err == nil {
			return source.NewFile(u.Path, data)
		}
	}
	return source.NewFile(u.Path, nil)
}

// setColumns takes the columns that were found, in their order, with what YAML says of them.
func (c *compiler) setColumns(u *unit, found []warehouse.Column) { c.takeColumns(u, c.known(found)) }

// known gives columns of the target their GoogleSQL types, where they have any.
func (c *compiler) known(found []warehouse.Column) []Column {
	columns := make([]Column, len(found))
	for i, f := range found {
		columns[i] = Column{Name: f.Name, Type: f.Type, Google: c.googleType(f.Type)}
	}
	return columns
}

// takeColumns is setColumns for columns whose GoogleSQL types are known.
func (c *compiler) takeColumns(u *unit, found []Column) {
	declared := u.Columns
	u.Columns = make([]Column, 0, len(found))
	for _, f := range found {
		col := Column{Name: f.Name, Type: f.Type, Google: f.Google}
		if i := slices.IndexFunc(declared, func(d Column) bool { return strings.EqualFold(d.Name, f.Name) }); i >= 0 {
			col = declared[i]
			col.Name, col.Type, col.Google = f.Name, f.Type, f.Google
		}
		u.Columns = append(u.Columns, col)
	}
	for _, d := range declared {
		switch {
		case slices.ContainsFunc(u.Columns, func(col Column) bool { return strings.EqualFold(col.Name, d.Name) }):
		case isField(u.Columns, d.Name):
			u.Fields = append(u.Fields, d)
		case u.Config.Contract.Enforced: // see checkContracts
		default:
			u.diags.Add(columnUnknown(u, d, u.Columns))
		}
	}
}

// checkColumns finds tests and keys on columns that an analyzed node does not have.
func (c *compiler) checkColumns(u *unit) {
	if u.Unanalyzed != "" || len(u.Columns) == 0 {
		return
	}
	for _, key := range u.Config.UniqueKey {
		// A unique_key may be an expression; only a plain name can be looked up.
		if isName(key) && !hasColumn(u.Columns, key) {
			u.tell(keyUnknown(u, key))
		}
	}
	c.checkConstraints(u)
}

func isName(s string) bool {
	for i, r := range s {
		ok := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9'
		if !ok {
			return false
		}
	}
	return s != ""
}

func hasColumn(columns []Column, name string) bool {
	return slices.ContainsFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}
