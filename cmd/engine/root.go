package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/engine/diag"
)

// groups order the commands in the help.
var groups = []*cobra.Group{
	{ID: "project", Title: "Projects:"},
	{ID: "build", Title: "Building:"},
	{ID: "look", Title: "Looking:"},
	{ID: "tool", Title: "Tools:"},
}

// rootCommand lists every command.
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "engine",
		Short: "turns a folder of SQL files into a tested warehouse",
		Long: `engine turns a folder of SQL files into a tested warehouse.

A project is a folder with engine.yml, models/, seeds/, snapshots/, tests/ and macros/.
Each model is built aside, tested, and published only if its tests pass; what has not
changed is not built again.`,
		Example: `  engine init shop                 a new project in the folder shop
  engine build                     build and test what has changed
  engine build +orders             the model orders and all it reads
  engine show orders               its first rows`,
		Version:           versionText(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.ArbitraryArgs,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.fromEnvironment(cmd) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return mistake(unknownCommand(cmd, args[0]))
			}
			return cmd.Help()
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetVersionTemplate("engine {{.Version}}\n")
	a.global.register(root.PersistentFlags())
	complete(root, "log-format", "text", "json")
	must(root.RegisterFlagCompletionFunc("target", a.completeTarget))
	must(root.MarkPersistentFlagDirname("project-dir"))
	root.SetFlagErrorFunc(flagMistake)
	root.AddGroup(groups...)
	for _, g := range []struct {
		group    string
		commands []*cobra.Command
	}{
		{"project", []*cobra.Command{a.initCommand(), a.importCommand(), a.checkCommand(), a.fmtCommand(), a.lsCommand(), a.compileCommand(), a.debugCommand(), a.doctorCommand(), a.cleanCommand()}},
		{"build", []*cobra.Command{a.planCommand(), a.buildCommand(), a.watchCommand(), a.runCommand(), a.testCommand(), a.seedCommand(), a.snapshotCommand(), a.retryCommand(), a.rollbackCommand(), a.versionsCommand(), a.cloneCommand(), a.operationCommand(), a.ciCommand(), a.publishCommand(), a.ingestCommand(), a.serveCommand()}},
		{"look", []*cobra.Command{a.showCommand(), a.diffCommand(), a.lineageCommand(), a.traceCommand(), a.docsCommand(), a.freshnessCommand(), a.sourceCommand(), a.customersCommand(), a.metabaseCommand(), a.lookmlCommand()}},
		{"tool", []*cobra.Command{a.explainCommand(), a.completionCommand(), a.manCommand(), a.versionCommand(), a.lspCommand(), a.dbtCommand()}},
	} {
		for _, c := range g.commands {
			c.GroupID = g.group
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("tool")
	root.AddCommand(topics()...)
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.Short = "explain a command or a topic"
	}
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("help").Usage = "explain a command"
	root.Flags().Lookup("version").Usage = "print the version"
	return root
}

// flagMistake words what pflag found.
func flagMistake(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var empty *pflag.ValueRequiredError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &unknown):
		return mistake(unknownFlag(cmd, unknown))
	case errors.As(err, &invalid):
		return mistake(badFlag(cmd, invalid.GetFlag(), invalid.GetValue(), invalid.Unwrap()))
	case errors.As(err, &empty):
		return mistake(flagWithoutValue(cmd, empty.GetFlag()))
	}
	return mistake(diag.Diagnostic{Code: codeFlag, Message: err.Error(), Help: "see " + cmd.CommandPath() + " --help"})
}

// flagNames lists the flags that cmd understands.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	slices.Sort(names)
	return slices.Compact(names)
}

// commandNames lists the commands below cmd with their aliases.
func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if !c.IsAdditionalHelpTopicCommand() && !c.Hidden {
			names = append(append(names, c.Name()), c.Aliases...)
		}
	}
	return names
}

// text takes the margin off a raw string.
func text(s string) string { return strings.Trim(s, "\n") }
