package function

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// maxOutput bounds what REPEAT, LPAD and their like may make, in bytes.
const maxOutput = 1 << 20

// stringFunctions are the functions of STRING.
func stringFunctions() []Function {
	casefold := cases.Fold()
	return []Function{
		{Name: "initcap", Args: []Kind{String, String}, Result: String, Total: true, Fn: initcap},
		{Name: "instr", Args: []Kind{String, String, Int64, Int64}, Result: Int64, Fn: instr},
		{Name: "lpad", Args: []Kind{String, Int64, String}, Result: String, Fn: func(a []any) (any, error) { return padText(a, true) }},
		{Name: "rpad", Args: []Kind{String, Int64, String}, Result: String, Fn: func(a []any) (any, error) { return padText(a, false) }},
		{Name: "repeat", Args: []Kind{String, Int64}, Result: String, Fn: func(a []any) (any, error) {
			return repeated(a[0].(string), a[1].(int64))
		}},
		{Name: "trim", Args: []Kind{String, String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return strings.Trim(a[0].(string), a[1].(string)), nil
		}},
		{Name: "normalize", Args: []Kind{String, String}, Result: String, Fn: func(a []any) (any, error) {
			f, err := normalForm(a[1].(string))
			if err != nil {
				return nil, err
			}
			return f.String(a[0].(string)), nil
		}},
		{Name: "normalize_and_casefold", Args: []Kind{String, String}, Result: String, Fn: func(a []any) (any, error) {
			f, err := normalForm(a[1].(string))
			if err != nil {
				return nil, err
			}
			return f.String(casefold.String(f.String(a[0].(string)))), nil
		}},
		{Name: "contains_folded", Args: []Kind{String, String}, Result: Bool, Total: true, Fn: func(a []any) (any, error) {
			fold := func(s string) string { return norm.NFKC.String(casefold.String(norm.NFKC.String(s))) }
			return strings.Contains(fold(a[0].(string)), fold(a[1].(string))), nil
		}},
		{Name: "lower", Args: []Kind{String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return cases.Lower(language.Und).String(a[0].(string)), nil
		}},
		{Name: "upper", Args: []Kind{String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return cases.Upper(language.Und).String(a[0].(string)), nil
		}},
		{Name: "soundex", Args: []Kind{String}, Result: String, Total: true, Fn: soundex},
		{Name: "translate", Args: []Kind{String, String, String}, Result: String, Fn: translateText},
		{Name: "to_code_points", Args: []Kind{String}, Result: Array | Int64, Total: true, Fn: func(a []any) (any, error) {
			list := []any{}
			for _, r := range a[0].(string) {
				list = append(list, int64(r))
			}
			return list, nil
		}},
		{Name: "code_points_to_string", Args: []Kind{Array | Int64}, Result: String, Fn: codePointsToString},
		{Name: "chr", Args: []Kind{Int64}, Result: String, Fn: func(a []any) (any, error) {
			r, err := codePoint(a[0].(int64))
			if err != nil {
				return nil, err
			}
			return string(r), nil
		}},
		{Name: "edit_distance", Args: []Kind{String, String, Int64}, Result: Int64, Fn: func(a []any) (any, error) {
			return editDistance([]rune(a[0].(string)), []rune(a[1].(string)), a[2].(int64))
		}},
		{Name: "split_substr", Args: []Kind{String, String, Int64, Int64}, Result: String, Fn: splitSubstr},
		{Name: "reverse", Args: []Kind{String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			r := []rune(a[0].(string))
			for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
				r[i], r[j] = r[j], r[i]
			}
			return string(r), nil
		}},
		{Name: "like", Args: []Kind{String, String}, Result: Bool, Fn: likeText},
		// fail is ERROR() for where a warehouse's own would not be caught.
		{Name: "fail", Args: []Kind{String}, Result: String, Nulls: true, Fn: func(a []any) (any, error) {
			if s, ok := a[0].(string); ok {
				return nil, errors.New(s)
			}
			return nil, errors.New("")
		}},
	}
}

// initcap makes the first letter after each delimiter upper case, and the rest lower.
func initcap(a []any) (any, error) {
	delimiters := a[1].(string)
	var b strings.Builder
	first := true
	for _, r := range a[0].(string) {
		switch {
		case strings.ContainsRune(delimiters, r):
			b.WriteRune(r)
			first = true
			continue
		case first:
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		first = false
	}
	return b.String(), nil
}

// instr is INSTR(text, part, position, occurrence).
func instr(a []any) (any, error) {
	s, sub := a[0].(string), a[1].(string)
	// Positions in a STRING count code points, those found are bytes.
	offsets := make([]int, 0, len(s)+1)
	for i := range s {
		offsets = append(offsets, i)
	}
	offsets = append(offsets, len(s))
	return instrUnits(s, sub, offsets, a[2].(int64), a[3].(int64))
}

// instrUnits finds an occurrence of sub in s, whose units begin at the offsets (the last
// is the end); a negative position searches backwards from there.
func instrUnits(s, sub string, offsets []int, position, occurrence int64) (any, error) {
	if position == 0 {
		return nil, errors.New("Third argument in INSTR() must be non-zero")
	}
	if occurrence <= 0 {
		return nil, errors.New("Fourth argument in INSTR() must be positive")
	}
	n := int64(len(offsets) - 1)
	if sub == "" {
		return int64(0), nil
	}
	step, i := int64(1), position-1
	if position < 0 {
		step, i = -1, n+position
	}
	for ; i >= 0 && i < n; i += step {
		if strings.HasPrefix(s[offsets[i]:], sub) {
			if occurrence--; occurrence == 0 {
				return i + 1, nil
			}
		}
	}
	return int64(0), nil
}

var errPadLength = errors.New("Second argument (output size) for LPAD/RPAD cannot be negative")

func padText(a []any, left bool) (any, error) {
	s, n, pattern := []rune(a[0].(string)), a[1].(int64), []rune(a[2].(string))
	return pad(s, n, pattern, left, func(r []rune) (any, int) { t := string(r); return t, len(t) })
}

// pad is LPAD and RPAD over code points or bytes; give makes the result and its size in bytes.
func pad[T any](s []T, n int64, pattern []T, left bool, give func([]T) (any, int)) (any, error) {
	tooLong := fmt.Errorf("Output of LPAD/RPAD exceeds max allowed output size of 1MB")
	switch {
	case n < 0:
		return nil, errPadLength
	case n > maxOutput:
		return nil, tooLong
	case len(pattern) == 0:
		return nil, errors.New("Third argument (pad pattern) for LPAD/RPAD cannot be empty")
	}
	out := s
	if int64(len(s)) >= n {
		out = s[:n]
	} else {
		fill := make([]T, 0, n)
		for int64(len(fill)) < n-int64(len(s)) {
			fill = append(fill, pattern[len(fill)%len(pattern)])
		}
		if left {
			out = append(fill, s...)
		} else {
			out = append(append(make([]T, 0, n), s...), fill...)
		}
	}
	v, size := give(out)
	if size > maxOutput {
		return nil, tooLong
	}
	return v, nil
}

func repeated(s string, n int64) (string, error) {
	switch {
	case n < 0:
		return "", errors.New("Second argument (repeat count) for REPEAT cannot be negative")
	case s == "":
		return "", nil
	case n > maxOutput/int64(len(s)):
		return "", errors.New("Output of REPEAT exceeds max allowed output size of 1MB")
	}
	return strings.Repeat(s, int(n)), nil
}

func normalForm(name string) (norm.Form, error) {
	switch strings.ToUpper(name) {
	case "NFC":
		return norm.NFC, nil
	case "NFD":
		return norm.NFD, nil
	case "NFKC":
		return norm.NFKC, nil
	case "NFKD":
		return norm.NFKD, nil
	}
	return 0, fmt.Errorf("invalid normalization mode %q", name)
}

// soundex is the American Soundex code: the first letter and three digits. Vowels part
// equal digits, H and W do not; other characters than Latin letters are passed over.
func soundex(a []any) (any, error) {
	const codes = "01230120022455012623010202"
	var out []byte
	last := byte('0')
	for _, r := range a[0].(string) {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		if r < 'A' || r > 'Z' {
			continue
		}
		code := codes[r-'A']
		switch {
		case len(out) == 0:
			out = append(out, byte(r))
		case r == 'H' || r == 'W':
			continue
		case code != '0' && code != last:
			out = append(out, code)
		}
		last = code
		if len(out) == 4 {
			break
		}
	}
	for len(out) > 0 && len(out) < 4 {
		out = append(out, '0')
	}
	return string(out), nil
}

func translateText(a []any) (any, error) {
	source, target := []rune(a[1].(string)), []rune(a[2].(string))
	table := make(map[rune]rune, len(source))
	for i, r := range source {
		if _, twice := table[r]; twice {
			return nil, errors.New("Duplicate character in TRANSLATE source characters")
		}
		table[r] = -1
		if i < len(target) {
			table[r] = target[i]
		}
	}
	out := strings.Map(func(r rune) rune {
		if t, ok := table[r]; ok {
			return t
		}
		return r
	}, a[0].(string))
	if len(out) > maxOutput {
		return nil, errors.New("Output of TRANSLATE exceeds max allowed output size of 1MB")
	}
	return out, nil
}

func codePoint(n int64) (rune, error) {
	if n < 0 || n > unicode.MaxRune || 0xD800 <= n && n < 0xE000 {
		return 0, fmt.Errorf("Invalid codepoint %d", n)
	}
	return rune(n), nil
}

func codePointsToString(a []any) (any, error) {
	var b strings.Builder
	for _, e := range a[0].([]any) {
		n, ok := e.(int64)
		if !ok {
			return nil, nil
		}
		r, err := codePoint(n)
		if err != nil {
			return nil, err
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}

// editDistance is the Levenshtein distance, most at most; most below 0 fails.
func editDistance[T comparable](a, b []T, most int64) (any, error) {
	if most < 0 {
		return nil, errors.New("max_distance must be non-negative")
	}
	row := make([]int64, len(b)+1)
	for j := range row {
		row[j] = int64(j)
	}
	for i := range a {
		diagonal := row[0]
		row[0] = int64(i) + 1
		for j := range b {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return min(row[len(b)], most), nil
}

// splitSubstr is SPLIT_SUBSTR(value, delimiter, start_split, count): the delimited parts
// from start_split on, one based or, if negative, from the end.
func splitSubstr(a []any) (any, error) {
	s, delimiter, start, count := a[0].(string), a[1].(string), a[2].(int64), a[3].(int64)
	if delimiter == "" {
		return nil, errors.New("Delimiter of SPLIT_SUBSTR function must not be an empty string")
	}
	if count < 0 {
		return nil, errors.New("Split count argument of SPLIT_SUBSTR function must be non-negative")
	}
	parts := strings.Split(s, delimiter)
	n := int64(len(parts))
	switch {
	case start < 0:
		start = max(n+start, 0)
	case start > 0:
		start--
	}
	if start >= n || count == 0 {
		return "", nil
	}
	return strings.Join(parts[start:min(n, start+min(count, n))], delimiter), nil
}

// likeText is LIKE: % is any text, _ one character, a backslash takes the next character
// as it is.
func likeText(a []any) (any, error) {
	return likeUnits([]rune(a[0].(string)), []rune(a[1].(string)))
}

// likeUnits matches with one point to come back to, the last %.
func likeUnits[T rune | byte](s, p []T) (any, error) {
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' {
			if i++; i == len(p) {
				return nil, errors.New("LIKE pattern ends with a backslash")
			}
		}
	}
	i, j, backI, backJ := 0, 0, 0, -1
	for i < len(s) || j < len(p) {
		switch {
		case j < len(p) && p[j] == '%':
			backI, backJ = i, j
			j++
			continue
		case j < len(p) && i < len(s) && p[j] == '_':
			i, j = i+1, j+1
			continue
		case j < len(p) && i < len(s) && p[j] == '\\' && p[j+1] == s[i]:
			i, j = i+1, j+2
			continue
		case j < len(p) && i < len(s) && p[j] != '\\' && p[j] == s[i]:
			i, j = i+1, j+1
			continue
		}
		if backJ < 0 || backI >= len(s) {
			return false, nil
		}
		backI++
		i, j = backI, backJ+1
	}
	return true, nil
}
