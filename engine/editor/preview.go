package editor

import (
	"fmt"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/source"
)

// Preview is the SQL that a template becomes.
type Preview struct {
	Node addr.Node
	// CTE is the common table expression that it shows, «outer.inner»; empty: all of the node.
	CTE string
	// Text is the query in the language it is written in, with references and macros resolved;
	// Dialect names that. Map leads from it to the template.
	Text, Dialect string
	Map           *source.Map
	// SQL is what the target is sent; empty where that is not known, or of a CTE. Target is the
	// type of the target.
	SQL, Target string
	// IncrementalText and IncrementalSQL are the same where only new rows are read; empty where
	// the node is not incremental.
	IncrementalText, IncrementalSQL string
	// Stale: the newest text does not compile; this is the last one that did.
	Stale bool
}

// compiled is the node of a template, as it is now or as it was last.
func (v *View) compiled(p string) (*compile.Node, bool, error) {
	if v.Program == nil {
		return nil, false, fmt.Errorf("the project has not been read yet")
	}
	n, ok := v.Node(p)
	if ok && n.Text != "" {
		f, _ := v.File(p)
		return n, f != nil && n.File != nil && string(f.Data) != string(n.File.Data), nil
	}
	if last, good := v.LastGood(p); good && last.Text != "" {
		return last, true, nil
	}
	switch {
	case ok && n.Seed != nil:
		return nil, false, fmt.Errorf("%s is data and no query", n.ID)
	case ok:
		return nil, false, fmt.Errorf("%s does not compile: its mistakes come first", n.ID)
	}
	return nil, false, fmt.Errorf("%s is no model, snapshot or analysis", p)
}

// Compiled is what a model, snapshot or analysis becomes.
func (v *View) Compiled(p string) (Preview, error) {
	n, stale, err := v.compiled(p)
	if err != nil {
		return Preview{}, err
	}
	return Preview{
		Node: n.ID, Text: n.Text, Dialect: n.Dialect, Map: n.TextMap, SQL: n.SQL, Target: v.Program.Target.Type,
		IncrementalText: n.IncrementalText, IncrementalSQL: n.IncrementalSQL, Stale: stale,
	}, nil
}

// CTE is the query that shows the rows of the common table expression around an offset, or of
// the one whose name stands there.
func (v *View) CTE(p string, offset int) (Preview, error) {
	d, ok := v.document(p)
	if !ok {
		return Preview{}, fmt.Errorf("%s is no SQL", p)
	}
	path := d.commonAt(offset)
	if path == "" {
		return Preview{}, fmt.Errorf("there is no common table expression here")
	}
	n, stale, err := v.compiled(p)
	if err != nil {
		return Preview{}, err
	}
	out := Preview{Node: n.ID, CTE: path, Dialect: n.Dialect, Target: v.Program.Target.Type, Stale: stale}
	text, m, no := d.template.lexis.ShowCommon(n.Text, n.TextMap, path)
	if no != nil {
		return Preview{}, no
	}
	out.Text, out.Map = text, m
	return out, nil
}

// commonAt is the path of the innermost common table expression around an offset.
func (d *document) commonAt(offset int) string {
	if t := d.at(offset); t.thing == cteThing && t.cte != nil {
		return d.commonPath(t.cte)
	}
	var best *sqlCTE
	for _, q := range d.outline.queries {
		for _, c := range q.ctes {
			if within(offset, c.start, c.end) && (best == nil || c.start >= best.start) {
				best = c
			}
		}
	}
	return d.commonPath(best)
}

// commonPath names a common table expression with those that it stands in.
func (d *document) commonPath(c *sqlCTE) string {
	if c == nil {
		return ""
	}
	path := c.name.name
	for {
		var outer *sqlCTE
		for _, q := range d.outline.queries {
			for _, o := range q.ctes {
				if o != c && o.open <= c.start && o.close >= c.end && (outer == nil || o.start > outer.start) {
					outer = o
				}
			}
		}
		if outer == nil {
			return path
		}
		path = outer.name.name + "." + path
		c = outer
	}
}
