package googlesql

import "strings"

// maxNesting bounds how deep parentheses, CASE and chains of prefix operators
// may nest. The analyzer itself refuses or survives ten times as much.
const maxNesting = 1000

// maxChain bounds the operators of one expression that stand side by side: each
// makes the tree one level deeper.
const maxChain = 5000

// maxTokens bounds a statement so that its analysis stays within seconds.
const maxTokens = 250000

// guard refuses statements that would take the analyzer too long or too much stack.
func guard(sql string, tokens []token) error {
	if len(sql) > maxStatement {
		return Errors{{Message: "The statement is longer than 1 MB", Offset: -1}}
	}
	if len(tokens) > maxTokens {
		return Errors{{Message: "The statement has too many parts", Offset: -1}}
	}
	chains := []int{0} // operators so far, for each open parenthesis
	types, prefixes := 0, 0
	for i, t := range tokens {
		prefix := false
		chain := &chains[len(chains)-1]
		switch t.kind {
		case signToken:
			switch sql[t.start] {
			case '(', '{':
				chains = append(chains, 0)
			case '[':
				*chain++
				chains = append(chains, 0)
			case ')', ']', '}':
				if len(chains) > 1 {
					chains = chains[:len(chains)-1]
				}
			case '<':
				if i > 0 && tokens[i-1].kind == wordToken && typeWord(tokens[i-1].name(sql)) {
					types++
				}
			case '>':
				types = max(types-1, 0)
			case ',', ';':
				*chain = 0
			case '-', '+', '~':
				prefix = true
				*chain++
			case '.', '*', '/', '|', '&', '^':
				*chain++
			}
		case wordToken:
			if t.quoted {
				break
			}
			switch strings.ToLower(sql[t.start:t.end]) {
			case "case":
				chains = append(chains, 0)
			case "end":
				if len(chains) > 1 {
					chains = chains[:len(chains)-1]
				}
			case "not":
				prefix = true
			case "select", "from", "where", "join", "on", "and", "or", "when", "then", "else", "union", "group", "order", "having", "with":
				*chain = 0
			}
		}
		if prefix {
			prefixes++
		} else {
			prefixes = 0
		}
		if len(chains) > maxNesting || types > maxNesting || prefixes > maxNesting || chains[len(chains)-1] > maxChain {
			return Errors{{Message: "The statement is nested too deeply", Offset: t.start, Length: t.end - t.start}}
		}
	}
	return nil
}

func typeWord(s string) bool {
	switch strings.ToLower(s) {
	case "array", "struct", "range", "map", "table":
		return true
	}
	return false
}
