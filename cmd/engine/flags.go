package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/lineage"
)

// globals are the flags that every command has. Each may come from the environment too:
// --project-dir is ENGINE_PROJECT_DIR, and so on; the flag wins.
type globals struct {
	projectDir string
	target     string
	vars       []string
	jobs       int
	output     string // set by the commands that have --output
	logFormat  string
	noColor    bool
	quiet      bool
	verbose    bool
}

func (g *globals) register(f *pflag.FlagSet) {
	f.StringVarP(&g.projectDir, "project-dir", "C", "", "project `folder`; default: the nearest one upward with an engine.yml")
	f.StringVarP(&g.target, "target", "t", "", "`target` of engine.yml to work on; default: the project's default")
	f.StringArrayVar(&g.vars, "vars", nil, "`variables`, as YAML '{a: 1}' or as a=1; may be repeated")
	f.IntVarP(&g.jobs, "jobs", "j", 0, "`number` of workers; default: threads of the target, else the number of cores")
	f.Var(newChoice(&g.logFormat, "text", "text", "json"), "log-format", "`form` of progress: text, json; json is one object per line")
	f.BoolVar(&g.noColor, "no-color", false, "no colours; NO_COLOR does the same, CLICOLOR_FORCE=1 the opposite")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "show only failures and what was asked for")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "show more")
}

// fromEnvironment gives every flag that the command line does not set the value of its
// variable, for those that have one.
func (a *app) fromEnvironment(cmd *cobra.Command) error {
	var bad error
	set := func(f *pflag.Flag) {
		name := envName(f.Name)
		v, ok := a.env(name)
		if !ok || v == "" || f.Changed || bad != nil {
			return
		}
		if err := cmd.Flags().Set(f.Name, v); err != nil {
			bad = mistake(badVariable(name, v, err))
		}
	}
	cmd.InheritedFlags().VisitAll(set)
	if f := cmd.Flags().Lookup("output"); f != nil {
		if _, ok := f.Value.(*choice); ok {
			set(f)
		}
	}
	for _, name := range []string{"state", "defer", "defer-to", "favor-state"} {
		if f := cmd.Flags().Lookup(name); f != nil {
			set(f)
		}
	}
	return bad
}

// onLine reports whether the command line itself has a long flag, be its value the same as that
// of the environment.
func (a *app) onLine(flag string) bool {
	return slices.ContainsFunc(a.args, func(arg string) bool { return arg == "--"+flag || strings.HasPrefix(arg, "--"+flag+"=") })
}

func envName(flag string) string {
	return "ENGINE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// choice is a flag with a few values.
type choice struct {
	value   *string
	allowed []string
}

var _ pflag.Value = (*choice)(nil)

func newChoice(value *string, initial string, allowed ...string) *choice {
	*value = initial
	return &choice{value, allowed}
}

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return strings.Join(c.allowed, "|") }
func (c *choice) Set(v string) error {
	if !slices.Contains(c.allowed, v) {
		if near, ok := diag.Suggest(v, c.allowed); ok {
			return fmt.Errorf("did you mean %q", near)
		}
		return fmt.Errorf("want one of %s", strings.Join(c.allowed, ", "))
	}
	*c.value = v
	return nil
}

// outputFlag gives a command --output with its forms, the default first.
func (a *app) outputFlag(cmd *cobra.Command, forms ...string) {
	cmd.Flags().VarP(newChoice(&a.global.output, forms[0], forms...), "output", "o", "`form` of the answer: "+strings.Join(forms, ", "))
	complete(cmd, "output", forms...)
}

// complete offers fixed words for a flag.
func complete(cmd *cobra.Command, flag string, words ...string) {
	must(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// must is for registrations that can only go wrong when a flag's name is misspelt here.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// selectFlags are the flags that choose nodes.
type selectFlags struct {
	selects, excludes []string
	selector          string
	kinds             []string
	indirect          string
}

func (a *app) selectFlags(cmd *cobra.Command, kinds bool) *selectFlags {
	s := &selectFlags{}
	f := cmd.Flags()
	f.StringArrayVarP(&s.selects, "select", "s", nil, "what to take: `names`, +parents, children+, tag:, path:, … (engine help selection); may be repeated")
	f.StringArrayVar(&s.excludes, "exclude", nil, "`names` of what to leave out; same grammar")
	f.StringVar(&s.selector, "selector", "", "`name` of a selector of selectors.yml, which takes the place of --select and --exclude")
	f.Var(newChoice(&s.indirect, lineage.Indirects[0], lineage.Indirects...), "indirect-selection", "`when` tests follow the nodes they read: "+strings.Join(lineage.Indirects, ", "))
	complete(cmd, "indirect-selection", lineage.Indirects...)
	a.stateFlag(cmd)
	if kinds {
		words := kindWords()
		f.StringArrayVar(&s.kinds, "resource-type", nil, "only these `kinds`: "+strings.Join(words, ", ")+"; may be repeated")
		complete(cmd, "resource-type", words...)
	}
	must(cmd.RegisterFlagCompletionFunc("select", a.completeSelector))
	must(cmd.RegisterFlagCompletionFunc("exclude", a.completeSelector))
	must(cmd.RegisterFlagCompletionFunc("selector", a.completeSelectorName))
	cmd.ValidArgsFunction = a.completeSelector
	return s
}

func kindWords() []string {
	var words []string
	for _, k := range addr.Kinds {
		words = append(words, string(k))
	}
	return words
}

// selectedBy are the selectors that chose something, as the artifacts have them.
func selectedBy(q lineage.Query, chosen lineage.Selected) []string {
	if chosen.Selector != "" {
		return []string{"selector:" + chosen.Selector}
	}
	return q.Select
}

// query is what the flags and the positional arguments ask for, among the given kinds.
func (s *selectFlags) query(args []string, among ...addr.Kind) (lineage.Query, error) {
	kinds := among
	if len(s.kinds) > 0 {
		kinds = nil
		for _, word := range strings.FieldsFunc(strings.Join(s.kinds, " "), func(r rune) bool { return r == ' ' || r == ',' }) {
			if !slices.Contains(kindWords(), word) {
				return lineage.Query{}, mistake(badKind(word))
			}
			if k := addr.Kind(word); len(among) == 0 || slices.Contains(among, k) {
				kinds = append(kinds, k)
			}
		}
		if len(kinds) == 0 {
			return lineage.Query{}, mistake(kindElsewhere(s.kinds, among))
		}
	}
	return lineage.Query{Select: slices.Concat(s.selects, args), Exclude: s.excludes, Selector: s.selector, Defaults: true, ResourceTypes: kinds, Indirect: s.indirect}, nil
}
