package python

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

func unsupported(op string, a, b any) error {
	return fmt.Errorf("%s %s %s cannot be computed", Kind(a), op, Kind(b))
}

// errBig: Python's whole numbers have no end, these have 64 bits.
func errBig(op string) error {
	return fmt.Errorf("the result of %s is beyond 64 bits", op)
}

// maxItems bounds what multiplication can make of little.
const maxItems = 1 << 20

// Op is a binary operator of Jinja: + - * / // % **.
func Op(op string, a, b any) (any, error) {
	a, b = Of(a), Of(b)
	i, f, whole, ok := number(a)
	j, g, whole2, ok2 := number(b)
	if ok && ok2 {
		if whole && whole2 {
			return intOp(op, i, j)
		}
		return floatOp(op, f, g)
	}
	if v, ok, err := timeOp(op, a, b); ok {
		return v, err
	}
	switch op {
	case "+":
		switch a := a.(type) {
		case string:
			if b, ok := b.(string); ok {
				return a + b, nil
			}
		case *List:
			if b, ok := b.(*List); ok {
				return &List{slices.Concat(a.Items, b.Items)}, nil
			}
		case *Tuple:
			if b, ok := b.(*Tuple); ok {
				return &Tuple{slices.Concat(a.Items, b.Items)}, nil
			}
		}
	case "*":
		if ok && whole {
			a, j, ok2, whole2 = b, i, true, true
		}
		if !ok2 || !whole2 {
			break
		}
		n := int(max(0, min(j, maxItems)))
		switch a := a.(type) {
		case string:
			if n*len(a) > maxItems {
				return nil, fmt.Errorf("the text would have more than %d bytes", maxItems)
			}
			return strings.Repeat(a, n), nil
		case *List:
			if n*len(a.Items) > maxItems {
				return nil, fmt.Errorf("the list would have more than %d items", maxItems)
			}
			return &List{slices.Repeat(a.Items, n)}, nil
		case *Tuple:
			if n*len(a.Items) > maxItems {
				return nil, fmt.Errorf("the tuple would have more than %d items", maxItems)
			}
			return &Tuple{slices.Repeat(a.Items, n)}, nil
		}
	case "%":
		if s, ok := a.(string); ok {
			return Percent(s, b)
		}
	}
	return nil, unsupported(op, a, b)
}

func intOp(op string, i, j int64) (any, error) {
	switch op {
	case "+":
		if s := i + j; (s > i) == (j > 0) {
			return s, nil
		}
		return nil, errBig(op)
	case "-":
		if s := i - j; (s < i) == (j > 0) {
			return s, nil
		}
		return nil, errBig(op)
	case "*":
		hi, lo := bits.Mul64(magnitude(i), magnitude(j))
		if hi != 0 || lo > math.MaxInt64 {
			return nil, errBig(op)
		}
		return i * j, nil
	case "/", "//", "%":
		if j == 0 {
			return nil, fmt.Errorf("division by zero")
		}
		if op == "/" {
			return float64(i) / float64(j), nil
		}
		q, r := i/j, i%j
		if r != 0 && (r < 0) != (j < 0) {
			q, r = q-1, r+j
		}
		if op == "//" {
			return q, nil
		}
		return r, nil
	case "**":
		if j < 0 {
			return floatOp(op, float64(i), float64(j))
		}
		out := any(int64(1))
		for range min(j, 64) {
			var err error
			if out, err = intOp("*", out.(int64), i); err != nil {
				return nil, errBig(op)
			}
		}
		if j > 64 {
			switch {
			case i == 0 || i == 1:
				return i, nil
			case i == -1:
				return 1 - 2*(j%2), nil
			}
			return nil, errBig(op)
		}
		return out, nil
	}
	return nil, fmt.Errorf("there is no operator %s", op)
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return uint64(-(i + 1)) + 1
	}
	return uint64(i)
}

func floatOp(op string, f, g float64) (any, error) {
	switch op {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "**":
		p := math.Pow(f, g)
		if f < 0 && g != math.Trunc(g) || f == 0 && g < 0 {
			return nil, fmt.Errorf("%s ** %s is no number", floatText(f), floatText(g))
		}
		return p, nil
	}
	if g == 0 {
		return nil, fmt.Errorf("division by zero")
	}
	switch op {
	case "/":
		return f / g, nil
	case "//":
		return math.Floor(f / g), nil
	case "%":
		m := math.Mod(f, g)
		if m != 0 && (m < 0) != (g < 0) {
			m += g
		}
		return m, nil
	}
	return nil, fmt.Errorf("there is no operator %s", op)
}

// Negative is -v.
func Negative(v any) (any, error) {
	if _, ok := Of(v).(float64); ok {
		return -Of(v).(float64), nil
	}
	return Op("-", int64(0), v)
}

// Concat is a ~ b ~ c.
func Concat(parts ...any) string { return joined(parts, "") }
