package datatest

import (
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/meaning"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Test is a data test bound to its nodes. Where SQL refers to a node it holds a
// placeholder that the planner replaces, so that the plan decides whether the staged or
// the published relation is read.
type Test struct {
	ID   addr.Node
	Kind string // unique, not_null, …; «singular»; or a custom generic test's name
	// Node is the node the test is written at (zero for singular tests).
	Node   addr.Node
	Column string
	// Args are the arguments as Check returns them; a reference is an addr.Node.
	Args   map[string]any
	Config Config
	// Parents are all nodes that the test reads, sorted.
	Parents []addr.Node
	// Shape are the columns of its node, where the test asks for them and its language cannot
	// tell them in a query; nil where they are not known.
	Shape []warehouse.Column
	// Reads is what the test reads of each of them, as far as it was analyzed: a node that is
	// missing, or all where it is nil, is read whole. Ephemeral models are seen through.
	Reads map[addr.Node]meaning.Reading
	// Volatile names the functions whose value changes from call to call: with them, a test
	// may fail although nothing that it reads has changed.
	Volatile []string
	// Contract: it checks a constraint of an enforced contract that the warehouse does not,
	// so that it runs whenever its node is built.
	Contract bool
	// Written is the entry in YAML, nil if there is none. Twin: another test differs from it in
	// nothing but its configuration.
	Written *project.Test `json:"-"`
	Twin    bool          `json:"-"`
	// SQL is set for singular and custom generic tests: a query for failing rows, with
	// placeholders; Map leads back to the file.
	SQL string
	Map *source.Map
	// Translated is set where the engine has written the test anew for the target; it
	// takes the place of the query that the kind would make.
	Translated  *Translated
	Path        string
	At          source.Span // the entry in YAML, or the file
	ArgAt       map[string]source.Span
	Description string
	Fingerprint string
}

// Translated is a test as queries of the target, with placeholders for relations.
type Translated struct {
	// Rows is the query for failing rows.
	Rows string
	Map  *source.Map
	// Tally is the query for the number of failures: one row, one column. It is empty
	// where the number is that of the rows.
	Tally string
	// Sentence is what the test claims.
	Sentence string
	// Needs names what the queries use of the engine's own functions in the warehouse, sorted.
	Needs []string
}

// Config is the resolved configuration of a data test.
type Config struct {
	Severity      string // error, warn
	WarnIf        string // default «!= 0»
	ErrorIf       string // default «!= 0»
	Where         string
	Limit         int64  // 0: none
	FailCalc      string // default «count(*)»
	StoreFailures bool
	StoreNever    bool   // failing rows are not kept, whatever a command asks for
	Schema        string // of the failing rows, before the target's rule
	Database      string // of the failing rows
	Alias         string // of the failing rows
	Dialect       string // of the SQL in the test; empty: the project's
	Tags          []string
	Meta          map[string]any
}

// Query is a data test ready to run: a query that returns failing rows.
type Query struct {
	ID       addr.Node   `json:"id"`
	Kind     string      `json:"kind"`
	Column   string      `json:"column,omitempty"`
	Parents  []addr.Node `json:"parents"`
	Severity string      `json:"severity"`
	WarnIf   string      `json:"warn_if"`
	ErrorIf  string      `json:"error_if"`
	FailCalc string      `json:"fail_calc"`
	Limit    int64       `json:"limit,omitempty"`
	// Rows is the query for failing rows. Count, if set, is an aggregate expression over
	// Scan that gives the number of failures, so that tests of one Scan run as one query.
	Rows  string `json:"rows"`
	Count string `json:"count,omitempty"`
	Scan  string `json:"scan,omitempty"`
	// Tally is the query for the number of failures, where FailCalc alone does not say it.
	Tally string `json:"tally,omitempty"`
	// Store is the table that keeps failing rows, zero if not asked for.
	Store       addr.Relation `json:"store,omitzero"`
	Sentence    string        `json:"sentence"` // «"customer_id" of orders is never null»
	At          source.Span   `json:"-"`
	Map         *source.Map   `json:"-"`
	Where       string        `json:"where,omitempty"` // path:line:col of the test
	Fingerprint string        `json:"fingerprint"`
	// Late: its outcome keeps nothing from being published, so it runs on what is published,
	// when there is nothing more urgent to do.
	Late bool `json:"late,omitempty"`
}

// In is what a test needs to become a query.
type In struct {
	Dialect warehouse.Speller
	// Read is how a node is read in a from clause: its quoted name, or a sub-query in
	// parentheses for a node that has no relation.
	Read func(addr.Node) string
	// Bound is the SQL of a singular, custom generic or translated test without
	// placeholders, and Tally that of a translated one.
	Bound string
	Tally string
	// Map leads back from Bound to the test's file.
	Map *source.Map
	// Store is where failing rows are kept, zero if not asked for.
	Store addr.Relation
}
