package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print a script that completes commands in your shell",
		Long: text(`
Prints a completion script. It completes commands, flags, names of models, tags, folders,
targets and codes.`),
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

// quietly loads the project for completion: no analysis, no words, nothing on mistakes.
func (a *app) quietly(cmd *cobra.Command) *compile.Program {
	if a.fromEnvironment(cmd) != nil {
		return nil
	}
	s, err := a.load()
	if err != nil {
		return nil
	}
	s.options.SkipAnalysis = true
	_ = s.compile(cmd.Context()) // a project with mistakes still has names
	return s.program
}

// completeSelector offers what the last word of a selector may become.
func (a *app) completeSelector(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	p := a.quietly(cmd)
	if p == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	// «+a,tag:b» completes «b»: what stands before belongs to the user.
	cut := strings.LastIndexAny(word, ", ") + 1
	head, last := word[:cut], word[cut:]
	trimmed := strings.TrimLeft(last, "@0123456789")
	trimmed = strings.TrimPrefix(trimmed, "+")
	head += last[:len(last)-len(trimmed)]
	var out []string
	for _, c := range selectorWords(p) {
		if strings.HasPrefix(c, trimmed) {
			out = append(out, head+c)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// selectorWords are the names, tags, sources and owners of a project as selectors.
func selectorWords(p *compile.Program) []string {
	var out []string
	seen := map[string]bool{}
	add := func(word string) {
		if !seen[word] {
			seen[word] = true
			out = append(out, word)
		}
	}
	for _, id := range p.Order {
		n := p.Nodes[id]
		if id.Kind == addr.Source {
			source, _, _ := strings.Cut(id.Name, ".")
			add("source:" + source)
			add("source:" + id.Name)
		} else {
			add(id.Name)
		}
		for _, tag := range n.Config.Tags {
			add("tag:" + tag)
		}
		if n.Config.Owner != "" {
			add("owner:" + n.Config.Owner)
		}
		if n.Config.Group != "" {
			add("group:" + n.Config.Group)
		}
	}
	for _, x := range p.Exposures {
		add("exposure:" + x.ID.Name)
	}
	for _, k := range addr.Kinds {
		add("resource_type:" + string(k))
	}
	for _, t := range []string{"data", "generic", "singular", "unit"} {
		add("test_type:" + t)
	}
	return out
}

// completeNode offers seeds, models and snapshots.
func (a *app) completeNode(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	p := a.quietly(cmd)
	if p == nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, id := range p.Order {
		if id.Kind != addr.Source {
			out = append(out, id.Name)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeTarget offers the targets of engine.yml.
func (a *app) completeTarget(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if a.fromEnvironment(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	dir, err := a.projectDir()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p, _ := engine.Load(engine.Options{Dir: dir, Env: a.env, Drivers: a.drivers})
	if p == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, t := range p.Settings.Targets {
		out = append(out, t.Name+"\t"+t.Type.V)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
