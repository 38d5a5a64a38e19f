package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// PostgreSQL's text functions count code points, as GoogleSQL's do over STRING. Over bytea
// it has few functions.

func stringRules() map[string]Rule {
	// text makes a rule that refuses BYTES.
	text := func(r Rule) Rule {
		return func(c *Call) string {
			for i := range c.Args {
				if c.Kind(i) == ir.Bytes {
					return c.Refuse("over BYTES")
				}
			}
			return r(c)
		}
	}
	own := func(name string) Rule {
		return text(func(c *Call) string { return c.Func(name, c.typed(0)...) })
	}
	total := func(name string) Rule {
		return text(func(c *Call) string { return c.total(name, c.typed(0)...) })
	}
	rules := map[string]Rule{
		"ascii":   own("ascii"),
		"unicode": total("unicode"),
		"chr":     own("chr"),
		"code_points_to_string": func(c *Call) string {
			return c.Func("code_points_to_string", c.Typed(0))
		},
		"to_code_points": text(func(c *Call) string { return c.total("to_code_points", c.Typed(0)) }),
		"concat":         concat,
		"starts_with": func(c *Call) string {
			c.SafeDone()
			if c.bytes() {
				return c.Let(1, func(p string) string {
					return "substring(" + c.Typed(0) + " FROM 1 FOR octet_length(" + p + ")) = " + p
				})
			}
			return "starts_with(" + c.Typed(0) + ", " + c.Typed(1) + ")"
		},
		"ends_with": text(func(c *Call) string {
			c.SafeDone()
			return c.Let(1, func(p string) string {
				return "right(" + c.Typed(0) + ", nullif(char_length(" + p + "), 0)) IS NOT DISTINCT FROM " + p + " OR CASE WHEN " + p + " = '' THEN " + operand(c.Typed(0), transpile.PrecAdd) + " IS NOT NULL END"
			})
		}),
		"from_base64": func(c *Call) string { return c.Func("from_base64", c.Typed(0)) },
		"from_hex":    func(c *Call) string { return c.Func("from_hex", c.Typed(0)) },
		"to_base64": func(c *Call) string {
			c.SafeDone()
			return `replace(encode(` + c.Typed(0) + `, 'base64'), E'\n', '')`
		},
		"to_hex": func(c *Call) string { c.SafeDone(); return "encode(" + c.Typed(0) + ", 'hex')" },
		"initcap": text(func(c *Call) string {
			if c.Len() > 1 {
				return c.Refuse("with delimiters")
			}
			return c.total("initcap", c.Typed(0))
		}),
		"instr": text(func(c *Call) string {
			args := c.typed(0)
			if len(args) == 3 {
				args = append(args, "1")
			}
			return c.Func("instr", args...)
		}),
		"strpos": text(func(c *Call) string { c.SafeDone(); return "strpos(" + join(c.typed(0)) + ")::bigint" }),
		"left":   own("left"),
		"right":  own("right"),
		"substr": own("substr"),
		"$like":  like,
		"lpad":   own("lpad"),
		"rpad":   own("rpad"),
		"ltrim":  text(func(c *Call) string { return trim(c, "ltrim") }),
		"rtrim":  text(func(c *Call) string { return trim(c, "rtrim") }),
		"trim":   text(func(c *Call) string { return trim(c, "btrim") }),
		"normalize": func(c *Call) string {
			mode := "NFC"
			if c.Len() > 1 {
				mode, _ = c.Text(1)
			}
			switch mode {
			case "NFC", "NFKC", "NFD", "NFKD":
				c.SafeDone()
				return "normalize(" + c.Typed(0) + ", " + mode + ")"
			}
			return c.Refuse("the mode is not a constant")
		},
		"repeat": own("repeat"),
		"replace": text(func(c *Call) string {
			c.SafeDone()
			return "replace(" + join(c.typed(0)) + ")"
		}),
		"reverse": func(c *Call) string {
			if c.bytes() {
				return c.Refuse("over BYTES")
			}
			c.SafeDone()
			return "reverse(" + c.Typed(0) + ")"
		},
		"safe_convert_bytes_to_string": func(c *Call) string {
			return c.Func("bytes_text", c.Typed(0))
		},
		"split": text(func(c *Call) string {
			delimiter := "','::text"
			if c.Len() > 1 {
				delimiter = c.Typed(1)
			}
			return c.total("split", c.Typed(0), delimiter)
		}),
		"translate": own("translate"),
		"length": func(c *Call) string {
			c.SafeDone()
			if c.bytes() {
				return "octet_length(" + c.Typed(0) + ")::bigint"
			}
			return "char_length(" + c.Typed(0) + ")::bigint"
		},
		"byte_length": func(c *Call) string {
			c.SafeDone()
			return "octet_length(" + c.Typed(0) + ")::bigint"
		},
		"lower":   text(func(c *Call) string { return changeCase(c, "lower") }),
		"upper":   text(func(c *Call) string { return changeCase(c, "upper") }),
		"soundex": func(c *Call) string { return c.Refuse("") },
		"collate": func(c *Call) string {
			if name, ok := c.Text(1); !ok || !byCodePoints(name) {
				return c.Refuse("strings compare by code points there")
			}
			c.SafeDone()
			return c.Typed(0)
		},
		"edit_distance": text(func(c *Call) string {
			if c.Len() > 2 {
				return c.Refuse("with max_distance")
			}
			return c.total("edit_distance", c.typed(0)...)
		}),
		"md5":    func(c *Call) string { return hash(c, func(b string) string { return "decode(md5(" + b + "), 'hex')" }) },
		"sha256": func(c *Call) string { return hash(c, func(b string) string { return "sha256(" + b + ")" }) },
		"farm_fingerprint": func(c *Call) string {
			return hash(c, func(b string) string { return c.total("farm_fingerprint", b) })
		},
		"sha512":        func(c *Call) string { return hash(c, func(b string) string { return "sha512(" + b + ")" }) },
		"generate_uuid": func(c *Call) string { c.SafeDone(); return "gen_random_uuid()::text" },
	}
	for _, k := range []string{"$like_any", "$like_all", "$not_like_any", "$not_like_all"} {
		rules[k] = text(likeSome(k))
	}
	for name, also := range map[string][]string{
		"length": {"char_length", "character_length"}, "byte_length": {"octet_length"}, "lower": {"lcase"}, "upper": {"ucase"}, "substr": {"substring"},
	} {
		for _, a := range also {
			rules[a] = rules[name]
		}
	}
	return rules
}

// hash is over bytes.
func hash(c *Call, f func(string) string) string {
	c.SafeDone()
	if c.bytes() {
		return f(c.Typed(0))
	}
	return f("convert_to(" + c.Typed(0) + ", 'UTF8')")
}

func (c *Call) bytes() bool { return c.Kind(0) == ir.Bytes }

// concat is CONCAT: || is NULL if a part is, as CONCAT is.
func concat(c *Call) string {
	c.SafeDone()
	bytes := c.Result().Kind == ir.Bytes
	parts := make([]string, c.Len())
	for i := range parts {
		parts[i] = c.Typed(i)
		if k := c.Kind(i); !bytes && k != ir.String {
			parts[i] = c.ToText(i)
		}
		parts[i] = operand(parts[i], transpile.PrecOther)
	}
	return strings.Join(parts, " || ")
}

// trim without characters removes Unicode's white space.
func trim(c *Call, name string) string {
	c.SafeDone()
	if c.Len() < 2 {
		return name + "(" + c.Typed(0) + ", " + whiteSpace + ")"
	}
	return name + "(" + c.Typed(0) + ", " + c.Typed(1) + ")"
}

// whiteSpace is Unicode's property White_Space as a literal.
const whiteSpace = `E' \t\n\x0b\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'`

// changeCase maps as ICU's root locale does, which is Unicode's full mapping.
func changeCase(c *Call, name string) string {
	c.SafeDone()
	return plainText(name + "(" + operand(c.Typed(0), transpile.PrecCast) + ` COLLATE "und-x-icu")`)
}

// codePoints is a text that is compared by code points.
func codePoints(text string) string { return operand(text, transpile.PrecCast) + ` COLLATE "C"` }

// plainText is a text without the collation that it was computed by: two of them in one
// expression would be an error.
func plainText(text string) string { return "(" + text + ` COLLATE "default")` }

// collated reports whether a text names a collation.
func collated(text string) bool { return strings.Contains(transpile.Plain(text), " COLLATE ") }

// like is LIKE: a backslash in the pattern takes the next character as it is, in both.
func like(c *Call) string {
	p, ok := likePattern(c, 1)
	if !ok {
		return c.Refuse("with this pattern")
	}
	return operand(c.Typed(0), transpile.PrecAdd) + " LIKE " + operand(p, transpile.PrecAdd)
}

// likePattern is an argument as a pattern of LIKE: one that ends in an escape is an error,
// in PostgreSQL only where a text comes so far.
func likePattern(c *Call, i int) (string, bool) {
	v, literal := c.Value(i)
	switch {
	case literal && !v.Null:
		return c.Typed(i), (len(v.Text)-len(strings.TrimRight(v.Text, `\`)))%2 == 0
	case literal:
		return c.Typed(i), true
	case c.Kind(i) == ir.String || c.Kind(i) == ir.Bytes:
		return c.Func("like_pattern", c.Typed(i)), true
	}
	return "", false
}

// likeSome is LIKE ANY and LIKE ALL over a list of patterns.
func likeSome(name string) Rule {
	op, negate := " OR ", strings.HasPrefix(name, "$not")
	if strings.HasSuffix(name, "all") {
		op = " AND "
	}
	return func(c *Call) string {
		return c.Let(0, func(v string) string {
			parts := make([]string, 0, c.Len()-1)
			for i := 1; i < c.Len(); i++ {
				p, ok := likePattern(c, i)
				if !ok {
					return c.Refuse("with this pattern")
				}
				text := operand(v, transpile.PrecAdd) + " LIKE " + operand(p, transpile.PrecAdd)
				if negate {
					text = "NOT (" + text + ")"
				}
				parts = append(parts, "("+text+")")
			}
			return strings.Join(parts, op)
		})
	}
}

func stringRoutines() []routine {
	block := func(name, params, result, body string) routine {
		return routine{name: name, params: params, result: result, block: true, body: body}
	}
	// The first character of SUBSTR, one-based: below zero counts from the end, 0 is 1.
	start := "CASE WHEN p > 0 THEN p WHEN p = 0 THEN 1 ELSE greatest(char_length(s) + p + 1, 1) END"
	pad := func(name string) []routine {
		body := "BEGIN IF n < 0 THEN " + raise("'Length argument of "+strings.ToUpper(name)+" cannot be negative'") + " END IF; IF p = '' THEN " + raise("'Pattern of "+strings.ToUpper(name)+" cannot be empty'") + " END IF; IF n > 1048576 THEN " + raise("'Output of "+strings.ToUpper(name)+" exceeds max allowed output size of 1MB'") + " END IF; RETURN " + name + "(s, n::integer, p); END"
		return []routine{
			block(name, "s text, n bigint, p text", "text", body),
			{name: name, params: "s text, n bigint", result: "text", body: "_engine." + name + "(s, n, ' ')"},
		}
	}
	list := []routine{
		block("ascii", "s text", "bigint", "BEGIN IF ascii(s) > 127 THEN "+raise("'Argument to ASCII is not an ASCII character'")+" END IF; RETURN ascii(s); END"),
		{name: "unicode", params: "s text", result: "bigint", body: "ascii(s)::bigint"},
		block("chr", "n bigint", "text", "BEGIN IF n = 0 THEN RETURN _engine.refused('CHR of 0', ''::text); END IF; IF n < 0 OR n > 1114111 OR n BETWEEN 55296 AND 57343 THEN "+raise("'Invalid codepoint ' || n")+" END IF; RETURN chr(n::integer); END"),
		block("code_points_to_string", "l bigint[]", "text", "DECLARE r text := ''; n bigint; BEGIN IF l IS NULL THEN RETURN NULL; END IF; FOREACH n IN ARRAY l LOOP r := r || _engine.chr(n); END LOOP; RETURN r; END"),
		{name: "to_code_points", params: "s text", result: "bigint[]", body: "CASE WHEN s = '' THEN '{}'::bigint[] WHEN s IS NOT NULL THEN ARRAY(SELECT ascii(c)::bigint FROM unnest(string_to_array(s, NULL)) WITH ORDINALITY AS t(c, i) ORDER BY i) END"},
		block("from_base64", "s text", "bytea", "BEGIN IF s !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' THEN RETURN _engine.refused('FROM_BASE64 of a text that is not strictly formed', NULL::bytea); END IF; RETURN decode(s, 'base64'); END"),
		block("from_hex", "s text", "bytea", "BEGIN IF s !~ '^[0-9a-fA-F]*$' THEN "+raise("'Failed to decode invalid hexadecimal string'")+" END IF; RETURN decode(CASE WHEN length(s) % 2 = 1 THEN '0' ELSE '' END || s, 'hex'); END"),
		// A letter behind a delimiter (the documentation's list) becomes large, others small.
		block("initcap", "s text", "text", `
DECLARE r text := ''; c text; first boolean := TRUE;
BEGIN
  IF s IS NULL THEN RETURN NULL; END IF;
  IF char_length(s) <> octet_length(s) AND s ~ '[ßΣİΣ]' THEN RETURN _engine.refused('INITCAP of a letter with several cases', s); END IF;
  FOREACH c IN ARRAY string_to_array(s, NULL) LOOP
    IF strpos(E' \t\n\r\f\x0b[](){}/|<>!?@"^#$&~_,.:;*%+-', c) > 0 THEN r := r || c; first := TRUE;
    ELSIF first THEN r := r || upper(c COLLATE "und-x-icu"); first := FALSE;
    ELSE r := r || lower(c COLLATE "und-x-icu");
    END IF;
  END LOOP;
  RETURN r;
END`),
		{name: "instr", params: "s text, t text", result: "bigint", body: "CASE WHEN t = '' AND s IS NOT NULL THEN _engine.refused('INSTR of an empty text', 0::bigint) ELSE strpos(s, t)::bigint END", volat: "VOLATILE"},
		// The place of the k-th t from the p-th character on, or from the end if p is below zero;
		// what overlaps counts.
		block("instr", "s text, t text, p bigint, k bigint", "bigint", `
DECLARE n bigint := char_length(s); m bigint := char_length(t); i bigint; found bigint := 0; step bigint := CASE WHEN p > 0 THEN 1 ELSE -1 END;
BEGIN
  IF p = 0 THEN `+raise("'Position of INSTR must not be 0'")+` END IF;
  IF k < 1 THEN `+raise("'Occurrence of INSTR must be positive'")+` END IF;
  IF t = '' THEN RETURN _engine.refused('INSTR of an empty text', 0::bigint); END IF;
  i := CASE WHEN p > 0 THEN p ELSE least(n + p + 1, n - m + 1) END;
  WHILE i >= 1 AND i + m - 1 <= n LOOP
    IF substr(s, i::integer, m::integer) = t THEN
      found := found + 1;
      IF found = k THEN RETURN i; END IF;
    END IF;
    i := i + step;
  END LOOP;
  RETURN 0;
END`),
		block("left", "s text, n bigint", "text", "BEGIN IF n < 0 THEN "+raise("'Second argument in LEFT() cannot be negative'")+" END IF; RETURN left(s, least(n, 2147483647)::integer); END"),
		block("right", "s text, n bigint", "text", "BEGIN IF n < 0 THEN "+raise("'Second argument in RIGHT() cannot be negative'")+" END IF; RETURN right(s, least(n, 2147483647)::integer); END"),
		{name: "substr", params: "s text, p bigint", result: "text", body: "substr(s, least(" + start + ", 2147483647)::integer)"},
		block("substr", "s text, p bigint, n bigint", "text", "BEGIN IF n < 0 THEN "+raise("'Third argument in SUBSTR() cannot be negative'")+" END IF; IF n IS NULL THEN RETURN NULL; END IF; RETURN left(substr(s, least("+start+", 2147483647)::integer), least(n, 2147483647)::integer); END"),
		block("repeat", "s text, n bigint", "text", "BEGIN IF n < 0 THEN "+raise("'Second argument in REPEAT() cannot be negative'")+" END IF; IF n * octet_length(s) > 1048576 THEN "+raise("'Output of REPEAT exceeds max allowed output size of 1MB'")+" END IF; RETURN repeat(s, n::integer); END"),
		block("bytes_text", "b bytea", "text", "BEGIN RETURN convert_from(b, 'UTF8'); EXCEPTION WHEN data_exception THEN RETURN _engine.refused('SAFE_CONVERT_BYTES_TO_STRING of malformed bytes', ''::text); END"),
		block("like_pattern", "p bytea", "bytea", "DECLARE n integer := octet_length(p); BEGIN WHILE n > 0 AND get_byte(p, n - 1) = 92 LOOP n := n - 1; END LOOP; IF (octet_length(p) - n) % 2 = 1 THEN "+raise("'LIKE pattern ends with a backslash'")+" END IF; RETURN p; END"),
		block("like_pattern", "p text", "text", "BEGIN IF (length(p) - length(rtrim(p, '\\'))) % 2 = 1 THEN "+raise("'LIKE pattern ends with a backslash'")+" END IF; RETURN p; END"),
		{name: "split", params: "s text, d text", result: "text[]", body: "CASE WHEN d IS NULL OR s IS NULL THEN NULL WHEN s = '' THEN ARRAY['']::text[] WHEN d = '' THEN string_to_array(s, NULL) ELSE string_to_array(s, d) END"},
		block("translate", "s text, a text, b text", "text", "BEGIN IF EXISTS (SELECT 1 FROM unnest(string_to_array(a, NULL)) AS t(c) GROUP BY c HAVING count(*) > 1) THEN "+raise("'Duplicate character in TRANSLATE source characters'")+" END IF; RETURN translate(s, a, b); END"),
		block("edit_distance", "a text, b text", "bigint", `
DECLARE x text[] := string_to_array(a, NULL); y text[] := string_to_array(b, NULL); d integer[]; was integer; old integer;
BEGIN
  IF a IS NULL OR b IS NULL THEN RETURN NULL; END IF;
  IF a = '' OR b = '' THEN RETURN char_length(a) + char_length(b); END IF;
  d := ARRAY(SELECT generate_series(0, cardinality(y)));
  FOR i IN 1..cardinality(x) LOOP
    was := d[1]; d[1] := i;
    FOR j IN 1..cardinality(y) LOOP
      old := d[j + 1];
      d[j + 1] := least(d[j + 1] + 1, d[j] + 1, was + CASE WHEN x[i] = y[j] THEN 0 ELSE 1 END);
      was := old;
    END LOOP;
  END LOOP;
  RETURN d[cardinality(y) + 1];
END`),
	}
	return append(append(list, pad("lpad")...), pad("rpad")...)
}
