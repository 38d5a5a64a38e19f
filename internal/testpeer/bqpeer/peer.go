package bqpeer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Peer is a running BigQuery peer, empty when it starts. Its methods are safe for
// concurrent use.
type Peer struct {
	// URL is the endpoint for a client (option.WithEndpoint), without a path.
	URL string
	// Project is a project that the peer knows; it makes others known when they are named.
	Project string

	stdin  io.Closer
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	once   sync.Once
}

// Request is one request that the peer answered.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query"`
	Code   int    `json:"code"`
	Micros int64  `json:"micros"`
}

// Job is one job that the peer accepted.
type Job struct {
	Project       string            `json:"project"`
	ID            string            `json:"id"`
	Type          string            `json:"type"` // QUERY, LOAD, COPY
	StatementType string            `json:"statementType"`
	State         string            `json:"state"`
	Reason        string            `json:"reason"` // of the error it ended with
	Labels        map[string]string `json:"labels"`
	Executed      int               `json:"executed"` // how often its work ran
	SQL           string            `json:"sql"`
}

// Log is what the peer did since it started or ClearRequests was called; jobs stay.
type Log struct {
	Requests []Request `json:"requests"`
	Jobs     []Job     `json:"jobs"`
}

// Delay slows jobs down whose SQL or id contains Match: Count of them (0: all) wait Millis
// milliseconds in state RUNNING, or PENDING if Pending is set.
type Delay struct {
	Match   string `json:"match"`
	Millis  int64  `json:"millis"`
	Count   int    `json:"count"`
	Pending bool   `json:"pending"`
}

// built holds the outcome of the one build of this test binary.
var built = sync.OnceValues(build)

// Start runs a peer until the test ends. It builds the program first, once for the test
// binary: some seconds if Go's build cache has its packages, minutes if not. The test is
// skipped where the Go command is missing or the modules cannot be had.
func Start(t testing.TB) *Peer {
	t.Helper()
	binary, err := built()
	var lack *lackError
	if errors.As(err, &lack) {
		t.Skipf("needs the Go command and the modules of internal/testpeer/bq: %v", err)
	}
	if err != nil {
		t.Fatalf("build the BigQuery peer: %v", err)
	}
	p, err := run(binary)
	if err != nil {
		t.Fatalf("start the BigQuery peer: %v", err)
	}
	t.Cleanup(p.Close)
	return p
}

// lackError says what the machine lacks.
type lackError struct{ what string }

func (e *lackError) Error() string { return e.what }

// source returns the folder of the peer's module.
func source() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", &lackError{"the tests were built without the paths of their sources"}
	}
	dir := filepath.Join(filepath.Dir(file), "..", "bq")
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return "", &lackError{"the sources of the peer are not here: " + err.Error()}
	}
	return dir, nil
}

// build makes the program, or finds the one that an earlier test binary made from the same
// sources with the same Go.
func build() (string, error) {
	dir, err := source()
	if err != nil {
		return "", err
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", &lackError{"go is not in the PATH"}
	}
	sum, err := fingerprint(dir)
	if err != nil {
		return "", fmt.Errorf("read the peer's sources: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	folder := filepath.Join(cache, "engine-testpeer")
	binary := filepath.Join(folder, "bq-"+sum)
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if st, err := os.Stat(binary); err == nil && st.Mode().IsRegular() {
		return binary, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	unlock, err := lock(filepath.Join(folder, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if st, err := os.Stat(binary); err == nil && st.Mode().IsRegular() {
		return binary, nil // another test binary was faster
	}
	modules := exec.Command(tool, "mod", "download")
	modules.Dir = dir
	modules.Env = append(os.Environ(), "GOWORK=off")
	if out, err := modules.CombinedOutput(); err != nil {
		return "", &lackError{fmt.Sprintf("the modules cannot be downloaded: %v: %s", err, lastLine(out))}
	}
	fresh := binary + fmt.Sprintf(".%d", os.Getpid())
	cmd := exec.Command(tool, "build", "-buildvcs=false", "-ldflags=-s -w", "-o", fresh, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	old, _ := filepath.Glob(filepath.Join(folder, "bq-*")) // an invalid pattern is impossible
	if err := os.Rename(fresh, binary); err != nil {
		return "", fmt.Errorf("keep the built peer: %w", err)
	}
	for _, o := range old {
		if o != binary && o != fresh {
			_ = os.Remove(o) // of former sources; one still running keeps its file
		}
	}
	return binary, nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// fingerprint hashes what the binary is made of.
func fingerprint(dir string) (string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := d.Name()
		if name == "go.mod" || name == "go.sum" || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	slices.Sort(files)
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, filepath.Base(f), len(raw))
		h.Write(raw)
	}
	return hex.EncodeToString(h.Sum(nil)[:10]), nil
}

// lock keeps two test binaries from building at once: the link alone takes 2 GB. A lock
// older than a build can last was left behind.
func lock(path string) (func(), error) {
	const longest = 20 * time.Minute
	for start := time.Now(); time.Since(start) < longest; time.Sleep(200 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err == nil {
			_ = f.Close()
			return func() { _ = os.Remove(path) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("lock the build: %w", err)
		}
		if st, err := os.Stat(path); err == nil && time.Since(st.ModTime()) > longest {
			_ = os.Remove(path)
		}
	}
	return nil, fmt.Errorf("another process has been building the peer for too long: remove %s if none does", path)
}

func run(binary string) (*Peer, error) {
	p := &Peer{Project: "test-project", stderr: &bytes.Buffer{}}
	p.cmd = exec.Command(binary)
	p.cmd.Stderr = p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n') // an early end gives an empty line
		line <- text
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case text := <-line:
		var hello struct {
			URL string `json:"url"`
		}
		if err := json.Unmarshal([]byte(text), &hello); err != nil || hello.URL == "" {
			p.Close()
			return nil, fmt.Errorf("the peer did not say its address: %s", p.stderr)
		}
		p.URL = hello.URL
	case <-time.After(60 * time.Second):
		p.Close()
		return nil, fmt.Errorf("the peer did not say its address within a minute: %s", p.stderr)
	}
	return p, nil
}

// Close ends the peer. It may be called more than once.
func (p *Peer) Close() {
	p.once.Do(func() {
		_ = p.stdin.Close() // the peer ends with its input
		done := make(chan struct{})
		go func() {
			_ = p.cmd.Wait() // it is being ended, whatever its exit code
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = p.cmd.Process.Kill()
			<-done
		}
	})
}

// call uses one of the hooks that only tests know.
func (p *Peer) call(t testing.TB, method, path string, in, out any) {
	t.Helper()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatalf("encode %s: %v", path, err)
		}
		body = bytes.NewReader(raw)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, body)
	if err != nil {
		t.Fatalf("request %s: %v", path, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, raw, err)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("decode %s: %v", path, err)
		}
	}
}

// Log returns the requests and jobs so far.
func (p *Peer) Log(t testing.TB) Log {
	t.Helper()
	var out Log
	p.call(t, http.MethodGet, "/_shim/log", nil, &out)
	return out
}

// ClearRequests forgets the requests of the log.
func (p *Peer) ClearRequests(t testing.TB) {
	t.Helper()
	p.call(t, http.MethodDelete, "/_shim/log", nil, nil)
}

// SetDelays replaces the delays.
func (p *Peer) SetDelays(t testing.TB, delays ...Delay) {
	t.Helper()
	if delays == nil {
		delays = []Delay{}
	}
	p.call(t, http.MethodPost, "/_shim/delays", delays, nil)
}

// SetBytes makes a table look as large as a test wants; dry runs and bills add it up.
func (p *Peer) SetBytes(t testing.TB, project, dataset, table string, size int64) {
	t.Helper()
	p.call(t, http.MethodPost, "/_shim/bytes", map[string]any{"project": project, "dataset": dataset, "table": table, "bytes": size}, nil)
}
