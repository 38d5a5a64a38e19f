package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-json"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/atomicfile"
	"github.com/engine-build/engine/lineage"
)

const (
	codePlanFile    diag.Code = "plan-file"
	codePlanSecrets diag.Code = "plan-secrets"
	codePlanData    diag.Code = "plan-new-data"
)

// planCodes are those of plans in files; what is wrong with their content is plan's.
var planCodes = []diag.Entry{
	{Code: codePlanFile, Title: "a file that holds no plan to apply", Explain: "engine build --plan reads what engine plan --out wrote, whole and unchanged. What is to be built was chosen when the plan was made; flags that choose have no place beside it.", Bad: "engine plan -o json > plan.json; engine build --plan plan.json", Good: "engine plan --out plan.json; engine build --plan plan.json"},
	{Code: codePlanSecrets, Title: "a plan with values of environment variables", Explain: "The statements of a plan are as the warehouse gets them. Where a model or a hook uses env_var, its value is among them, so that only you can read the file.", Bad: "select '{{ env_var \"TOKEN\" }}' as token", Good: "a secret that the warehouse keeps itself"},
	{Code: codePlanData, Title: "new data since the plan was made", Explain: "A source has other rows than when the plan was made. The plan does what it says all the same, on the rows that are there now.", Bad: "", Good: ""},
}

// environment is the world's variables; it remembers which of them the project asked for.
type environment struct {
	of    func(string) (string, bool)
	mu    sync.Mutex
	asked map[string]string
}

func (e *environment) get(name string) (string, bool) {
	v, ok := e.of(name)
	if ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.asked == nil {
			e.asked = map[string]string{}
		}
		e.asked[name] = v
	}
	return v, ok
}

// shortValue is the length below which the value of a variable is not looked for: it would be found
// everywhere.
const shortValue = 4

// in names the variables whose values stand in a JSON text, sorted.
func (e *environment) in(text []byte) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for name, v := range e.asked {
		if len(v) < shortValue {
			continue
		}
		escaped, _ := json.Marshal(v) // a string
		if bytes.Contains(text, escaped[1:len(escaped)-1]) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// planFlag is --plan of the commands that build.
func planFlag(cmd *cobra.Command, r *runFlags) {
	cmd.Flags().StringVar(&r.planFile, "plan", "", "do just what this `file` says, which engine plan --out wrote")
	must(cmd.MarkFlagFilename("plan", "json"))
}

// notBeside are the flags that a plan in a file has no room for: it says it all.
func notBeside(cmd *cobra.Command, args []string) error {
	allowed := []string{"plan", "jobs", "output", "fail-fast", "no-catalog", "max-bytes", "max-cost", "allow-unknown-cost", "wait", "steal", "deadline", "timing", "junit"}
	wrong := ""
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed && wrong == "" && !slices.Contains(allowed, f.Name) {
			wrong = "--" + f.Name
		}
	})
	if wrong == "" && len(args) > 0 {
		wrong = fmt.Sprintf("%q", args[0])
	}
	if wrong == "" {
		return nil
	}
	return mistake(diag.Diagnostic{Code: codePlanFile, Message: fmt.Sprintf("--plan says all that is done, so there is nothing for %s to choose", wrong), Help: "leave it out, or make another plan with it: engine plan --out FILE"})
}

// seal keeps a plan in a file, with all that it relies on.
func (s *session) seal(path string, made surveyed, q lineage.Query) error {
	if len(made.selection.Deferred) > 0 {
		return mistake(diag.Diagnostic{Code: "plan-foreign", Message: "a plan that reads parents from another target is not kept in a file", Help: "leave out --defer, or leave out --out"})
	}
	sel := made.selection
	sealed := &plan.Sealed{
		Engine: versionText(), Build: identity(), Made: s.app.now().UTC(), Target: plan.TargetOf(s.program), Vars: s.options.Vars, Selects: q.Select, Excludes: q.Exclude,
		Publish: s.publishing.how, Release: s.publishing.release, Selection: sel,
		World: plan.WorldOf(made.plan, s.program, made.snapshot, sel), Plan: made.plan,
	}
	bare, err := made.plan.JSON()
	if err != nil {
		return err
	}
	sealed.Secrets = s.environment.in(bare)
	data, err := sealed.Encode()
	if err != nil {
		return err
	}
	write := atomicfile.Write
	if len(sealed.Secrets) > 0 {
		write = writeSecret
	}
	if err := write(path, data); err != nil {
		return failure(fileWrong("write", s.app.shown(path), err))
	}
	if len(sealed.Secrets) > 0 {
		s.app.report(diag.List{{
			Severity: diag.Warning, Code: codePlanSecrets, Message: fmt.Sprintf("the plan holds the values of %s: only you can read the file", strings.Join(sealed.Secrets, ", ")),
			Help: "delete the file when the plan was applied",
		}}, false)
	}
	return nil
}

// writeSecret writes a file that nobody else can read, at no moment.
func writeSecret(path string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // closed already, or the first error says why
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// unseal reads a plan from a file and finds out whether this engine can apply it with a
// command that does these kinds of things.
func (a *app) unseal(path, which string, kinds []addr.Kind) (*plan.Sealed, error) {
	path = a.absolute(path)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, mistake(fileWrong("read", a.shown(path), err))
	}
	sealed, err := plan.Unseal(data)
	if err != nil {
		d := diag.Diagnostic{Code: codePlanFile, Message: fmt.Sprintf("%s cannot be applied: %v", a.shown(path), err), Help: "make it again: engine plan --out FILE", Cause: err}
		if errors.Is(err, plan.ErrNoPlan) {
			d.Help = "engine plan --out FILE writes a plan that can be applied"
		}
		return nil, mistake(d)
	}
	if sealed.Engine != versionText() {
		return nil, mistake(planElsewhere(fmt.Sprintf("the plan was made by engine %s, and this is %s", sealed.Engine, versionText())))
	}
	if sealed.Build != identity() {
		return nil, mistake(planElsewhere(fmt.Sprintf("the plan was made by another build of engine %s", sealed.Engine)))
	}
	for _, act := range sealed.Plan.Actions {
		what := ""
		switch {
		case act.Verb != plan.Check && !slices.Contains(kinds, act.Node.Kind):
			what = fmt.Sprintf("builds %s %s", act.Node.Kind, act.Node.Name)
		case len(act.Tests)+len(act.UnitTests) > 0 && !slices.Contains(kinds, addr.Test):
			what = "tests " + act.Node.Name
		default:
			continue
		}
		return nil, mistake(diag.Diagnostic{Code: codePlanFile, Message: fmt.Sprintf("the plan %s, which engine %s does not", what, which), Help: "engine build --plan " + a.shown(path)})
	}
	if asked := a.global.target; asked != "" && asked != sealed.Target.Name {
		return nil, mistake(planElsewhere(fmt.Sprintf("the plan is for target %q, not %q", sealed.Target.Name, asked)))
	}
	return sealed, nil
}

// absolute is a path as the user wrote it, from where they are.
func (a *app) absolute(path string) string {
	if wd, err := a.getwd(); err == nil && !filepath.IsAbs(path) {
		return filepath.Join(wd, path)
	}
	return path
}

func planElsewhere(message string) diag.Diagnostic {
	return diag.Diagnostic{Code: "plan-foreign", Message: message, Help: "make it again: engine plan --out FILE"}
}

// applySealed does what a plan in a file says.
func (a *app) applySealed(cmd *cobra.Command, args []string, which string, r *runFlags, kinds []addr.Kind) error {
	if err := notBeside(cmd, args); err != nil {
		return err
	}
	sealed, err := a.unseal(r.planFile, which, kinds)
	if err != nil {
		return err
	}
	s, err := a.load()
	if err != nil {
		return err
	}
	s.options.Target = sealed.Target.Name
	if len(s.options.Vars) == 0 {
		s.options.Vars = map[string]any{}
		for k, v := range sealed.Vars {
			s.options.Vars[k] = whole(v)
		}
	}
	ctx := cmd.Context()
	if err := s.compile(ctx); err != nil {
		return err
	}
	s.publishing = publishFlags{how: sealed.Publish, release: sealed.Release}
	return s.perform(ctx, order{
		which: which, junit: r.junit, timing: r.timing, selects: sealed.Selects, excludes: sealed.Excludes, failFast: r.failFast, noCatalog: r.noCatalog, store: sealed.Selection.StoreFailures,
		budget: r.budget, tenure: r.tenure, deadline: r.deadline, noShare: r.noShare, selection: sealed.Selection, sealed: sealed,
	})
}

// planned is the plan of an order: the one that was reviewed, if the world is still as it
// was, or a new one.
func (s *session) planned(ctx context.Context, conn warehouse.Conn, o order) (*plan.Plan, error) {
	if o.sealed == nil {
		return s.plan(ctx, conn, o.selection)
	}
	if s.publishing.how == "" && o.sealed.Plan.PublishRun {
		s.publishing.how = string(project.ByRun)
	}
	snapshot, err := s.snapshot(ctx, conn)
	if err != nil {
		return nil, err
	}
	if found := o.sealed.Outdated(s.program, snapshot); len(found) > 0 {
		return nil, &mistakes{found, exitMistake}
	}
	fresh, err := s.decide(ctx, conn, snapshot, o.selection)
	if err != nil {
		return nil, err
	}
	if found := o.sealed.Attach(fresh); len(found) > 0 {
		return nil, &mistakes{found, exitMistake}
	}
	if newer := o.sealed.World.Newer(s.program, snapshot); len(newer) > 0 {
		var names []string
		for _, n := range newer {
			names = append(names, n.Name)
		}
		s.warnings.Add(diag.Diagnostic{Severity: diag.Warning, Code: codePlanData, Message: "new data since the plan was made: " + someOf(names), Help: "what is built has it; engine plan shows what else it makes due"})
	}
	return o.sealed.Plan, nil
}
