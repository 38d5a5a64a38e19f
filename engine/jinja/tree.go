package jinja

import "github.com/engine-build/engine/engine/source"

// Template is a whole file.
type Template struct {
	File *source.File
	Body []Node
}

// Node is a piece of a template: text, an output, a comment or a statement.
type Node interface {
	Span() source.Span
	node()
}

// Expr is an expression.
type Expr interface {
	Span() source.Span
	expr()
}

// at is where something stands.
type at struct{ At source.Span }

func (a at) Span() source.Span { return a.At }

// frame are the tags of a block: the first and the last.
type frame struct{ Head, End source.Span }

type (
	// Text is what is written as it stands, white space that a tag's «-» takes away left out, line
	// breaks as «\n». Raw says that it stood in a raw block, whose tags its span includes.
	Text struct {
		at
		Text string
		Raw  bool
	}
	// Comment is {# … #}.
	Comment struct {
		at
		Text string
	}
	// Output is {{ … }}.
	Output struct {
		at
		X Expr
	}
	// If is an if with all that belongs to it. Else is empty where there is none.
	If struct {
		at
		frame
		Arms []Arm
		Else []Node
		// ElseAt is the tag of else; zero where there is none.
		ElseAt source.Span
	}
	// For is a loop. When filters the items, and may be nil.
	For struct {
		at
		frame
		Target    Expr // a Name or a Tuple of them
		Items     Expr
		When      Expr
		Recursive bool
		Body      []Node
		Else      []Node
		ElseAt    source.Span // as of If
	}
	// Set gives names values: {% set a, b = x %}. Target is a Name, a Tuple, or (of namespaces)
	// an Attr.
	Set struct {
		at
		Target, Value Expr
	}
	// SetBlock gives a name a text: {% set a %}…{% endset %}. Filters have a nil X innermost.
	SetBlock struct {
		at
		frame
		Target Expr
		Filter Expr
		Body   []Node
	}
	// Macro defines a macro, and with another Kind what dbt makes one of: test, data_test.
	Macro struct {
		at
		frame
		Kind   string // macro, test, data_test
		Name   Name
		Params []Param
		Body   []Node
	}
	// Materialization is dbt's: {% materialization name, adapter='x' %}. Adapter is empty for the
	// default one.
	Materialization struct {
		at
		frame
		Name    Name
		Adapter string
		Options []Keyword
		Body    []Node
	}
	// Snapshot is dbt's {% snapshot name %}…{% endsnapshot %}.
	Snapshot struct {
		at
		frame
		Name Name
		Body []Node
	}
	// Docs is dbt's {% docs name %}…{% enddocs %}, whose text is no template.
	Docs struct {
		at
		frame
		Name Name
		Text string
	}
	// CallBlock calls with a body: {% call(a) m(x) %}…{% endcall %}.
	CallBlock struct {
		at
		frame
		Params []Param
		Call   *Call
		Body   []Node
	}
	// FilterBlock is {% filter upper %}…{% endfilter %}.
	FilterBlock struct {
		at
		frame
		Filter Expr
		Body   []Node
	}
	// With opens a scope with names in it.
	With struct {
		at
		frame
		Targets []Expr
		Values  []Expr
		Body    []Node
	}
	// Do evaluates and writes nothing. Print is the statement of that name, with its values.
	Do struct {
		at
		X Expr
	}
	// Print writes values: {% print a, b %}.
	Print struct {
		at
		List []Expr
	}
	// Jump is break or continue.
	Jump struct {
		at
		Word string
	}
	// Foreign is a statement about other templates, which dbt has none of: extends, include,
	// import, from, block, autoescape. It is kept as it stands.
	Foreign struct {
		at
		Word string
		Body []Node
	}
)

// Arm is one branch of an If.
type Arm struct {
	At   source.Span // of the tag
	When Expr
	Body []Node
}

// Param is a parameter of a macro; Default may be nil.
type Param struct {
	Name    Name
	Default Expr
}

func (*Text) node()            {}
func (*Comment) node()         {}
func (*Output) node()          {}
func (*If) node()              {}
func (*For) node()             {}
func (*Set) node()             {}
func (*SetBlock) node()        {}
func (*Macro) node()           {}
func (*Materialization) node() {}
func (*Snapshot) node()        {}
func (*Docs) node()            {}
func (*CallBlock) node()       {}
func (*FilterBlock) node()     {}
func (*With) node()            {}
func (*Do) node()              {}
func (*Print) node()           {}
func (*Jump) node()            {}
func (*Foreign) node()         {}

type (
	// Name is a variable.
	Name struct {
		at
		Name string
	}
	// String is a text; texts side by side are one.
	String struct {
		at
		Value string
	}
	// Int is a whole number of any size, in decimal digits; Float one with a fraction, as Python
	// writes it down again. Both are as written in Text.
	Int struct {
		at
		Digits string
		Text   string
	}
	// Float is a number with a fraction or an exponent.
	Float struct {
		at
		Value float64
		Text  string
	}
	// Bool is true or false.
	Bool struct {
		at
		Value bool
	}
	// None is none.
	None struct{ at }
	// List is [a, b].
	List struct {
		at
		Items []Expr
	}
	// Tuple is (a, b), or a, b where that is allowed.
	Tuple struct {
		at
		Items []Expr
	}
	// Dict is {a: b}.
	Dict struct {
		at
		Items []Pair
	}
	// Attr is x.name.
	Attr struct {
		at
		X    Expr
		Name Name
	}
	// Index is x[key]; x.0 is one, too.
	Index struct {
		at
		X, Key Expr
	}
	// Slice is the key a:b:c; any part may be nil.
	Slice struct {
		at
		Low, High, Step Expr
	}
	// Call is f(a, k=v, *args, **kwargs).
	Call struct {
		at
		Fn Expr
		Arguments
	}
	// Filter is x|name(args). X is nil in blocks, where the text of the block is meant.
	Filter struct {
		at
		X    Expr
		Name Name
		Arguments
	}
	// Test is x is name(args); Not says is not.
	Test struct {
		at
		X    Expr
		Not  bool
		Name Name
		Arguments
	}
	// Binary is a or b, a and b, a + b, and so on, operators as they are written.
	Binary struct {
		at
		Op   string
		X, Y Expr
	}
	// Concat is a ~ b ~ c.
	Concat struct {
		at
		Parts []Expr
	}
	// Compare is a < b <= c, a in b, a not in b.
	Compare struct {
		at
		X    Expr
		Rest []Comparison
	}
	// Unary is not a, -a or +a.
	Unary struct {
		at
		Op string
		X  Expr
	}
	// Cond is x if when else y; Else may be nil.
	Cond struct {
		at
		Then, When, Else Expr
	}
)

// Arguments are those of a call, a filter or a test.
type Arguments struct {
	Args     []Expr
	Keywords []Keyword
	// Star and Stars are *args and **kwargs, nil where there are none.
	Star, Stars Expr
}

// Keyword is an argument with a name.
type Keyword struct {
	Name  Name
	Value Expr
}

// Pair is an entry of a Dict.
type Pair struct{ Key, Value Expr }

// Comparison is an operator (==, !=, <, <=, >, >=, in, not in) with what follows it.
type Comparison struct {
	Op string
	Y  Expr
}

func (*Name) expr()    {}
func (*String) expr()  {}
func (*Int) expr()     {}
func (*Float) expr()   {}
func (*Bool) expr()    {}
func (*None) expr()    {}
func (*List) expr()    {}
func (*Tuple) expr()   {}
func (*Dict) expr()    {}
func (*Attr) expr()    {}
func (*Index) expr()   {}
func (*Slice) expr()   {}
func (*Call) expr()    {}
func (*Filter) expr()  {}
func (*Test) expr()    {}
func (*Binary) expr()  {}
func (*Concat) expr()  {}
func (*Compare) expr() {}
func (*Unary) expr()   {}
func (*Cond) expr()    {}
