package addr

import (
	"cmp"
	"fmt"
	"strings"
)

// Kind is the sort of thing a node is. The words are dbt's resource types, so that
// selectors and artifacts need no translation.
type Kind string

const (
	Model    Kind = "model"
	Seed     Kind = "seed"
	Snapshot Kind = "snapshot"
	Source   Kind = "source"
	Test     Kind = "test"
	UnitTest Kind = "unit_test"
	Exposure Kind = "exposure"
	// Analysis is a query that is compiled and never run.
	Analysis Kind = "analysis"
)

// Kinds lists every kind in the order in which they are shown.
var Kinds = []Kind{Source, Seed, Model, Snapshot, Test, UnitTest, Exposure, Analysis}

// Node identifies one node of a project. Source nodes are named «source.table»;
// all other names are unique within their kind.
type Node struct {
	Kind Kind
	Name string
}

// String is the text form, for example «model.stg_orders» or «source.app.material».
func (n Node) String() string {
	if n == (Node{}) {
		return ""
	}
	return string(n.Kind) + "." + n.Name
}

// IsZero reports whether n names nothing.
func (n Node) IsZero() bool { return n == Node{} }

// Compare orders nodes by kind and name.
func (n Node) Compare(o Node) int {
	return cmp.Or(cmp.Compare(n.Kind, o.Kind), cmp.Compare(n.Name, o.Name))
}

// MarshalText and UnmarshalText make Node a JSON string and a JSON map key.
func (n Node) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText parses the text form.
func (n *Node) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*n = Node{}
		return nil
	}
	*n, err = ParseNode(string(b))
	return err
}

// ParseNode parses the text form of a node.
func ParseNode(s string) (Node, error) {
	kind, name, ok := strings.Cut(s, ".")
	if ok && name != "" {
		for _, k := range Kinds {
			if string(k) == kind {
				return Node{k, name}, nil
			}
		}
	}
	return Node{}, fmt.Errorf("%q is not a node: want kind.name, for example model.orders", s)
}

// Column identifies an output column of a node.
type Column struct {
	Node Node
	Name string
}

// Relation names a table or view in a warehouse. Database may be empty (the
// connection's own). Names are as the warehouse stores them, unquoted.
type Relation struct {
	Database string `json:"database,omitempty"`
	Schema   string `json:"schema"`
	Name     string `json:"name"`
}

// String is the dotted form for people; it is not quoted and not SQL.
func (r Relation) String() string {
	if r.Database == "" {
		return r.Schema + "." + r.Name
	}
	return r.Database + "." + r.Schema + "." + r.Name
}

// IsZero reports whether r names nothing.
func (r Relation) IsZero() bool { return r == Relation{} }

// Compare orders relations by database, schema, name.
func (r Relation) Compare(o Relation) int {
	return cmp.Or(cmp.Compare(r.Database, o.Database), cmp.Compare(r.Schema, o.Schema), cmp.Compare(r.Name, o.Name))
}
