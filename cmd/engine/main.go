package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/engine-build/engine/cmd/engine/terminal"
)

func main() { os.Exit(Main()) }

// Main runs the command line of the process and returns the exit code.
func Main() int {
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		env: os.LookupEnv, environ: os.Environ, now: time.Now, abort: os.Exit,
		getwd: os.Getwd, cpus: runtime.NumCPU(), drivers: drivers,
		keyboard: func() (func(), bool) { return eachKey(os.Stdin) },
		inTTY:    term.IsTerminal(int(os.Stdin.Fd())), outTTY: term.IsTerminal(int(os.Stdout.Fd())), errTTY: term.IsTerminal(int(os.Stderr.Fd())),
		size: func() int {
			columns, _ := terminal.Size(os.Stdout, os.Stderr)
			return columns
		},
		window: func() (int, int) { return terminal.Size(os.Stdout, os.Stderr) },
		plain:  !terminal.Prepare(os.Stdout, os.Stderr),
	}
	args := os.Args[1:]
	if name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"); name == "dbt" { // a link or copy of that name
		args = append([]string{"dbt"}, args...)
	}
	return a.execute(args)
}
