package lineage

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/google/go-cmp/cmp"
)

func TestFrom(t *testing.T) {
	g := From(shop())
	var got []string
	for _, n := range g.Nodes {
		got = append(got, fmt.Sprintf("%s parents=%v children=%v tests=%d tone=%s", n.ID, n.Parents, n.Children, len(n.Tests), n.Tone()))
	}
	want := []string{
		"source.app.orders parents=[] children=[model.stg_orders] tests=1 tone=source",
		"seed.countries parents=[] children=[model.orders] tests=1 tone=seed",
		"model.stg_orders parents=[source.app.orders] children=[model.orders] tests=1 tone=model",
		"model.orders parents=[seed.countries model.stg_orders] children=[model.report snapshot.orders_snapshot] tests=4 tone=model",
		"model.report parents=[model.orders] children=[exposure.dashboard] tests=1 tone=model",
		"snapshot.orders_snapshot parents=[model.orders] children=[] tests=0 tone=snapshot",
		"exposure.dashboard parents=[model.report] children=[] tests=0 tone=exposure",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestHops(t *testing.T) {
	g := From(shop())
	show := func(hops []Hop) (out []string) {
		for _, h := range hops {
			out = append(out, fmt.Sprintf("%d %s", h.Hops, h.Node))
		}
		return out
	}
	if d := cmp.Diff([]string{"1 model.orders", "2 seed.countries", "2 model.stg_orders", "3 source.app.orders"}, show(g.Ancestors(model("report"), 0))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"1 model.orders", "2 model.report", "2 snapshot.orders_snapshot"}, show(g.Descendants(model("stg_orders"), 2))); d != "" {
		t.Error(d)
	}
	if got := g.Ancestors(model("nobody"), 0); got != nil {
		t.Errorf("unknown node has ancestors %v", got)
	}
}

func TestSub(t *testing.T) {
	p := shop()
	g := From(p)
	sel, _ := Select(p, Query{Select: []string{"stg_orders+"}})
	sub := g.Sub(sel.Has)
	if d := cmp.Diff("[{model.stg_orders model.orders} {model.orders model.report} {model.orders snapshot.orders_snapshot} {model.report exposure.dashboard}]", fmt.Sprint(sub.Edges())); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(sub.Edges(), g.Pick(model("report"), model("orders"), model("nobody"), model("stg_orders"), addr.Node{Kind: addr.Exposure, Name: "dashboard"}, addr.Node{Kind: addr.Snapshot, Name: "orders_snapshot"}).Edges()); d != "" {
		t.Error(d)
	}
	if up, down := g.Sizes(model("orders")); up != 3 || down != 3 {
		t.Errorf("orders has %d ancestors and %d descendants", up, down)
	}
	if len(g.Nodes) != 7 || len(g.Node(model("orders")).Parents) != 2 {
		t.Error("the graph itself has changed")
	}
}

// odd has names that no format may stumble over.
func odd() *compile.Program {
	b := newBuilder(`o"dd </script> & 'co'`)
	var last []addr.Node
	for _, name := range []string{
		`a"b`, `c<d>&e'f`, "größe", "日本語の表", `back\slash`, "two\nlines", "semi;colon{}[]()|#", "$(rm)`x`", "\x00\x01\xff",
		"-->", "end", strings.Repeat("long_", 60) + "tail", "🚀", "%%{init}%%",
	} {
		b.node(model(name), "models/"+strings.ReplaceAll(name, "/", "_")+".sql", last...).Config.Materialized = "view"
		last = []addr.Node{model(name)}
	}
	return b.p
}

func TestWritersGolden(t *testing.T) {
	for _, p := range []struct {
		name string
		p    *compile.Program
	}{{"shop", shop()}, {"odd", odd()}} {
		for _, w := range Writers {
			t.Run(p.name+"."+w.Name, func(t *testing.T) {
				var got, again bytes.Buffer
				if err := w.Write(&got, From(p.p)); err != nil {
					t.Fatal(err)
				}
				if err := w.Write(&again, From(p.p)); err != nil || !bytes.Equal(got.Bytes(), again.Bytes()) {
					t.Errorf("two writes differ (%v)", err)
				}
				if w.Name == "svg" {
					wellFormed(t, got.Bytes())
				}
				golden(t, filepath.Join("testdata", p.name+"."+w.Ext), got.Bytes())
			})
		}
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(path)
	if os.Getenv("ENGINE_UPDATE") != "" {
		if bytes.Equal(got, want) {
			return
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("updated %s", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Error(d)
	}
}

func wellFormed(t *testing.T, doc []byte) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}

func TestJSONKeepsNames(t *testing.T) {
	var b bytes.Buffer
	p := odd()
	if err := writeJSON(&b, From(p)); err != nil {
		t.Fatal(err)
	}
	var back jsonGraph
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Nodes) != len(p.Order) || back.Nodes[3].Name != "日本語の表" || back.Nodes[0].ID != model(`a"b`) {
		t.Errorf("got %+v", back.Nodes)
	}
}

func TestEmptyGraph(t *testing.T) {
	g := From(newBuilder("empty").p)
	for _, w := range Writers {
		var b bytes.Buffer
		if err := w.Write(&b, g); err != nil || b.Len() == 0 {
			t.Errorf("%s: %v, %d bytes", w.Name, err, b.Len())
		}
		if w.Name == "svg" {
			wellFormed(t, b.Bytes())
		}
	}
}

func TestSVGLinksAndFocus(t *testing.T) {
	var b bytes.Buffer
	err := From(shop()).SVG(&b, SVGOptions{ID: "g", Focus: model("orders"), Link: func(n addr.Node) string { return "x/" + n.Name + ".html?a=1&b=2" }})
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, b.Bytes())
	s := b.String()
	for _, want := range []string{`href="x/report.html?a=1&amp;b=2"`, `data-n="0"`, `data-e="0 2"`, `class="g-node t-model focus"`, `class="g-edge near"`, `role="group"`} {
		if !strings.Contains(s, want) {
			t.Errorf("missing %s", want)
		}
	}
	for _, not := range []string{"<style", "style=", `href="x/orders.html`} {
		if strings.Contains(s, not) {
			t.Errorf("holds %s", not)
		}
	}
}

func TestSVGOfTenThousandNodes(t *testing.T) {
	g := From(large(10_000))
	start := time.Now()
	if err := g.SVG(io.Discard, SVGOptions{Standalone: true}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%v", time.Since(start))
	if took := time.Since(start); took > 10*time.Second { // the budget is 5 s on a quiet machine
		t.Errorf("took %v", took)
	}
}

func BenchmarkSVG(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		g := From(large(n))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if err := g.SVG(io.Discard, SVGOptions{Standalone: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
