package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/engine/diag"
)

// TestPages keeps the reference pages equal to what the program itself says.
func TestPages(t *testing.T) {
	pages := map[string]string{
		"../../docs/commands.md": commandsPage((&app{drivers: drivers}).rootCommand()),
		"../../docs/errors.md":   diag.Markdown(catalogue()),
	}
	for path, got := range pages {
		if os.Getenv("ENGINE_UPDATE") != "" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Errorf("%s was written: run again without ENGINE_UPDATE", path)
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s is not what the commands say (-page +program); ENGINE_UPDATE=1 renews it:\n%s", path, d)
		}
	}
}

func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nThis page is written from the commands' own help: `engine COMMAND --help` says the same.\n")
	b.WriteString("\n## Global flags\n\n")
	b.WriteString(fenced(root.PersistentFlags().FlagUsages()))
	for _, g := range groups {
		b.WriteString("\n## " + strings.TrimSuffix(g.Title, ":") + "\n")
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && c.Name() != "help" {
				command(&b, c)
			}
		}
	}
	b.WriteString("\n## Topics\n")
	for _, c := range root.Commands() {
		if c.IsAdditionalHelpTopicCommand() {
			b.WriteString("\n### " + c.Name() + ": " + c.Short + "\n\n" + fenced(c.Long))
		}
	}
	return b.String()
}

func command(b *strings.Builder, c *cobra.Command) {
	b.WriteString("\n### " + c.CommandPath() + "\n\n" + strings.ToUpper(c.Short[:1]) + c.Short[1:] + ".\n\n")
	b.WriteString(fenced(c.UseLine()) + "\n" + fenced(c.Long))
	if len(c.Aliases) > 0 {
		b.WriteString("\nAlso: `" + strings.Join(c.Aliases, "`, `") + "`.\n")
	}
	if flags := c.LocalNonPersistentFlags().FlagUsages(); flags != "" {
		b.WriteString("\nFlags:\n\n" + fenced(flags))
	}
	b.WriteString("\nExamples:\n\n" + fenced(c.Example))
	for _, sub := range c.Commands() {
		command(b, sub)
	}
}

func fenced(text string) string {
	return "```\n" + strings.TrimRight(strings.Trim(text, "\n"), " ") + "\n```\n"
}

// TestEveryCommandHasItsHelp: a command says what it does, at length, with examples.
func TestEveryCommandHasItsHelp(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.IsAdditionalHelpTopicCommand() || c.Name() == "help" {
			return
		}
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s lacks a part of its help", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s has no help", c.CommandPath(), f.Name)
			}
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&app{}).rootCommand())
}
