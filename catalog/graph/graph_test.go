package graph

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/google/go-cmp/cmp"
)

func links(c *content.Catalog) Links {
	return Links{
		Page: func(n int) string {
			return string(c.Nodes[n].ID.Kind) + "/" + strings.ToLower(c.Nodes[n].ID.Name) + ".html"
		},
		Anchor: func(n, col int) string { return "c-" + strings.ToLower(c.Nodes[n].Columns[col].Name) },
	}
}

// texts are the data files by name, out of their scripts.
func texts(t *testing.T, c *content.Catalog) map[string]string {
	t.Helper()
	form := regexp.MustCompile(`^catalog\("([a-z0-9-]+)",(".*")\);\n$`)
	out := map[string]string{}
	for _, f := range Files(c, links(c)) {
		body := f.Body()
		m := form.FindSubmatch(body)
		if m == nil || f.Path != "d/"+string(m[1])+".js" {
			t.Fatalf("%s is not a call of catalog: %.80q", f.Path, body)
		}
		if bytes.Contains(body, []byte("</")) || bytes.Contains(body, []byte("<!--")) {
			t.Errorf("%s holds markup", f.Path)
		}
		var text string
		if err := json.Unmarshal(m[2], &text); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		out[string(m[1])] = text
	}
	return out
}

func catalogs() map[string]*content.Catalog {
	return map[string]*content.Catalog{"small": contenttest.Small(), "hostile": contenttest.Hostile(), "large": contenttest.Large(700), "empty": {Flow: content.Flow{First: []int32{0}, Texts: []string{""}}}}
}

func number(t *testing.T, s string) int {
	t.Helper()
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// TestNothingIsLost reads the files back as the explorer does.
func TestNothingIsLost(t *testing.T) {
	for name, c := range catalogs() {
		t.Run(name, func(t *testing.T) {
			have := texts(t, c)
			lines := strings.Split(have["graph"], "\n")
			if len(lines) != 18 {
				t.Fatalf("graph has %d lines", len(lines))
			}
			var names []string
			for _, n := range c.Nodes {
				names = append(names, field(n.ID.Name))
			}
			if got := strings.Split(lines[0], "\t"); len(c.Nodes) > 0 && !cmp.Equal(names, got) {
				t.Error(cmp.Diff(names, got))
			}
			parents := strings.Split(have["edges"], ";")
			for i, n := range c.Nodes {
				var got []int
				for _, d := range strings.Split(parents[i], ",") {
					if d != "" {
						got = append(got, i-number(t, d))
					}
				}
				slices.Reverse(got)
				if !slices.Equal(got, n.Parents) {
					t.Errorf("%s: parents %v, want %v", n.ID, got, n.Parents)
				}
			}
			if !c.Flow.Known {
				return
			}
			if diff := cmp.Diff(c.Flow.Edges, readEdges(t, c, have), cmp.Comparer(sameEdge(c))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(shownReads(c), readReads(t, c, have), cmp.Comparer(sameRead(c))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Texts are numbered anew by shard: they are compared as they are shown, in parsed as an
// index into the list the parsers make.
var parsed []string

func sameText(c *content.Catalog, a, b int32) bool {
	text := func(i int32) string {
		if i >= parsedFrom {
			return parsed[i-parsedFrom]
		}
		return clip(c.Flow.Texts[i])
	}
	return text(a) == text(b)
}

const parsedFrom = 1 << 24

func sameEdge(c *content.Catalog) func(a, b content.Edge) bool {
	return func(a, b content.Edge) bool {
		return a.From == b.From && a.To == b.To && a.Way == b.Way && sameText(c, a.Text, b.Text)
	}
}

func sameRead(c *content.Catalog) func(a, b content.Read) bool {
	return func(a, b content.Read) bool {
		return a.Column == b.Column && a.Node == b.Node && a.To == b.To && a.Use == b.Use && sameText(c, a.Text, b.Text)
	}
}

// reader reads the columns of a line of columnEdges or columnReads.
type reader struct {
	t      *testing.T
	c      *content.Catalog
	node   int
	parent int
	next   map[int]int
}

func (r *reader) column(s string) int32 {
	if at, rest, ok := strings.Cut(s, "."); ok {
		s = rest
		if strings.HasPrefix(at, ":") {
			r.parent = number(r.t, at[1:])
		} else {
			r.parent = r.c.Nodes[r.node].Parents[number(r.t, at)]
		}
	}
	col := r.next[r.parent] + number(r.t, s)
	r.next[r.parent] = col + 1
	return r.c.Flow.First[r.parent] + int32(col)
}

func textNumbers(t *testing.T, have map[string]string, node, line int) []string {
	t.Helper()
	lines := strings.Split(have[fmt.Sprintf("cx-%d", node/Shard)], "\n")
	words := strings.Split(lines[0], "\t")
	var out []string
	list := strings.Split(lines[line], ";")[node%Shard]
	for _, s := range strings.Split(list, ",") {
		if s == "" {
			out = append(out, "")
		} else {
			out = append(out, words[number(t, s)-1])
		}
	}
	return out
}

func keep(texts []string, k int) int32 {
	s := ""
	if k < len(texts) {
		s = texts[k]
	}
	parsed = append(parsed, s)
	return int32(parsedFrom + len(parsed) - 1)
}

func readEdges(t *testing.T, c *content.Catalog, have map[string]string) []content.Edge {
	t.Helper()
	var out []content.Edge
	token := regexp.MustCompile(`([^=?~+]*)([=?~+])`)
	ways := map[string]content.Way{"=": content.Identity, "?": content.Condition, "~": content.Transformed, "+": content.Aggregated}
	for i, line := range strings.Split(have["ce"], "\n") {
		r := &reader{t: t, c: c, node: i, next: map[int]int{}}
		texts, k := textNumbers(t, have, i, 1), 0
		for col, list := range strings.Split(line, ";") {
			for _, m := range token.FindAllStringSubmatch(list, -1) {
				out = append(out, content.Edge{From: r.column(m[1]), To: c.Flow.First[i] + int32(col), Way: ways[m[2]], Text: keep(texts, k)})
				k++
			}
		}
	}
	return out
}

func readReads(t *testing.T, c *content.Catalog, have map[string]string) []content.Read {
	t.Helper()
	var out []content.Read
	token := regexp.MustCompile(`^([^A-Z]*)([A-Z])(.*)$`)
	for i, line := range strings.Split(have["cr"], "\n") {
		r := &reader{t: t, c: c, node: i, next: map[int]int{}}
		texts := textNumbers(t, have, i, 2)
		for k, s := range strings.Split(line, ",") {
			if s == "" {
				continue
			}
			m := token.FindStringSubmatch(s)
			read := content.Read{Column: r.column(m[1]), Node: int32(i), To: -1, Use: content.Use(m[2][0]), Text: keep(texts, k)}
			if m[3] != "" {
				read.To = c.Flow.First[i] + int32(number(t, m[3]))
			}
			out = append(out, read)
		}
	}
	return out
}

func TestOwner(t *testing.T) {
	c := contenttest.Large(300)
	for i, n := range c.Nodes {
		for k := range n.Columns {
			if got := Owner(c, c.Flow.First[i]+int32(k)); got != i {
				t.Fatalf("column %d of node %d has owner %d", k, i, got)
			}
		}
	}
}

func TestFragments(t *testing.T) {
	c := contenttest.Small()
	for i, n := range c.Nodes {
		if got := Fragment(c, i); !strings.HasPrefix(got, "n="+string(n.ID.Kind)+".") {
			t.Errorf("%s: %s", n.ID, got)
		}
	}
}

// TestSizes holds the files of a project of 10,000 models to their budgets.
func TestSizes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	c := contenttest.Large(10_000)
	t.Logf("%d nodes, %d columns, %d column edges, %d reads", len(c.Nodes), c.Flow.First[len(c.Nodes)], len(c.Flow.Edges), len(c.Flow.Reads))
	start := time.Now()
	files := Files(c, links(c))
	largest, sum := map[string]int{}, map[string]int{}
	for _, f := range files {
		raw := f.Body()
		n := zipped(t, raw)
		name := strings.TrimSuffix(strings.TrimPrefix(f.Path, "d/"), ".js")
		name, _, _ = strings.Cut(name, "-")
		largest[name] = max(largest[name], n)
		sum[name] += n
	}
	t.Logf("made and zipped in %v", time.Since(start))
	for _, x := range []struct {
		name string
		max  int
	}{{"graph", 80 << 10}, {"edges", 50 << 10}, {"place", 60 << 10}, {"ce", 160 << 10}, {"cr", 160 << 10}, {"cn", 60 << 10}, {"cx", 60 << 10}} {
		t.Logf("%-6s largest %7d bytes zipped, all %8d", x.name, largest[x.name], sum[x.name])
		if n := largest[x.name]; n > x.max || n == 0 {
			t.Errorf("%s: %d bytes zipped, at most %d are allowed", x.name, n, x.max)
		}
	}
}

func zipped(t *testing.T, b []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, 9)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Len()
}
