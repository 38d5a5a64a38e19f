package definition

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
)

// Format is the version of the file form of a Set.
const Format = 1

// Set is a project at one moment, as one target saw it.
type Set struct {
	Format  int    `json:"format"`
	Engine  string `json:"engine,omitempty"` // version of the engine that wrote it
	Project string `json:"project"`
	Target  string `json:"target"`
	// Type is the target's type: texts of different ones are compared as far as they are
	// GoogleSQL.
	Type  string             `json:"type"`
	Nodes map[addr.Node]Node `json:"nodes"`
	// Partial says why less than all is known of the nodes; empty if all is.
	Partial string `json:"partial,omitempty"`
	// Manifest says that it was taken from dbt's manifest.json, and is to be compared with what
	// a manifest says of the project now; Foreign, that dbt wrote that.
	Manifest bool `json:"-"`
	Foreign  bool `json:"-"`
}

// Node is the definition of one node, test, unit test or exposure. Hashes are hex; an empty
// one is not known.
type Node struct {
	// Relation is where the target has the node: the only thing here that names the target.
	Relation     addr.Relation `json:"relation,omitzero"`
	Materialized string        `json:"materialized,omitempty"`
	// Raw is dbt's checksum of the file: white space is folded, a seed is taken as it is.
	Raw string `json:"raw,omitempty"`
	// Text is a hash of the rendered query without comments and layout.
	Text string `json:"text,omitempty"`
	// Meaning is compile.Node.Meaning.
	Meaning string `json:"meaning,omitempty"`
	// Macros is a hash of the macros used, Functions one of the project's functions, Vars one
	// of the variables used as engine.yml has them for all targets.
	Macros    string `json:"macros,omitempty"`
	Functions string `json:"functions,omitempty"`
	Vars      string `json:"vars,omitempty"`
	// Config is what configuration says, by key, as JSON; nil where not known.
	Config map[string]string `json:"config"`
	// Place is the custom database, schema and alias; nil where not known.
	Place *addr.Relation `json:"place,omitempty"`
	// Descriptions is a hash of what the warehouse is told of the relation and its columns.
	Descriptions string `json:"descriptions,omitempty"`
	// Contract is a hash of what others may count on: constraints, and the columns where
	// they are enforced.
	Contract string      `json:"contract,omitempty"`
	Columns  []Column    `json:"columns,omitempty"`
	Parents  []addr.Node `json:"parents,omitempty"`
	// Address is how others find a node where a manifest tells: its qualified name, access, latest
	// version and the day from which it is deprecated.
	Address string `json:"address,omitempty"`
	// Code is the rendered query for people, nodes in the place of relations.
	Code string `json:"code,omitempty"`
}

// Column is a column of the result, its type in the words of the target.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// Encode writes a Set, and gives a hash over all that is compared. The same Set gives the
// same bytes; who wrote it is not in the hash.
func (s *Set) Encode() (data []byte, sum string, err error) {
	nodes, err := json.Marshal(s.Nodes)
	if err != nil {
		return nil, "", fmt.Errorf("encode definitions: %w", err)
	}
	head := *s
	head.Format, head.Nodes = Format, nil
	around, err := json.Marshal(struct {
		Set
		Nodes json.RawMessage `json:"nodes"`
	}{head, nodes})
	if err != nil {
		return nil, "", fmt.Errorf("encode definitions: %w", err)
	}
	return append(around, '\n'), hash(s.Project, s.Target, s.Type, string(nodes)), nil
}

// Decode reads what Encode wrote.
func Decode(data []byte) (*Set, error) {
	var out Set
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("decode definitions: %w", err)
	}
	if out.Format != Format {
		return nil, fmt.Errorf("decode definitions: format %d is not known, only %d is", out.Format, Format)
	}
	if out.Nodes == nil {
		out.Nodes = map[addr.Node]Node{}
	}
	return &out, nil
}

// Change says in which respects a node differs from what it was.
type Change struct {
	Body         bool     // the query means something else, or the data of a seed are others
	Configs      []string // keys of configuration
	Relation     bool     // database, schema or alias
	Macros       bool     // a macro or function that matters to it
	Vars         bool     // a variable that matters to it
	Descriptions bool     // descriptions that the warehouse is told
	Contract     bool
	// Address: only manifests tell (see Node); state:modified has no word for it.
	Address bool
}

// Any reports whether something differs.
func (c Change) Any() bool {
	return c.Body || len(c.Configs) > 0 || c.Relation || c.Macros || c.Vars || c.Descriptions || c.Contract || c.Address
}

// Words lists the respects, in the words of the selection grammar where it has them.
func (c Change) Words() []string {
	var out []string
	for _, w := range []struct {
		word string
		on   bool
	}{{"body", c.Body}, {"configs", len(c.Configs) > 0}, {"relation", c.Relation}, {"macros", c.Macros}, {"vars", c.Vars}, {"persisted_descriptions", c.Descriptions}, {"contract", c.Contract}, {"address", c.Address}} {
		if w.on {
			out = append(out, w.word)
		}
	}
	return out
}

// Aspects are the words of Change.Words that state:modified takes.
var Aspects = []string{"body", "configs", "relation", "macros", "vars", "persisted_descriptions", "contract"}

// Has reports whether the change has the respect of that word.
func (c Change) Has(word string) bool {
	for _, w := range c.Words() {
		if w == word {
			return true
		}
	}
	return false
}

// Compare finds how a node differs from what it was. sameType: both were compiled for
// targets of one type. What is not known of one of them does not differ.
//
// A file that was edited without another meaning is no change, nor is a macro or variable
// that leaves the text as it was.
func Compare(old, new Node, sameType bool) Change {
	var c Change
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	same := new.Text != "" && old.Text == new.Text || sameType && new.Meaning != "" && old.Meaning == new.Meaning
	switch {
	case same:
	case old.Raw == "" && new.Raw == "":
		c.Body = differ(old.Text, new.Text)
	default:
		c.Body = differ(old.Raw, new.Raw)
	}
	c.Macros = !same && differ(old.Macros, new.Macros) || differ(old.Functions, new.Functions)
	c.Vars = !same && differ(old.Vars, new.Vars)
	if old.Config != nil && new.Config != nil {
		c.Configs = keysThatDiffer(old.Config, new.Config)
	}
	c.Relation = old.Place != nil && new.Place != nil && *old.Place != *new.Place
	c.Descriptions = differ(old.Descriptions, new.Descriptions)
	c.Contract = differ(old.Contract, new.Contract)
	c.Address = differ(old.Address, new.Address)
	return c
}

func keysThatDiffer(old, new map[string]string) []string {
	var out []string
	for _, key := range sortedKeys(old, new) {
		a, had := old[key]
		b, has := new[key]
		if had != has || a != b {
			out = append(out, key)
		}
	}
	return out
}

// hash is over a list: no two different lists hash alike.
func hash(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(append(strconv.AppendInt(b, int64(len(p)), 10), ':'), p...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
