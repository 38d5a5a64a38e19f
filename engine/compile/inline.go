package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// inlineEphemerals gives each node its final text: trailing semicolons gone, ephemeral
// ancestors put in front as CTEs in dependency order.
func (c *compiler) inlineEphemerals(order []addr.Node) {
	byID := make(map[addr.Node]*unit, len(c.all))
	for _, u := range c.all {
		byID[u.ID] = u
	}
	position := make(map[addr.Node]int, len(order))
	for i, id := range order {
		position[id] = i
	}
	ephemeral := map[addr.Node][]addr.Node{} // node → ephemeral ancestors reached through ephemerals only
	bare := map[addr.Node]sql.CTE{}
	for _, id := range order {
		u := byID[id]
		var eph []addr.Node
		for _, p := range u.Parents {
			if c.bad[p] && byID[p].Config.Materialized == "ephemeral" {
				c.bad[id] = true
			}
			if byID[p].Config.Materialized == "ephemeral" {
				eph = append(append(eph, ephemeral[p]...), p)
			}
		}
		slices.SortFunc(eph, func(a, b addr.Node) int { return position[a] - position[b] })
		eph = slices.Compact(eph)
		ephemeral[id] = eph
		if u.template == nil || c.bad[id] {
			continue
		}
		var ctes []sql.CTE
		for _, e := range eph {
			ctes = append(ctes, bare[e])
		}
		for pass, text := range u.texts {
			if text.Map == nil {
				continue
			}
			body, m := sql.Trim(text.Body, text.Map)
			if strings.TrimSpace(body) == "" {
				u.diags.Add(modelEmpty(u))
				break
			}
			if starts := sql.Statements(body); len(starts) > 1 {
				span, _ := m.At(starts[1], starts[1]+1)
				u.diags.Add(modelStatements(u, span))
				break
			}
			if pass == 0 && u.Config.Materialized == "ephemeral" {
				bare[id] = sql.CTE{Name: c.target.Dialect.Ident(cteName(id)), SQL: body, Map: m}
			}
			body, m = sql.AddCTEs(body, m, ctes)
			if pass == 0 {
				u.SQL, u.Map = body, m
			} else {
				u.IncrementalSQL, u.IncrementalMap = body, m
			}
		}
		u.Volatile = sql.Volatile(u.SQL + "\n" + u.IncrementalSQL)
		c.take(u)
	}
}

// formatVersion is part of every fingerprint. It changes when the engine builds different
// content from the same text.
const formatVersion = "engine-1"

func (c *compiler) fingerprints() {
	c.parallel(len(c.all), func(i int) {
		u := c.all[i]
		h := sha256.New()
		put(h, formatVersion, string(u.kind), c.target.Type, u.Relation.String(), u.Config.Materialized)
		put(h, sql.Canonical(u.SQL), sql.Canonical(u.IncrementalSQL))
		put(h, u.Config.UniqueKey...)
		put(h, u.Config.IncrementalPredicates...)
		put(h, u.Config.MergeUpdateColumns...)
		put(h, u.Config.MergeExcludeColumns...)
		put(h, u.Config.IncrementalStrategy, u.Config.OnSchemaChange, u.Config.Strategy, u.Config.UpdatedAt, u.Config.HardDeletes)
		put(h, u.Config.CheckCols...)
		put(h, u.Config.PreHooks...)
		put(h, u.Config.PostHooks...)
		if u.Seed != nil {
			put(h, u.Seed.Hash, u.Seed.Format, u.Config.Delimiter, fmt.Sprint(sortedPairs(u.Config.ColumnTypes)))
		}
		if u.Config.PersistDocs {
			put(h, u.Description)
			if u.Props != nil {
				for _, col := range u.Props.Columns {
					put(h, col.Name.V, col.Description.V)
				}
			}
		}
		u.Fingerprint = hex.EncodeToString(h.Sum(nil))[:32]
	})
}

// put hashes the strings so that no two different lists hash alike.
func put(h hash.Hash, ss ...string) {
	fmt.Fprintf(h, "%d;", len(ss))
	for _, s := range ss {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
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
