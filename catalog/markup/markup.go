package markup

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Writer collects a piece of a page. The zero value is ready to use. It is for one goroutine.
type Writer struct{ buf []byte }

// Bytes are what was written; they are valid until the next call of a method.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is the number of bytes written.
func (w *Writer) Len() int { return len(w.buf) }

// Reset forgets what was written and keeps the memory.
func (w *Writer) Reset() { w.buf = w.buf[:0] }

// Truncate forgets all but the first n bytes, of which there must be as many.
func (w *Writer) Truncate(n int) { w.buf = w.buf[:n] }

// Raw writes markup as it is: constants of the program, and what another writer has escaped.
func (w *Writer) Raw(parts ...string) {
	for _, s := range parts {
		w.buf = append(w.buf, s...)
	}
}

// Int writes a number without separators.
func (w *Writer) Int(n int) { w.buf = strconv.AppendInt(w.buf, int64(n), 10) }

// Coord writes a number with at most one place, as coordinates need it.
func (w *Writer) Coord(x float64) {
	at := len(w.buf)
	w.buf = strconv.AppendFloat(w.buf, x, 'f', 1, 64)
	if n := len(w.buf); n-at > 2 && w.buf[n-2] == '.' && w.buf[n-1] == '0' {
		w.buf = w.buf[:n-2]
	}
}

// Text writes any string so that it is nothing but text, inside an element as well as inside a
// quoted attribute. Bytes that are not UTF-8, and characters that HTML cannot hold, become U+FFFD.
func (w *Writer) Text(s string) {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		var as string
		step := 1
		switch {
		case c == '<':
			as = "&lt;"
		case c == '>':
			as = "&gt;"
		case c == '&':
			as = "&amp;"
		case c == '"':
			as = "&#34;"
		case c == '\'':
			as = "&#39;"
		case c == '\r':
			// HTML turns a carriage return into a line feed, save where it is written like this.
			as = "&#13;"
		case c < ' ' && c != '\n' && c != '\t', c == 0x7f:
			as = "\uFFFD"
		case c < utf8.RuneSelf:
			i++
			continue
		default:
			var r rune
			r, step = utf8.DecodeRuneInString(s[i:])
			if !(r == utf8.RuneError && step == 1) && !unwanted(r) {
				i += step
				continue
			}
			as = "\uFFFD"
		}
		w.buf = append(w.buf, s[from:i]...)
		w.buf = append(w.buf, as...)
		i += step
		from = i
	}
	w.buf = append(w.buf, s[from:]...)
}

// unwanted are characters that the standard calls errors: controls of Latin-1 and noncharacters.
func unwanted(r rune) bool {
	return r >= 0x80 && r < 0xa0 || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
}

// Escape is Text as a string.
func Escape(s string) string {
	var w Writer
	w.Text(s)
	return string(w.buf)
}

// Element writes <tag class="class">text</tag>; without a class, none.
func (w *Writer) Element(tag, class, text string) {
	w.Raw("<", tag)
	if class != "" {
		w.Attr("class", class)
	}
	w.Raw(">")
	w.Text(text)
	w.Raw("</", tag, ">")
}

// Attr writes an attribute with a space before it.
func (w *Writer) Attr(name, value string) {
	w.Raw(" ", name, `="`)
	w.Text(value)
	w.Raw(`"`)
}

// Link writes a link to a page of the site, or the text alone where href is empty.
func (w *Writer) Link(href, class, text string) {
	if href == "" {
		if class == "" {
			w.Text(text)
			return
		}
		w.Element("span", class, text)
		return
	}
	w.Raw("<a")
	if class != "" {
		w.Attr("class", class)
	}
	w.Raw(` href="`)
	w.Text(href)
	w.Raw(`">`)
	w.Text(text)
	w.Raw("</a>")
}

// Outside writes a link to an address that a user has chosen. Addresses that a browser could
// run, or that lead into the site, stay text.
func (w *Writer) Outside(address, text string) {
	if !External(address) {
		w.Text(text)
		return
	}
	w.Raw(`<a rel="noreferrer" href="`)
	w.Text(address)
	w.Raw(`">`)
	w.Text(text)
	w.Raw("</a>")
}

// External reports whether an address leads out of the site in a way that is safe to follow:
// by http, https or mail.
func External(address string) bool {
	colon := strings.IndexByte(address, ':')
	if colon < 4 || colon > 6 || strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	switch strings.ToLower(address[:colon]) {
	case "http", "https":
		return strings.HasPrefix(address[colon:], "://")
	case "mailto":
		// A mail may have a subject, but nobody in copy and no text that its writer did not see.
		_, fields, more := strings.Cut(address, "?")
		lower := strings.ToLower(fields)
		return strings.Contains(address, "@") && (!more || strings.HasPrefix(lower, "subject=") && !strings.ContainsAny(fields, "&?") && !strings.Contains(lower, "%0"))
	}
	return false
}
