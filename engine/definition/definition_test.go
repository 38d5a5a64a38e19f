package definition

import (
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	base := Node{
		Raw: "r", Text: "t", Meaning: "m", Macros: "x", Functions: "f", Vars: "v", Config: map[string]string{"a": "1"},
		Place: &addr.Relation{Schema: "core"}, Descriptions: "d", Contract: "c", Address: "a", Relation: addr.Relation{Schema: "prod"},
	}
	for _, c := range []struct {
		name     string
		edit     func(*Node)
		sameType bool
		want     string
	}{
		{"nothing", func(*Node) {}, true, ""},
		{"another target", func(n *Node) { n.Relation.Schema = "dev" }, true, ""},
		{"layout", func(n *Node) { n.Raw = "r2" }, true, ""},
		{"other words of one meaning", func(n *Node) { n.Raw, n.Text = "r2", "t2" }, true, ""},
		{"a meaning is that of a type", func(n *Node) { n.Raw, n.Text = "r2", "t2" }, false, "body"},
		{"query", func(n *Node) { n.Raw, n.Text, n.Meaning = "r2", "t2", "m2" }, true, "body"},
		{"the file is the same, what it reads is not", func(n *Node) { n.Text, n.Meaning = "t2", "m2" }, true, ""},
		{"macro", func(n *Node) { n.Macros, n.Text, n.Meaning = "x2", "t2", "m2" }, true, "macros"},
		{"a macro that says the same", func(n *Node) { n.Macros = "x2" }, true, ""},
		{"function", func(n *Node) { n.Functions = "f2" }, true, "macros"},
		{"variable", func(n *Node) { n.Vars, n.Text, n.Meaning = "v2", "t2", "m2" }, true, "vars"},
		{"config", func(n *Node) { n.Config = map[string]string{"a": "2", "b": "1"} }, true, "configs"},
		{"place", func(n *Node) { n.Place = &addr.Relation{Schema: "other"} }, true, "relation"},
		{"description", func(n *Node) { n.Descriptions = "d2" }, true, "persisted_descriptions"},
		{"contract", func(n *Node) { n.Contract = "c2" }, true, "contract"},
		{"address", func(n *Node) { n.Address = "a2" }, true, "address"},
		{"unknown", func(n *Node) { *n = Node{Raw: "r"} }, true, ""},
		{"unknown but for the file", func(n *Node) { *n = Node{Raw: "r2"} }, true, "body"},
		{"seed", func(n *Node) { n.Raw, n.Text, n.Meaning = "r2", "", "" }, true, "body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := base
			c.edit(&now)
			got := Compare(base, now, c.sameType)
			if diff := cmp.Diff(c.want, strings.Join(got.Words(), " ")); diff != "" {
				t.Error(diff)
			}
			if got.Any() != (c.want != "") {
				t.Error("Any says something else")
			}
		})
	}
}

func TestEncode(t *testing.T) {
	s := &Set{Project: "shop", Target: "prod", Type: "duckdb", Nodes: map[addr.Node]Node{
		{Kind: addr.Model, Name: "orders"}: {Raw: "r", Config: map[string]string{}, Columns: []Column{{Name: "id", Type: "BIGINT"}}, Parents: []addr.Node{{Kind: addr.Seed, Name: "raw"}}},
	}}
	data, sum, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	s.Format = Format
	if diff := cmp.Diff(s, back); diff != "" {
		t.Error(diff)
	}
	again, same, err := back.Encode()
	if err != nil || same != sum || sum == "" || string(again) != string(data) {
		t.Error("it did not survive", err)
	}
	back.Target, back.Engine = "dev", "v2"
	if _, other, _ := back.Encode(); other == sum {
		t.Error("the target does not count")
	}
	for _, bad := range []string{"", "{", `{"format": 99}`, `{"format": 1, "nodes": {"nonsense": {}}}`} {
		if _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
