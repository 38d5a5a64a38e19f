package tenant

import (
	"slices"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Mode is how a customer reads.
type Mode string

const (
	// Tables are the customer's own copies of the rows.
	Tables Mode = "table"
	// Views read the warehouse through a filter that readers cannot get around.
	Views Mode = "view"
	// Rows are tables that several customers share, of which each sees only its own rows.
	Rows Mode = "rows"
)

// Config is the customers as one run sees them: read once, then frozen.
type Config struct {
	Customers []Customer // by Name
	// Tenants says how many there are, Hash names all of the configuration: equal hashes,
	// equal configurations.
	Tenants int
	Hash    string
}

// Principals are those of all customers, sorted, each once.
func (c *Config) Principals() []string {
	var all []string
	for i := range c.Customers {
		all = append(all, c.Customers[i].Principals...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Customer is one of those who get a slice.
type Customer struct {
	// Name is made of a-z, 0-9 and _, and begins with a letter. Title is for people.
	Name, Title string
	// Tier: 1 reads through a BI account only, 2 has schemas of its own, 3 has bespoke models, too.
	Tier     int
	Mode     Mode
	Contract int
	Enabled  bool
	// Canary: its rows carry markers, none of which may turn up at another customer's.
	Canary bool
	// Principals are the accounts that may read: roles, or members as the warehouse writes them.
	Principals []string
	// Tenants are those whose rows are the customer's, sorted, each once.
	Tenants []Key
	// Links and Transfers are the lists of further keys, by entity: rows that the customer
	// sees, and rows of which it sees some columns. The keys themselves lie in the workshop.
	Links, Transfers map[string]Keys
	// Fields are the definitions of custom fields, by model, in order of ID.
	Fields map[string][]Field
	// Markers are the texts of a canary.
	Markers []string
	At      source.Span // where it is configured; zero for a relation
}

// Key is a tenant or the key of a row: a whole number or a text.
type Key struct {
	Int    int64
	Text   string // of a number its decimal form
	Number bool
}

// Keys sum up a list of keys.
type Keys struct {
	Count int
	Hash  string // over the sorted keys
}

// Field is a custom field as an app defines it.
type Field struct {
	ID, Name string
	Type     warehouse.FieldType
	// Column is what the customer's column is called, see Columns. It stays when Name changes.
	Column string
}

// Rule is what a model declares: who gets which of its rows and columns.
type Rule struct {
	Node     addr.Node
	Relation addr.Relation // what is sliced
	// As is the name at the customer's. Source is the source's name, for lakes; empty for models.
	As, Source string
	// Rows is by whose rows they are; All of them go to everybody whom Only lets in.
	All bool
	// Only are the customers who get it; nil: every one.
	Only []string
	// Tenant is the column with the tenant; empty where All is set.
	Tenant string
	// Links are columns by entity: a row whose key is in a customer's list is seen whole.
	Links []Link
	// Via are columns by entity: a row whose key is in a customer's transfers is seen in part.
	Via []Link
	// Columns are those of the relation, in order, with the warehouse's types. Visible says
	// whether a partial row shows it, Mask what it shows otherwise.
	Columns []Column
	// Fields says where custom fields are; nil: there are none.
	Fields *FieldSource
	// Key are the columns by which rows are unique, if the project says so; rows with a NULL
	// in them are exempt.
	Key []string
	At  source.Span // where it is declared
}

// Link is a column that holds keys of an entity.
type Link struct {
	Entity, Column string
}

// Column of a Rule.
type Column struct {
	Name string
	// Type is the warehouse's spelling, Number whether it is a whole number and Text whether
	// it is text.
	Type         string
	Number, Text bool
	// Visible in partial rows; otherwise Mask.
	Visible bool
	Mask    Mask
}

// MaskKind is what stands in the place of a value.
type MaskKind string

const (
	MaskNull     MaskKind = "null"
	MaskHash     MaskKind = "hash"
	MaskConstant MaskKind = "constant"
)

// Mask hides a value of a partial row. The zero Mask is NULL.
type Mask struct {
	Kind     MaskKind
	Constant string
}

// FieldSource is the JSON column that custom fields are in.
type FieldSource struct {
	Column, Prefix string
	KeepRaw        bool
	// Formats are further formats of dates, as strptime writes them.
	Formats []string
}

// Contract is a version of what customers read. The newest is what tables have; an older one
// is a set of views that lead back.
type Contract struct {
	Version int
	Sunset  time.Time // zero: none
	// Changes lead from this version to the next.
	Changes []Change
	At      source.Span
}

// Change of one model between a contract and the next.
type Change struct {
	Model string
	// Renamed: name in this version → name in the next. Removed: columns that the next lacks,
	// with type. Retyped: columns that have another type in the next, with the type of this one.
	Renamed, Removed, Retyped map[string]string
	// Dropped: the next has no such model; its columns with types are Removed. Added: this one
	// has no such model.
	Dropped, Added bool
	At             source.Span
}

// Frozen are the relations in which a run froze the configuration.
type Frozen struct {
	// Tenants has customer, key_int, key_text. Links and Transfers have entity, too. All but
	// key_int are text; key_int is NULL where the key is no whole number.
	Tenants, Links, Transfers addr.Relation
}
