package script

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
)

// Column is a column of a query's result.
type Column struct {
	Name string // "" or beginning with $ for one without a name
	Type *ir.Type
}

// Rows is the result of a query. Values are literals of GoogleSQL, one for each column of
// each row: a value of the column's type reads CAST(literal AS type).
type Rows struct {
	Columns []Column
	Values  [][]string
}

// Executor runs SQL. Both texts may name variables, which are constants of the
// interpreter's session. An error that a BEGIN block may handle is a *Failure or
// googlesql.Errors; every other one ends the script.
type Executor interface {
	// Execute runs a statement; what a query yields is the executor's.
	Execute(ctx context.Context, sql string) error
	// Query gives the rows of a query that computes a value for the script.
	Query(ctx context.Context, sql string) (*Rows, error)
}

// Failure is an error that a script may handle. Err is the executor's error, nil for the
// interpreter's own.
type Failure struct {
	Message string
	Err     error
}

func (e *Failure) Error() string { return e.Message }

// Unwrap gives the executor's error.
func (e *Failure) Unwrap() error { return e.Err }

// Refusal says that the interpreter does not know a construct.
type Refusal struct{ What string }

func (e *Refusal) Error() string { return e.What + " is not available in scripts" }

// Error adds the place in the script to an error.
type Error struct {
	Offset int // byte where the statement begins
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the error without its place.
func (e *Error) Unwrap() error { return e.Err }

// maxCalls is how deep procedures may call each other, as in BigQuery.
const maxCalls = 50

// Interpreter runs scripts one after the other. Variables declared outside of blocks, and
// procedures, last from one script to the next. It is for one goroutine at a time.
type Interpreter struct {
	session    *googlesql.Session
	exec       Executor
	vars       map[string]*variable // visible ones by lower-case name
	procedures map[string]*procedure
	calls      int
	handling   []handled // errors that handlers are at
}

// New makes an interpreter. It declares variables as constants of the session.
func New(s *googlesql.Session, e Executor) *Interpreter {
	return &Interpreter{session: s, exec: e, vars: map[string]*variable{}, procedures: map[string]*procedure{}}
}

type variable struct {
	name    string
	typ     string // as declared, with parameters
	literal string // with its exact type
}

type procedure struct {
	text   string // that the body's places refer to
	body   *googlesql.ScriptNode
	params []parameter
}

type parameter struct {
	name, typ string
	in, out   bool
}

type handled struct {
	message, statement string
	err                error
}

// flow is how a statement ended.
type flow struct {
	kind  flowKind
	label string // lower case, of BREAK and CONTINUE
}

type flowKind uint8

const (
	goOn flowKind = iota
	breaks
	continues
	returns
)

// run is the execution of one text.
type run struct {
	*Interpreter
	ctx  context.Context
	text string
}

// Run runs a script. Errors of the parser are googlesql.Errors.
func (in *Interpreter) Run(ctx context.Context, sql string) error {
	list, err := in.session.ParseScript(sql)
	if err != nil {
		return err
	}
	r := &run{Interpreter: in, ctx: ctx, text: sql}
	_, err = r.list(list)
	return err
}

func (r *run) source(n *googlesql.ScriptNode) string { return n.Text(r.text) }

// child is the first child of a kind, nil if there is none.
func child(n *googlesql.ScriptNode, kind string) *googlesql.ScriptNode {
	for _, c := range n.Children {
		if c.Kind == kind {
			return c
		}
	}
	return nil
}

// exprs are the children that are expressions.
func exprs(n *googlesql.ScriptNode) []*googlesql.ScriptNode {
	var out []*googlesql.ScriptNode
	for _, c := range n.Children {
		if c.Expr {
			out = append(out, c)
		}
	}
	return out
}

func unquoted(name string) string { return strings.Trim(name, "`") }

func quoted(name string) string { return "`" + name + "`" }

// label is the label of a loop or block, or of a BREAK, lower case.
func (r *run) label(n *googlesql.ScriptNode) string {
	if l := child(n, "Label"); l != nil {
		return strings.ToLower(unquoted(r.source(l)))
	}
	return ""
}

func (r *run) list(n *googlesql.ScriptNode) (flow, error) {
	for _, s := range n.Children {
		if err := r.ctx.Err(); err != nil {
			return flow{}, fmt.Errorf("run a script: %w", err)
		}
		f, err := r.statement(s)
		if err != nil {
			var placed *Error
			if !errors.As(err, &placed) {
				err = &Error{Offset: s.Start, Err: err}
			}
			return flow{}, err
		}
		if f.kind != goOn {
			return f, nil
		}
	}
	return flow{}, nil
}

func (r *run) statement(n *googlesql.ScriptNode) (flow, error) {
	switch n.Kind {
	case "VariableDeclaration":
		return flow{}, r.declaration(n)
	case "SingleAssignment":
		return flow{}, r.assign(r.source(n.Children[0]), r.source(n.Children[1]))
	case "AssignmentFromStruct":
		return flow{}, r.assignStruct(n)
	case "SystemVariableAssignment":
		return flow{}, r.systemVariable(n)
	case "IfStatement":
		return r.ifStatement(n)
	case "CaseStatement":
		return r.caseStatement(n)
	case "WhileStatement":
		return r.whileStatement(n)
	case "RepeatStatement":
		return r.repeat(n)
	case "ForInStatement":
		return r.forIn(n)
	case "BeginEndBlock":
		return r.block(n)
	case "BreakStatement":
		return flow{breaks, r.label(n)}, nil
	case "ContinueStatement":
		return flow{continues, r.label(n)}, nil
	case "ReturnStatement":
		return flow{kind: returns}, nil
	case "RaiseStatement":
		return flow{}, r.raise(n)
	case "AssertStatement":
		return flow{}, r.assert(n)
	case "ExecuteImmediateStatement":
		return flow{}, r.immediate(n)
	case "CreateProcedureStatement":
		return flow{}, r.createProcedure(n)
	case "CallStatement":
		return flow{}, r.call(n)
	case "ParameterAssignment":
		return flow{}, &Refusal{"SET of a query parameter"}
	case "DropStatement":
		if words := strings.Fields(strings.ToUpper(r.source(n))); len(words) > 1 && words[1] == "PROCEDURE" {
			return flow{}, r.dropProcedure(n, len(words) > 2 && words[2] == "IF")
		}
	}
	return flow{}, r.exec.Execute(r.ctx, r.system(r.source(n)))
}

// system writes the system variables the interpreter knows as values.
func (r *run) system(sql string) string {
	if len(r.handling) == 0 || !strings.Contains(sql, "@@") {
		return sql
	}
	h := r.handling[len(r.handling)-1]
	return googlesql.Substitute(sql, func(name string, _ int, system bool) (string, bool) {
		switch {
		case system && strings.EqualFold(name, "error.message"):
			return textLiteral(h.message), true
		case system && strings.EqualFold(name, "error.statement_text"):
			return textLiteral(h.statement), true
		}
		return "", false
	})
}

// textLiteral is a STRING literal.
func textLiteral(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, c := range s {
		switch {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// Values.

// query runs a query that yields one row.
func (r *run) query(sql string) (*Rows, error) {
	rows, err := r.exec.Query(r.ctx, r.system(sql))
	if err != nil {
		return nil, err
	}
	if len(rows.Values) != 1 {
		return nil, fmt.Errorf("%d rows where a script needs one", len(rows.Values))
	}
	return rows, nil
}

// cell is a value as a literal of its exact type.
func (rows *Rows) cell(row, column int) string {
	return "CAST(" + rows.Values[row][column] + " AS " + rows.Columns[column].Type.String() + ")"
}

func (r *run) condition(expr string) (bool, error) {
	rows, err := r.query("SELECT IF((" + expr + "\n), TRUE, FALSE) AS v")
	if err != nil {
		return false, err
	}
	return strings.EqualFold(rows.Values[0][0], "true"), nil
}

// coerced is the value of an expression as what a variable of a type takes: implicit
// conversions only.
func (r *run) coerced(name, typ, expr string) (string, error) {
	null := "CAST(NULL AS " + typ + ")"
	rows, err := r.query("SELECT CAST(v AS " + typ + "), v, w FROM (SELECT IF(FALSE, " + null + ", (" + expr + "\n)) AS v, " + null + " AS w)")
	if err != nil {
		return "", err
	}
	if got, want := rows.Columns[1].Type.String(), rows.Columns[2].Type.String(); got != want {
		return "", &Failure{Message: fmt.Sprintf("Cannot coerce expression %s to type %s", expr, typ)}
	}
	rows.Columns[0].Type = rows.Columns[2].Type
	return rows.cell(0, 0), nil
}

// put gives a variable its value.
func (in *Interpreter) put(v *variable, literal string) error {
	v.literal = literal
	if err := in.session.DeclareSQL("CREATE TEMP CONSTANT " + quoted(v.name) + " = " + literal); err != nil {
		return fmt.Errorf("set variable %s: %w", v.name, err)
	}
	return nil
}

func (in *Interpreter) declare(name, typ, literal string) error {
	key := strings.ToLower(name)
	if in.vars[key] != nil {
		return &Failure{Message: fmt.Sprintf("Variable '%s' redeclaration", name)}
	}
	v := &variable{name: name, typ: typ}
	if err := in.put(v, literal); err != nil {
		return err
	}
	in.vars[key] = v
	return nil
}

func (in *Interpreter) forget(name string) {
	delete(in.vars, strings.ToLower(name))
	in.session.ForgetConstant(name)
}

func (r *run) declaration(n *googlesql.ScriptNode) error {
	typ, literal := "", ""
	var value *googlesql.ScriptNode
	for _, c := range n.Children[1:] {
		if c.Expr {
			value = c
		} else {
			typ = r.source(c)
		}
	}
	switch {
	case value == nil:
		literal = "CAST(NULL AS " + typ + ")"
	case typ == "":
		rows, err := r.query("SELECT (" + r.source(value) + "\n) AS v")
		if err != nil {
			return err
		}
		typ, literal = rows.Columns[0].Type.String(), rows.cell(0, 0)
	default:
		var err error
		if literal, err = r.coerced("", typ, r.source(value)); err != nil {
			return err
		}
	}
	for _, name := range n.Children[0].Children {
		if err := r.declare(unquoted(r.source(name)), typ, literal); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) variable(name string) (*variable, error) {
	if v := r.vars[strings.ToLower(unquoted(name))]; v != nil {
		return v, nil
	}
	return nil, &Failure{Message: "Undeclared variable: " + unquoted(name)}
}

func (r *run) assign(name, expr string) error {
	v, err := r.variable(name)
	if err != nil {
		return err
	}
	literal, err := r.coerced(v.name, v.typ, expr)
	if err != nil {
		return err
	}
	return r.put(v, literal)
}

// assignStruct sets several variables at once, from values that read the old ones.
func (r *run) assignStruct(n *googlesql.ScriptNode) error {
	names, value := n.Children[0].Children, n.Children[1]
	parts := make([]string, len(names))
	if value.Kind == "StructConstructorWithParens" {
		if len(value.Children) != len(names) {
			return &Failure{Message: "SET: the number of values is not that of the variables"}
		}
		for i, c := range value.Children {
			parts[i] = r.source(c)
		}
	} else {
		rows, err := r.query("SELECT (" + r.source(value) + "\n) AS v")
		if err != nil {
			return err
		}
		t := rows.Columns[0].Type
		if t.Kind != ir.Struct || len(t.Fields) != len(names) {
			return &Failure{Message: "SET: the value is no STRUCT with a field for each variable"}
		}
		// Fields go by position; names may be absent or repeat.
		whole := rows.cell(0, 0)
		fields, types := make([]string, len(names)), make([]string, len(names))
		for i, f := range t.Fields {
			fields[i] = fmt.Sprintf("f%d", i+1)
			types[i] = fields[i] + " " + f.Type.String()
		}
		for i := range names {
			parts[i] = "CAST(" + whole + " AS STRUCT<" + strings.Join(types, ", ") + ">)." + fields[i]
		}
	}
	vars := make([]*variable, len(names))
	literals := make([]string, len(names))
	for i, name := range names {
		v, err := r.variable(r.source(name))
		if err != nil {
			return err
		}
		if vars[i] = v; err == nil {
			literals[i], err = r.coerced(v.name, v.typ, parts[i])
		}
		if err != nil {
			return err
		}
	}
	for i, v := range vars {
		if err := r.put(v, literals[i]); err != nil {
			return err
		}
	}
	return nil
}

// systemVariable takes what changes nothing: a label, and the time zone that holds anyway.
func (r *run) systemVariable(n *googlesql.ScriptNode) error {
	name := strings.ToLower(strings.TrimPrefix(r.source(n.Children[0]), "@@"))
	switch name {
	case "query_label":
		_, err := r.query("SELECT CAST((" + r.source(n.Children[1]) + "\n) AS STRING) AS v")
		return err
	case "time_zone":
		same, err := r.condition("(" + r.source(n.Children[1]) + ") = " + textLiteral(r.session.Zone()))
		if err == nil && same {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return &Refusal{"SET @@" + name}
}

// Control.

func (r *run) ifStatement(n *googlesql.ScriptNode) (flow, error) {
	var otherwise *googlesql.ScriptNode
	lists := 0
	ok, err := r.condition(r.source(n.Children[0]))
	if err != nil {
		return flow{}, err
	}
	for _, c := range n.Children[1:] {
		switch c.Kind {
		case "StatementList":
			if lists++; lists == 1 {
				if ok {
					return r.list(c)
				}
			} else {
				otherwise = c
			}
		case "ElseifClauseList":
			for _, e := range c.Children {
				ok, err := r.condition(r.source(e.Children[0]))
				if err != nil {
					return flow{}, err
				}
				if ok {
					return r.list(e.Children[1])
				}
			}
		}
	}
	if otherwise != nil {
		return r.list(otherwise)
	}
	return flow{}, nil
}

func (r *run) caseStatement(n *googlesql.ScriptNode) (flow, error) {
	subject := ""
	if n.Children[0].Expr {
		rows, err := r.query("SELECT (" + r.source(n.Children[0]) + "\n) AS v")
		if err != nil {
			return flow{}, err
		}
		subject = rows.cell(0, 0)
	}
	if clauses := child(n, "WhenThenClauseList"); clauses != nil {
		for _, w := range clauses.Children {
			test := r.source(w.Children[0])
			if subject != "" {
				test = subject + " = (" + test + "\n)"
			}
			ok, err := r.condition(test)
			if err != nil {
				return flow{}, err
			}
			if ok {
				return r.list(w.Children[1])
			}
		}
	}
	if otherwise := child(n, "StatementList"); otherwise != nil {
		return r.list(otherwise)
	}
	return flow{}, nil
}

// after says how a loop goes on after its body: stop it or not, and what it hands up.
func after(f flow, label string) (stop bool, up flow) {
	mine := f.label == "" || f.label == label
	switch {
	case f.kind == goOn, f.kind == continues && mine:
		return false, flow{}
	case f.kind == breaks && mine:
		return true, flow{}
	}
	return true, f
}

func (r *run) whileStatement(n *googlesql.ScriptNode) (flow, error) {
	label, body, tests := r.label(n), child(n, "StatementList"), exprs(n)
	for {
		if err := r.ctx.Err(); err != nil {
			return flow{}, fmt.Errorf("run a script: %w", err)
		}
		if len(tests) > 0 {
			ok, err := r.condition(r.source(tests[0]))
			if err != nil || !ok {
				return flow{}, err
			}
		}
		f, err := r.list(body)
		if err != nil {
			return flow{}, err
		}
		if stop, up := after(f, label); stop {
			return up, nil
		}
	}
}

func (r *run) repeat(n *googlesql.ScriptNode) (flow, error) {
	label, body := r.label(n), child(n, "StatementList")
	until := r.source(child(n, "UntilClause").Children[0])
	for {
		f, err := r.list(body)
		if err != nil {
			return flow{}, err
		}
		if stop, up := after(f, label); stop {
			return up, nil
		}
		ok, err := r.condition(until)
		if err != nil || ok {
			return flow{}, err
		}
	}
}

func (r *run) forIn(n *googlesql.ScriptNode) (flow, error) {
	label := r.label(n)
	names := exprs(n)
	name := unquoted(r.source(names[0]))
	var query *googlesql.ScriptNode
	for _, c := range n.Children {
		if c.Kind == "Query" {
			query = c
		}
	}
	body := child(n, "StatementList")
	if query == nil || body == nil {
		return flow{}, &Refusal{"this form of FOR"}
	}
	rows, err := r.exec.Query(r.ctx, r.system(r.source(query)))
	if err != nil {
		return flow{}, err
	}
	if r.vars[strings.ToLower(name)] != nil {
		return flow{}, &Failure{Message: fmt.Sprintf("Variable '%s' redeclaration", name)}
	}
	fields := make([]string, len(rows.Columns))
	for i, c := range rows.Columns {
		if fields[i] = c.Type.String(); c.Name != "" && !strings.HasPrefix(c.Name, "$") {
			fields[i] = quoted(c.Name) + " " + fields[i]
		}
	}
	typ := "STRUCT<" + strings.Join(fields, ", ") + ">"
	for i := range rows.Values {
		cells := make([]string, len(rows.Columns))
		for j := range cells {
			cells[j] = rows.cell(i, j)
		}
		v := &variable{name: name, typ: typ}
		if err := r.put(v, typ+"("+strings.Join(cells, ", ")+")"); err != nil {
			return flow{}, err
		}
		r.vars[strings.ToLower(name)] = v
		f, err := r.list(body)
		r.forget(name)
		if err != nil {
			return flow{}, err
		}
		if stop, up := after(f, label); stop {
			return up, nil
		}
	}
	return flow{}, nil
}

// block runs BEGIN … END: what it declares ends with it, and its handler has the errors.
func (r *run) block(n *googlesql.ScriptNode) (flow, error) {
	body := child(n, "StatementList")
	if body == nil {
		return flow{}, nil
	}
	before := map[string]bool{}
	for name := range r.vars {
		before[name] = true
	}
	f, err := r.list(body)
	for name, v := range r.vars {
		if !before[name] {
			r.forget(v.name)
		}
	}
	handlers := child(n, "ExceptionHandlerList")
	if err != nil {
		if handlers == nil || len(handlers.Children) == 0 || !catchable(err) {
			return flow{}, err
		}
		h := handled{message: message(err), err: err}
		var placed *Error
		if errors.As(err, &placed) {
			for _, s := range body.Children {
				if s.Start <= placed.Offset && placed.Offset < s.End {
					h.statement = r.source(s)
				}
			}
		}
		r.handling = append(r.handling, h)
		f, err = r.list(child(handlers.Children[0], "StatementList"))
		r.handling = r.handling[:len(r.handling)-1]
		if err != nil {
			return flow{}, err
		}
	}
	if label := r.label(n); f.kind == breaks && f.label != "" && f.label == label {
		return flow{}, nil
	}
	return f, nil
}

func catchable(err error) bool {
	var (
		failure  *Failure
		analysis googlesql.Errors
	)
	return errors.As(err, &failure) || errors.As(err, &analysis)
}

func message(err error) string {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure.Message
	}
	return err.Error()
}

func (r *run) raise(n *googlesql.ScriptNode) error {
	if len(n.Children) == 0 {
		if len(r.handling) == 0 {
			return &Failure{Message: "Cannot re-raise an existing exception outside of an exception handler"}
		}
		return r.handling[len(r.handling)-1].err
	}
	text, null, err := r.text1(r.source(n.Children[0]))
	if err != nil {
		return err
	}
	if null {
		return &Failure{Message: "The message of RAISE must not be NULL"}
	}
	return &Failure{Message: text}
}

// text1 is the value of a STRING expression.
func (r *run) text1(expr string) (text string, null bool, err error) {
	// Code points are digits in every client's print of the value.
	rows, err := r.query("SELECT ARRAY_TO_STRING(ARRAY(SELECT CAST(c AS STRING) FROM UNNEST(TO_CODE_POINTS(v)) AS c WITH OFFSET AS o ORDER BY o), ' ') AS t, v IS NULL AS n FROM (SELECT (" + expr + "\n) AS v)")
	if err != nil {
		return "", false, err
	}
	if strings.EqualFold(rows.Values[0][1], "true") {
		return "", true, nil
	}
	var b strings.Builder
	for _, f := range strings.Fields(strings.Trim(rows.Values[0][0], `'"`)) {
		var c rune
		if _, err := fmt.Sscanf(f, "%d", &c); err != nil {
			return "", false, fmt.Errorf("read a text of the script: %w", err)
		}
		b.WriteRune(c)
	}
	return b.String(), false, nil
}

func (r *run) assert(n *googlesql.ScriptNode) error {
	ok, err := r.condition(r.source(n.Children[0]))
	if err != nil || ok {
		return err
	}
	text := "Assertion failed"
	if len(n.Children) > 1 {
		if text, _, err = r.text1(r.source(n.Children[1])); err != nil {
			return err
		}
	}
	return &Failure{Message: text}
}

// immediate runs EXECUTE IMMEDIATE: a text, with values for its parameters.
func (r *run) immediate(n *googlesql.ScriptNode) error {
	sql, null, err := r.text1(r.source(n.Children[0]))
	if err != nil {
		return err
	}
	if null {
		return &Failure{Message: "EXECUTE IMMEDIATE sql string cannot be NULL"}
	}
	var into []*variable
	named := map[string]string{}
	var positional []string
	for _, c := range n.Children[1:] {
		switch c.Kind {
		case "ExecuteIntoClause":
			for _, name := range c.Children[0].Children {
				v, err := r.variable(r.source(name))
				if err != nil {
					return err
				}
				into = append(into, v)
			}
		case "ExecuteUsingClause":
			for _, a := range c.Children {
				rows, err := r.query("SELECT (" + r.source(a.Children[0]) + "\n) AS v")
				if err != nil {
					return err
				}
				if alias := child(a, "Alias"); alias != nil {
					named[strings.ToLower(unquoted(r.source(alias.Children[0])))] = rows.cell(0, 0)
				} else {
					positional = append(positional, rows.cell(0, 0))
				}
			}
		}
	}
	missing := ""
	sql = googlesql.Substitute(sql, func(name string, position int, system bool) (string, bool) {
		switch {
		case system:
			return "", false
		case position > 0:
			if position <= len(positional) {
				return positional[position-1], true
			}
			missing = "?"
			return "", false
		}
		text, ok := named[strings.ToLower(name)]
		if !ok {
			missing = "@" + name
		}
		return text, ok
	})
	if missing != "" {
		return &Failure{Message: "EXECUTE IMMEDIATE has no value for parameter " + missing}
	}
	if n := strings.TrimRight(strings.TrimSpace(sql), "; \t\r\n"); into == nil {
		return r.exec.Execute(r.ctx, r.system(n))
	} else {
		sql = n
	}
	rows, err := r.exec.Query(r.ctx, r.system(sql))
	if err != nil {
		return err
	}
	if len(rows.Values) > 1 || len(rows.Columns) != len(into) {
		return &Failure{Message: "EXECUTE IMMEDIATE INTO needs one row with a column for each variable"}
	}
	for i, v := range into {
		cell := "NULL"
		if len(rows.Values) == 1 {
			cell = rows.cell(0, i)
		}
		literal, err := r.coerced(v.name, v.typ, cell)
		if err != nil {
			return err
		}
		if err := r.put(v, literal); err != nil {
			return err
		}
	}
	return nil
}

// Procedures.

func (r *run) createProcedure(n *googlesql.ScriptNode) error {
	name := r.source(n.Children[0])
	key := strings.ToLower(strings.ReplaceAll(name, "`", ""))
	body, params := child(n, "Script"), child(n, "FunctionParameters")
	if body == nil || len(body.Children) == 0 || params == nil {
		return &Refusal{"a procedure in another language"}
	}
	p := &procedure{text: r.text, body: body.Children[0]}
	for _, a := range params.Children {
		if len(a.Children) < 2 || strings.Contains(a.Children[1].Kind, "Templated") {
			return &Refusal{"a procedure with an argument of ANY TYPE"}
		}
		mode := strings.ToUpper(strings.TrimSpace(r.text[a.Start:a.Children[0].Start]))
		p.params = append(p.params, parameter{
			name: unquoted(r.source(a.Children[0])), typ: r.source(a.Children[1]),
			in: mode != "OUT", out: mode == "OUT" || mode == "INOUT",
		})
	}
	head := strings.Fields(strings.ToUpper(r.text[n.Start:n.Children[0].Start]))
	if r.procedures[key] != nil {
		switch {
		case len(head) > 1 && head[1] == "OR":
		case len(head) > 0 && head[len(head)-1] == "EXISTS":
			return nil
		default:
			return &Failure{Message: "Already Exists: Routine " + name}
		}
	}
	r.procedures[key] = p
	return nil
}

func (r *run) dropProcedure(n *googlesql.ScriptNode, ifExists bool) error {
	name := strings.ReplaceAll(r.source(n.Children[0]), "`", "")
	key := strings.ToLower(name)
	if r.procedures[key] == nil && !ifExists {
		return &Failure{Message: "Not found: Routine " + name}
	}
	delete(r.procedures, key)
	return nil
}

func (r *run) call(n *googlesql.ScriptNode) error {
	name := strings.ReplaceAll(r.source(n.Children[0]), "`", "")
	p := r.procedures[strings.ToLower(name)]
	if p == nil {
		return &Refusal{"CALL of " + name + ", which the script does not create,"}
	}
	if r.calls >= maxCalls {
		return &Failure{Message: fmt.Sprintf("Procedures call each other more than %d levels deep", maxCalls)}
	}
	args := n.Children[1:]
	if len(args) != len(p.params) {
		return &Failure{Message: fmt.Sprintf("Procedure %s takes %d arguments, not %d", name, len(p.params), len(args))}
	}
	literals := make([]string, len(args))
	outs := make([]*variable, len(args))
	for i, a := range args {
		par := p.params[i]
		text := r.source(a)
		if par.out {
			v, err := r.variable(text)
			if err != nil {
				return err
			}
			outs[i] = v
		}
		literals[i] = "CAST(NULL AS " + par.typ + ")"
		if par.in {
			var err error
			if literals[i], err = r.coerced(par.name, par.typ, text); err != nil {
				return err
			}
		}
	}
	mine, handling := r.vars, r.handling
	for _, v := range mine {
		r.session.ForgetConstant(v.name)
	}
	r.vars, r.handling = map[string]*variable{}, nil
	r.calls++
	var err error
	for i, par := range p.params {
		if err == nil {
			err = r.declare(par.name, par.typ, literals[i])
		}
	}
	if err == nil {
		inner := &run{Interpreter: r.Interpreter, ctx: r.ctx, text: p.text}
		_, err = inner.list(p.body)
	}
	for i, par := range p.params {
		if v := r.vars[strings.ToLower(par.name)]; v != nil {
			literals[i] = v.literal
		}
	}
	for _, v := range r.vars {
		r.session.ForgetConstant(v.name)
	}
	r.vars, r.handling = mine, handling
	r.calls--
	for _, v := range mine {
		if e := r.put(v, v.literal); e != nil && err == nil {
			err = e
		}
	}
	if err != nil {
		// Places within the procedure are no places of the caller.
		var placed *Error
		if errors.As(err, &placed) {
			err = placed.Err
		}
		return err
	}
	for i, v := range outs {
		if v == nil {
			continue
		}
		literal, err := r.coerced(v.name, v.typ, literals[i])
		if err != nil {
			return err
		}
		if err := r.put(v, literal); err != nil {
			return err
		}
	}
	return nil
}
