package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Job asks a worker to run a file.
type Job struct {
	Dir    string `json:"dir"`
	Path   string `json:"path"`
	Target string `json:"target"`
	From   int    `json:"from"` // the first case to run
	Case   string `json:"case"` // regular expression over the names of cases
}

// event is a line of a worker's output: one field is set.
type event struct {
	Start  *int    `json:"start,omitempty"`
	Index  int     `json:"index,omitempty"`
	Result *Result `json:"result,omitempty"`
	End    bool    `json:"end,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// Targets lists the targets.
func Targets() []Target { return []Target{DuckDB{MemoryLimit: "1GB"}, &Postgres{}} }

// FindTarget gives the target of a name.
func FindTarget(name string) (Target, error) {
	var names []string
	for _, t := range Targets() {
		if t.Name() == name {
			return t, nil
		}
		names = append(names, t.Name())
	}
	return nil, fmt.Errorf("there is no target %q; there are: %s", name, strings.Join(names, ", "))
}

// statementTimeout bounds one statement of a case.
const statementTimeout = 10 * time.Second

// Serve runs jobs, one a line of in, and writes events, one a line of out, until
// in ends. It is the body of a worker process.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	encode := json.NewEncoder(out)
	runners := map[string]*Runner{}
	defer func() {
		for _, r := range runners {
			r.Close()
		}
	}()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var job Job
		if err := json.Unmarshal(lines.Bytes(), &job); err != nil {
			return fmt.Errorf("read a job: %w", err)
		}
		if err := serve(ctx, job, runners, encode); err != nil {
			if err := encode.Encode(event{Error: err.Error()}); err != nil {
				return fmt.Errorf("write an event: %w", err)
			}
		}
		if err := encode.Encode(event{End: true}); err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
	}
	return lines.Err()
}

func serve(ctx context.Context, job Job, runners map[string]*Runner, encode *json.Encoder) error {
	f, err := LoadFile(job.Dir, job.Path)
	if err != nil {
		return err
	}
	r := runners[job.Target]
	if r == nil {
		t, err := FindTarget(job.Target)
		if err != nil {
			return err
		}
		r = &Runner{Target: t, Exclusions: Exclusions(), Timeout: statementTimeout}
		runners[job.Target] = r
	}
	if r.Keep, err = keep(job.Case); err != nil {
		return err
	}
	var failed error
	send := func(e event) {
		if err := encode.Encode(e); err != nil && failed == nil {
			failed = err
		}
	}
	err = r.File(ctx, f, job.From,
		func(i int) { send(event{Start: &i}) },
		func(i int, res Result) { send(event{Index: i, Result: &res}) })
	return errors.Join(err, failed)
}

// keep is the filter by a regular expression over names; "" keeps all.
func keep(pattern string) (func(*Case) bool, error) {
	if pattern == "" {
		return nil, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern of cases: %w", err)
	}
	return func(c *Case) bool { return re.MatchString(c.Name) }, nil
}

// Pool runs files in worker processes, so that a crash of one case ends nothing
// but itself.
type Pool struct {
	// Command starts a worker: a process that calls Serve with its standard input
	// and output.
	Command func() *exec.Cmd
	Workers int
	// Patience is how long a case may take in all before its worker is killed.
	Patience time.Duration
	// Lifetime is the number of files after which a worker is replaced, to give
	// back its memory.
	Lifetime int
}

// Run runs the jobs and calls done for every result, in no order but never at
// the same time.
func (p *Pool) Run(ctx context.Context, jobs []Job, done func(Result)) error {
	queue := make(chan Job)
	errs := make(chan error, p.Workers)
	var mu sync.Mutex
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range max(1, p.Workers) {
		group.Go(func() {
			w := &worker{pool: p}
			defer w.stop()
			for job := range queue {
				err := w.run(ctx, job, func(r Result) {
					mu.Lock()
					defer mu.Unlock()
					done(r)
				})
				if err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	for _, j := range jobs {
		select {
		case queue <- j:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return ctx.Err()
	}
}

// worker is a process that serves jobs; it is started when needed.
type worker struct {
	pool  *Pool
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan []byte
	said  *tail
	files int
}

// tail keeps the last bytes written to it: what a crashing process says.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// The beginning of a crash report names it, the rest are stacks.
	if room := 4096 - len(t.b); room > 0 {
		t.b = append(t.b, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

func (t *tail) first() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return firstLine(strings.TrimSpace(string(t.b)))
}

func (w *worker) start() error {
	if w.cmd != nil {
		return nil
	}
	cmd := w.pool.Command()
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	w.said = &tail{}
	cmd.Stderr = w.said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	w.cmd, w.in, w.files = cmd, in, 0
	lines := make(chan []byte, 64)
	w.lines = lines
	go func() {
		defer close(lines)
		scan := bufio.NewScanner(out)
		scan.Buffer(nil, 64<<20)
		for scan.Scan() {
			lines <- append([]byte(nil), scan.Bytes()...)
		}
	}()
	return nil
}

// stop ends the process; what it still says is dropped.
func (w *worker) stop() {
	if w.cmd == nil {
		return
	}
	w.in.Close()
	if w.cmd.Process != nil {
		timer := time.AfterFunc(5*time.Second, func() { _ = w.cmd.Process.Kill() })
		defer timer.Stop()
	}
	for range w.lines {
	}
	_ = w.cmd.Wait()
	w.cmd = nil
}

// kill ends the process at once.
func (w *worker) kill() string {
	_ = w.cmd.Process.Kill()
	for range w.lines {
	}
	err := w.cmd.Wait()
	w.cmd = nil
	if said := w.said.first(); said != "" {
		return said
	}
	if err != nil {
		return err.Error()
	}
	return "the process ended"
}

func (w *worker) run(ctx context.Context, job Job, done func(Result)) error {
	for {
		if w.files >= w.pool.Lifetime && w.pool.Lifetime > 0 {
			w.stop()
		}
		if err := w.start(); err != nil {
			return err
		}
		w.files++
		line, err := json.Marshal(job)
		if err != nil {
			return err
		}
		at, finished, why := w.serve(ctx, append(line, '\n'), done)
		if finished {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if why != "" && at < 0 {
			return fmt.Errorf("%s: %s", job.Path, why)
		}
		// The case at killed the worker: note that and go on behind it.
		f, err := LoadFile(job.Dir, job.Path)
		if err != nil {
			return err
		}
		c := f.Cases[at]
		done(Result{Suite: c.Suite, File: c.File, Line: c.Line, Name: c.Name, Verdict: Failed, Reason: "crash: " + why, SQL: c.SQL, Want: c.Want.Text})
		job.From = at + 1
	}
}

// serve sends a job and reads its events. at is the case that was running, -1 for none.
func (w *worker) serve(ctx context.Context, line []byte, done func(Result)) (at int, finished bool, why string) {
	at = -1
	if _, err := w.in.Write(line); err != nil {
		return at, false, "the worker ended: " + w.kill()
	}
	timer := time.NewTimer(w.pool.Patience)
	defer timer.Stop()
	for {
		timer.Reset(w.pool.Patience)
		select {
		case <-ctx.Done():
			w.kill()
			return at, false, ""
		case <-timer.C:
			w.kill()
			return at, false, "no end in sight"
		case line, ok := <-w.lines:
			if !ok {
				return at, false, w.kill()
			}
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				continue // something printed to the standard output
			}
			switch {
			case e.Start != nil:
				at = *e.Start
			case e.Result != nil:
				at = -1
				done(*e.Result)
			case e.Error != "":
				return -1, false, e.Error
			case e.End:
				return -1, true, ""
			}
		}
	}
}

// Self is a Command that runs the program itself with the arguments.
func Self(args ...string) func() *exec.Cmd {
	return func() *exec.Cmd {
		program, err := os.Executable()
		if err != nil {
			program = os.Args[0]
		}
		return exec.Command(program, args...)
	}
}
