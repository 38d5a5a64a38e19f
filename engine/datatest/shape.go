package datatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// shape is what a test asks about the columns of its node. Where the language can tell them in
// a query, the relation itself is asked, for one row that has nothing but NULL; else the
// compiler's columns are known or the test is refused.
type shape struct {
	words warehouse.Describer // nil: the columns are those of the compiler
	r     *renderer
}

// shape is false where nobody knows the columns.
func (r *renderer) shape() (shape, bool) {
	if r.t.Shape != nil {
		return shape{r: r}, true
	}
	words, ok := r.w.(warehouse.Describer)
	if !ok {
		d := columnsUnknown(r.t)
		r.wrong = &d
	}
	return shape{words, r}, ok
}

// row is a from item with one row of NULL.
func (s shape) row() string {
	return "(select r.* from (select 1 as one_row) as o left join " + s.r.in.Read(s.r.t.Node) + " as r on 1 = 0) as t"
}

// described is a from item with what is known of the columns, as the column columns_there.
func (s shape) described() string {
	if s.words != nil {
		return "(select " + s.words.RowText("t") + " as columns_there from " + s.row() + ") as described"
	}
	var names []string
	for _, c := range s.r.t.Shape {
		names = append(names, c.Name)
	}
	return "(select " + s.r.d.Literal(strings.Join(names, ", ")) + " as columns_there) as described"
}

// key is how a name stands in the text of a row, in upper case, as names are compared.
func (s shape) key(name string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(strings.ToUpper(name)) // a text is never refused
	return s.r.d.Literal(strings.TrimSpace(b.String()) + ":")
}

func constant(b bool) string {
	if b {
		return "1 = 1"
	}
	return "1 = 0"
}

func (s shape) index(name string) int {
	return slices.IndexFunc(s.r.t.Shape, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, name) })
}

// has is the condition that there is a column of the name.
func (s shape) has(name string) string {
	if s.words == nil {
		return constant(s.index(name) >= 0)
	}
	return "strpos(upper(columns_there), " + s.key(name) + ") > 0"
}

// at is the condition that the column of the name is the one of the number, counted from 0.
func (s shape) at(name string, number int) string {
	if s.words == nil {
		return constant(s.index(name) == number)
	}
	before := "substr(columns_there, 1, cast(strpos(upper(columns_there), " + s.key(name) + ") as integer))"
	return "(" + s.has(name) + " and length(" + before + ") - length(replace(" + before + ", ',\"', '')) = " + fmt.Sprint(2*number) + ")"
}

// count is the number of columns.
func (s shape) count() string {
	if s.words == nil {
		return fmt.Sprint(len(s.r.t.Shape))
	}
	return "((length(columns_there) - length(replace(columns_there, ',\"', ''))) / 2 + 1)"
}

// wrongUnless makes the test fail with what is there where a condition does not hold.
func (s shape) wrongUnless(claim string, conds ...string) {
	s.r.q.Rows = "select *\nfrom " + s.described() + "\nwhere not (" + strings.Join(conds, "\n  and ") + ")"
	s.r.q.Sentence = claim
}

// caseRule is an argument of dbt_expectations that says how names are compared; both ways that
// people use mean the same.
var caseRule = Arg{Name: "transform", Type: Text, Help: "upper or lower: names are compared without regard to their case"}

func checkCaseRule(t *project.Test, args map[string]any) diag.List {
	if s, ok := args[caseRule.Name].(string); ok && s != "upper" && s != "lower" {
		return diag.List{argValue(t, caseRule.Name, fmt.Sprintf("%q is not there", s), "leave it out: names are compared without regard to their case")}
	}
	return nil
}

var columnExists = Kind{
	Name:  "column_exists",
	Help:  "the column is there",
	Level: OnColumn,
	Shape: true,
	Args:  []Arg{{Name: "column_index", Type: Integer, Help: "the column is the one of this number, counted from 1"}},
	Aliases: []Alias{
		{Name: expectations + "expect_column_to_exist", Args: []Arg{caseRule}},
	},
	check: checkCaseRule,
	render: func(r *renderer) {
		s, ok := r.shape()
		if !ok {
			return
		}
		name, claim := r.columnText(), r.node()+" has a column "+fmt.Sprintf("%q", r.columnText())
		if n, ok := r.t.Args["column_index"].(int64); ok && n != 0 {
			s.wrongUnless(fmt.Sprintf("%s, its number %d", claim, n), s.at(name, max(int(n)-1, 0)))
			return
		}
		s.wrongUnless(claim, s.has(name))
	},
}

var columnType = Kind{
	Name:  "column_type",
	Help:  "the column has one of some types, by their names in the warehouse; case does not count",
	Level: OnColumn,
	Shape: true,
	Args:  []Arg{{Name: "types", Type: Names, Required: true, Help: "the names of types"}},
	Aliases: []Alias{
		{Name: expectations + "expect_column_values_to_be_of_type", Rename: map[string]string{"column_type": "types"}},
		{Name: expectations + "expect_column_values_to_be_in_type_list", Rename: map[string]string{"column_type_list": "types"}},
	},
	render: func(r *renderer) {
		s, ok := r.shape()
		if !ok {
			return
		}
		var types []string
		for _, t := range r.strings("types") {
			types = append(types, r.d.Literal(strings.ToUpper(t)))
		}
		from := ""
		if s.words != nil {
			from = "(select " + s.words.TypeOf(r.column()) + " as column_type from " + s.row() + ") as described"
		} else {
			typ := ""
			if i := s.index(r.columnText()); i >= 0 {
				typ = r.t.Shape[i].Type
			}
			from = "(select " + r.d.Literal(typ) + " as column_type) as described"
		}
		r.q.Rows = "select *\nfrom " + from + "\nwhere upper(column_type) not in (" + strings.Join(types, ", ") + ")"
		r.q.Sentence = fmt.Sprintf("%s has the type %s", r.subject(), strings.Join(r.strings("types"), " or "))
	},
}

var columnSet = Kind{
	Name:  "columns",
	Help:  "which columns there are; the case of names does not count",
	Level: OnRelation,
	Shape: true,
	Args: []Arg{
		{Name: "exactly", Type: Names, Help: "these, in any order"},
		{Name: "ordered", Type: Names, Help: "these, in this order"},
		{Name: "contain", Type: Names, Help: "these at least"},
		{Name: "not_contain", Type: Names, Help: "none of these"},
		{Name: "count", Type: Integer, Help: "so many"},
		{Name: "min_count", Type: Integer, Help: "at least so many"},
		{Name: "max_count", Type: Integer, Help: "at most so many"},
	},
	Aliases: []Alias{
		{Name: expectations + "expect_table_columns_to_match_set", Rename: map[string]string{"column_list": "exactly"}, Args: []Arg{caseRule}},
		{Name: expectations + "expect_table_columns_to_match_ordered_list", Rename: map[string]string{"column_list": "ordered"}, Args: []Arg{caseRule}},
		{Name: expectations + "expect_table_columns_to_contain_set", Rename: map[string]string{"column_list": "contain"}, Args: []Arg{caseRule}},
		{Name: expectations + "expect_table_columns_to_not_contain_set", Rename: map[string]string{"column_list": "not_contain"}, Args: []Arg{caseRule}},
		{Name: expectations + "expect_table_column_count_to_equal", Rename: map[string]string{"value": "count"}},
		{Name: expectations + "expect_table_column_count_to_be_between", Rename: map[string]string{"min_value": "min_count", "max_value": "max_count"}},
	},
	check: func(t *project.Test, args map[string]any) diag.List {
		if ds := needsOneOf(t, args, "exactly", "ordered", "contain", "not_contain", "count", "min_count", "max_count"); ds != nil {
			return ds
		}
		return checkCaseRule(t, args)
	},
	render: func(r *renderer) {
		s, ok := r.shape()
		if !ok {
			return
		}
		var conds, claims []string
		say := func(format string, args ...any) { claims = append(claims, fmt.Sprintf(format, args...)) }
		if list := different(r.strings("exactly")); len(list) > 0 {
			conds = append(conds, fmt.Sprintf("%s = %d", s.count(), len(list)))
			for _, name := range list {
				conds = append(conds, s.has(name))
			}
			say("the columns %s", strings.Join(list, ", "))
		}
		if list := r.strings("ordered"); len(list) > 0 {
			conds = append(conds, fmt.Sprintf("%s = %d", s.count(), len(list)))
			for i, name := range list {
				conds = append(conds, s.at(name, i))
			}
			say("the columns %s in this order", strings.Join(list, ", "))
		}
		for _, name := range r.strings("contain") {
			conds = append(conds, s.has(name))
			say("a column %s", name)
		}
		for _, name := range r.strings("not_contain") {
			conds = append(conds, "not ("+s.has(name)+")")
			say("no column %s", name)
		}
		for _, b := range []struct{ arg, op, word string }{{"count", "=", "exactly"}, {"min_count", ">=", "at least"}, {"max_count", "<=", "at most"}} {
			if n, ok := r.t.Args[b.arg].(int64); ok {
				conds = append(conds, fmt.Sprintf("%s %s %d", s.count(), b.op, n))
				say("%s %d columns", b.word, n)
			}
		}
		s.wrongUnless(r.node()+" has "+strings.Join(claims, " and "), conds...)
	},
}

// different are names without those that occur before in another case.
func different(list []string) (out []string) {
	for _, s := range list {
		if !slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, s) }) {
			out = append(out, s)
		}
	}
	return out
}
