package search_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/catalog/search"
	"github.com/engine-build/engine/engine/addr"
)

func links(c *content.Catalog) search.Links {
	return search.Links{
		Node:   func(n int) string { return string(c.Nodes[n].ID.Kind) + "/" + c.Nodes[n].ID.Name + ".html" },
		Column: func(n, col int) string { return "c-" + strings.ToLower(c.Nodes[n].Columns[col].Name) },
		Test:   func(t int) string { return "tests.html#t-" + c.Tests[t].ID.Name },
		Macro:  func(m int) string { return "macro/" + c.Macros[m].Name + ".html" },
		Term:   func(i int) string { return "glossary.html#g-" + c.Terms[i].Name },
		Tag:    func(name string) string { return "tag/" + name + ".html" },
	}
}

// files makes the whole index and takes the calls off.
func files(t testing.TB, c *content.Catalog, l search.Links) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range search.Files(c, l) {
		body := f.Body()
		name := strings.TrimSuffix(strings.TrimPrefix(f.Path, "d/"), ".js")
		prefix := "catalog(" + strconv.Quote(name) + ","
		if !bytes.HasPrefix(body, []byte(prefix)) || !bytes.HasSuffix(body, []byte(");\n")) {
			t.Fatalf("%s is not a call: %.60s", f.Path, body)
		}
		var text string
		if err := json.Unmarshal(body[len(prefix):len(body)-3], &text); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if _, twice := out[name]; twice {
			t.Fatalf("%s comes twice", f.Path)
		}
		out[name] = text
	}
	return out
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func numbers(t testing.TB, s string) (out []int) {
	t.Helper()
	n, shift := 0, 0
	for _, c := range s {
		d := strings.IndexRune(digits, c)
		if d < 0 {
			t.Fatalf("%q is not a number", s)
		}
		n |= (d & 31) << shift
		if shift += 5; d < 32 {
			out = append(out, n)
			n, shift = 0, 0
		}
	}
	return out
}

func postings(t testing.TB, s string) []int {
	out := numbers(t, s)
	last := -1
	for i, d := range out {
		last += d + 1
		out[i] = last
	}
	return out
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

var catalogs = []struct {
	name string
	make func() *content.Catalog
}{
	{"small", contenttest.Small},
	{"hostile", contenttest.Hostile},
	{"large", func() *content.Catalog { return contenttest.Large(300) }},
	{"empty", func() *content.Catalog { return &content.Catalog{} }},
}

// flat is what a field becomes.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func TestNames(t *testing.T) {
	for _, tt := range catalogs {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.make()
			s := strings.Split(files(t, c, links(c))["find-names"], "\f")
			if len(s) != 20 {
				t.Fatalf("%d sections", len(s))
			}
			var want []string
			for _, n := range c.Nodes {
				want = append(want, flat(n.ID.Name))
			}
			if d := cmp.Diff(want, lines(s[1])); d != "" {
				t.Error(d)
			}
			for _, k := range []int{2, 4, 5} {
				if len(s[k]) != len(c.Nodes) {
					t.Errorf("section %d has %d digits for %d nodes", k, len(s[k]), len(c.Nodes))
				}
			}
			for k, of := range map[int]func(*content.Node) string{
				8:  func(n *content.Node) string { return n.Folder },
				10: func(n *content.Node) string { return n.Tier },
				14: func(n *content.Node) string { return n.Group },
			} {
				list, at := lines(s[k]), numbers(t, s[k+1])
				if len(at) != len(c.Nodes) {
					t.Fatalf("section %d has %d numbers", k+1, len(at))
				}
				for i, n := range c.Nodes {
					got := ""
					if at[i] > 0 {
						got, _, _ = strings.Cut(list[at[i]-1], "\t")
					}
					if got != flat(of(n)) {
						t.Errorf("section %d says %q of %v: want %q", k, got, n.ID, of(n))
					}
				}
			}
			got := map[string][]int{}
			for _, l := range lines(s[16]) {
				f := strings.Split(l, "\t")
				got[f[0]] = postings(t, f[2])
			}
			tags := map[string][]int{}
			for i, n := range c.Nodes {
				for _, tag := range n.Tags {
					if tag = flat(tag); !slices.Contains(tags[tag], i) {
						tags[tag] = append(tags[tag], i)
					}
				}
			}
			if d := cmp.Diff(tags, got); d != "" {
				t.Error(d)
			}
			if n, want := len(lines(s[18])), len(c.Terms); n != want {
				t.Errorf("%d terms, want %d", n, want)
			}
			if n, want := len(lines(s[19])), len(c.Macros); n != want {
				t.Errorf("%d macros, want %d", n, want)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	for _, tt := range catalogs {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.make()
			got, want := map[string][]int{}, map[string][]int{}
			all := files(t, c, links(c))
			for i := 0; all["find-cols-"+strconv.Itoa(i)] != ""; i++ {
				s := strings.Split(all["find-cols-"+strconv.Itoa(i)], "\f")
				names, at := strings.Split(s[0], "\n"), strings.Split(s[1], "\n")
				if len(names) != len(at) {
					t.Fatalf("%d names, %d lists", len(names), len(at))
				}
				for k, n := range names {
					got[n] = append(got[n], postings(t, at[k])...)
				}
			}
			for i, n := range c.Nodes {
				for _, col := range n.Columns {
					if name := flat(col.Name); !slices.Contains(want[name], i) {
						want[name] = append(want[name], i)
					}
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestAnchors: anchors that do not follow from names are told, also where they differ by node.
func TestAnchors(t *testing.T) {
	c := contenttest.Small()
	l := links(c)
	l.Column = func(n, col int) string {
		if n == 0 && col == 0 {
			return "odd"
		}
		return "x-" + c.Nodes[n].Columns[col].Name
	}
	l.Columns = func(name string) string { return "columns.html#" + name }
	s := strings.Split(files(t, c, l)["find-cols-0"], "\f")
	names := lines(s[0])
	usual, odd := map[int64]string{}, 0
	for _, line := range lines(s[2]) {
		f := strings.Split(line, "\t")
		at, _ := strconv.ParseInt(f[0], 36, 0)
		if len(f) == 2 {
			usual[at] = f[1]
		} else if f[2] == "0" && (f[1] == "odd" || usual[at] == "odd") {
			odd++
		}
	}
	for i, n := range names {
		if a := usual[int64(i)]; a != "x-"+n && a != "odd" {
			t.Errorf("anchor of %q is %q", n, a)
		}
	}
	if len(lines(s[3])) != len(names) {
		t.Errorf("%d pages for %d names", len(lines(s[3])), len(names))
	}
}

// brute lists the words of a text in another way than the index does.
func brute(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_')
	}) {
		if len(w) > 40 {
			w = w[:40]
		}
		if len(w) > 1 {
			out[w] = true
			for p := range strings.SplitSeq(w, "_") {
				if len(p) > 1 {
					out[p] = true
				}
			}
		}
	}
	return out
}

func TestTerms(t *testing.T) {
	c := contenttest.Large(300)
	all := files(t, c, links(c))
	head := strings.Split(strings.Split(all["find-names"], "\f")[0], "\n")
	for _, tt := range []struct {
		file        string
		first, stop int
		of          func(*content.Node) []string
		macro       func(*content.Macro) string
	}{
		{"find-words-", 2, 4, func(n *content.Node) []string {
			out := []string{n.Description, n.Label}
			if n.Description == "" && n.Source != nil {
				out[0] = n.Source.Description
			}
			for _, col := range n.Columns {
				out = append(out, col.Description)
			}
			return out
		}, func(m *content.Macro) string { return m.Description }},
		{"find-sql-", 3, 5, func(n *content.Node) []string { return []string{n.Template.Text, n.SQL.Text} }, func(m *content.Macro) string { return m.Text }},
	} {
		want, texts := map[string][]int{}, 0
		count := func(i int, text string) {
			found := brute(text)
			if len(found) > 0 {
				texts++
			}
			for w := range found {
				want[w] = append(want[w], i)
			}
		}
		for i, n := range c.Nodes {
			count(i, strings.Join(tt.of(n), "\n"))
		}
		for i, term := range c.Terms {
			if tt.file == "find-words-" {
				count(len(c.Nodes)+i, term.Text)
			}
		}
		for i, m := range c.Macros {
			count(len(c.Nodes)+len(c.Terms)+i, tt.macro(m))
		}
		for i, test := range c.Tests {
			text := test.Description
			if tt.file == "find-sql-" {
				text = ""
				if test.Kind == "singular" || test.Kind == "unit" {
					text = test.SQL
				}
			}
			count(len(c.Nodes)+len(c.Terms)+len(c.Macros)+i, text)
		}
		var stops []string
		for w, list := range want {
			if len(list) > texts/4 {
				stops = append(stops, w)
			}
		}
		slices.Sort(stops)
		if d := cmp.Diff(strings.Join(stops, "\t"), head[tt.stop]); d != "" {
			t.Error(d)
		}
		got, last := map[string][]int{}, ""
		for i := 0; all[tt.file+strconv.Itoa(i)] != ""; i++ {
			s := strings.Split(all[tt.file+strconv.Itoa(i)], "\f")
			at := strings.Split(s[1], "\n")
			for k, w := range strings.Split(s[0], "\n") {
				if k == 0 && w != strings.Split(head[tt.first], "\t")[i] {
					t.Errorf("%s%d begins with %q, the header says %q", tt.file, i, w, head[tt.first])
				}
				if w <= last {
					t.Errorf("%q follows %q", w, last)
				}
				last = w
				got[w] = postings(t, at[k])
			}
		}
		if len(want) < 30 {
			t.Errorf("only %d words", len(want))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", tt.file, d)
		}
	}
}

// TestAbouts: every line is where the header says, and holds the descriptions.
func TestAbouts(t *testing.T) {
	for _, tt := range catalogs {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.make()
			all := files(t, c, links(c))
			starts := postings(t, strings.Split(strings.SplitN(all["find-names"], "\f", 2)[0], "\n")[6])
			total := len(c.Nodes) + len(c.Terms) + len(c.Macros) + len(c.Tests)
			for i, from := range starts {
				to := total
				if i+1 < len(starts) {
					to = starts[i+1]
				}
				l := strings.Split(all["find-about-"+strconv.Itoa(i)], "\n")
				if len(l) != to-from {
					t.Fatalf("about-%d has %d lines for %d things", i, len(l), to-from)
				}
				for k := from; k < min(to, len(c.Nodes)); k++ {
					parts := strings.Split(l[k-from], "\t")
					described := 0
					for _, col := range c.Nodes[k].Columns {
						if strings.Trim(col.Description, " \t\r\n*_`[]#>|~") != "" {
							described++
						}
					}
					if len(parts)%2 != 1 || tt.name != "hostile" && len(parts)/2 != described {
						t.Errorf("%v has %d parts for %d described columns", c.Nodes[k].ID, len(parts), described)
					}
				}
			}
		})
	}
}

func TestTests(t *testing.T) {
	for _, tt := range catalogs {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.make()
			kinds, rest, _ := strings.Cut(files(t, c, links(c))["find-tests"], "\f")
			list := lines(kinds)
			got := lines(rest)
			if len(got) != len(c.Tests) {
				t.Fatalf("%d lines for %d tests", len(got), len(c.Tests))
			}
			for i, line := range got {
				f := append(strings.Split(line, "\t"), "", "", "", "", "")
				k, _ := strconv.ParseInt(f[0], 36, 0)
				of, _ := strconv.ParseInt("0"+f[1], 36, 0)
				name := f[3]
				if name == "" {
					name = list[k]
					if of > 0 {
						name += "_" + flat(c.Nodes[of-1].ID.Name)
					}
					if f[2] != "" {
						name += "_" + f[2]
					}
				}
				if name != flat(c.Tests[i].ID.Name) || int(of)-1 != c.Tests[i].Of {
					t.Errorf("line %q is %q of %d, want %q of %d", line, name, of-1, c.Tests[i].ID.Name, c.Tests[i].Of)
				}
			}
		})
	}
}

// TestDeterministic: the same bytes again, and all of it is text.
func TestDeterministic(t *testing.T) {
	for _, tt := range catalogs {
		a, b := tt.make(), tt.make()
		first, second := files(t, a, links(a)), files(t, b, links(b))
		if d := cmp.Diff(first, second); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
		for name, text := range first {
			if !utf8.ValidString(text) {
				t.Errorf("%s has bytes that are no text", name)
			}
		}
	}
}

func TestBodiesHoldNoMarkup(t *testing.T) {
	c := contenttest.Hostile()
	for _, f := range search.Files(c, links(c)) {
		if body := f.Body(); bytes.ContainsAny(body, "<>&") || bytes.Contains(body, []byte("\u2028")) {
			t.Errorf("%s has signs that an HTML parser reads", f.Path)
		}
	}
}

// TestSizes holds the files of a project of 10,000 models to their budgets.
func TestSizes(t *testing.T) {
	c := contenttest.Large(10_000)
	start := time.Now()
	list := search.Files(c, links(c))
	took := time.Since(start)
	budgets := map[string]int{"names": 80, "cols": 60, "tests": 500, "words": 60, "sql": 60, "about": 60}
	sum, worst, count, raw := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	start = time.Now()
	for _, f := range list {
		kind, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(f.Path, "d/find-"), ".js"), "-")
		body := f.Body()
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		z.Write(body)
		z.Close()
		sum[kind] += buf.Len()
		worst[kind] = max(worst[kind], buf.Len())
		raw[kind] += len(body)
		count[kind]++
		if limit, ok := budgets[kind]; !ok || buf.Len() > limit*1000 {
			t.Errorf("%s has %d bytes compressed, %d KB are allowed", f.Path, buf.Len(), limit)
		}
	}
	t.Logf("index made in %v, bodies compressed in %v", took, time.Since(start))
	for kind := range budgets {
		t.Log(fmt.Sprintf("%-6s %4d files %8d bytes, compressed %8d, the largest %6d", kind, count[kind], raw[kind], sum[kind], worst[kind]))
	}
}

// TestPlain: texts that results show have no marks of Markdown.
func TestPlain(t *testing.T) {
	c := &content.Catalog{Nodes: []*content.Node{{ID: addr.Node{Kind: addr.Model, Name: "m"}}}}
	for _, tt := range [][2]string{
		{"A **customer** is *one*, with `code`.", "A customer is one, with code."},
		{"# Title\n\n* first\n* second [link](https://example.com/a_b)", "Title first second link"},
		{"2 * 3 of snake_case_names and __bold__ ~~no~~", "2 * 3 of snake_case_names and bold no"},
		{"> quote\r\n| a | b |", "quote a b"},
		{"tab\tand\nline", "tab and line"},
	} {
		c.Nodes[0].Description = tt[0]
		if got := files(t, c, links(c))["find-about-0"]; got != tt[1] {
			t.Errorf("%q becomes %q, want %q", tt[0], got, tt[1])
		}
	}
}
