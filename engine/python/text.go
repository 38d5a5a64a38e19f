package python

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Percent is the % operator of texts: %s %r %d %i %f %e %g %x %o %c %% with flags, width and
// precision, and %(name)s of a dictionary.
func Percent(format string, v any) (string, error) {
	args := []any{v}
	if t, ok := Of(v).(*Tuple); ok {
		args = t.Items
	}
	d, named := Of(v).(*Dict)
	used := 0
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		i++
		var arg any
		got := false
		if i < len(format) && format[i] == '(' {
			end := strings.IndexByte(format[i:], ')')
			if end < 0 || !named {
				return "", fmt.Errorf("%q names no value", format)
			}
			key := format[i+1 : i+end]
			if arg, got = d.Get(key); !got {
				return "", fmt.Errorf("there is no value %q", key)
			}
			i += end + 1
		}
		start := i
		for i < len(format) && strings.IndexByte("-+ 0#", format[i]) >= 0 {
			i++
		}
		for i < len(format) && (format[i] >= '0' && format[i] <= '9' || format[i] == '.') {
			i++
		}
		if i >= len(format) {
			return "", fmt.Errorf("%q ends in the middle of a %%", format)
		}
		spec, verb := format[start:i], format[i]
		if verb == '%' {
			out.WriteByte('%')
			continue
		}
		if !got {
			if used >= len(args) {
				return "", fmt.Errorf("%q wants more values", format)
			}
			arg = args[used]
			used++
		}
		s, err := percentOne(spec, verb, Of(arg))
		if err != nil {
			return "", err
		}
		out.WriteString(s)
	}
	switch Of(v).(type) {
	case *Dict, *List, Undefined: // what has items may have more than are asked for
	default:
		if used < len(args) {
			return "", fmt.Errorf("%q wants fewer values", format)
		}
	}
	return out.String(), nil
}

// width reads the numbers of a format; both are small.
func width(spec string) (w, precision int, has bool, err error) {
	spec = strings.TrimLeft(spec, "-+ 0#")
	a, b, has := strings.Cut(spec, ".")
	if a != "" {
		w, err = strconv.Atoi(a)
	}
	if err == nil && b != "" {
		precision, err = strconv.Atoi(b)
	}
	if err != nil || w > 10_000 || precision > 10_000 {
		return 0, 0, false, fmt.Errorf("%q is no width", spec)
	}
	return w, precision, has, nil
}

func percentOne(spec string, verb byte, arg any) (string, error) {
	w, precision, has, err := width(spec)
	if err != nil {
		return "", err
	}
	flags := spec[:len(spec)-len(strings.TrimLeft(spec, "-+ 0#"))]
	switch verb {
	case 's', 'r':
		s := Str(arg)
		if verb == 'r' {
			s = Repr(arg)
		}
		if has {
			if r := []rune(s); len(r) > precision {
				s = string(r[:precision])
			}
		}
		return pad(s, w, strings.Contains(flags, "-")), nil
	case 'd', 'i', 'x', 'X', 'o':
		i, f, whole, ok := number(arg)
		if !ok || !whole && verb != 'd' && verb != 'i' {
			return "", fmt.Errorf("%%%c wants a number and not %s", verb, Kind(arg))
		}
		if !whole {
			i = int64(math.Trunc(f))
		}
		if verb == 'i' {
			verb = 'd'
		}
		return fmt.Sprintf("%"+spec+string(verb), i), nil
	case 'f', 'F', 'e', 'E', 'g', 'G':
		_, f, _, ok := number(arg)
		if !ok {
			return "", fmt.Errorf("%%%c wants a number and not %s", verb, Kind(arg))
		}
		if !has && (verb == 'g' || verb == 'G') {
			spec += ".6"
		}
		return fmt.Sprintf("%"+spec+string(verb), f), nil
	case 'c':
		if i, _, whole, ok := number(arg); ok && whole {
			return pad(string(rune(i)), w, strings.Contains(flags, "-")), nil
		}
		return pad(Str(arg), w, strings.Contains(flags, "-")), nil
	}
	return "", fmt.Errorf("%%%c is not known", verb)
}

func pad(s string, w int, left bool) string {
	n := w - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	if left {
		return s + strings.Repeat(" ", n)
	}
	return strings.Repeat(" ", n) + s
}

// Format is str.format: {}, {0}, {name}, {0.a}, {a[b]}, with !r and !s and formats after a colon.
func Format(format string, args []any, named *Dict) (string, error) {
	var out strings.Builder
	next := 0
	for i := 0; i < len(format); i++ {
		c := format[i]
		if (c == '{' || c == '}') && i+1 < len(format) && format[i+1] == c {
			out.WriteByte(c)
			i++
			continue
		}
		if c == '}' {
			return "", fmt.Errorf("%q has a } too many", format)
		}
		if c != '{' {
			out.WriteByte(c)
			continue
		}
		end := strings.IndexByte(format[i:], '}')
		if end < 0 {
			return "", fmt.Errorf("%q has a { too many", format)
		}
		field, spec, _ := strings.Cut(format[i+1:i+end], ":")
		i += end
		field, how, _ := strings.Cut(field, "!")
		stop := strings.IndexAny(field, ".[")
		if stop < 0 {
			stop = len(field)
		}
		name, path := field[:stop], field[stop:]
		var v any
		if name == "" {
			name = strconv.Itoa(next)
			next++
		}
		if n, err := strconv.Atoi(name); err == nil {
			if n < 0 || n >= len(args) {
				return "", fmt.Errorf("%q wants more values", format)
			}
			v = args[n]
		} else {
			var ok bool
			if named != nil {
				v, ok = named.Get(name)
			}
			if !ok {
				return "", fmt.Errorf("there is no value %q", name)
			}
		}
		for path != "" {
			cut := strings.IndexAny(path[1:], ".[]")
			var key string
			if cut < 0 {
				key, path = path[1:], ""
			} else {
				key, path = path[1:1+cut], strings.TrimPrefix(path[1+cut:], "]")
			}
			if n, err := strconv.ParseInt(key, 10, 64); err == nil {
				v = Item(v, n)
			} else {
				v = Item(v, key)
			}
		}
		if how == "r" {
			v = Repr(v)
		}
		s, err := formatOne(spec, Of(v))
		if err != nil {
			return "", err
		}
		out.WriteString(s)
	}
	return out.String(), nil
}

// formatOne is format(v, spec): [[fill]align][sign][0][width][,][.precision][type].
func formatOne(spec string, v any) (string, error) {
	if spec == "" {
		return Str(v), nil
	}
	whole := spec
	fill, align := " ", byte(0)
	if r, n := utf8.DecodeRuneInString(spec); n < len(spec) && strings.IndexByte("<>^=", spec[n]) >= 0 {
		fill, align, spec = string(r), spec[n], spec[n+1:]
	} else if strings.IndexByte("<>^=", spec[0]) >= 0 {
		align, spec = spec[0], spec[1:]
	}
	sign := ""
	if spec != "" && strings.IndexByte("+- ", spec[0]) >= 0 {
		sign, spec = spec[:1], spec[1:]
	}
	if strings.HasPrefix(spec, "0") && align == 0 {
		fill, align, spec = "0", '=', spec[1:]
	}
	digits := 0
	for digits < len(spec) && spec[digits] >= '0' && spec[digits] <= '9' {
		digits++
	}
	w, _ := strconv.Atoi(spec[:digits])
	spec = spec[digits:]
	comma := strings.HasPrefix(spec, ",")
	spec = strings.TrimPrefix(spec, ",")
	precision, has := 6, false
	if strings.HasPrefix(spec, ".") {
		n := 1
		for n < len(spec) && spec[n] >= '0' && spec[n] <= '9' {
			n++
		}
		precision, _ = strconv.Atoi(spec[1:n])
		has, spec = true, spec[n:]
	}
	if len(spec) > 1 || w > 10_000 || precision > 10_000 {
		return "", fmt.Errorf("%q is no format", whole)
	}
	i, f, isInt, isNumber := number(v)
	var s string
	switch {
	case spec == "s" || spec == "" && !isNumber:
		s = Str(v)
		if has {
			if r := []rune(s); len(r) > precision {
				s = string(r[:precision])
			}
		}
	case !isNumber:
		return "", fmt.Errorf("the format %q wants a number and not %s", whole, Kind(v))
	case spec == "d" || spec == "" && isInt && !has:
		if !isInt {
			return "", fmt.Errorf("the format %q wants a whole number", whole)
		}
		s = strconv.FormatInt(i, 10)
	case spec == "x" || spec == "X" || spec == "o" || spec == "b":
		if !isInt {
			return "", fmt.Errorf("the format %q wants a whole number", whole)
		}
		s = fmt.Sprintf("%"+spec, i)
	case spec == "" && !has:
		s = floatText(f)
	case spec == "":
		s = strconv.FormatFloat(f, 'g', precision, 64)
	case spec == "%":
		s = strconv.FormatFloat(f*100, 'f', precision, 64) + "%"
	case strings.Contains("fFeEgG", spec):
		s = strconv.FormatFloat(f, spec[0]|0x20, precision, 64)
	default:
		return "", fmt.Errorf("%q is no format", whole)
	}
	minus := ""
	if isNumber && strings.HasPrefix(s, "-") {
		minus, s = "-", s[1:]
	} else if isNumber && (sign == "+" || sign == " ") {
		minus = sign
	}
	if comma {
		head, tail, _ := strings.Cut(s, ".")
		for k := len(head) - 3; k > 0; k -= 3 {
			head = head[:k] + "," + head[k:]
		}
		if s = head; tail != "" {
			s += "." + tail
		}
	}
	n := w - utf8.RuneCountInString(minus+s)
	if n <= 0 {
		return minus + s, nil
	}
	if align == 0 {
		align = '<'
		if isNumber {
			align = '>'
		}
	}
	switch align {
	case '>':
		return strings.Repeat(fill, n) + minus + s, nil
	case '=':
		return minus + strings.Repeat(fill, n) + s, nil
	case '^':
		return strings.Repeat(fill, n/2) + minus + s + strings.Repeat(fill, n-n/2), nil
	}
	return minus + s + strings.Repeat(fill, n), nil
}

// isSpace is str.isspace of one character.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// title begins every word with a capital letter; a word is letters in a row.
func title(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		switch {
		case !unicode.IsLetter(r):
			in = false
			b.WriteRune(r)
		case in:
			b.WriteRune(unicode.ToLower(r))
		default:
			in = true
			b.WriteRune(unicode.ToTitle(r))
		}
	}
	return b.String()
}

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
}
