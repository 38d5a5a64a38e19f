package datatest

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

// Kind is one built-in data test.
type Kind struct {
	Name string
	Help string
	// Level says where the test may be written.
	Level Level
	Args  []Arg
	// Aliases are further names, those of dbt packages among them.
	Aliases []Alias
	// Clock says that it compares with the time of the test.
	Clock bool
	// Shape says that it looks at the columns and not at the rows: Test.Shape is wanted where
	// the language cannot tell them in a query.
	Shape bool
	// check finds mistakes in arguments whose types are right.
	check  func(t *project.Test, args map[string]any) diag.List
	render func(r *renderer)
}

// Level is where a test may be written.
type Level int

const (
	OnColumn   Level = iota // below a column, or on the relation with column_name
	OnRelation              // on the relation
	OnEither                // below a column or on the relation, meaning different things
)

// Arg is one argument of a kind.
type Arg struct {
	Name     string
	Type     Type
	Required bool
	Help     string
}

// Type is what an argument may be. Values after Check are of the Go type given.
type Type string

const (
	Text    Type = "text"                 // string
	SQL     Type = "SQL expression"       // string
	Scalar  Type = "number or expression" // int64, float64, string
	Integer Type = "whole number"         // int64
	Bool    Type = "true or false"        // bool
	List    Type = "list"                 // []any, not empty
	Names   Type = "list of columns"      // []string, not empty
	Ref     Type = "reference to a model" // string, which compile replaces by an addr.Node
)

// Alias is another name of a kind. Rename maps the alias's own arguments to the kind's.
type Alias struct {
	Name   string
	Rename map[string]string
	// Args are arguments that the kind itself does not have.
	Args []Arg
	// adapt changes the renamed arguments where a new name is not enough.
	adapt func(args map[string]project.Value[any])
}

// rowCondition is what tests of dbt_expectations call where.
var rowCondition = Arg{Name: "row_condition", Type: SQL, Help: "only these rows are tested"}

// groupBy is for tests that judge each group of rows.
var groupBy = Arg{Name: "group_by_columns", Type: Names, Help: "each group of rows with equal values in these columns is judged by itself"}

// expectations is the prefix of tests that all take row_condition.
const expectations = "dbt_expectations."

// columnName is the argument that gives a column to a test written on the relation.
var columnName = Arg{Name: "column_name", Type: SQL, Help: "the column or expression, for a test that is not written below a column"}

// Kinds lists every built-in kind, in the order in which they are shown.
var Kinds = []Kind{
	unique, notNull, acceptedValues, relationships, expression, valueRange, regex,
	rowCount, uniqueCombination, recency, freshness, notEmptyString, atLeastOne, equalRowcount,
	inSet, notInSet, notNullProportion, notConstant, recent, aggregate, textLength, like,
	sequentialValues, mutuallyExclusiveRanges, fewerRows, cardinalityEquality, equality,
	columnExists, columnType, columnSet,
}

// Lookup finds a kind by its name or one of its aliases.
func Lookup(name string) (Kind, bool) {
	kind, _, ok := lookup(name)
	return kind, ok
}

func lookup(name string) (Kind, Alias, bool) {
	for _, k := range Kinds {
		if k.Name == name {
			return k, Alias{}, true
		}
		if i := slices.IndexFunc(k.Aliases, func(a Alias) bool { return a.Name == name }); i >= 0 {
			return k, k.Aliases[i], true
		}
	}
	return Kind{}, Alias{}, false
}

// Canonical is the kind's own name for one of its aliases; other names stay as they are.
func Canonical(name string) string {
	if k, ok := Lookup(name); ok {
		return k.Name
	}
	return name
}

// names are all names that a test may have, aliases without a package included.
func names(customs []string) []string {
	out := slices.Clone(customs)
	for _, k := range Kinds {
		out = append(out, k.Name)
		for _, a := range k.Aliases {
			out = append(out, a.Name)
		}
	}
	slices.Sort(out)
	return out
}

func (k Kind) arg(name string, alias Alias) (Arg, bool) {
	if name == columnName.Name && k.Level != OnRelation && (k.Level == OnColumn || alias.Name != "") {
		return columnName, true
	}
	if name == rowCondition.Name && strings.HasPrefix(alias.Name, expectations) {
		return rowCondition, true
	}
	if i := slices.IndexFunc(alias.Args, func(a Arg) bool { return a.Name == name }); i >= 0 {
		return alias.Args[i], true
	}
	i := slices.IndexFunc(k.Args, func(a Arg) bool { return a.Name == name })
	if i < 0 {
		return Arg{}, false
	}
	return k.Args[i], true
}

// nodeArg is the node that a reference argument was resolved to.
func nodeArg(args map[string]any, name string) addr.Node {
	n, _ := args[name].(addr.Node)
	return n
}
