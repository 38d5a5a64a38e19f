package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	reference "github.com/engine-build/engine"
	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/example"
)

// examples are the projects that init can write, by name.
var examples = []string{"minimal", "manufacturing"}

func (a *app) initCommand() *cobra.Command {
	var (
		which, format, name string
		o                   example.Options
	)
	cmd := &cobra.Command{
		Use:   "init [flags] DIR",
		Short: "make a new project",
		Long: text(`
Writes a project into a new or empty folder. It builds at once, without an account, on the
embedded DuckDB.

  minimal         one seed, two models, a few tests (the default)
  manufacturing   the warehouse of a company whose customers run factories: about 45 models,
                  with generated data of any size. Equal --materials and --seed give equal
                  data.`),
		Example: `  engine init shop
  engine init --example manufacturing factory
  engine init --example manufacturing --materials 1000000 --format parquet big`,
	}
	f := cmd.Flags()
	f.Var(newChoice(&which, examples[0], examples...), "example", "`name` of the example: "+strings.Join(examples, ", "))
	f.IntVar(&o.Materials, "materials", 0, "manufacturing: `number` of materials; default 3000")
	f.Uint64Var(&o.Seed, "seed", 0, "manufacturing: `number` that seeds the generator; default 42")
	f.Var(newChoice(&format, "csv", "csv", "parquet"), "format", "manufacturing: `form` of the seeds: csv, parquet")
	f.StringVar(&name, "name", "", "minimal: `name` of the project; default: the folder's")
	complete(cmd, "example", examples...)
	complete(cmd, "format", "csv", "parquet")
	cmd.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return mistake(wrongArguments(cmd, "init takes one folder"))
		}
		if which == "minimal" {
			for _, flag := range []string{"materials", "seed", "format"} {
				if cmd.Flags().Changed(flag) {
					return mistake(diag.Diagnostic{Code: codeFlag, Message: "--" + flag + " is for an example with generated data", Help: "add --example manufacturing"})
				}
			}
		} else if name != "" {
			return mistake(diag.Diagnostic{Code: codeFlag, Message: "--name is for the minimal project", Help: "change name in the example's engine.yml"})
		}
		o.Format = format
		o.Parquet = writeParquet
		return a.initialize(cmd.Context(), args[0], which, name, o)
	}
	return cmd
}

func (a *app) initialize(ctx context.Context, dir, which, name string, o example.Options) error {
	full := dir
	if !filepath.IsAbs(full) {
		wd, err := a.getwd()
		if err != nil {
			return mistake(fileWrong("find the current folder", ".", err))
		}
		full = filepath.Join(wd, dir)
	}
	var err error
	if which == "manufacturing" {
		err = example.Write(ctx, full, reference.Project, o)
	} else {
		if name == "" {
			name = projectName(filepath.Base(full))
		}
		err = example.Minimal(full, name)
	}
	if err != nil {
		return initRefused(dir, err)
	}
	if wantsJSON(a.global.output) {
		return view.JSON(a.out, map[string]string{"status": "done", "dir": full, "example": which})
	}
	if a.global.quiet {
		return nil
	}
	_, err = fmt.Fprintf(a.out, "made the %s project in %s\n\nnext:\n  cd %s\n  engine build\n", which, dir, quoteShell(dir))
	return err
}

// initRefused tells what the user can mend from what went wrong.
func initRefused(dir string, err error) error {
	var full *example.NotEmptyError
	var option *example.OptionsError
	var name *example.NameError
	var path *fs.PathError
	switch {
	case errors.As(err, &full):
		return mistake(notEmpty(dir))
	case errors.As(err, &option):
		return mistake(diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--%s is %s", option.Option, option.Value), Help: "want " + option.Want})
	case errors.As(err, &name):
		return mistake(diag.Diagnostic{Code: codeFlag, Message: err.Error(), Help: "give one with --name"})
	case errors.As(err, &path):
		return mistake(fileWrong("write", path.Path, err))
	}
	return err
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// projectName makes a folder's name a project's.
func projectName(folder string) string {
	name := strings.Trim(notInNames.ReplaceAllString(folder, "_"), "_")
	if name == "" {
		return "project"
	}
	if name[0] >= '0' && name[0] <= '9' {
		return "p_" + name
	}
	return name
}

var plainWord = regexp.MustCompile(`^[\w./~+-]+$`)

func quoteShell(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
