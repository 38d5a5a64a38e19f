package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/definition"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// comparison are the flags of commands that look at another state of the project.
type comparison struct {
	state   string // target or folder
	defers  bool
	deferTo string
	favor   bool
}

// stateFlag gives a command --state.
func (a *app) stateFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.compare.state, "state", "", "`target or folder` that state:, result: and source_status: compare with: a target of engine.yml, or a folder of artifacts of an earlier run; ENGINE_STATE does the same")
	must(cmd.RegisterFlagCompletionFunc("state", a.completeTarget))
}

// deferFlags gives a command --defer and what belongs to it.
func (a *app) deferFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&a.compare.defers, "defer", false, "read what is not selected, and not in this target, from the target of --state")
	f.StringVar(&a.compare.deferTo, "defer-to", "", "`target or folder` to read it from instead of that of --state")
	f.BoolVar(&a.compare.favor, "favor-state", false, "with --defer: read it from there although it is in this target")
	must(cmd.RegisterFlagCompletionFunc("defer-to", a.completeTarget))
}

// deferToFlag gives a command that always looks at another target --defer-to alone.
func (a *app) deferToFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.compare.deferTo, "defer-to", "", "`target` that relations are read from where --state is a folder that does not say which it is of")
	must(cmd.RegisterFlagCompletionFunc("defer-to", a.completeTarget))
}

// elsewhere is a target or a folder that the project is compared with.
type elsewhere struct {
	word   string // as the user wrote it
	target string // target of engine.yml; empty if it is not known which it was
	dir    string // folder of artifacts, empty for a target
	commit bool   // the word is a commit of git
	then   *definition.Set
	why    string // why there is no then
	// records are those of the target, read together with then.
	records map[addr.Node]state.Record
	read    bool // records are filled
}

// targets are the names of the project's targets.
func (s *session) targets() []string {
	var out []string
	for _, t := range s.project.Settings.Targets {
		out = append(out, t.Name)
	}
	return out
}

// from names it for people.
func (e *elsewhere) from() string {
	switch {
	case e.dir != "":
		return "folder " + e.word
	case e.commit:
		return "commit " + e.word
	}
	return "target " + e.word
}

// elsewhere finds out what a word of --state means and reads its definitions.
func (s *session) elsewhere(ctx context.Context, flag, word string) (*elsewhere, error) {
	if e := s.past[word]; e != nil {
		return e, nil
	}
	e := &elsewhere{word: word}
	if slices.Contains(s.targets(), word) {
		e.target = word
		if err := s.remember(ctx, e); err != nil {
			return nil, err
		}
	} else {
		dir := word
		if !filepath.IsAbs(dir) {
			wd, err := s.app.getwd()
			if err != nil {
				return nil, mistake(fileWrong("find the current folder", ".", err))
			}
			dir = filepath.Join(wd, dir)
		}
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() {
			return nil, mistake(stateUnknown(flag, word, s.targets()))
		}
		e.dir = dir
		set, err := artifact.Definitions(dir, s.program)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			e.why = "the folder has neither " + artifact.StateFile + " nor manifest.json"
		case err != nil:
			return nil, mistake(stateUnreadable(e.from(), err))
		default:
			e.then, e.target = set, set.Target
			if e.target == "" && slices.Contains(s.targets(), s.app.compare.deferTo) {
				e.target = s.app.compare.deferTo
			}
			if set.Partial != "" {
				s.warnings.Add(statePartial(e.from(), set.Partial))
			}
		}
	}
	if s.past == nil {
		s.past = map[string]*elsewhere{}
	}
	s.past[word] = e
	return e, nil
}

// other are the options that open another target of the project.
func (s *session) other(target string) engine.Options {
	o := s.options
	o.Target, o.Place, o.Attach, o.SchemaSuffix = target, nil, nil, ""
	return o
}

// readOther opens the target that the options name for reading only, where its driver can.
// One on which nothing was built is a failure with the code codeNotBuilt.
func (s *session) readOther(ctx context.Context, o engine.Options) (warehouse.Conn, error) {
	cfg, driver, found := engine.TargetConfig(s.project, o)
	if found.HasErrors() {
		return nil, &mistakes{found, exitMistake}
	}
	if slices.ContainsFunc(driver.Fields(), func(f warehouse.Field) bool { return f.Name == "read_only" }) && cfg.Fields["path"] != ":memory:" {
		cfg.Fields["read_only"] = "true"
	}
	name := cmp.Or(o.Target, s.program.Target.Name)
	conn, err := driver.Open(ctx, cfg)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return nil, failure(nothingBuilt(name, err))
	}
	return nil, failure(openRefused(name, err))
}

// scopeOf is whose records a target keeps.
func (s *session) scopeOf(target string) (state.Scope, error) {
	settings, found := s.project.Settings.Target(target, s.app.env)
	if found.HasErrors() {
		return state.Scope{}, &mistakes{found, exitMistake}
	}
	return state.Scope{Database: settings.Database.V, Project: s.project.Settings.Name.V, Schema: settings.Schema.V}, nil
}

// remember reads what another target says of itself: definitions and records. A target on
// which nothing was built has neither.
func (s *session) remember(ctx context.Context, e *elsewhere) error {
	e.read = true
	scope, err := s.scopeOf(e.target)
	if err != nil {
		return err
	}
	conn, err := s.readOther(ctx, s.other(e.target))
	if err != nil {
		var known *mistakes
		if errors.As(err, &known) && len(known.list) == 1 && known.list[0].Code == codeNotBuilt {
			e.why = "nothing has been built there yet"
			return nil
		}
		return err
	}
	defer conn.Close()
	ctx = warehouse.WithJob(ctx, warehouse.Job{Project: scope.Project, Target: e.target})
	snapshot, err := state.Read(ctx, conn, scope, nil)
	if err != nil {
		return fmt.Errorf("read the state of target %s: %w", e.target, err)
	}
	e.records = snapshot.Nodes
	if e.then, _, err = state.ReadProject(ctx, conn, scope); err != nil {
		return fmt.Errorf("read the state of target %s: %w", e.target, err)
	}
	if e.then == nil {
		e.why = "its last build kept no definitions; build it once with this version of the engine"
	}
	return nil
}

// recall reads the records of the target that a folder is of: the folder says what the
// project was, the target what is there.
func (s *session) recall(ctx context.Context, e *elsewhere) error {
	if e.read {
		return nil
	}
	then, why := e.then, e.why
	if err := s.remember(ctx, e); err != nil {
		return err
	}
	if then != nil {
		e.then, e.why = then, why
	}
	return nil
}

// compared is what --state says a selection is compared with, nil without the flag.
func (s *session) compared(ctx context.Context, q lineage.Query) (*lineage.Past, error) {
	word := s.app.compare.state
	if word == "" || !q.NeedsPast(s.project) {
		return nil, nil
	}
	e, err := s.elsewhere(ctx, "--state", word)
	if err != nil {
		return nil, err
	}
	p := &lineage.Past{From: e.from(), Then: e.then, NoDefinitions: e.why}
	if p.Now, err = s.present(e); err != nil {
		return nil, err
	}
	if p.Results, p.NoResults, err = s.pastResults(e); err != nil {
		return nil, err
	}
	if p.Fresher, p.NoSources, err = s.pastSources(e); err != nil {
		return nil, err
	}
	return p, nil
}

// present are the definitions of the program as it is now, in the words of what they are
// compared with.
func (s *session) present(e *elsewhere) (*definition.Set, error) {
	own := s.definitions()
	if e.then == nil || !e.then.Manifest {
		return own, nil
	}
	now, err := artifact.Present(s.program, e.then, own)
	if err != nil {
		return nil, failure(plainError(err))
	}
	return now, nil
}

// definitions are those of the program as it is now.
func (s *session) definitions() *definition.Set { return definition.Of(s.program, identity()) }

// pastResults are the outcomes of the last run: those in the folder, or those that this
// machine has of the target's last run.
func (s *session) pastResults(e *elsewhere) (map[addr.Node][]string, string, error) {
	dir := cmp.Or(e.dir, s.target())
	path := filepath.Join(dir, "run_results.json")
	last, err := artifact.ReadRunResults(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.dir == "":
		return nil, "a target keeps no results of single nodes; name the folder of that run (it has run_results.json)", nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, "the folder has no run_results.json", nil
	case err != nil:
		return nil, "", mistake(stateUnreadable(e.from(), err))
	}
	if of, _ := last.Args["target"].(string); e.dir == "" && of != e.target {
		return nil, fmt.Sprintf("the last run on this machine was on target %q; name the folder of the run that you mean", of), nil
	}
	return last.Statuses(s.program), "", nil
}

// pastSources are the sources with newer rows than when the folder's sources.json was written.
func (s *session) pastSources(e *elsewhere) (map[addr.Node]bool, string, error) {
	if e.dir == "" {
		return nil, "a target keeps no sources.json; name the folder of an earlier engine freshness", nil
	}
	before, err := artifact.Newest(filepath.Join(e.dir, "sources.json"), s.program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "the folder has no sources.json; engine freshness writes it", nil
	case err != nil:
		return nil, "", mistake(stateUnreadable(e.from(), err))
	}
	now, err := artifact.Newest(filepath.Join(s.target(), "sources.json"), s.program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "there is no sources.json of today; run engine freshness first", nil
	case err != nil:
		return nil, "", mistake(stateUnreadable("target folder", err))
	}
	fresher := map[addr.Node]bool{}
	for n, at := range now {
		if then, had := before[n]; !had || at.After(then) {
			fresher[n] = true
		}
	}
	return fresher, "", nil
}

// writeState writes down what the project says its nodes are: in the folder of artifacts.
// It gives the definitions and their hash.
func (s *session) writeState() (*definition.Set, string, error) {
	set := s.definitions()
	data, hash, err := set.Encode()
	if err != nil {
		return nil, "", err
	}
	return set, hash, artifact.Write(s.target(), artifact.StateFile, data)
}

// publishedFile says which definitions this machine knows to be in a target: scope and hash.
const publishedFile = "published"

// publishState writes the definitions of what a run has brought up to date into the target,
// for those who compare with it. What was not selected, or failed, stays what it was. After
// a run that had nothing to do, what this machine wrote last is taken to be there still:
// whoever built something else since would have left something to do.
func (s *session) publishState(ctx context.Context, conn warehouse.Conn, r *run.Result, set *definition.Set, hash string, current func(addr.Node) bool) error {
	note := []byte(s.program.Target.Name + " " + s.scope().String() + " " + hash + "\n")
	path := filepath.Join(s.target(), publishedFile)
	if known, err := os.ReadFile(path); err == nil && bytes.Equal(known, note) && len(r.Plan.Actions) == 0 {
		return nil
	}
	there, err := state.ProjectHash(ctx, conn, s.scope())
	if err != nil {
		return err
	}
	if there == hash {
		return artifact.Write(s.target(), publishedFile, note)
	}
	before, _, err := state.ReadProject(ctx, conn, s.scope())
	if err != nil {
		return err
	}
	merged := *set
	merged.Nodes = make(map[addr.Node]definition.Node, len(set.Nodes))
	for id, d := range set.Nodes {
		switch {
		case current(id):
			merged.Nodes[id] = d
		case before != nil:
			if old, had := before.Nodes[id]; had {
				merged.Nodes[id] = old
			}
		}
	}
	return state.WriteProject(ctx, conn, s.scope(), r.RunID, s.app.now(), &merged, there)
}

func stateUnknown(flag, word string, targets []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("%s %q is no target of engine.yml and no folder", flag, word), Help: "name a target, or a folder with the artifacts of an earlier run (" + artifact.StateFile + ")"}
	if near, ok := diag.Suggest(word, targets); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func stateUnreadable(from string, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeState, Message: fmt.Sprintf("the state of %s cannot be read: %v", from, rootCause(err)), Help: "let a build with this version of the engine write it anew", Cause: err}
}

func statePartial(from, why string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeState, Message: fmt.Sprintf("less is compared with %s than could be: %s", from, why), Help: "keep target/" + artifact.StateFile + " of the run, too"}
}
