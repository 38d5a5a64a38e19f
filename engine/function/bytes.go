package function

import (
	"bytes"
	"compress/gzip"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// bytesFunctions are the functions of BYTES, those of STRING under the name with _bytes.
func bytesFunctions() []Function {
	text := func(f func(s string, rest []any) (any, error)) func([]any) (any, error) {
		return func(a []any) (any, error) {
			v, err := f(string(a[0].([]byte)), a[1:])
			if s, ok := v.(string); ok {
				v = []byte(s)
			}
			return v, err
		}
	}
	return []Function{
		{Name: "instr_bytes", Args: []Kind{Bytes, Bytes, Int64, Int64}, Result: Int64, Fn: func(a []any) (any, error) {
			s := string(a[0].([]byte))
			offsets := make([]int, len(s)+1)
			for i := range offsets {
				offsets[i] = i
			}
			return instrUnits(s, string(a[1].([]byte)), offsets, a[2].(int64), a[3].(int64))
		}},
		{Name: "lpad_bytes", Args: []Kind{Bytes, Int64, Bytes}, Result: Bytes, Fn: func(a []any) (any, error) { return padBytes(a, true) }},
		{Name: "rpad_bytes", Args: []Kind{Bytes, Int64, Bytes}, Result: Bytes, Fn: func(a []any) (any, error) { return padBytes(a, false) }},
		{Name: "repeat_bytes", Args: []Kind{Bytes, Int64}, Result: Bytes, Fn: text(func(s string, rest []any) (any, error) {
			return repeated(s, rest[0].(int64))
		})},
		{Name: "trim_bytes", Args: []Kind{Bytes, Bytes, Bool, Bool}, Result: Bytes, Total: true, Fn: trimBytes},
		{Name: "replace_bytes", Args: []Kind{Bytes, Bytes, Bytes}, Result: Bytes, Fn: func(a []any) (any, error) {
			if len(a[1].([]byte)) == 0 {
				return a[0], nil
			}
			out := bytes.ReplaceAll(a[0].([]byte), a[1].([]byte), a[2].([]byte))
			if len(out) > maxOutput {
				return nil, errors.New("REPLACE: exceeded maximum output length")
			}
			return out, nil
		}},
		{Name: "reverse_bytes", Args: []Kind{Bytes}, Result: Bytes, Total: true, Fn: func(a []any) (any, error) {
			b := bytes.Clone(a[0].([]byte))
			for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
				b[i], b[j] = b[j], b[i]
			}
			return b, nil
		}},
		{Name: "translate_bytes", Args: []Kind{Bytes, Bytes, Bytes}, Result: Bytes, Fn: translateBytes},
		{Name: "split_bytes", Args: []Kind{Bytes, Bytes}, Result: Array | Bytes, Fn: splitBytes},
		{Name: "substr_bytes", Args: []Kind{Bytes, Int64, Int64}, Result: Bytes, Fn: substrBytes},
		{Name: "left_bytes", Args: []Kind{Bytes, Int64}, Result: Bytes, Fn: leftBytes},
		{Name: "right_bytes", Args: []Kind{Bytes, Int64}, Result: Bytes, Fn: rightBytes},
		{Name: "strpos_bytes", Args: []Kind{Bytes, Bytes}, Result: Int64, Total: true, Fn: func(a []any) (any, error) {
			return int64(bytes.Index(a[0].([]byte), a[1].([]byte)) + 1), nil
		}},
		{Name: "starts_with_bytes", Args: []Kind{Bytes, Bytes}, Result: Bool, Total: true, Fn: func(a []any) (any, error) {
			return bytes.HasPrefix(a[0].([]byte), a[1].([]byte)), nil
		}},
		{Name: "ends_with_bytes", Args: []Kind{Bytes, Bytes}, Result: Bool, Total: true, Fn: func(a []any) (any, error) {
			return bytes.HasSuffix(a[0].([]byte), a[1].([]byte)), nil
		}},
		{Name: "lower_bytes", Args: []Kind{Bytes}, Result: Bytes, Total: true, Fn: func(a []any) (any, error) {
			return mapBytes(a[0].([]byte), 'A', 'Z', 'a'-'A'), nil
		}},
		{Name: "upper_bytes", Args: []Kind{Bytes}, Result: Bytes, Total: true, Fn: func(a []any) (any, error) {
			return mapBytes(a[0].([]byte), 'a', 'z', 'A'-'a'+256), nil
		}},
		{Name: "like_bytes", Args: []Kind{Bytes, Bytes}, Result: Bool, Fn: func(a []any) (any, error) {
			return likeUnits(a[0].([]byte), a[1].([]byte))
		}},
		{Name: "edit_distance_bytes", Args: []Kind{Bytes, Bytes, Int64}, Result: Int64, Fn: func(a []any) (any, error) {
			return editDistance(a[0].([]byte), a[1].([]byte), a[2].(int64))
		}},
		{Name: "to_code_points_bytes", Args: []Kind{Bytes}, Result: Array | Int64, Total: true, Fn: func(a []any) (any, error) {
			list := make([]any, 0, len(a[0].([]byte)))
			for _, c := range a[0].([]byte) {
				list = append(list, int64(c))
			}
			return list, nil
		}},
		{Name: "code_points_to_bytes", Args: []Kind{Array | Int64}, Result: Bytes, Fn: func(a []any) (any, error) {
			out := []byte{}
			for _, e := range a[0].([]any) {
				n, ok := e.(int64)
				if !ok {
					return nil, nil
				}
				if n < 0 || n > 255 {
					return nil, fmt.Errorf("Invalid extended ASCII code points %d", n)
				}
				out = append(out, byte(n))
			}
			return out, nil
		}},
		{Name: "bytes_to_string", Args: []Kind{Bytes}, Result: String, Fn: func(a []any) (any, error) {
			if b := a[0].([]byte); utf8.Valid(b) {
				return string(b), nil
			}
			return nil, errors.New("Failed to interpret bytes as UTF-8 string")
		}},
		{Name: "safe_convert_bytes_to_string", Args: []Kind{Bytes}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return replaceInvalid(a[0].([]byte)), nil
		}},
		{Name: "from_hex", Args: []Kind{String}, Result: Bytes, Fn: fromHex},
		{Name: "from_base64", Args: []Kind{String}, Result: Bytes, Fn: fromBase64},
		{Name: "to_base32", Args: []Kind{Bytes}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return base32.StdEncoding.EncodeToString(a[0].([]byte)), nil
		}},
		{Name: "from_base32", Args: []Kind{String}, Result: Bytes, Fn: fromBase32},
		{Name: "gunzip", Args: []Kind{Bytes, Int64}, Result: Bytes, Fn: func(a []any) (any, error) {
			r, err := gzip.NewReader(bytes.NewReader(a[0].([]byte)))
			if err != nil {
				return nil, fmt.Errorf("GZIP decompression failed: %w", err)
			}
			return readLimited(r, a[1].(int64), "GZIP")
		}},
	}
}

func readLimited(r io.Reader, limit int64, what string) (any, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("%s size limit must be positive, but was %d", what, limit)
	}
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s decompression failed: %w", what, err)
	}
	if int64(len(out)) > limit {
		return nil, fmt.Errorf("%s decompression failed: the output is larger than %d bytes", what, limit)
	}
	return out, nil
}

func padBytes(a []any, left bool) (any, error) {
	return pad(a[0].([]byte), a[1].(int64), a[2].([]byte), left, func(b []byte) (any, int) { return b, len(b) })
}

// trimBytes removes any of the bytes of the second argument from the left end, the right
// end or both.
func trimBytes(a []any) (any, error) {
	b, set := a[0].([]byte), a[1].([]byte)
	if a[2].(bool) {
		for len(b) > 0 && bytes.IndexByte(set, b[0]) >= 0 {
			b = b[1:]
		}
	}
	if a[3].(bool) {
		for len(b) > 0 && bytes.IndexByte(set, b[len(b)-1]) >= 0 {
			b = b[:len(b)-1]
		}
	}
	return b, nil
}

func mapBytes(b []byte, lo, hi byte, add int) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if lo <= c && c <= hi {
			out[i] = byte(int(c) + add)
		}
	}
	return out
}

func translateBytes(a []any) (any, error) {
	source, target := a[1].([]byte), a[2].([]byte)
	var table [256]int
	for i := range table {
		table[i] = i
	}
	var seen [256]bool
	for i, c := range source {
		if seen[c] {
			return nil, errors.New("Duplicate byte in TRANSLATE source bytes")
		}
		seen[c] = true
		table[c] = -1
		if i < len(target) {
			table[c] = int(target[i])
		}
	}
	out := []byte{}
	for _, c := range a[0].([]byte) {
		if t := table[c]; t >= 0 {
			out = append(out, byte(t))
		}
	}
	return out, nil
}

// splitBytes is SPLIT of BYTES; an empty delimiter gives each byte, and no bytes give one
// empty part.
func splitBytes(a []any) (any, error) {
	b, delimiter := a[0].([]byte), a[1].([]byte)
	if len(b) == 0 {
		return []any{[]byte{}}, nil
	}
	list := []any{}
	if len(delimiter) == 0 {
		for i := range b {
			list = append(list, b[i:i+1])
		}
		return list, nil
	}
	for _, part := range bytes.Split(b, delimiter) {
		list = append(list, part)
	}
	return list, nil
}

// substrBytes is SUBSTR: position 1 is the first byte, 0 the same, a negative one counts
// from the end.
func substrBytes(a []any) (any, error) {
	b, from, n := a[0].([]byte), a[1].(int64), a[2].(int64)
	if n < 0 {
		return nil, errors.New("Third argument in SUBSTR() cannot be negative")
	}
	size := int64(len(b))
	switch {
	case from > size:
		return []byte{}, nil
	case from > 0:
		from--
	case from < 0:
		from = max(size+max(from, -size), 0)
	}
	return b[from : from+min(n, size-from)], nil
}

// replaceInvalid reads bytes as UTF-8; each byte that is no part of a character becomes U+FFFD.
func replaceInvalid(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		out.WriteRune(r)
		b = b[size:]
	}
	return out.String()
}

// fromHex reads hexadecimal digits; an odd number of them has a zero before it.
func fromHex(a []any) (any, error) {
	s := a[0].(string)
	fail := fmt.Errorf("Failed to decode invalid hexadecimal string due to character at position")
	digit := func(c byte) (byte, bool) {
		switch {
		case '0' <= c && c <= '9':
			return c - '0', true
		case 'a' <= c && c <= 'f':
			return c - 'a' + 10, true
		case 'A' <= c && c <= 'F':
			return c - 'A' + 10, true
		}
		return 0, false
	}
	out := make([]byte, 0, len(s)/2+1)
	high, half := byte(0), len(s)%2 == 1
	for i := 0; i < len(s); i++ {
		d, ok := digit(s[i])
		if !ok {
			return nil, fmt.Errorf("%w %d: %s", fail, i+1, s)
		}
		if half {
			out = append(out, high<<4|d)
			high = 0
		} else {
			high = d
		}
		half = !half
	}
	return out, nil
}

// fromBase64 is lenient about what white space there is and whether the end is padded.
func fromBase64(a []any) (any, error) {
	s := strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\n', '\r', '\v', '\f':
			return -1
		}
		return r
	}, a[0].(string))
	out, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || strings.HasSuffix(s, "===") || strings.Contains(s, "=") && len(s)%4 != 0 {
		return nil, fmt.Errorf("Failed to decode invalid base64 string: %s", a[0])
	}
	return out, nil
}

func fromBase32(a []any) (any, error) {
	s := strings.ToUpper(a[0].(string))
	out, err := base32.StdEncoding.DecodeString(s)
	if err != nil {
		out, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(s, "="))
	}
	if err != nil {
		return nil, fmt.Errorf("Failed to decode invalid base32 string: %s", a[0])
	}
	return out, nil
}

// leftBytes gives the first or last bytes.
func leftBytes(a []any) (any, error) {
	b, n := a[0].([]byte), a[1].(int64)
	if n < 0 {
		return nil, errors.New("Second argument in LEFT() cannot be negative")
	}
	return b[:min(n, int64(len(b)))], nil
}

func rightBytes(a []any) (any, error) {
	b, n := a[0].([]byte), a[1].(int64)
	if n < 0 {
		return nil, errors.New("Second argument in RIGHT() cannot be negative")
	}
	return b[int64(len(b))-min(n, int64(len(b))):], nil
}
