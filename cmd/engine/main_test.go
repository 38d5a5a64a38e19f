package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"engine": main,
		"dbt":    main,
		// rows SQL: the rows of a template, as CSV.
		"rows": func() {
			os.Args = []string{"engine", "show", "--quiet", "--limit", "0", "--output", "csv", "--inline", os.Args[1]}
			main()
		},
		// sql FILE STATEMENT: what others do to a DuckDB file behind the engine's back.
		"sql": func() {
			c, err := duckdb.Driver{}.Open(context.Background(), warehouse.Config{Dir: ".", Fields: map[string]string{"path": os.Args[1]}})
			if err == nil {
				_, err = c.Exec(context.Background(), warehouse.Statement{SQL: os.Args[2], BodyEnd: len(os.Args[2])})
				err = errors.Join(err, c.Close())
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		},
		// http METHOD LOG PATH [TOKEN BODY]: asks the server whose address the log of engine serve
		// says, waiting for it, and prints the status and the answer.
		"http": askServer,
		// tell FILE STATEMENT: somebody else changes a DuckDB file.
		"tell": func() {
			ctx := context.Background()
			c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: ".", Fields: map[string]string{"path": os.Args[1]}})
			if err == nil {
				_, err = c.Exec(ctx, warehouse.Statement{SQL: os.Args[2]})
				err = errors.Join(err, c.Close())
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		},
		// ask FILE QUERY: the rows of a DuckDB file as others read it, one a line, values with commas.
		"ask": func() {
			ctx := context.Background()
			c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: ".", Fields: map[string]string{"path": os.Args[1], "read_only": "true"}})
			if err == nil {
				var rows warehouse.Rows
				if rows, err = c.Query(ctx, warehouse.Statement{SQL: os.Args[2]}); err == nil {
					for err == nil && rows.Next() {
						var values []any
						values, err = rows.Values()
						words := make([]string, len(values))
						for i, v := range values {
							if words[i] = "NULL"; v != nil {
								words[i] = fmt.Sprint(v)
							}
						}
						fmt.Println(strings.Join(words, ","))
					}
					err = errors.Join(err, rows.Err(), rows.Close())
				}
				err = errors.Join(err, c.Close())
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		},
	})
}

// askServer is the script program http.
func askServer() {
	method, log, path := os.Args[1], os.Args[2], os.Args[3]
	address := regexp.MustCompile(`http://[0-9.:]+`)
	var base string
	for range 200 {
		text, err := os.ReadFile(log)
		if base = address.FindString(string(text)); err == nil && base != "" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	var body io.Reader
	if len(os.Args) > 5 {
		body = strings.NewReader(os.Args[5])
	}
	r, err := http.NewRequest(method, base+path, body)
	if err == nil && body != nil {
		r.Header.Set("Authorization", "Bearer "+os.Args[4])
		r.Header.Set("Content-Type", "application/json")
	}
	var answer *http.Response
	if err == nil {
		answer, err = http.DefaultClient.Do(r)
	}
	if err == nil {
		fmt.Println(answer.StatusCode)
		_, err = io.Copy(os.Stdout, answer.Body)
		_ = answer.Body.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true, UpdateScripts: os.Getenv("ENGINE_UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("USER", "")
			if strings.HasPrefix(filepath.Base(e.WorkDir), "script-metabase") {
				shownIn(e)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": exitCode, "site": site},
	})
	if os.Getenv("ENGINE_UPDATE") != "" {
		t.Error("scripts may have been written: run again without ENGINE_UPDATE")
	}
}

// exitCode is the script command «code N program args…»: the program must end with N.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program args…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil && want == 0:
	case errors.As(err, &exit) && exit.ExitCode() == want:
	default:
		ts.Fatalf("want exit code %d, got: %v", want, err)
	}
}

var link = regexp.MustCompile(`(?:href|src)="([^"#?:]+)["#?]`)

// site is the script command «site DIR page…»: the pages are there, and every page leads
// only to files that are.
func site(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: site DIR page…")
	}
	dir := ts.MkAbs(args[0])
	for _, page := range args[1:] {
		if _, err := os.Stat(filepath.Join(dir, page)); err != nil {
			ts.Fatalf("page %s: %v", page, err)
		}
	}
	ts.Check(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".html" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(m[1]))); err != nil {
				ts.Fatalf("%s leads to %s: %v", path, m[1], err)
			}
		}
		return nil
	}))
}

// TestCatalogueIsWhole keeps the law that a code has one entry, and that an entry says
// something.
func TestCatalogueIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range catalogue() {
		code := string(e.Code)
		if seen[code] {
			t.Errorf("code %s is listed twice", code)
		}
		seen[code] = true
		if !regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*$`).MatchString(code) {
			t.Errorf("code %q is not made of words", code)
		}
		if e.Title == "" || e.Explain == "" || strings.HasSuffix(e.Title, ".") {
			t.Errorf("entry of %s: title %q, explanation %q", code, e.Title, e.Explain)
		}
	}
}
