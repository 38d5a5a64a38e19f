package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Process does phases as processes of their own: their memory is given back, they end when
// they are told to, and a crash is theirs alone.
type Process struct {
	// Path is the program, Args its arguments for a task, Dir its folder, Env its environment.
	Path string
	Args func(Task) []string
	Dir  string
	Env  []string
	// Kill is how long the process has to end after it was interrupted; then it is killed.
	Kill time.Duration
	// Secrets are words that never get into the log; short ones are not looked for.
	Secrets []string
	// Read makes an outcome of the exit code and of what was printed, whose end is cut when
	// there is more than mostOutput. last are the last lines of the log.
	Read func(t Task, code int, printed []byte, last string) Outcome
}

const (
	mostOutput = 64 << 20 // bytes of stdout that are kept
	mostLast   = 2 << 10  // bytes of the end of the log that an outcome may quote
)

// Do is a Phase.
func (p *Process) Do(ctx context.Context, t Task, log io.Writer) Outcome {
	mask := NewMask(log, p.Secrets)
	last := &tail{most: mostLast}
	both := io.MultiWriter(mask, last)
	var out bounded
	cmd := exec.CommandContext(ctx, p.Path, p.Args(t)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.Dir, p.Env, &out, both
	// Ctrl-C in a terminal goes to all processes of the group: this one is told by us, once.
	apart(cmd)
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = p.Kill
	runtime.LockOSThread() // see apart
	err := cmd.Run()
	runtime.UnlockOSThread()
	ferr := mask.Flush()
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	var exit *exec.ExitError
	switch {
	case err == nil && ferr != nil:
		return Outcome{Message: fmt.Sprintf("the log cannot be written: %v", ferr)}
	case err != nil && !errors.As(err, &exit) && code == -1:
		return Outcome{Message: fmt.Sprintf("engine %s cannot be started: %v", t.Phase, err)}
	}
	o := p.Read(t, code, out.Bytes(), mask.clean(last.String()))
	if err != nil && code == 0 { // it ended well and left something open
		o.OK = true
	}
	o.Message = mask.clean(o.Message)
	for i := range o.Failures {
		o.Failures[i].Message = mask.clean(o.Failures[i].Message)
	}
	return o
}

// bounded keeps the first mostOutput bytes.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := mostOutput - b.Len(); len(p) > room {
		b.Buffer.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// tail keeps the last bytes.
type tail struct {
	most int
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - t.most; over > 0 {
		t.text = slices.Delete(t.text, 0, over)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.ToValidUTF8(string(t.text), "") }

// shortSecret is the length below which a word is not taken for a secret: it would be found
// everywhere.
const shortSecret = 4

// Mask writes lines without secrets. Safe for concurrent use.
type Mask struct {
	mu      sync.Mutex
	to      io.Writer
	line    []byte
	secrets []string
}

// NewMask writes to a writer.
func NewMask(to io.Writer, secrets []string) *Mask {
	m := &Mask{to: to}
	for _, s := range secrets {
		for line := range strings.SplitSeq(s, "\n") { // what is written is looked at line by line
			if line = strings.TrimSpace(line); len(line) >= shortSecret && !slices.Contains(m.secrets, line) {
				m.secrets = append(m.secrets, line)
			}
		}
	}
	// A secret that is part of another one must not leave the rest of it.
	slices.SortFunc(m.secrets, func(a, b string) int { return len(b) - len(a) })
	return m
}

// longLine is written although it has no end yet.
const longLine = 1 << 20

func (m *Mask) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = append(m.line, p...)
	end := bytes.LastIndexByte(m.line, '\n') + 1
	if end == 0 && len(m.line) > longLine {
		end = len(m.line)
	}
	if end == 0 {
		return len(p), nil
	}
	_, err := io.WriteString(m.to, m.clean(string(m.line[:end])))
	m.line = slices.Delete(m.line, 0, end)
	return len(p), err
}

// Flush writes a line that has no end.
func (m *Mask) Flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.line) == 0 {
		return nil
	}
	_, err := io.WriteString(m.to, m.clean(string(m.line)))
	m.line = nil
	return err
}

func (m *Mask) clean(text string) string {
	for _, s := range m.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}

func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }
