package readme

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const root = "../.."

// testCommand is how the README runs the tests. It is not run here, it would run this test;
// CI must call it.
const testCommand = "make test"

// answers are the commands of the README's blocks and what each must print. A command that
// is not here fails the test, and so does one that the README no longer has.
var answers = map[string][]string{
	`go run ./cmd/engine build`: {`(?m)^done: \d+ built, \d+ tests passed`, `(?m)^database +target/engine\.duckdb$`, `(?m)^catalog +target/catalog/index\.html$`},
	`go run ./cmd/engine show --inline 'select count(*) as materials from {{ ref "material" }}'`: {`(?m)^ *materials *$`, `(?m)^ *3048 *$`, `(?m)^1 row$`},
	`make engine                     # bin/engine`:                                               {`go build`},
	`bin/engine init my_warehouse`:                                                               {`made the minimal project in my_warehouse`},
	`bin/engine build --project-dir my_warehouse`:                                                {`(?m)^done: 3 built, 5 tests passed`, `(?m)^catalog +my_warehouse/target/catalog/index\.html$`},
	`bin/engine init --example manufacturing --materials 20000 big`:                              {`made the manufacturing project in big`},
	`bin/engine build --project-dir big`:                                                         {`(?m)^done: \d+ built, \d+ tests passed`, `(?m)^database +big/target/engine\.duckdb$`},
}

// made are the files that must exist in the end.
var made = []string{
	"target/engine.duckdb", "target/catalog/index.html", "target/manifest.json", "target/run_results.json", "target/catalog.json",
	"bin/engine", "my_warehouse/target/catalog/index.html", "big/target/engine.duckdb",
}

// TestReadmeIsTrue does the blocks from top to bottom, as one reader in one terminal does,
// then what the prose says and what the table lists.
func TestReadmeIsTrue(t *testing.T) {
	text := read(t, filepath.Join(root, "README.md"))
	r := newReader(t)
	var seen []string
	for _, line := range shellLines(text) {
		if line == testCommand {
			continue
		}
		wants, known := answers[line]
		if !known {
			t.Errorf("README.md says %q and this test does not know what it must print", line)
		}
		seen = append(seen, line)
		r.does(line, 0, wants...)
	}
	for line := range answers {
		if !slices.Contains(seen, line) {
			t.Errorf("README.md no longer says %q", line)
		}
	}
	for _, path := range made {
		if _, err := os.Stat(filepath.Join(r.copy, path)); err != nil {
			t.Errorf("the commands have not made %s: %v", path, err)
		}
	}
	r.does("go run ./cmd/engine build", 0, `(?m)^done: \d+ unchanged, (\d+ tests? passed, )?\d+ tests unchanged`)
	r.doesTable(text)
	r.breaks("models/core/material.sql")
	r.does("go run ./cmd/engine check", 1, `models/core/material\.sql:\d+:\d+`, "no_such_column", "exit status 2")
}

// TestTestCommand: what the README calls the test command is what CI calls.
func TestTestCommand(t *testing.T) {
	if !slices.Contains(shellLines(read(t, filepath.Join(root, "README.md"))), testCommand) {
		t.Errorf("README.md has no block with %q", testCommand)
	}
	if !slices.Contains(strings.Split(read(t, filepath.Join(root, ".ci/run")), "\n"), testCommand) {
		t.Errorf(".ci/run does not call %q", testCommand)
	}
}

var mdLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere follows the links between the README and the pages, anchors too.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, filepath.Join(root, "README.md"))
	for _, page := range pages {
		for _, m := range mdLink.FindAllStringSubmatch(withoutCode(read(t, page)), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(path))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %q leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s has no heading for %q", page, target, m[1])
			}
		}
	}
}

// TestEveryPageIsReached: a page of docs/ that the README does not lead to is lost.
func TestEveryPageIsReached(t *testing.T) {
	reached := map[string]bool{}
	next := []string{filepath.Join(root, "README.md")}
	for len(next) > 0 {
		page := next[0]
		next = next[1:]
		if reached[page] || filepath.Ext(page) != ".md" {
			continue
		}
		reached[page] = true
		body, err := os.ReadFile(page)
		if err != nil {
			continue // TestLinksLeadSomewhere reports it
		}
		for _, m := range mdLink.FindAllStringSubmatch(withoutCode(string(body)), -1) {
			path, _, _ := strings.Cut(m[1], "#")
			next = append(next, filepath.Join(filepath.Dir(page), filepath.FromSlash(path)))
		}
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if !reached[page] {
			t.Errorf("no link leads from README.md to %s", page)
		}
	}
}

// reader is somebody who has cloned the repository and types.
type reader struct {
	t         *testing.T
	copy, dir string
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{t: t, copy: t.TempDir()}
	r.dir = r.copy
	for _, file := range files(t) {
		body, err := os.ReadFile(filepath.Join(root, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(r.copy, file)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// files are those of a clone: what git tracks, and what it would if it were added.
func files(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err == nil {
		return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	}
	var all []string // an unpacked archive
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "bin", "target", "dist", "my_warehouse", "big"}, rel) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() {
			all = append(all, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// does types a line and looks at the exit code and at what is printed. Where the shell
// stands afterwards, the next line begins.
func (r *reader) does(line string, code int, wants ...string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	pwd := filepath.Join(r.t.TempDir(), "pwd")
	cmd := exec.CommandContext(ctx, "bash", "-c", line+"\ncode=$?\npwd >\"$READER_PWD\"\nexit $code")
	cmd.Dir = r.dir
	cmd.Env = append(environ(), "USER=reader", "READER_PWD="+pwd)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	r.t.Logf("%s (%.1f s)", line, time.Since(start).Seconds())
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		r.t.Fatalf("%s: want exit code %d, got %v:\n%s", line, code, err, out)
	}
	for _, want := range wants {
		if !regexp.MustCompile(want).Match(out) {
			r.t.Errorf("%s: no match of %s in\n%s", line, want, out)
		}
	}
	where, err := os.ReadFile(pwd)
	if err != nil {
		r.t.Fatal(err)
	}
	r.dir = strings.TrimSpace(string(where))
}

var tableRow = regexp.MustCompile("(?m)^\\| [^|]+ \\| `engine ([^`]+)` \\|$")

// doesTable types the commands of «Daily use» with the binary just made.
func (r *reader) doesTable(text string) {
	r.t.Helper()
	rows := tableRow.FindAllStringSubmatch(text, -1)
	if len(rows) < 8 {
		r.t.Fatalf("the table of daily use has %d commands", len(rows))
	}
	for _, m := range rows {
		if m[1] == "docs serve" || m[1] == "watch" { // go on until they are stopped; cmd/engine tests them
			continue
		}
		r.does("bin/engine "+m[1], 0, `\S`)
	}
}

// breaks gives a model a column that does not exist.
func (r *reader) breaks(model string) {
	r.t.Helper()
	path := filepath.Join(r.copy, filepath.FromSlash(model))
	body := read(r.t, path)
	name := regexp.MustCompile(`(?m)^(    [a-z_]+\.)[a-z_]+,$`)
	at := name.FindStringSubmatchIndex(body)
	if at == nil {
		r.t.Fatalf("%s has no line with a column alone", model)
	}
	body = body[:at[3]] + "no_such_column," + body[at[1]:]
	if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// environ is the environment without what the test runner's make and go put in it.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "ENGINE_")
	})
}

// shellLines are the commands in the sh blocks of a page.
func shellLines(text string) []string {
	var out []string
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
	}
	return out
}

func withoutCode(text string) string {
	text = regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
}

// anchors are the names that GitHub gives to the headings of a page.
func anchors(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^#+ +(.+)$`).FindAllStringSubmatch(text, -1) {
		var name strings.Builder
		for _, c := range strings.ToLower(m[1]) {
			switch {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c > 127:
				name.WriteRune(c)
			case c == ' ':
				name.WriteByte('-')
			}
		}
		out = append(out, name.String())
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
