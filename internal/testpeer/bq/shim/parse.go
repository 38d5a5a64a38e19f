package shim

import (
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// statement is what the shim has to know of one statement; src is its text, in which the
// emulator's positions are counted.
type statement struct {
	src  string
	toks []token
	// kind is the documented JobStatistics2.statementType.
	kind string
	// path is the object the statement creates, changes or drops.
	path []string

	orReplace, ifNotExists, ifExists, temp bool

	columns     []columnDef // column list of CREATE TABLE and CREATE VIEW
	constraints *bigquery.TableConstraints
	partition   []token
	cluster     []string
	options     []option
	query       int      // offset of the query after AS, or -1
	from        []string // source of LIKE, COPY, CLONE
	fromMode    string   // LIKE, COPY or CLONE
	actions     []alterAction
	rest        int // index of the token after the target path
}

// columnDef is one column of a column list.
type columnDef struct {
	field *bigquery.TableFieldSchema // nil Type in a view's list
	typed bool
}

// option is one name = value of OPTIONS(…).
type option struct {
	name  string
	value []token
}

// alterAction is one action of ALTER.
type alterAction struct {
	verb     string // ADD COLUMN, DROP COLUMN, RENAME COLUMN, RENAME TO, SET OPTIONS, SET DATA TYPE, DROP NOT NULL, ALTER COLUMN OPTIONS, SET DEFAULT, DROP DEFAULT, CONSTRAINT
	column   string
	path     []string
	def      columnDef
	options  []option
	guarded  bool // IF EXISTS or IF NOT EXISTS
	expr     string
	typeText []token
}

type parser struct {
	src  string
	toks []token
	i    int
}

func (p *parser) peek() token {
	if p.i < len(p.toks) {
		return p.toks[p.i]
	}
	return token{kind: tokPunct, text: "", start: len(p.src), end: len(p.src)}
}

func (p *parser) next() token {
	t := p.peek()
	p.i++
	return t
}

// accept consumes the words if all of them follow.
func (p *parser) accept(words ...string) bool {
	for k, w := range words {
		if p.i+k >= len(p.toks) || !p.toks[p.i+k].is(w) {
			return false
		}
	}
	p.i += len(words)
	return true
}

func (p *parser) expect(word string) *apiError {
	if p.accept(word) {
		return nil
	}
	return p.unexpected("Expected " + word)
}

func (p *parser) unexpected(what string) *apiError {
	t := p.peek()
	line, col := lineCol(p.src, t.start)
	found := "end of input"
	if p.i < len(p.toks) {
		found = "\"" + t.text + "\""
	}
	return invalidQuery("Syntax error: %s but got %s at [%d:%d]", what, found, line, col)
}

// splitPath splits a path written in one pair of backticks.
func splitPath(s string) []string { return strings.Split(s, ".") }

// path parses a.b.c in every quoting; a project's name may contain dashes unquoted.
func (p *parser) path() ([]string, *apiError) {
	var out []string
	for {
		t := p.peek()
		if !t.name() && !(len(out) > 0 && t.kind == tokNumber) {
			return nil, p.unexpected("Expected a name")
		}
		p.i++
		if t.kind == tokQuoted {
			out = append(out, splitPath(t.text)...)
		} else {
			name := t.text
			for end := t.end; p.i+1 < len(p.toks) && p.peek().is("-") && p.peek().start == end && p.toks[p.i+1].start == end+1; {
				name += "-" + p.toks[p.i+1].text
				end = p.toks[p.i+1].end
				p.i += 2
			}
			out = append(out, name)
		}
		if !p.accept(".") {
			return out, nil
		}
	}
}

// group consumes a balanced (…) and returns the tokens inside.
func (p *parser) group() ([]token, *apiError) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	start, depth := p.i, 1
	for p.i < len(p.toks) {
		switch t := p.next(); {
		case t.is("(") || t.is("["):
			depth++
		case t.is(")") || t.is("]"):
			depth--
			if depth == 0 {
				return p.toks[start : p.i-1], nil
			}
		}
	}
	return nil, p.unexpected(`Expected ")"`)
}

// splitTop splits tokens at the separator outside of brackets; < and > are brackets in
// type texts only (angle).
func splitTop(toks []token, sep string, angle bool) [][]token {
	var out [][]token
	depth, start := 0, 0
	for i, t := range toks {
		switch {
		case t.is("(") || t.is("[") || angle && t.is("<"):
			depth++
		case t.is(")") || t.is("]") || angle && t.is(">"):
			depth--
		case depth == 0 && t.is(sep):
			out = append(out, toks[start:i])
			start = i + 1
		}
	}
	if start < len(toks) {
		out = append(out, toks[start:])
	}
	return out
}

func (p *parser) optionList() ([]option, *apiError) {
	toks, err := p.group()
	if err != nil {
		return nil, err
	}
	var out []option
	for _, item := range splitTop(toks, ",", false) {
		if len(item) < 3 || !item[0].name() || !item[1].is("=") {
			return nil, p.unexpected("Expected name = value in OPTIONS")
		}
		out = append(out, option{strings.ToLower(item[0].text), item[2:]})
	}
	return out, nil
}

// text returns the source of a run of tokens.
func text(src string, toks []token) string {
	if len(toks) == 0 {
		return ""
	}
	return src[toks[0].start:toks[len(toks)-1].end]
}

// splitStatements cuts a script at its semicolons. Each part keeps the lines before it as
// blanks, so that positions stay those of the script.
func splitStatements(src string) []string {
	var out []string
	start := 0
	emit := func(end int) {
		if len(lex(src[start:end])) > 0 {
			out = append(out, blank(src[:start])+src[start:end])
		}
	}
	for _, t := range lex(src) {
		if t.is(";") {
			emit(t.start)
			start = t.end
		}
	}
	emit(len(src))
	return out
}

// blank replaces everything but line ends by spaces, one for each character.
func blank(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' {
			b.WriteByte('\n')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// parse classifies a statement and takes DDL apart. The grammar is that of «Data definition
// language (DDL) statements in GoogleSQL»; queries and DML are left to the emulator.
func parse(src string) (*statement, *apiError) {
	p := &parser{src: src, toks: lex(src)}
	st := &statement{src: src, toks: p.toks, query: -1}
	if len(p.toks) == 0 {
		return nil, invalidQuery("Syntax error: Unexpected end of statement")
	}
	var err *apiError
	switch {
	case p.peek().is("("), p.peek().is("SELECT"), p.peek().is("WITH"), p.peek().is("FROM"):
		st.kind = "SELECT"
	case p.accept("INSERT"):
		st.kind = "INSERT"
		p.accept("INTO")
		st.path, err = p.path()
	case p.accept("UPDATE"):
		st.kind = "UPDATE"
		st.path, err = p.path()
	case p.accept("DELETE"):
		st.kind = "DELETE"
		p.accept("FROM")
		st.path, err = p.path()
	case p.accept("MERGE"):
		st.kind = "MERGE"
		p.accept("INTO")
		st.path, err = p.path()
	case p.accept("TRUNCATE", "TABLE"):
		st.kind = "TRUNCATE_TABLE"
		st.path, err = p.path()
	case p.accept("CREATE"):
		err = p.create(st)
	case p.accept("DROP"):
		err = p.drop(st)
	case p.accept("ALTER"):
		err = p.alter(st)
	case p.accept("CALL"):
		st.kind = "CALL"
		st.path, err = p.path()
	case p.accept("GRANT"):
		st.kind = "GRANT"
	case p.accept("REVOKE"):
		st.kind = "REVOKE"
	default:
		for _, word := range []string{"DECLARE", "SET", "BEGIN", "COMMIT", "ROLLBACK", "IF", "WHILE", "LOOP", "FOR", "REPEAT", "EXECUTE", "RAISE", "RETURN", "ASSERT", "CASE"} {
			if p.peek().is(word) {
				return nil, unsupported("%s is procedural language, which the emulator answers wrongly; send single statements", word)
			}
		}
		st.kind = "SELECT" // the emulator words the syntax error
	}
	st.rest = p.i
	return st, err
}

func (p *parser) create(st *statement) (err *apiError) {
	st.orReplace = p.accept("OR", "REPLACE")
	st.temp = p.accept("TEMP") || p.accept("TEMPORARY")
	materialized, snapshot := false, false
	switch {
	case p.accept("TABLE"):
		st.kind = "CREATE_TABLE"
	case p.accept("SNAPSHOT", "TABLE"):
		st.kind, snapshot = "CREATE_SNAPSHOT_TABLE", true
	case p.accept("VIEW"):
		st.kind = "CREATE_VIEW"
	case p.accept("MATERIALIZED", "VIEW"):
		st.kind, materialized = "CREATE_MATERIALIZED_VIEW", true
	case p.accept("SCHEMA"):
		st.kind = "CREATE_SCHEMA"
	case p.accept("FUNCTION"), p.accept("AGGREGATE", "FUNCTION"):
		st.kind = "CREATE_FUNCTION"
	case p.accept("TABLE", "FUNCTION"):
		st.kind = "CREATE_TABLE_FUNCTION"
	default:
		return unsupported("CREATE %s is not supplied", p.peek().text)
	}
	st.ifNotExists = p.accept("IF", "NOT", "EXISTS")
	if st.kind == "CREATE_TABLE" && p.accept("FUNCTION") {
		st.kind = "CREATE_TABLE_FUNCTION"
	}
	if st.path, err = p.path(); err != nil {
		return err
	}
	if st.kind == "CREATE_FUNCTION" || st.kind == "CREATE_TABLE_FUNCTION" {
		return nil
	}
	for {
		switch {
		case p.peek().is("(") && (st.kind == "CREATE_TABLE" || st.kind == "CREATE_VIEW") && len(st.columns) == 0:
			if err = p.columnList(st); err != nil {
				return err
			}
		case p.accept("DEFAULT", "COLLATE"):
			p.next()
		case p.accept("LIKE"):
			st.fromMode = "LIKE"
			if st.from, err = p.path(); err != nil {
				return err
			}
		case p.accept("COPY"):
			st.fromMode = "COPY"
			if st.from, err = p.path(); err != nil {
				return err
			}
		case p.accept("CLONE"):
			st.fromMode = "CLONE"
			if st.from, err = p.path(); err != nil {
				return err
			}
			if p.peek().is("FOR") {
				return unsupported("FOR SYSTEM_TIME AS OF: the emulator keeps no history")
			}
		case p.accept("PARTITION", "BY"):
			start, depth := p.i, 0
			for p.i < len(p.toks) {
				t := p.peek()
				if depth == 0 && (t.is("CLUSTER") || t.is("OPTIONS") || t.is("AS") || t.is("WITH")) {
					break
				}
				if t.is("(") {
					depth++
				}
				if t.is(")") {
					depth--
				}
				p.i++
			}
			st.partition = p.toks[start:p.i]
		case p.accept("CLUSTER", "BY"):
			for {
				part, err := p.path()
				if err != nil {
					return err
				}
				st.cluster = append(st.cluster, strings.Join(part, "."))
				if !p.accept(",") {
					break
				}
			}
		case p.accept("OPTIONS"):
			if st.options, err = p.optionList(); err != nil {
				return err
			}
		case p.accept("AS"):
			if snapshot {
				return p.unexpected("Expected CLONE")
			}
			if p.accept("REPLICA", "OF") && materialized {
				return unsupported("materialized view replicas are not supplied")
			}
			st.query = p.peek().start
			if st.kind == "CREATE_TABLE" {
				st.kind = "CREATE_TABLE_AS_SELECT"
			}
			p.i = len(p.toks)
			return nil
		case p.i >= len(p.toks):
			if (st.kind == "CREATE_VIEW" || materialized) && st.query < 0 {
				return p.unexpected("Expected AS")
			}
			return nil
		default:
			return p.unexpected("Expected end of statement")
		}
	}
}

// columnList parses (name type … OPTIONS(…), …, PRIMARY KEY … NOT ENFORCED).
func (p *parser) columnList(st *statement) *apiError {
	inside, err := p.group()
	if err != nil {
		return err
	}
	for _, item := range splitTop(inside, ",", true) {
		if len(item) == 0 {
			continue
		}
		q := &parser{src: p.src, toks: item}
		if q.accept("CONSTRAINT") {
			name := q.next().text
			if err := q.constraint(st, name); err != nil {
				return err
			}
			continue
		}
		if len(item) > 1 && (item[0].is("PRIMARY") && item[1].is("KEY") || item[0].is("FOREIGN") && item[1].is("KEY")) {
			if err := q.constraint(st, ""); err != nil {
				return err
			}
			continue
		}
		def, err := q.columnDef(st.kind == "CREATE_TABLE")
		if err != nil {
			return err
		}
		if q.accept("PRIMARY", "KEY") {
			q.accept("NOT", "ENFORCED")
			st.constraints = ensure(st.constraints)
			st.constraints.PrimaryKey = &bigquery.TableConstraintsPrimaryKey{Columns: []string{def.field.Name}}
			def2, err := q.columnTail(def)
			if err != nil {
				return err
			}
			def = def2
		}
		if q.i < len(q.toks) {
			return q.unexpected("Expected \",\" or \")\"")
		}
		st.columns = append(st.columns, def)
	}
	return nil
}

func ensure(c *bigquery.TableConstraints) *bigquery.TableConstraints {
	if c == nil {
		return &bigquery.TableConstraints{}
	}
	return c
}

func (p *parser) nameList() ([]string, *apiError) {
	inside, err := p.group()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, item := range splitTop(inside, ",", false) {
		out = append(out, text(p.src, item))
	}
	for i, n := range out {
		out[i] = strings.Trim(n, "`")
	}
	return out, nil
}

// constraint parses PRIMARY KEY (…) NOT ENFORCED and FOREIGN KEY (…) REFERENCES t(…) NOT ENFORCED.
func (p *parser) constraint(st *statement, name string) *apiError {
	st.constraints = ensure(st.constraints)
	switch {
	case p.accept("PRIMARY", "KEY"):
		cols, err := p.nameList()
		if err != nil {
			return err
		}
		st.constraints.PrimaryKey = &bigquery.TableConstraintsPrimaryKey{Columns: cols}
	case p.accept("FOREIGN", "KEY"):
		cols, err := p.nameList()
		if err != nil {
			return err
		}
		if err := p.expect("REFERENCES"); err != nil {
			return err
		}
		path, err := p.path()
		if err != nil {
			return err
		}
		refs, err := p.nameList()
		if err != nil {
			return err
		}
		for len(path) < 3 {
			path = append([]string{""}, path...)
		}
		fk := &bigquery.TableConstraintsForeignKeys{Name: name, ReferencedTable: &bigquery.TableConstraintsForeignKeysReferencedTable{ProjectId: path[0], DatasetId: path[1], TableId: path[2]}}
		for i := range cols {
			if i < len(refs) {
				fk.ColumnReferences = append(fk.ColumnReferences, &bigquery.TableConstraintsForeignKeysColumnReferences{ReferencingColumn: cols[i], ReferencedColumn: refs[i]})
			}
		}
		st.constraints.ForeignKeys = append(st.constraints.ForeignKeys, fk)
	default:
		return p.unexpected("Expected PRIMARY KEY or FOREIGN KEY")
	}
	if !p.accept("NOT", "ENFORCED") {
		return p.unexpected("Expected NOT ENFORCED") // «Primary and foreign keys are not enforced» is mandatory to write
	}
	return nil
}

// columnDef parses one column; typed is false in the list of a view.
func (p *parser) columnDef(typed bool) (columnDef, *apiError) {
	name := p.next()
	if !name.name() {
		p.i--
		return columnDef{}, p.unexpected("Expected a column name")
	}
	def := columnDef{field: &bigquery.TableFieldSchema{Name: name.text, Mode: "NULLABLE"}, typed: typed}
	if typed {
		f, err := p.fieldType()
		if err != nil {
			return def, err
		}
		f.Name = name.text
		def.field = f
	}
	return p.columnTail(def)
}

func (p *parser) columnTail(def columnDef) (columnDef, *apiError) {
	for {
		switch {
		case p.accept("NOT", "NULL"):
			def.field.Mode = "REQUIRED"
		case p.accept("COLLATE"):
			def.field.Collation = unquote(p.next().text)
		case p.accept("DEFAULT"):
			start, depth := p.i, 0
			for p.i < len(p.toks) {
				t := p.peek()
				if depth == 0 && (t.is("NOT") || t.is("OPTIONS") || t.is("COLLATE")) {
					break
				}
				if t.is("(") {
					depth++
				}
				if t.is(")") {
					depth--
				}
				p.i++
			}
			def.field.DefaultValueExpression = text(p.src, p.toks[start:p.i])
		case p.accept("OPTIONS"):
			opts, err := p.optionList()
			if err != nil {
				return def, err
			}
			if err := applyColumnOptions(def.field, opts); err != nil {
				return def, err
			}
		default:
			return def, nil
		}
	}
}

func applyColumnOptions(f *bigquery.TableFieldSchema, opts []option) *apiError {
	for _, o := range opts {
		switch o.name {
		case "description":
			if len(o.value) == 1 && o.value[0].kind == tokString {
				f.Description = unquote(o.value[0].text)
			} else if len(o.value) == 1 && o.value[0].is("NULL") {
				f.Description = ""
			} else {
				return invalidQuery("The description of column %s must be a string literal", f.Name)
			}
		case "rounding_mode":
			f.RoundingMode = unquote(o.value[0].text)
		case "data_policies":
			return unsupported("data policies are not supplied")
		default:
			return invalidQuery("Unknown option: %s", o.name)
		}
	}
	return nil
}

// legacyTypes maps GoogleSQL's names to those that tables.get returns.
var legacyTypes = map[string]string{
	"INT64": "INTEGER", "INT": "INTEGER", "SMALLINT": "INTEGER", "INTEGER": "INTEGER", "BIGINT": "INTEGER", "TINYINT": "INTEGER", "BYTEINT": "INTEGER",
	"FLOAT64": "FLOAT", "FLOAT": "FLOAT", "BOOL": "BOOLEAN", "BOOLEAN": "BOOLEAN", "STRING": "STRING", "BYTES": "BYTES",
	"NUMERIC": "NUMERIC", "DECIMAL": "NUMERIC", "BIGNUMERIC": "BIGNUMERIC", "BIGDECIMAL": "BIGNUMERIC",
	"DATE": "DATE", "TIME": "TIME", "DATETIME": "DATETIME", "TIMESTAMP": "TIMESTAMP", "JSON": "JSON", "GEOGRAPHY": "GEOGRAPHY", "INTERVAL": "INTERVAL",
}

// fieldType parses a type with NOT NULL and OPTIONS of nested fields.
func (p *parser) fieldType() (*bigquery.TableFieldSchema, *apiError) {
	t := p.next()
	switch {
	case t.is("ARRAY"):
		if err := p.expect("<"); err != nil {
			return nil, err
		}
		f, err := p.fieldType()
		if err != nil {
			return nil, err
		}
		if f.Mode == "REPEATED" {
			return nil, invalidQuery("Cannot construct array with element type ARRAY because nested arrays are not supported")
		}
		f.Mode = "REPEATED"
		return f, p.expect(">")
	case t.is("STRUCT"):
		f := &bigquery.TableFieldSchema{Type: "RECORD", Mode: "NULLABLE"}
		if err := p.expect("<"); err != nil {
			return nil, err
		}
		for {
			sub, err := p.columnDef(true)
			if err != nil {
				return nil, err
			}
			f.Fields = append(f.Fields, sub.field)
			if !p.accept(",") {
				break
			}
		}
		return f, p.expect(">")
	}
	legacy, ok := legacyTypes[strings.ToUpper(t.text)]
	if !ok || t.kind != tokIdent {
		line, col := lineCol(p.src, t.start)
		return nil, invalidQuery("Type not found: %s at [%d:%d]", t.text, line, col)
	}
	f := &bigquery.TableFieldSchema{Type: legacy, Mode: "NULLABLE"}
	if p.peek().is("(") {
		args, err := p.group()
		if err != nil {
			return nil, err
		}
		var nums []int64
		for _, a := range splitTop(args, ",", false) {
			var n int64
			for _, c := range text(p.src, a) {
				n = n*10 + int64(c-'0')
			}
			nums = append(nums, n)
		}
		switch {
		case len(nums) == 0:
		case legacy == "STRING" || legacy == "BYTES":
			f.MaxLength = nums[0]
		default:
			f.Precision = nums[0]
			if len(nums) > 1 {
				f.Scale = nums[1]
			}
		}
	}
	return f, nil
}

func (p *parser) drop(st *statement) (err *apiError) {
	switch {
	case p.accept("TABLE"):
		st.kind = "DROP_TABLE"
	case p.accept("SNAPSHOT", "TABLE"):
		st.kind = "DROP_SNAPSHOT_TABLE"
	case p.accept("VIEW"):
		st.kind = "DROP_VIEW"
	case p.accept("MATERIALIZED", "VIEW"):
		st.kind = "DROP_MATERIALIZED_VIEW"
	case p.accept("SCHEMA"):
		st.kind = "DROP_SCHEMA"
	case p.accept("FUNCTION"):
		st.kind = "DROP_FUNCTION"
	default:
		return unsupported("DROP %s is not supplied", p.peek().text)
	}
	st.ifExists = p.accept("IF", "EXISTS")
	st.path, err = p.path()
	return err
}

func (p *parser) alter(st *statement) (err *apiError) {
	switch {
	case p.accept("TABLE"):
		st.kind = "ALTER_TABLE"
	case p.accept("VIEW"):
		st.kind = "ALTER_VIEW"
	case p.accept("MATERIALIZED", "VIEW"):
		st.kind = "ALTER_MATERIALIZED_VIEW"
	case p.accept("SCHEMA"):
		st.kind = "ALTER_SCHEMA"
	default:
		return unsupported("ALTER %s is not supplied", p.peek().text)
	}
	st.ifExists = p.accept("IF", "EXISTS")
	if st.path, err = p.path(); err != nil {
		return err
	}
	for {
		var a alterAction
		switch {
		case p.accept("ADD", "COLUMN"):
			a.verb = "ADD COLUMN"
			a.guarded = p.accept("IF", "NOT", "EXISTS")
			if a.def, err = p.columnDef(true); err != nil {
				return err
			}
		case p.accept("DROP", "COLUMN"):
			a.verb = "DROP COLUMN"
			a.guarded = p.accept("IF", "EXISTS")
			a.column = p.next().text
		case p.accept("RENAME", "COLUMN"):
			a.verb = "RENAME COLUMN"
			a.guarded = p.accept("IF", "EXISTS")
			a.column = p.next().text
			if err := p.expect("TO"); err != nil {
				return err
			}
			a.path = []string{p.next().text}
		case p.accept("RENAME", "TO"):
			a.verb = "RENAME TO"
			if a.path, err = p.path(); err != nil {
				return err
			}
		case p.accept("SET", "OPTIONS"):
			a.verb = "SET OPTIONS"
			if a.options, err = p.optionList(); err != nil {
				return err
			}
		case p.accept("ALTER", "COLUMN"):
			a.guarded = p.accept("IF", "EXISTS")
			path, perr := p.path()
			if perr != nil {
				return perr
			}
			a.column = strings.Join(path, ".")
			switch {
			case p.accept("SET", "OPTIONS"):
				a.verb = "ALTER COLUMN OPTIONS"
				if a.options, err = p.optionList(); err != nil {
					return err
				}
			case p.accept("SET", "DATA", "TYPE"):
				a.verb = "SET DATA TYPE"
				f, terr := p.fieldType()
				if terr != nil {
					return terr
				}
				a.def = columnDef{field: f, typed: true}
			case p.accept("DROP", "NOT", "NULL"):
				a.verb = "DROP NOT NULL"
			case p.accept("SET", "DEFAULT"):
				a.verb = "SET DEFAULT"
				start := p.i
				for p.i < len(p.toks) && !p.peek().is(",") {
					if p.peek().is("(") {
						if _, err := p.group(); err != nil {
							return err
						}
						continue
					}
					p.i++
				}
				a.expr = text(p.src, p.toks[start:p.i])
			case p.accept("DROP", "DEFAULT"):
				a.verb = "DROP DEFAULT"
			default:
				return p.unexpected("Expected SET or DROP")
			}
		case p.accept("ADD", "CONSTRAINT"):
			a.verb = "CONSTRAINT"
			a.guarded = p.accept("IF", "NOT", "EXISTS")
			if err := p.constraint(st, p.next().text); err != nil {
				return err
			}
		case p.peek().is("ADD") && p.i+1 < len(p.toks) && (p.toks[p.i+1].is("PRIMARY") || p.toks[p.i+1].is("FOREIGN")):
			p.i++
			a.verb = "CONSTRAINT"
			if err := p.constraint(st, ""); err != nil {
				return err
			}
		case p.accept("DROP", "PRIMARY", "KEY"):
			a.verb = "DROP PRIMARY KEY"
			a.guarded = p.accept("IF", "EXISTS")
		case p.accept("DROP", "CONSTRAINT"):
			a.verb = "DROP CONSTRAINT"
			a.guarded = p.accept("IF", "EXISTS")
			a.column = p.next().text
		default:
			return unsupported("this action of ALTER is not supplied: %s", p.peek().text)
		}
		st.actions = append(st.actions, a)
		if !p.accept(",") {
			break
		}
	}
	if p.i < len(p.toks) {
		return p.unexpected("Expected end of statement")
	}
	return nil
}
