package compile

import (
	"errors"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/tmpl"
)

// Part asks for the rows of one common table expression of a model in the place of its own. What
// the program says of other nodes that read the model means nothing then.
type Part struct {
	Node addr.Node
	CTE  string // its name, or its path: «totals.paid» stands in totals
}

// Lexis is how texts in a dialect write their tokens.
func Lexis(dialect string) sql.Lexis { return lexis(dialect) }

// parting makes the model of a Part a query of which nothing is promised: its rows are not those
// that its configuration and its properties speak of.
func (c *compiler) parting() {
	if c.options.Part == nil {
		return
	}
	for _, u := range c.units {
		if u.ID != c.options.Part.Node {
			continue
		}
		u.Config.Materialized, u.Config.Contract, u.Config.IncrementalPredicates = "view", Contract{}, nil
		if u.Props != nil {
			props := *u.Props
			props.Columns, props.Constraints, props.Tests = nil, nil, nil
			u.Props = &props
		}
	}
}

// part cuts the text of the model of a Part.
func (c *compiler) part(u *unit, text tmpl.Text) tmpl.Text {
	if c.options.Part == nil || c.options.Part.Node != u.ID || u.diags.HasErrors() {
		return text
	}
	body, m, err := lexis(u.Dialect).ShowCommon(text.Body, text.Map, c.options.Part.CTE)
	if err != nil {
		u.diags.Add(partRefused(u.at, u.ID, err))
		return text
	}
	text.Body, text.Map = body, m
	return text
}

func partRefused(at source.Span, n addr.Node, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codePart, Message: err.Error(), At: at, Model: n, Cause: err}
	var no *sql.NoCommon
	if errors.As(err, &no) {
		d.Help = no.Help
	}
	return d
}
