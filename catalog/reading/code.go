package reading

import (
	"cmp"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/compile"
)

// template is the model as written; what its refs name leads to those nodes.
func (r *reader) template(n *compile.Node) content.Code {
	w := codeWriter{text: string(n.File.Data)}
	refs := slices.Clone(n.Refs)
	slices.SortStableFunc(refs, func(a, b compile.Ref) int { return cmp.Compare(a.Span.Start, b.Span.Start) })
	for _, ref := range refs {
		if i, ok := r.number[ref.To]; ok && ref.Span.File == n.File {
			w.link(ref.Span.Start, ref.Span.End, i)
		}
	}
	return w.done(nil)
}

// compiled is the SQL that runs; names that refs wrote lead to their nodes. What templates
// made of hidden texts is replaced; what people wrote themselves is theirs, and stays.
func (r *reader) compiled(n *compile.Node) content.Code {
	w := codeWriter{text: n.SQL}
	if n.SQL == "" {
		return content.Code{}
	}
	segments := n.Map.Segments()
	if len(segments) == 0 {
		return w.done(r.hide.Replace)
	}
	for _, s := range segments {
		if s.Start < w.at || s.End > len(n.SQL) || s.Start > s.End {
			return (&codeWriter{text: n.SQL}).done(r.hide.Replace) // the map is of another text
		}
		w.copy(s.Start, r.hide.Replace)
		if s.Verbatim {
			w.copy(s.End, nil)
			continue
		}
		to := -1
		for _, ref := range n.Refs {
			if ref.Span.File == s.Src.File && ref.Span.Start >= s.Src.Start && ref.Span.End <= s.Src.End {
				if i, ok := r.number[ref.To]; ok {
					to = i
				}
				break
			}
		}
		if to >= 0 {
			w.link(s.Start, s.End, to)
		}
		w.copy(s.End, r.hide.Replace)
	}
	return w.done(r.hide.Replace)
}

// codeWriter copies a text piece by piece and notes where links come to stand.
type codeWriter struct {
	text  string
	at    int // of text, what is before is copied
	out   strings.Builder
	links []content.Link
}

// copy takes what is before upTo, through f where it is not nil. Bytes that are no UTF-8 are
// replaced, so that links are right in every encoding.
func (w *codeWriter) copy(upTo int, f func(string) string) {
	if upTo <= w.at {
		return
	}
	part := strings.ToValidUTF8(w.text[w.at:upTo], "\uFFFD")
	if f != nil {
		part = f(part)
	}
	w.out.WriteString(part)
	w.at = upTo
}

// link copies the bytes from … to as a link. Those that overlap or are empty are no links.
func (w *codeWriter) link(from, to, node int) {
	if from < w.at || to > len(w.text) || from >= to {
		return
	}
	w.copy(from, nil)
	start := w.out.Len()
	w.copy(to, nil)
	w.links = append(w.links, content.Link{From: start, To: w.out.Len(), Node: node})
}

// done copies the rest. White space at the end is left out.
func (w *codeWriter) done(f func(string) string) content.Code {
	w.copy(len(w.text), f)
	code := content.Code{Text: strings.TrimRight(w.out.String(), " \t\r\n"), Links: w.links}
	for len(code.Links) > 0 && code.Links[len(code.Links)-1].To > len(code.Text) {
		code.Links = code.Links[:len(code.Links)-1]
	}
	return code
}
