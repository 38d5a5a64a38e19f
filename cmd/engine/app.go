package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

// Exit codes.
const (
	exitDone     = 0
	exitFailed   = 1 // data or warehouse
	exitMistake  = 2 // project, flags or configuration; nothing was written
	exitInternal = 3
	exitAborted  = 130 // a second interrupt
	exitUnread   = 141 // nobody reads the output any more: what a shell says where SIGPIPE ends a program
)

// app is one run of the program: the world outside as values, and the global flags.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) (string, bool)
	environ  func() []string
	now      func() time.Time
	abort    func(int)
	getwd    func() (string, error)
	size     func() int // columns of the terminal, 0 if there is none
	// window asks for columns and rows each time that something is drawn; nil: size says it all.
	window  func() (columns, rows int)
	plain   bool // the terminal does not act on escape sequences
	cpus    int
	drivers []warehouse.Driver

	inTTY, outTTY, errTTY bool
	// keyboard makes the terminal give each key as it is typed, until restore; ok is false where
	// it has none to give.
	keyboard func() (restore func(), ok bool)

	global globals
	// compare are the flags of commands that look at another state of the project.
	compare comparison
	// schemaSuffix is engine ci's: it builds into schemas of its own.
	schemaSuffix string
	// keeps: the command writes into the target folder, so that one is made before the first
	// compilation.
	keeps bool
	// stays: the command looks at the project again and again; desk has what it keeps from one
	// look to the next, nil before the first.
	stays bool
	desk  *desk
	// limit bounds what the commands that build read; nil: nothing does.
	limit *compile.Limit
	// dbt is the call of dbt's command line that runs, nil for engine's own.
	dbt  *dbtCall
	args []string
	dir  string // project directory, once it is known

	mu    sync.Mutex
	tell  func(string) // shows a word of the program; set while a view runs
	leave func()       // puts the terminal back before the process is aborted; nil: nothing to do

	unread atomic.Bool // whoever read the output has gone
}

// mistakes is an error made of diagnostics, with the exit code it stands for.
type mistakes struct {
	list diag.List
	code int
}

func (m *mistakes) Error() string {
	var lines []string
	for _, d := range m.list {
		lines = append(lines, d.Line())
	}
	return strings.Join(lines, "\n")
}

// mistake is an error with exit code 2.
func mistake(d ...diag.Diagnostic) error { return &mistakes{d, exitMistake} }

// failure is an error with exit code 1.
func failure(d ...diag.Diagnostic) error { return &mistakes{d, exitFailed} }

// reported is an error that has been shown already.
type reported int

func (r reported) Error() string { return fmt.Sprintf("exit %d", int(r)) }

// execute runs one command line.
func (a *app) execute(args []string) (code int) {
	a.args = args
	defer func() {
		if r := recover(); r != nil {
			code = a.crash(r, debug.Stack())
		}
	}()
	ctx, cancel, stop := a.interruptible()
	defer stop()
	gone := func() {
		a.unread.Store(true)
		cancel()
	}
	a.out, a.err = &outlet{a.out, gone}, &outlet{a.err, gone}
	root := a.rootCommand()
	root.SetArgs(args)
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd {
		unquoteUsage(root)
	}
	return a.conclude(root.ExecuteContext(ctx))
}

// conclude shows an error and gives its exit code.
func (a *app) conclude(err error) int {
	var shown reported
	var known *mistakes
	var single diag.Diagnostic
	switch {
	case a.unread.Load():
		return exitUnread // an error would be one of the pipe, or of what it has stopped
	case err == nil:
		return exitDone
	case errors.As(err, &shown):
		return int(shown)
	case errors.As(err, &known):
		a.report(known.list, true)
		return known.code
	case errors.As(err, &single):
		a.report(diag.List{single}, true)
		return exitMistake
	case errors.Is(err, context.Canceled):
		a.report(diag.List{canceled()}, true)
		return exitFailed
	}
	a.report(diag.List{plainError(err)}, true)
	return exitFailed
}

// report shows diagnostics in the form asked for. A fatal list is the command's answer,
// so programs find it where they look for the answer.
func (a *app) report(l diag.List, fatal bool) {
	if len(l) == 0 {
		return
	}
	if a.dbt != nil {
		a.dbt.report(l, fatal)
		return
	}
	switch {
	case a.global.logFormat == "json":
		a.logDiagnostics(l)
	case a.global.output == "github":
		_, _ = io.WriteString(a.out, view.Annotations(l))
	case fatal && wantsJSON(a.global.output):
		_ = view.JSON(a.out, invalid{Status: "invalid", Diagnostics: l.JSON()})
	default:
		if a.global.quiet && !fatal {
			return
		}
		s := a.errScreen()
		text := strings.TrimRight(s.Frames(l), "\n") + "\n"
		if n := len(l); n > 3 {
			text += "\n" + view.Mistakes(l) + "\n"
		}
		_, _ = io.WriteString(a.err, text)
	}
}

// invalid is the answer of a command that found mistakes, for programs.
type invalid struct {
	Status      string      `json:"status"`
	Diagnostics []diag.JSON `json:"diagnostics"`
}

func wantsJSON(output string) bool { return output == "json" || output == "jsonl" }

func (a *app) logDiagnostics(l diag.List) {
	out := a.err
	if !wantsJSON(a.global.output) {
		out = a.out
	}
	log := view.NewLines(view.Screen{Out: out, Now: a.now}, view.RunOptions{})
	for _, d := range l.Sorted() {
		log.Diagnostic(d)
	}
}

// interruptible is a context that the first interrupt cancels, as cancel does; the second ends the
// process. A hangup only cancels: a terminal that closes may send several, and SIGTERM with them.
func (a *app) interruptible() (ctx context.Context, cancel, stop func()) {
	ctx, cancel = context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	// Caught, the signal leaves it to the write to fail; otherwise one to stdout ends the process
	// there and then. Nobody reads the channel: broken connections raise the signal, too.
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	done := make(chan struct{})
	go func() {
		for interrupted := false; ; {
			select {
			case <-done:
				return
			case got := <-signals:
				switch {
				case got == syscall.SIGHUP && ctx.Err() != nil:
				case !interrupted:
					interrupted = got != syscall.SIGHUP
					a.say(stopping(got))
					cancel()
				default:
					a.mu.Lock()
					leave := a.leave
					a.mu.Unlock()
					if leave != nil {
						leave()
					}
					a.abort(exitAborted)
				}
			}
		}
	}()
	return ctx, cancel, func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(done)
		cancel()
	}
}

// stopping is what is said of the first signal.
func stopping(got os.Signal) string {
	switch got {
	case syscall.SIGTERM:
		return "stopping on SIGTERM; a second one aborts"
	case syscall.SIGHUP:
		return "stopping on SIGHUP"
	}
	return "stopping; press Ctrl-C again to abort"
}

// outlet is stdout or stderr. Where whoever reads it has gone there is nobody to work for.
type outlet struct {
	to   io.Writer
	gone func()
}

func (o *outlet) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if pipeClosed(err) {
		o.gone()
	}
	return n, err
}

// say shows a word of the program, through the running view if there is one.
func (a *app) say(text string) {
	a.mu.Lock()
	tell := a.tell
	a.mu.Unlock()
	if tell != nil {
		tell(text)
		return
	}
	if a.dbt != nil {
		a.dbt.log.Note(text)
		return
	}
	_, _ = fmt.Fprintln(a.err, text)
}

// telling makes say go through f until the returned function is called.
func (a *app) telling(f func(string)) func() {
	a.mu.Lock()
	before := a.tell
	a.tell = f
	a.mu.Unlock()
	return func() {
		a.mu.Lock()
		a.tell = before
		a.mu.Unlock()
	}
}

// crash reports a mistake of ours: a message for the user, the details in a file.
func (a *app) crash(r any, stack []byte) int {
	text := fmt.Sprintf("%s\n\nengine %s\nargs: %q\n\n%v\n\n%s", a.now().UTC().Format(time.RFC3339), versionText(), a.args, r, stack)
	dir := os.TempDir()
	if a.dir != "" {
		dir = filepath.Join(a.dir, "target")
	}
	path := filepath.Join(dir, "engine-crash-"+a.now().UTC().Format("20060102T150405Z")+".txt")
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		_, _ = io.WriteString(a.err, text)
		path = ""
	}
	a.report(diag.List{crashed(r, path)}, true)
	return exitInternal
}

// outScreen and errScreen are the two places to write to.
func (a *app) outScreen() view.Screen { return a.screen(a.out, a.outTTY) }
func (a *app) errScreen() view.Screen { return a.screen(a.err, a.errTTY) }

func (a *app) screen(out io.Writer, tty bool) view.Screen {
	if len(a.hidden()) > 0 {
		out = &veiled{out, a}
	}
	s := view.Screen{
		Out: out, Color: a.colour(tty), Unicode: a.unicode(), Now: a.now,
		Quiet: a.global.quiet, Verbose: a.global.verbose,
	}
	if tty {
		s.Width = a.size()
		s.Live = a.variable("TERM") != "dumb" && !a.plain
		s.Size = a.window
	}
	return s
}

func (a *app) variable(name string) string {
	v, _ := a.env(name)
	return v
}

func (a *app) colour(tty bool) bool {
	force := a.variable("CLICOLOR_FORCE")
	switch {
	case a.global.noColor || a.variable("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	case a.variable("CLICOLOR") == "0":
		return false
	}
	return tty && a.variable("TERM") != "dumb" && !a.plain
}

// unicode says whether the locale can show more than ASCII.
func (a *app) unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(a.variable(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	// Windows has no such variables; its new terminal says who it is and shows everything.
	return a.variable("WT_SESSION") != ""
}

// unexpected refuses positional arguments.
func unexpected(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return mistake(extraArgument(cmd, args[0]))
	}
	return nil
}
