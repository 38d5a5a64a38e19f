package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
)

func (a *app) checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "find every mistake without a warehouse",
		Long: text(`
Reads the whole project, resolves every reference, binds every query offline and reports all
mistakes at once, each at its place in your file. No connection is opened, nothing is
written. Exit code 2 if there is an error.`),
		Example: `  engine check
  engine check --target prod
  engine check --output github     annotations for a pull request`,
		Args: unexpected,
	}
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := a.load()
		if err != nil {
			return err
		}
		err = s.compile(cmd.Context())
		if cmd.Context().Err() != nil {
			return err
		}
		return a.showCheck(s)
	}
	return cmd
}

// checked is the answer of check for programs.
type checked struct {
	Status      string         `json:"status"` // done, invalid
	Errors      int            `json:"errors"`
	Warnings    int            `json:"warnings"`
	Nodes       map[string]int `json:"nodes,omitempty"`
	Diagnostics []diag.JSON    `json:"diagnostics"`
}

func (a *app) showCheck(s *session) error {
	found := s.visible()
	var outcome error
	answer := checked{Status: "done", Errors: found.Count(diag.Error) + found.Count(diag.Internal), Warnings: found.Count(diag.Warning), Diagnostics: found.JSON()}
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
	a.report(found, true)
	if a.global.quiet || a.global.output == "github" || a.global.logFormat == "json" {
		return outcome
	}
	words := view.Mistakes(found)
	if words == "" {
		words = "no mistakes"
	}
	text := words
	if s.program != nil {
		text = fmt.Sprintf("checked %s: %s", contents(s.program), words)
	}
	if len(found) > 3 {
		return outcome // report has counted them
	}
	_, err := io.WriteString(a.out, text+"\n")
	if outcome == nil {
		outcome = err
	}
	return outcome
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
