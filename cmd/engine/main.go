package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/term"
)

func main() { os.Exit(Main()) }

// Main runs the command line of the process and returns the exit code.
func Main() int {
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		env: os.LookupEnv, environ: os.Environ, now: time.Now, abort: os.Exit,
		getwd: os.Getwd, cpus: runtime.NumCPU(), drivers: drivers,
		inTTY: term.IsTerminal(int(os.Stdin.Fd())), outTTY: term.IsTerminal(int(os.Stdout.Fd())), errTTY: term.IsTerminal(int(os.Stderr.Fd())),
		size: func() int {
			for _, f := range []*os.File{os.Stdout, os.Stderr} {
				if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
					return width
				}
			}
			return 0
		},
	}
	args := os.Args[1:]
	if name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"); name == "dbt" { // a link or copy of that name
		args = append([]string{"dbt"}, args...)
	}
	return a.execute(args)
}
