package postgres

import "strings"

// identEnd is the end of the quoted identifier that starts at i. A doubled quote belongs
// to the name.
func identEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

func wordByte(b byte) bool {
	return b == '_' || b == '$' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// tokenLength is the length of the word, name or sign at offset.
func tokenLength(s string, offset int) int {
	if offset >= len(s) {
		return 0
	}
	switch c := s[offset]; {
	case c == '"':
		return identEnd(s, offset) - offset
	case c == '\'':
		end := offset + 1
		for end < len(s) && s[end] != '\'' {
			end++
		}
		return min(end+1, len(s)) - offset
	case wordByte(c):
		end := offset
		for end < len(s) && wordByte(s[end]) {
			end++
		}
		return end - offset
	case c == '\n' || c == '\r':
		return 0
	}
	return 1
}

// unquoteIdent takes the quotes of an identifier off.
func unquoteIdent(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.ReplaceAll(s[1:len(s)-1], `""`, `"`)
	}
	return s
}
