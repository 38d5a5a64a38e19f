package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Versions of the peers. dbt v2 (the Rust engine) has no package that the registries hold whole:
// its wheels are fetched from elsewhere while they are installed.
const (
	dbtCore      = "1.11.16"
	dbtDuckDB    = "1.11.1"
	duckDB       = "1.5.5" // the engine's own
	sqlmesh      = "0.236.4"
	dataformCLI  = "3.0.52" // later ones are slower: dataform#2298
	dataformCore = "3.0.52"
)

// op is what is measured.
type op struct {
	name  string
	about string
	// prepare is done before each run and not measured; nil does nothing.
	prepare func(dir string, i int) error
	argv    []string
}

// tool is a contestant.
type tool struct {
	name, version string
	engine        string // what runs the models
	install       func(dir string) (command string, err error)
	files         func(nodes []node, seed uint64) files
	env           []string
	ops           func(command string, nodes []node) []op
	notes         string // what is different from the other tools, for the reader of the table
	database      string // of the built tables, in the project; empty: it builds nothing here
	setup         func(dir, command string) error
}

// Names of what is measured, in the table's order.
var opNames = []string{"start", "ls", "ls again", "compile", "compile after an edit", "compile one", "build", "build again", "build after an edit", "docs"}

var opAbout = map[string]string{
	"start":                 "the command's help",
	"ls":                    "all models by name, nothing cached",
	"ls again":              "the same, with what the first left",
	"compile":               "the SQL of all models, nothing cached",
	"compile after an edit": "the same after an edit of one staging model",
	"compile one":           "one mart of an unchanged project",
	"build":                 "seed, models and tests into a new DuckDB file",
	"build again":           "the same once more, nothing changed",
	"build after an edit":   "the same after an edit of one staging model",
	"docs":                  "the documentation of what was built",
}

// remove deletes what a tool left in a project.
func remove(names ...string) func(string, int) error {
	return func(dir string, _ int) error {
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	}
}

// edit changes a number in the SQL of a staging model. Each round has a number of its own for
// each of its edits, the same for all tools.
func edit(nodes []node, ending, prefix string, which int) func(string, int) error {
	at := paths(nodes)
	k := slices.IndexFunc(nodes, func(n node) bool { return n.layer == "staging" })
	if k < 0 {
		k = len(nodes) - 1
	}
	path := prefix + strings.TrimPrefix(at[k], "models/") + ending
	return func(dir string, i int) error {
		full := filepath.Join(dir, filepath.FromSlash(path))
		data, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		text := string(data)
		for _, mark := range []string{"amount >= ", "mod(id, 7) = "} {
			if p := strings.Index(text, mark); p >= 0 {
				p += len(mark)
				end := p
				for end < len(text) && text[end] >= '0' && text[end] <= '9' {
					end++
				}
				return os.WriteFile(full, []byte(fmt.Sprint(text[:p], (2*i+which)%7, text[end:])), 0o644)
			}
		}
		return fmt.Errorf("%s has no number to edit", path)
	}
}

// lastMart is the model that is compiled alone.
func lastMart(nodes []node) string { return nodes[len(nodes)-1].name }

func engineTool() tool {
	return tool{
		name: "engine", engine: "DuckDB", database: "target/dev.duckdb",
		notes: "every model is analyzed with types and column lineage, and translated from GoogleSQL, which no other does; `build again` reads what has not changed and builds nothing; `build` writes the catalog too",
		install: func(dir string) (string, error) {
			command := filepath.Join(dir, "engine")
			build := exec.Command("go", "build", "-o", command, "./cmd/engine")
			build.Stderr = os.Stderr
			return command, build.Run()
		},
		files: engineFiles,
		env:   []string{"NO_COLOR=1"},
		ops: func(command string, nodes []node) []op {
			touch := func(which int) func(string, int) error { return edit(nodes, ".sql", "models/", which) }
			return []op{
				{name: "start", argv: []string{command, "--help"}},
				{name: "ls", prepare: remove("target"), argv: []string{command, "ls"}},
				{name: "ls again", argv: []string{command, "ls"}},
				{name: "compile", prepare: remove("target"), argv: []string{command, "compile"}},
				{name: "compile after an edit", prepare: touch(1), argv: []string{command, "compile"}},
				{name: "compile one", argv: []string{command, "compile", "--select", lastMart(nodes)}},
				{name: "build", prepare: remove("target"), argv: []string{command, "build"}},
				{name: "build again", argv: []string{command, "build"}},
				{name: "build after an edit", prepare: touch(2), argv: []string{command, "build"}},
				{name: "docs", argv: []string{command, "docs", "generate"}},
			}
		},
	}
}

// venv makes a folder for Python packages.
func venv(dir string, packages ...string) error {
	python, err := exec.LookPath("python3")
	if err != nil {
		return err
	}
	if err := quiet(python, "-m", "venv", dir); err != nil {
		return err
	}
	return quiet(filepath.Join(dir, "bin", "pip"), append([]string{"install", "-q"}, packages...)...)
}

func quiet(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, lines[len(lines)-1])
	}
	return nil
}

func dbtTool() tool {
	return tool{
		name: "dbt", version: "dbt-core " + dbtCore + ", dbt-duckdb " + dbtDuckDB, engine: "DuckDB", database: "target/dev.duckdb",
		notes: "with nothing cached its folder target is deleted, which holds the partial parse; else that is used; `build again` builds all anew, as it keeps no state",
		install: func(dir string) (string, error) {
			return filepath.Join(dir, "bin", "dbt"), venv(dir, "dbt-core=="+dbtCore, "dbt-duckdb=="+dbtDuckDB, "duckdb=="+duckDB)
		},
		files: dbtFiles,
		env:   []string{"DBT_PROFILES_DIR=.", "DBT_SEND_ANONYMOUS_USAGE_STATS=false", "DBT_USE_COLORS=false"},
		ops: func(command string, nodes []node) []op {
			touch := func(which int) func(string, int) error { return edit(nodes, ".sql", "models/", which) }
			return []op{
				{name: "start", argv: []string{command, "--help"}},
				{name: "ls", prepare: remove("target", "logs"), argv: []string{command, "ls", "--resource-type", "model"}},
				{name: "ls again", argv: []string{command, "ls", "--resource-type", "model"}},
				{name: "compile", prepare: remove("target", "logs"), argv: []string{command, "compile"}},
				{name: "compile after an edit", prepare: touch(1), argv: []string{command, "compile"}},
				{name: "compile one", argv: []string{command, "compile", "--select", lastMart(nodes)}},
				{name: "build", prepare: remove("target", "logs"), argv: []string{command, "build"}},
				{name: "build again", argv: []string{command, "build"}},
				{name: "build after an edit", prepare: touch(2), argv: []string{command, "build"}},
				{name: "docs", argv: []string{command, "docs", "generate"}},
			}
		},
	}
}

func sqlmeshTool() tool {
	return tool{
		name: "sqlmesh", version: sqlmesh, engine: "DuckDB", database: "dev.duckdb",
		notes: "ls is `sqlmesh info`, which reads, parses and types all models, compile one is `render`, build is `plan --auto-apply` with audits; it sends one statement at a time to DuckDB, which cannot be set; it has no command that writes the SQL of all models",
		install: func(dir string) (string, error) {
			return filepath.Join(dir, "bin", "sqlmesh"), venv(dir, "sqlmesh[duckdb]=="+sqlmesh, "duckdb=="+duckDB)
		},
		files: sqlmeshFiles,
		env:   []string{"SQLMESH__DISABLE_ANONYMIZED_ANALYTICS=true", "NO_COLOR=1"},
		ops: func(command string, nodes []node) []op {
			touch := func(which int) func(string, int) error { return edit(nodes, ".sql", "models/", which) }
			all := []string{".cache", "dev.duckdb", "dev.duckdb.wal", "logs"}
			plan := []string{command, "plan", "--auto-apply", "--no-prompts", "--skip-tests"}
			return []op{
				{name: "start", argv: []string{command, "--help"}},
				// What it does before anything else: all models are read, parsed and typed.
				{name: "ls", prepare: remove(all...), argv: []string{command, "info", "--skip-connection"}},
				{name: "ls again", argv: []string{command, "info", "--skip-connection"}},
				{name: "compile one", argv: []string{command, "render", schema + "." + lastMart(nodes)}},
				{name: "build", prepare: remove(all...), argv: plan},
				{name: "build again", argv: plan},
				{name: "build after an edit", prepare: touch(2), argv: plan},
			}
		},
	}
}

func dataformTool() tool {
	return tool{
		name: "dataform", version: dataformCLI, engine: "compiles only",
		notes: "it runs on BigQuery alone, so it is compiled only",
		install: func(dir string) (string, error) {
			npm, err := exec.LookPath("npm")
			if err != nil {
				return "", err
			}
			command := filepath.Join(dir, "node_modules", ".bin", "dataform")
			return command, quiet(npm, "install", "--silent", "--prefix", dir, "@dataform/cli@"+dataformCLI, "@dataform/core@"+dataformCore)
		},
		files: func(nodes []node, _ uint64) files { return dataformFiles(nodes, dataformCore) },
		ops: func(command string, nodes []node) []op {
			touch := func(which int) func(string, int) error { return edit(nodes, ".sqlx", "definitions/", which) }
			return []op{
				{name: "start", argv: []string{command, "help"}},
				{name: "compile", argv: []string{command, "compile", "--json", "--timeout", "1h"}},
				{name: "compile after an edit", prepare: touch(1), argv: []string{command, "compile", "--json", "--timeout", "1h"}},
			}
		},
		// Its core is a package of the project.
		setup: func(dir, command string) error {
			link := filepath.Join(dir, "node_modules")
			if err := os.RemoveAll(link); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(filepath.Dir(filepath.Dir(command))), link)
		},
	}
}

func tools() []tool { return []tool{engineTool(), dbtTool(), sqlmeshTool(), dataformTool()} }

// ours is the file that says that a folder is one of this program's, which may be deleted.
const ours = "made-by-engine-bench-peers"

// own makes a folder for a tool. What an installation that was not finished has left there is
// deleted if anew is set; a folder that somebody else made is not touched.
func own(dir string, anew bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	is := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	switch {
	case len(entries) > 0 && !is(ours) && !is("command"):
		return fmt.Errorf("%s is not empty and was not made by this program: name another folder with -tools", dir)
	case len(entries) > 0 && anew:
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ours), nil, 0o644)
}

// installed returns a tool's command, installing it where it is not yet.
func (t tool) installed(root string) (string, error) {
	dir := filepath.Join(root, strings.Trim(t.name+"-"+strings.NewReplacer(" ", "-", ",", "").Replace(t.version), "-"))
	mark := filepath.Join(dir, "command")
	if data, err := os.ReadFile(mark); err == nil && t.version != "" {
		return string(data), nil
	}
	if err := own(dir, t.version != ""); err != nil {
		return "", err
	}
	start := time.Now()
	command, err := t.install(dir)
	if err != nil {
		return "", fmt.Errorf("install %s %s: %w", t.name, t.version, err)
	}
	fmt.Fprintf(os.Stderr, "%s is installed (%s)\n", t.name, time.Since(start).Round(time.Second))
	return command, os.WriteFile(mark, []byte(command), 0o644)
}
