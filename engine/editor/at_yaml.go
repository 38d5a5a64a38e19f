package editor

import (
	"strings"
)

// yamlStep is one level of the way to a place in YAML: a key, or an item of a list.
type yamlStep struct {
	key string // empty: an item of a list
	// name is the value of the item's «name» key, as far as it is written; of the mapping's.
	name string
	// start and end are the bytes of the key, of an item those of its dash.
	start, end int
}

// yamlPlace is what stands at an offset of a YAML text.
type yamlPlace struct {
	// path leads to the value; the last step is the key that the offset is at where onKey says so.
	path  []yamlStep
	onKey bool
	// text is the scalar at the offset without quotes, the bytes [start, end).
	text       string
	start, end int
	flow       bool
}

// line of a YAML text.
type yamlLine struct {
	start, end int // of the bytes, without the break
	indent     int // of the first sign
	dashes     []int
	key        string
	keyStart   int
	keyEnd     int
	value      int // where the value begins
	blank      bool
}

// yamlAt finds the way to an offset by indentation alone, so that it has an answer for text
// that is not YAML at the moment.
func yamlAt(text string, offset int) yamlPlace {
	var p yamlPlace
	if offset > len(text) {
		offset = len(text)
	}
	lines, at := yamlLinesTo(text, offset)
	cur := lines[at]
	// Levels from the line upwards: what is indented less is around it.
	var up []yamlStep
	limit := 1 << 30
	name := func(line, indent int) string { return nameBelow(text, lines, line, indent) }
	add := func(i int, l yamlLine, self bool) {
		// the key, then the dashes from right to left
		if l.key != "" && l.keyStart-l.start < limit {
			limit = l.keyStart - l.start
			up = append(up, yamlStep{key: l.key, name: name(i+1, -1), start: l.keyStart, end: l.keyEnd})
		}
		for d := len(l.dashes) - 1; d >= 0; d-- {
			if col := l.dashes[d] - l.start; col < limit {
				limit = col
				up = append(up, yamlStep{name: name(i, col+1), start: l.dashes[d], end: l.dashes[d] + 1})
			}
		}
	}
	if cur.blank {
		limit = offset - cur.start + 1
		if limit <= 0 {
			limit = 1
		}
	} else {
		add(at, cur, true)
	}
	for i := at - 1; i >= 0 && limit > 0; i-- {
		l := lines[i]
		if l.blank {
			continue
		}
		// A list may stand at the indentation of its key.
		if len(up) > 0 && up[len(up)-1].key == "" && len(l.dashes) == 0 && l.key != "" && l.keyStart-l.start == limit {
			limit++
		}
		if l.indent < limit {
			add(i, l, false)
		}
	}
	for i := len(up) - 1; i >= 0; i-- {
		p.path = append(p.path, up[i])
	}
	if cur.blank {
		p.start, p.end = offset, offset
		return p
	}
	switch {
	case cur.key != "" && offset >= cur.keyStart && offset <= cur.keyEnd:
		p.onKey, p.text, p.start, p.end = true, cur.key, cur.keyStart, cur.keyEnd
	default:
		from := cur.value
		if cur.key == "" {
			from = cur.start + cur.indent
			if n := len(cur.dashes); n > 0 {
				from = cur.dashes[n-1] + 1
			}
		}
		p.scalar(text, from, cur.end, offset)
	}
	return p
}

// yamlLinesTo splits a text, and says which line an offset is in.
func yamlLinesTo(text string, offset int) (lines []yamlLine, at int) {
	for start := 0; start <= len(text); {
		end := len(text)
		if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
			end = start + i
		}
		if offset >= start && offset <= end {
			at = len(lines)
		}
		lines = append(lines, readYAMLLine(text, start, end))
		start = end + 1
	}
	return lines, at
}

func readYAMLLine(text string, start, end int) yamlLine {
	l := yamlLine{start: start, end: end}
	if l.end > start && text[l.end-1] == '\r' {
		l.end--
	}
	i := start
	for i < l.end && text[i] == ' ' {
		i++
	}
	l.indent = i - start
	if i == l.end || text[i] == '#' {
		l.blank = true
		return l
	}
	for i < l.end && text[i] == '-' && (i+1 == l.end || text[i+1] == ' ') {
		l.dashes = append(l.dashes, i)
		i++
		for i < l.end && text[i] == ' ' {
			i++
		}
	}
	if k, end, value := yamlKey(text, i, l.end); end > 0 {
		l.key, l.keyStart, l.keyEnd, l.value = k, i, end, value
	}
	return l
}

// yamlKey reads «key:» at a place; end is 0 where there is none.
func yamlKey(text string, at, limit int) (key string, end, value int) {
	if at >= limit {
		return "", 0, 0
	}
	switch c := text[at]; c {
	case '"', '\'':
		i := strings.IndexByte(text[at+1:limit], c)
		if i < 0 {
			return "", 0, 0
		}
		end = at + 1 + i + 1
		key = text[at+1 : end-1]
	case '{', '[', '#', '&', '*', '|', '>', '%', '@', '`':
		return "", 0, 0
	default:
		for end = at; end < limit; end++ {
			if text[end] == ':' && (end+1 == limit || text[end+1] == ' ') {
				break
			}
			if text[end] == '#' && end > at && text[end-1] == ' ' {
				return "", 0, 0
			}
		}
		key = strings.TrimRight(text[at:end], " ")
	}
	colon := end
	for colon < limit && text[colon] == ' ' {
		colon++
	}
	if colon >= limit || text[colon] != ':' {
		return "", 0, 0
	}
	if text[at] != '"' && text[at] != '\'' {
		end = at + len(key)
	}
	return key, end, colon + 1
}

// nameBelow is the value of the «name» key of the mapping that begins at a line: at the
// indentation given, or at that of the first line that holds something where it is negative.
func nameBelow(text string, lines []yamlLine, from, dash int) string {
	indent := -1
	for i := from; i < len(lines); i++ {
		l := lines[i]
		if l.blank {
			continue
		}
		col := l.keyStart - l.start
		if i > from || dash < 0 {
			if indent < 0 && len(l.dashes) > 0 {
				return ""
			}
			if indent >= 0 && l.indent < indent {
				return ""
			}
		}
		if l.key == "" {
			if v := flowName(text[l.start:l.end]); i == from && v != "" {
				return v
			}
			if i == from {
				return ""
			}
			continue
		}
		if indent < 0 {
			indent = col
		}
		if col == indent && l.key == "name" {
			v, _, _ := yamlScalar(text, l.value, l.end)
			return v
		}
	}
	return ""
}

// flowName is the name in «{name: x, …}».
func flowName(line string) string {
	i := strings.Index(line, "{")
	if i < 0 {
		return ""
	}
	j := strings.Index(line[i:], "name:")
	if j < 0 || !strings.ContainsAny(line[i+j-1:i+j], "{ ,") {
		return ""
	}
	v, _, _ := yamlScalar(line, i+j+5, len(line))
	return strings.TrimRight(v, ",} ")
}

// yamlScalar is the scalar behind a colon or a dash, without quotes and comments.
func yamlScalar(text string, at, limit int) (value string, start, end int) {
	for at < limit && text[at] == ' ' {
		at++
	}
	if at >= limit {
		return "", at, at
	}
	if c := text[at]; c == '"' || c == '\'' {
		if i := strings.IndexByte(text[at+1:limit], c); i >= 0 {
			return text[at+1 : at+1+i], at + 1, at + 1 + i
		}
		return text[at+1 : limit], at + 1, limit
	}
	end = limit
	if i := strings.Index(text[at:limit], " #"); i >= 0 {
		end = at + i
	}
	v := strings.TrimRight(text[at:end], " \r")
	return v, at, at + len(v)
}

// scalar finds the scalar at an offset in [from, to), flow lists and mappings seen through.
func (p *yamlPlace) scalar(text string, from, to, offset int) {
	for from < to && text[from] == ' ' {
		from++
	}
	if from >= to || text[from] != '[' && text[from] != '{' {
		p.text, p.start, p.end = yamlScalar(text, from, to)
		return
	}
	p.flow = true
	p.start, p.end = offset, offset
	for i := from; i < to; {
		switch c := text[i]; {
		case c == '{':
			p.path = append(p.path, yamlStep{start: i, end: i + 1, name: flowName(text[i:to])})
			i++
		case c == '[':
			p.path = append(p.path, yamlStep{start: i, end: i + 1})
			i++
		case c == '}' || c == ']':
			if i >= offset {
				return
			}
			for len(p.path) > 0 {
				last := p.path[len(p.path)-1]
				p.path = p.path[:len(p.path)-1]
				if last.key == "" {
					break
				}
			}
			i++
		case c == ',':
			if i >= offset {
				return
			}
			if n := len(p.path); n > 0 && p.path[n-1].key != "" {
				p.path = p.path[:n-1]
			}
			i++
		case c == ' ':
			i++
		default:
			start, end := i, i
			quote := byte(0)
			if c == '"' || c == '\'' {
				quote = c
				start++
				end = start
				for end < to && text[end] != quote {
					end++
				}
				i = min(end+1, to)
			} else {
				depth := 0
				for end < to {
					d := text[end]
					if d == '(' {
						depth++
					}
					if d == ')' {
						depth--
					}
					if depth <= 0 && (d == ',' || d == ']' || d == '}' || d == ':' && (end+1 == to || text[end+1] == ' ')) {
						break
					}
					end++
				}
				i = end
				end = start + len(strings.TrimRight(text[start:end], " "))
			}
			j := i
			for j < to && text[j] == ' ' {
				j++
			}
			if j < to && text[j] == ':' {
				if n := len(p.path); n > 0 && p.path[n-1].key != "" {
					p.path = p.path[:n-1]
				}
				p.path = append(p.path, yamlStep{key: text[start:end], start: start, end: end})
				if offset >= start && offset <= end {
					p.onKey, p.text, p.start, p.end = true, text[start:end], start, end
					return
				}
				i = j + 1
				continue
			}
			if offset >= start && offset <= end {
				p.text, p.start, p.end = text[start:end], start, end
				return
			}
		}
	}
}

// keys are the keys on the way, items of lists left out, with dots between them.
func (p yamlPlace) keys() string {
	var b strings.Builder
	for _, s := range p.path {
		if s.key == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.key)
	}
	return b.String()
}

// item is the name of the innermost entry of the list that stands under a key.
func (p yamlPlace) item(list string) (name string, ok bool) {
	for i, s := range p.path {
		if s.key == list && i+1 < len(p.path) && p.path[i+1].key == "" {
			name, ok = p.path[i+1].name, true
		}
	}
	return name, ok
}
