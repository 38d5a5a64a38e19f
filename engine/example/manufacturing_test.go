package example_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	reference "github.com/engine-build/engine"
	"github.com/engine-build/engine/engine/example"
)

// memory is a Writer that keeps everything.
type memory map[string]*bytes.Buffer

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func (m memory) Create(path string) (io.WriteCloser, error) {
	m[path] = new(bytes.Buffer)
	return nopCloser{m[path]}, nil
}

func generate(t *testing.T, o example.Options) memory {
	t.Helper()
	m := memory{}
	if err := example.Manufacturing(t.Context(), m, o); err != nil {
		t.Fatal(err)
	}
	return m
}

func hashes(m memory) map[string]string {
	out := map[string]string{}
	for p, b := range m {
		sum := sha256.Sum256(b.Bytes())
		out[p] = hex.EncodeToString(sum[:8])
	}
	return out
}

// The repository's own seeds are the generator's output with default options.
func TestRootSeedsAreGenerated(t *testing.T) {
	root, want := filepath.Join("..", ".."), generate(t, example.Options{})
	if os.Getenv("ENGINE_UPDATE") != "" {
		for p, b := range want {
			f := filepath.Join(root, p)
			if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o755), os.WriteFile(f, b.Bytes(), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal("seeds rewritten: run again without ENGINE_UPDATE")
	}
	got, size := memory{}, 0
	for _, pattern := range []string{"seeds/*/*.csv", "seeds/*/*.parquet"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			rel, _ := filepath.Rel(root, f)
			got[filepath.ToSlash(rel)] = bytes.NewBuffer(b)
			size += len(b)
		}
	}
	if diff := cmp.Diff(hashes(want), hashes(got)); diff != "" {
		t.Errorf("seeds are not the generator's output; ENGINE_UPDATE=1 rewrites them (-want +got):\n%s", diff)
	}
	if size > 3<<20 {
		t.Errorf("seeds are %d bytes, want at most 3 MB", size)
	}
}

func TestManufacturingIsAFunctionOfItsOptions(t *testing.T) {
	o := example.Options{Materials: 1000, Seed: 7}
	first := hashes(generate(t, o))
	if diff := cmp.Diff(first, hashes(generate(t, o))); diff != "" {
		t.Errorf("second run differs (-first +second):\n%s", diff)
	}
	o.Seed = 8
	if cmp.Equal(first, hashes(generate(t, o))) {
		t.Error("another seed gives the same rows")
	}
}

func TestManufacturingRefusesWrongOptions(t *testing.T) {
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		o    example.Options
		want string
	}{
		{example.Options{Materials: 5}, "materials"},
		{example.Options{Materials: -1}, "materials"},
		{example.Options{Format: "xlsx"}, "format"},
		{example.Options{Format: "parquet"}, "format"},
		{example.Options{Start: start, End: start}, "end"},
	} {
		m := memory{}
		err := example.Manufacturing(t.Context(), m, tt.o)
		var bad *example.OptionsError
		if !errors.As(err, &bad) || bad.Option != tt.want {
			t.Errorf("%+v: error %v, want one about %q", tt.o, err, tt.want)
		}
		if len(m) > 0 {
			t.Errorf("%+v: %d files were made", tt.o, len(m))
		}
	}
}

// failing is a disk that is full after a number of bytes.
type failing struct{ left *int }

var errFull = errors.New("disk full")

func (f failing) Create(string) (io.WriteCloser, error) { return nopCloser{f}, nil }
func (f failing) Write(p []byte) (int, error) {
	if *f.left -= len(p); *f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestManufacturingReportsAFullDisk(t *testing.T) {
	left := 100_000
	if err := example.Manufacturing(t.Context(), failing{&left}, example.Options{}); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}

// table is one generated file by column name.
type table []map[string]string

func read(t *testing.T, m memory, path string) table {
	t.Helper()
	records, err := csv.NewReader(m[path]).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	out := make(table, 0, len(records))
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = r[i]
		}
		out = append(out, row)
	}
	return out
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole+(frac + "000")[:3], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The company keeps to the laws of its trade, and its data are dirty as promised.
func TestManufacturingLaws(t *testing.T) {
	m := generate(t, example.Options{Materials: 20_000, Seed: 3})
	materials := read(t, m, "seeds/app/app_material.csv")
	if n := len(materials); n < 20_000 || n > 20_100 {
		t.Errorf("%d materials, want 20,000 and at most a batch more", n)
	}
	left, tenantOf, untagged := map[string]int64{}, map[string]string{}, 0
	for _, r := range materials {
		if _, twice := left[r["id"]]; twice {
			t.Errorf("material %s is there twice", r["id"])
		}
		left[r["id"]], tenantOf[r["id"]] = number(t, r["quantity"]), r["tenant_id"]
		if r["tag"] == "" && r["kind"] != "consumable" {
			untagged++
		}
	}
	if share := untagged * 100 / len(materials); share < 15 || share > 21 {
		t.Errorf("%d %% of the materials have no tag, want about 18", share)
	}

	balance, edges, inputs, orphans := map[string]int64{}, map[string][]string{}, map[string][]string{}, 0
	for _, r := range read(t, m, "seeds/app/app_transaction.csv") {
		balance[r["id"]] = -number(t, r["waste_quantity"])
	}
	for _, r := range read(t, m, "seeds/app/app_transaction_input.csv") {
		q := number(t, r["quantity"])
		balance[r["transaction_id"]] += q
		if _, known := left[r["material_id"]]; !known {
			orphans++
			continue
		}
		left[r["material_id"]] -= q
		inputs[r["transaction_id"]] = append(inputs[r["transaction_id"]], r["material_id"])
	}
	if orphans != 4 {
		t.Errorf("%d inputs of materials that are not there, want 20,000/5,000", orphans)
	}
	for _, r := range read(t, m, "seeds/app/app_transaction_output.csv") {
		balance[r["transaction_id"]] -= number(t, r["quantity"])
		for _, in := range inputs[r["transaction_id"]] {
			edges[in] = append(edges[in], r["material_id"])
		}
		for _, in := range inputs[r["transaction_id"]] {
			if tenantOf[in] != tenantOf[r["material_id"]] {
				t.Errorf("transaction %s makes material of another tenant", r["transaction_id"])
			}
		}
	}
	for id, b := range balance {
		if b != 0 {
			t.Errorf("transaction %s is out of balance by %d mg", id, b)
		}
	}
	for _, r := range read(t, m, "seeds/app/app_transfer.csv") {
		if got := r["received_material_id"]; got != "" {
			edges[r["material_id"]] = append(edges[r["material_id"]], got)
			if tenantOf[got] != r["to_tenant_id"] || tenantOf[r["material_id"]] != r["from_tenant_id"] {
				t.Errorf("transfer %s joins the wrong tenants", r["id"])
			}
		}
		if r["status"] != "rejected" {
			left[r["material_id"]] -= number(t, r["quantity"])
		}
	}
	for _, r := range read(t, m, "seeds/app/app_sale_item.csv") {
		left[r["material_id"]] -= number(t, r["quantity"])
	}
	for id, q := range left {
		if q < 0 {
			t.Errorf("material %s: %d mg more used than there was", id, -q)
		}
	}
	if got := cyclic(edges); len(got) != 3 {
		t.Errorf("members of cycles: %v, want exactly 3", got)
	}
	if d := depth(edges); d < 10 || d > 60 {
		t.Errorf("longest chain has %d steps, want 10 to 60", d)
	}
}

// cyclic lists the nodes that reach themselves, without using what the generator knows.
func cyclic(edges map[string][]string) []string {
	var out []string
	for id := range edges {
		seen, queue := map[string]bool{}, slices.Clone(edges[id])
		for len(queue) > 0 && !seen[id] {
			at := queue[0]
			queue = queue[1:]
			if !seen[at] {
				seen[at] = true
				queue = append(queue, edges[at]...)
			}
		}
		if seen[id] {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// depth is the longest shortest way from a root.
func depth(edges map[string][]string) int {
	child := map[string]bool{}
	for _, to := range edges {
		for _, id := range to {
			child[id] = true
		}
	}
	longest := 0
	for id := range edges {
		if child[id] {
			continue
		}
		steps, level := 0, []string{id}
		seen := map[string]bool{id: true}
		for len(level) > 0 {
			var next []string
			for _, at := range level {
				for _, to := range edges[at] {
					if !seen[to] {
						seen[to] = true
						next = append(next, to)
					}
				}
			}
			level, steps = next, steps+1
		}
		longest = max(longest, steps-1)
	}
	return longest
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "project")
	if err := example.Write(t.Context(), dir, reference.Project, example.Options{Materials: 200}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"engine.yml", "README.md", ".gitignore", "models/core/material.sql", "macros/functions.tmpl",
		"tests/generic/at_least.sql", "snapshots/product_snapshot.sql", "seeds/app/app_material.csv"} {
		if _, err := os.Stat(filepath.Join(dir, p)); err != nil {
			t.Error(err)
		}
	}
	if err := example.Write(t.Context(), dir, reference.Project, example.Options{Materials: 200}); !isNotEmpty(err) {
		t.Errorf("second write: %v, want NotEmptyError", err)
	}
}

func isNotEmpty(err error) bool {
	var e *example.NotEmptyError
	return errors.As(err, &e)
}

func TestWriteTouchesNothingWhenItRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := example.Minimal(dir, "shop"); !isNotEmpty(err) {
		t.Errorf("error %v, want NotEmptyError", err)
	}
	if err := example.Write(t.Context(), dir, fstest.MapFS{}, example.Options{}); !isNotEmpty(err) {
		t.Errorf("error %v, want NotEmptyError", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d entries, want the user's own file alone", len(entries))
	}
	empty := filepath.Join(dir, "new")
	if err := example.Write(t.Context(), empty, fstest.MapFS{}, example.Options{Format: "xlsx"}); err == nil {
		t.Error("a wrong format is accepted")
	}
	if _, err := os.Stat(empty); err == nil {
		t.Error("a wrong option left a folder behind")
	}
}

func TestMinimal(t *testing.T) {
	for name, ok := range map[string]bool{"shop": true, "shop_2": true, "2shop": false, "": false, "my shop": false, "größe": false, "a\nb": false} {
		dir := filepath.Join(t.TempDir(), "p")
		err := example.Minimal(dir, name)
		var bad *example.NameError
		if ok != (err == nil) || !ok && !errors.As(err, &bad) {
			t.Errorf("name %q: error %v", name, err)
		}
		if ok {
			b, err := os.ReadFile(filepath.Join(dir, "engine.yml"))
			if err != nil || !strings.HasPrefix(string(b), "name: "+name+"\n") {
				t.Errorf("engine.yml: %v\n%s", err, b)
			}
		}
	}
}
