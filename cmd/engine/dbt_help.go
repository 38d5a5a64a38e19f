package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// help explains dbt, or one of its commands.
func (c *dbtCall) help(name string) error {
	_, err := fmt.Fprint(c.app.out, dbtHelpText(name))
	return err
}

func dbtHelpText(name string) string {
	var b strings.Builder
	for _, v := range dbtVerbs() {
		if v.name != name && !slices.Contains(v.also, name) {
			continue
		}
		fmt.Fprintf(&b, "Usage: dbt %s [OPTIONS]%s\n\n  %s.\n\nExamples:\n  %s\n\nOptions:\n", name, map[bool]string{true: " [ARG]"}[v.args > 0], v.short, v.example)
		names := slices.Clone(v.flags)
		for _, g := range dbtGlobal {
			if !slices.Contains(names, g) {
				names = append(names, g)
			}
		}
		dbtOptions(&b, names)
		return b.String()
	}
	fmt.Fprintf(&b, "Usage: %s [OPTIONS] COMMAND [ARGS]...\n\n  The command line of dbt, for a project of engine. COMMAND --help says more.\n\nCommands:\n", strings.TrimSpace("dbt "+name))
	for _, v := range dbtVerbs() {
		if name == "" || strings.HasPrefix(v.name, name+" ") {
			fmt.Fprintf(&b, "  %-18s %s\n", v.name, v.short)
		}
	}
	b.WriteString("\nOptions:\n")
	dbtOptions(&b, dbtGlobal)
	return b.String()
}

func dbtOptions(b *strings.Builder, names []string) {
	for _, name := range slices.Sorted(slices.Values(names)) {
		f := dbtOf(name)
		if f.hidden {
			continue
		}
		fmt.Fprintf(b, "  %s\n      %s\n", f.usage(), f.does)
	}
	fmt.Fprintf(b, "  --help, -h\n      %s\n", dbtHelp.does)
}

// usage is a flag with what it takes.
func (f *dbtFlag) usage() string {
	word := map[taking]string{dbtText: " TEXT", dbtWords: " WORD…", dbtNumber: " NUMBER", dbtYAML: " YAML", dbtTime: " TIME"}[f.takes]
	if len(f.of) > 0 {
		word = " [" + strings.Join(f.of, "|") + "]"
	}
	return f.declared() + word
}

// completeDBT offers commands and flags.
func completeDBT(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	var words []string
	for _, v := range dbtVerbs() {
		all := append([]string{v.name}, v.also...)
		for _, name := range all {
			first, second, two := strings.Cut(name, " ")
			switch {
			case len(args) == 0:
				words = append(words, first)
			case two && len(args) == 1 && args[0] == first:
				words = append(words, second)
			case strings.HasPrefix(strings.Join(args, " ")+" ", name+" ") && strings.HasPrefix(typed, "-"):
				for _, flag := range append(slices.Clone(v.flags), dbtGlobal...) {
					on, off := dbtOf(flag).longs()
					words = append(words, "--"+on[0])
					if off != "" {
						words = append(words, "--"+off)
					}
				}
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words), cobra.ShellCompDirectiveNoFileComp
}
