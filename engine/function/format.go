package function

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FORMAT() takes its arguments as typed texts: a letter for the type and the value's text as
// CAST AS STRING writes it (BYTES in hex). "N" is NULL. An array is "a", a struct "r", and
// then each element or field as its length in bytes, a colon and its typed text.
const (
	typedNull       = 'N'
	typedBool       = 'b'
	typedInt        = 'i'
	typedFloat      = 'f'
	typedNumeric    = 'n'
	typedBigNumeric = 'w'
	typedString     = 's'
	typedBytes      = 'y'
	typedDate       = 'd'
	typedDatetime   = 't'
	typedTime       = 'm'
	typedTimestamp  = 'z'
	typedInterval   = 'v'
	typedJSON       = 'j'
	typedUUID       = 'q'
	typedArray      = 'a'
	typedStruct     = 'r'
)

var errTyped = errors.New("FORMAT: an argument is damaged")

// typedItems splits what follows the letter of an array or struct.
func typedItems(s string) ([]string, error) {
	var items []string
	for s != "" {
		head, rest, ok := strings.Cut(s, ":")
		n, err := strconv.Atoi(head)
		if !ok || err != nil || n < 1 || n > len(rest) {
			return nil, errTyped
		}
		items, s = append(items, rest[:n]), rest[n:]
	}
	return items, nil
}

// printed is the text of a typed text by %t or, as a literal, by %T.
func printed(v string, literal bool) (string, error) {
	if v == "" {
		return "", errTyped
	}
	text := v[1:]
	wrap := func(prefix string) string {
		if literal {
			return prefix + ` "` + text + `"`
		}
		return text
	}
	switch v[0] {
	case typedNull:
		return "NULL", nil
	case typedBool, typedInt:
		return text, nil
	case typedFloat:
		switch {
		case text == "nan" || text == "inf" || text == "-inf":
			if literal {
				return `CAST("` + text + `" AS FLOAT64)`, nil
			}
		case !strings.ContainsAny(text, ".eE"):
			return text + ".0", nil
		}
		return text, nil
	case typedNumeric:
		return wrap("NUMERIC"), nil
	case typedBigNumeric:
		return wrap("BIGNUMERIC"), nil
	case typedString:
		if literal {
			return quoteString(text), nil
		}
		return text, nil
	case typedBytes:
		b, err := hex.DecodeString(text)
		if err != nil {
			return "", errTyped
		}
		if literal {
			return "b" + quoteBytes(b, true), nil
		}
		return quoteBytes(b, false), nil
	case typedDate:
		return wrap("DATE"), nil
	case typedDatetime:
		return wrap("DATETIME"), nil
	case typedTime:
		return wrap("TIME"), nil
	case typedTimestamp:
		return wrap("TIMESTAMP"), nil
	case typedInterval:
		if literal {
			return `INTERVAL "` + text + `" YEAR TO SECOND`, nil
		}
		return text, nil
	case typedUUID:
		if literal {
			return `CAST("` + text + `" AS UUID)`, nil
		}
		return text, nil
	case typedJSON:
		if literal {
			return "JSON " + singleQuoted(text), nil
		}
		return text, nil
	case typedArray, typedStruct:
		items, err := typedItems(text)
		if err != nil {
			return "", err
		}
		for i := range items {
			if items[i], err = printed(items[i], literal); err != nil {
				return "", err
			}
		}
		joined := strings.Join(items, ", ")
		switch {
		case v[0] == typedArray:
			return "[" + joined + "]", nil
		case literal && len(items) < 2:
			return "STRUCT(" + joined + ")", nil
		}
		return "(" + joined + ")", nil
	}
	return "", errTyped
}

// quoteString is a STRING literal: in double quotes unless only those occur in the text.
func quoteString(s string) string {
	q := byte('"')
	if strings.Contains(s, `"`) && !strings.Contains(s, "'") {
		q = '\''
	}
	var b strings.Builder
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == rune(q):
			b.WriteByte('\\')
			b.WriteByte(q)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(q)
	return b.String()
}

func singleQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
}

// quoteBytes writes bytes with escapes for what is not printable ASCII.
func quoteBytes(s []byte, quoted bool) string {
	q := byte('"')
	if text := string(s); strings.Contains(text, `"`) && !strings.Contains(text, "'") {
		q = '\''
	}
	var b strings.Builder
	if quoted {
		b.WriteByte(q)
	}
	for _, c := range s {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\\':
			b.WriteString(`\\`)
		case quoted && c == q:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		b.WriteByte(q)
	}
	return b.String()
}

// verb is one conversion of a format string.
type verb struct {
	left, plus, space, alt, zero, group bool
	width                               int
	precision                           int // -1: none
	letter                              byte
}

func (v verb) pad(s string) string {
	n := utf8.RuneCountInString(s)
	switch {
	case n >= v.width:
		return s
	case v.left:
		return s + strings.Repeat(" ", v.width-n)
	}
	return strings.Repeat(" ", v.width-n) + s
}

// number puts sign, prefix and padding around digits.
func (v verb) number(negative bool, prefix, digits string, zero bool) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case v.plus:
		sign = "+"
	case v.space:
		sign = " "
	}
	sign += prefix
	if zero && !v.left && len(sign)+len(digits) < v.width {
		digits = strings.Repeat("0", v.width-len(sign)-len(digits)) + digits
	}
	return v.pad(sign + digits)
}

// grouped separates digits by groups from the right.
func grouped(digits string, size int, by string) string {
	var parts []string
	for len(digits) > size {
		parts = append([]string{digits[len(digits)-size:]}, parts...)
		digits = digits[:len(digits)-size]
	}
	return strings.Join(append([]string{digits}, parts...), by)
}

func (v verb) integer(text string) (string, error) {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return "", errTyped
	}
	base := map[byte]int{'o': 8, 'x': 16, 'X': 16}[v.letter]
	if base == 0 {
		base = 10
	}
	digits := new(big.Int).Abs(n).Text(base)
	prefix := ""
	if v.alt && n.Sign() != 0 {
		prefix = map[byte]string{'o': "0", 'x': "0x", 'X': "0X"}[v.letter]
	}
	if v.letter == 'X' {
		digits = strings.ToUpper(digits)
	}
	if v.precision == 0 && n.Sign() == 0 {
		digits = ""
	}
	if v.precision > maxPrecision {
		return "", errors.New("Output string too long while evaluating FORMAT") //nolint:staticcheck // GoogleSQL's words
	}
	if len(digits) < v.precision {
		digits = strings.Repeat("0", v.precision-len(digits)) + digits
	}
	if v.group {
		switch v.letter {
		case 'd', 'i', 'u':
			digits = grouped(digits, 3, ",")
		case 'o':
			digits = grouped(digits, 4, ",")
		default:
			digits = grouped(digits, 4, ":")
		}
	}
	return v.number(n.Sign() < 0, prefix, digits, v.zero && v.precision < 0), nil
}

// float writes a FLOAT64 or, exactly, a NUMERIC or BIGNUMERIC.
func (v verb) float(text string, exact bool) (string, error) {
	upper := v.letter >= 'A' && v.letter <= 'Z'
	cased := func(s string) string {
		if upper {
			return strings.ToUpper(s)
		}
		return s
	}
	if text == "nan" || text == "inf" || text == "-inf" {
		return v.number(text[0] == '-', "", cased(strings.TrimPrefix(text, "-")), false), nil
	}
	precision := v.precision
	if precision < 0 {
		precision = 6
	}
	var negative bool
	var write func(form byte, precision int) string
	if exact {
		n, err := bigNumeric.of(text)
		if err != nil {
			return "", errTyped
		}
		negative = n.Sign() < 0
		n.Abs(n)
		write = func(form byte, precision int) string {
			if form == 'f' {
				return fixedText(roundDecimal(n, bigNumeric.scale, int64(precision), ""), precision)
			}
			return bigNumeric.float(n).Text(form, precision)
		}
	} else {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", errTyped
		}
		negative = math.Signbit(f)
		f = math.Abs(f)
		write = func(form byte, precision int) string { return strconv.FormatFloat(f, form, precision, 64) }
	}
	var digits string
	switch v.letter | 0x20 {
	case 'f':
		digits = write('f', precision)
	case 'e':
		digits = write('e', precision)
	default:
		digits = general(write, precision, v.alt)
	}
	if v.alt && v.letter|0x20 != 'g' && precision == 0 {
		whole, exponent, _ := strings.Cut(digits, "e")
		digits = whole + "."
		if exponent != "" {
			digits += "e" + exponent
		}
	}
	if v.group {
		end := strings.IndexAny(digits, ".e")
		if end < 0 {
			end = len(digits)
		}
		digits = grouped(digits[:end], 3, ",") + digits[end:]
	}
	return v.number(negative, "", cased(digits), v.zero), nil
}

// fixedText is a number of units of BIGNUMERIC with a number of digits behind the point.
func fixedText(n *big.Int, precision int) string {
	whole, fraction, _ := strings.Cut(decimalText(n, bigNumeric.scale), ".")
	if precision == 0 {
		return whole
	}
	return whole + "." + fraction + strings.Repeat("0", max(precision-len(fraction), 0))
}

// general is C's %g.
func general(write func(form byte, precision int) string, precision int, keepZeros bool) string {
	if precision == 0 {
		precision = 1
	}
	scientific := write('e', precision-1)
	_, e, _ := strings.Cut(scientific, "e")
	exponent, _ := strconv.Atoi(e)
	if exponent >= -4 && exponent < precision {
		s := write('f', precision-1-exponent)
		if !keepZeros && strings.Contains(s, ".") {
			s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
	if keepZeros {
		return scientific
	}
	mantissa, e, _ := strings.Cut(scientific, "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
	}
	return mantissa + "e" + e
}

// maxFormat bounds widths, precisions and results.
const maxFormat = 1 << 20

// maxPrecision bounds the digits of a number.
const maxPrecision = 5000

// formatString is FORMAT(format, arguments). ok is false where the result is NULL.
func formatString(format string, args []string) (text string, ok bool, err error) {
	var b strings.Builder
	null := false
	next := 0
	take := func() (string, error) {
		if next >= len(args) {
			return "", errors.New("Too few arguments to FORMAT for pattern \"" + format + "\"") //nolint:staticcheck // GoogleSQL's words
		}
		next++
		return args[next-1], nil
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		v := verb{precision: -1}
	flags:
		for ; i < len(format); i++ {
			switch format[i] {
			case '-':
				v.left = true
			case '+':
				v.plus = true
			case ' ':
				v.space = true
			case '#':
				v.alt = true
			case '0':
				v.zero = true
			case '\'':
				v.group = true
			default:
				break flags
			}
		}
		size := func(least int) (int, bool, error) {
			if i < len(format) && format[i] == '*' {
				i++
				a, err := take()
				if err != nil {
					return 0, false, err
				}
				if a == string(typedNull) {
					null = true
					return 0, true, nil
				}
				n, err := strconv.Atoi(a[1:])
				if err != nil || a[0] != typedInt {
					return 0, false, errors.New("Invalid type for argument to FORMAT; Expected integer width or precision") //nolint:staticcheck // GoogleSQL's words
				}
				return n, true, nil
			}
			n, used := digits(format[i:], 7)
			i += used
			if used == 0 {
				return least, false, nil
			}
			return n, true, nil
		}
		if v.width, _, err = size(0); err != nil {
			return "", false, err
		}
		if v.width < 0 {
			v.left, v.width = true, -v.width
		}
		if i < len(format) && format[i] == '.' {
			i++
			if v.precision, _, err = size(0); err != nil {
				return "", false, err
			}
			v.precision = max(v.precision, -1)
		}
		if v.width > maxFormat || v.precision > maxPrecision && strings.IndexByte("fFeEgG", byteAt(format, i)) >= 0 {
			return "", false, errors.New("Output string too long while evaluating FORMAT") //nolint:staticcheck // GoogleSQL's words
		}
		if i >= len(format) {
			return "", false, fmt.Errorf("Invalid FORMAT string %q: no conversion after %%", format) //nolint:staticcheck // GoogleSQL's words
		}
		v.letter = format[i]
		if v.letter == '%' {
			b.WriteByte('%')
			continue
		}
		if strings.IndexByte("diuoxXfFeEgGstTpP", v.letter) < 0 {
			return "", false, fmt.Errorf("Invalid format specifier character \"%c\" in FORMAT string: %q", v.letter, format) //nolint:staticcheck // GoogleSQL's words
		}
		a, err := take()
		if err != nil {
			return "", false, err
		}
		if a == "" {
			return "", false, errTyped
		}
		if a[0] == typedNull && v.letter != 't' && v.letter != 'T' {
			null = true
			continue
		}
		s, err := v.convert(a)
		if err != nil {
			return "", false, err
		}
		b.WriteString(s)
		if b.Len() > maxFormat {
			return "", false, errors.New("Output string too long while evaluating FORMAT") //nolint:staticcheck // GoogleSQL's words
		}
	}
	if next < len(args) {
		return "", false, errors.New("Too many arguments to FORMAT for pattern \"" + format + "\"") //nolint:staticcheck // GoogleSQL's words
	}
	return b.String(), !null, nil
}

func byteAt(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func (v verb) convert(a string) (string, error) {
	wrong := fmt.Errorf("Invalid type for argument to FORMAT with %%%c", v.letter) //nolint:staticcheck // GoogleSQL's words
	cut := func(s string) string {
		if v.precision >= 0 {
			if r := []rune(s); len(r) > v.precision {
				return string(r[:v.precision])
			}
		}
		return s
	}
	switch v.letter {
	case 'd', 'i', 'u', 'o', 'x', 'X':
		if a[0] != typedInt {
			return "", wrong
		}
		return v.integer(a[1:])
	case 'f', 'F', 'e', 'E', 'g', 'G':
		if a[0] != typedFloat && a[0] != typedNumeric && a[0] != typedBigNumeric && a[0] != typedInt {
			return "", wrong
		}
		return v.float(a[1:], a[0] != typedFloat)
	case 's':
		switch a[0] {
		case typedString:
			return v.pad(cut(a[1:])), nil
		case typedBytes:
			b, err := hex.DecodeString(a[1:])
			if err != nil || !utf8.Valid(b) {
				return "", errors.New("FORMAT: BYTES are not valid UTF-8")
			}
			return v.pad(cut(string(b))), nil
		}
		return "", wrong
	case 'p', 'P':
		if a[0] != typedJSON {
			return "", wrong
		}
		text := a[1:]
		if v.letter == 'P' {
			pretty, err := jsonPretty([]any{text})
			if err != nil {
				return "", err
			}
			text, _ = pretty.(string)
		}
		return v.pad(cut(text)), nil
	}
	s, err := printed(a, v.letter == 'T')
	if err != nil {
		return "", err
	}
	return v.pad(cut(s)), nil
}

// bytesToText writes BYTES by a format of CAST.
func bytesToText(b []byte, format string) (string, error) {
	switch strings.ToUpper(format) {
	case "HEX", "BASE16":
		return hex.EncodeToString(b), nil
	case "BASE64":
		return base64.StdEncoding.EncodeToString(b), nil
	case "BASE64M":
		// MIME: lines of 76 characters.
		s := base64.StdEncoding.EncodeToString(b)
		var lines []string
		for len(s) > 76 {
			lines, s = append(lines, s[:76]), s[76:]
		}
		return strings.Join(append(lines, s), "\r\n"), nil
	case "BASE32":
		return base32.StdEncoding.EncodeToString(b), nil
	case "BASE2", "BASE8":
		if len(b) == 0 {
			return "", nil
		}
		// Groups of bits from the left, the last one filled with zeros.
		bits := 1
		if strings.HasSuffix(format, "8") {
			bits = 3
			if len(b)%3 != 0 {
				return "", fmt.Errorf("Cannot convert %d bytes to BASE8 text", len(b)) //nolint:staticcheck // GoogleSQL's words
			}
		}
		var out strings.Builder
		held, count := 0, 0
		for _, c := range b {
			held, count = held<<8|int(c), count+8
			for ; count >= bits; count -= bits {
				out.WriteByte('0' + byte(held>>(count-bits)&(1<<bits-1)))
			}
			held &= 1<<count - 1
		}
		return out.String(), nil
	case "ASCII":
		for _, c := range b {
			if c >= 0x80 {
				return "", errors.New("Invalid ASCII value in BYTES") //nolint:staticcheck // GoogleSQL's words
			}
		}
		return string(b), nil
	case "UTF-8", "UTF8":
		if !utf8.Valid(b) {
			return "", errors.New("BYTES are not valid UTF-8")
		}
		return string(b), nil
	}
	return "", fmt.Errorf("Invalid format '%s'", format) //nolint:staticcheck // GoogleSQL's words
}

// textToBytes reads BYTES by a format of CAST.
func textToBytes(s, format string) ([]byte, error) {
	bad := fmt.Errorf("Failed to decode invalid %s string", strings.ToUpper(format)) //nolint:staticcheck // GoogleSQL's words
	var b []byte
	var err error
	switch strings.ToUpper(format) {
	case "HEX", "BASE16":
		if len(s)%2 == 1 {
			s = "0" + s
		}
		b, err = hex.DecodeString(s)
	case "BASE64", "BASE64M":
		b, err = base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
			if r < 128 && space(byte(r)) {
				return -1
			}
			return r
		}, s))
	case "BASE32":
		b, err = base32.StdEncoding.DecodeString(strings.ToUpper(s))
	case "BASE2":
		if len(s)%8 != 0 {
			return nil, bad
		}
		for i := 0; i < len(s); i += 8 {
			n, err := strconv.ParseUint(s[i:i+8], 2, 8)
			if err != nil {
				return nil, bad
			}
			b = append(b, byte(n))
		}
	case "BASE8":
		if len(s)%8 != 0 {
			return nil, bad
		}
		for i := 0; i < len(s); i += 8 {
			n, err := strconv.ParseUint(s[i:i+8], 8, 24)
			if err != nil {
				return nil, bad
			}
			b = append(b, byte(n>>16), byte(n>>8), byte(n))
		}
	case "ASCII":
		for i := range len(s) {
			if s[i] >= 0x80 {
				return nil, bad
			}
		}
		b = []byte(s)
	case "UTF-8", "UTF8":
		b = []byte(s)
	default:
		return nil, fmt.Errorf("Invalid format '%s'", format) //nolint:staticcheck // GoogleSQL's words
	}
	if err != nil {
		return nil, bad
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}

func formatFunctions() []Function {
	return []Function{{
		Name: "bytes_to_text", Args: []Kind{Bytes, String}, Result: String,
		Fn: func(a []any) (any, error) {
			s, err := bytesToText(a[0].([]byte), a[1].(string))
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	}, {
		Name: "text_to_bytes", Args: []Kind{String, String}, Result: Bytes,
		Fn: func(a []any) (any, error) {
			b, err := textToBytes(a[0].(string), a[1].(string))
			if err != nil {
				return nil, err
			}
			return b, nil
		},
	}, {
		Name: "format", Args: []Kind{String}, Rest: String, Result: String,
		Fn: func(a []any) (any, error) {
			args := make([]string, len(a)-1)
			for i := range args {
				args[i] = a[i+1].(string)
			}
			s, ok, err := formatString(a[0].(string), args)
			if err != nil || !ok {
				return nil, err
			}
			return s, nil
		},
	}}
}
