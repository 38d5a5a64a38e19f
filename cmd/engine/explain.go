package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain [CODE | model]",
		Short: "explain a mistake by its code, or why a model would be built",
		Long: text(`
With the code of a diagnostic it prints what that means, with a wrong and a right example.
The code stands in brackets behind the word error. Without an argument all are listed.

With a model, seed or snapshot, or a selector of one, it says whether the next build would
build it and what the reason is: how its definition differs from what was last built, which
columns of what it reads change or have changed, when and by which run, which functions it
calls that change from call to call. Nothing is built. A name that is a code as well is taken
for the code.`),
		Example: `  engine explain
  engine explain ref-unknown
  engine explain orders
  engine explain orders -o json`,
	}
	a.outputFlag(cmd, "human", "json")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, e := range catalogue() {
			out = append(out, string(e.Code)+"\t"+e.Title)
		}
		nodes, _ := a.completeNode(cmd, args, word)
		return append(out, nodes...), cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return a.listCodes()
		case 1:
			e, ok := diag.Lookup(catalogue(), diag.Code(strings.Trim(args[0], "[]")))
			if ok {
				return a.showCode(e)
			}
			if a.meansCode(args[0]) {
				return mistake(unknownCode(args[0]))
			}
			return a.explainNode(cmd.Context(), args[0])
		}
		return mistake(wrongArguments(cmd, "explain takes one code, or one model"))
	}
	return cmd
}

// meansCode reports whether a word that is no code is rather one misspelled than a node.
func (a *app) meansCode(word string) bool {
	if _, err := a.projectDir(); err != nil {
		return true
	}
	d := unknownCode(word)
	if !strings.HasPrefix(d.Help, "did you mean") {
		return false
	}
	s, err := a.load()
	if err != nil {
		return false // which says more
	}
	p := s.project
	return !slices.ContainsFunc(p.Seeds, func(x *project.Seed) bool { return x.Name == word }) &&
		!slices.ContainsFunc(slices.Concat(p.Models, p.Snapshots), func(f *project.File) bool { return f.Name == word })
}

// codeEntry is an entry of the catalogue for programs.
type codeEntry struct {
	Code    string `json:"code"`
	Title   string `json:"title"`
	Explain string `json:"explain"`
	Bad     string `json:"bad,omitempty"`
	Good    string `json:"good,omitempty"`
}

func entryJSON(e diag.Entry) codeEntry {
	return codeEntry{string(e.Code), e.Title, e.Explain, e.Bad, e.Good}
}

func (a *app) listCodes() error {
	all := slices.Clone(catalogue())
	slices.SortFunc(all, func(x, y diag.Entry) int { return cmp.Compare(x.Code, y.Code) })
	if wantsJSON(a.global.output) {
		out := make([]codeEntry, len(all))
		for i, e := range all {
			out[i] = entryJSON(e)
		}
		return view.JSON(a.out, out)
	}
	width := 0
	for _, e := range all {
		width = max(width, len(e.Code))
	}
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%-*s  %s\n", width, e.Code, e.Title)
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}

func (a *app) showCode(e diag.Entry) error {
	if wantsJSON(a.global.output) {
		return view.JSON(a.out, entryJSON(e))
	}
	s := a.outScreen()
	var b strings.Builder
	b.WriteString(s.Paint(view.Bold, string(e.Code)) + ": " + e.Title + "\n\n" + view.Wrap(e.Explain, 88) + "\n")
	for _, x := range []struct {
		word  string
		style view.Style
		text  string
	}{{"wrong:", view.Red, e.Bad}, {"right:", view.Green, e.Good}} {
		if text := strings.Trim(x.text, "\n"); text != "" {
			b.WriteString("\n" + s.Paint(x.style, x.word) + "\n" + view.Indent(text, "  ") + "\n")
		}
	}
	_, err := io.WriteString(a.out, b.String())
	return err
}
