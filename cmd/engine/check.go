package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/lineage"
)

// checkFlags are the flags of engine check.
type checkFlags struct {
	selects, excludes []string
	rules             []string
	list              bool
	fix, diff         bool
	strict            bool
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "find every mistake without a warehouse",
		Long: text(`
Reads the whole project, resolves every reference, binds every query offline and reports all
mistakes at once, each at its place in your file. No connection is opened, nothing is
written. Exit code 2 if there is an error.

Then the rules run: names, layers, joins without a condition, what is neither described nor
tested nor used. engine.yml sets them, check: {rules: {select-star: warn}}, --list-rules shows
them, docs/check.md explains them, and a comment allows a single place: -- engine: allow
select-star because the app defines the columns. Rules warn, which does not fail the command,
unless their severity is error or with --strict. engine ci runs them, too.`),
		Example: `  engine check
  engine check --target prod
  engine check --rule select-star     one rule, be it on or off
  engine check --fix --diff           show what could be corrected
  engine check --output github        annotations for a pull request`,
		Args: unexpected,
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.selects, "select", "s", nil, "report findings of rules about these `names` only (engine help selection); may be repeated")
	flags.StringArrayVar(&f.excludes, "exclude", nil, "`names` of what to leave out; same grammar")
	flags.StringArrayVar(&f.rules, "rule", nil, "run only these `rules`, those that are off included; may be repeated")
	flags.BoolVar(&f.list, "list-rules", false, "show the rules as this project sets them, and do nothing else")
	flags.BoolVar(&f.fix, "fix", false, "correct in the files what needs no decision")
	flags.BoolVar(&f.diff, "diff", false, "with --fix: write nothing, print what would change")
	flags.BoolVar(&f.strict, "strict", false, "warnings are errors")
	must(cmd.RegisterFlagCompletionFunc("select", a.completeSelector))
	must(cmd.RegisterFlagCompletionFunc("exclude", a.completeSelector))
	complete(cmd, "rule", ruleNames()...)
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f.diff && !f.fix {
			return mistake(wrongArguments(cmd, "--diff needs --fix"))
		}
		if f.list {
			return a.listRules()
		}
		for _, name := range f.rules {
			if !slices.Contains(ruleNames(), name) {
				return mistake(check.UnknownRule(diag.Code(name)))
			}
		}
		return a.check(cmd.Context(), f)
	}
	return cmd
}

func ruleNames() []string {
	var out []string
	for _, r := range check.Rules() {
		out = append(out, string(r.ID))
	}
	return out
}

// checked is the answer of check for programs.
type checked struct {
	Status      string         `json:"status"` // done, invalid
	Errors      int            `json:"errors"`
	Warnings    int            `json:"warnings"`
	Fixed       int            `json:"fixed,omitempty"`   // findings that --fix has corrected
	Changed     []string       `json:"changed,omitempty"` // files that it changed, or would with --diff
	Diff        string         `json:"diff,omitempty"`
	Nodes       map[string]int `json:"nodes,omitempty"`
	Diagnostics []diag.JSON    `json:"diagnostics"`
}

// maxRounds bounds how often --fix looks again: corrections that overlap wait for the
// next round.
const maxRounds = 10

func (a *app) check(ctx context.Context, f checkFlags) error {
	answer := checked{}
	changed := map[string]bool{}
	before, last := -1, map[string][]byte{} // mistakes of the last round, and what it overwrote
	for round := 0; ; round++ {
		s, err := a.load()
		if err != nil {
			return err
		}
		err = s.compile(ctx)
		if ctx.Err() != nil {
			return err
		}
		mistakes := s.warnings.Count(diag.Error) + s.warnings.Count(diag.Internal)
		if before >= 0 && mistakes > before {
			if err := s.restore(last); err != nil {
				return err
			}
			return failure(fixUndone(s.warnings, slices.Sorted(maps.Keys(last))))
		}
		if err := s.applyRules(ctx, f, mistakes > 0); err != nil {
			return err
		}
		changes := check.Fix(s.warnings)
		if !f.fix || len(changes) == 0 || round == maxRounds || f.diff && round > 0 {
			answer.Changed = slices.Sorted(maps.Keys(changed))
			return s.showCheck(answer, f)
		}
		last = map[string][]byte{}
		for _, c := range changes {
			path := c.File.Path
			if f.diff {
				answer.Diff += string(diff.Diff("a/"+path, c.File.Data, "b/"+path, c.New))
			} else {
				if err := rewrite(filepath.Join(s.dir, filepath.FromSlash(path)), c.New); err != nil {
					return failure(fileWrong("write", path, err))
				}
				answer.Fixed += c.Done
			}
			last[path] = c.File.Data
			changed[path] = true
		}
		if f.diff {
			answer.Changed = slices.Sorted(maps.Keys(changed))
			return s.showCheck(answer, f)
		}
		before = mistakes
	}
}

// restore puts files back as they were.
func (s *session) restore(files map[string][]byte) error {
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := rewrite(filepath.Join(s.dir, filepath.FromSlash(path)), files[path]); err != nil {
			return failure(fileWrong("write", path, err))
		}
	}
	return nil
}

func fixUndone(found diag.List, files []string) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Internal, Code: codeFixUndone, Message: "the corrections made new mistakes and were taken back", Notes: []string{"in " + strings.Join(files, ", ")}, Help: "correct by hand; engine check shows what"}
	for _, f := range found {
		if f.Severity == diag.Error || f.Severity == diag.Internal {
			d.Notes = append(d.Notes, f.Line())
			break
		}
	}
	return d
}

// applyRules adds what the rules find to what compiling has found.
func (s *session) applyRules(ctx context.Context, f checkFlags, partial bool) error {
	if s.program == nil {
		return nil
	}
	if !partial {
		s.warnings.Add(s.selectionsMissed()...)
	}
	o := check.Options{Partial: partial}
	for _, name := range f.rules {
		o.Rules = append(o.Rules, diag.Code(name))
	}
	if len(f.selects)+len(f.excludes) > 0 {
		chosen, err := s.choose(ctx, lineage.Query{Select: f.selects, Exclude: f.excludes})
		if err != nil {
			return err
		}
		o.Selected = map[addr.Node]bool{}
		for _, id := range chosen.List() {
			o.Selected[id] = true
		}
	}
	s.warnings = append(s.warnings, check.Run(s.program, o)...).Sorted()
	if f.strict {
		for i := range s.warnings {
			if s.warnings[i].Severity == diag.Warning {
				s.warnings[i].Severity = diag.Error
			}
		}
	}
	return nil
}

func (s *session) showCheck(answer checked, f checkFlags) error {
	a := s.app
	found := s.visible()
	var outcome error
	answer.Status, answer.Diagnostics = "done", found.JSON()
	answer.Errors, answer.Warnings = found.Count(diag.Error)+found.Count(diag.Internal), found.Count(diag.Warning)
	if found.HasErrors() {
		answer.Status, outcome = "invalid", reported(exitMistake)
	}
	if s.program != nil {
		answer.Nodes = countKinds(s.program)
	}
	if wantsJSON(a.global.output) {
		if err := view.JSON(a.out, answer); err != nil {
			return err
		}
		return outcome
	}
	if _, err := io.WriteString(a.out, answer.Diff); err != nil {
		return err
	}
	a.report(found, true)
	if a.global.quiet || a.global.output == "github" || a.global.logFormat == "json" {
		return outcome
	}
	var lines []string
	if answer.Fixed > 0 {
		lines = append(lines, fmt.Sprintf("corrected %s in %s", counted(answer.Fixed, "place"), counted(len(answer.Changed), "file")))
	}
	words := view.Mistakes(found)
	if words == "" {
		words = "no mistakes"
	}
	if len(found) <= 3 { // else report has counted them
		if s.program != nil {
			words = fmt.Sprintf("checked %s: %s", contents(s.program), words)
		}
		if !f.diff {
			lines = append(lines, words)
		}
	}
	for _, line := range lines {
		if _, err := io.WriteString(a.out, line+"\n"); err != nil {
			return err
		}
	}
	return outcome
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// listedRule is a rule in the answer of check --list-rules for programs.
type listedRule struct {
	Rule     string         `json:"rule"`
	Severity string         `json:"severity"` // off, warn, error: as this project sets it
	Default  string         `json:"default"`
	Fixes    bool           `json:"fixes"`
	Title    string         `json:"title"`
	Options  map[string]any `json:"options,omitempty"` // defaults by name
}

// listRules shows the rules as the project sets them, or as they are without one.
func (a *app) listRules() error {
	var settings project.Settings
	if s, err := a.settled(); err == nil {
		settings = s.project.Settings
	}
	rules, found := check.Settings(settings)
	if found.HasErrors() {
		return &mistakes{found, exitMistake}
	}
	if wantsJSON(a.global.output) {
		out := make([]listedRule, len(rules))
		for i, r := range rules {
			out[i] = listedRule{Rule: string(r.ID), Severity: r.Level.String(), Default: r.Default.String(), Fixes: r.Fixes, Title: r.Title}
			for _, o := range r.Options {
				if out[i].Options == nil {
					out[i].Options = map[string]any{}
				}
				out[i].Options[o.Name] = o.Default
			}
		}
		return view.JSON(a.out, out)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, r := range rules {
		fixes := ""
		if r.Fixes {
			fixes = "fixes"
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.ID, r.Level, fixes, r.Title); err != nil {
			return err
		}
	}
	return w.Flush()
}

func countKinds(p *compile.Program) map[string]int {
	n := map[string]int{}
	for _, id := range p.Order {
		n[string(id.Kind)]++
	}
	n[string(addr.Test)] = len(p.Tests)
	n[string(addr.UnitTest)] = len(p.UnitTests)
	n[string(addr.Exposure)] = len(p.Exposures)
	for kind, count := range n {
		if count == 0 {
			delete(n, kind)
		}
	}
	return n
}

// contents is «45 models, 14 seeds, 214 tests».
func contents(p *compile.Program) string {
	return view.Kinds(countKinds(p))
}
