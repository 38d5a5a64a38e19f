package audience

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

// numbers are what magic may look like on a page.
var numbers = regexp.MustCompile(`11529215046068|1[,. \x{202f}\x{a0}]152[,. \x{202f}\x{a0}]921|3333-01-01`)

// escaped undoes what scripts and addresses may do to a letter.
var escaped = regexp.MustCompile(`\\u00([0-7][0-9a-fA-F])|%([0-7][0-9a-fA-F])`)

func plainly(body []byte) string {
	text := html.UnescapeString(string(body))
	text = escaped.ReplaceAllStringFunc(text, func(s string) string {
		var b byte
		if _, err := fmt.Sscanf(s[len(s)-2:], "%02x", &b); err != nil {
			return s
		}
		return string(rune(b))
	})
	return strings.ToLower(text)
}

// scan reads every byte of a site, and the names of its files, and gives the files with a canary.
func scan(t *testing.T, c *content.Catalog, o catalog.Options) []string {
	t.Helper()
	site := catalog.Build(c, o)
	var found []string
	for _, path := range site.Paths() {
		body, ok := site.File(path)
		if !ok {
			t.Fatalf("%s cannot be made", path)
		}
		for what, text := range map[string]string{"name": strings.ToLower(path), "text": plainly(body), "bytes": strings.ToLower(string(body))} {
			if i := strings.Index(text, canary); i >= 0 {
				found = append(found, fmt.Sprintf("%s of %s: …%s…", what, path, text[max(0, i-80):min(len(text), i+80)]))
			}
			if at := numbers.FindStringIndex(text); at != nil {
				found = append(found, fmt.Sprintf("%s of %s: …%s…", what, path, text[max(0, at[0]-80):min(len(text), at[1]+80)]))
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestSitesHaveNothingHidden: every byte of every file of every audience's site, changes included.
func TestSitesHaveNothingHidden(t *testing.T) {
	for name, world := range worlds {
		for _, show := range [][]Facet{nil, {Tests, Owners, Tags}, Facets()} {
			for _, l := range Lineages() {
				t.Run(fmt.Sprintf("%s/%d/%s", name, len(show), l), func(t *testing.T) {
					c, before := world(), world()
					nodes := half(c)
					shown := map[int]bool{}
					for _, i := range nodes {
						shown[i] = true
					}
					poison(c, shown, show)
					poison(before, shown, show)
					a := Audience{Name: "readers", Title: "Readers", Nodes: nodes, Show: show, Lineage: l}
					out, _ := For(c, a)
					a.Nodes = a.Nodes[:len(a.Nodes)-2]
					was, _ := For(before, a)
					for _, f := range scan(t, out, catalog.Options{Changes: changes.Between(was, out)}) {
						t.Error(f)
					}
				})
			}
		}
	}
}

// TestCustomersSitesHaveNothingHidden: the same for customers.
func TestCustomersSitesHaveNothingHidden(t *testing.T) {
	for name, world := range worlds {
		for i, x := range world().Customers {
			if i > 2 {
				break
			}
			t.Run(name+"/"+x.Name, func(t *testing.T) {
				c := world()
				shown := map[int]bool{}
				for _, n := range x.Nodes {
					shown[n] = true
				}
				poison(c, shown, []Facet{Owners, Tags, Meta, Tests, Customers})
				for j, y := range c.Customers {
					if j != i {
						y.Name, y.Title, y.Schema = fmt.Sprintf("%scustomer%d", canary, j), canary+" title", canary+"_schema"
					}
				}
				out, _ := For(c, Audience{Name: "customers", Customer: c.Customers[i].Name, Show: Facets()})
				for _, f := range scan(t, out, catalog.Options{}) {
					t.Error(f)
				}
			})
		}
	}
}

// TestTheScanOfSitesFinds: the site of everything has canaries in names of files, pages and
// data; so a filter that leaks would be found.
func TestTheScanOfSitesFinds(t *testing.T) {
	c := worlds["small"]()
	poison(c, map[int]bool{7: true}, nil)
	found := strings.Join(scan(t, c, catalog.Options{}), "\n")
	for _, want := range []string{"name of model/", "text of model/", "text of index.html", "text of d/", "bytes of ", "1,152,921"} {
		if !strings.Contains(found, want) {
			t.Errorf("the scan does not see %q", want)
		}
	}
	// A filter that lets one description through.
	out, _ := For(c, Audience{Name: "a", Nodes: []int{7}})
	out.Nodes[0].Description = c.Nodes[6].Description
	if len(scan(t, out, catalog.Options{})) == 0 {
		t.Error("a description that came through is not seen")
	}
	out, _ = For(c, Audience{Name: "a", Nodes: []int{7}})
	out.Nodes[0].Data.Rows = c.Nodes[6].Data.Rows
	if len(scan(t, out, catalog.Options{})) == 0 {
		t.Error("a number of rows that came through is not seen")
	}
}

// TestSitesDoNotDependOnHiddenNodes: with fifty more hidden nodes every file is the same.
func TestSitesDoNotDependOnHiddenNodes(t *testing.T) {
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			c := world()
			a := Audience{Name: "a", Nodes: half(c), Show: []Facet{SQL, Tests, Status, Stats}}
			want, _ := For(c, a)
			more := grown(c)
			for i, n := range a.Nodes {
				a.Nodes[i] = n + 25
			}
			got, _ := For(more, a)
			x, y := catalog.Build(want, catalog.Options{}), catalog.Build(got, catalog.Options{})
			if d := cmp.Diff(x.Paths(), y.Paths()); d != "" {
				t.Fatalf("files (-without +with):\n%s", d)
			}
			for _, path := range x.Paths() {
				left, _ := x.File(path)
				right, _ := y.File(path)
				if !bytes.Equal(left, right) {
					t.Errorf("%s is not the same", path)
				}
			}
		})
	}
}

// BenchmarkHundredCustomers makes and writes the sites of 100 customers who receive the same 40
// nodes of 10,000 models.
func BenchmarkHundredCustomers(b *testing.B) {
	c := contenttest.Large(10_000)
	c.Customers = nil
	for i := range 100 {
		x := &content.Customer{Name: fmt.Sprintf("customer%d", i)}
		for n := 0; n < len(c.Nodes) && len(x.Nodes) < 40; n += 200 {
			x.Nodes = append(x.Nodes, n)
		}
		c.Customers = append(c.Customers, x)
	}
	contenttest.Offer(c)
	dir := b.TempDir()
	for b.Loop() {
		s := Prepare(c)
		for i, x := range c.Customers {
			out, _ := s.For(Audience{Name: "customers", Customer: x.Name, Show: []Facet{Tests}})
			site := catalog.Build(out, catalog.Options{})
			if err := site.Write(fmt.Sprintf("%s/%d", dir, i)); err != nil {
				b.Fatal(err)
			}
			if i == 0 {
				b.ReportMetric(float64(len(site.Paths())), "files")
			}
		}
	}
}
