package ir

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Print is the tree as text, one node per line with its plain fields, children
// indented below under the name of their field. Fields with zero values are
// left out. The text is stable: equal trees print the same.
//
//	Query output=[a#1 INT64]
//	  scan: Project [a#1 INT64] @0-15
//	    input: SingleRow []
//	    exprs: a#1 INT64 :=
//	      Literal INT64 1 @7-8
func Print(s Stmt) string {
	var p printer
	if s == nil {
		return "nothing\n"
	}
	p.node(0, "", reflect.ValueOf(s))
	return p.b.String()
}

type printer struct{ b strings.Builder }

var (
	typeType     = reflect.TypeFor[*Type]()
	columnType   = reflect.TypeFor[Column]()
	spanType     = reflect.TypeFor[Span]()
	valueType    = reflect.TypeFor[Value]()
	paramsType   = reflect.TypeFor[Params]()
	outputType   = reflect.TypeFor[Output]()
	computedType = reflect.TypeFor[Computed]()
	baseType     = reflect.TypeFor[Base]()
	ofType       = reflect.TypeFor[Of]()
	callType     = reflect.TypeFor[Call]()
	sigType      = reflect.TypeFor[Signature]()
	argType      = reflect.TypeFor[Arg]()
)

// child is a field to print on lines of its own.
type child struct {
	label string
	v     reflect.Value
}

// node prints a struct, or what points to one, with a label before it.
func (p *printer) node(depth int, label string, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	p.b.WriteString(strings.Repeat("  ", depth))
	if label != "" {
		p.b.WriteString(label + ": ")
	}
	if v.Kind() != reflect.Struct {
		p.b.WriteString(plain(v) + "\n")
		return
	}
	var children []child
	switch v.Type() {
	case computedType:
		c := v.Interface().(Computed)
		p.b.WriteString(column(c.Column) + " :=")
		if c.Deferred != 0 {
			fmt.Fprintf(&p.b, " deferred=#%d", c.Deferred)
		}
		children = append(children, child{"", v.FieldByName("Expr")})
	default:
		p.b.WriteString(v.Type().Name())
		children = p.fields(v)
	}
	p.b.WriteByte('\n')
	for _, c := range children {
		if c.v.Kind() == reflect.Slice {
			for i := range c.v.Len() {
				e := c.v.Index(i)
				if e.Kind() == reflect.Slice { // rows
					p.b.WriteString(strings.Repeat("  ", depth+1) + c.label + ":\n")
					for j := range e.Len() {
						p.node(depth+2, "", e.Index(j))
					}
					continue
				}
				p.node(depth+1, c.label, e)
			}
			continue
		}
		p.node(depth+1, c.label, c.v)
	}
}

// fields prints the plain fields of a struct and returns the others.
func (p *printer) fields(v reflect.Value) []child {
	var children []child
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		label := strings.ToLower(name)
		switch f.Type() {
		case baseType:
			b := f.Interface().(Base)
			p.b.WriteString(" " + columns(b.Columns))
			if b.IsOrdered {
				p.b.WriteString(" ordered")
			}
			p.b.WriteString(span(b.Span))
			if len(b.Hints) > 0 {
				children = append(children, child{"hint", f.FieldByName("Hints")})
			}
			continue
		case ofType:
			o := f.Interface().(Of)
			p.b.WriteString(" " + o.Type.String() + span(o.Span))
			if o.Collation != "" {
				p.b.WriteString(" collation=" + strconv.Quote(o.Collation))
			}
			continue
		case callType:
			children = append(children, p.fields(f)...)
			continue
		case spanType:
			p.b.WriteString(span(f.Interface().(Span)))
			continue
		}
		if f.IsZero() {
			continue
		}
		switch {
		case f.Type() == sigType:
			if s := f.Interface().(Signature); s.Named != nil {
				fmt.Fprintf(&p.b, " named=%q", s.Named)
			}
		case f.Type() == reflect.SliceOf(argType):
			for j := range f.Len() {
				children = append(children, argument(f.Index(j))...)
			}
		case isPlain(f):
			if f.Kind() == reflect.Bool {
				p.b.WriteString(" " + label)
			} else {
				p.b.WriteString(" " + label + "=" + plain(f))
			}
		default:
			children = append(children, child{label, f})
		}
	}
	return children
}

// argument lists what an argument of a call consists of.
func argument(v reflect.Value) []child {
	a := v.Interface().(Arg)
	label := "arg"
	if a.Alias != "" {
		label += " as " + a.Alias
	}
	if a.Expr != nil {
		if a.Alias == "" {
			label = ""
		}
		return []child{{label, v.FieldByName("Expr")}}
	}
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() && v.Type().Field(i).Name != "Alias" {
			return []child{{label, f}}
		}
	}
	return []child{{label, v}}
}

// isPlain reports whether a field is printed on its node's line.
func isPlain(v reflect.Value) bool {
	switch v.Type() {
	case typeType, columnType, valueType, paramsType, outputType:
		return true
	case computedType:
		return false
	}
	switch v.Kind() {
	case reflect.Pointer:
		return v.Type().Elem() == columnType
	case reflect.Slice:
		e := v.Type().Elem()
		return e == columnType || e == outputType || e.Kind() != reflect.Struct && e.Kind() != reflect.Pointer &&
			e.Kind() != reflect.Interface && (e.Kind() != reflect.Slice || e.Elem().Kind() == reflect.Int)
	case reflect.Struct, reflect.Interface:
		return false
	}
	return true
}

func plain(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case *Type:
		return x.String()
	case Column:
		return column(x)
	case *Column:
		return column(*x)
	case []Column:
		return columns(x)
	case []Output:
		list := make([]string, len(x))
		for i, o := range x {
			list[i] = column(o.Column)
			if o.Name != o.Column.Name {
				list[i] = strconv.Quote(o.Name) + "=" + list[i]
			}
		}
		return "[" + strings.Join(list, ", ") + "]"
	case Value:
		return x.String()
	case Params:
		return x.String()
	case string:
		return strconv.Quote(x)
	case []string:
		return fmt.Sprintf("%q", x)
	case ColumnID:
		return "#" + strconv.Itoa(int(x))
	case JoinKind:
		return [...]string{"inner", "left", "right", "full"}[x]
	case SetOpKind:
		return [...]string{"union all", "union distinct", "intersect all", "intersect distinct", "except all", "except distinct"}[x]
	case SubqueryKind:
		return [...]string{"scalar", "array", "exists", "in", "like any", "like all", "not like any", "not like all"}[x]
	case NullOrder:
		return [...]string{"default", "first", "last"}[x]
	case NullHandling:
		return [...]string{"unsaid", "ignore", "respect"}[x]
	case FrameUnit:
		return [...]string{"rows", "range"}[x]
	case BoundKind:
		return [...]string{"unbounded preceding", "offset preceding", "current row", "offset following", "unbounded following"}[x]
	}
	return fmt.Sprint(v.Interface())
}

func column(c Column) string { return fmt.Sprintf("%s#%d %s", c.Name, c.ID, c.Type) }

func columns(list []Column) string {
	text := make([]string, len(list))
	for i, c := range list {
		text[i] = column(c)
	}
	return "[" + strings.Join(text, ", ") + "]"
}

func span(s Span) string {
	if s == (Span{}) {
		return ""
	}
	return fmt.Sprintf(" @%d-%d", s.Start, s.End)
}

// String is the parameters as they follow a type's name: (10, 2). Those of a
// type's parts stand in angle brackets.
func (p Params) String() string {
	var b strings.Builder
	switch {
	case p.Length != 0:
		fmt.Fprintf(&b, "(%d)", p.Length)
	case p.Precision != 0 && p.Scale != 0:
		fmt.Fprintf(&b, "(%d, %d)", p.Precision, p.Scale)
	case p.Precision != 0:
		fmt.Fprintf(&b, "(%d)", p.Precision)
	}
	if len(p.Children) > 0 {
		b.WriteByte('<')
		for i, c := range p.Children {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(c.String())
		}
		b.WriteByte('>')
	}
	return b.String()
}

// String is the value for a reader, not for SQL.
func (v Value) String() string {
	if v.Null {
		return "NULL"
	}
	kind := Unknown
	if v.Type != nil {
		kind = v.Type.Kind
	}
	switch kind {
	case Bool:
		return strconv.FormatBool(v.Int != 0)
	case Int64, Int32, Uint32:
		return strconv.FormatInt(v.Int, 10)
	case Uint64:
		return strconv.FormatUint(uint64(v.Int), 10)
	case Float64, Float32:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case Date:
		return fmt.Sprintf("day %d", v.Int)
	case Timestamp, Datetime, Time:
		if v.Nanos != 0 {
			return fmt.Sprintf("%dus %dns", v.Int, v.Nanos)
		}
		return fmt.Sprintf("%dus", v.Int)
	case Interval:
		return fmt.Sprintf("%dmon %dd %dus %dns", v.Months, v.Days, v.Int, v.Nanos)
	case Numeric, BigNumeric:
		return v.Text
	case Array, Struct, Range:
		list := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			list[i] = e.String()
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	return strconv.Quote(v.Text)
}
