package editor

import (
	"strings"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/sql"
)

// typed is a column of a GoogleSQL type without a name.
func typed(t *ir.Type) column {
	if t == nil {
		return column{}
	}
	return column{google: t, typ: t.String()}
}

// infer is what an expression in the tokens [lo, hi) yields, as far as that can be told
// without the analyzer: from names, literals, casts, operators and the table of functions. It
// is used for what the analyzer does not say: columns of CTEs, and texts that do not parse.
func (s *scopes) infer(sel *selection, lo, hi int) column {
	if s.depth++; s.depth > maxDepth {
		s.depth--
		return column{}
	}
	defer func() { s.depth-- }()
	hi = min(hi, len(s.list))
	if lo >= hi {
		return column{}
	}
	if c, ok := s.operator(sel, lo, hi); ok {
		return c
	}
	if s.punct(lo) == '-' || s.punct(lo) == '+' {
		return s.infer(sel, lo+1, hi)
	}
	last := hi - 1
	// What stands in brackets behind it: an element of an array.
	if s.punct(last) == ']' && s.partner[last] > lo && s.partner[last] < hi {
		of := s.infer(sel, lo, s.partner[last])
		if of.google != nil && of.google.Kind == ir.Array {
			return typed(of.google.Elem)
		}
		return typed(of.google)
	}
	switch {
	case s.punct(lo) == '(' && s.partner[lo] == last:
		if s.beginsQuery(lo+1, last) {
			return typed(s.firstOf(sel, lo+1, last))
		}
		return s.infer(sel, lo+1, last)
	case s.punct(lo) == '[':
		return typed(array(s.infer(sel, lo+1, s.firstComma(lo+1, min(s.partner[lo], hi))).google))
	case s.is(lo, "CASE"):
		return s.branches(sel, lo, hi)
	case s.is(lo, "NOT", "EXISTS"):
		return typed(ir.TypeOf(ir.Bool))
	case s.is(lo, "INTERVAL"):
		return typed(ir.TypeOf(ir.Interval))
	case lo+1 < hi && s.list[lo+1].kind == sql.String && s.is(lo, "DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "BIGNUMERIC", "JSON"):
		return s.typeAt(lo, lo+1)
	case lo == last:
		return s.single(sel, lo)
	}
	if open := s.callAt(lo, hi); open > 0 {
		return s.call(sel, lo, open, hi)
	}
	// A path of names.
	var path []string
	for i := lo; i < hi; i++ {
		if (i-lo)%2 == 1 {
			if s.punct(i) != '.' {
				return column{}
			}
			continue
		}
		name, ok := s.name(i)
		if !ok && (i == lo || s.list[i].kind != sql.Word) {
			return column{}
		}
		if !ok {
			name = s.in(i)
		}
		path = append(path, name)
	}
	return s.copied(sel, path)
}

// firstOf is the type of the first column of a query, nil if it is not known.
func (s *scopes) firstOf(sel *selection, lo, hi int) *ir.Type {
	columns, ok := s.results[lo]
	if !ok {
		var ctes []*cte
		if sel != nil {
			ctes = sel.ctes
		}
		columns = s.query(lo, hi, ctes, sel, nil)
	}
	if len(columns) == 0 {
		return nil
	}
	return columns[0].google
}

// copied is the column of a path, as another column that passes it on.
func (s *scopes) copied(sel *selection, path []string) column {
	c, ok := s.path(sel, path)
	if !ok {
		return column{}
	}
	return c
}

func array(t *ir.Type) *ir.Type {
	if t == nil {
		return nil
	}
	return &ir.Type{Kind: ir.Array, Elem: t}
}

// single is the value of one token.
func (s *scopes) single(sel *selection, i int) column {
	k := s.list[i]
	switch k.kind {
	case sql.String:
		if p := strings.ToLower(s.masked[k.start:min(k.start+2, k.end)]); strings.HasPrefix(p, "b") || p == "rb" {
			return typed(ir.TypeOf(ir.Bytes))
		}
		return typed(ir.TypeOf(ir.String))
	case sql.Number:
		n := strings.ToLower(s.masked[k.start:k.end])
		if !strings.HasPrefix(n, "0x") && strings.ContainsAny(n, ".e") {
			return typed(ir.TypeOf(ir.Float64))
		}
		return typed(ir.TypeOf(ir.Int64))
	case sql.Word:
		if s.is(i, "TRUE", "FALSE") {
			return typed(ir.TypeOf(ir.Bool))
		}
		if f := functions()[strings.ToLower(s.in(i))]; f != nil && strings.HasPrefix(f.name, "current_") {
			return s.typeOf(f.result)
		}
	}
	if a := s.action(i); a != nil {
		return s.macroValue(a)
	}
	if name, ok := s.name(i); ok {
		return s.copied(sel, []string{name})
	}
	return column{}
}

// macroValue is what a macro yields that is an expression.
func (s *scopes) macroValue(a *action) column {
	fn, args := a.called(s.text)
	if fn != "include" || len(args) == 0 {
		return column{}
	}
	if c, ok := s.known.values[args[0]]; ok {
		return c
	}
	s.known.values[args[0]] = column{} // while it is read
	in := s.macro(args[0])
	if in == nil {
		return column{}
	}
	c := typed(in.infer(nil, 0, len(in.list)).google)
	s.known.values[args[0]] = c
	return c
}

// typeOf is a type by its name.
func (s *scopes) typeOf(name string) column {
	t, _, err := googlesql.ParseType(name)
	if err != nil {
		return column{}
	}
	return typed(t)
}

// typeAt is the type that the tokens [lo, hi) name.
func (s *scopes) typeAt(lo, hi int) column {
	if lo >= hi || hi > len(s.list) {
		return column{}
	}
	return s.typeOf(s.masked[s.list[lo].start:s.list[hi-1].end])
}

// firstComma is the first comma of an argument list, or hi.
func (s *scopes) firstComma(lo, hi int) int {
	for i := lo; i < hi; i++ {
		switch s.punct(i) {
		case ',':
			return i
		case '(', '[':
			i = s.partner[i]
		}
	}
	return hi
}

// operator looks for the operator that is evaluated last.
func (s *scopes) operator(sel *selection, lo, hi int) (column, bool) {
	sum, product, text := -1, -1, false
	compare := false
	for i := lo; i < hi; i++ {
		switch p := s.punct(i); p {
		case '(', '[':
			i = s.partner[i]
		case '=', '<', '>', '!':
			compare = compare || i > lo && !s.is(i-1, "ARRAY", "STRUCT")
		case '+', '-':
			if i > lo && s.ends(i-1) {
				sum = i
			}
		case '*', '/':
			if i > lo && s.ends(i-1) {
				product = i
			}
		case '|':
			if s.punct(i+1) == '|' && i > lo {
				text = true
			}
		}
		if s.is(i, "CASE") {
			i = s.caseEnd(i, hi)
			continue
		}
		if s.is(i, "AND", "OR", "LIKE", "IN", "IS", "BETWEEN") && i > lo {
			compare = true
		}
	}
	switch {
	case compare:
		return typed(ir.TypeOf(ir.Bool)), true
	case text:
		return typed(ir.TypeOf(ir.String)), true
	case sum >= 0:
		return typed(wider(s.infer(sel, lo, sum).google, s.infer(sel, sum+1, hi).google, false)), true
	case product >= 0:
		return typed(wider(s.infer(sel, lo, product).google, s.infer(sel, product+1, hi).google, s.punct(product) == '/')), true
	}
	return column{}, false
}

// caseEnd is the END of a CASE, or hi.
func (s *scopes) caseEnd(i, hi int) int {
	depth := 0
	for ; i < hi; i++ {
		switch {
		case s.punct(i) == '(' || s.punct(i) == '[':
			i = s.partner[i]
		case s.is(i, "CASE"):
			depth++
		case s.is(i, "END"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return hi
}

// wider is the type of an operation on two types; a division is never of whole numbers.
func wider(a, b *ir.Type, divide bool) *ir.Type {
	rank := func(t *ir.Type) int {
		switch {
		case t == nil:
			return -1
		case t.Kind == ir.Int64:
			return 1
		case t.Kind == ir.Numeric:
			return 2
		case t.Kind == ir.BigNumeric:
			return 3
		case t.Kind == ir.Float64:
			return 4
		}
		return 0
	}
	ra, rb := rank(a), rank(b)
	switch {
	case ra < 0 || rb < 0:
		return nil
	case ra == 0 || rb == 0: // dates and intervals, and whole numbers as days
		if ra == 0 && rb == 1 && a.Kind == ir.Date {
			return a
		}
		return nil
	case divide && ra == 1 && rb == 1:
		return ir.TypeOf(ir.Float64)
	case ra >= rb:
		return a
	}
	return b
}

// branches is the type of a CASE: that of its first branch that has one.
func (s *scopes) branches(sel *selection, lo, hi int) column {
	end := s.caseEnd(lo, hi)
	if end != hi-1 && end != hi {
		return column{}
	}
	depth := 0
	for i := lo + 1; i < end; i++ {
		switch {
		case s.punct(i) == '(' || s.punct(i) == '[':
			i = s.partner[i]
		case s.is(i, "CASE"):
			depth++
		case s.is(i, "END"):
			depth--
		case depth == 0 && s.is(i, "THEN", "ELSE"):
			to := i + 1
			for d := 0; to < end; to++ {
				if s.punct(to) == '(' || s.punct(to) == '[' {
					to = s.partner[to]
					continue
				}
				if s.is(to, "CASE") {
					d++
				}
				if s.is(to, "END") {
					d--
				}
				if d == 0 && s.is(to, "WHEN", "ELSE") {
					break
				}
			}
			if c := s.infer(sel, i+1, min(to, end)); c.google != nil {
				return typed(c.google)
			}
		}
	}
	return column{}
}

// callAt is the opening parenthesis of the call that the tokens [lo, hi) are, with OVER (…)
// behind it or not; 0 if they are none.
func (s *scopes) callAt(lo, hi int) int {
	i := lo
	for ; i < hi && s.punct(i) != '('; i++ {
		if s.list[i].kind != sql.Word && s.punct(i) != '.' {
			return 0
		}
	}
	if i == lo || i >= hi {
		return 0
	}
	end := s.partner[i]
	switch {
	case end == hi-1, end >= hi:
		return i
	case s.is(end+1, "OVER"), s.is(end+1, "IGNORE", "RESPECT"):
		return i
	}
	return 0
}

// call is what a function yields, which is called with the parenthesis at open.
func (s *scopes) call(sel *selection, lo, open, hi int) column {
	end := min(s.partner[open], hi)
	name := strings.ToLower(strings.TrimSpace(s.masked[s.list[lo].start:s.list[open].start]))
	name = strings.TrimPrefix(name, "safe.")
	if name == "array" && s.beginsQuery(open+1, end) {
		return typed(array(s.firstOf(sel, open+1, end)))
	}
	if name == "struct" {
		return s.structure(sel, open+1, end)
	}
	f := functions()[name]
	if f == nil {
		return column{}
	}
	start := open + 1
	for s.is(start, "DISTINCT") {
		start++
	}
	var args [][2]int
	for i := start; i < end; {
		to := s.firstComma(i, end)
		args = append(args, [2]int{i, to})
		i = to + 1
	}
	arg := func(n int) *ir.Type {
		if n >= len(args) {
			return nil
		}
		hi := args[n][1]
		for i := args[n][0] + 1; i < hi; i++ {
			if s.punct(i) == '(' || s.punct(i) == '[' {
				i = s.partner[i]
			} else if s.is(i, "ORDER", "LIMIT", "IGNORE", "RESPECT", "HAVING") {
				hi = i
			}
		}
		return s.infer(sel, args[n][0], hi).google
	}
	switch f.result {
	case "cast":
		for i := end - 1; i > open; i-- {
			if s.is(i, "AS") {
				to := end
				for k := i + 1; k < end; k++ {
					if s.is(k, "FORMAT") {
						to = k
					}
				}
				return s.typeAt(i+1, to)
			}
		}
		return column{}
	case "extract":
		switch {
		case s.is(open+1, "DATE"):
			return typed(ir.TypeOf(ir.Date))
		case s.is(open+1, "TIME"):
			return typed(ir.TypeOf(ir.Time))
		case s.is(open+1, "DATETIME"):
			return typed(ir.TypeOf(ir.Datetime))
		}
		return typed(ir.TypeOf(ir.Int64))
	case "sum":
		t := arg(0)
		if len(args) > 1 {
			t = wider(t, arg(1), false)
		}
		return typed(t)
	case "avg", "divide", "float":
		t := arg(0)
		if f.result == "divide" {
			t = wider(t, arg(1), true)
		}
		if t != nil && t.Kind == ir.Int64 {
			return typed(ir.TypeOf(ir.Float64))
		}
		return typed(t)
	case "range":
		if t := arg(0); t != nil {
			return typed(t.Elem)
		}
		return column{}
	}
	if !strings.Contains(f.result, "$") {
		return s.typeOf(f.result)
	}
	result := f.result
	for n, mark := range []string{"$1", "$2"} {
		if !strings.Contains(result, mark) {
			continue
		}
		t := arg(n)
		if t == nil && n == 0 && (f.name == "coalesce" || f.name == "ifnull") {
			t = arg(1)
		}
		if t == nil && f.name == "if" {
			t = arg(2)
		}
		if t == nil {
			return column{}
		}
		if result == mark {
			return typed(t)
		}
		if result == mark+".elem" {
			return typed(t.Elem)
		}
		result = strings.ReplaceAll(result, mark, t.String())
	}
	return s.typeOf(result)
}

// structure is the type of STRUCT(a, b AS c).
func (s *scopes) structure(sel *selection, lo, hi int) column {
	t := &ir.Type{Kind: ir.Struct}
	for lo < hi {
		end := s.firstComma(lo, hi)
		if end > lo {
			it := s.item(lo, end)
			c := s.infer(sel, it.lo, it.hi)
			if c.google == nil {
				return column{}
			}
			t.Fields = append(t.Fields, ir.Field{Name: it.name, Type: c.google})
		}
		lo = end + 1
	}
	if len(t.Fields) == 0 {
		return column{}
	}
	return typed(t)
}
