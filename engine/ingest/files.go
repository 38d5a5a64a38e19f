package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Files reads CSV, NDJSON and Parquet files.
//
// Every file is known by the hash of its bytes, which is recorded with the rows: a file that
// is there again changes nothing. In mode replace the table has the rows of the files that
// are there, and is made anew when one of them came, went or changed. In mode append the rows
// of a new file are added, those of a file that changed replace its earlier ones (by the
// column _file, which the table has then), and those of a file that is gone stay.
type Files struct{}

// Name is «files».
func (Files) Name() string { return project.IngestFiles }

// Open finds the files of all tables, and which columns they have.
func (Files) Open(ctx context.Context, r Request) (Session, error) {
	s := &filesSession{request: r, tables: map[addr.Node]*fileTable{}}
	var problems []error
	for _, w := range r.Tables {
		t, err := openFiles(ctx, r, w)
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			problems = append(problems, err)
			continue
		}
		s.tables[w.Node] = t
		s.remote.Tables = append(s.remote.Tables, t.remote())
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

type filesSession struct {
	request Request
	remote  Remote
	tables  map[addr.Node]*fileTable
}

func (s *filesSession) Remote() Remote { return s.remote }
func (s *filesSession) Close() error   { return nil }

// fileTable are the files of one table.
type fileTable struct {
	wanted  Wanted
	form    fileForm
	hash    string // of what decides how files are read
	files   []foundFile
	hashes  map[string]string // by name
	columns []fileColumn      // of all files
	has     map[string][]fileColumn
}

func openFiles(ctx context.Context, r Request, w Wanted) (*fileTable, error) {
	in := w.Source.Ingest
	t := &fileTable{wanted: w, hashes: map[string]string{}, has: map[string][]fileColumn{}}
	fail := func(err error) error { return fileWrong(w, err) }
	format := in.Files.Format.V
	paths := pathsOf(in)
	files, err := findFiles(r.Dir, paths, format)
	if err != nil {
		return nil, fail(err)
	}
	if format == "" {
		if format, err = commonFormat(paths, files); err != nil {
			return nil, fail(err)
		}
	}
	t.files = files
	t.form = fileForm{Format: format, NoHeader: in.Files.Header.IsSet() && !in.Files.Header.V, Encoding: in.Files.Encoding.V}
	if in.Files.Delimiter.V != "" {
		t.form.Delimiter = rune(in.Files.Delimiter.V[0])
	} else if format == FormatCSV && len(files) > 0 && tabbed(files) {
		t.form.Delimiter = '\t'
	}
	for _, null := range in.Files.Null {
		t.form.Nulls = append(t.form.Nulls, null.V)
	}
	for _, name := range in.Files.Names {
		t.form.Names = append(t.form.Names, name.V)
	}
	if err := t.fits(r); err != nil {
		return nil, err
	}
	t.hash = t.formHash()
	for _, f := range files {
		if t.hashes[f.Name], err = hashFile(f); err != nil {
			return nil, fail(err)
		}
		found, err := surveyFile(ctx, f, t.form, r.Parquet)
		if err != nil {
			return nil, fail(err)
		}
		t.has[f.Name] = found
		t.merge(found)
	}
	if len(files) == 0 && (in.Files.Mode.V != project.FilesAppend || lockedTable(w) == nil) {
		return nil, noFiles(w)
	}
	t.seen()
	return t, nil
}

// commonFormat is the format that the endings of all files say.
func commonFormat(paths []string, files []foundFile) (string, error) {
	if len(files) == 0 {
		return FormatOf(paths[0]), nil
	}
	format := FormatOf(files[0].Name)
	for _, f := range files {
		switch own := FormatOf(f.Name); {
		case own == "":
			return "", &fileError{File: f.Name, Reason: "the ending of the name says no format: set format: csv, ndjson or parquet"}
		case own != format:
			return "", &fileError{File: f.Name, Reason: fmt.Sprintf("the file is %s, and %s is %s: make the path narrower", own, files[0].Name, format)}
		}
	}
	return format, nil
}

// tabbed reports whether all files say by their ending that tabs part their fields.
func tabbed(files []foundFile) bool {
	return !slices.ContainsFunc(files, func(f foundFile) bool {
		return !strings.HasSuffix(strings.TrimSuffix(strings.ToLower(f.Name), ".gz"), ".tsv")
	})
}

// fits refuses keys that mean nothing for the format, and formats that cannot be read.
func (t *fileTable) fits(r Request) error {
	in := t.wanted.Source.Ingest
	var at project.Value[string]
	key := ""
	switch f := in.Files; {
	case t.form.Format == FormatParquet && r.Parquet == nil:
		return diag.Diagnostic{Code: codeKind, Model: t.wanted.Node, At: in.At, Message: fmt.Sprintf("%q is of Parquet files, which this build of engine cannot read", t.wanted.Node.Name), Help: "use a build with DuckDB, or files of CSV or NDJSON"}
	case t.form.Format == FormatCSV || t.form.Format == "":
		return nil
	case f.Delimiter.IsSet():
		at, key = f.Delimiter, "delimiter"
	case f.Header.IsSet():
		at.At, key = f.Header.At, "header"
	case t.form.Format == FormatParquet && f.Encoding.IsSet():
		at, key = f.Encoding, "encoding"
	case t.form.Format == FormatParquet && len(f.Null) > 0:
		at, key = f.Null[0], "null"
	default:
		return nil
	}
	return diag.Diagnostic{Code: codeFile, Model: t.wanted.Node, At: at.At, Message: fmt.Sprintf("%s means nothing for files of %s", key, t.form.Format), Help: "remove it"}
}

// formHash covers what decides which rows come of a file, and their values.
func (t *fileTable) formHash() string {
	in := t.wanted.Source.Ingest
	var transforms []string
	for _, x := range in.Transform {
		transforms = append(transforms, x.Column.V+"="+x.Words())
	}
	slices.Sort(transforms)
	text, err := json.Marshal(struct {
		Form       fileForm
		Transforms []string
		Rejects    int64
	}{t.form, transforms, in.Files.MaxRejects.V})
	if err != nil {
		panic("ingest: texts do not marshal: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// merge adds the columns of a file to those of all, by name. Where files spell a name in
// several ways, a spelling counts that the project or the lock has, and one that is denied
// counts before all.
func (t *fileTable) merge(found []fileColumn) {
	in := t.wanted.Source.Ingest
	for _, c := range found {
		i := slices.IndexFunc(t.columns, func(o fileColumn) bool { return strings.EqualFold(o.Name, c.Name) })
		if i < 0 {
			t.columns = append(t.columns, fileColumn{Name: t.spelled(c.Name), Type: c.Type})
			continue
		}
		o := &t.columns[i]
		if in.Denied(c.Name) != nil {
			o.Name = c.Name
		}
		switch {
		case o.Type == c.Type, c.Type == "":
		case o.Type == "":
			o.Type = c.Type
		case t.form.Format == FormatNDJSON:
			o.Type = jsonValues // one of both is: texts beside arrays or objects
		default:
			o.Type = wider(o.Type, c.Type)
		}
	}
}

// wider is the GoogleSQL type that holds the values of both, STRING where no other does.
func wider(a, b string) string {
	number := func(t string) int { return slices.Index([]string{"INT64", "NUMERIC", "FLOAT64"}, t) }
	x, y := number(a), number(b)
	switch {
	case a == b:
		return a
	case x == 0 && y == 1, x == 1 && y == 0:
		return "NUMERIC"
	}
	return "STRING"
}

func (t *fileTable) spelled(name string) string {
	in := t.wanted.Source.Ingest
	if in.Denied(name) != nil {
		return name
	}
	var known []string
	if l := lockedTable(t.wanted); l != nil {
		for _, c := range l.Columns {
			known = append(known, c.Name)
		}
	}
	for _, list := range [][]project.Value[string]{in.Columns, in.Except} {
		for _, c := range list {
			known = append(known, c.V)
		}
	}
	if i := slices.IndexFunc(known, func(k string) bool { return k != name && strings.EqualFold(k, name) }); i >= 0 && !slices.Contains(known, name) {
		return known[i]
	}
	return name
}

// seen adds what the lock has of columns that no file has to have: members of objects, and
// all of them where there is no file.
func (t *fileTable) seen() {
	l := lockedTable(t.wanted)
	if l == nil || t.form.Format != FormatNDJSON && len(t.files) > 0 {
		return
	}
	for _, c := range l.Columns {
		if !slices.ContainsFunc(t.columns, func(o fileColumn) bool { return strings.EqualFold(o.Name, c.Name) }) {
			t.columns = append(t.columns, fileColumn{Name: c.Name, Type: c.Type})
		}
	}
}

// remote is the table as if it were one of a database. What texts look like is no type:
// that is judged by where they land.
func (t *fileTable) remote() Table {
	out := Table{Name: t.wanted.Source.Ingest.Table.V, Kind: warehouse.Table, Rows: -1, Pages: -1}
	for _, c := range t.columns {
		typ := "text"
		if t.form.Format == FormatParquet {
			typ = c.Type
		}
		out.Columns = append(out.Columns, Column{Name: c.Name, Type: typ, Base: typ, Nullable: true})
	}
	return out
}

// takeFile is a column of files as it lands. Without a type that is declared, locked, or
// said by the file the values decide when they are there: Type is empty then.
func takeFile(w Wanted, c Column, locked *project.LockedTable, to warehouse.Dialect) Taken {
	in := w.Source.Ingest
	out := Taken{Name: c.Name, From: c.Type, Wire: "text"}
	if t := in.TransformOf(c.Name); t != nil {
		out.Transform, out.Type = t.Words(), to.Words().Text()
	}
	if typ := w.Types[c.Name]; typ != "" {
		out.Type = typ
	}
	if out.Type != "" {
		return out
	}
	typ := landed(w.Locked, c.Name)
	if typ == "" && c.Type != "text" {
		typ = landingOf(c.Type, to)
	}
	if typ != "" && retyped(w, c, landingOf(c.Type, to), locked) {
		typ = to.Words().Text()
	}
	out.Type = typ
	return out
}

// landingOf spells a GoogleSQL type for a warehouse that has standard names, or GoogleSQL's.
func landingOf(google string, to warehouse.Dialect) string {
	if googleNames(to) {
		if google == "text" {
			return "STRING"
		}
		return google
	}
	name, params, _ := strings.Cut(google, "(")
	if params != "" {
		params = "(" + params
	}
	switch name {
	case "INT64":
		return "bigint"
	case "FLOAT64":
		return "double precision"
	case "NUMERIC", "BIGNUMERIC":
		return "numeric" + params
	case "BOOL":
		return "boolean"
	case "DATE":
		return "date"
	case "TIME":
		return "time"
	case "DATETIME":
		return "timestamp"
	case "TIMESTAMP":
		return "timestamp with time zone"
	case "JSON":
		return "json"
	}
	return to.Words().Text()
}

// googleNames reports whether a warehouse's types have GoogleSQL's names.
func googleNames(to warehouse.Dialect) bool { return strings.EqualFold(to.Words().Text(), "STRING") }

// Apply lands the tables one after the other.
func (s *filesSession) Apply(ctx context.Context, p Plan, tell func(Event)) []Result {
	out := make([]Result, 0, len(p.Tables))
	for i := range p.Tables {
		step := &p.Tables[i]
		res := Result{Node: step.Node, Into: step.Into, Start: s.request.Now(), Total: -1, Columns: step.Columns}
		l := &fileLanding{request: s.request, step: step, table: s.tables[step.Node], result: &res}
		if tell != nil {
			l.tell = func(rows int64) { tell(Event{Node: step.Node, Rows: rows}) }
		}
		if err := l.land(ctx); err != nil {
			res.fail(l.wrong(ctx, err))
		}
		res.End = s.request.Now()
		out = append(out, res)
		if tell != nil {
			tell(Event{Node: step.Node, Rows: res.Rows, Done: &out[len(out)-1]})
		}
	}
	return out
}

// fileLanding lands one table.
type fileLanding struct {
	request Request
	step    *Step
	table   *fileTable
	result  *Result
	tell    func(rows int64)

	columns []landColumn
	appends bool // mode append
	// kept are the types of a table some of whose rows stay, by the folded name of the column;
	// nil: none do.
	kept    map[string]string
	staged  addr.Relation
	rejects rejects
}

func (l *fileLanding) land(ctx context.Context) error {
	r, conn, d := l.request, l.request.Target, l.request.Target.Dialect()
	in := l.step.Source.Ingest
	l.appends = in.Files.Mode.V == project.FilesAppend
	l.staged = materialize.StagedName(l.step.Into, d.Caps())
	l.rejects.path = filepath.Join(r.Work, "ingest", fileNameSafe(l.step.Node.Name)+".rejects.ndjson")
	for _, c := range l.step.Columns {
		l.columns = append(l.columns, landColumn{Taken: c, transform: in.TransformOf(c.Name)})
		if l.appends && strings.EqualFold(c.Name, fileColumnName) {
			return &fileError{File: l.table.shown(), Reason: fmt.Sprintf("the files have a column %q, which mode append keeps for the name of the file: leave it out with except", c.Name)}
		}
	}
	live, err := warehouse.Probe(ctx, conn, l.step.Into)
	if err != nil {
		return err
	}
	left, err := conn.Inspect(ctx, []addr.Relation{l.staged, materialize.ScratchName(l.step.Into, d.Caps())})
	if err != nil {
		return err
	}
	for _, rel := range left { // of a run that died
		if err := l.drop(ctx, rel.Name); err != nil {
			return err
		}
	}
	if err := l.spell(ctx); err != nil {
		return err
	}
	records, err := state.ReadIngestedFiles(ctx, conn, l.database(), l.step.Into)
	if err != nil {
		return err
	}
	todo, err := l.decide(live, records)
	if err != nil {
		return err
	}
	if todo.nothing {
		l.result.Mode, l.result.Total = ModeNothing, total(records)
		l.typesOf(live)
		return nil
	}
	if err := l.complete(todo.load); err != nil {
		return err
	}
	l.settle(live, todo, records)
	if err := l.stage(ctx, todo.load); err != nil {
		return errors.Join(err, l.drop(ctx, l.staged))
	}
	if err := l.publish(ctx, live, todo, records); err != nil {
		return errors.Join(err, l.drop(ctx, l.staged))
	}
	if live, err = warehouse.Probe(ctx, conn, l.step.Into); err == nil {
		l.typesOf(live)
	}
	return err
}

// database is where the records are.
func (l *fileLanding) database() string { return l.request.Database }

func total(records []state.IngestedFile) (n int64) {
	for _, f := range records {
		n += f.Rows
	}
	return n
}

// spell finds the warehouse's own names for the types that are known, and with them the
// tests for values: «numeric» is unlimited in one warehouse and has three digits behind the
// point in another.
func (l *fileLanding) spell(ctx context.Context) error {
	conn, d := l.request.Target, l.request.Target.Dialect()
	google := googleNames(d)
	var typed []warehouse.Column
	for _, c := range l.columns {
		if c.Type != "" {
			typed = append(typed, warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true})
		}
	}
	if len(typed) > 0 && !google {
		if err := l.drop(ctx, l.staged); err != nil {
			return err
		}
		if err := Do(ctx, conn, warehouse.CreateTable{Target: l.staged, Columns: typed}); err != nil {
			return err
		}
		made, err := warehouse.Probe(ctx, conn, l.staged)
		if err = errors.Join(err, l.drop(ctx, l.staged)); err != nil {
			return err
		}
		l.take(made)
	}
	for i := range l.columns {
		if c := &l.columns[i]; c.Type != "" {
			c.check = checkOf(c.Type, google)
		}
	}
	return nil
}

// take gives the columns the types that those of a relation have.
func (l *fileLanding) take(of warehouse.Relation) {
	for i := range l.columns {
		for _, c := range of.Columns {
			if strings.EqualFold(c.Name, l.columns[i].Name) {
				l.columns[i].Type = c.Type
			}
		}
	}
}

// typesOf completes the result by the types as they landed.
func (l *fileLanding) typesOf(live warehouse.Relation) {
	l.take(live)
	l.result.Columns = nil
	for _, c := range l.columns {
		l.result.Columns = append(l.result.Columns, c.Taken)
	}
	if l.appends {
		l.result.Columns = append(l.result.Columns, Taken{Name: fileColumnName, Wire: "text", Type: l.fileType(live)})
	}
}

func (l *fileLanding) fileType(live warehouse.Relation) string {
	for _, c := range live.Columns {
		if strings.EqualFold(c.Name, fileColumnName) {
			return c.Type
		}
	}
	return l.request.Target.Dialect().Words().Text()
}

func (l *fileLanding) drop(ctx context.Context, rel addr.Relation) error {
	if ctx.Err() != nil {
		return nil // what is left aside the next run removes
	}
	return Do(ctx, l.request.Target, warehouse.Drop{Relation: rel, Kind: warehouse.Table})
}

// todo is what is done with the files of a table.
type todo struct {
	nothing bool
	// load are read. Otherwise than with all, the rows of other files stay, of those that are
	// recorded.
	load []foundFile
	all  bool
	// same: the table that is there has the columns that are landed, so that rows can be
	// exchanged in it.
	same bool
}

func (l *fileLanding) decide(live warehouse.Relation, records []state.IngestedFile) (todo, error) {
	recorded := map[string]state.IngestedFile{}
	for _, f := range records {
		recorded[f.File] = f
	}
	var changed []foundFile
	for _, f := range l.table.files {
		if was, ok := recorded[f.Name]; !ok || was.Hash != l.table.hashes[f.Name] || was.Form != l.table.hash {
			changed = append(changed, f)
		}
	}
	var gone []string
	reformed := false
	for _, f := range records {
		if _, there := l.table.hashes[f.File]; !there {
			gone = append(gone, f.File)
		}
		reformed = reformed || f.Form != l.table.hash
	}
	there := live.Kind == warehouse.Table
	same := there && l.fits(live)
	if !l.appends {
		if there && same && len(changed)+len(gone) == 0 && len(records) > 0 && !l.request.Full {
			return todo{nothing: true}, nil
		}
		return todo{load: l.table.files, all: true}, nil
	}
	tracked := there && slices.ContainsFunc(live.Columns, func(c warehouse.Column) bool { return strings.EqualFold(c.Name, fileColumnName) })
	switch {
	case len(l.table.files) == 0 && tracked && same && !l.request.Full:
		return todo{nothing: true}, nil
	case l.request.Full || !tracked || len(records) == 0:
		if len(l.table.files) == 0 {
			return todo{}, &fileError{File: l.table.shown(), Reason: "no file is there, and the table would be empty"}
		}
		if tracked && len(gone) > 0 {
			l.result.Diags.Add(rowsGone(l.step.Wanted, gone))
		}
		return todo{load: l.table.files, all: true}, nil
	case reformed && len(gone) > 0:
		return todo{}, &fileError{File: gone[0], Reason: fmt.Sprintf("the file is not there any more, and its rows were read in another way than the project says now (%d such files): bring them back, or give up their rows with --full", len(gone))}
	case reformed || !same:
		return todo{load: l.table.files}, nil
	case len(changed) == 0:
		return todo{nothing: true}, nil
	}
	return todo{load: changed, same: true}, nil
}

// settle finds out which types rows have that stay. Rows that are added to a table get its
// types, whatever their own values look like.
func (l *fileLanding) settle(live warehouse.Relation, do todo, records []state.IngestedFile) {
	if do.all {
		return
	}
	loaded := map[string]bool{}
	for _, f := range do.load {
		loaded[f.Name] = true
	}
	if !do.same && !slices.ContainsFunc(records, func(f state.IngestedFile) bool { return !loaded[f.File] }) {
		return
	}
	l.kept = map[string]string{}
	for _, c := range live.Columns {
		l.kept[strings.ToLower(c.Name)] = c.Type
	}
	for i := range l.columns {
		if c := &l.columns[i]; c.Type == "" && do.same {
			c.Type = l.kept[strings.ToLower(c.Name)]
			c.check = checkOf(c.Type, googleNames(l.request.Target.Dialect()))
		}
	}
}

// fits reports whether a table has the columns that are landed, with their types as far as
// these are known.
func (l *fileLanding) fits(live warehouse.Relation) bool {
	names := len(l.columns)
	if l.appends {
		names++
	}
	if len(live.Columns) != names {
		return false
	}
	for _, c := range l.columns {
		i := slices.IndexFunc(live.Columns, func(o warehouse.Column) bool { return strings.EqualFold(o.Name, c.Name) })
		if i < 0 || c.Type != "" && !strings.EqualFold(live.Columns[i].Type, c.Type) {
			return false
		}
	}
	return true
}

// complete refuses files that lack a column, unless the project wants NULL there.
func (l *fileLanding) complete(files []foundFile) error {
	if l.table.form.Format == FormatNDJSON {
		return nil // members of an object may be missing
	}
	lacks := map[string][]string{}
	for _, f := range files {
		for _, c := range l.columns {
			if c.From == "" || slices.ContainsFunc(l.table.has[f.Name], func(o fileColumn) bool { return strings.EqualFold(o.Name, c.Name) }) {
				continue
			}
			lacks[c.Name] = append(lacks[c.Name], f.Name)
		}
	}
	for _, c := range l.columns {
		missing := lacks[c.Name]
		if len(missing) == 0 {
			continue
		}
		if l.step.Source.Ingest.Drift.RemovedColumn.V != project.DriftNull {
			return &fileError{File: missing[0], Reason: fmt.Sprintf("the file has no column %q, as %s: mend it, take the column out of \"columns\", or have NULL there with drift: {removed_column: null_fill}", c.Name, others(len(files)-len(missing)))}
		}
		l.result.Diags.Add(columnLacking(l.step.Wanted, c.Name, missing))
	}
	return nil
}

func others(n int) string {
	switch n {
	case 0:
		return "the lock has"
	case 1:
		return "another file has"
	}
	return fmt.Sprintf("%d other files have", n)
}

// shown are the files for people.
func (t *fileTable) shown() string { return strings.Join(pathsOf(t.wanted.Source.Ingest), ", ") }

func pathsOf(in *project.Ingest) []string {
	out := make([]string, len(in.Files.Path))
	for i, p := range in.Files.Path {
		out[i] = p.V
	}
	return out
}

// attempts is how often rows that only the warehouse can judge are left out and the others
// loaded again.
const attempts = 100

// stage loads the rows of files aside.
func (l *fileLanding) stage(ctx context.Context, files []foundFile) error {
	in, conn := l.step.Source.Ingest, l.request.Target
	loader, ok := conn.(warehouse.Loader)
	if !ok {
		return fmt.Errorf("%s has no way to load files", conn.Dialect().Name())
	}
	// Runs of other targets may load the same table now, each from a file of its own.
	folder, name := filepath.Join(l.request.Work, "ingest"), fileNameSafe(l.step.Node.Name)+"."
	if err := removeLeft(folder, name, l.request.Now().Add(-leftFor)); err != nil {
		return err
	}
	s := &staging{
		path: filepath.Join(folder, name+fileNameSafe(l.request.Run)+stagedExt), columns: l.columns, files: l.appends, form: l.table.form,
		parquet: l.request.Parquet, rejects: &l.rejects, plain: in.All && len(in.Deny) == 0 && len(in.Except) == 0 && len(l.step.Denied) == 0 && len(in.Transform) == 0, tell: l.tell,
	}
	defer os.Remove(s.path)
	s.nested = map[string]bool{}
	for _, c := range l.table.columns {
		name := strings.ToLower(c.Name)
		if was := l.kept[name]; c.Type == jsonValues && (was == "" || isJSON(was)) {
			s.nested[name] = true
		}
	}
	for attempt := 0; ; attempt++ {
		if err := s.write(ctx, files, l.table.hashes); err != nil {
			return err
		}
		if l.rejects.count > in.Files.MaxRejects.V {
			return &rejectsError{&l.rejects}
		}
		input := warehouse.File{Path: s.path, Open: s.open, Format: "csv"}
		if err := l.sniff(ctx, conn, input); err != nil {
			return err
		}
		s.columns = l.columns
		if err := l.drop(ctx, l.staged); err != nil {
			return err
		}
		stats, err := loader.Load(ctx, l.staged, l.landing(), input)
		if err == nil && stats.Rows >= 0 && stats.Rows != s.rows {
			return errors.Join(fmt.Errorf("%d rows were read, and %d written", s.rows, stats.Rows), l.drop(context.WithoutCancel(ctx), l.staged))
		}
		var bad *warehouse.LoadError
		if err == nil {
			l.result.Rows, l.result.Rejects = s.rows, l.rejects.count
			if l.rejects.count > 0 {
				d := l.rejected(fmt.Sprintf("%d records of %q were left out", l.rejects.count, l.step.Node.Name))
				d.Severity = diag.Warning
				l.result.Diags.Add(d)
			}
			l.table.counted(s.start)
			return nil
		}
		if !errors.As(err, &bad) || attempt == attempts {
			return err
		}
		found, ok, located := s.refused(ctx, bad, l.table.hashes)
		if located != nil {
			return located
		}
		if !ok {
			return &fileError{File: l.table.shown(), Reason: "the warehouse refuses a row, and does not say which", Err: err}
		}
		if l.rejects.count+int64(len(found)+bad.More) > in.Files.MaxRejects.V {
			for _, x := range found {
				if err := l.rejects.add(x); err != nil {
					return err
				}
			}
			l.rejects.count += int64(bad.More)
			return errors.Join(&rejectsError{&l.rejects}, l.rejects.end())
		}
	}
}

const (
	stagedExt = ".csv"
	// leftFor is how long a staging file stays that nothing writes to: longer than a load takes.
	leftFor = 48 * time.Hour
)

// removeLeft removes the staging files of runs that were killed: those in folder that begin
// with a table's name and were last written before a time.
func removeLeft(folder, name string, before time.Time) error {
	found, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range found {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), name) || !strings.HasSuffix(e.Name(), stagedExt) {
			continue
		}
		info, err := e.Info()
		if err == nil && info.ModTime().Before(before) {
			err = os.Remove(filepath.Join(folder, e.Name()))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) { // another run was faster
			return err
		}
	}
	return nil
}

// rejectsError says that more records were rejected than may be.
type rejectsError struct{ of *rejects }

func (e *rejectsError) Error() string { return fmt.Sprintf("%d records cannot be read", e.of.count) }

func (s *staging) open() (io.ReadCloser, error) { return os.Open(s.path) }

// sniff gives columns a type that have none, by all of their values.
func (l *fileLanding) sniff(ctx context.Context, conn warehouse.Conn, input warehouse.File) error {
	if !slices.ContainsFunc(l.columns, func(c landColumn) bool { return c.Type == "" }) {
		return nil
	}
	sniffer, ok := conn.(warehouse.Sniffer)
	if !ok {
		return &fileError{File: l.table.shown(), Reason: "declare the columns with their data_type: this warehouse cannot find them out"}
	}
	found, err := sniffer.Sniff(ctx, input)
	if err != nil {
		return err
	}
	words := conn.Dialect().Words()
	for i := range l.columns {
		c := &l.columns[i]
		if c.Type != "" {
			continue
		}
		c.Type = words.Text()
		for _, f := range found {
			if strings.EqualFold(f.Name, c.Name) {
				c.Type = f.Type
			}
		}
		switch k := slices.IndexFunc(l.table.columns, func(o fileColumn) bool { return strings.EqualFold(o.Name, c.Name) }); {
		case k < 0:
		case l.table.columns[k].Type == jsonValues:
			c.Type = landingOf("JSON", conn.Dialect())
		case l.table.columns[k].Type == textValues:
			c.Type = words.Text()
		}
		// Rows that stay have another type: a text holds both, and a cast might round.
		if was := l.kept[strings.ToLower(c.Name)]; was != "" && !strings.EqualFold(was, c.Type) {
			c.Type = words.Text()
		}
	}
	return nil
}

// landing are the columns of the table.
func (l *fileLanding) landing() []warehouse.Column {
	var out []warehouse.Column
	for _, c := range l.columns {
		out = append(out, warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true})
	}
	if l.appends {
		out = append(out, warehouse.Column{Name: fileColumnName, Type: l.request.Target.Dialect().Words().Text(), Nullable: true})
	}
	return out
}

// counted keeps how many rows are of each file, for the records.
func (t *fileTable) counted(starts []fileStart) {
	at := make(map[string]int, len(t.files))
	for i, f := range t.files {
		at[f.Name] = i
	}
	for _, s := range starts {
		f := &t.files[at[s.file.Name]]
		f.rows, f.lost = s.rows, s.lost
	}
}

// publish makes the rows visible, and records the files with them.
func (l *fileLanding) publish(ctx context.Context, live warehouse.Relation, do todo, records []state.IngestedFile) error {
	r, conn, d := l.request, l.request.Target, l.request.Target.Dialect()
	var files []state.IngestedFile
	sum, loaded := l.result.Rows, map[string]bool{}
	for _, f := range do.load {
		loaded[f.Name] = true
	}
	for _, f := range l.table.files {
		if !loaded[f.Name] {
			continue
		}
		files = append(files, state.IngestedFile{File: f.Name, Hash: l.table.hashes[f.Name], Form: l.table.hash, Rows: f.rows, Rejects: f.lost, Size: f.Size, Run: r.Run, At: r.Now()})
	}
	l.result.Mode = ModeFull
	if !do.all {
		l.result.Mode = ModeNew
		for _, f := range records {
			if !loaded[f.File] {
				sum += f.Rows
			}
		}
	}
	l.result.Total = sum
	record := func(ctx context.Context, c warehouse.Conn) error {
		ops := state.IngestedFilesOps(d, l.database(), l.step.Into, files, do.all)
		if err := Do(ctx, c, ops...); err != nil {
			return err
		}
		return Record(ctx, c, r, project.IngestFiles, *l.result)
	}
	if !d.Caps().TransactionalDDL {
		// A run that dies between the rows and their records leaves records that fit no file:
		// otherwise one that is put back to what it was would be taken for read.
		unknown := slices.Clone(files)
		for i := range unknown {
			unknown[i].Hash = ""
		}
		if err := Do(ctx, conn, state.IngestedFilesOps(d, l.database(), l.step.Into, unknown, do.all)...); err != nil {
			return err
		}
	}
	if do.all {
		return l.exchange(ctx, l.staged, record)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = d.Literal(f.File)
	}
	if do.same && d.Caps().TransactionalDDL {
		return Together(ctx, r, func(ctx context.Context, c warehouse.Conn) error {
			var ops []warehouse.Op
			for part := range slices.Chunk(names, 500) {
				ops = append(ops, warehouse.SQL{Text: fmt.Sprintf("DELETE FROM %s WHERE %s IN (%s)", d.Quote(l.step.Into), d.Ident(fileColumnName), strings.Join(part, ", "))})
			}
			ops = append(ops, warehouse.InsertSelect{Target: l.step.Into, From: l.staged}, warehouse.Drop{Relation: l.staged, Kind: warehouse.Table})
			if err := Do(ctx, c, ops...); err != nil {
				return err
			}
			return record(ctx, c)
		})
	}
	whole := materialize.ScratchName(l.step.Into, d.Caps())
	columns := l.landing()
	err := l.drop(ctx, whole)
	if err == nil {
		err = Do(ctx, conn, warehouse.CreateTableAs{Target: whole, Query: l.union(live, names), Columns: columns})
	}
	if err == nil {
		err = l.exchange(ctx, whole, record)
	}
	if err != nil {
		return errors.Join(err, l.drop(ctx, whole))
	}
	return l.drop(ctx, l.staged)
}

// exchange publishes a table in place of the old one.
func (l *fileLanding) exchange(ctx context.Context, staged addr.Relation, record func(context.Context, warehouse.Conn) error) error {
	kept, err := publishKeeping(ctx, l.request, staged, l.step.Into, record)
	if err == nil && len(kept) > 0 {
		l.result.Diags.Add(stayed(l.step, kept))
	}
	return err
}

// union are the rows of other files, in the columns of now, and those that are staged.
func (l *fileLanding) union(live warehouse.Relation, names []string) string {
	d := l.request.Target.Dialect()
	var kept, fresh []string
	for _, c := range l.landing() {
		name := d.Ident(c.Name)
		fresh = append(fresh, name)
		if i := slices.IndexFunc(live.Columns, func(o warehouse.Column) bool { return strings.EqualFold(o.Name, c.Name) }); i >= 0 {
			kept = append(kept, d.Words().Cast(d.Ident(live.Columns[i].Name), c.Type)+" as "+name)
		} else {
			kept = append(kept, d.Words().Cast("null", c.Type)+" as "+name)
		}
	}
	sql := "select " + strings.Join(kept, ", ") + " from " + d.Quote(l.step.Into)
	for i, part := range slices.Collect(slices.Chunk(names, 500)) {
		sql += map[bool]string{true: " where ", false: " and "}[i == 0] + d.Ident(fileColumnName) + " not in (" + strings.Join(part, ", ") + ")"
	}
	return sql + " union all select " + strings.Join(fresh, ", ") + " from " + d.Quote(l.staged)
}
