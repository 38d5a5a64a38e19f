package markup

import "bytes"

// Squeeze appends a page of this package to dst with what HTML lets pages leave out: quotes
// around values of plain characters, end tags that the next tag implies, line breaks beside
// tags that begin or end a block. Browsers make the same elements and attributes of it, and the
// same text up to white space between blocks. Text inside of tags' contents is not looked into.
//
// A page comes from a Writer or from html/template: "<" stands in it for nothing but tags, and
// values of attributes are in double quotes.
func Squeeze(dst, page []byte) []byte {
	for {
		open := bytes.IndexByte(page, '<')
		if open < 0 {
			return append(dst, page...)
		}
		dst = append(dst, page[:open]...)
		page = page[open:]
		end := tagEnd(page)
		if end < 0 {
			return append(dst, page...)
		}
		name := tagName(page[:end])
		after := page[end:]
		if page[1] == '/' && implied(name, after) {
			page = unbroken(after)
			continue
		}
		dst = squeezeTag(dst, page[:end])
		page = after
		if block(name) {
			page = unbroken(page)
		}
	}
}

// tagEnd is the number of bytes of the tag that a text begins with, -1 if it has no end.
func tagEnd(s []byte) int {
	for at := 0; ; {
		i := bytes.IndexAny(s[at:], `>"`)
		if i < 0 {
			return -1
		}
		at += i + 1
		if s[at-1] == '>' {
			return at
		}
		quote := bytes.IndexByte(s[at:], '"')
		if quote < 0 {
			return -1
		}
		at += quote + 1
	}
}

// tagName is the name in a tag, without the slash.
func tagName(tag []byte) string {
	from := 1
	if from < len(tag) && tag[from] == '/' {
		from++
	}
	to := from
	for to < len(tag) && (tag[to] >= 'a' && tag[to] <= 'z' || tag[to] >= '0' && tag[to] <= '9') {
		to++
	}
	return string(tag[from:to])
}

// implied reports whether an end tag may be left out before what follows.
func implied(name string, after []byte) bool {
	switch name {
	case "li", "dt", "dd", "td", "th", "tr":
		return true
	case "p":
		// The end of what holds the paragraph ends it, unless that is a link or another inline
		// element; so does the beginning of the next block.
		after = unbroken(after)
		for _, next := range []string{"<p>", "<p ", "</div>", "</section>", "</td>", "</li>", "</header>", "<div>", "<div ", "<ul>", "<ul ", "<table>", "<table ", "<section "} {
			if bytes.HasPrefix(after, []byte(next)) {
				return true
			}
		}
	}
	return false
}

// block reports whether white space behind a tag, be it the first or the last of an element,
// means nothing.
func block(name string) bool {
	switch name {
	case "html", "head", "meta", "title", "link", "script", "body", "header", "nav", "div", "main", "aside", "footer", "section",
		"ul", "ol", "dl", "table", "thead", "tbody", "tr", "p", "h1", "h2", "h3", "g":
		return true
	}
	return false
}

// unbroken is a text without the line breaks that it begins with, if a tag follows them.
func unbroken(s []byte) []byte {
	n := 0
	for n < len(s) && s[n] == '\n' {
		n++
	}
	if n < len(s) && s[n] != '<' {
		return s
	}
	return s[n:]
}

// squeezeTag appends a tag with as few quotes as it needs.
func squeezeTag(dst, tag []byte) []byte {
	for {
		i := bytes.IndexByte(tag, '"')
		if i < 0 {
			return append(dst, tag...)
		}
		dst = append(dst, tag[:i]...)
		tag = tag[i+1:]
		to := bytes.IndexByte(tag, '"')
		value, rest := tag[:to], tag[to+1:]
		switch {
		case to == 0 || !plain(value) || bytes.IndexByte([]byte(" \n/>"), rest[0]) < 0: // what follows would belong to the value
			dst = append(dst, '"')
			dst = append(dst, value...)
			dst = append(dst, '"')
		default:
			dst = append(dst, value...)
			if rest[0] == '/' { // which would belong to the value
				dst = append(dst, ' ')
			}
		}
		tag = rest
	}
}

// plain reports whether a value of an attribute needs no quotes.
func plain(value []byte) bool {
	for _, c := range value {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '/' || c == '#' || c == '~' || c == ':' || c == '%' || c == ',') {
			return false
		}
	}
	return true
}
