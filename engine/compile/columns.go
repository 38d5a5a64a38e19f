package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/tmpl"
)

// Some templates ask for the columns of what they read. They are rendered twice: with all others,
// when nothing is known yet, for the references that they make; and right before they are
// analyzed, when their parents have been, for the text.

// renderAsking gives u its text, if it asks for columns.
func (c *compiler) renderAsking(u *unit, byID map[addr.Node]*unit) {
	if !u.asks || c.bad[u.ID] || u.template == nil {
		return
	}
	if slices.ContainsFunc(u.Parents, func(p addr.Node) bool { return c.silent(byID[p]) }) {
		return // what keeps it from having columns is reported
	}
	passes := 1
	if u.Config.Materialized == "incremental" {
		passes = 2
	}
	for pass := range passes {
		text := c.renderPass(u, pass, func(relation string) ([]any, error) { return c.columnsOf(u, relation, byID) })
		for _, call := range text.Calls {
			if call.Fn != "ref" && call.Fn != "source" {
				continue
			}
			if to, d := c.resolveCall(call, u); d == nil && !slices.Contains(u.Parents, to.ID) {
				u.diags.Add(refDynamic(call)) // the columns decide on it, and the order is made
			}
		}
		u.texts[pass] = text
	}
	if !u.diags.HasErrors() {
		u.trim()
	}
	texts := u.texts
	u.texts = [2]tmpl.Text{}
	if u.diags.HasErrors() {
		return
	}
	if texts[0].Map != nil {
		u.Text, u.TextMap = lexis(u.Dialect).AddCTEs(texts[0].Body, texts[0].Map, u.ctes)
	}
	if texts[1].Map != nil {
		u.IncrementalText, u.IncrementalTextMap = lexis(u.Dialect).AddCTEs(texts[1].Body, texts[1].Map, u.ctes)
	}
	if !c.google(u) || c.options.Google.Translator == nil {
		u.SQL, u.Map, u.IncrementalSQL, u.IncrementalMap = u.Text, u.TextMap, u.IncrementalText, u.IncrementalTextMap
	}
	u.Volatile = lexis(u.Dialect).Volatile(u.Text)
	if u.IncrementalText != "" {
		u.Volatile = append(u.Volatile, lexis(u.Dialect).Volatile(u.IncrementalText)...)
		slices.Sort(u.Volatile)
		u.Volatile = slices.Compact(u.Volatile)
	}
}

// columnsOf lists the columns of a node that u reads, found by what a reference to it renders as.
func (c *compiler) columnsOf(u *unit, relation string, byID map[addr.Node]*unit) ([]any, error) {
	s := c.spell(u.Dialect)
	for _, p := range u.Parents {
		to := byID[p]
		if strings.TrimSpace(relation) != c.refText(to, s) && strings.TrimSpace(relation) != s.Quote(c.place(to)) {
			continue
		}
		if to.Unanalyzed != "" || len(to.Columns) == 0 {
			return nil, columnsUnknown(to)
		}
		out := make([]any, len(to.Columns))
		for i, col := range to.Columns {
			typ := c.typeIn(u.Dialect, col)
			out[i] = map[string]any{
				"name": col.Name, "type": typ, "quoted": s.Ident(col.Name),
				"column": col.Name, "dtype": typ, "data_type": typ, // as dbt has it
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("columns wants what a ref or a source of this file gives, and not %q", relation)
}

// typeIn is the type of a column as a dialect names it.
func (c *compiler) typeIn(dialect string, col Column) string {
	if dialect == project.GoogleSQL && col.Google != nil {
		return col.Google.String()
	}
	return col.Type
}
