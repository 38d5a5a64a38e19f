package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/man"
	"github.com/engine-build/engine/cmd/engine/view"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the manual pages",
		Long: text(`
Writes a manual page for every command and every topic of the help into a folder, which is made
if it is not there: engine.1, engine-build.1, engine-selection.7 and so on. Put them into a folder
of MANPATH, or look at one with man -l.

The pages bear the date of SOURCE_DATE_EPOCH, or else that of the commit which the program was
made from: the same program writes the same bytes.`),
		Example: `  engine man /usr/local/share/man/man1
  engine man pages && man -l pages/engine-build.1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return mistake(wrongArguments(cmd, "man takes one folder"))
			}
			date, err := a.edition()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return mistake(fileWrong("make", args[0], err))
			}
			pages := man.Pages(cmd.Root(), man.Edition{Date: date, Version: versionText()})
			for _, p := range pages {
				path := filepath.Join(args[0], p.Name)
				if err := os.WriteFile(path, []byte(p.Text), 0o644); err != nil {
					return mistake(fileWrong("write", path, err))
				}
			}
			if !a.global.quiet {
				_, _ = fmt.Fprintf(a.out, "wrote %s to %s\n", view.Number(len(pages), "page"), args[0])
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

// edition is the day of the pages: that which the build asks for, that of the commit, or, of a
// program that knows neither, today.
func (a *app) edition() (time.Time, error) {
	if epoch := a.variable("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, mistake(badVariable("SOURCE_DATE_EPOCH", epoch, err))
		}
		return time.Unix(seconds, 0), nil
	}
	m, _ := made()
	if date, err := time.Parse(time.RFC3339, m.Date); err == nil {
		return date, nil
	}
	return a.now(), nil
}
