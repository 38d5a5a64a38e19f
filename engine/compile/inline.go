package compile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/warehouse"
)

// inlining is what readers of ephemeral models need of them.
type inlining struct {
	ephemeral map[addr.Node][]addr.Node // node → ephemeral ancestors reached through ephemerals only
	position  map[addr.Node]int         // of the ephemeral ones in order
	bare      map[addr.Node]sql.CTE
}

// inlineEphemerals gives each node its final text: trailing semicolons gone, ephemeral
// ancestors put in front as CTEs in dependency order.
func (c *compiler) inlineEphemerals(order []addr.Node) {
	c.parallel(len(c.all), func(i int) { c.all[i].trim() })
	if c.inlining.bare == nil {
		c.inlining = inlining{map[addr.Node][]addr.Node{}, map[addr.Node]int{}, map[addr.Node]sql.CTE{}}
	}
	ephemeral, position, bare := c.inlining.ephemeral, c.inlining.position, c.inlining.bare
	for at, id := range order {
		u := c.byID[id]
		if _, known := position[id]; !known && u.Config.Materialized == "ephemeral" {
			position[id] = at
		}
		var eph []addr.Node
		for _, p := range u.Parents {
			if c.byID[p].Config.Materialized == "ephemeral" {
				if c.bad[p] {
					c.bad[id] = true
				}
				eph = append(append(eph, ephemeral[p]...), p)
			}
		}
		if len(eph) > 0 {
			slices.SortFunc(eph, func(a, b addr.Node) int { return cmp.Or(position[a]-position[b], a.Compare(b)) })
			eph = slices.Compact(eph)
			ephemeral[id] = eph
		}
		texts := u.texts
		u.texts = [2]tmpl.Text{} // they hold more than the node needs
		if c.bad[id] {
			u.diags = nil
			continue
		}
		var ctes []sql.CTE
		if u.plain {
			eph = nil
		}
		for _, e := range eph {
			ctes = append(ctes, bare[e])
		}
		u.ctes = ctes
		if u.asks && u.Config.Materialized == "ephemeral" {
			u.diags.Add(columnsEphemeral(u))
		}
		for pass := range texts {
			if text := &texts[pass]; text.Map != nil && len(eph) > 0 {
				text.Body, text.Map = c.inlinedNames(u, *text)
			}
		}
		if texts[0].Map != nil {
			if u.Config.Materialized == "ephemeral" {
				bare[id] = sql.CTE{Name: c.spell(u.Dialect).Ident(cteName(id)), SQL: texts[0].Body, Map: texts[0].Map}
			}
			u.Text, u.TextMap = lexis(u.Dialect).AddCTEs(texts[0].Body, texts[0].Map, ctes)
		}
		if texts[1].Map != nil {
			u.IncrementalText, u.IncrementalTextMap = lexis(u.Dialect).AddCTEs(texts[1].Body, texts[1].Map, ctes)
		}
		c.checkMixed(u, eph)
		if !c.google(u) || c.options.Google.Translator == nil {
			// The text goes to the target as it is, whether it can be analyzed or not.
			u.SQL, u.Map, u.IncrementalSQL, u.IncrementalMap = u.Text, u.TextMap, u.IncrementalText, u.IncrementalTextMap
		}
		c.take(u)
	}
	c.parallel(len(c.all), func(i int) {
		u := c.all[i]
		u.Volatile = lexis(u.Dialect).Volatile(u.Text)
		if u.IncrementalText != "" {
			u.Volatile = append(u.Volatile, lexis(u.Dialect).Volatile(u.IncrementalText)...)
			slices.Sort(u.Volatile)
			u.Volatile = slices.Compact(u.Volatile)
		}
	})
}

// inlinedNames lets the text of u call columns of ephemeral models by the name that their tables
// would have: those stand in it by the name of a CTE.
func (c *compiler) inlinedNames(u *unit, text tmpl.Text) (string, *source.Map) {
	s := c.spell(u.Dialect)
	var aliases []sql.Alias
	for _, call := range text.Calls {
		if call.Fn != "ref" {
			continue
		}
		to, d := c.resolveCall(call, u)
		if d != nil || to.Config.Materialized != "ephemeral" {
			continue
		}
		aliases = appendAlias(aliases, sql.Alias{Table: s.Ident(cteName(to.ID)), Name: c.tableName(to), Spelled: s.Ident(c.tableName(to))})
	}
	return lexis(u.Dialect).AddAliases(text.Body, text.Map, aliases, c.columnless(u.Parents))
}

func appendAlias(to []sql.Alias, a sql.Alias) []sql.Alias {
	if slices.Contains(to, a) {
		return to
	}
	return append(to, a)
}

// columnless tells names that no column of what some nodes give can have. «orders.id» is a field of
// a STRUCT where nothing else is called orders: an ephemeral model must not take the name from it,
// which does not have it where dbt builds the project.
func (c *compiler) columnless(nodes []addr.Node) func(name string) bool {
	return func(name string) bool {
		c.sought.Store(name, true)
		seen := map[addr.Node]bool{}
		var has func(nodes []addr.Node) bool
		has = func(nodes []addr.Node) bool {
			return slices.ContainsFunc(nodes, func(id addr.Node) bool {
				u := c.byID[id]
				if u == nil || seen[id] {
					return false
				}
				seen[id] = true
				switch u.kind {
				case addr.Source:
					columns := u.Source.Columns
					return len(columns) == 0 || slices.ContainsFunc(columns, func(col *project.Column) bool { return strings.EqualFold(col.Name.V, name) })
				case addr.Seed:
					return strings.EqualFold(path.Ext(u.Path), ".parquet") // no other has columns with fields
				}
				l := lexis(u.Dialect)
				return l.Columns(u.Text, name) || l.Columns(u.IncrementalText, name) || has(u.Parents)
			})
		}
		return !has(nodes)
	}
}

// tableName is by what readers of u call its columns, or would if it were a table.
func (c *compiler) tableName(u *unit) string {
	switch name := c.place(u).Name; {
	case name != "":
		return name
	case u.Config.Alias != "":
		return u.Config.Alias
	}
	return flatName(u)
}

// trim brings the rendered texts down to one query each. A text that is none is dropped,
// with what comes after it.
func (u *unit) trim() {
	for pass := range u.texts {
		text := &u.texts[pass]
		if text.Map == nil {
			continue
		}
		if u.kind == addr.Analysis && !oneQuery(lexis(u.Dialect), text.Body) {
			u.plain, u.free = true, true // nobody runs it, so that it may be anything
			continue
		}
		text.Body, text.Map = lexis(u.Dialect).Trim(text.Body, text.Map)
		if strings.TrimSpace(text.Body) == "" {
			u.diags.Add(modelEmpty(u))
			clear(u.texts[pass:])
			return
		}
		starts := lexis(u.Dialect).Statements(text.Body)
		if verb, at := statementVerb(text.Body, starts); verb != "" {
			span, _ := text.Map.At(at, at+len(verb))
			u.diags.Add(modelNotQuery(u, verb, span))
			clear(u.texts[pass:])
			return
		}
		if len(starts) > 1 {
			span, _ := text.Map.At(starts[1], starts[1]+1)
			u.diags.Add(modelStatements(u, span))
			clear(u.texts[pass:])
			return
		}
	}
}

// oneQuery reports whether a text is one statement and begins like a query.
func oneQuery(l sql.Lexis, text string) bool {
	starts := l.Statements(text)
	verb, _ := statementVerb(text, starts)
	return len(starts) == 1 && verb == ""
}

// statements begin with these words; none of them begins a query.
var statements = []string{"alter", "attach", "begin", "call", "commit", "copy", "create", "delete", "drop", "execute", "export", "grant", "insert", "load", "merge", "pragma", "revoke", "set", "truncate", "update", "use", "vacuum"}

// statementVerb is the first word of body and its place if body, whose statements start
// there, is a statement and no query.
func statementVerb(body string, starts []int) (string, int) {
	if len(starts) == 0 {
		return "", 0
	}
	word := body[starts[0]:]
	if end := strings.IndexFunc(word, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' }); end >= 0 {
		word = word[:end]
	}
	if !slices.Contains(statements, strings.ToLower(word)) {
		return "", 0
	}
	return word, starts[0]
}

// formatVersion is part of every fingerprint. It changes when the engine builds different
// content from the same text.
const formatVersion = "engine-2"

func (c *compiler) fingerprints() {
	digests := sync.Pool{New: func() any { return new(digest) }}
	c.parallel(len(c.all), func(i int) {
		u := c.all[i]
		u.seedMeaning()
		h := digests.Get().(*digest)
		defer digests.Put(h)
		h.text = h.text[:0]
		put(h, formatVersion, string(u.kind), c.target.Type, u.Relation.String(), u.Config.Materialized)
		c.putMeaning(h, u)
		put(h, u.Config.UniqueKey...)
		put(h, u.Config.IncrementalPredicates...)
		put(h, u.Config.MergeUpdateColumns...)
		put(h, u.Config.MergeExcludeColumns...)
		put(h, u.Config.IncrementalStrategy, u.Config.OnSchemaChange, u.Config.Strategy, u.Config.UpdatedAt, u.Config.HardDeletes)
		put(h, u.Config.CheckCols...)
		if to, names := u.Config.ValidToCurrent, u.Config.SnapshotNames; to != "" || names != (warehouse.SnapshotNames{}) {
			put(h, append(names.List(), to)...)
		}
		put(h, u.Config.PreHooks...)
		put(h, u.Config.PostHooks...)
		c.putPartitions(h, u)
		putHooks(h, u.Config)
		if u.Config.IncrementalStrategy == Microbatch {
			put(h, u.Config.EventTime, u.Config.BatchSize, u.Config.Begin)
		}
		if cl := u.Closure; cl != nil {
			// The method decides who computes, not what.
			put(h, cl.Parent, cl.Child, cl.Partition, cl.Quantity, cl.Total, cl.Ratio, cl.Cycles, fmt.Sprint(cl.Paths, cl.MaxDepth, cl.MaxPairs))
			if cl.Result != "" {
				put(h, cl.Result)
			}
		}
		if u.Seed != nil {
			put(h, u.Seed.Hash(), u.Seed.Format, u.Config.Delimiter, fmt.Sprint(sortedPairs(u.Config.ColumnTypes)))
		}
		if u.Config.PersistDocs {
			put(h, u.Description)
			if u.Config.PersistOnly != "" {
				put(h, "only", u.Config.PersistOnly)
			}
			if u.Props != nil {
				for _, col := range u.Props.Columns {
					put(h, col.Name.V, col.Description.V)
				}
			}
		}
		u.Fingerprint = h.fingerprint() + c.layoutFingerprint(h, u)
		if c.limited(u) {
			u.Fingerprint = limitedMark + u.Fingerprint
		}
	})
}

// putHooks adds the hooks that few nodes have, so that the names of all others stay.
func putHooks(h *digest, c Config) {
	if len(c.FirstHooks)+len(c.LastHooks) > 0 {
		put(h, "outside")
		put(h, c.FirstHooks...)
		put(h, c.LastHooks...)
	}
	if c.UpdateHooks != nil {
		put(h, "update")
		for _, list := range c.UpdateHooks.lists() {
			put(h, list...)
		}
	}
}

// digest collects what a fingerprint is made of.
type digest struct{ text []byte }

// put adds the strings so that no two different lists hash alike.
func put(d *digest, ss ...string) {
	b := append(strconv.AppendInt(d.text, int64(len(ss)), 10), ';')
	for _, s := range ss {
		b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
		b = append(b, s...)
	}
	d.text = b
}

func (d *digest) fingerprint() string {
	sum := sha256.Sum256(d.text)
	return hex.EncodeToString(sum[:16])
}

func sortedPairs(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

const mark = "\x00"

// placeholder stands for the relation of n in a test's SQL until Bind.
func placeholder(n addr.Node) string { return mark + n.String() + mark }

// Bind replaces the placeholders of a test's SQL by what name says for each node.
func Bind(text string, m *source.Map, name func(addr.Node) string) (string, *source.Map) {
	var b strings.Builder
	rest := text
	for {
		start := strings.Index(rest, mark)
		if start < 0 {
			break
		}
		end := strings.Index(rest[start+1:], mark)
		if end < 0 {
			break
		}
		end += start + 1
		b.WriteString(rest[:start])
		n, err := addr.ParseNode(rest[start+1 : end])
		new := rest[start+1 : end]
		if err == nil {
			new = name(n)
		}
		if m != nil {
			m = respan(m, b.Len(), end+1-start, len(new))
		}
		b.WriteString(new)
		rest = rest[end+1:]
	}
	b.WriteString(rest)
	return b.String(), m
}

// respan is Map.Splice that keeps the replaced bytes attached to what generated them.
func respan(m *source.Map, at, del, ins int) *source.Map {
	span, ok := m.At(at, at+1)
	out := &source.Map{}
	placed := false
	for _, s := range m.Splice(at, del, ins).Segments() {
		if !placed && s.Start >= at {
			if ok {
				out.Append(source.Segment{Start: at, End: at + ins, Src: span})
			}
			placed = true
		}
		out.Append(s)
	}
	if !placed && ok {
		out.Append(source.Segment{Start: at, End: at + ins, Src: span})
	}
	return out
}
