package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/dbt"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// comparedTable is what was found of a table that dbt or the engine built.
type comparedTable struct {
	Table string `json:"table"`
	// Status is same, different, only dbt or only engine.
	Status  string   `json:"status"`
	Rows    int64    `json:"rows"` // of dbt's table
	Missing int64    `json:"missing"`
	Extra   int64    `json:"extra"`
	Columns []string `json:"columns,omitempty"` // what differs of columns
	LeftOut []string `json:"left_out,omitempty"`
}

type verifyDocument struct {
	Status string          `json:"status"`
	DBT    string          `json:"dbt"`
	Tables []comparedTable `json:"tables"`
}

const verifyFile = "verify.duckdb"

// verifyDBT builds the dbt project with dbt and with the engine, each in a copy with a DuckDB file
// of its own, and compares all tables.
func (a *app) verifyDBT(ctx context.Context, dir string, profiles *source.File, f importFlags) error {
	program, err := exec.LookPath(f.dbt)
	if err != nil {
		return mistake(diag.Diagnostic{Code: codeImport, Message: fmt.Sprintf("--verify needs dbt, and there is no %q", f.dbt), Help: "install dbt-core and dbt-duckdb, or name the program with --dbt", Cause: err})
	}
	if program, err = filepath.Abs(program); err != nil {
		return failure(plainError(err))
	}
	p, err := dbt.Import(os.DirFS(dir), dbt.Options{Profiles: profiles, Target: a.global.target})
	if err != nil {
		return a.unreadable(dir, err)
	}
	tmp, err := os.MkdirTemp("", "engine-verify-")
	if err != nil {
		return failure(fileWrong("make", "a temporary folder", err))
	}
	defer os.RemoveAll(tmp)
	theirs, ours := filepath.Join(tmp, "dbt"), filepath.Join(tmp, "engine")
	if err := copyFolder(theirs, dir); err != nil {
		return failure(plainError(err))
	}
	p.Schema = a.expanded(p.Schema)
	made, err := verifyProfile(p)
	if err != nil {
		return failure(plainError(err))
	}
	if err := os.WriteFile(filepath.Join(theirs, "profiles.yml"), made, 0o644); err != nil {
		return failure(plainError(err))
	}
	if p, err = dbt.Import(os.DirFS(theirs), dbt.Options{Profiles: source.NewFile("profiles.yml", made)}); err != nil {
		return failure(plainError(err))
	}
	if err := a.writeProject(ours, p); err != nil {
		return err
	}
	var trouble diag.List
	builds := 1
	if f.then != "" {
		builds = 2
	}
	for n := range builds {
		if n == 1 {
			for _, to := range []string{theirs, ours} {
				if err := copyFolder(to, a.absolute(f.then)); err != nil {
					return failure(plainError(err))
				}
			}
		}
		if err := a.dbtBuild(ctx, program, theirs, &trouble); err != nil {
			return err
		}
		if err := a.ownBuild(ctx, ours, &trouble); err != nil {
			return err
		}
	}
	tables, err := compareFiles(ctx, filepath.Join(theirs, verifyFile), filepath.Join(ours, verifyFile))
	if err != nil {
		return failure(diag.Diagnostic{Code: codeImport, Message: fmt.Sprintf("the tables could not be compared: %v", err), Cause: err})
	}
	return a.verified(program, p, tables, trouble)
}

var variable = regexp.MustCompile(`\$\{(\w+)(?::-([^}]*))?\}`)

// expanded puts the values of environment variables into a text, or their defaults.
func (a *app) expanded(s string) string {
	return variable.ReplaceAllStringFunc(s, func(ref string) string {
		part := variable.FindStringSubmatch(ref)
		if v, ok := a.env(part[1]); ok {
			return v
		}
		return part[2]
	})
}

// verifyProfile is a profiles.yml with a DuckDB file, under the names that the project asks for.
func verifyProfile(p *dbt.Project) ([]byte, error) {
	return yaml.Dump(map[string]any{p.Profile: map[string]any{
		"target": p.Target,
		"outputs": map[string]any{p.Target: map[string]any{
			"type": "duckdb", "path": verifyFile, "schema": p.Schema, "threads": 1,
			// Newer versions of DuckDB write files that the engine's cannot read, unless told.
			"config_options": map[string]any{"storage_compatibility_version": "v1.2.0"},
		}},
	}})
}

// copyFolder copies the files of a project, not what its builds left behind.
func copyFolder(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && rel != "." && slices.Contains([]string{"target", "logs", ".git", ".venv", "venv", "node_modules"}, d.Name()):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular(), rel == verifyFile, strings.HasSuffix(rel, ".duckdb.wal"):
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}

// tail is the end of what a program said.
func tail(out []byte, most int) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// dbtBuild runs dbt build. A node that fails is trouble, and what else was built is compared; it
// is an error where dbt could not begin.
func (a *app) dbtBuild(ctx context.Context, program, dir string, trouble *diag.List) error {
	cmd := exec.CommandContext(ctx, program, "--no-use-colors", "build", "--project-dir", dir, "--profiles-dir", dir)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(a.environ(), func(e string) bool { return strings.HasPrefix(e, "DBT_") && !strings.HasPrefix(e, "DBT_ENV_") })
	cmd.Env = append(cmd.Env, "DBT_SEND_ANONYMOUS_USAGE_STATS=false", "PYTHONUTF8=1")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		trouble.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeImport, Message: "dbt build failed at some nodes, whose tables may be missing:\n" + tail(out, 12)})
	default:
		return failure(diag.Diagnostic{Code: codeImport, Message: "dbt build could not be run:\n" + tail(out, 20), Cause: err})
	}
	return nil
}

// ownBuild runs engine build.
func (a *app) ownBuild(ctx context.Context, dir string, trouble *diag.List) error {
	var out bytes.Buffer
	child := &app{in: strings.NewReader(""), out: &out, err: &out, env: a.env, environ: a.environ, now: a.now, abort: a.abort, getwd: a.getwd, size: func() int { return 0 }, cpus: a.cpus, drivers: a.drivers}
	root := child.rootCommand()
	child.args = []string{"build", "--project-dir", dir}
	root.SetArgs(child.args)
	switch code := child.conclude(root.ExecuteContext(ctx)); {
	case ctx.Err() != nil:
		return ctx.Err()
	case code == exitFailed:
		trouble.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeImport, Message: "engine build failed at some nodes, whose tables may be missing:\n" + tail(out.Bytes(), 20)})
	case code != exitDone:
		return failure(diag.Diagnostic{Code: codeImport, Message: "the imported project cannot be built:\n" + tail(out.Bytes(), 40)})
	}
	return nil
}

// byClock are columns of snapshots that the clock decides.
var byClock = []string{"dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to"}

// comparedColumn is one of a table that is compared.
type comparedColumn struct{ name, kind string }

// widths are DuckDB's whole numbers. dbt infers 32 bits for those of seeds, the engine 64: the
// same numbers.
var widths = []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}

func compareFiles(ctx context.Context, theirs, ours string) ([]comparedTable, error) {
	if _, err := os.Stat(ours); err != nil {
		return nil, errors.New("engine build made no database")
	}
	c, err := duckFile{}.Open(ctx, warehouse.Config{Dir: filepath.Dir(ours), Fields: map[string]string{"path": ours}})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	lit := duckSQL{}.Literal
	if _, err := c.Exec(ctx, plainStatement("attach "+lit(theirs)+" as dbt_verify (read_only)")); err != nil {
		return nil, err
	}
	own, err := valuesOf(ctx, c, "select current_database()")
	if err != nil {
		return nil, err
	}
	engine := fmt.Sprint(own[0][0])
	a, err := comparedColumns(ctx, c, "dbt_verify")
	if err != nil {
		return nil, err
	}
	b, err := comparedColumns(ctx, c, engine)
	if err != nil {
		return nil, err
	}
	for table := range b {
		if strings.HasPrefix(table, `"_engine`) {
			delete(b, table) // the engine's own records
		}
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	var out []comparedTable
	for _, table := range slices.Sorted(maps.Keys(all)) {
		t := comparedTable{Table: strings.ReplaceAll(table, `"`, "")}
		switch {
		case a[table] == nil:
			t.Status = "only engine"
		case b[table] == nil:
			t.Status = "only dbt"
		default:
			if err := compareRows(ctx, c, &t, `dbt_verify.`+table, doubleQuoted(engine)+"."+table, a[table], b[table]); err != nil {
				return nil, err
			}
		}
		out = append(out, t)
	}
	return out, nil
}

func doubleQuoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func plainStatement(sql string) warehouse.Statement {
	return warehouse.Statement{SQL: sql, BodyEnd: len(sql)}
}

// comparedColumns are the columns of all tables and views of a database, in their order, by quoted name.
func comparedColumns(ctx context.Context, c warehouse.Conn, database string) (map[string][]comparedColumn, error) {
	rows, err := valuesOf(ctx, c, "select table_schema, table_name, column_name, data_type from information_schema.columns where table_catalog = "+duckSQL{}.Literal(database)+" order by 1, 2, ordinal_position")
	out := map[string][]comparedColumn{}
	for _, r := range rows {
		name := doubleQuoted(fmt.Sprint(r[0])) + "." + doubleQuoted(fmt.Sprint(r[1]))
		out[name] = append(out[name], comparedColumn{fmt.Sprint(r[2]), fmt.Sprint(r[3])})
	}
	return out, err
}

func valuesOf(ctx context.Context, c warehouse.Conn, sql string) (out [][]any, err error) {
	rows, err := c.Query(ctx, plainStatement(sql))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		out = append(out, slices.Clone(v))
	}
	return out, rows.Err()
}

// compareRows compares two tables: their columns in order, and their rows as multisets. Floating
// point numbers count as equal to 12 digits, for sums depend on the order of rows.
func compareRows(ctx context.Context, c warehouse.Conn, t *comparedTable, theirs, ours string, a, b []comparedColumn) error {
	names := func(list []comparedColumn) (out []string) {
		for _, c := range list {
			out = append(out, c.name)
		}
		return out
	}
	snapshot := slices.Contains(names(a), "dbt_scd_id") && slices.Contains(names(b), "dbt_scd_id")
	types := map[string]string{}
	for _, c := range b {
		types[c.name] = c.kind
	}
	var left, right []string
	for _, c := range a {
		kind, ok := types[c.name]
		name := doubleQuoted(c.name)
		if !ok {
			t.Columns = append(t.Columns, fmt.Sprintf("%s is missing", c.name))
			continue
		}
		if kind != c.kind && !(slices.Contains(widths, kind) && slices.Contains(widths, c.kind)) {
			t.Columns = append(t.Columns, fmt.Sprintf("%s is %s in dbt's table and %s in the engine's", c.name, c.kind, kind))
			left, right = append(left, "cast("+name+" as varchar)"), append(right, "cast("+name+" as varchar)")
			continue
		}
		switch {
		case snapshot && c.name == "dbt_valid_to":
			t.LeftOut = append(t.LeftOut, c.name)
			name += " is null" // but whether it ended is compared
		case snapshot && slices.Contains(byClock, c.name):
			t.LeftOut = append(t.LeftOut, c.name)
			continue
		case c.kind == "DOUBLE" || c.kind == "FLOAT":
			name = "printf('%.12g', cast(" + name + " as double))"
		}
		left, right = append(left, name), append(right, name)
	}
	have := names(a)
	for _, c := range b {
		if !slices.Contains(have, c.name) {
			t.Columns = append(t.Columns, fmt.Sprintf("%s is the engine's alone", c.name))
		}
	}
	if len(t.Columns) == 0 && !slices.Equal(have, names(b)) {
		t.Columns = append(t.Columns, "the order of columns differs")
	}
	if len(left) == 0 {
		left, right = []string{"1"}, []string{"1"}
	}
	x, y := "select "+strings.Join(left, ", ")+" from "+theirs, "select "+strings.Join(right, ", ")+" from "+ours
	found, err := valuesOf(ctx, c, fmt.Sprintf("select (select count(*) from %s), (select count(*) from (%s except all %s)), (select count(*) from (%s except all %s))", theirs, x, y, y, x))
	if err != nil {
		return fmt.Errorf("%s: %w", t.Table, err)
	}
	for i, to := range []*int64{&t.Rows, &t.Missing, &t.Extra} {
		n, ok := found[0][i].(int64)
		if !ok {
			return fmt.Errorf("%s: a count is %T", t.Table, found[0][i])
		}
		*to = n
	}
	t.Status = "same"
	if t.Missing+t.Extra > 0 || len(t.Columns) > 0 {
		t.Status = "different"
	}
	return nil
}

// verified shows what was found.
func (a *app) verified(program string, p *dbt.Project, tables []comparedTable, trouble diag.List) error {
	status, same := "same", 0
	for _, t := range tables {
		if t.Status == "same" {
			same++
		} else {
			status = "different"
		}
	}
	if len(trouble) > 0 || len(tables) == 0 {
		status = "different"
	}
	if wantsJSON(a.global.output) {
		if err := view.JSON(a.out, verifyDocument{Status: status, DBT: program, Tables: tables}); err != nil {
			return err
		}
		a.report(trouble, true)
	} else {
		a.report(p.Notes, false)
		a.report(trouble, false)
		var left bool
		for _, t := range tables {
			mark := "✓"
			if t.Status != "same" {
				mark = "✗"
			}
			line := fmt.Sprintf("%s %s: ", mark, t.Table)
			switch t.Status {
			case "same":
				line += counted(int(t.Rows), "row")
			case "different":
				var parts []string
				if t.Missing > 0 {
					parts = append(parts, counted(int(t.Missing), "row")+" of dbt's missing")
				}
				if t.Extra > 0 {
					parts = append(parts, counted(int(t.Extra), "row")+" too many")
				}
				line += strings.Join(append(parts, t.Columns...), "; ")
			default:
				line += t.Status + " has it"
			}
			if len(t.LeftOut) > 0 {
				left = true
				line += ", without " + strings.Join(t.LeftOut, ", ")
			}
			_, _ = fmt.Fprintln(a.out, line)
		}
		if left {
			_, _ = fmt.Fprintln(a.out, "of snapshots, what the clock decides is not compared; whether a row has ended is")
		}
		_, _ = fmt.Fprintf(a.out, "%d of %s the same\n", same, counted(len(tables), "table"))
	}
	if status != "same" {
		return reported(exitFailed)
	}
	return nil
}
