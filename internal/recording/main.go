package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// Cells of the terminal that is shown, and the most bytes of the picture.
const (
	columns, rows = 94, 26
	mostBytes     = 150_000
)

// project is what a copy of the project takes from the repository.
var project = []string{"engine.yml", "models", "seeds", "snapshots", "tests", "macros"}

// step is one line that is typed. What is really done differs in where the program is.
type step struct {
	typed string
	run   []string      // arguments of the program; nil: the model is edited instead
	edit  [][2]string   // in each line the first of one text becomes another
	code  int           // with which the program ends
	hold  time.Duration // how long the end is looked at
}

// model is what is edited.
const model = "models/core/reports/report_machine_history.sql"

var script = []step{
	{typed: "engine build", run: []string{"build"}, hold: 2500 * time.Millisecond},
	{typed: "sed -i s/energy_kwh/energy_khw/ " + model, edit: [][2]string{{"energy_kwh", "energy_khw"}}},
	{typed: "clear; engine check", run: []string{"check"}, code: 2, hold: 3 * time.Second},
	{typed: "sed -i 's/khw/kwh/; s/cost), 2)/cost), 1)/' " + model, edit: [][2]string{{"khw", "kwh"}, {"cost), 2)", "cost), 1)"}}},
	{typed: "engine build", run: []string{"build"}, hold: 4 * time.Second},
}

// change does the edits of a step, and fails where there is nothing to do.
func change(dir string, edits [][2]string) error {
	path := filepath.Join(dir, filepath.FromSlash(model))
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(string(body), "\n")
	for _, e := range edits {
		found := false
		for i, line := range lines {
			found = found || strings.Contains(line, e[0])
			lines[i] = strings.Replace(line, e[0], e[1], 1)
		}
		if !found {
			return fmt.Errorf("%s has no %q", model, e[0])
		}
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "recording: want the program and the picture: go run ./internal/recording bin/engine docs/images/build.svg")
		os.Exit(2)
	}
	if err := record(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

func record(program, to string) (err error) {
	program, err = filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "recording")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, name := range project {
		if err := take(name, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("copy the project: %w", err)
		}
	}
	f := &film{screen: vt10x.New(vt10x.WithSize(columns, rows))}
	for _, s := range script {
		if err := f.play(s, program, dir); err != nil {
			return fmt.Errorf("%s: %w", s.typed, err)
		}
	}
	for apart := 100 * time.Millisecond; ; apart += 20 * time.Millisecond {
		picture := draw(f.thinned(apart))
		if len(picture) <= mostBytes {
			fmt.Printf("%s: %d bytes, pictures %v apart\n", to, len(picture), apart)
			return os.WriteFile(to, []byte(picture), 0o644)
		}
		if apart > time.Second {
			return fmt.Errorf("the picture has %d bytes, want at most %d", len(picture), mostBytes)
		}
	}
}

// take copies a file or a folder.
func take(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	body, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, body, 0o644)
}

// cell is one character as shown.
type cell struct {
	char rune
	fg   vt10x.Color
	bold bool
}

// frame is the screen for as long as nothing changes.
type frame struct {
	cells [rows][columns]cell
	shown time.Duration
}

// film is a terminal and what it has shown. The time of the film is that of the clock, but for
// pauses, which are cut.
type film struct {
	screen vt10x.Terminal
	frames []frame
	held   []byte // the beginning of a sequence that has not come as a whole
}

// longest is the longest time for which a command may show nothing new.
const longest = 500 * time.Millisecond

const (
	prompt = "\x1b[32m~/warehouse\x1b[0m $ "
	stroke = 28 * time.Millisecond
)

func (f *film) play(s step, program, dir string) error {
	f.write([]byte(prompt))
	f.shoot(600 * time.Millisecond)
	for i := 0; i < len(s.typed); i += 2 {
		f.write([]byte(s.typed[i:min(i+2, len(s.typed))]))
		f.shoot(2 * stroke)
	}
	f.shoot(300 * time.Millisecond)
	f.write([]byte("\r\n"))
	if strings.HasPrefix(s.typed, "clear;") {
		f.write([]byte("\x1b[2J\x1b[H"))
	}
	var err error
	if s.run == nil {
		err = change(dir, s.edit)
	} else {
		err = f.command(program, s, dir)
	}
	if err != nil {
		return err
	}
	f.shoot(s.hold)
	return nil
}

// command films a program in a pseudo-terminal.
func (f *film) command(program string, s step, dir string) error {
	cmd := exec.Command(program, s.run...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "NO_COLOR=", "CLICOLOR=1")
	out, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: columns, Rows: rows})
	if err != nil {
		return err
	}
	buffer := make([]byte, 1<<16)
	last := time.Now()
	for {
		n, err := out.Read(buffer)
		now := time.Now()
		f.shoot(min(now.Sub(last), longest)) // what stood there until now
		last = now
		f.write(buffer[:n])
		if err != nil {
			break // the terminal is gone with the program
		}
	}
	_ = out.Close()
	var ended *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &ended) {
		return err
	}
	if code := cmd.ProcessState.ExitCode(); code != s.code {
		return fmt.Errorf("exit code %d, want %d:\n%s", code, s.code, f.screen.String())
	}
	return nil
}

// faint is a style that the emulator does not know; grey stands in for it.
const faint, grey = "\x1b[2m", "\x1b[90m"

func (f *film) write(text []byte) {
	text = append(f.held, text...)
	f.held = nil
	for n := min(len(faint)-1, len(text)); n > 0; n-- {
		if tail := string(text[len(text)-n:]); strings.HasPrefix(faint, tail) {
			f.held, text = []byte(tail), text[:len(text)-n]
			break
		}
	}
	_, _ = io.WriteString(f.screen, strings.ReplaceAll(string(text), faint, grey))
}

// shoot says for how long the screen stands as it is.
func (f *film) shoot(d time.Duration) {
	var now frame
	for y := range rows {
		for x := range columns {
			g := f.screen.Cell(x, y)
			if g.Char == 0 {
				g.Char = ' '
			}
			now.cells[y][x] = cell{g.Char, g.FG, g.Mode&bold != 0}
		}
	}
	if n := len(f.frames); n > 0 && f.frames[n-1].cells == now.cells {
		f.frames[n-1].shown += d
		return
	}
	now.shown = d
	f.frames = append(f.frames, now)
}

// bold is the emulator's bit for it, which it does not export.
const bold = 1 << 2

// thinned leaves out frames that are shown for less than a time: the one that follows them
// comes as much earlier.
func (f *film) thinned(least time.Duration) []frame {
	var out []frame
	waiting := time.Duration(0)
	for i, now := range f.frames {
		now.shown += waiting
		waiting = 0
		if now.shown < least && i < len(f.frames)-1 {
			waiting = now.shown
			continue
		}
		out = append(out, now)
	}
	return out
}
