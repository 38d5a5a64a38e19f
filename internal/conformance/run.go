package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/googlesql/script"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// Verdict is how a case ended.
type Verdict string

// The verdicts.
const (
	// Passed: the expected rows, or an error of the expected kind.
	Passed Verdict = "passed"
	// Wrong: other rows than expected, or rows where an error is expected.
	Wrong Verdict = "wrong"
	// Failed: an error of the analyzer or the target where rows are expected, or an
	// error of another kind.
	Failed Verdict = "failed"
	// Refused: the engine says that it does not support the construct.
	Refused Verdict = "refused"
	// Excluded: the case needs a feature that is left out, see Exclusions.
	Excluded Verdict = "excluded"
)

// Verdicts lists them in the order of the report.
func Verdicts() []Verdict { return []Verdict{Passed, Wrong, Failed, Refused, Excluded} }

// Result is the outcome of a case.
type Result struct {
	Suite   string  `json:"suite"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Reason is the feature, the refusal, the error or the difference.
	Reason string `json:"reason,omitempty"`
	SQL    string `json:"sql,omitempty"`
	// Generated is the statement sent to the target.
	Generated string        `json:"generated,omitempty"`
	Want      string        `json:"want,omitempty"`
	Got       string        `json:"got,omitempty"`
	Took      time.Duration `json:"took"`
}

// Runner runs files on a target. It is used by one goroutine at a time.
type Runner struct {
	Target     Target
	Exclusions []Exclusion
	// Timeout bounds one statement.
	Timeout time.Duration
	// Keep says which cases to run; nil runs all.
	Keep func(*Case) bool

	// What the files of specs share: a session and a database in which nothing is declared.
	bare *googlesql.Session
	db   Database
}

// Close frees what the runner holds.
func (r *Runner) Close() {
	if r.bare != nil {
		r.bare.Close()
		r.bare = nil
	}
	if r.db != nil {
		r.db.Close()
		r.db = nil
	}
	if t, ok := r.Target.(io.Closer); ok {
		_ = t.Close()
	}
}

// refusal is an outcome that is a diagnostic of ours.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

// analysisError is an error of the analyzer in the user's statement.
type analysisError struct{ message string }

func (e *analysisError) Error() string { return e.message }

// File runs the cases of a file from the one numbered from. start is called
// before each case that runs, done after it; an error of File itself means that
// nothing could run.
func (r *Runner) File(ctx context.Context, f *File, from int, start func(int), done func(int, Result)) error {
	b := &bench{runner: r, file: f, sessions: map[string]*googlesql.Session{}}
	defer b.close()
	for i := from; i < len(f.Cases); i++ {
		c := &f.Cases[i]
		if r.Keep != nil && !r.Keep(c) {
			continue
		}
		start(i)
		began := time.Now()
		res := Result{Suite: c.Suite, File: c.File, Line: c.Line, Name: c.Name, SQL: c.SQL, Want: c.Want.Text}
		if c.Want.Error != "" && c.Want.Text == "" {
			res.Want = "ERROR: " + c.Want.Message
		}
		b.guarded(ctx, c, &res)
		res.Took = time.Since(began)
		done(i, res)
	}
	return nil
}

// bench is what the cases of one file share.
type bench struct {
	runner   *Runner
	file     *File
	db       Database
	tables   []table
	declared []string          // functions and views
	views    map[string]bool   // those that exist in db
	absent   map[string]string // lower case name of a table, column or function to the feature it is left out for
	broken   map[string]error  // the same, to why it could not be made
	sessions map[string]*googlesql.Session
}

type table struct {
	name    string
	columns []googlesql.Column
	value   bool
}

func (b *bench) close() {
	// A session that a panic left half done may panic again.
	defer func() { _ = recover() }()
	if b.db != nil {
		b.db.Close()
	}
	for _, s := range b.sessions {
		s.Close()
	}
}

// guarded is judge with a panic of the compiler as a failure of the case. What the
// panic left behind is thrown away.
func (b *bench) guarded(ctx context.Context, c *Case, res *Result) {
	defer func() {
		if p := recover(); p != nil {
			res.Verdict, res.Reason = Failed, fmt.Sprintf("panic: %v%s", p, panicPlace(debug.Stack()))
			b.close()
			b.runner.Close()
			b.db, b.tables, b.declared, b.sessions = nil, nil, nil, map[string]*googlesql.Session{}
		}
	}()
	b.judge(ctx, c, res)
}

var stackLine = regexp.MustCompile(`(?m)^\t\S*/((?:engine|internal)/(?:[a-z0-9_]+/)*[a-z0-9_]+\.go:\d+)`)

// panicPlace is the first line of the engine in the stack of a panic.
func panicPlace(stack []byte) string {
	text := string(stack)
	below := text[strings.LastIndex(text, "panic(")+1:]
	if m := stackLine.FindStringSubmatch(below); m != nil {
		return " at " + m[1]
	}
	return ""
}

// judge runs a case and sets the verdict.
func (b *bench) judge(ctx context.Context, c *Case, res *Result) {
	set := func(v Verdict, reason string) { res.Verdict, res.Reason = v, reason }
	var want Value
	if c.Want.Error == "" && !c.External {
		var err error
		if want, err = ParseValue(c.Want.Text); err != nil {
			set(Failed, err.Error())
			return
		}
	}
	if feature := excludedCase(b.runner.Exclusions, c, wantType(want)); feature != "" {
		set(Excluded, feature)
		return
	}
	if err := b.open(ctx); err != nil {
		set(Failed, "prepare the file: "+err.Error())
		return
	}
	got, err := b.execute(ctx, c, res, want)
	if err == nil {
		b.compare(c, want, got, set)
		if res.Verdict == Passed {
			return
		}
		res.Got = got.String()
		return
	}
	b.fail(c, err, set)
	res.Got = "ERROR: " + err.Error()
}

func wantType(v Value) *ir.Type {
	if v.Type == nil || v.Type.Kind != ir.Array && v.Type.Kind != ir.Struct {
		return v.Type
	}
	// Types that are elided stand with the values.
	t := &ir.Type{Kind: ir.Struct, Fields: []ir.Field{{Type: v.Type}}}
	for _, e := range v.Elems {
		t.Fields = append(t.Fields, ir.Field{Type: wantType(e)})
	}
	return t
}

func (b *bench) compare(c *Case, want, got Value, set func(Verdict, string)) {
	if c.Want.Error != "" {
		set(Wrong, "rows where an error is expected: "+c.Want.Error)
		return
	}
	difference := ""
	if c.External {
		difference = RowsDiffer(c.Want.Rows, got, c.Want.Unordered || got.Unordered)
	} else {
		difference = Differ(want, got)
	}
	switch {
	case difference == "":
		set(Passed, "")
	case c.External && disputedRows(c, got) != "":
		set(Excluded, disputedRows(c, got))
	case c.Want.Unstable:
		set(Excluded, "results the suite calls non-deterministic, where ours differs")
	default:
		set(Wrong, difference)
	}
}

// fail sorts an error.
func (b *bench) fail(c *Case, err error, set func(Verdict, string)) {
	var (
		ref       *refusal
		refusals  transpile.Refusals
		single    *transpile.Refusal
		unknown   *googlesql.Unsupported
		exclusion *excludedError
		analysis  *analysisError
		run       *RunError
	)
	switch {
	case errors.As(err, &exclusion):
		set(Excluded, exclusion.feature)
	case errors.As(err, &ref):
		set(Refused, ref.reason)
	case errors.As(err, &refusals), errors.As(err, &single):
		set(Refused, firstLine(err.Error()))
	case errors.As(err, &unknown):
		set(Refused, err.Error())
	case errors.As(err, &analysis):
		for _, name := range sortedKeys(b.absent) {
			if mentions(analysis.message, name) {
				set(Excluded, b.absent[name])
				return
			}
		}
		for _, name := range sortedKeys(b.broken) {
			if mentions(analysis.message, name) {
				b.fail(&Case{Want: Want{Text: name}}, b.broken[name], func(v Verdict, reason string) { set(v, "needed object: "+reason) })
				return
			}
		}
		if feature := excludedUnknown(b.runner.Exclusions, analysis.message); feature != "" && c.External {
			set(Excluded, feature)
			return
		}
		switch {
		case c.Want.Error == "invalid_argument", c.Want.Error == "not_found",
			c.Want.Error == "any" && sameMessage(c.Want.Message, analysis.message):
			set(Passed, "")
		default:
			set(Failed, "analyze: "+analysis.message)
		}
	case errors.As(err, &run) && refusedAtRunTime.MatchString(run.Message):
		// Some values cannot be computed, which only the data show: never an expected error.
		set(Refused, refusedAtRunTime.FindStringSubmatch(run.Message)[1])
	case errors.As(err, &run) && run.Class == Evaluation && c.External && disputedError(c, run.Message) != "":
		set(Excluded, disputedError(c, run.Message))
	case errors.As(err, &run) && run.Class == Evaluation && c.Want.Error != "":
		// The codes of errors at run time: which one it is depends on the function
		// library, none of them is an error of analysis.
		switch c.Want.Error {
		case "out_of_range", "invalid_argument", "failed_precondition":
			set(Passed, "")
		case "any":
			if sameMessage(c.Want.Message, run.Message) {
				set(Passed, "")
				return
			}
			set(Failed, "another error: "+firstLine(run.Message))
		default:
			set(Failed, "an error of another kind: "+firstLine(run.Message))
		}
	default:
		set(Failed, firstLine(err.Error()))
	}
}

// refusedAtRunTime matches the text of a refusal that generated SQL raises.
var refusedAtRunTime = regexp.MustCompile(`engine: (.{1,200}? is not available on [a-z]+)`)

type excludedError struct{ feature string }

func (e *excludedError) Error() string { return "left out: " + e.feature }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// mentions reports whether a message has the name as a word.
func mentions(message, name string) bool {
	m := strings.ToLower(message)
	for at := 0; ; {
		i := strings.Index(m[at:], name)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(name)
		word := func(c byte) bool { return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' }
		if (i == 0 || !word(m[i-1])) && (end == len(m) || !word(m[end])) {
			return true
		}
		at = end
	}
}

// sameMessage reports whether an error says what a suite expects: the text
// itself, or at least half of its words in whatever form.
func sameMessage(want, got string) bool {
	want, got = strings.ToLower(want), strings.ToLower(got)
	if strings.Contains(got, want) {
		return true
	}
	words, found := strings.Fields(want), 0
	for _, w := range words {
		if strings.Contains(got, w[:min(len(w), 6)]) {
			found++
		}
	}
	return len(words) > 1 && 2*found >= len(words)
}

// Preparation.

var (
	createTable    = regexp.MustCompile("(?is)^create\\s+(?:or\\s+replace\\s+)?(?:temp(?:orary)?\\s+)?table\\s+`?([a-z_][a-z_0-9.]*)`?[\\s(]")
	createOther    = regexp.MustCompile("(?is)^create\\s+(?:or\\s+replace\\s+)?(?:temp(?:orary)?\\s+|private\\s+|public\\s+)?(?:aggregate\\s+function|table\\s+function|property\\s+graph|function|view|constant|macro)\\s+(?:if\\s+not\\s+exists\\s+)?`?([a-z_][a-z_0-9.]*)`?")
	createView     = regexp.MustCompile(`(?is)^create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:recursive\s+)?view\b`)
	collated       = regexp.MustCompile(`(?i)\bcollate\s+['"]`)
	valueTableText = regexp.MustCompile(`(?i)\bselect\s+(?:@\{[^}]*\}\s*)?(?:all\s+|distinct\s+)?as\s+(struct|value)\b`)
)

// open makes the tables of the file; it does so once.
func (b *bench) open(ctx context.Context) error {
	if b.db != nil || b.file.External {
		return nil
	}
	db, err := b.runner.Target.Open(ctx)
	if err != nil {
		return err
	}
	b.db, b.absent, b.broken, b.views = db, map[string]string{}, map[string]error{}, map[string]bool{}
	for _, p := range b.file.Prepare {
		name := ""
		if m := createOther.FindStringSubmatch(p.SQL); m != nil {
			name = strings.ToLower(m[1])
		} else if m := createTable.FindStringSubmatch(p.SQL); m != nil {
			name = strings.ToLower(m[1])
		}
		c := Case{SQL: p.SQL, Required: p.Required}
		isTable := createTable.MatchString(p.SQL) && !createOther.MatchString(p.SQL)
		if isTable {
			c.SQL = "" // its columns decide, one by one
		}
		if feature := excludedCase(b.runner.Exclusions, &c, nil); feature != "" {
			b.absent[name] = feature
			continue
		}
		if !isTable {
			b.declared = append(b.declared, p.SQL)
			continue
		}
		if err := b.table(ctx, createTable.FindStringSubmatch(p.SQL)[1], p); err != nil {
			var x *excludedError
			if errors.As(err, &x) {
				b.absent[name] = x.feature
				continue
			}
			b.broken[name] = err
		}
	}
	return nil
}

// table makes a table with the rows that the suite prints for it, so that what
// the cases read does not depend on the statement that makes it.
func (b *bench) table(ctx context.Context, name string, p Preparation) error {
	rows, err := ParseValue(p.Want)
	if err != nil {
		return err
	}
	if rows.Type.Kind != ir.Array {
		return fmt.Errorf("the rows of the table are no array: %s", rows.Type)
	}
	if feature := excludedType(b.runner.Exclusions, rows.Type.Elem); feature != "" && rows.Type.Elem.Kind != ir.Struct {
		return &excludedError{feature}
	}
	s, err := b.session("", nil)
	if err != nil {
		return err
	}
	rows = b.typed(s, p, rows)
	t := table{name: name, value: valueTableText.MatchString(bareText(p.SQL))}
	query := ""
	if t.value || rows.Type.Elem.Kind != ir.Struct {
		if feature := excludedType(b.runner.Exclusions, rows.Type.Elem); feature != "" {
			return &excludedError{feature}
		}
		t.value = true
		t.columns = []googlesql.Column{{Name: "value", Type: rows.Type.Elem}}
		query = "SELECT value FROM UNNEST(" + sqlLiteral(rows) + ") AS value"
	} else {
		kept, dropped := without(b.runner.Exclusions, rows)
		for column, feature := range dropped {
			b.absent[column] = feature
		}
		if len(kept.Type.Elem.Fields) == 0 {
			for _, column := range sortedKeys(dropped) {
				return &excludedError{dropped[column]}
			}
		}
		var names []string
		for _, f := range kept.Type.Elem.Fields {
			t.columns = append(t.columns, googlesql.Column{Name: f.Name, Type: f.Type})
			names = append(names, "r.`"+f.Name+"`")
		}
		if !whole(kept.Type) {
			return fmt.Errorf("the suite does not print all types of the table: %s", kept.Type)
		}
		query = "SELECT " + strings.Join(names, ", ") + " FROM UNNEST(" + sqlLiteral(kept) + ") AS r"
	}
	if err := b.collate(s, p, t.columns); err != nil {
		return err
	}
	if _, _, err := b.send(ctx, s, b.db, "CREATE TABLE `"+name+"` AS "+query, &Result{}); err != nil {
		return err
	}
	b.tables = append(b.tables, t)
	return s.Declare(googlesql.Table{Name: t.name, Columns: t.columns, ValueTable: t.value})
}

// collate gives the columns of a table their collations, which the rows alone do not
// show: it reads them from the statement that makes the table.
func (b *bench) collate(s *googlesql.Session, p Preparation, columns []googlesql.Column) error {
	clauses := len(collated.FindAllString(p.SQL, -1))
	if clauses == 0 {
		return nil
	}
	stmt, err := b.analyze(s, p.SQL)
	if err != nil {
		return err
	}
	c, ok := stmt.(*ir.CreateTable)
	if !ok {
		return &refusal{"a collation in " + p.SQL}
	}
	for _, def := range c.Columns {
		for _, o := range def.Options {
			l, ok := o.Value.(*ir.Literal)
			if o.Name != "collate" || !ok {
				continue
			}
			for i := range columns {
				if strings.EqualFold(columns[i].Name, def.Column.Name) {
					columns[i].Collation = l.Value.Text
					clauses--
				}
			}
		}
	}
	if clauses != 0 {
		return &refusal{"a COLLATE clause within a type, or of a whole table, is not available"}
	}
	return nil
}

// typed completes the types of a table's rows: a type that no value carries is
// the one the analyzer gives the column.
func (b *bench) typed(s *googlesql.Session, p Preparation, rows Value) Value {
	t := fullType(rows.Type, []Value{rows})
	if whole(t) || t.Elem == nil || t.Elem.Kind != ir.Struct {
		return retype(rows, t)
	}
	stmt, err := b.analyze(s, p.SQL)
	if err != nil {
		return rows
	}
	c, ok := stmt.(*ir.CreateTable)
	if !ok || len(c.Columns) != len(t.Elem.Fields) {
		return rows
	}
	for i, column := range c.Columns {
		if !whole(t.Elem.Fields[i].Type) {
			t.Elem.Fields[i].Type = column.Column.Type
		}
	}
	return retype(rows, t)
}

// session gives the session whose options fit, with the file's objects declared.
func (b *bench) session(key string, forbidden []string) (*googlesql.Session, error) {
	if s := b.sessions[key]; s != nil {
		return s, nil
	}
	s, err := googlesql.Open(googlesql.Options{
		Internal: true, Zone: b.file.Zone,
		Disable: append([]string{"TIMESTAMP_NANOS", "TIMESTAMP_PICOS"}, forbidden...),
	})
	if err != nil {
		return nil, fmt.Errorf("open the analyzer: %w", err)
	}
	b.sessions[key] = s
	for _, t := range b.tables {
		if err := s.Declare(googlesql.Table{Name: t.name, Columns: t.columns, ValueTable: t.value}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ready is session once all tables exist: functions and views are declared, too.
func (b *bench) ready(ctx context.Context, c *Case) (*googlesql.Session, error) {
	forbidden := c.Forbidden
	// LIMIT NULL is an error without this feature, and expected to be where it is not required.
	if !slices.Contains(c.Required, "LIMIT_ALL") {
		forbidden = append(slices.Clip(forbidden), "LIMIT_ALL")
	}
	key := "with " + strings.Join(forbidden, ",")
	if s := b.sessions[key]; s != nil {
		return s, nil
	}
	s, err := b.session(key, forbidden)
	if err != nil {
		return nil, err
	}
	for _, sql := range b.declared {
		if err := b.object(ctx, s, sql); err != nil {
			if m := createOther.FindStringSubmatch(sql); m != nil {
				b.broken[strings.ToLower(m[1])] = err
			}
		}
	}
	return s, nil
}

// object declares a function, constant or view. A view exists in the target, too.
func (b *bench) object(ctx context.Context, s *googlesql.Session, sql string) error {
	if !createView.MatchString(sql) {
		return s.DeclareSQL(sql)
	}
	stmt, err := b.analyze(s, sql)
	if err != nil {
		return err
	}
	v, ok := stmt.(*ir.CreateView)
	if !ok {
		return fmt.Errorf("%s is no view", stmt.Kind())
	}
	name := strings.Join(v.Name, ".")
	if !b.views[name] {
		if _, _, err := b.perform(ctx, b.db, v, &Result{}); err != nil {
			return err
		}
		b.views[name] = true
	}
	return s.Declare(googlesql.Table{Name: name, Columns: outputColumns(v.Query), ValueTable: v.Query.ValueTable})
}

// Execution.

func (b *bench) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.runner.Timeout)
}

// analyze gives the resolved statement or a sorted error.
func (b *bench) analyze(s *googlesql.Session, sql string) (ir.Stmt, error) {
	a, err := s.Analyze(sql)
	if err != nil {
		var list googlesql.Errors
		if errors.As(err, &list) && len(list) > 0 {
			return nil, &analysisError{message: list[0].Message}
		}
		return nil, err
	}
	return a.Stmt, nil
}

// send analyzes, transpiles and runs one statement: a query gives its rows,
// another statement the number of rows it changed.
func (b *bench) send(ctx context.Context, s *googlesql.Session, db Database, sql string, res *Result) (Value, int64, error) {
	stmt, err := b.analyze(s, sql)
	if err != nil {
		return Value{}, 0, err
	}
	return b.perform(ctx, db, stmt, res)
}

func (b *bench) perform(ctx context.Context, db Database, stmt ir.Stmt, res *Result) (Value, int64, error) {
	if err := b.excludedStmt(stmt); err != nil {
		return Value{}, 0, err
	}
	r, err := db.Transpile(stmt, b.file.Zone)
	if err != nil {
		return Value{}, 0, err
	}
	res.Generated = r.SQL
	ctx, cancel := b.limit(ctx)
	defer cancel()
	if q, ok := stmt.(*ir.Query); ok {
		rows, err := db.Query(ctx, r, q.Output)
		if err != nil {
			return Value{}, 0, err
		}
		return tableValue(rows, q.Output, q.ValueTable), int64(len(rows)), nil
	}
	if out := returned(stmt); len(out) > 0 {
		rows, err := db.Query(ctx, r, out)
		if err != nil {
			return Value{}, 0, err
		}
		return tableValue(rows, out, false), int64(len(rows)), nil
	}
	n, err := db.Exec(ctx, r)
	return Value{}, n, err
}

// returned are the output columns of THEN RETURN.
func returned(stmt ir.Stmt) []ir.Output {
	var r *ir.Returning
	switch s := stmt.(type) {
	case *ir.Insert:
		r = s.Returning
	case *ir.Update:
		r = s.Returning
	case *ir.Delete:
		r = s.Returning
	}
	if r == nil {
		return nil
	}
	return r.Output
}

// tableValue makes the array of rows that stands for a query's result.
func tableValue(rows [][]Value, out []ir.Output, valueTable bool) Value {
	elem := &ir.Type{Kind: ir.Struct}
	for _, o := range out {
		elem.Fields = append(elem.Fields, ir.Field{Name: anonymous(o.Name), Type: o.Column.Type})
	}
	single := valueTable && len(out) == 1
	if single {
		elem = out[0].Column.Type
	}
	v := Value{Type: &ir.Type{Kind: ir.Array, Elem: elem}}
	for _, r := range rows {
		if single {
			v.Elems = append(v.Elems, r[0])
			continue
		}
		v.Elems = append(v.Elems, Value{Type: elem, Elems: r})
	}
	return v
}

// excludedStmt finds features by what the analyzer resolved.
func (b *bench) excludedStmt(stmt ir.Stmt) error {
	switch s := stmt.(type) {
	case *ir.Query:
		for _, o := range s.Output {
			if feature := excludedType(b.runner.Exclusions, o.Column.Type); feature != "" {
				return &excludedError{feature}
			}
		}
	case *ir.Update:
		for _, item := range s.Items {
			if item.Unsupported == "" {
				continue
			}
			for _, x := range b.runner.Exclusions {
				if x.Nested {
					return &excludedError{x.Feature}
				}
			}
		}
	}
	return nil
}

// execute runs a case and gives its result in the shape the suite prints.
func (b *bench) execute(ctx context.Context, c *Case, res *Result, want Value) (Value, error) {
	if b.file.External {
		return b.script(ctx, c, res)
	}
	s, err := b.ready(ctx, c)
	if err != nil {
		return Value{}, err
	}
	var parameters *ir.Query
	if c.Parameters != "" {
		stmt, err := b.analyze(s, "SELECT "+c.Parameters)
		if err != nil {
			return Value{}, fmt.Errorf("the case's parameters: %w", err)
		}
		q, ok := stmt.(*ir.Query)
		if !ok {
			return Value{}, fmt.Errorf("the case's parameters are no query")
		}
		parameters = q
		for _, o := range q.Output {
			s.DeclareParameter(o.Name, o.Column.Type)
		}
	}
	stmt, err := b.analyze(s, c.SQL)
	if err != nil {
		return Value{}, err
	}
	target := dmlTable(stmt)
	if parameters == nil && target == nil {
		v, _, err := b.perform(ctx, b.db, stmt, res)
		return v, err
	}
	var out Value
	err = b.db.Isolated(ctx, func(db Database) error {
		if parameters != nil {
			if err := b.bind(ctx, s, db, c, parameters); err != nil {
				return err
			}
		}
		v, n, err := b.perform(ctx, db, stmt, res)
		if err != nil || target == nil {
			out = v
			return err
		}
		read := "SELECT * FROM `" + target.Name + "`"
		for _, t := range b.tables {
			if t.value && strings.EqualFold(t.name, target.Name) {
				read = "SELECT AS VALUE v FROM `" + target.Name + "` AS v"
			}
		}
		all, _, err := b.send(ctx, s, db, read, &Result{})
		if err != nil {
			return fmt.Errorf("read the table afterwards: %w", err)
		}
		out = dmlValue(n, all, v, len(returned(stmt)) > 0)
		return nil
	})
	return out, err
}

// bind sets the parameters' values, one at a time.
func (b *bench) bind(ctx context.Context, s *googlesql.Session, db Database, c *Case, q *ir.Query) error {
	ctx, cancel := b.limit(ctx)
	defer cancel()
	for i, o := range q.Output {
		stmt, err := b.analyze(s, fmt.Sprintf("SELECT p%d FROM (SELECT %s) AS t(%s)", i, c.Parameters, numbered("p", len(q.Output))))
		if err != nil {
			// A derived table cannot name its columns everywhere: take the column by name.
			if stmt, err = b.analyze(s, fmt.Sprintf("SELECT `%s` FROM (SELECT %s)", o.Name, c.Parameters)); err != nil {
				return fmt.Errorf("the case's parameters: %w", err)
			}
		}
		r, err := db.Transpile(stmt, b.file.Zone)
		if err != nil {
			return err
		}
		if err := db.Bind(ctx, o.Name, r); err != nil {
			return fmt.Errorf("the case's parameters: %w", err)
		}
	}
	return nil
}

func numbered(prefix string, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return strings.Join(names, ", ")
}

// dmlTable is the table a statement changes, nil for a query.
func dmlTable(stmt ir.Stmt) *ir.Table {
	switch s := stmt.(type) {
	case *ir.Insert:
		return s.Table
	case *ir.Update:
		return s.Table
	case *ir.Delete:
		return s.Table
	case *ir.Merge:
		return s.Table
	case *ir.Truncate:
		return s.Table
	}
	return nil
}

// dmlValue is the result of a DML statement: the number of rows, the table
// afterwards, and the returned rows if there are.
func dmlValue(n int64, all, back Value, returning bool) Value {
	count := Value{Type: &ir.Type{Kind: ir.Int64}, Text: fmt.Sprint(n)}
	all.Unordered = true
	v := Value{Type: &ir.Type{Kind: ir.Struct, Fields: []ir.Field{{Name: "num_rows_modified", Type: count.Type}, {Name: "all_rows", Type: all.Type}}}, Elems: []Value{count, all}}
	if returning {
		back.Unordered = true
		v.Type.Fields = append(v.Type.Fields, ir.Field{Name: "returning_rows", Type: back.Type})
		v.Elems = append(v.Elems, back)
	}
	return v
}

// Scripts of the specs.

// script runs the set-up and the statements of a case in a database of its own.
// The rows are those of the last query.
func (b *bench) script(ctx context.Context, c *Case, res *Result) (Value, error) {
	x := &scriptExecutor{bench: b, res: res, rows: Value{Type: &ir.Type{Kind: ir.Array, Elem: &ir.Type{Kind: ir.Struct}}}}
	var err error
	if x.session, x.db, err = b.runner.plain(ctx); err != nil {
		return Value{}, err
	}
	if len(c.Setup) == 0 && alone(c.SQL) {
		err := x.statement(ctx, c.SQL)
		return x.rows, err
	}
	// What the case declares must not be there for the next.
	if x.db, err = b.runner.Target.Open(ctx); err != nil {
		return Value{}, err
	}
	defer x.db.Close()
	if x.session, err = googlesql.Open(googlesql.Options{}); err != nil {
		return Value{}, fmt.Errorf("open the analyzer: %w", err)
	}
	defer x.session.Close()
	in := script.New(x.session, x)
	for _, text := range append(slices.Clone(c.Setup), c.SQL) {
		if err := in.Run(ctx, text); err != nil {
			return Value{}, scriptError(err)
		}
	}
	return x.rows, nil
}

// alone reports whether a text is one query, which declares nothing.
func alone(sql string) bool {
	bare := strings.ToLower(strings.TrimSpace(bareText(sql)))
	return !strings.Contains(strings.TrimRight(bare, "; \n"), ";") &&
		(strings.HasPrefix(bare, "select") || strings.HasPrefix(bare, "with") || strings.HasPrefix(bare, "from") || strings.HasPrefix(bare, "("))
}

// scriptError gives errors of the interpreter the types that fail knows.
func scriptError(err error) error {
	var (
		run     *RunError
		unknown *script.Refusal
		failure *script.Failure
		list    googlesql.Errors
	)
	switch {
	case errors.As(err, &run):
		return err
	case errors.As(err, &unknown):
		return &refusal{unknown.Error()}
	case errors.As(err, &failure) && failure.Err == nil:
		return &RunError{Class: Evaluation, Message: failure.Message}
	case errors.As(err, &list) && len(list) > 0:
		return &analysisError{message: list[0].Message}
	}
	return err
}

// scriptExecutor runs the statements of a script.
type scriptExecutor struct {
	bench   *bench
	session *googlesql.Session
	db      Database
	res     *Result
	rows    Value // of the last query
	tables  map[string][]googlesql.Column
}

// Execute implements script.Executor.
func (x *scriptExecutor) Execute(ctx context.Context, sql string) error {
	return handled(x.statement(ctx, sql))
}

// Query implements script.Executor.
func (x *scriptExecutor) Query(ctx context.Context, sql string) (*script.Rows, error) {
	stmt, err := x.bench.analyze(x.session, sql)
	if err != nil {
		return nil, handled(err)
	}
	q, ok := stmt.(*ir.Query)
	if !ok {
		return nil, &refusal{"a value of " + stmt.Kind()}
	}
	v, _, err := x.bench.perform(ctx, x.db, q, &Result{})
	if err != nil {
		return nil, handled(err)
	}
	rows := &script.Rows{}
	for _, o := range q.Output {
		rows.Columns = append(rows.Columns, script.Column{Name: o.Name, Type: o.Column.Type})
	}
	for _, e := range v.Elems {
		cells := []Value{e}
		if !q.ValueTable {
			cells = e.Elems
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = sqlLiteral(c)
		}
		rows.Values = append(rows.Values, row)
	}
	return rows, nil
}

// handled makes errors that a script may handle known as such.
func handled(err error) error {
	var (
		run      *RunError
		analysis *analysisError
	)
	if errors.As(err, &run) && run.Class == Evaluation {
		return &script.Failure{Message: run.Message, Err: err}
	}
	if errors.As(err, &analysis) {
		return &script.Failure{Message: analysis.message, Err: err}
	}
	return err
}

func (x *scriptExecutor) statement(ctx context.Context, sql string) error {
	b, s := x.bench, x.session
	stmt, err := b.analyze(s, sql)
	if err != nil {
		return err
	}
	if f, ok := stmt.(*ir.CreateFunction); ok {
		if err := s.DeclareSQL(sql); err != nil {
			return fmt.Errorf("declare %s: %w", strings.Join(f.Name, "."), err)
		}
		return nil
	}
	v, _, err := b.perform(ctx, x.db, stmt, x.res)
	if err != nil {
		return err
	}
	switch t := stmt.(type) {
	case *ir.Query:
		x.rows = v
		x.rows.Unordered = !t.Scan.Ordered()
	case *ir.CreateTable:
		err = x.declare(strings.Join(t.Name, "."), tableColumns(t))
	case *ir.CreateView:
		err = x.declare(strings.Join(t.Name, "."), outputColumns(t.Query))
	case *ir.AlterTable:
		err = x.altered(t)
	case *ir.Drop:
		s.Forget(strings.Join(t.Name, "."))
	}
	return err
}

func (x *scriptExecutor) declare(name string, columns []googlesql.Column) error {
	if x.tables == nil {
		x.tables = map[string][]googlesql.Column{}
	}
	x.tables[name] = columns
	return x.session.Declare(googlesql.Table{Name: name, Columns: columns})
}

// altered declares a table as an ALTER TABLE left it.
func (x *scriptExecutor) altered(t *ir.AlterTable) error {
	name := strings.Join(t.Name, ".")
	columns := slices.Clone(x.tables[name])
	for _, a := range t.Actions {
		at := slices.IndexFunc(columns, func(c googlesql.Column) bool { return strings.EqualFold(c.Name, a.Name) })
		switch {
		case a.What == "ADD COLUMN" && at < 0:
			columns = append(columns, googlesql.Column{Name: a.Name, Type: a.Column.Column.Type})
		case a.What == "DROP COLUMN" && at >= 0:
			columns = slices.Delete(columns, at, at+1)
		case a.What == "RENAME COLUMN" && at >= 0:
			columns[at].Name = a.NewName
		case a.What == "RENAME TO":
			x.session.Forget(name)
			name = strings.Join(append(slices.Clone(t.Name[:len(t.Name)-1]), a.Path[len(a.Path)-1]), ".")
		}
	}
	return x.declare(name, columns)
}

// plain gives the session and database for statements that declare nothing.
func (r *Runner) plain(ctx context.Context) (*googlesql.Session, Database, error) {
	if r.bare == nil {
		s, err := googlesql.Open(googlesql.Options{})
		if err != nil {
			return nil, nil, fmt.Errorf("open the analyzer: %w", err)
		}
		r.bare = s
	}
	if r.db == nil {
		db, err := r.Target.Open(ctx)
		if err != nil {
			return nil, nil, err
		}
		r.db = db
	}
	return r.bare, r.db, nil
}

func tableColumns(t *ir.CreateTable) []googlesql.Column {
	var out []googlesql.Column
	for _, c := range t.Columns {
		typ := c.Column.Type
		out = append(out, googlesql.Column{Name: c.Name, Type: typ})
	}
	if len(out) == 0 && t.Query != nil {
		return outputColumns(t.Query)
	}
	return out
}

func outputColumns(q *ir.Query) []googlesql.Column {
	var out []googlesql.Column
	for _, o := range q.Output {
		out = append(out, googlesql.Column{Name: o.Name, Type: o.Column.Type})
	}
	return out
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// anonymous is the name of an output column, "" for one that the analyzer named.
func anonymous(name string) string {
	if strings.HasPrefix(name, "$") {
		return ""
	}
	return name
}
