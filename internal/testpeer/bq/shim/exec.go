package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	bigquery "google.golang.org/api/bigquery/v2"
)

// execution runs the statements of one query job.
type execution struct {
	s       *Server
	ctx     context.Context // ends when the job is cancelled; steps that replace a table ignore it
	project string
	dataset string // default dataset
	params  []*bigquery.QueryParameter
	mode    string
	dry     bool
	out     outcome
}

// outcome is what a job's statistics and results are made of.
type outcome struct {
	kind      string
	res       *result
	affected  int64
	dml       *bigquery.DmlStatistics
	operation string // CREATE, REPLACE, SKIP, DROP, ALTER
	target    *bigquery.TableReference
	refs      []*bigquery.TableReference
	bytes     int64
	tables    int // tables that are billed
	spooled   []*bigquery.TableReference
}

// prepare parses a script and reports its references, before anything runs.
func (x *execution) prepare(src string) ([]*statement, *apiError) {
	parts := splitStatements(src)
	if len(parts) == 0 {
		return nil, invalidQuery("Syntax error: Unexpected end of script at [1:1]")
	}
	var out []*statement
	for _, part := range parts {
		st, err := parse(part)
		if err != nil {
			return nil, err
		}
		out = append(out, st)
		x.reference(st.toks, st)
	}
	x.out.kind = out[0].kind
	if len(out) > 1 {
		x.out.kind = "SCRIPT"
	}
	return out, nil
}

// run executes one statement; the caller holds s.exec.
func (x *execution) run(st *statement) *apiError {
	switch st.kind {
	case "SELECT":
		return x.selectRows(st)
	case "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE_TABLE":
		return x.dmlStatement(st)
	case "CREATE_TABLE", "CREATE_TABLE_AS_SELECT", "CREATE_SNAPSHOT_TABLE":
		return x.createTable(st)
	case "CREATE_VIEW", "CREATE_MATERIALIZED_VIEW":
		return x.createView(st)
	case "CREATE_SCHEMA", "DROP_SCHEMA", "ALTER_SCHEMA":
		return x.schemaStatement(st)
	case "CREATE_FUNCTION", "CREATE_TABLE_FUNCTION", "DROP_FUNCTION":
		if x.dry {
			return nil
		}
		return x.exec(st.src)
	case "DROP_TABLE", "DROP_VIEW", "DROP_MATERIALIZED_VIEW", "DROP_SNAPSHOT_TABLE":
		return x.dropTable(st)
	case "ALTER_TABLE", "ALTER_VIEW", "ALTER_MATERIALIZED_VIEW":
		return x.alterTable(st)
	case "GRANT", "REVOKE":
		return x.grantStatement(st)
	case "CALL":
		if len(st.path) == 2 && strings.EqualFold(st.path[0], "BQ") && strings.EqualFold(st.path[1], "REFRESH_MATERIALIZED_VIEW") {
			return nil // a materialized view is a view here, hence always fresh
		}
		return unsupported("CALL is procedural language, which the emulator answers wrongly")
	}
	return unsupported("%s statements have no effect in the emulator", st.kind)
}

// rewrite makes the caller's edits and those that the emulator needs.
func (x *execution) rewrite(src string, edits []edit) (edited, *apiError) {
	more, err := x.s.qualify(x.ctx, src, x.project, x.dataset, edits)
	if err != nil {
		return edited{}, err
	}
	return apply(src, append(more, edits...)), nil
}

// read runs a query of the client, or a part of its statement.
func (x *execution) read(src string, edits ...edit) (*result, *apiError) {
	e, err := x.rewrite(src, edits)
	if err != nil {
		return nil, err
	}
	res, failed := x.s.emu.read(x.ctx, x.project, x.dataset, e.out, x.params, x.mode)
	if failed != nil {
		return nil, x.explain(failed, e)
	}
	return res, nil
}

// exec runs a statement of the client that changes something.
func (x *execution) exec(src string, edits ...edit) *apiError {
	e, err := x.rewrite(src, edits)
	if err != nil {
		return err
	}
	if failed := x.s.emu.exec(x.ctx, x.project, x.dataset, e.out, x.params, x.mode); failed != nil {
		return x.explain(failed, e)
	}
	return nil
}

func (x *execution) explain(err error, e edited) *apiError {
	if x.ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return stopped
	}
	return x.s.translate(err.Error(), x.project, x.dataset, e)
}

// internal runs SQL that the shim wrote itself; a started change is not cancelled.
func (x *execution) internal(sql string) (*result, *apiError) {
	ctx := context.WithoutCancel(x.ctx)
	var res *result
	var err error
	if strings.HasPrefix(sql, "SELECT ") {
		res, err = x.s.emu.read(ctx, x.project, "", sql, nil, "")
	} else {
		err = x.s.emu.exec(ctx, x.project, "", sql, nil, "")
	}
	if err != nil {
		return nil, invalidQuery("test double: %v (in %s)", err, sql)
	}
	return res, nil
}

func (x *execution) count(sql string) (int64, *apiError) {
	res, err := x.read(sql)
	if err != nil {
		return 0, err
	}
	return firstInt(res), nil
}

func firstInt(res *result) int64 {
	if len(res.Rows) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(cell(res.Rows[0], 0), 10, 64) // NULL counts as nothing
	return n
}

// cell returns a scalar of a row as text; NULL and nested values are "".
func cell(row json.RawMessage, i int) string {
	var r struct {
		F []struct {
			V any `json:"v"`
		} `json:"f"`
	}
	if err := json.Unmarshal(row, &r); err != nil || i >= len(r.F) {
		return ""
	}
	v, _ := r.F[i].V.(string)
	return v
}

// limit makes a query that is analyzed and returns nothing.
func limit(src string) edit { return edit{len(src), len(src), "\n|> LIMIT 0"} }

// head replaces what stands before a statement's query.
func (st *statement) head(text string) edit { return edit{0, st.query, text} }

func (x *execution) selectRows(st *statement) *apiError {
	var edits []edit
	if x.dry {
		edits = append(edits, limit(st.src))
	}
	res, err := x.read(st.src, edits...)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, f := range res.Schema.Fields {
		if strings.HasPrefix(f.Name, "$col") || f.Name == "" {
			f.Name = fmt.Sprintf("f%d_", anonymous(res.Schema.Fields[:i]))
		}
		if key := strings.ToLower(f.Name); seen[key] {
			return invalidQuery("Duplicate column names in the result are not supported. Found duplicate(s): %s", f.Name)
		}
		seen[strings.ToLower(f.Name)] = true
	}
	x.out.res = res
	return nil
}

// anonymous counts the unnamed columns before this one: BigQuery calls them f0_, f1_, ….
func anonymous(before []*bigquery.TableFieldSchema) int {
	n := 0
	for _, f := range before {
		if strings.HasPrefix(f.Name, "f") && strings.HasSuffix(f.Name, "_") {
			if _, err := strconv.Atoi(f.Name[1 : len(f.Name)-1]); err == nil {
				n++
			}
		}
	}
	return n
}

// targetOf resolves the statement's object and checks its dataset.
func (x *execution) targetOf(path []string) (*bigquery.TableReference, *apiError) {
	ref, err := x.s.resolve(path, x.project, x.dataset)
	if err != nil {
		return nil, err
	}
	if _, err := x.s.project(x.ctx, ref.ProjectId); err != nil {
		return nil, err
	}
	if x.s.dataset(ref.ProjectId, ref.DatasetId) == nil {
		return nil, notFound("Not found: Dataset %s:%s was not found in location %s", ref.ProjectId, ref.DatasetId, x.s.location)
	}
	if !named(tableName, ref.TableId) {
		return nil, invalidQuery("Invalid table ID \"%s\".", ref.TableId)
	}
	return ref, nil
}

// scratchTable names a table that no client sees.
func (x *execution) scratchTable(project string) *bigquery.TableReference {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.s.sequence++
	return &bigquery.TableReference{ProjectId: project, DatasetId: scratch, TableId: "t" + strconv.Itoa(x.s.sequence)}
}

func (x *execution) discard(ref *bigquery.TableReference) {
	// A scratch table that stays costs memory only.
	_ = x.s.emu.delete(context.WithoutCancel(x.ctx), ref)
}

// createTable runs CREATE [OR REPLACE] TABLE in all its forms.
func (x *execution) createTable(st *statement) *apiError {
	if st.temp {
		return unsupported("temporary tables need a session; create a table with an expiration")
	}
	ref, err := x.targetOf(st.path)
	if err != nil {
		return err
	}
	x.out.target, x.out.operation = ref, "CREATE"
	old := x.s.table(ref)
	switch {
	case old == nil:
	case st.ifNotExists:
		x.out.operation = "SKIP"
		return nil
	case !st.orReplace:
		return duplicate("Already Exists: Table %s", refText(ref))
	case old.res.Type != "TABLE":
		return invalidQuery("%s is not allowed for this operation because it is currently a %s.", refText(ref), old.res.Type)
	default:
		x.out.operation = "REPLACE"
	}
	neu := &bigquery.Table{TableReference: ref, TableConstraints: st.constraints}
	if neu.TimePartitioning, neu.RangePartitioning, err = x.partitionOf(st); err != nil {
		return err
	}
	if len(st.cluster) > 0 {
		neu.Clustering = &bigquery.Clustering{Fields: st.cluster}
	}
	var declared []*bigquery.TableFieldSchema
	for _, c := range st.columns {
		declared = append(declared, c.field)
	}
	var source *tableState
	if st.fromMode != "" {
		if source, err = x.copySource(st, neu); err != nil {
			return err
		}
		if declared == nil {
			declared = source.res.Schema.Fields
		}
	}
	if err := x.tableOptions(st.src, neu, st.options); err != nil {
		return err
	}
	if x.out.operation == "REPLACE" && specText(old.res) != specText(neu) {
		return invalidQuery("Cannot replace a table with a different partitioning spec. Instead, DROP the table, and then recreate it. New partitioning spec is %s and existing spec is %s", specText(neu), specText(old.res))
	}
	build := ref
	if old != nil && !old.logical {
		build = x.scratchTable(ref.ProjectId)
	}
	var sql string
	head := "CREATE TABLE " + quoted(build)
	switch {
	case st.query >= 0:
		if len(declared) > 0 {
			head += " (" + columnsSQL(&bigquery.TableSchema{Fields: declared}) + ")"
		}
	case st.fromMode == "LIKE":
		sql = head + " (" + columnsSQL(&bigquery.TableSchema{Fields: declared}) + ")"
	case st.fromMode != "":
		sql = head + " (" + columnsSQL(&bigquery.TableSchema{Fields: declared}) + ") AS SELECT * FROM " + quoted(source.res.TableReference)
	case len(declared) > 0:
		sql = head + " (" + columnsSQL(&bigquery.TableSchema{Fields: declared}) + ")"
	default:
		return invalidQuery("Table must have at least one column: %s", refText(ref))
	}
	if x.dry {
		neu.Schema = &bigquery.TableSchema{Fields: declared}
		if st.query >= 0 {
			res, err := x.read(st.src, st.head(""), limit(st.src))
			if err != nil {
				return err
			}
			if len(declared) == 0 {
				neu.Schema = res.Schema
			}
		}
		return checkSpec(neu)
	}
	if st.query >= 0 {
		err = x.exec(st.src, st.head(head+" AS "))
	} else {
		err = x.exec(sql)
	}
	if err != nil {
		return err
	}
	if neu.Schema, err = x.schemaOf(build); err == nil {
		overlay(neu.Schema, declared)
		err = checkSpec(neu)
	}
	if err != nil {
		x.discard(build)
		return err
	}
	if build != ref {
		if err := x.swap(build, ref, neu.Schema); err != nil {
			return err
		}
	}
	x.s.put(neu, false)
	x.s.refreshViews(x.ctx, ref)
	return nil
}

func (x *execution) partitionOf(st *statement) (*bigquery.TimePartitioning, *bigquery.RangePartitioning, *apiError) {
	if st.partition == nil {
		return nil, nil, nil
	}
	return partitionSpec(st.src, st.partition)
}

func (x *execution) schemaOf(ref *bigquery.TableReference) (*bigquery.TableSchema, *apiError) {
	schema, err := x.s.emu.schema(x.ctx, ref)
	if err != nil {
		return nil, internalError(err)
	}
	return schema, nil
}

// copySource prepares LIKE, COPY and CLONE: the new table takes over schema, partitioning,
// clustering and, as documented, the options, of the source.
func (x *execution) copySource(st *statement, neu *bigquery.Table) (*tableState, *apiError) {
	ref, err := x.s.resolve(st.from, x.project, x.dataset)
	if err != nil {
		return nil, err
	}
	source := x.s.table(ref)
	if source == nil {
		return nil, notFound("Not found: Table %s was not found in location %s", refText(ref), x.s.location)
	}
	if source.res.Type != "TABLE" && source.res.Type != "SNAPSHOT" {
		return nil, invalidQuery("%s is not allowed for this operation because it is currently a %s.", refText(ref), source.res.Type)
	}
	src := clone(source.res)
	neu.TimePartitioning, neu.RangePartitioning, neu.Clustering = src.TimePartitioning, src.RangePartitioning, src.Clustering
	neu.RequirePartitionFilter = src.RequirePartitionFilter
	neu.Description, neu.Labels = src.Description, src.Labels
	now := int64(0)
	switch {
	case st.kind == "CREATE_SNAPSHOT_TABLE":
		neu.Type = "SNAPSHOT"
		neu.SnapshotDefinition = &bigquery.SnapshotDefinition{BaseTableReference: ref, SnapshotTime: timeText(now)}
	case st.fromMode == "CLONE":
		neu.CloneDefinition = &bigquery.CloneDefinition{BaseTableReference: ref, CloneTime: timeText(now)}
	}
	x.out.refs = append(x.out.refs, ref)
	return source, nil
}

// swap puts the rows of a scratch table in the place of a table or view.
func (x *execution) swap(build, ref *bigquery.TableReference, schema *bigquery.TableSchema) *apiError {
	ctx := context.WithoutCancel(x.ctx)
	if x.ctx.Err() != nil {
		x.discard(build)
		return stopped
	}
	if err := x.s.emu.delete(ctx, ref); err != nil {
		return internalError(err)
	}
	_, err := x.internal("CREATE TABLE " + quoted(ref) + " (" + columnsSQL(schema) + ") AS SELECT * FROM " + quoted(build))
	x.discard(build)
	return err
}

func (x *execution) createView(st *statement) *apiError {
	ref, err := x.targetOf(st.path)
	if err != nil {
		return err
	}
	x.out.target, x.out.operation = ref, "CREATE"
	old := x.s.table(ref)
	typ := "VIEW"
	if st.kind == "CREATE_MATERIALIZED_VIEW" {
		typ = "MATERIALIZED_VIEW"
	}
	switch {
	case old == nil:
	case st.ifNotExists:
		x.out.operation = "SKIP"
		return nil
	case !st.orReplace:
		return duplicate("Already Exists: Table %s", refText(ref))
	case old.res.Type != typ:
		return invalidQuery("%s is not allowed for this operation because it is currently a %s.", refText(ref), old.res.Type)
	default:
		x.out.operation = "REPLACE"
	}
	neu := &bigquery.Table{TableReference: ref, Type: typ}
	if neu.TimePartitioning, neu.RangePartitioning, err = x.partitionOf(st); err != nil {
		return err
	}
	if len(st.cluster) > 0 {
		neu.Clustering = &bigquery.Clustering{Fields: st.cluster}
	}
	body := st.src[st.query:]
	res, err := x.read(st.src, st.head(""), limit(st.src))
	if err != nil {
		return err
	}
	neu.Schema = res.Schema
	if len(st.columns) > 0 {
		if len(st.columns) != len(res.Schema.Fields) {
			return invalidQuery("View column list has %d columns, but the query returns %d", len(st.columns), len(res.Schema.Fields))
		}
		parts := make([]string, len(st.columns))
		for i, c := range st.columns {
			parts[i] = "`" + res.Schema.Fields[i].Name + "` AS `" + c.field.Name + "`"
			res.Schema.Fields[i].Name = c.field.Name
			res.Schema.Fields[i].Description = c.field.Description
		}
		body = "SELECT " + strings.Join(parts, ", ") + " FROM (" + body + "\n)"
	}
	for _, f := range neu.Schema.Fields {
		if strings.HasPrefix(f.Name, "$col") {
			return invalidQuery("CREATE VIEW columns must be named, but column %d has no name", slices.Index(neu.Schema.Fields, f)+1)
		}
	}
	if typ == "VIEW" {
		neu.View = &bigquery.ViewDefinition{Query: body, UseLegacySql: false}
		neu.View.ForceSendFields = []string{"UseLegacySql"}
	} else {
		neu.MaterializedView = &bigquery.MaterializedViewDefinition{Query: body, EnableRefresh: true}
	}
	if err := x.tableOptions(st.src, neu, st.options); err != nil {
		return err
	}
	if typ == "MATERIALIZED_VIEW" {
		if err := checkSpec(neu); err != nil {
			return err
		}
	}
	if x.dry {
		return nil
	}
	return x.s.installView(x.ctx, neu)
}

// installView puts a view that has been analyzed into the emulator and the catalog.
func (s *Server) installView(ctx context.Context, neu *bigquery.Table) *apiError {
	ctx = context.WithoutCancel(ctx)
	ref := neu.TableReference
	if err := s.emu.delete(ctx, ref); err != nil {
		return internalError(err)
	}
	if err := s.physicalView(ctx, neu); err != nil {
		return err
	}
	s.put(neu, false)
	s.refreshViews(ctx, ref)
	return nil
}

func (s *Server) physicalView(ctx context.Context, t *bigquery.Table) *apiError {
	ref := t.TableReference
	query := viewQuery(t)
	edits, failed := s.qualify(ctx, query, ref.ProjectId, "", nil)
	if failed != nil {
		return failed
	}
	e := apply(query, append(edits, edit{0, 0, "CREATE VIEW " + quoted(ref) + " AS "}))
	if err := s.emu.exec(ctx, ref.ProjectId, "", e.out, nil, ""); err != nil {
		return s.translate(err.Error(), ref.ProjectId, "", e)
	}
	return nil
}

// refreshViews analyzes anew the views that read a changed table. BigQuery expands a view
// when it is queried; the emulator freezes it when it is created.
func (s *Server) refreshViews(ctx context.Context, changed *bigquery.TableReference) {
	ctx = context.WithoutCancel(ctx)
	names := map[string]bool{changed.TableId: true}
	for _, v := range s.viewsByAge() {
		s.mu.Lock()
		t, broken := clone(v.res), v.broken != nil
		s.mu.Unlock()
		if refText(t.TableReference) == refText(changed) {
			continue
		}
		uses := broken
		for _, tok := range lex(viewQuery(t)) {
			if tok.name() {
				parts := splitPath(tok.text)
				uses = uses || names[parts[len(parts)-1]]
			}
		}
		if !uses {
			continue
		}
		names[t.TableReference.TableId] = true
		if s.emu.delete(ctx, t.TableReference) != nil {
			continue
		}
		err := s.physicalView(ctx, t)
		s.mu.Lock()
		v.broken = err
		s.mu.Unlock()
	}
}

func (x *execution) dropTable(st *statement) *apiError {
	ref, err := x.s.resolve(st.path, x.project, x.dataset)
	if err != nil {
		return err
	}
	x.out.target, x.out.operation = ref, "DROP"
	t := x.s.table(ref)
	if t == nil {
		if st.ifExists {
			x.out.operation = "SKIP"
			return nil
		}
		return notFound("Not found: Table %s was not found in location %s", refText(ref), x.s.location)
	}
	want := map[string]string{"DROP_TABLE": "TABLE", "DROP_VIEW": "VIEW", "DROP_MATERIALIZED_VIEW": "MATERIALIZED_VIEW", "DROP_SNAPSHOT_TABLE": "SNAPSHOT"}[st.kind]
	if t.res.Type != want {
		return invalidQuery("Cannot drop %s which has type %s. Use DROP %s instead", refText(ref), t.res.Type, strings.ReplaceAll(t.res.Type, "_", " "))
	}
	if x.dry {
		return nil
	}
	return x.s.dropPhysical(x.ctx, ref)
}

// dropPhysical removes a table from the emulator and the catalog; the caller holds s.exec.
func (s *Server) dropPhysical(ctx context.Context, ref *bigquery.TableReference) *apiError {
	ctx = context.WithoutCancel(ctx)
	if err := s.emu.delete(ctx, ref); err != nil {
		return internalError(err)
	}
	s.remove(ref)
	s.refreshViews(ctx, ref)
	return nil
}

func (x *execution) schemaStatement(st *statement) *apiError {
	var project, id string
	switch len(st.path) {
	case 1:
		project, id = x.project, st.path[0]
	case 2:
		project, id = st.path[0], st.path[1]
	default:
		return invalidQuery("Invalid dataset name: %s", strings.Join(st.path, "."))
	}
	old := x.s.dataset(project, id)
	switch st.kind {
	case "CREATE_SCHEMA":
		if old != nil {
			if st.ifNotExists {
				x.out.operation = "SKIP"
				return nil
			}
			return duplicate("Already Exists: Dataset %s:%s", project, id)
		}
		if len(st.options) > 0 {
			return unsupported("OPTIONS of CREATE SCHEMA are not supplied; use datasets.insert")
		}
		x.out.operation = "CREATE"
		if x.dry {
			return nil
		}
		_, err := x.s.createDataset(x.ctx, project, &bigquery.Dataset{DatasetReference: &bigquery.DatasetReference{ProjectId: project, DatasetId: id}})
		return err
	case "DROP_SCHEMA":
		if old == nil {
			if st.ifExists {
				x.out.operation = "SKIP"
				return nil
			}
			return notFound("Not found: Dataset %s:%s was not found in location %s", project, id, x.s.location)
		}
		x.out.operation = "DROP"
		if x.dry {
			return nil
		}
		cascade := st.rest < len(st.toks) && st.toks[st.rest].is("CASCADE")
		return x.s.deleteDataset(x.ctx, project, id, cascade)
	}
	return unsupported("ALTER SCHEMA is not supplied; use datasets.patch")
}
