package changelog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/engine-build/engine/catalog/article"
	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
	"github.com/engine-build/engine/catalog/markup"
)

func links() article.Links {
	return article.Links{Node: func(n int) string { return fmt.Sprintf("model/%d.html", n) }}
}

func page(c *changes.Changes) string {
	var w markup.Writer
	New(c, links()).Page(&w)
	return string(w.Bytes())
}

// check parses a page and refuses whatever could run, and identifiers that stand twice.
func check(t *testing.T, text string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	known := " html head body h1 h2 h3 p a section header small article span i code div table thead tbody tr th td del ul li details summary svg g path rect text tspan title "
	ids := map[string]bool{}
	var visit func(n *html.Node)
	visit = func(n *html.Node) {
		if n.Type == html.ElementNode {
			if !strings.Contains(known, " "+n.Data+" ") {
				t.Errorf("there is an element %s", n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "model/") && !strings.HasPrefix(a.Val, "../") {
					t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
				}
				if a.Key == "id" {
					if ids[a.Val] {
						t.Errorf("two elements are called %s", a.Val)
					}
					ids[a.Val] = true
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			visit(c)
		}
	}
	visit(doc)
}

// TestPage: every change of a small project is told.
func TestPage(t *testing.T) {
	c := contenttest.Small()
	c.Nodes[6].Description = "New text."
	c.Nodes[6].Columns[2].Type, c.Nodes[6].Columns[0].Name = "NUMERIC", "order_key"
	c.Nodes[6].Template.Text += "\nwhere amount > 0"
	c.Nodes[7].Parents = []int{4, 6}
	c.Nodes[8].ID.Name = "fct_old"
	c.Nodes[9].ID.Name, c.Nodes[9].Columns[0].Name = "snap_client", "client"
	c.Nodes[5].Data.Rows = 1300
	c.Tests[1].Sentence = "order_key is unique"
	c.Macros[0].Text = "x"
	before := contenttest.Small()
	ch := changes.Between(before, c)
	text := page(ch)
	check(t, text)
	for _, want := range []string{
		"the catalog of 2026-03-02 06:00 UTC of target dev", "New text.", "<del>order_id</del>", "order_key", "NUMERIC", "DOUBLE", "where amount &gt; 0", "1 line added",
		"Reads no more", "was fct_order_v1", "snap_client", "snap_customer", "1,200", "1,300", "Test: order_key is unique", "cents", `class="g-edge ch-removed"`, `class="g-edge ch-added"`, "dim_customer → mart_sales: gone",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var w markup.Writer
	log := New(ch, links())
	log.Node(&w, 6)
	check(t, string(w.Bytes()))
	if !bytes.Contains(w.Bytes(), []byte("New text.")) || !bytes.Contains(w.Bytes(), []byte("../changes.html")) {
		t.Errorf("the page of the node says\n%s", w.Bytes())
	}
	w.Reset()
	log.Node(&w, 5) // other rows only
	log.Node(&w, 0) // nothing
	if w.Len() > 0 {
		t.Errorf("a node that has not changed is told as\n%s", w.Bytes())
	}
	if text := page(changes.Between(before, contenttest.Small())); !strings.Contains(text, "Nothing has changed.") {
		t.Errorf("no changes are told as\n%s", text)
	}
}

// TestHostile: whatever people write stays text.
func TestHostile(t *testing.T) {
	before, after := contenttest.Hostile(), contenttest.Hostile()
	for i, n := range after.Nodes {
		switch i % 4 {
		case 0:
			n.Description += "!"
			n.Template.Text = "<script>\n" + n.Template.Text
			n.Owner += "<b>"
			for _, c := range n.Columns {
				c.Type += "<i>"
			}
		case 1:
			n.ID.Name += "'\"><img src=x onerror=alert(1)>"
		case 2:
			n.Parents = nil
		}
	}
	for _, c := range []*changes.Changes{changes.Between(before, after), changes.Between(after, before), changes.Between(&content.Catalog{}, after), changes.Between(after, &content.Catalog{})} {
		check(t, page(c))
		var w markup.Writer
		log := New(c, links())
		for n := range c.Later().Nodes {
			w.Reset()
			log.Node(&w, n)
			check(t, string(w.Bytes()))
		}
	}
}

// TestLargeChanges: a page opens at once, whatever has changed.
func TestLargeChanges(t *testing.T) {
	before, after := contenttest.Large(3000), contenttest.Large(3000)
	for _, n := range after.Nodes {
		n.Description += " More."
		n.Template.Text += strings.Repeat("\nx", 2000)
	}
	for name, c := range map[string]*changes.Changes{"changed": changes.Between(before, after), "new": changes.Between(&content.Catalog{}, after)} {
		if n := len(page(c)); n > 2<<20 {
			t.Errorf("the page of all that is %s has %d bytes", name, n)
		}
	}
}
