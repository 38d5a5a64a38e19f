package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print a script that completes commands in your shell",
		Long: text(`
Prints a completion script. It completes commands, flags, selectors with their methods and what
they take (tag:, source:, path: …), names of models, columns and common table expressions,
targets, selectors of selectors.yml, rules and codes. It knows them by the project's files and
compiles nothing.

In bash it needs the package bash-completion, which not every system has to begin with (on macOS
and in many images it is missing); without it a Tab says «command not found».`),
		Example: `  source <(engine completion bash)
  engine completion zsh > "${fpath[1]}/_engine"
  engine completion fish > ~/.config/fish/completions/engine.fish
  engine completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return mistake(wrongArguments(cmd, "completion takes one shell"))
			}
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			d := wrongArguments(cmd, fmt.Sprintf("no shell %q", args[0]))
			if near, ok := diag.Suggest(args[0], shells); ok {
				d.Help = fmt.Sprintf("did you mean %q?", near)
			}
			return mistake(d)
		},
	}
}

// offer is a list of words for the shell, without files among them.
func offer(words []string, more cobra.ShellCompDirective) ([]string, cobra.ShellCompDirective) {
	return words, cobra.ShellCompDirectiveNoFileComp | more
}

// quietly lists the project's files for completion: no words, nothing on mistakes.
func (a *app) quietly(cmd *cobra.Command) *glanced {
	if a.fromEnvironment(cmd) != nil {
		return nil
	}
	g, ok := a.glance()
	if !ok {
		return nil
	}
	return g
}

// completeSelector offers what the last word of a selector may become: names of nodes and
// folders, methods, and after a method what it takes.
func (a *app) completeSelector(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil {
		return offer(nil, 0)
	}
	// «+a,tag:b» completes «b»: what stands before belongs to the user.
	cut := strings.LastIndexAny(word, ", ") + 1
	head, last := word[:cut], word[cut:]
	trimmed := strings.TrimLeft(last, "@0123456789")
	trimmed = strings.TrimPrefix(trimmed, "+")
	head += last[:len(last)-len(trimmed)]
	var out []string
	for _, c := range g.selectorWords(trimmed) {
		if strings.HasPrefix(c, trimmed) {
			out = append(out, head+c)
		}
	}
	return offer(out, cobra.ShellCompDirectiveNoSpace)
}

// selectorMethods are those that take words which completion knows, or none of its own.
var selectorMethods = []string{"access:", "config.materialized:", "exposure:", "file:", "group:", "owner:", "path:", "resource_type:", "result:", "selector:", "source:", "source_status:", "state:", "tag:", "test_name:", "test_type:", "unit_test:", "version:"}

// selectorWords are what a selector that begins like word may be.
func (g *glanced) selectorWords(word string) []string {
	method, _, ok := strings.Cut(word, ":")
	if !ok {
		out := slices.Concat(g.nodes(), g.tests(), selectorMethods)
		if strings.Contains(word, "/") {
			out = append(out, g.folders()...)
		}
		return out
	}
	var words []string
	switch method {
	case "tag":
		words = g.facts().Tags
	case "owner":
		words = g.facts().Owners
	case "group":
		words = g.facts().Groups
	case "source":
		words = g.facts().Sources
	case "exposure":
		words = g.facts().Exposures
	case "unit_test":
		words = g.facts().UnitTests
	case "selector":
		words = g.selectors()
	case "path":
		words = g.folders()
	case "file":
		for _, name := range g.nodes() {
			words = append(words, name+".sql")
		}
	case "config.materialized":
		words = []string{"ancestry", "ephemeral", "incremental", "materialized_view", "table", "view"}
	case "resource_type":
		words = kindWords()
	case "test_type":
		words = []string{"data", "generic", "singular", "unit"}
	case "test_name":
		for _, k := range datatest.Kinds {
			words = append(words, k.Name)
		}
	case "access":
		words = []string{"private", "protected", "public"}
	case "version":
		words = []string{"latest", "none", "old", "prerelease"}
	case "state":
		words = []string{"modified", "modified.body", "modified.configs", "modified.macros", "modified.relation", "new", "old", "unmodified"}
	case "result":
		words = []string{"error", "fail", "pass", "skipped", "success", "warn"}
	case "source_status":
		words = []string{"fresher"}
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = method + ":" + w
	}
	return out
}

// selectors are the names in selectors.yml.
func (g *glanced) selectors() []string {
	var out []string
	for _, s := range g.project.Selectors {
		out = append(out, s.Name.V)
	}
	return out
}

// completeSelectorName offers the names in selectors.yml.
func (a *app) completeSelectorName(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil {
		return offer(nil, 0)
	}
	var out []string
	for _, s := range g.project.Selectors {
		word := s.Name.V
		if line, _, _ := strings.Cut(s.Description, "\n"); line != "" {
			word += "\t" + line
		}
		out = append(out, word)
	}
	return offer(out, 0)
}

// completeNode offers seeds, models and snapshots.
func (a *app) completeNode(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil || len(args) > 0 {
		return offer(nil, 0)
	}
	return offer(g.nodes(), 0)
}

// completeShown offers seeds, models and snapshots, and after a dot the common table expressions
// of a model.
func (a *app) completeShown(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil || len(args) > 0 {
		return offer(nil, 0)
	}
	if out := g.after(word, g.ctes); len(out) > 0 {
		return offer(out, 0)
	}
	return offer(g.nodes(), 0)
}

// after is what parts give for the longest model that word names before a dot, behind it.
func (g *glanced) after(word string, parts func(string) []string) []string {
	names := map[string]bool{}
	for _, n := range g.nodes() {
		names[n] = true
	}
	var out []string
	for at, c := range word {
		if c == '.' && names[word[:at]] {
			out = nil
			for _, p := range parts(word[:at]) {
				out = append(out, word[:at+1]+p)
			}
		}
	}
	return out
}

// completeCTE offers the common table expressions of the model that stands on the line.
func (a *app) completeCTE(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil || len(args) != 1 {
		return offer(nil, 0)
	}
	return offer(g.ctes(args[0]), 0)
}

// completeLineage offers selectors, and after a name and a dot the columns of that node.
func (a *app) completeLineage(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil {
		return offer(nil, 0)
	}
	if strings.Contains(word, ".") && !strings.Contains(word, ":") {
		if out := g.after(word, func(name string) []string { return g.columns(name, g.facts()) }); len(out) > 0 {
			return offer(out, 0)
		}
	}
	return a.completeSelector(cmd, args, word)
}

// completeTarget offers the targets of engine.yml.
func (a *app) completeTarget(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil {
		return offer(nil, 0)
	}
	var out []string
	for _, t := range g.project.Settings.Targets {
		out = append(out, t.Name+"\t"+t.Type.V)
	}
	return offer(out, 0)
}

// completeMacro offers the macros of the project.
func (a *app) completeMacro(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	g := a.quietly(cmd)
	if g == nil || len(args) > 0 {
		return offer(nil, 0)
	}
	return offer(g.facts().Macros, 0)
}

// unquoteUsage takes the quotes off that mark the name of a flag's value in help: shells show
// the text as it is.
func unquoteUsage(cmd *cobra.Command) {
	plain := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
	cmd.Flags().VisitAll(plain)
	cmd.PersistentFlags().VisitAll(plain)
	for _, c := range cmd.Commands() {
		unquoteUsage(c)
	}
}
