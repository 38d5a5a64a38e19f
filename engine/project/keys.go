package project

import (
	"slices"

	"github.com/engine-build/engine/engine/addr"
)

// Type is the shape of a config value. CheckConfig turns every accepted spelling into
// the one Go form given here.
type Type string

const (
	Text    Type = "text"              // string
	Bool    Type = "true or false"     // bool
	Integer Type = "a whole number"    // int64, 0 or more unless Key.Negative
	Number  Type = "a number"          // float64, 0 or more
	Size    Type = "a size"            // int64 of bytes; «10GB» is accepted
	Texts   Type = "a list of texts"   // []any of string; one text is a list of one
	Map     Type = "a mapping"         // map[string]any
	TextMap Type = "a mapping to text" // map[string]any of string
	Flags   Type = "a mapping of switches"
	// Hooks is a []any of string, or of map[string]any{"sql": …, "transaction": false} for a
	// statement that must be outside of the transaction.
	Hooks Type = "a list of statements"
	// Object is a map[string]any with the entries that Key.Fields describes, Objects a []any
	// of such; one of them is a list of one.
	Object  Type = "a mapping of options"
	Objects Type = "a list of mappings"
	// Lists is a map[string]any of []any of string; one text is a list of one. A «+» in front
	// of an entry's name adds to what outer levels have.
	Lists Type = "a mapping to lists of texts"
)

// What volatile can be.
const (
	VolatileRebuild = "rebuild"
	VolatileDaily   = "daily"
	VolatileIgnore  = "ignore"
)

// Volatiles are the values of volatile, the default first.
var Volatiles = []string{VolatileRebuild, VolatileDaily, VolatileIgnore}

// Merge says what becomes of a key that is set on several levels.
type Merge int

const (
	Replace Merge = iota // the innermost level wins
	Append               // lists are joined, outermost first
	Update               // mappings are merged, the innermost level wins per entry
	Grow                 // as Update, but an entry named «+x» is joined to entry «x»
)

// Key is one configuration key.
type Key struct {
	Name     string
	Aliases  []string // other accepted spellings
	Kinds    []addr.Kind
	Type     Type
	Values   []string // allowed values of a Text; nil: any
	Refused  hints    // values that other tools have, and what to do instead
	Flags    []string // allowed entries of a Flags mapping
	Fields   []Key    // entries of an Object, of each of Objects, or nil
	Plain    string   // the entry that a text instead of an Object stands for; empty: none
	Required bool     // of a field: it has to be there
	Negative bool     // of an Integer: it may be less than 0
	Most     int      // most items of a list, 0 for any number
	Merge    Merge
	Template bool // the text is rendered later and may hold {{ … }}
	Help     string
	// whole looks at a value that is right by itself: why it cannot be used, and the help.
	whole func(v any) (why, help string)
}

var (
	models    = []addr.Kind{addr.Model}
	seeds     = []addr.Kind{addr.Seed}
	snapshots = []addr.Kind{addr.Snapshot}
	built     = []addr.Kind{addr.Model, addr.Seed, addr.Snapshot}
	relations = []addr.Kind{addr.Model, addr.Seed, addr.Snapshot, addr.Source}
	all       = []addr.Kind{addr.Model, addr.Seed, addr.Snapshot, addr.Source, addr.Exposure, addr.UnitTest, addr.Analysis}
)

// GoogleSQL is the dialect of SQL that the engine itself understands, and the default.
const GoogleSQL = "googlesql"

// Dialects are the languages that SQL of a project can be written in. All but GoogleSQL
// are the target's own and pass through to it untouched.
var Dialects = []string{GoogleSQL, "duckdb", "postgres", "bigquery"}

// ConfigKeys are the keys that config of models, seeds, snapshots, sources, exposures and
// unit tests may have, be it in engine.yml, in a properties file or in a model's own
// config call.
var ConfigKeys = []Key{
	{Name: "enabled", Kinds: all, Type: Bool, Help: "whether the node takes part at all"},
	{Name: "tags", Kinds: all, Type: Texts, Merge: Append, Help: "words to select by"},
	{Name: "meta", Kinds: all, Type: Map, Merge: Update, Help: "anything that tools and people want to note"},
	{Name: "owner", Kinds: relations, Type: Text, Help: "who answers for it"},
	{Name: "tier", Kinds: relations, Type: Text, Help: "its role: stg, int, dim, fct, report"},
	{Name: "group", Kinds: relations, Type: Text, Help: "the group that owns it"},
	{Name: "access", Kinds: models, Type: Text, Values: []string{"private", "protected", "public"}, Help: "who may ref it"},

	{Name: "contract", Kinds: models, Type: Object, Fields: contractFields, Merge: Update, Help: "what readers are promised: names and types of the columns, and what may not change without a new version"},
	{Name: "dialect", Kinds: []addr.Kind{addr.Model, addr.Snapshot, addr.Analysis}, Type: Text, Values: Dialects, Help: "the language of its SQL: googlesql is checked, and written anew for the target; any other passes through to a target of that type"},
	{Name: "materialized", Kinds: models, Type: Text, Values: []string{"view", "table", "incremental", "ephemeral", "materialized_view", "ancestry"}, Help: "what it becomes in the warehouse"},
	{Name: "schema", Kinds: built, Type: Text, Help: "schema, combined with the target's by custom_schema"},
	{Name: "database", Kinds: built, Type: Text, Help: "database or project"},
	{Name: "alias", Kinds: built, Type: Text, Help: "name of the relation, if not the node's"},
	{Name: "persist_docs", Kinds: built, Type: Flags, Flags: []string{"relation", "columns"}, Merge: Update, Help: "write descriptions into the warehouse"},
	{Name: "full_refresh", Kinds: []addr.Kind{addr.Model, addr.Seed}, Type: Bool, Help: "true: always rebuild; false: never"},
	{Name: "volatile", Kinds: []addr.Kind{addr.Model, addr.Snapshot}, Type: Text, Values: Volatiles, Help: "when a model that calls functions like current_date is out of date: rebuild: always; daily: when it was not built today (UTC); ignore: not because of that"},
	{Name: "pre_hook", Aliases: []string{"pre-hook"}, Kinds: built, Type: Hooks, Merge: Append, Template: true, Help: "SQL before building"},
	{Name: "post_hook", Aliases: []string{"post-hook"}, Kinds: built, Type: Hooks, Merge: Append, Template: true, Help: "SQL after building"},
	{Name: "keep_previous", Kinds: built, Type: Text, whole: wholeRetention, Help: "how many versions that were replaced are kept for engine rollback, or how long: 2, 36h, 7d; 0 for none"},
	{Name: "event_time", Kinds: relations, Type: Text, Help: "the column, or the expression, with the time of what a row tells: --sample takes rows by it"},
	{Name: "distribute", Kinds: relations, Type: Object, Fields: distributeFields, Plain: "rows", whole: wholeDistribute, Help: "which customers get it: tenant, shared, never, or only some"},
	{Name: "tenant_column", Kinds: relations, Type: Text, Help: "the column with the tenant whose row it is; default: that of distribution"},
	{Name: "links", Kinds: relations, Type: TextMap, whole: wholeEntities, Help: "columns by entity: rows whose key is in a customer's list are the customer's, too"},
	{Name: "partial", Kinds: relations, Type: Object, Fields: partialFields, Help: "rows of which customers see some columns only"},
	{Name: "custom_fields", Kinds: built, Type: Object, Fields: customFieldFields, Plain: "column", Help: "the JSON column whose fields become columns of the customers who define them"},
	{Name: "across_tenants", Kinds: relations, Type: Text, Help: "why it may hold what comes of the rows of several tenants and be given away nevertheless; at sources and seeds, why their rows tell nothing of a tenant"},

	{Name: "unique_key", Kinds: []addr.Kind{addr.Model, addr.Snapshot}, Type: Texts, Help: "columns that identify a row"},
	{Name: "incremental_strategy", Kinds: models, Type: Text, Values: []string{"append", "merge", "delete+insert", "insert_overwrite", "microbatch"}, Help: "how new rows get into the table"},
	{Name: "incremental_predicates", Kinds: models, Type: Texts, Template: true, Help: "conditions that limit what merge looks at"},
	{Name: "merge_update_columns", Kinds: models, Type: Texts, Help: "the only columns that merge updates"},
	{Name: "merge_exclude_columns", Kinds: models, Type: Texts, Help: "columns that merge leaves alone"},
	{Name: "batch_size", Kinds: models, Type: Text, Values: []string{"hour", "day", "month", "year"}, Help: "how much time one batch of microbatch spans"},
	{Name: "begin", Kinds: models, Type: Text, Help: "the time at which the first batch of microbatch begins, in UTC"},
	{Name: "lookback", Kinds: models, Type: Integer, Help: "how many batches of microbatch before the last one are built again; default 1"},
	{Name: "on_schema_change", Kinds: models, Type: Text, Values: []string{"ignore", "append_new_columns", "sync_all_columns", "fail"}, Help: "what to do when the query's columns change"},
	{Name: "partitions", Kinds: models, Type: Texts, Help: "the only partitions that insert_overwrite replaces"},

	{Name: "partition_by", Kinds: built, Type: Object, Fields: partitionFields, Plain: "field", whole: wholePartition, Help: "the column by whose value the table is divided"},
	{Name: "cluster_by", Kinds: built, Type: Texts, Most: 4, Help: "columns by which rows are kept together, most significant first"},
	{Name: "require_partition_filter", Kinds: built, Type: Bool, Help: "refuse queries that would read all partitions"},
	{Name: "partition_expiration_days", Kinds: built, Type: Number, whole: wholePositive, Help: "days that a partition lives"},
	{Name: "hours_to_expiration", Kinds: built, Type: Number, whole: wholePositive, Help: "hours that the relation lives after it is built"},
	{Name: "kms_key_name", Kinds: built, Type: Text, Help: "the key that encrypts the rows: its full resource name"},
	{Name: "labels", Kinds: built, Type: TextMap, Merge: Update, whole: wholeLabels, Help: "labels of the relation and of the jobs that build it"},
	{Name: "labels_from_meta", Kinds: built, Type: Bool, Help: "entries of meta are labels too"},
	{Name: "indexes", Kinds: built, Type: Objects, Fields: indexFields, Help: "indexes of the table"},
	{Name: "unlogged", Kinds: built, Type: Bool, Help: "keep the rows out of the write-ahead log: faster, and gone after a crash of the server"},
	{Name: "grants", Kinds: built, Type: Lists, Merge: Grow, Help: "who has which privilege on the relation"},
	{Name: "grant_access_to", Kinds: models, Type: Objects, Fields: accessFields, Help: "datasets that the view may read on behalf of its readers"},

	{Name: "maximum_bytes_billed", Kinds: built, Type: Size, whole: wholePositive, Help: "most bytes that one statement may be billed for: a number, or for example 10GB"},
	{Name: "job_execution_timeout_seconds", Kinds: built, Type: Integer, whole: wholePositive, Help: "longest time that one statement may take"},
	{Name: "priority", Kinds: built, Type: Text, Values: []string{"interactive", "batch"}, Help: "how soon the warehouse runs the statements"},
	{Name: "reservation", Kinds: built, Type: Text, Help: "the reservation whose slots run the statements"},

	{Name: "on_configuration_change", Kinds: models, Type: Text, Values: []string{"apply", "continue", "fail"}, Help: "what to do when the configuration of a materialized view changes"},
	{Name: "enable_refresh", Kinds: models, Type: Bool, Help: "whether the warehouse refreshes the materialized view by itself"},
	{Name: "refresh_interval_minutes", Kinds: models, Type: Number, whole: wholePositive, Help: "minutes between two such refreshes at least"},
	{Name: "max_staleness", Kinds: models, Type: Text, Help: "how old rows of the materialized view may be: an interval in the warehouse's SQL"},

	{Name: "ancestry", Kinds: models, Type: Object, Fields: ancestryFields, Merge: Update, Help: "which columns of the edges mean what, and how they are closed"},

	{Name: "column_types", Kinds: seeds, Type: TextMap, Merge: Update, Help: "types of columns"},
	{Name: "delimiter", Kinds: seeds, Type: Text, Help: "what separates fields, one character"},

	{Name: "strategy", Kinds: snapshots, Type: Text, Values: []string{"timestamp", "check"}, Help: "how changes are found"},
	{Name: "updated_at", Kinds: snapshots, Type: Text, Help: "column with the time of the last change"},
	{Name: "check_cols", Kinds: snapshots, Type: Texts, Help: `columns to compare, or "all"`},
	{Name: "hard_deletes", Kinds: snapshots, Type: Text, Values: []string{"ignore", "invalidate", "new_record"}, Help: "what becomes of rows that disappear"},
	{Name: "dbt_valid_to_current", Kinds: snapshots, Type: Text, Template: true, Help: "what rows that are valid now have in dbt_valid_to: an expression in the target's SQL; default NULL"},
	{Name: "target_schema", Kinds: snapshots, Type: Text, Help: "schema as it is, whatever custom_schema of the target says; stronger than schema"},
	{Name: "snapshot_meta_column_names", Kinds: snapshots, Type: Object, Fields: snapshotNameFields, Merge: Update, Help: "other names of the columns that a snapshot adds"},
}

// TestConfigKeys are the keys that config of data tests may have.
var TestConfigKeys = []Key{
	{Name: "enabled", Type: Bool, Help: "whether the test takes part at all"},
	{Name: "severity", Type: Text, Values: []string{"error", "warn"}, Help: "what a failure means"},
	{Name: "warn_if", Type: Text, Help: `condition on the number of failures, for example ">10"`},
	{Name: "error_if", Type: Text, Help: `condition on the number of failures, for example ">100"`},
	{Name: "where", Type: Text, Template: true, Help: "condition on the rows to test"},
	{Name: "dialect", Type: Text, Values: Dialects, Help: "the language of its SQL and of its conditions"},
	{Name: "limit", Type: Integer, Help: "most failures to count"},
	{Name: "fail_calc", Type: Text, Help: "aggregate that counts the failures"},
	{Name: "store_failures", Type: Bool, Help: "keep failing rows in the warehouse; false: not even with --store-failures"},
	{Name: "store_failures_as", Type: Text, Values: []string{"table", "ephemeral"}, Refused: hints{"view": noFailuresView}, Help: "table: keep them; ephemeral: do not; before store_failures"},
	{Name: "schema", Type: Text, Help: "schema of the failing rows, combined with the target's by custom_schema; default test_failures"},
	{Name: "database", Type: Text, Help: "database or project of the failing rows"},
	{Name: "alias", Type: Text, Help: "name of the table with the failing rows, if not the test's"},
	{Name: "tags", Type: Texts, Merge: Append, Help: "words to select by"},
	{Name: "meta", Type: Map, Merge: Update, Help: "anything that tools and people want to note"},
	{Name: "name", Type: Text, Help: "name of the test"},
}

// KeysOf lists the config keys of a kind of node, in the order of the tables.
func KeysOf(kind addr.Kind) []Key {
	if kind == addr.Test {
		return TestConfigKeys
	}
	var out []Key
	for _, k := range ConfigKeys {
		if slices.Contains(k.Kinds, kind) {
			out = append(out, k)
		}
	}
	return out
}

// LookupKey finds a config key of a kind of node by its name or one of its aliases.
// Configuration is kept under the key's Name.
func LookupKey(key string, kind addr.Kind) (Key, bool) {
	table := ConfigKeys
	if kind == addr.Test {
		table = TestConfigKeys
	}
	for i := range table {
		k := &table[i]
		if (k.Name == key || slices.Contains(k.Aliases, key)) && (kind == addr.Test || slices.Contains(k.Kinds, kind)) {
			return *k, true
		}
	}
	return Key{}, false
}

func keyNames(kind addr.Kind) []string {
	var out []string
	for _, k := range KeysOf(kind) {
		out = append(out, k.Name)
	}
	return out
}

// noFailuresView says why failing rows are no view: what failed is not published, so a view of
// what is published would show other rows.
const noFailuresView = `a view would show rows of what is published, not those that failed: use "table"`

// foreignConfig are config keys that dbt projects have and engine does not act on.
// Each says what to do instead.
var foreignConfig = hints{
	"docs":                    "docs stand beside config, not below it",
	"packages":                "there are no packages; remove it",
	"quoting":                 "names are always quoted where they need it; remove it",
	"concurrent_batches":      "batches of one model are built one after the other, beside other models; remove it",
	"sql_header":              "use a pre_hook",
	"static_analysis":         "remove it",
	"on_error":                "a failed model always skips what depends on it; remove it",
	"file_format":             "remove it",
	"transient":               "remove it",
	"copy_grants":             "remove it",
	"secure":                  "remove it",
	"snowflake_warehouse":     "remove it",
	"target_database":         `use "database"`,
	"invalidate_hard_deletes": `use "hard_deletes: invalidate"`,
	"quote_columns":           "names of columns are always kept as the file has them; remove it",
	"inserts_only":            `use "incremental_strategy: append"`,
	"freshness":               "freshness belongs to sources",
	"latest_version_pointer":  "give the latest version the plain name of the model: config: {alias: orders}",
}

// ForeignConfig says what to do instead of a config key that dbt projects have and the engine
// does not act on; false for any other key.
func ForeignConfig(key string) (help string, ok bool) {
	help, ok = foreignConfig[key]
	return help, ok
}
