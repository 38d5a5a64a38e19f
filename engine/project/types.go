package project

import (
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
)

// Project is a folder as written. Slices are sorted by path, then by position.
// It is immutable once returned by Load.
type Project struct {
	Dir       string // absolute path
	Settings  Settings
	Models    []*File  // models/**/*.sql
	Seeds     []*Seed  // seeds/**/*.csv, *.parquet
	Snapshots []*File  // snapshots/**/*.sql
	Tests     []*File  // tests/**/*.sql outside tests/generic
	Generics  []*File  // tests/generic/**/*.sql: custom generic tests, named after the file
	Macros    []*File  // macros/**/*.tmpl
	Fixtures  []*File  // tests/fixtures/**/*.csv and .sql: rows of unit tests
	Analyses  []*File  // analyses/**/*.sql: queries that are compiled and never run
	Functions []*File  // functions/**/*.sql: CREATE FUNCTION statements in GoogleSQL
	Props     []*Props // of models, seeds and snapshots
	TestProps []*Props // of singular tests: name, description, config
	Sources   []*Source
	Exposures []*Exposure
	UnitTests []*UnitTest
	Groups    []*Group
	Docs      []*Doc
	// Selectors are those of selectors.yml, in its order.
	Selectors []*Selector
	// Lock is what is written down of the columns of sources; never nil after Load.
	Lock *Lock

	// texts are the files that were read over a Shelf, by path, but for seeds, the lock, and those
	// that could not be read; nil where there was no Shelf.
	texts map[string]*source.File
}

// File is one template file. Name is the file's base name without extension, or that of
// the version of a model that it is, «orders.v1».
type File struct {
	Name   string
	Source *source.File
	// Version is nil if the file is no version of a model.
	Version *Version
	// Broken says that the text could not be read, which has been reported: the name
	// exists, and what follows from the missing text is not worth another diagnostic.
	Broken bool
	// Free says that the warehouse has the only word on the text: it is analyzed only where
	// it has to be translated, and may read what no model makes.
	Free bool
}

// Seed is a data file. Its content stays on disk.
type Seed struct {
	Name   string
	Path   string // relative, slash-separated
	Format string // csv, parquet
	Size   int64
	// Stamp changes with the file's content as far as the file system says: size, times of
	// change, identity. Empty where it says too little.
	Stamp string
	At    source.Span // a file with path and without content, for positions

	abs  string
	once sync.Once
	hash string
}

// Settings is engine.yml. Without targets there is one, «dev», of type duckdb.
type Settings struct {
	File    *source.File
	Name    Value[string]
	Version string
	// Dialect is the language of SQL that does not name its own; GoogleSQL by default.
	Dialect Value[string]
	Format  Format
	Vars    map[string]Value[any]
	// Folder configuration by resource type: models, seeds, snapshots, tests (data_tests).
	Folders map[addr.Kind]*Folder
	Targets []*TargetSettings
	Default Value[string] // name of the default target
	// Paths; defaults models, seeds, snapshots, tests, macros, functions, target.
	ModelPaths, SeedPaths, SnapshotPaths, TestPaths, MacroPaths, FunctionPaths, AnalysisPaths []string
	TargetPath                                                                                string
	// Publish and KeepPrevious hold for targets and nodes that do not say otherwise.
	Publish              Value[Publication]
	KeepPrevious         Value[Retention]
	OnRunStart, OnRunEnd []Value[string]
	// Rules are the settings of rules as written below check, by name of the rule.
	Rules []RuleSettings
	// Distribution says who the customers are; nil if there are none.
	Distribution *Distribution
	// Connections are the databases that sources are ingested from, in the order in which they
	// are written.
	Connections []*Connection
	// Schedules are what engine serve does when, in the order in which they are written.
	Schedules []*Schedule
	// LookML says what engine lookml writes; nil if nothing is said.
	LookML *LookML
	// Catalog says whom sites of the catalog are made for; nil if nothing is said.
	Catalog *Catalog
	// Metabase says where what people read of the models is written to; nil: nowhere.
	Metabase *Metabase
}

// Value is a scalar as written with its place.
type Value[T any] struct {
	V  T
	At source.Span
}

// IsSet reports whether the value was written down.
func (v Value[T]) IsSet() bool { return !v.At.IsZero() }

// Folder is one level of the folder configuration tree: config keys that hold for all
// nodes below, and sub-folders by name.
type Folder struct {
	Config  Config
	Folders map[string]*Folder
	At      source.Span
}

// Config is configuration as written: key → value with its place. Values are nil, bool,
// int64, float64, string, []any, map[string]any. Unknown keys have been reported and dropped.
type Config map[string]Value[any]

// TargetSettings is one entry of targets: in engine.yml. In Settings.Targets the values are
// as written; Settings.Target replaces ${ENV} and fills in defaults.
type TargetSettings struct {
	Name   string
	Type   Value[string]
	Schema Value[string] // default «dev_<user>»
	// CustomSchema says what a model's own schema config becomes: «append» (<schema>_<custom>,
	// the default) or «replace».
	CustomSchema Value[string]
	Database     Value[string]
	Threads      Value[int64]
	// TagLimits are how many nodes with a tag may be built at once, as tags are written.
	TagLimits []TagLimit
	// MaxBytesPerRun and MaxCostPerRun are the most that one run may be billed for: bytes, and
	// money in the currency of the warehouse's price. Not set: no limit.
	MaxBytesPerRun Value[int64]
	MaxCostPerRun  Value[float64]
	// Deadline is how long one run may take. Not set: no limit.
	Deadline Value[time.Duration]
	// Publish and KeepPrevious are stronger than the project's, where they are set.
	Publish      Value[Publication]
	KeepPrevious Value[Retention]
	Fields       map[string]Value[string] // the driver's own keys
	Vars         map[string]Value[any]
	At           source.Span
	// As written, before ${ENV} is replaced.
	tagLimits                            []TagLimit
	threads, maxBytes, maxCost, deadline Value[string]
}

// Props are the properties of a model, seed or snapshot from a YAML file.
type Props struct {
	Kind        addr.Kind
	Name        Value[string]
	Description Value[string]
	Docs        map[string]Value[any]
	Config      Config
	Columns     []*Column
	Constraints []Constraint // on the relation itself
	Tests       []*Test      // on the relation itself
	Meta        map[string]any
	Tags        []string
	Access      Value[string]
	Group       Value[string]
	Owner       Value[string]
	Tier        Value[string]
	// DeprecationDate is when readers should have left the model; not set: never.
	DeprecationDate Value[time.Time]
	// Version is set if these are the properties of one version of a model: the model's, with
	// what the version says itself. VersionConfig is stronger than Config and all properties.
	Version       *Version
	VersionConfig Config
	At            source.Span // the whole entry

	latestVersion Value[string]
	versions      []versionEntry // until they are models of their own
}

// Column is a column entry. The name of a field inside a struct is a path, «a.b.c».
type Column struct {
	Name        Value[string]
	Description Value[string]
	DataType    Value[string]
	Quote       bool
	// Protected: it may not go away or change its type without a new version of the model.
	Protected   Value[bool]
	Meta        map[string]any
	Tags        []string
	PolicyTags  []Value[string] // full resource names
	Constraints []Constraint
	Tests       []*Test
	At          source.Span
}

// Constraint is an entry of constraints, of a relation or of a column.
type Constraint struct {
	Type       Value[string] // not_null, unique, primary_key, foreign_key or check
	Name       Value[string]
	Expression Value[string] // of check
	// Columns are those of a relation's constraint; a column's own has none.
	Columns []Value[string]
	// To and ToColumns are of foreign_key, To as written: ref('x') or source('a', 'b').
	To        Value[string]
	ToColumns []Value[string]
	At        source.Span
}

// Test is a generic test as written under data_tests/tests.
type Test struct {
	Kind        Value[string] // unique, not_null, …, or a custom generic test
	Name        Value[string] // given name, may be unset
	Args        map[string]Value[any]
	Config      Config // severity, warn_if, error_if, where, limit, store_failures, tags, enabled, fail_calc …
	Column      string // set when written below a column
	Description string
	At          source.Span
}

// Source is one table of a source.
type Source struct {
	SourceName        Value[string] // app
	Table             Value[string] // material
	Identifier        Value[string] // name in the warehouse; default Table
	Schema            Value[string] // default SourceName
	Database          Value[string]
	Description       string
	SourceDescription string
	Loader            string
	LoadedAt          Value[string]
	LoadedAtQuery     Value[string] // a query for the time instead, in the target's SQL; a template
	Freshness         *Freshness
	// VersionBy is how a change of the rows is found out: VersionAuto, VersionLoadedAt or
	// VersionNone; unset means VersionAuto.
	VersionBy Value[string]
	// Ingest says how the rows come into the warehouse; nil: somebody else brings them.
	Ingest  *Ingest
	Columns []*Column
	Tests   []*Test
	Meta    map[string]any
	Tags    []string
	Config  Config
	At      source.Span
}

// Values of Source.VersionBy.
const (
	VersionAuto     = "auto"            // by what the warehouse keeps account of
	VersionLoadedAt = "loaded_at_field" // by the newest value of loaded_at_field and the number of rows
	VersionNone     = "none"            // not at all: the rows count as changed every time
)

// Freshness are the limits of a source; zero counts mean not set.
type Freshness struct {
	WarnAfter, ErrorAfter Period
	Filter                string
	At                    source.Span
}

// Period is a count of minutes, hours or days.
type Period struct {
	Count int64
	Unit  string // minute, hour, day
}

// Exposure is a use of the data outside the project.
type Exposure struct {
	Name                  Value[string]
	Label                 string
	Type                  Value[string]
	URL                   string
	Maturity              Value[string]
	Description           string
	OwnerName, OwnerEmail string
	DependsOn             []Value[string] // as written: ref('x') or source('a','b')
	Meta                  map[string]any
	Tags                  []string
	Enabled               bool
	At                    source.Span
}

// UnitTest is a unit test as written.
type UnitTest struct {
	Name        Value[string]
	Model       Value[string]
	Description string
	Given       []Given
	Expect      []Row
	ExpectAs    Stated
	// include and exclude are the versions of the model that are tested; neither: all.
	include, exclude []Value[string]
	ExpectAt         source.Span
	Overrides        Overrides
	Tags             []string
	Meta             map[string]any
	Enabled          bool
	At               source.Span
}

// Given is one input of a unit test.
type Given struct {
	Input Value[string] // ref('x'), source('a','b'), this
	Rows  []Row
	As    Stated
	At    source.Span
}

// Stated says how rows of a unit test are written.
type Stated struct {
	Format string // dict, csv, sql
	// Fixture names the file below fixtures of a folder of tests that the rows are in.
	Fixture Value[string]
	// SQL is the query for them, in the model's language; set with Format sql alone.
	SQL Value[string]
}

// Row is one row: column → value as written.
type Row struct {
	Cells map[string]Value[any]
	Order []string
	At    source.Span
}

// Overrides replace vars and is_incremental in a unit test.
type Overrides struct {
	Vars          map[string]any
	EnvVars       map[string]any
	IsIncremental *bool
}

// Group owns models.
type Group struct {
	Name        Value[string]
	OwnerName   string
	OwnerEmail  string
	Description string
}

// Doc is a docs block from a Markdown file: {% docs name %}…{% enddocs %}.
type Doc struct {
	Name string
	Text string
	At   source.Span
}
