package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/bench/gen"
)

// measurement is a budget or several that are measured together.
type measurement struct {
	name, about string
	// measure gives a line for each budget, and text that stands below the table.
	measure func(*bench) (lines []line, below string, err error)
	extra   bool // only where it is asked for
}

// measurements are all there are, in the table's order.
var measurements = []measurement{
	{name: "start", about: "start-up of the command", measure: start},
	{name: "load", about: "load, templates, refs and order", measure: loading},
	{name: "check", about: "static check with lineage", measure: checking},
	{name: "one", about: "one model of a checked project compiled", measure: one},
	{name: "overhead", about: "a build against the same statements sent by hand", measure: overhead},
	{name: "makespan", about: "runs on a simulated warehouse", measure: makespan},
	{name: "metadata", about: "calls for what a dataset holds", measure: metadata},
	{name: "analyzer", about: "one typical model parsed, and analyzed", measure: analyzer},
	{name: "transpile", about: "translated queries against those written by hand", measure: transpiled},
	{name: "ancestry", about: "the closure of a genealogy of a million things", measure: ancestry},
	{name: "catalog", about: "the catalog's site: making it, first paint", measure: catalog},
	{name: "keystroke", about: "diagnostics after a keystroke in the editor", measure: keystroke},
	{name: "compiler", about: "the engine compiled by Go from nothing", measure: compiler},
	{name: "scale", about: "the same work on growing projects", measure: scale, extra: true},
}

func write(dir string, n int) error { return gen.Write(dir, gen.Options{Models: n, Seed: 42}) }

func (b *bench) large() string { return thousands(b.models) + " models" }

func start(b *bench) ([]line, string, error) {
	command, err := b.engine()
	if err != nil {
		return nil, "", err
	}
	var s sample
	for range max(b.runs, 10) { // it is short
		if _, err := s.add("", command, "version"); err != nil {
			return nil, "", err
		}
	}
	return []line{b.took("start-up: `engine version`", s.walls, s.cpus, 0.015, "2,800 pages of a program of 225 MB are touched, which has DuckDB and Google's analyzer in it, and 720 packages are initialized")}, "", nil
}

func loading(b *bench) ([]line, string, error) {
	dir, err := b.project(b.models)
	if err != nil {
		return nil, "", err
	}
	binary, err := b.engine()
	if err != nil {
		return nil, "", err
	}
	var library, command sample
	for range b.runs {
		if _, err := library.add("", b.self, "-child", "load", dir); err != nil {
			return nil, "", err
		}
		if _, err := command.add("", binary, "ls", "--project-dir", dir); err != nil {
			return nil, "", err
		}
	}
	all, _, err := b.measured(1000, b.runs) // small, to see a warm process
	if err != nil {
		return nil, "", err
	}
	walls, cpus := each(all, func(p phases) []phase { return []phase{p.Again} })
	factor := float64(b.models) / 1000
	return []line{
		b.took("load, templates, refs, order of "+b.large()+", a new process", library.walls, library.cpus, 0.8, ""),
		b.took("the same by `engine ls`", command.walls, command.cpus, 0.8, ""),
		b.took("the same in a process that is warm (1,000 models, times "+digits(factor)+")", scaled(walls, factor), scaled(cpus, factor), 0.1, "all files are read and parsed each time; only analysis is kept from one run to the next"),
		{what: "peak memory of it", values: library.peaks, unit: "MB", budget: 150, because: "66 MB are pages of the program itself"},
	}, "", nil
}

func checking(b *bench) ([]line, string, error) {
	all, s, err := b.measured(b.models, b.runs)
	if err != nil {
		return nil, "", err
	}
	_, cold := each(all, func(p phases) []phase { return []phase{p.Cold} })
	walls, cpus := each(all, func(p phases) []phase { return p.Edits })
	again := b.took("the same after an edit of one model, all files read again", walls, cpus, 0.3, "the time is that of reading and rendering all files, not of the analysis")
	walls, cpus = each(all, func(p phases) []phase { return p.Open })
	open := b.took("the same where the project is kept open, as `engine watch` and the editor keep it", walls, cpus, 0.3, "all files are looked at")
	return []line{
		{what: "static check with column lineage of " + b.large() + ", nothing kept, CPU", values: cold, unit: "s", budget: 12, note: fmt.Sprintf("; peak %s MB", digits(median(s.peaks)))},
		again,
		open,
	}, "", nil
}

func one(b *bench) ([]line, string, error) {
	dir, err := b.project(b.models)
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(filepath.Join(dir, "target"), 0o755); err != nil {
		return nil, "", err
	}
	command, err := b.engine()
	if err != nil {
		return nil, "", err
	}
	var s sample
	for i := range b.runs + 1 {
		if _, err := s.add("", command, "compile", "--select", "mart_00001", "--project-dir", dir); err != nil {
			return nil, "", err
		}
		if i == 0 { // makes what the others find
			s = sample{}
		}
	}
	return []line{b.took("`engine compile --select one` of "+b.large()+", all kept", s.walls, s.cpus, 0.1, "all files are read and parsed each time, so that a mistake anywhere is found")}, "", nil
}

// overhead compares «engine build» with its own statements sent one by one through the
// bare driver, each into a new database file.
func overhead(b *bench) ([]line, string, error) {
	const models = 1000
	project := filepath.Join(b.dir, "build")
	if err := write(project, models); err != nil {
		return nil, "", err
	}
	statements := filepath.Join(b.dir, "statements.json")
	if _, err := new(sample).add("", b.self, "-child", "statements", project, statements); err != nil {
		return nil, "", err
	}
	command, err := b.engine()
	if err != nil {
		return nil, "", err
	}
	var bare, build, kept, again sample
	var ratios, ratiosKept []float64
	for i := range b.runs {
		if _, err := bare.add("", b.self, "-child", "bare", statements, filepath.Join(b.dir, fmt.Sprint("bare", i, ".duckdb"))); err != nil {
			return nil, "", err
		}
		if err := os.RemoveAll(filepath.Join(project, "target")); err != nil {
			return nil, "", err
		}
		if _, err := build.add("", command, "build", "--project-dir", project); err != nil {
			return nil, "", err
		}
		if _, err := again.add("", command, "build", "--no-catalog", "--project-dir", project); err != nil {
			return nil, "", err
		}
		files, err := filepath.Glob(filepath.Join(project, "target", "*.duckdb*"))
		if err != nil || len(files) == 0 {
			return nil, "", fmt.Errorf("the build has left no database: %w", err)
		}
		for _, f := range files {
			if err := os.RemoveAll(f); err != nil {
				return nil, "", err
			}
		}
		if _, err := kept.add("", command, "build", "--no-catalog", "--project-dir", project); err != nil {
			return nil, "", err
		}
		of := func(s sample) float64 {
			if b.cpu {
				return s.cpus[i]
			}
			return s.walls[i]
		}
		ratios, ratiosKept = append(ratios, of(build)/of(bare)), append(ratiosKept, of(kept)/of(bare))
	}
	took := func(s sample) string {
		if b.cpu {
			return "CPU " + digits(median(s.cpus)) + " s"
		}
		return digits(median(s.walls)) + " s"
	}
	what := "`engine build` of 1,000 trivial tables on DuckDB, against the same statements through the bare driver"
	because := "it also writes the state and the artifacts"
	return []line{
		{what: what + ", nothing kept", values: ratios, unit: "×", budget: 1.2, because: because + ", a page of the catalog for each model, and analyzes them all", note: "; " + took(build) + " against " + took(bare)},
		{what: "the same with --no-catalog into another new database, what analysis found is kept", values: ratiosKept, unit: "×", budget: 1.2, because: because, note: "; " + took(kept) + "; once more with nothing to do " + took(again)},
	}, "", nil
}

func makespan(b *bench) ([]line, string, error) {
	text, err := new(sample).add("", "go", "run", "./bench/schedule")
	if err != nil {
		return nil, "", err
	}
	worst, err := cell(text, "**worst**", "engine", 0)
	if err != nil {
		return nil, "", err
	}
	note := ""
	for _, peer := range []string{"dbt 1.x", "dbt v2", "Bruin, SQLMesh", "Rocky", "Dataform"} {
		of, err := cell(text, "**worst**", peer, 0)
		if err != nil {
			return nil, "", err
		}
		note += fmt.Sprintf("; %s %s", peer, digits(of))
	}
	return []line{{what: "makespan on the simulated warehouse by max(longest path, work / slots), the worst of 20 projects", values: []float64{worst}, unit: "×", budget: 1.05, note: note}}, "", nil
}

var calls = regexp.MustCompile(`(\d+) tables: (\d+) calls`)

func metadata(b *bench) ([]line, string, error) {
	text, err := new(sample).add("", "go", "test", "-count=1", "-v", "-run", "^TestFewCalls$", "./engine/warehouse/bigquery")
	if err != nil {
		return nil, "", err
	}
	found := calls.FindAllStringSubmatch(text, -1)
	if len(found) < 2 {
		return nil, "", fmt.Errorf("the test says of no two sizes how many calls there were:\n%s", text)
	}
	first, _ := strconv.ParseFloat(found[0][2], 64)
	last, _ := strconv.ParseFloat(found[len(found)-1][2], 64)
	return []line{{what: fmt.Sprintf("calls to list a dataset, look at one table and at all: %s tables against %s", found[len(found)-1][1], found[0][1]),
		values: []float64{last / first}, unit: "×", budget: 1, note: fmt.Sprintf("; %s calls", digits(last))}}, "", nil
}

// analyzer measures the program as it is released, and as go build makes it: the analyzer is the
// same, once as Go and once as assembly, which is quick to build and slower.
func analyzer(b *bench) ([]line, string, error) {
	var out []line
	for _, build := range []struct{ tags, name, because string }{
		{"purego", "as released (`-tags purego`)", "it is C++ that is translated to Go"},
		{"", "as `go build` makes it", "it is C++ that is translated to assembly, which compiles in a quarter of the time of Go and is slower"},
	} {
		args := []string{"test", "-tags", build.tags, "-run", "^$", fmt.Sprint("-count=", b.runs)}
		if b.cpu { // slices that are short enough for one that nobody interrupts
			args = append(args, "-count=30", "-benchtime=10x")
		}
		for _, of := range []struct {
			what, bench, metric, pkg string
			budget                   float64
		}{
			{"a model of 40 lines parsed by Google's parser", "^BenchmarkModelParts$/^parse-typical$", "BenchmarkModelParts/parse-typical", "./engine/googlesql", 0.2},
			{"the same analyzed and decoded", "^BenchmarkAnalyze$", "BenchmarkAnalyze", "./bench", 2},
		} {
			text, err := new(sample).add("", "go", append(slices.Clone(args), "-bench", of.bench, of.pkg)...)
			if err != nil {
				return nil, "", err
			}
			took, err := metric(text, of.metric, "ns/op")
			if err != nil {
				return nil, "", err
			}
			if b.cpu {
				took = []float64{slices.Min(took)}
			}
			out = append(out, line{what: of.what + ", " + build.name, values: scaled(took, 1e-6), unit: "ms", budget: of.budget, because: build.because})
		}
	}
	return out, "", nil
}

func transpiled(b *bench) ([]line, string, error) {
	text, err := new(sample).add("", "go", "test", "-run", "^$", "-bench", "^BenchmarkTranspiled$", "-benchtime", "1x", fmt.Sprint("-count=", b.runs), "./bench")
	if err != nil {
		return nil, "", err
	}
	ratios, err := metric(text, "BenchmarkTranspiled", "ratio")
	return []line{{what: "10 queries after TPC-H, translated for DuckDB against written for it, a million lines, geometric mean", values: ratios, unit: "×", budget: 1.1, because: "the translation keeps GoogleSQL's errors of overflow and division and its order of NULLs"}}, "", err
}

func ancestry(b *bench) ([]line, string, error) {
	// The recursive query takes long and nearly all memory, so it is measured once.
	text, err := new(sample).add("", "go", "run", "./bench/ancestry", "-graphs", "d1m", "-cases", "engine,copy,recursive", "-runs", fmt.Sprint(min(b.runs, 3)))
	if err != nil {
		return nil, "", err
	}
	copied, err1 := cell(text, "d1m", "to the copy", 0)
	memory, err2 := cell(text, "d1m", "peak memory", 0)
	slower, err3 := cell(text, "d1m", "WITH RECURSIVE DuckDB", 1)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, "", err
		}
	}
	return []line{
		{what: "closure of 1,000,000 things (46 million pairs), against a copy of the same rows", values: []float64{copied}, unit: "×", budget: 1.3, because: "closing is twice as quick as making the rows from a series; a copy reads rows that are compressed already"},
		{what: "peak memory of it", values: []float64{memory}, unit: "MB", budget: 1000},
		{what: "the same by WITH RECURSIVE in DuckDB, slower by", values: []float64{slower}, unit: "×", budget: 8, least: true},
	}, "", nil
}

func catalog(b *bench) ([]line, string, error) {
	cmd := exec.Command("go", "run", "./bench/catalog", "-models", fmt.Sprint(b.models), "-runs", fmt.Sprint(min(b.runs, 3)))
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	text := string(out)
	if !strings.Contains(text, "| making the site") {
		return nil, "", fmt.Errorf("%w\n%s", err, text)
	}
	// It fails where a budget is exceeded; here that is a line.
	column := fmt.Sprint(b.models, " models")
	made, err1 := cell(text, "making the site, wall, 2 cores", column, 0)
	memory, err2 := cell(text, "making the site, peak memory", column, 0)
	for _, err := range []error{err1, err2} {
		if err != nil {
			return nil, "", err
		}
	}
	lines := []line{
		{what: "the catalog of " + b.large() + " written", values: []float64{made}, unit: "s", budget: 8},
		{what: "peak memory of it", values: []float64{memory}, unit: "MB", budget: 1000},
	}
	var paints []float64
	slowest := ""
	for row := range strings.Lines(text) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(row, "| "), " |"); ok && strings.HasPrefix(name, "first paint: ") && strings.Contains(name, "file") && !strings.Contains(name, "slower") { // that has a budget of its own
			v, err := cell(text, name, column, 0)
			if err != nil {
				return nil, "", err
			}
			if len(paints) == 0 || v > slices.Max(paints) {
				slowest = strings.TrimPrefix(name, "first paint: ")
			}
			paints = append(paints, v)
		}
	}
	if len(paints) == 0 {
		return lines, "", fmt.Errorf("no first paint of files was measured:\n%s", text)
	}
	return append(lines, line{what: "first paint from files, the slowest page (" + slowest + ")", values: []float64{slices.Max(paints)}, unit: "ms", budget: 200}), "", nil
}

func keystroke(b *bench) ([]line, string, error) {
	text, err := new(sample).add("", "go", "test", "-run", "^$", "-bench", "^BenchmarkKeystroke", fmt.Sprint("-count=", min(b.runs, 3)), "./bench")
	if err != nil {
		return nil, "", err
	}
	took, err := metric(text, "BenchmarkKeystroke", "ns/op")
	return []line{{what: "diagnostics after a keystroke in a project of 10,000 models", values: scaled(took, 1e-6), unit: "ms", budget: 50}}, "", err
}

// compiler builds the command with an empty build cache; the modules are there.
func compiler(b *bench) ([]line, string, error) {
	var s sample
	cache, err := os.MkdirTemp(b.dir, "gocache")
	if err != nil {
		return nil, "", err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(cache, "engine"), "./cmd/engine")
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(cache, "cache"))
	if _, err := s.run(cmd); err != nil {
		return nil, "", err
	}
	return []line{
		{what: "`go build ./cmd/engine` from nothing, CPU", values: s.cpus, unit: "s", budget: 120, note: "; " + digits(s.walls[0]) + " s on the clock", because: "Google's analyzer is a quarter of it, the engine's own 250,000 lines another, Go's library a sixth"},
		{what: "peak memory of its largest process", values: s.peaks, unit: "MB", budget: 2048},
	}, "", os.RemoveAll(cache)
}

// scale is the same work on growing projects: what it takes for each model, and how often that
// of the smallest project.
func scale(b *bench) ([]line, string, error) {
	parts := []struct {
		name string
		of   func(phases) []phase
	}{
		{"load", func(p phases) []phase { return []phase{p.Load} }},
		{"load again", func(p phases) []phase { return []phase{p.Again} }},
		{"check, nothing kept", func(p phases) []phase { return []phase{p.Cold} }},
		{"check, all kept", func(p phases) []phase { return []phase{p.Warm} }},
		{"check after an edit", func(p phases) []phase { return p.Edits }},
		{"plan of all", func(p phases) []phase { return []phase{p.Plan} }},
	}
	var text strings.Builder
	text.WriteString("CPU time for each model, and how often that of the smallest project (in one process, the least of the runs):\n\n| |")
	for _, n := range b.sizes {
		fmt.Fprintf(&text, " %s models |", thousands(n))
	}
	text.WriteString("\n|---|" + strings.Repeat("---:|", len(b.sizes)) + "\n")
	rows := make([]string, len(parts)+2)
	firsts := make([]float64, len(rows))
	worst, last := "", 0.0
	for i, n := range b.sizes {
		all, s, err := b.measured(n, min(b.runs, 3))
		if err != nil {
			return nil, "", err
		}
		put := func(row int, name string, value float64, unit string) {
			each := value / float64(n)
			if i == 0 {
				rows[row], firsts[row] = "| "+name+" |", each
			}
			ratio := each / firsts[row]
			rows[row] += fmt.Sprintf(" %s %s, ×%.2f |", digits(each), unit, ratio)
			if i == len(b.sizes)-1 && ratio > last {
				worst, last = name, ratio
			}
		}
		for row, part := range parts {
			_, cpus := each(all, part.of)
			put(row, part.name, slices.Min(cpus)*1e6, "µs")
		}
		heaps := []float64{}
		for _, p := range all {
			heaps = append(heaps, p.Heap)
		}
		put(len(parts), "memory of the checked program", slices.Min(heaps)*1024, "KB")
		put(len(parts)+1, "peak of the process", slices.Min(s.peaks)*1024, "KB")
		if err := os.RemoveAll(filepath.Join(b.dir, fmt.Sprint("project", n))); err != nil {
			return nil, "", err
		}
		delete(b.made, filepath.Join(b.dir, fmt.Sprint("project", n)))
	}
	text.WriteString(strings.Join(rows, "\n"))
	most := b.sizes[len(b.sizes)-1]
	return []line{{what: fmt.Sprintf("cost of a model at %s models against %s (%s)", thousands(most), thousands(b.sizes[0]), worst), values: []float64{last}, unit: "×", budget: 1.5}}, text.String(), nil
}

// metric takes a value out of what «go test -bench» prints: one for each line whose name begins
// as asked.
func metric(text, name, unit string) ([]float64, error) {
	var out []float64
	for row := range strings.Lines(text) {
		fields := strings.Fields(row)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], name) {
			continue
		}
		for i := 1; i < len(fields); i++ {
			if v, err := strconv.ParseFloat(fields[i-1], 64); err == nil && fields[i] == unit {
				out = append(out, v)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no %s of %s in what go test prints:\n%s", unit, name, text)
	}
	return out, nil
}

// cell takes the number out of a table in Markdown: of the row that begins with first, in the
// column that is headed so, or so many behind it.
func cell(text, first, head string, behind int) (float64, error) {
	split := func(row string) []string {
		var out []string
		for c := range strings.SplitSeq(strings.Trim(strings.TrimSpace(row), "|"), "|") {
			out = append(out, strings.TrimSpace(c))
		}
		return out
	}
	at := -1
	for row := range strings.Lines(text) {
		if !strings.HasPrefix(row, "|") {
			at = -1
			continue
		}
		cells := split(row)
		if at < 0 {
			if at = slices.Index(cells, head); at >= 0 {
				at += behind
			} else {
				at = len(text) // a table without it
			}
			continue
		}
		if cells[0] != first || at >= len(cells) {
			continue
		}
		number := strings.TrimLeft(cells[at], "*>< ")
		if i := strings.IndexAny(number, " *"); i >= 0 {
			number = number[:i]
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(number, ",", ""), 64)
		if err != nil {
			return 0, fmt.Errorf("%q in the row of %s is no number", cells[at], first)
		}
		return v, nil
	}
	return 0, fmt.Errorf("there is no row of %s with a column %s in:\n%s", first, head, text)
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
