package content

import (
	"time"

	"github.com/engine-build/engine/engine/addr"
)

// Catalog is all that a site says. It is immutable once made, and a plain value: nothing in it
// leads to the program it was read from, so that what was left out of it cannot come back.
// Everything in it is text of users and hostile until it is escaped.
type Catalog struct {
	Project   string // the name in engine.yml
	Title     string // what readers see instead, the same unless they are told otherwise
	Target    string // name of the target; empty for readers who must not know
	Warehouse string // duckdb, postgres, bigquery; empty as Target
	// Generated and Engine stand in the footer; zero values leave them out.
	Generated time.Time
	Engine    string
	// Audience is whom it is for: empty for those who see everything.
	Audience string
	// Customer is set in the site of one customer.
	Customer string

	// Nodes are in topological order, parents first. A node's index is its number, by which all
	// else here names it.
	Nodes []*Node
	// Tests are in the order of their names; a test's index is its number.
	Tests     []*Test
	Macros    []*Macro
	Groups    []*Group
	Terms     []*Term     // the glossary
	Customers []*Customer // those who are told of; empty where nothing is distributed
	Runs      []*Run      // newest first
	Flow      Flow
	// Contracts are the older versions of what customers read, oldest first. What a relation of
	// the newest has is in Node.Offer.
	Contracts []*Contract
}

// Node is a source, seed, model, snapshot or exposure.
type Node struct {
	ID addr.Node
	// Label is the name for people, of exposures; else empty.
	Label string
	// Tone is the colour: source, seed, stg, int, dim, fct, mart, report, snapshot, exposure, model.
	Tone string
	// Tier is what the project calls it (dim, fct, stg, …), else what its name says; may be empty.
	Tier string
	// Folder is where readers look for it: the directory of its file, «sources/name», «exposures».
	Folder string
	// Description is Markdown, docs blocks already in their place.
	Description string
	// Relation is the name in the warehouse; empty for what has none.
	Relation     string
	Materialized string
	Tags         []string
	Meta         []Pair // sorted by name; values as compact JSON unless they are text
	// Owner is a name or an address as written; Group has an entry in Catalog.Groups if it is known.
	Owner, Group string
	// Access is private, protected or public.
	Access  string
	Version *Version
	// Deprecated is when readers should have left it; zero: never.
	Deprecated time.Time
	// Contract says that the columns are promised.
	Contract bool
	// Grain is what one row is for, «order_id»; empty if that is not known.
	Grain string
	// Facts are all other settings worth knowing, in a good order.
	Facts []Fact

	Columns []*Column
	// NoTypes says why columns or types are not known; empty where they are.
	NoTypes string
	// Parents and Children are numbers, sorted. Withheld says that it reads, too, what the
	// audience is not told of.
	Parents, Children []int
	Withheld          bool
	// Tests are the numbers of all tests that read it, Units included.
	Tests []int
	// Macros are the numbers of those that its text uses.
	Macros []int
	// Customers are the numbers of those who receive it; All: every one does, also those to come.
	Customers []int
	ForAll    bool

	Source   *Source
	Exposure *Exposure
	Seed     *Seed

	// File is where it is written, YAML where its properties are, and Line that of its entry
	// there. Without an entry YAML is empty and Line 0. Described: there is a description.
	File, YAML string
	Line       int
	Described  bool
	// Template is the text as written, SQL what it becomes.
	Template, SQL Code

	// Status is how the last run left it, Data what the warehouse holds, History its builds,
	// newest first.
	Status  Status
	Data    Data
	History []Build
	Advice  []Advice

	// Offer is what customers who receive it have of it; nil where nobody can.
	Offer *Offer
	// Problems are the messages of the last run; it was skipped for the sake of the nodes Because.
	Problems []string
	Because  []int
	// NoFlow says why it is not known, or not wholly, where its columns come from; empty where
	// it is, and where Flow is not known.
	NoFlow string
}

// Pair is a name with a value.
type Pair struct{ Name, Value string }

// Fact is a setting or a number with its name, and where more is to be found (an address, or empty).
type Fact struct{ Name, Value, Link string }

// Version is which version of which model a node is.
type Version struct {
	Model  string
	Name   string
	Latest bool
}

// Source is what only sources have.
type Source struct {
	Name        string // of the group of tables
	Description string
	Loader      string
	LoadedAt    string
	// WarnAfter and ErrorAfter are 0 where nothing is said. Loaded is the newest row, zero if unknown,
	// and Fresh one of «», pass, warn, error.
	WarnAfter, ErrorAfter time.Duration
	Loaded, Checked       time.Time
	Fresh                 string
}

// Exposure is what only exposures have.
type Exposure struct {
	Type, URL, Maturity string
	OwnerName, Email    string
}

// Seed is what only seeds have.
type Seed struct {
	Format string
	Size   int64
}

// Column of a node.
type Column struct {
	Name, Type, Description string
	Tags                    []string
	Meta                    []Pair
	// Constraints in words: «primary key», «not null», «references dim_product (id)».
	Constraints []string
	// Sensitive columns have no profile, and nothing of their values is shown anywhere.
	Sensitive bool
	// Written says that the project's YAML has an entry for it.
	Written bool
	// Tests are the numbers of the tests that are on it alone.
	Tests []int
	// Profile is nil where none was asked for.
	Profile *Profile
}

// Profile is what a scan found in a column. Counts are of the rows that were read.
type Profile struct {
	// Rows were read, of them Nulls are NULL; Distinct is approximate, -1 if not counted.
	Rows, Nulls, Distinct int64
	// Sampled says that Rows are not all rows of the table.
	Sampled bool
	// Min and Max as text, empty where values have no order.
	Min, Max string
	Top      []TopValue // most frequent first
	At       time.Time
}

// TopValue is a frequent value with its number of rows.
type TopValue struct {
	Value string
	Rows  int64
}

// Test is a data test or a unit test.
type Test struct {
	ID addr.Node
	// Of is the number of the node it is declared on, -1 if none; Reads are all it reads.
	Of    int
	Reads []int
	// Column is the one it is on, as written; empty for tests of a whole node.
	Column string
	// Kind is not_null, unique, …, singular, unit. Sentence says what it checks.
	Kind, Sentence, Description string
	Severity                    string // error, warn
	Tags                        []string
	// Where is «file:line».
	Where string
	SQL   string
	// Status is how it came out last, at At, Failures how many rows it found.
	Status   Status
	At       time.Time
	Failures int64
	// Problem is the message where it could not be run; Stored is the relation with failing rows.
	Problem, Stored string
	// Sample has failing rows, as text; never of sensitive columns.
	Sample  *Sample
	History []Outcome // newest first

	// Expect are the rows that a unit test expects, without sensitive columns; nil for other tests.
	Expect *Sample
}

// Outcome is how a test came out once.
type Outcome struct {
	At       time.Time
	Status   Status
	Failures int64
}

// Sample are some rows.
type Sample struct {
	Columns []string
	Rows    [][]string
}

// Macro is a template that models include, or a function.
type Macro struct {
	Name, Description, File string
	Line                    int
	Text                    string
	UsedBy                  []int // numbers of nodes
}

// Group is a team that owns models.
type Group struct{ Name, OwnerName, OwnerEmail, Description string }

// Term is an entry of the glossary: a docs block that stands for a word. Text is Markdown, UsedBy
// are the nodes whose descriptions, or whose columns', have it.
type Term struct {
	Name, Text, File string
	UsedBy           []int
}

// Customer receives a slice.
type Customer struct {
	Name, Title string
	Tier        int
	// Mode is how: tables, views, files, in words of the configuration.
	Mode    string
	Tenants int
	Nodes   []int // numbers of what it receives
	// Released is the last publication; zero: none yet.
	Released time.Time
	// Schema is where it reads, Lakes are its schemas of sources by the source's name, sorted.
	Schema string
	Lakes  []Pair
	// Contract is the version that it reads; 0 is the newest, as every version is that is not in
	// Catalog.Contracts.
	Contract int
	// Fields are its custom fields, by node and in order there.
	Fields []CustomField
}

// CustomField is a column that only one customer has.
type CustomField struct {
	Node              int
	Name, Type, Title string
}

// Offer is a relation as customers have it under the newest contract.
type Offer struct {
	// As is its name there. Source is set for rows of a source: they lie in the customer's schema of it.
	As, Source string
	// Columns in order; custom fields are not among them.
	Columns []Offered
}

// Offered is a column as customers have it.
type Offered struct {
	Column string // of Node.Columns, as written there
	Type   string
	// Mask is what rows show that a customer sees in part: null, hash, constant; empty: the value.
	Mask string
}

// Contract is a version of what customers read, with all of its relations.
type Contract struct {
	Version int
	Sunset  time.Time // zero: none
	Old     []OldRelation
}

// OldRelation is a relation as a contract has it. Node is -1 where the project has none any more.
type OldRelation struct {
	Node    int
	As      string
	Columns []OldColumn
}

// OldColumn is a column of an OldRelation. From is the name in Node.Columns, empty where it is
// NULL because the project has it no more.
type OldColumn struct{ Name, Type, From string }

// Run is one earlier run.
type Run struct {
	ID             string
	Started, Ended time.Time
	Verdict        Status
}

// Build is one build of a node: durations, rows and cost as the warehouse said; -1 is unknown.
type Build struct {
	Run           string
	At            time.Time
	Took          time.Duration
	Rows          int64
	Bytes, Billed int64         // read and charged for
	Slots         time.Duration // work of the warehouse, 0 if unknown
}

// Data is what the warehouse holds of a node. Rows and Bytes are -1 where unknown.
type Data struct {
	Rows, Bytes int64
	BuiltAt     time.Time
	// Partitioned and Clustered are the columns.
	Partitioned string
	Clustered   []string
}

// Status is an outcome.
type Status string

// Outcomes; the empty one is «nothing known».
const (
	Unknown     Status = ""
	Built       Status = "built"
	Unchanged   Status = "unchanged"
	Passed      Status = "passed"
	Warned      Status = "warned"
	Failed      Status = "failed" // tests found rows
	Errored     Status = "error"
	Skipped     Status = "skipped"
	Unpublished Status = "unpublished"
	Canceled    Status = "canceled"
)

// Advice is for readers who choose what to read: «prefer dim_product».
type Advice struct {
	// Level is info or warn. Text is plain; Prefer is the number of the better node, -1 if none.
	Level  string
	Text   string
	Prefer int
}

// Code is SQL with the places in it that lead somewhere, in order, not overlapping.
type Code struct {
	Text  string
	Links []Link
}

// Link leads from the bytes From to To of a text to a node.
type Link struct{ From, To, Node int }

// Flow is column lineage. Columns are numbered through the catalog: column c of node n is
// First[n]+c, and First has one more entry with their number.
type Flow struct {
	Known bool
	First []int32
	// Edges say what gives a column its value, sorted by To, From, Way; Reads what else a node
	// reads, sorted by Node, Column, Use.
	Edges []Edge
	Reads []Read
	// Texts are the expressions that edges and reads name, each once; the first is empty.
	Texts []string
}

// Edge gives To its value from From.
type Edge struct {
	From, To int32
	Way      Way
	Text     int32
}

// Read is a column that decides which rows a node has, or their order, or (with To not -1) is
// read for one of its columns.
type Read struct {
	Column int32
	Node   int32
	To     int32
	Use    Use
	Text   int32
}

// Way is how a value comes to a column.
type Way byte

// Ways, from the plainest on.
const (
	Identity    Way = 'i'
	Condition   Way = 'c' // only chooses between values, as in CASE WHEN
	Transformed Way = 't'
	Aggregated  Way = 'a'
)

// Use is why a column is read whose value goes nowhere.
type Use byte

// Uses.
const (
	Filter  Use = 'F'
	Join    Use = 'J'
	Unnest  Use = 'U'
	Grouped Use = 'G'
	Ordered Use = 'O'
	Window  Use = 'W'
	Unused  Use = 'N'
	Tested  Use = 'T'
)
