package duckdb

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// DuckDB's VARCHAR functions count code points, as GoogleSQL's do over STRING, unless
// said otherwise below. Over BLOB it has few functions: those of BYTES are Go functions.

func stringRules() map[string]Rule {
	rules := map[string]Rule{
		"ascii":                        func(c *Call) string { return c.Macro("ascii", c.Args[0]) },
		"unicode":                      func(c *Call) string { return c.Macro("unicode", c.Args[0]) },
		"chr":                          func(c *Call) string { return c.Func("chr", c.Args[0]) },
		"code_points_to_string":        func(c *Call) string { return c.Func("code_points_to_string", c.Typed(0)) },
		"code_points_to_bytes":         func(c *Call) string { return c.Func("code_points_to_bytes", c.Typed(0)) },
		"to_code_points":               toCodePoints,
		"concat":                       concat,
		"contains_substr":              containsSubstr,
		"edit_distance":                editDistance,
		"starts_with":                  func(c *Call) string { return c.affix("starts_with") },
		"ends_with":                    func(c *Call) string { return c.affix("ends_with") },
		"from_base32":                  func(c *Call) string { return c.Func("from_base32", c.Args[0]) },
		"from_base64":                  func(c *Call) string { return c.Func("from_base64", c.Args[0]) },
		"from_hex":                     func(c *Call) string { return c.Func("from_hex", c.Args[0]) },
		"to_base32":                    func(c *Call) string { return c.total("to_base32", c.Args[0]) },
		"to_base64":                    func(c *Call) string { c.SafeDone(); return "to_base64(" + c.Args[0] + ")" },
		"to_hex":                       toHex,
		"initcap":                      initcap,
		"instr":                        instr,
		"strpos":                       strpos,
		"left":                         left,
		"right":                        right,
		"substr":                       substr,
		"$like":                        like,
		"$like_any":                    func(c *Call) string { return likeSome(c, " OR ", false) },
		"$like_all":                    func(c *Call) string { return likeSome(c, " AND ", false) },
		"$not_like_any":                func(c *Call) string { return likeSome(c, " OR ", true) },
		"$not_like_all":                func(c *Call) string { return likeSome(c, " AND ", true) },
		"lpad":                         func(c *Call) string { return pad(c, "lpad") },
		"rpad":                         func(c *Call) string { return pad(c, "rpad") },
		"ltrim":                        func(c *Call) string { return trim(c, "ltrim", "TRUE, FALSE") },
		"rtrim":                        func(c *Call) string { return trim(c, "rtrim", "FALSE, TRUE") },
		"trim":                         func(c *Call) string { return trim(c, "trim", "TRUE, TRUE") },
		"normalize":                    func(c *Call) string { return normalize(c, "normalize") },
		"normalize_and_casefold":       func(c *Call) string { return normalize(c, "normalize_and_casefold") },
		"repeat":                       repeat,
		"replace":                      replace,
		"reverse":                      reverse,
		"safe_convert_bytes_to_string": func(c *Call) string { return c.total("safe_convert_bytes_to_string", c.Args[0]) },
		"soundex":                      func(c *Call) string { return c.total("soundex", c.Args[0]) },
		"split":                        split,
		"split_substr":                 splitSubstr,
		"translate":                    func(c *Call) string { return c.Func(c.over("translate"), c.Args...) },
		"regexp_contains":              regexpContains,
		"regexp_match":                 func(c *Call) string { return c.Func(c.over("regexp_match"), c.Args...) },
		"regexp_extract":               regexpExtract,
		"regexp_extract_all":           regexpExtractAll,
		"regexp_extract_groups":        regexpGroups,
		"regexp_instr":                 regexpInstr,
		"regexp_replace":               regexpReplace,
		"zstd_compress":                func(c *Call) string { return c.Refuse("compressed bytes differ from one library to another") },
	}
	alias := func(name string, also ...string) {
		for _, a := range also {
			rules[a] = rules[name]
		}
	}
	rules["length"] = length
	rules["byte_length"] = byteLength
	rules["lower"] = func(c *Call) string { return changeCase(c, "lower") }
	rules["upper"] = func(c *Call) string { return changeCase(c, "upper") }
	alias("length", "char_length", "character_length")
	alias("byte_length", "octet_length")
	alias("lower", "lcase")
	alias("upper", "ucase")
	alias("substr", "substring")
	alias("regexp_extract", "regexp_substr")
	return rules
}

// upperSpecial are the characters whose upper case is several characters, and these, from
// Unicode's SpecialCasing.txt.
const (
	upperSpecial = "ßŉǰΐΰևẖẗẘẙẚὐὒὔὖᾀᾁᾂᾃᾄᾅᾆᾇᾈᾉᾊᾋᾌᾍᾎᾏᾐᾑᾒᾓᾔᾕᾖᾗᾘᾙᾚᾛᾜᾝᾞᾟᾠᾡᾢᾣᾤᾥᾦᾧᾨᾩᾪᾫᾬᾭᾮᾯᾲᾳᾴᾶᾷᾼῂῃῄῆῇῌῒΐῖῗῢΰῤῦῧῲῳῴῶῷῼﬀﬁﬂﬃﬄﬅﬆﬓﬔﬕﬖﬗ"
	upperText    = "SS|ʼN|J̌|Ϊ́|Ϋ́|ԵՒ|H̱|T̈|W̊|Y̊|Aʾ|Υ̓|Υ̓̀|Υ̓́|Υ̓͂|ἈΙ|ἉΙ|ἊΙ|ἋΙ|ἌΙ|ἍΙ|ἎΙ|ἏΙ|ἈΙ|ἉΙ|ἊΙ|ἋΙ|ἌΙ|ἍΙ|ἎΙ|ἏΙ|ἨΙ|ἩΙ|ἪΙ|ἫΙ|ἬΙ|ἭΙ|ἮΙ|ἯΙ|ἨΙ|ἩΙ|ἪΙ|ἫΙ|ἬΙ|ἭΙ|ἮΙ|ἯΙ|ὨΙ|ὩΙ|ὪΙ|ὫΙ|ὬΙ|ὭΙ|ὮΙ|ὯΙ|ὨΙ|ὩΙ|ὪΙ|ὫΙ|ὬΙ|ὭΙ|ὮΙ|ὯΙ|ᾺΙ|ΑΙ|ΆΙ|Α͂|Α͂Ι|ΑΙ|ῊΙ|ΗΙ|ΉΙ|Η͂|Η͂Ι|ΗΙ|Ϊ̀|Ϊ́|Ι͂|Ϊ͂|Ϋ̀|Ϋ́|Ρ̓|Υ͂|Ϋ͂|ῺΙ|ΩΙ|ΏΙ|Ω͂|Ω͂Ι|ΩΙ|FF|FI|FL|FFI|FFL|ST|ST|ՄՆ|ՄԵ|ՄԻ|ՎՆ|ՄԽ"
)

// lowered and uppered are the text s in the other case; plain is a condition under which it
// is of ASCII alone.
func lowered(plain string) string {
	return `CASE WHEN ` + plain + ` THEN lower(s) WHEN regexp_matches(s, '[ΣİΣ]') THEN lower(regexp_replace(replace(s, 'İ', 'i̇'), '(\pL[\p{Mn}''’.·]*)Σ([^\pL''’·]|$)', '\1ς\2', 'g')) ELSE lower(s) END`
}

func uppered(plain string) string {
	return `CASE WHEN ` + plain + ` OR NOT regexp_matches(s, '[` + upperSpecial + `]') THEN upper(s) ELSE array_to_string(list_transform(string_split(s, ''), lambda c: coalesce(string_split('` + upperText + `', '|')[strpos('` + upperSpecial + `', c)], upper(c))), '') END`
}

func stringMacros() []macro {
	start := func(p, s string) string {
		return "CASE WHEN " + p + " > 0 THEN " + p + " WHEN " + p + " = 0 THEN 1 ELSE greatest(length(" + s + ") + " + p + " + 1, 1) END"
	}
	return []macro{
		{"ascii", "s", `CASE WHEN s = '' THEN 0 WHEN ascii(s) < 128 THEN CAST(ascii(s) AS BIGINT) WHEN s IS NOT NULL THEN error('Argument to ASCII must start with an ASCII character: ' || s) END`},
		{"safe_ascii", "s", `CASE WHEN s = '' THEN 0 WHEN ascii(s) < 128 THEN CAST(ascii(s) AS BIGINT) END`},
		{"unicode", "s", `CASE WHEN s = '' THEN 0 ELSE CAST(unicode(s) AS BIGINT) END`},
		// DuckDB maps each character to one; GoogleSQL maps as Unicode does in full: a final
		// sigma and a dotted capital I have lower cases, and some letters upper cases, of
		// their own. Text of ASCII alone, whose bytes are as many as its characters, needs none
		// of that.
		{"lower", "s", lowered("strlen(s) = length(s)")},
		{"upper", "s", uppered("strlen(s) = length(s)")},
		{"lower_of", "s, plain", lowered("plain")},
		{"upper_of", "s, plain", uppered("plain")},
		{"reverse", "s", `CASE WHEN strlen(s) = length(s) THEN reverse(s) ELSE array_to_string(list_reverse(string_split(s, '')), '') END`},
		// Position 0 is 1, one before the beginning is 1.
		{"substr", "s, p", `substr(s, ` + start("p", "s") + `)`},
		{"substr_count", "s, p, n", `CASE WHEN n < 0 THEN error('Third argument in SUBSTR() cannot be negative') ELSE substr(s, ` + start("p", "s") + `, n) END`},
		{"safe_substr_count", "s, p, n", `CASE WHEN n >= 0 THEN substr(s, ` + start("p", "s") + `, n) END`},
		{"left", "s, n", `CASE WHEN n < 0 THEN error('Second argument in LEFT() cannot be negative') ELSE left(s, n) END`},
		{"safe_left", "s, n", `CASE WHEN n >= 0 THEN left(s, n) END`},
		{"right", "s, n", `CASE WHEN n < 0 THEN error('Second argument in RIGHT() cannot be negative') ELSE right(s, n) END`},
		{"safe_right", "s, n", `CASE WHEN n >= 0 THEN right(s, n) END`},
		{"like", "s, p", `CASE WHEN regexp_matches(p, '(^|[^\\])(\\\\)*\\$') THEN error('LIKE pattern ends with a backslash') ELSE s LIKE p ESCAPE '\' END`},
		{"safe_like", "s, p", `CASE WHEN NOT regexp_matches(p, '(^|[^\\])(\\\\)*\\$') THEN s LIKE p ESCAPE '\' END`},
		// White space as Unicode says, which TRIM without characters removes.
		// DuckDB's own functions take away spaces only, or any of given code points, which
		// is several times slower than a regular expression. That is slow too, and not needed
		// where the ends are plain, as most are: text that begins with a visible character of
		// ASCII, text of ASCII alone that ends with no white space. root is a text that has the
		// same characters as s but for their case.
		{"ltrim", "s", trimmed("ltrim", "s")},
		{"rtrim", "s", trimmed("rtrim", "s")},
		{"trim", "s", trimmed("trim", "s")},
		{"ltrim_of", "s, root", trimmed("ltrim", "root")},
		{"rtrim_of", "s, root", trimmed("rtrim", "root")},
		{"trim_of", "s, root", trimmed("trim", "root")},
		{"ltrim_any", "s", trimmed("ltrim", "")},
		{"rtrim_any", "s", trimmed("rtrim", "")},
		{"trim_any", "s", trimmed("trim", "")},
		// string_split takes a NULL delimiter for none.
		{"split", "s, d", `CASE WHEN d IS NOT NULL THEN string_split(s, d) END`},
	}
}

// whiteSpace is Unicode's property White_Space, in the syntax of RE2.
const whiteSpace = `\t\n\v\f\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}`

// trimmed is the text s without white space at its ends, for which the text "of" stands in
// the test whether there is any, "" for no test.
func trimmed(name, of string) string {
	ends := make([]string, 0, 6)
	for _, c := range " \t\n\v\f\r" {
		ends = append(ends, "suffix("+of+", '"+string(c)+"')")
	}
	ascii := "strlen(" + of + ") = length(" + of + ")"
	open := "NOT (" + strings.Join(ends, " OR ") + ")"
	var plain, text string
	switch name {
	case "ltrim":
		plain, text = of+" >= '!' AND "+of+" < '\x7f'", `regexp_replace(s, '^[`+whiteSpace+`]+', '')`
	case "rtrim":
		plain, text = ascii+" AND "+open, `regexp_replace(s, '[`+whiteSpace+`]+$', '')`
	default:
		plain, text = ascii+" AND "+of+" >= '!' AND "+open, `regexp_replace(s, '^[`+whiteSpace+`]+|[`+whiteSpace+`]+$', '', 'g')`
	}
	if of == "" {
		return text
	}
	return "CASE WHEN " + plain + " THEN s ELSE " + text + " END"
}

// over is a Go function's name by the kind of the first argument.
func (c *Call) over(name string) string {
	if c.bytes() {
		return name + "_bytes"
	}
	return name
}

func (c *Call) bytes() bool { return c.Kind(0) == ir.Bytes }

// total calls a Go function that does not fail.
func (c *Call) total(name string, args ...string) string {
	c.SafeDone()
	return c.g.function(name, args...)
}

// integer is the value of an integer literal.
func (c *Call) integer(i int) (int64, bool) {
	v, ok := c.Value(i)
	if !ok || v.Null || v.Type == nil || !isInt(v.Type.Kind) {
		return 0, false
	}
	return v.Int, true
}

// optional is an argument's text, or what stands for its absence.
func (c *Call) optional(i int, fallback string) string {
	if i < c.Len() && c.Args[i] != "" {
		return c.Args[i]
	}
	return fallback
}

func toCodePoints(c *Call) string { return c.total(c.over("to_code_points"), c.Args[0]) }

// concat is CONCAT: || is NULL if a part is, as CONCAT is; DuckDB's concat passes NULLs over.
func concat(c *Call) string {
	c.SafeDone()
	bytes := c.Result().Kind == ir.Bytes
	parts := make([]string, c.Len())
	for i := range parts {
		parts[i] = c.Args[i]
		if k := c.Kind(i); !bytes && k != ir.String {
			parts[i] = c.ToText(i)
		}
		parts[i] = operand(parts[i], transpile.PrecOther)
	}
	return strings.Join(parts, " || ")
}

// containsSubstr is CONTAINS_SUBSTR: a search without regard to case in the value's text,
// or in that of the parts of an array or struct; a NULL part leaves the answer open.
func containsSubstr(c *Call) string {
	c.SafeDone()
	return c.contains(c.Typed(0), c.Type(0))
}

func (c *Call) contains(text string, t *ir.Type) string {
	switch t.Kind {
	case ir.Struct:
		return c.letText(text, func(v string) string {
			parts := make([]string, len(t.Fields))
			for i, f := range t.Fields {
				parts[i] = c.contains(field(v, t, i), f.Type)
			}
			return "(" + strings.Join(parts, " OR ") + ")"
		})
	case ir.Array:
		c.g.names++
		v := "_v" + itoa(c.g.names)
		return "list_reduce(list_transform(" + text + ", lambda " + v + ": " + c.contains(v, t.Elem) + "), lambda a, b: a OR b, FALSE)"
	case ir.JSON:
		fields, _ := c.textFields(text, t, c.chosen("json_scope", 2, "'JSON_VALUES'"), true)
		c.g.names++
		v := "_v" + itoa(c.g.names)
		return "list_reduce(list_transform(" + fields + ", lambda " + v + ": " + c.g.function("contains_folded", v, c.Args[1]) + "), lambda a, b: a OR b, FALSE)"
	case ir.Bytes, ir.Interval:
		return c.Refuse("over " + t.String())
	}
	return c.g.function("contains_folded", c.g.cast(text, t, &ir.Type{Kind: ir.String}, false, c.Node.At()), c.Args[1])
}

func editDistance(c *Call) string {
	most := strconv.FormatInt(1<<62, 10)
	if i := c.named("max_distance", 2); i >= 0 {
		if c.IsNull(i) {
			c.SafeDone()
			return "NULL::BIGINT"
		}
		most = c.Args[i]
	}
	return c.Func(c.over("edit_distance"), c.Args[0], c.Args[1], most)
}

func (c *Call) affix(name string) string {
	if c.bytes() {
		return c.total(name+"_bytes", c.Args...)
	}
	c.SafeDone()
	return name + "(" + c.Args[0] + ", " + c.Args[1] + ")"
}

// toHex writes bytes with small letters. The hashes are hexadecimal text to DuckDB: that
// of a hash is used as it is.
func toHex(c *Call) string {
	c.SafeDone()
	if inner, ok := c.Expr(0).(*ir.Call); ok && len(inner.Args) == 1 {
		switch inner.Name {
		case "md5", "sha1", "sha256":
			return inner.Name + "(" + c.g.Expr(inner.Args[0].Expr) + ")"
		}
	}
	return "lower(hex(" + c.Args[0] + "))"
}

func initcap(c *Call) string {
	// The delimiters that stand for none, from the documentation.
	return c.total("initcap", c.Args[0], c.optional(1, quote(" \t\n\r\f\v[](){}/|<>!?@\"^#$&~_,.:;*%+-")))
}

func instr(c *Call) string {
	if c.Len() == 2 && !c.bytes() {
		if text, ok := c.Text(1); ok && text != "" {
			c.SafeDone()
			return "instr(" + c.Args[0] + ", " + c.Args[1] + ")"
		}
	}
	return c.Func(c.over("instr"), c.Args[0], c.Args[1], c.optional(2, "1"), c.optional(3, "1"))
}

func strpos(c *Call) string {
	if c.bytes() {
		return c.total("strpos_bytes", c.Args...)
	}
	c.SafeDone()
	return "strpos(" + c.Args[0] + ", " + c.Args[1] + ")"
}

func length(c *Call) string {
	c.SafeDone()
	if c.bytes() {
		return "octet_length(" + c.Args[0] + ")"
	}
	return "length(" + c.Args[0] + ")"
}

func byteLength(c *Call) string {
	c.SafeDone()
	if c.bytes() {
		return "octet_length(" + c.Args[0] + ")"
	}
	return "strlen(" + c.Args[0] + ")"
}

func changeCase(c *Call, name string) string {
	if c.bytes() {
		return c.total(name+"_bytes", c.Args[0])
	}
	c.SafeDone()
	if simple(transpile.Plain(c.Args[0])) {
		return c.Macro(name, c.Args[0])
	}
	// What is not cheap to compute is not computed to see whether it is of ASCII alone.
	plain := "FALSE"
	if leaves, ok := c.g.asciiLeaves(c.Expr(0), nil); ok && len(leaves) > 0 && len(leaves) <= 3 {
		for i, l := range leaves {
			leaves[i] = "strlen(" + l + ") = length(" + l + ")"
		}
		plain = strings.Join(leaves, " AND ")
	}
	return c.Macro(name+"_of", c.Args[0], plain)
}

// asciiLeaves gives columns such that a text is of ASCII alone if they all are, none of
// them twice; false if there are other texts it depends on.
func (g *generator) asciiLeaves(e ir.Expr, leaves []string) ([]string, bool) {
	switch n := e.(type) {
	case *ir.Literal:
		return leaves, n.T().Kind == ir.String && !n.Value.Null && !strings.ContainsFunc(n.Value.Text, func(r rune) bool { return r > 0x7f })
	case *ir.ColumnRef:
		text := g.Expr(n)
		if n.T().Kind != ir.String || !simple(transpile.Plain(text)) {
			return nil, false
		}
		if !slices.Contains(leaves, text) {
			leaves = append(leaves, text)
		}
		return leaves, true
	case *ir.Call:
		if !builtIn(n.Group) || n.T().Kind != ir.String {
			return nil, false
		}
		args := n.Args
		switch n.Name {
		case "trim", "ltrim", "rtrim", "substr", "substring", "left", "right", "lower", "upper", "lcase", "ucase", "reverse", "repeat", "nullif":
			args = args[:1]
		case "concat", "coalesce", "ifnull":
		default:
			return nil, false
		}
		for _, a := range args {
			var ok bool
			if a.Expr == nil {
				return nil, false
			}
			if leaves, ok = g.asciiLeaves(a.Expr, leaves); !ok {
				return nil, false
			}
		}
		return leaves, true
	}
	return nil, false
}

func left(c *Call) string {
	if c.bytes() {
		return c.Func("left_bytes", c.Args[0], c.Args[1])
	}
	if n, ok := c.integer(1); ok && n >= 0 {
		c.SafeDone()
		return "left(" + c.Args[0] + ", " + c.Args[1] + ")"
	}
	return c.Macro("left", c.Args[0], c.Args[1])
}

func right(c *Call) string {
	if c.bytes() {
		return c.Func("right_bytes", c.Args[0], c.Args[1])
	}
	if n, ok := c.integer(1); ok && n >= 0 {
		c.SafeDone()
		return "right(" + c.Args[0] + ", " + c.Args[1] + ")"
	}
	return c.Macro("right", c.Args[0], c.Args[1])
}

// substr is SUBSTR: DuckDB's is the same for positions from 1 and lengths from 0.
func substr(c *Call) string {
	if c.bytes() {
		return c.Func("substr_bytes", c.Args[0], c.Args[1], c.optional(2, strconv.FormatInt(1<<62, 10)))
	}
	from, literal := c.integer(1)
	if c.Len() < 3 {
		c.SafeDone()
		if literal && from > 0 {
			return "substr(" + c.Args[0] + ", " + c.Args[1] + ")"
		}
		return c.Macro("substr", c.Args[0], c.Args[1])
	}
	if n, ok := c.integer(2); ok && n >= 0 && literal && from > 0 {
		c.SafeDone()
		return "substr(" + strings.Join(c.Args, ", ") + ")"
	}
	return c.Macro("substr_count", c.Args...)
}

// like is LIKE: a backslash in the pattern takes the next character as it is.
func like(c *Call) string {
	if c.bytes() {
		return c.Func("like_bytes", c.Args[0], c.Args[1])
	}
	if p, ok := c.Text(1); ok && !endsWithEscape(p) {
		c.SafeDone()
		text := operand(c.Args[0], transpile.PrecAdd) + " LIKE " + c.Args[1]
		if strings.Contains(p, `\`) {
			text += ` ESCAPE '\'`
		}
		return text
	}
	return c.Macro("like", c.Args[0], c.Args[1])
}

func endsWithEscape(p string) bool {
	return (len(p)-len(strings.TrimRight(p, `\`)))%2 == 1
}

// likeSome is LIKE ANY and LIKE ALL over a list of patterns.
func likeSome(c *Call, op string, negate bool) string {
	parts := make([]string, 0, c.Len()-1)
	for i := 1; i < c.Len(); i++ {
		text := c.g.call(&ir.Call{Of: c.Node.Of, Name: "$like", Group: c.Node.Group, Safe: c.Safe, Args: []ir.Arg{c.Node.Args[0], c.Node.Args[i]}})
		if negate {
			text = "NOT (" + text + ")"
		}
		parts = append(parts, "("+text+")")
	}
	c.SafeDone()
	return strings.Join(parts, op)
}

// pad is LPAD and RPAD. Where the length is a literal of a moderate size and the pattern
// is not empty, nothing can fail.
func pad(c *Call, name string) string {
	pattern := c.optional(2, "' '")
	if c.bytes() {
		if c.Len() < 3 {
			pattern = "'\\x20'::BLOB"
		}
		return c.Func(name+"_bytes", c.Args[0], c.Args[1], pattern)
	}
	text, known := c.Text(2)
	if c.Len() < 3 {
		text, known = " ", true
	}
	if n, ok := c.integer(1); ok && n >= 0 && n <= 1000 && known && text != "" {
		c.SafeDone()
		return name + "(" + c.Args[0] + ", " + c.Args[1] + ", " + pattern + ")"
	}
	return c.Func(name, c.Args[0], c.Args[1], pattern)
}

// trim removes white space, or any of the given characters.
func trim(c *Call, name, sides string) string {
	if c.bytes() {
		return c.total("trim_bytes", c.Args[0], c.Args[1], sides)
	}
	c.SafeDone()
	if c.Len() < 2 {
		if simple(transpile.Plain(c.Args[0])) {
			return c.Macro(name, c.Args[0])
		}
		if inner, ok := c.Expr(0).(*ir.Call); ok && builtIn(inner.Group) && len(inner.Args) == 1 && inner.T().Kind == ir.String {
			switch inner.Name {
			case "lower", "upper", "lcase", "ucase":
				if r, ok := inner.Args[0].Expr.(*ir.ColumnRef); ok {
					if of := c.g.Expr(r); simple(transpile.Plain(of)) {
						return c.Macro(name+"_of", c.Args[0], of)
					}
				}
			}
		}
		return c.Macro(name+"_any", c.Args[0])
	}
	return name + "(" + c.Args[0] + ", " + c.Args[1] + ")"
}

func normalize(c *Call, name string) string {
	mode := "'NFC'"
	if c.Len() > 1 {
		text, ok := c.Text(1)
		if !ok {
			if c.IsNull(1) {
				c.SafeDone()
				return "NULL::VARCHAR"
			}
			return c.Refuse("the mode is not a constant")
		}
		mode = quote(text)
	}
	if name == "normalize" && mode == "'NFC'" {
		c.SafeDone()
		return "nfc_normalize(" + c.Args[0] + ")"
	}
	return c.Func(name, c.Args[0], mode)
}

func repeat(c *Call) string {
	if n, ok := c.integer(1); ok && n >= 0 && n <= 100 && !c.bytes() {
		c.SafeDone()
		return "repeat(" + c.Args[0] + ", " + c.Args[1] + ")"
	}
	return c.Func(c.over("repeat"), c.Args[0], c.Args[1])
}

func replace(c *Call) string {
	if c.bytes() {
		return c.Func("replace_bytes", c.Args...)
	}
	c.SafeDone()
	return "replace(" + strings.Join(c.Args, ", ") + ")"
}

func reverse(c *Call) string {
	if c.bytes() {
		return c.total("reverse_bytes", c.Args[0])
	}
	c.SafeDone()
	return c.Macro("reverse", c.Args[0])
}

// split is SPLIT: DuckDB's string_split parts into characters at an empty delimiter, too.
func split(c *Call) string {
	if c.bytes() {
		return c.total("split_bytes", c.Args[0], c.Args[1])
	}
	c.SafeDone()
	delimiter := c.optional(1, "','")
	if _, ok := c.Text(1); !ok && c.Len() > 1 {
		return c.Macro("split", c.Args[0], delimiter)
	}
	return "string_split(" + c.Args[0] + ", " + delimiter + ")"
}

func splitSubstr(c *Call) string {
	return c.Func("split_substr", c.Args[0], c.Args[1], c.Args[2], c.optional(3, strconv.FormatInt(1<<62, 10)))
}

// pattern parses a literal regular expression that DuckDB, whose expressions are RE2's,
// too, reads as Go does.
func (c *Call) pattern(i int) *syntax.Regexp {
	text, ok := c.Text(i)
	if !ok || c.bytes() {
		return nil
	}
	if _, err := regexp.Compile(text); err != nil {
		return nil
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil
	}
	return re
}

func regexpContains(c *Call) string {
	if c.pattern(1) != nil {
		c.SafeDone()
		return "regexp_matches(" + c.Args[0] + ", " + c.Args[1] + ")"
	}
	return c.Func(c.over("regexp_contains"), c.Args[0], c.Args[1])
}

// regexpExtract is REGEXP_EXTRACT. DuckDB gives an empty text instead of NULL where there
// is no match; a pattern that can match an empty text, or whose group may take no part,
// leaves in doubt which it is.
func regexpExtract(c *Call) string {
	if re := c.pattern(1); re != nil && c.Len() == 2 && re.MaxCap() <= 1 && !empty(extracted(re)) {
		c.SafeDone()
		group := ""
		if re.MaxCap() == 1 {
			group = ", 1"
		}
		return "nullif(regexp_extract(" + c.Args[0] + ", " + c.Args[1] + group + "), '')"
	}
	return c.Func(c.over("regexp_extract"), c.Args[0], c.Args[1], c.optional(2, "1"), c.optional(3, "1"))
}

func regexpExtractAll(c *Call) string {
	if re := c.pattern(1); re != nil && re.MaxCap() <= 1 && !empty(extracted(re)) && !empty(re) && always(re) {
		c.SafeDone()
		group := ""
		if re.MaxCap() == 1 {
			group = ", 1"
		}
		return "regexp_extract_all(" + c.Args[0] + ", " + c.Args[1] + group + ")"
	}
	return c.Func(c.over("regexp_extract_all"), c.Args[0], c.Args[1])
}

// extracted is the group that an extraction yields, or the whole expression.
func extracted(re *syntax.Regexp) *syntax.Regexp {
	if re.Op == syntax.OpCapture {
		return re
	}
	for _, sub := range re.Sub {
		if got := extracted(sub); got != sub || got.Op == syntax.OpCapture {
			return got
		}
	}
	return re
}

// always reports whether a match is sure to pass the capturing group, if there is one.
func always(re *syntax.Regexp) bool {
	if re.MaxCap() == 0 {
		return true
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return true
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if sub.MaxCap() > 0 {
				return always(sub)
			}
		}
	case syntax.OpRepeat:
		return re.Min > 0 && always(re.Sub[0])
	}
	return false
}

// empty reports whether an expression may match an empty text.
func empty(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) == 0
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return false
	case syntax.OpCapture, syntax.OpPlus:
		return empty(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || empty(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !empty(sub) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if empty(sub) {
				return true
			}
		}
		return false
	}
	return true
}

// regexpGroups is REGEXP_EXTRACT_GROUPS: a struct with a field for each group; the
// analyzer has read the pattern and says the types.
func regexpGroups(c *Call) string {
	t := c.Result()
	if t.Kind != ir.Struct {
		return c.Refuse("its result is no struct")
	}
	from := &ir.Type{Kind: c.Kind(0)}
	names := fieldNames(t)
	call := c.Func(c.over("regexp_groups"), c.Args[0], c.Args[1])
	return c.letText(call, func(v string) string {
		parts := make([]string, len(names))
		for i, n := range names {
			parts[i] = quote(n) + ": " + c.CastText(v+"["+itoa(i+1)+"]", from, t.Fields[i].Type)
		}
		return "CASE WHEN " + v + " IS NOT NULL THEN {" + strings.Join(parts, ", ") + "} END"
	})
}

func regexpInstr(c *Call) string {
	return c.Func(c.over("regexp_instr"), c.Args[0], c.Args[1], c.optional(2, "1"), c.optional(3, "1"), c.optional(4, "0"))
}

// regexpReplace is REGEXP_REPLACE; DuckDB reads \0 to \9 in the replacement, too.
func regexpReplace(c *Call) string {
	if re := c.pattern(1); re != nil && !empty(re) {
		if rewrite, ok := c.Text(2); ok && validRewrite(rewrite, re.MaxCap()) {
			c.SafeDone()
			return "regexp_replace(" + strings.Join(c.Args, ", ") + ", 'g')"
		}
	}
	return c.Func(c.over("regexp_replace"), c.Args...)
}

func validRewrite(s string, groups int) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			continue
		}
		i++
		if i == len(s) || s[i] != '\\' && (s[i] < '0' || int(s[i]-'0') > groups) {
			return false
		}
	}
	return true
}
