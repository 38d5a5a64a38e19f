package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	cache "github.com/engine-build/engine/internal/kept"
)

// finding is what one check of engine doctor has come to.
type finding struct {
	Part   string `json:"part"` // machine, project, target
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warn, fail
	Found  string `json:"found"`
	Fix    string `json:"fix,omitempty"`
}

// The words of findings.
const (
	statusFine  = "ok"
	statusDoubt = "warn"
	statusFail  = "fail"

	partMachine = "machine"
	partProject = "project"
	partTarget  = "target"
)

// doctor is one engine doctor.
type doctor struct {
	app   *app
	write bool
	found []finding
	show  func(finding)
}

// doctored is the answer of engine doctor for programs.
type doctored struct {
	Status   string    `json:"status"` // ok, warn, fail: the worst of all
	Findings []finding `json:"findings"`
}

func (a *app) doctorCommand() *cobra.Command {
	var write bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "check the machine, the project and the target",
		Long: text(`
Looks at what a build needs, and says of each thing whether it is right, and how to mend it if
not: engine.yml and the project's files, the variables of the environment that targets name
(never their values), the target's connection, its version, its clock and who is at work in it,
the tables with the state, what killed runs left, room on the disk, what is kept in the target
folder, and whether git leaves that out.

Nothing is changed. With --write it also makes a table in the target's schema and drops it, to
see whether it may; a schema, or the file of an embedded database, that is not there yet is made
for that, and stays. With mistakes in engine.yml the target is not opened.

Exit code 0 if nothing fails, warnings or not; 2 if the project or its settings do; 1 if the
machine or the target do.`),
		Example: `  engine doctor
  engine doctor --target prod --write
  engine doctor -o json`,
		Args: unexpected,
	}
	cmd.Flags().BoolVar(&write, "write", false, "make a table in the target's schema, and the schema if there is none, and drop the table")
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		d := &doctor{app: a, write: write, show: func(finding) {}}
		if !wantsJSON(a.global.output) {
			d.show = d.line()
		}
		if err := d.examine(cmd.Context()); err != nil {
			return err
		}
		return d.conclude()
	}
	return cmd
}

// line shows findings as they are made.
func (d *doctor) line() func(finding) {
	screen, part := d.app.outScreen(), ""
	marks := map[string]run.Status{statusFine: run.Done, statusDoubt: run.Warned, statusFail: run.Failed}
	return func(f finding) {
		if screen.Quiet && f.Status == statusFine {
			return
		}
		var b strings.Builder
		if f.Part != part {
			part = f.Part
			b.WriteString(screen.Paint(view.Bold, part) + "\n")
		}
		fmt.Fprintf(&b, "  %s %-12s %s\n", screen.Mark(marks[f.Status]), f.Check, f.Found)
		if f.Fix != "" {
			b.WriteString("     " + screen.Paint(view.Dim, "fix: ") + f.Fix + "\n")
		}
		_, _ = io.WriteString(d.app.out, b.String())
	}
}

func (d *doctor) add(part, check, status, found, fix string) {
	f := finding{part, check, status, strings.ReplaceAll(found, "\n", "; "), fix}
	d.found = append(d.found, f)
	d.show(f)
}

// wrong adds the first mistakes of a list.
func (d *doctor) wrong(part, check string, l diag.List) {
	n := 0
	for _, x := range l {
		if severe(x) {
			if n++; n <= 3 {
				d.add(part, check, statusFail, x.Line(), x.Help)
			}
		}
	}
	if n > 3 {
		d.add(part, check, statusFail, fmt.Sprintf("%d mistakes more", n-3), "engine check shows them")
	}
}

func (d *doctor) conclude() error {
	worst, code := statusFine, exitDone
	for _, f := range d.found {
		switch {
		case f.Status == statusFail && (f.Part == partProject || code == exitMistake):
			worst, code = statusFail, exitMistake
		case f.Status == statusFail:
			worst, code = statusFail, exitFailed
		case f.Status == statusDoubt && worst == statusFine:
			worst = statusDoubt
		}
	}
	if wantsJSON(d.app.global.output) {
		if err := view.JSON(d.app.out, doctored{worst, d.found}); err != nil {
			return err
		}
	} else if !d.app.global.quiet {
		count := map[string]int{}
		for _, f := range d.found {
			count[f.Status]++
		}
		_, _ = fmt.Fprintf(d.app.out, "%s, %s, %d fail\n", counted(count[statusFine], "check")+" right", counted(count[statusDoubt], "warning"), count[statusFail])
	}
	if code != exitDone {
		return reported(code)
	}
	return nil
}

// examine does all checks that what was found before leaves room for.
func (d *doctor) examine(ctx context.Context) error {
	a := d.app
	d.machine()
	s, err := a.load()
	var known *mistakes
	switch {
	case asMistakes(err, &known):
		d.wrong(partProject, "engine.yml", known.list)
		return nil
	case err != nil:
		return err
	}
	// A target that could not be read has been replaced by a default, which nobody means.
	broken := len(s.settingsWrong()) > 0
	d.project(ctx, s)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if broken {
		return nil
	}
	d.target(ctx, s)
	return ctx.Err()
}

func (d *doctor) machine() {
	a := d.app
	d.add(partMachine, "engine", statusFine, fmt.Sprintf("%s, %s, %s/%s, %s", versionText(), goText(), runtime.GOOS, runtime.GOARCH, counted(a.cpus, "core")), "")
	screen := a.outScreen()
	switch {
	case !a.outTTY:
		d.add(partMachine, "terminal", statusFine, "none: plain lines", "")
	case !screen.Live:
		d.add(partMachine, "terminal", statusDoubt, "TERM is dumb: no live view", "export TERM=xterm-256color, if the terminal understands it")
	case !screen.Unicode:
		d.add(partMachine, "terminal", statusDoubt, fmt.Sprintf("%d columns, no UTF-8 in LC_ALL, LC_CTYPE or LANG: signs are ASCII", screen.Width), "export LANG=C.UTF-8")
	default:
		d.add(partMachine, "terminal", statusFine, fmt.Sprintf("%d columns, UTF-8, colours %v", screen.Width, screen.Color), "")
	}
}

const (
	littleRoom = 1 << 30   // bytes
	noRoom     = 100 << 20 // bytes
)

// room looks at the disk below a folder that may not be there yet.
func (d *doctor) room(check, dir string) {
	dir = there(dir)
	free, ok := freeSpace(dir)
	if !ok {
		return
	}
	text := warehouse.FormatSize(int64(min(free, 1<<62))) + " free at " + d.app.shown(dir)
	switch {
	case free < noRoom:
		d.add(partMachine, check, statusFail, text, "make room, or set target-path or the target's path to another disk")
	case free < littleRoom:
		d.add(partMachine, check, statusDoubt, text, "make room: DuckDB puts what does not fit into memory there, too")
	default:
		d.add(partMachine, check, statusFine, text, "")
	}
}

// there is a folder, or the nearest one above it that is there.
func there(dir string) string {
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// otherDisk reports whether two folders have different room.
func otherDisk(a, b string) bool {
	x, _ := freeSpace(there(a))
	y, _ := freeSpace(there(b))
	return max(x, y)-min(x, y) > littleRoom/16
}

func (d *doctor) project(ctx context.Context, s *session) {
	d.room("disk", s.target())
	if f := s.databaseFile(); f != "" && otherDisk(s.target(), filepath.Dir(f)) {
		d.room("disk", filepath.Dir(f))
	}
	d.caches(s) // before the check makes them whole
	p := s.project
	errs := diag.List{}
	for _, x := range s.warnings {
		if severe(x) {
			errs.Add(x)
		}
	}
	if len(errs) > 0 {
		d.wrong(partProject, "files", errs)
	} else {
		d.add(partProject, "files", statusFine, fmt.Sprintf("%s: %s, %s, %s", p.Settings.Name.V, counted(len(p.Models), "model"), counted(len(p.Seeds), "seed"), counted(len(p.Snapshots), "snapshot")), "")
		s.options.SkipTests = false
		if err := s.compile(ctx); err != nil && ctx.Err() == nil {
			d.add(partProject, "check", statusFail, fmt.Sprintf("%s, the first one: %s", view.Mistakes(s.warnings), firstSevere(s.warnings)), "engine check shows all of them in their places")
		} else if err == nil {
			d.add(partProject, "check", statusFine, "every reference and query binds", "")
		}
	}
	d.variables(s)
	d.ignored(ctx, s)
}

func firstSevere(l diag.List) string {
	for _, x := range l {
		if severe(x) {
			return x.Line()
		}
	}
	return ""
}

var interpolated = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}`)

// variables looks for those that targets and connections name: by name only.
func (d *doctor) variables(s *session) {
	file := s.project.Settings.File
	if file == nil {
		return
	}
	missing := map[string]bool{}
	n := 0
	for _, m := range interpolated.FindAllStringSubmatch(string(uncommented(file.Data)), -1) {
		n++
		if v, ok := s.app.env(m[1]); (!ok || v == "") && m[2] == "" {
			missing[m[1]] = true
		}
	}
	_, found := s.project.Settings.Target(s.options.Target, s.app.env)
	needed := ""
	for _, x := range found {
		needed += x.Message
	}
	switch names := slices.Sorted(maps.Keys(missing)); {
	case n == 0:
	case len(names) == 0:
		d.add(partProject, "variables", statusFine, "all that engine.yml names are set", "")
	default:
		for _, name := range names {
			if strings.Contains(needed, strconv.Quote(name)) {
				d.add(partProject, "variables", statusFail, name+" is not set, and the target needs it", "export "+name+"=…")
				continue
			}
			d.add(partProject, "variables", statusDoubt, name+" is not set; another target or connection names it", "export "+name+"=…, before that is used")
		}
	}
}

// uncommented is a text of YAML without lines that are comments.
func uncommented(text []byte) []byte {
	var out []byte
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			out = append(out, line...)
		}
	}
	return out
}

// ignored asks git whether it leaves the target folder out.
func (d *doctor) ignored(ctx context.Context, s *session) {
	git, err := exec.LookPath("git")
	if err != nil {
		return
	}
	if exec.CommandContext(ctx, git, "-C", s.dir, "rev-parse", "--is-inside-work-tree").Run() != nil {
		return // no repository
	}
	rel, err := filepath.Rel(s.dir, s.target())
	if err != nil || strings.HasPrefix(rel, "..") {
		return
	}
	rel = filepath.ToSlash(rel)
	if exec.CommandContext(ctx, git, "-C", s.dir, "check-ignore", "-q", rel+"/run_results.json").Run() == nil {
		d.add(partProject, "git", statusFine, rel+"/ is ignored", "")
		return
	}
	if out, err := exec.CommandContext(ctx, git, "-C", s.dir, "ls-files", "--", rel).Output(); err == nil && len(out) > 0 {
		d.add(partProject, "git", statusDoubt, fmt.Sprintf("%s of %s/ are committed", counted(strings.Count(string(out), "\n"), "file"), rel), fmt.Sprintf("git rm -r --cached %s && echo '%s/' >> .gitignore", rel, rel))
		return
	}
	d.add(partProject, "git", statusDoubt, rel+"/ is not ignored, and holds data", fmt.Sprintf("echo '%s/' >> .gitignore", rel))
}

// caches looks at what is kept in the target folder.
func (d *doctor) caches(s *session) {
	path := filepath.Join(s.target(), "analysis.kept")
	switch size, whole, err := cache.Look(path); {
	case errors.Is(err, os.ErrNotExist):
		d.add(partProject, "cache", statusFine, "nothing is kept yet", "")
	case err != nil:
		d.add(partProject, "cache", statusDoubt, rootCause(err).Error(), "look at the rights of "+s.app.shown(path))
	case !whole:
		d.add(partProject, "cache", statusDoubt, fmt.Sprintf("%s, %s, is not whole: what is broken is found out anew", s.app.shown(path), warehouse.FormatSize(size)), "nothing, or remove the file")
	default:
		d.add(partProject, "cache", statusFine, fmt.Sprintf("%s, %s", s.app.shown(path), warehouse.FormatSize(size)), "")
	}
	crashes, err := filepath.Glob(filepath.Join(s.target(), "engine-crash-*.txt"))
	if err == nil && len(crashes) > 0 {
		d.add(partProject, "crashes", statusDoubt, counted(len(crashes), "report")+" of mistakes of the engine, the last one "+s.app.shown(crashes[len(crashes)-1]), "please report it, and remove the files")
	}
}

// trial is what a connection says of itself.
type trial struct {
	took    time.Duration // to open it and to answer select 1
	version string        // empty: it does not say
	skew    time.Duration // its clock minus ours
	clock   bool          // whether that is known
}

// tryConnection opens a target, asks it for select 1, and hands it on. The caller closes it.
func (a *app) tryConnection(ctx context.Context, driver warehouse.Driver, cfg warehouse.Config) (warehouse.Conn, trial, error) {
	var t trial
	start := a.now()
	conn, err := driver.Open(ctx, cfg)
	if err != nil {
		return nil, t, err
	}
	if _, err = readRows(ctx, conn, warehouse.Statement{SQL: "select 1"}, 1); err != nil {
		return nil, t, errors.Join(err, conn.Close())
	}
	t.took = a.now().Sub(start)
	return conn, t, nil
}

// ask fills in what the connection says of its version and its clock. Not every warehouse does.
func (a *app) ask(ctx context.Context, conn warehouse.Conn, t *trial) {
	if rows, err := readRows(ctx, conn, warehouse.Statement{SQL: "select version()"}, 1); err == nil && len(rows.Values) == 1 {
		t.version, _, _ = strings.Cut(fmt.Sprint(rows.Values[0][0]), " on ")
	}
	before := a.now()
	rows, err := readRows(ctx, conn, warehouse.Statement{SQL: "select current_timestamp"}, 1)
	after := a.now()
	if err == nil && len(rows.Values) == 1 {
		if at, ok := rows.Values[0][0].(time.Time); ok {
			t.skew, t.clock = at.Sub(before.Add(after.Sub(before)/2)), true
		}
	}
}

// clockDoubt is how far the clock of a warehouse may be from ours before somebody should look:
// sessions and tokens expire by one and are made by the other.
const clockDoubt = 30 * time.Second

func (d *doctor) target(ctx context.Context, s *session) {
	a := d.app
	settings, found := s.project.Settings.Target(s.options.Target, a.env)
	if found.HasErrors() {
		d.wrong(partProject, "target", found)
		return
	}
	cfg, driver, found := engine.TargetConfig(s.project, s.options)
	if found.HasErrors() {
		d.wrong(partProject, "target", found)
		return
	}
	d.add(partTarget, "settings", statusFine, fmt.Sprintf("%s, type %s, schema %s", settings.Name, settings.Type.V, settings.Schema.V), "")
	file := s.databaseFile()
	if file != "" {
		// To look makes nothing: a file that is not there yet is no mistake.
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) && !d.write {
			d.add(partTarget, "connection", statusFine, a.shown(file)+" is not there yet: the first build makes it", "")
			return
		}
	}
	conn, t, err := a.tryConnection(ctx, driver, cfg)
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		x := openRefused(settings.Name, err)
		text := x.Message
		if len(x.Notes) > 0 {
			text += " (" + strings.Join(x.Notes, "; ") + ")"
		}
		d.add(partTarget, "connection", statusFail, text, x.Help)
		return
	}
	defer conn.Close()
	a.ask(ctx, conn, &t)
	d.add(partTarget, "connection", statusFine, "opened and answered select 1 in "+view.Seconds(t.took), "")
	if t.version != "" {
		d.add(partTarget, "version", statusFine, t.version, "")
	}
	if t.clock {
		text := "the target's clock is " + view.Seconds(t.skew.Abs()) + " "
		switch {
		case t.skew.Abs() < time.Second:
			d.add(partTarget, "clock", statusFine, "the target's clock agrees", "")
		case t.skew.Abs() < clockDoubt:
			d.add(partTarget, "clock", statusFine, text+beforeOrBehind(t.skew), "")
		default:
			d.add(partTarget, "clock", statusDoubt, text+beforeOrBehind(t.skew), "let both machines ask a time server: timedatectl set-ntp true")
		}
	}
	if s.program == nil {
		return
	}
	d.tables(ctx, s, conn)
	d.leases(ctx, s, conn)
	d.leftovers(ctx, s, conn)
	if d.write {
		d.rights(ctx, s, conn)
	}
}

func beforeOrBehind(skew time.Duration) string {
	if skew > 0 {
		return "ahead of this machine's"
	}
	return "behind this machine's"
}

// tables looks at those with the state.
func (d *doctor) tables(ctx context.Context, s *session, conn warehouse.Conn) {
	have, err := state.Look(ctx, conn, s.program.Target.Database)
	if err != nil {
		d.add(partTarget, "state", statusFail, err.Error(), "look at the rights on schema "+state.Schema)
		return
	}
	switch missing := have.Missing(conn.Dialect(), s.program.Target.Database); {
	case len(have) == 0:
		d.add(partTarget, "state", statusFine, "nothing was built yet", "")
	case len(missing) > 0:
		d.add(partTarget, "state", statusDoubt, fmt.Sprintf("the tables of schema %s are those of an earlier engine, or not whole", state.Schema), "the next build brings them up to date")
	default:
		d.add(partTarget, "state", statusFine, counted(len(have), "table")+" in schema "+state.Schema, "")
	}
}

// leases says who is at work.
func (d *doctor) leases(ctx context.Context, s *session, conn warehouse.Conn) {
	l, err := run.Holding(ctx, conn, s.scope())
	switch {
	case err != nil:
		d.add(partTarget, "lease", statusFail, err.Error(), "look at the rights on schema "+state.Schema)
	case l == nil:
		d.add(partTarget, "lease", statusFine, "nobody builds", "")
	case l.Expired || d.app.gone(l.Holder):
		d.add(partTarget, "lease", statusDoubt, fmt.Sprintf("run %s of %s did not end; its lease is over, or its process is", l.Holder.Run, l.Holder.Who()), "the next build takes it and removes what it left")
	default:
		d.add(partTarget, "lease", statusFine, fmt.Sprintf("run %s of %s builds since %s, last heartbeat %s ago", l.Holder.Run, l.Holder.Who(), moment(l.Holder.Start), view.Seconds(max(l.Now.Sub(l.Renewed), 0))), "")
	}
}

// leftovers looks for what killed runs have left.
func (d *doctor) leftovers(ctx context.Context, s *session, conn warehouse.Conn) {
	snapshot, err := engine.Snapshot(ctx, s.program, conn)
	if err != nil {
		d.add(partTarget, "leftovers", statusFail, err.Error(), "")
		return
	}
	p, _ := plan.Make(s.program, snapshot, plan.Selection{})
	if n := len(snapshot.Publishing); n > 0 {
		d.add(partTarget, "leftovers", statusDoubt, counted(n, "publication")+" was begun and has not ended", "the next build completes it")
	}
	if n := len(p.Orphans); n > 0 {
		d.add(partTarget, "leftovers", statusDoubt, fmt.Sprintf("%s of a run that did not end, or of one that is at work, as %s", counted(n, "staging object"), p.Orphans[0].Relation), "the next build removes them")
	} else if len(snapshot.Publishing) == 0 {
		d.add(partTarget, "leftovers", statusFine, "none", "")
	}
}

// rights makes a table and drops it.
func (d *doctor) rights(ctx context.Context, s *session, conn warehouse.Conn) {
	t := s.program.Target
	rel := addr.Relation{Database: t.Database, Schema: t.Schema, Name: "_engine_doctor_" + strings.ToLower(strings.ReplaceAll(newRunID(d.app.now()), "-", "_"))}
	ctx = context.WithoutCancel(ctx) // what was made is dropped
	do := func(ops ...warehouse.Op) error {
		for _, op := range ops {
			stmts, err := conn.Dialect().Render(op)
			if err != nil {
				return err
			}
			for _, stmt := range stmts {
				if _, err := conn.Exec(ctx, stmt); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := do(warehouse.CreateSchema{Database: t.Database, Schema: t.Schema}, warehouse.CreateTable{Target: rel, Columns: []warehouse.Column{{Name: "x", Type: conn.Dialect().Words().Text(), Nullable: true}}})
	if err != nil {
		d.add(partTarget, "rights", statusFail, "a table cannot be made: "+rootCause(err).Error(), "grant the right to create schemas and tables to whom the target connects as")
		return
	}
	if err := do(warehouse.Drop{Relation: rel, Kind: warehouse.Table}); err != nil {
		d.add(partTarget, "rights", statusFail, fmt.Sprintf("table %s was made and cannot be dropped: %v", rel, rootCause(err)), "drop it, and grant the right to")
		return
	}
	d.add(partTarget, "rights", statusFine, "a table was made in schema "+t.Schema+" and dropped", "")
}
