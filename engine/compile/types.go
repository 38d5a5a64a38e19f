package compile

import (
	"maps"
	"slices"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/meaning"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/warehouse"
)

// Target is where a program is meant to run, as values: no connection.
type Target struct {
	Name         string
	Type         string
	Database     string
	Schema       string
	CustomSchema string // «append», «replace» or «ignore»
	// SchemaSuffix ends every schema: Schema has it already, custom schemas get it.
	SchemaSuffix string
	Dialect      warehouse.Dialect
	// Translator writes GoogleSQL for the target; nil where the target reads it itself, or
	// where nobody can.
	Translator transpile.Target
	// Vars are the variables of engine.yml, the target and the command line, later wins.
	Vars map[string]any
	Env  func(name string) (string, bool)
	// TagLimits are how many nodes with a tag may be built at once.
	TagLimits []project.TagLimit
	// OneDatabase: all is built into Database, whatever database nodes are configured to be in.
	OneDatabase bool
}

// Program is a compiled project. Immutable; safe for concurrent use.
type Program struct {
	Project *project.Project
	Target  Target
	Nodes   map[addr.Node]*Node
	// Order is topological: parents first, ties by name. It has every enabled seed, model,
	// snapshot and source; tests and exposures are not in it.
	Order     []addr.Node
	Tests     []*Test     // data tests, sorted by name
	UnitTests []*UnitTest // sorted by name
	Exposures []*Exposure
	// Analyses are queries that are compiled and never run, sorted by name. They have no relation,
	// nobody reads them, and they are no nodes of the order.
	Analyses []*Node
	Disabled []addr.Node
	// Broken are the nodes with mistakes; what is said of them here is not whole.
	Broken map[addr.Node]bool
	// OnRunStart and OnRunEnd are the project's hooks, rendered, in their order; one that renders
	// to nothing is empty.
	OnRunStart, OnRunEnd []string
	// end renders on-run-end from what a run has come to; nil where that makes no difference.
	// render renders a text that belongs to no node.
	render func(f *source.File, data map[string]any) (tmpl.Text, diag.List)
	end    func(ended func(fn string) []any) ([]string, diag.List)
	// Limit is that of the Options: what bounds the rows that nodes read.
	Limit *Limit
	// Place is that of the Options: where nodes are read that are not read under their own name.
	Place map[addr.Node]addr.Relation
}

// Silent are the nodes of which nothing more is said: those with mistakes, and those that are not
// analyzed because something that they read has one.
func (p *Program) Silent() map[addr.Node]bool {
	out := maps.Clone(p.Broken)
	if out == nil {
		out = map[addr.Node]bool{}
	}
	for _, id := range p.Order {
		n := p.Nodes[id]
		if n.Unanalyzed != "" && slices.ContainsFunc(n.Parents, func(parent addr.Node) bool { return out[parent] }) {
			out[id] = true
		}
	}
	return out
}

// ReadAt is the relation that readers of a node read: its own, unless it is placed elsewhere.
func (p *Program) ReadAt(n addr.Node) addr.Relation {
	if r, ok := p.Place[n]; ok {
		return r
	}
	if node := p.Nodes[n]; node != nil {
		return node.Relation
	}
	return addr.Relation{}
}

// Node is a source, seed, model or snapshot.
type Node struct {
	ID       addr.Node
	Path     string // file of the model, seed or snapshot, or of the source's YAML
	File     *source.File
	FQN      []string // project, folders…, name; of a version: …, name of the model, «v1»
	Relation addr.Relation
	Config   Config
	// Raw is the configuration with provenance, later layers having won.
	Raw   project.Config
	Props *project.Props // nil if not in any YAML
	// Version is which version of which model it is, nil if it is none.
	Version *project.Version
	Source  *project.Source // sources only
	// LoadedAtQuery is the query for the newest time of a source, rendered; empty if it has none.
	LoadedAtQuery string
	Seed          *project.Seed // seeds only
	Description   string
	Refs          []Ref // in order of appearance, repeated ones kept
	// Parents are the distinct nodes read directly, ephemeral ones included, sorted.
	// A source whose relation is built by a node of this project has that node as parent.
	Parents  []addr.Node
	Children []addr.Node
	// Dialect is the language the file is written in: project.GoogleSQL, or the target's.
	Dialect string
	// Text is the query in that language, rendered, ephemeral parents inlined; TextMap leads back.
	Text    string
	TextMap *source.Map
	// SQL is the text that makes the full result in the target's language: Text itself, or
	// what GoogleSQL becomes; empty where that is not known. Map leads back.
	SQL string
	Map *source.Map
	// IncrementalText and IncrementalSQL are the same with is_incremental() true; only for
	// incremental models.
	IncrementalText    string
	IncrementalTextMap *source.Map
	IncrementalSQL     string
	IncrementalMap     *source.Map
	// Needs names what the SQL uses of the engine's own functions in the warehouse, sorted.
	Needs []string
	// Columns: names and types as analyzed, with descriptions from YAML; when Unanalyzed
	// is not empty, only what YAML declares, and Unanalyzed says why.
	Columns    []Column
	Unanalyzed string
	// Fields are what YAML says of fields inside struct columns. Their names are paths, «a.b.c».
	Fields []Column
	// Promised are the columns of an enforced contract, with types in the target's spelling;
	// nil where there is none, or where it has mistakes.
	Promised []Promised
	// Constraints are those of the relation and of its columns, references resolved.
	Constraints []warehouse.Constraint
	// Closure is how edges become pairs, the columns found; only for ancestry models, whose
	// query returns edges while Columns are those of the pairs.
	Closure *warehouse.Closure
	// Edges are the columns of an ancestry model's query.
	Edges []Column
	// Lineage is where its columns come from; nil where nothing is known.
	Lineage *Lineage
	// IncrementalLineage is the same of IncrementalText; nil where there is none.
	IncrementalLineage *Lineage
	// Isolation is whose rows it holds; nil where the project has no distribution, or where
	// nothing is analyzed.
	Isolation *Isolation
	// Findings are suspicious places of its GoogleSQL, by place.
	Findings []Finding
	// Opaque says why what the text itself reads is not known («it reads files or the
	// network»): such a node is never up to date.
	Opaque string
	// Volatile names the functions whose value changes from call to call («current_date»).
	Volatile []string
	// Ambiguous names what in the query may come out differently although nothing has changed
	// («LIMIT without ORDER BY»), sorted. What is built anew is then new content.
	Ambiguous []string
	// Meaning is a hash over the resolved query, with nodes in the place of relations: equal
	// for two texts that mean the same, and equal on all targets of a type. That of a seed is
	// over its file and columns. Empty where the query is not analyzed.
	Meaning string
	// Facets tell what decides which rows there are from what decides each column; nil where
	// the query is not analyzed, and of seeds, snapshots and ancestry models. Those of an
	// incremental model are of both its texts.
	Facets *Kept[Facets]
	// Reads is what the query reads of each node behind its refs, ephemeral models seen
	// through. A node that is missing, or all where it is nil, is read whole.
	Reads map[addr.Node]Reading
	// Macros and Vars that the text used.
	Macros []string
	Vars   map[string]any
	// Fingerprint is a hex hash over all that decides the content: the Meaning of the query,
	// or its words where it has none (so those of a program without analysis compare with
	// their like only), kind, configuration that matters to data, seed content, engine format
	// version. Parents are not in it. Where configuration decides how the content is stored,
	// and who may read it, «-» and a hash over each follow (see Content and Stored).
	Fingerprint string
}

// Find is the seed, model, snapshot, source or analysis of an identity; nil if there is none.
func (p *Program) Find(n addr.Node) *Node {
	if n.Kind != addr.Analysis {
		return p.Nodes[n]
	}
	for _, a := range p.Analyses {
		if a.ID == n {
			return a
		}
	}
	return nil
}

// Facets are the parts of a query's meaning. If Rows and a column's facet are what they
// were, and what both read is what it was, the column has the values that it had in the
// rows that there were.
type Facets struct {
	// Rows decides which rows there are and how often: filters, joins, grouping, order under
	// a limit.
	Rows Facet
	// Columns decide values, by lower-case name.
	Columns map[string]Facet
}

// Facet is a part of a query's meaning. That of a column means something only beside that
// of the rows.
type Facet struct {
	Hash  string
	Reads map[addr.Node]Reading
	// Unstable: it may come out differently although nothing has changed, see Ambiguous and Volatile.
	Unstable bool
}

// Reading is how much of a node is read. Which rows there are always is.
type Reading = meaning.Reading

// Column of a node's result.
type Column struct {
	Name string
	Type string // warehouse spelling; empty if unknown
	// Google is the GoogleSQL type of the values; nil if unknown, or if there is none.
	Google      *ir.Type
	Description string
	Meta        map[string]any
	Tags        []string
	Declared    bool // has an entry in YAML
	At          source.Span
}

// Ref is one reference.
type Ref struct {
	To   addr.Node
	Span source.Span
}

// Config is resolved configuration. Field comments name the key.
type Config struct {
	Enabled               bool              // enabled
	Dialect               string            // dialect: googlesql, or the target's own
	Materialized          string            // materialized: view, table, incremental, ephemeral, materialized_view; seeds and snapshots have their own
	Schema                string            // schema (custom part, before the target's rule)
	TargetSchema          string            // target_schema of a snapshot: the schema as it is
	Database              string            // database
	Alias                 string            // alias
	Tags                  []string          // tags
	Meta                  map[string]any    // meta
	Owner                 string            // owner
	Tier                  string            // tier: dim, fct, stg, …
	Group                 string            // group
	Access                string            // access: private, protected, public
	UniqueKey             []string          // unique_key
	IncrementalStrategy   string            // incremental_strategy: append, merge, delete+insert, insert_overwrite
	Partitions            []string          // partitions: the only ones that insert_overwrite replaces, as written
	IncrementalPredicates []string          // incremental_predicates
	MergeUpdateColumns    []string          // merge_update_columns
	MergeExcludeColumns   []string          // merge_exclude_columns
	OnSchemaChange        string            // on_schema_change: ignore, append_new_columns, sync_all_columns, fail
	FullRefresh           *bool             // full_refresh
	Volatile              string            // volatile: rebuild, daily, ignore
	PersistDocs           bool              // persist_docs (relation or columns)
	PersistOnly           string            // «relation» or «columns» where persist_docs asks for one of them, empty for both
	ColumnTypes           map[string]string // column_types (seeds)
	Delimiter             string            // delimiter (seeds)
	Strategy              string            // strategy (snapshots): timestamp, check
	UpdatedAt             string            // updated_at (snapshots)
	CheckCols             []string          // check_cols (snapshots); ["all"] means all
	HardDeletes           string            // hard_deletes (snapshots): ignore, invalidate, new_record
	// BatchSize, Begin and Lookback are those of Microbatch.
	BatchSize string // batch_size: hour, day, month, year
	Begin     string // begin, as written
	Lookback  int    // lookback
	// ValidToCurrent is what rows that are valid now have as the end of their time, an expression
	// of the target; empty: NULL. SnapshotNames are the names of the columns that a snapshot adds.
	ValidToCurrent      string                  // dbt_valid_to_current (snapshots)
	SnapshotNames       warehouse.SnapshotNames // snapshot_meta_column_names (snapshots)
	PreHooks, PostHooks []string                // pre_hook, post_hook
	// FirstHooks are those of pre_hook, and LastHooks those of post_hook, that are outside of the
	// transaction ({sql: …, transaction: false}): before it begins, and after it is committed.
	FirstHooks, LastHooks []string
	// UpdateHooks are all four of them with is_incremental() true; nil where they are the same.
	UpdateHooks *Hooks
	// KeepPrevious is how long versions that were replaced are kept; nil leaves it to the target.
	KeepPrevious *project.Retention // keep_previous
	// EventTime is the column, or the expression, with the time of what a row tells: by it a
	// sample is taken.
	EventTime string // event_time
	// Contract is what readers are promised.
	Contract Contract // contract
	// Distribute says which customers get what of the node: ToTenant, ToAll, ToNobody, ToSome;
	// empty where nothing is said. Only are the customers who get it, nil for all.
	Distribute string   // distribute, distribute.rows
	Only       []string // distribute.only
	// TenantColumn is the column with the tenant, empty for that of the project.
	TenantColumn string            // tenant_column
	Links        map[string]string // links: columns by entity
	Partial      *Partial          // partial; nil: rows are seen whole or not at all
	CustomFields *CustomFields     // custom_fields; nil: there are none
	// AcrossTenants is why it may be given away although it holds what comes of several
	// tenants' rows; empty: it may not.
	AcrossTenants string // across_tenants
	// Layout is how the relation is stored: partition_by, cluster_by, require_partition_filter,
	// partition_expiration_days, hours_to_expiration, kms_key_name, labels (and labels_from_meta),
	// indexes, unlogged, policy_tags of columns, and enable_refresh, refresh_interval_minutes and
	// max_staleness of materialized views. It is as written: a Partition without Type has that of
	// its column, one without Column is by time of arrival. Constraints are the node's.
	Layout                warehouse.Layout
	CopyPartitions        bool                // partition_by.copy_partitions
	LabelsFromMeta        bool                // labels_from_meta
	Grants                map[string][]string // grants: grantees by privilege
	GrantAccessTo         []Access            // grant_access_to
	Ancestry              warehouse.Closure   // ancestry, as written
	OnConfigurationChange string              // on_configuration_change: apply, continue, fail
	Limits                Limits
}

// Hooks are the statements around the build of one node, in the order in which they are sent.
type Hooks struct{ First, Pre, Post, Last []string }

// Hooks are those of a build from nothing, or with update those of a build that adds to what
// there is.
func (c Config) Hooks(update bool) Hooks {
	if update && c.UpdateHooks != nil {
		return *c.UpdateHooks
	}
	return Hooks{c.FirstHooks, c.PreHooks, c.PostHooks, c.LastHooks}
}

// Hooked reports whether there are any.
func (c Config) Hooked() bool {
	some := func(h Hooks) bool { return len(h.First)+len(h.Pre)+len(h.Post)+len(h.Last) > 0 }
	return some(c.Hooks(false)) || some(c.Hooks(true))
}

// Access names a schema that a view may read on behalf of its readers.
type Access struct {
	Database string // empty: the target's
	Schema   string
}

// Limits bound the statements that build one node. Zero values leave all to the connection.
type Limits struct {
	MaxBytes    int64         // maximum_bytes_billed, of one statement
	Timeout     time.Duration // job_execution_timeout_seconds, of one statement
	Priority    string        // priority: interactive, batch
	Reservation string        // reservation
}

// Test is a data test bound to its nodes; Bind replaces the placeholders of its SQL.
type Test = datatest.Test

// TestConfig is the resolved configuration of a data test.
type TestConfig = datatest.Config

// UnitTest is a unit test ready to run: SQL reads nothing but literals.
type UnitTest struct {
	ID          addr.Node
	Node        addr.Node
	SQL         string // the model's query over the given rows
	Map         *source.Map
	Columns     []Column // columns compared, in the order of the first expected row
	Expect      [][]any  // rows over Columns; strings are compared after casting to the column's type
	ExpectSQL   string   // query that yields the expected rows, typed like the model's columns
	Description string
	At          source.Span
	Tags        []string
	Fingerprint string
	Needs       []string // as of a Node
}

// Exposure is an exposure with its references resolved.
type Exposure struct {
	ID      addr.Node
	Props   *project.Exposure
	Parents []addr.Node
}
