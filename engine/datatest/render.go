package datatest

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

// countAll is the default of fail_calc.
const countAll = "count(*)"

// Render writes a test as a query. The list is not empty only for a kind that does not
// exist, which Check reports first.
func Render(t *Test, in In) (Query, diag.List) {
	q := Query{
		ID: t.ID, Kind: t.Kind, Column: t.Column, Parents: t.Parents,
		Severity: t.Config.Severity, WarnIf: t.Config.WarnIf, ErrorIf: t.Config.ErrorIf,
		FailCalc: t.Config.FailCalc, Limit: t.Config.Limit,
		Store: in.Store, At: t.At, Where: where(t), Fingerprint: t.Fingerprint,
	}
	r := &renderer{t: t, in: in, d: in.Dialect, w: in.Dialect.Words(), q: &q}
	if in.Bound != "" {
		r.bound()
	} else {
		kind, ok := Lookup(t.Kind)
		if !ok {
			return Query{}, diag.List{kindGone(t)}
		}
		kind.render(r)
		if r.wrong != nil {
			return Query{}, diag.List{*r.wrong}
		}
	}
	if t.Contract && t.Description != "" {
		q.Sentence = t.Description
	}
	r.limit()
	return q, nil
}

// where is the place of the test as text, for results that outlive the files.
func where(t *Test) string {
	if t.At.IsZero() {
		return t.Path
	}
	p := t.At.Position()
	return fmt.Sprintf("%s:%d:%d", t.At.File.Path, p.Line, p.Column)
}

// renderer writes one test.
type renderer struct {
	t  *Test
	in In
	d  warehouse.Speller
	w  warehouse.Words
	q  *Query
	// wrong is why there can be no such query.
	wrong *diag.Diagnostic
}

// bound takes the SQL of a singular or custom generic test.
func (r *renderer) bound() {
	r.q.Rows, r.q.Map, r.q.Tally = r.in.Bound, r.in.Map, r.in.Tally
	switch {
	case r.t.Translated != nil:
		r.q.Sentence = r.t.Translated.Sentence
	case r.t.Description != "":
		r.q.Sentence = strings.TrimSpace(r.t.Description)
	case r.t.Node.IsZero():
		r.q.Sentence = r.t.ID.Name + " finds no rows"
	case r.t.Column != "":
		r.q.Sentence = r.subject() + " passes " + r.t.Kind
	default:
		r.q.Sentence = r.node() + " passes " + r.t.Kind
	}
}

// limit caps the failing rows. The number of failures is then counted over the capped
// rows, as in dbt, so the cheap count does not hold any more; nor does it with a fail_calc.
func (r *renderer) limit() {
	if r.q.FailCalc == "" {
		r.q.FailCalc = countAll
	}
	if r.q.Limit > 0 {
		head := "select * from (\n"
		r.q.Rows = fmt.Sprintf("%s%s\n) as failing\nlimit %d", head, r.q.Rows, r.q.Limit)
		if r.q.Map != nil {
			r.q.Map = r.q.Map.Splice(0, 0, len(head))
		}
	}
	if r.q.Limit > 0 || r.q.FailCalc != countAll {
		r.q.Count, r.q.Scan = "", ""
	}
}

// scan is the from item of the tested rows, filtered by where.
func (r *renderer) scan() string {
	return r.scanWhere()
}

// scanWhere is scan with further conditions.
func (r *renderer) scanWhere(more ...string) string {
	from := r.in.Read(r.t.Node) + " as t"
	var conds []string
	for _, c := range append([]string{r.t.Config.Where, r.text(rowCondition.Name)}, more...) {
		if c != "" {
			conds = append(conds, "("+c+"\n)")
		}
	}
	if len(conds) == 0 {
		return from
	}
	return "(select * from " + from + " where " + strings.Join(conds, " and ") + ") as t"
}

// rows makes the test fail for the rows that meet cond, which is never true for NULL.
func (r *renderer) rows(cond, claim string) {
	r.q.Rows = "select *\nfrom " + r.scan() + "\nwhere " + cond
	r.count(r.w.CountIf(cond), claim)
}

// aggregate makes the test fail with one row, which shows value, when cond holds over all rows.
// It does so for each group, where the test has groups.
func (r *renderer) aggregate(value, cond, claim string) {
	if names := r.strings(groupBy.Name); len(names) > 0 {
		by := r.names(names)
		r.q.Rows = "select " + by + ", " + value + "\nfrom " + r.scan() + "\ngroup by " + by + "\nhaving " + cond
		r.say(claim + " in each group of " + strings.Join(names, ", "))
		return
	}
	r.q.Rows = "select " + value + "\nfrom " + r.scan() + "\nhaving " + cond
	r.count("case when "+cond+" then 1 else 0 end", claim)
}

func (r *renderer) count(expr, claim string) {
	r.q.Count, r.q.Scan = expr, r.scan()
	r.say(claim)
}

// say sets the sentence that the test claims.
func (r *renderer) say(claim string) {
	r.q.Sentence = claim
	word := " where "
	for _, c := range []string{r.t.Config.Where, r.text(rowCondition.Name)} {
		if c != "" {
			r.q.Sentence += word + oneLine(c)
			word = " and "
		}
	}
}

// node is the tested node's name for people.
func (r *renderer) node() string { return r.t.Node.Name }

// subject names the tested column for people.
func (r *renderer) subject() string { return fmt.Sprintf("%q of %s", r.columnText(), r.node()) }

func (r *renderer) columnText() string {
	if r.t.Column != "" {
		return r.t.Column
	}
	return r.text(columnName.Name)
}

// column is the tested column in SQL. column_name may be an expression, as in dbt.
func (r *renderer) column() string {
	if r.t.Column != "" {
		return r.d.Ident(r.t.Column)
	}
	return r.name(r.text(columnName.Name))
}

var plainName = regexp.MustCompile(`^[\pL_][\pL\pN_]*$`)

// name quotes a plain name and leaves everything else as the expression it is.
func (r *renderer) name(s string) string {
	if plainName.MatchString(s) {
		return r.d.Ident(s)
	}
	return "(" + s + "\n)"
}

// names are columns or expressions, with commas between them.
func (r *renderer) names(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = r.name(s)
	}
	return strings.Join(out, ", ")
}

func (r *renderer) text(arg string) string { s, _ := r.t.Args[arg].(string); return s }

func (r *renderer) flag(arg string, otherwise bool) bool {
	if b, ok := r.t.Args[arg].(bool); ok {
		return b
	}
	return otherwise
}

func (r *renderer) strings(arg string) []string { s, _ := r.t.Args[arg].([]string); return s }

func (r *renderer) other(arg string) addr.Node { return nodeArg(r.t.Args, arg) }

// oneLine folds white space, for sentences.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
