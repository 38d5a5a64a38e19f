package editor

import (
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/sql"
)

// Signature is how what is called around a place is called.
type Signature struct {
	// Label is the call; Params are the bytes of it that are the parameters.
	Label  string
	Params [][2]int
	// Active is the parameter that is being written; -1: none.
	Active int
	Doc    string // Markdown
}

// Signature says how the innermost call around an offset is written: of a function in SQL, of a
// function or macro in a template. False where there is none.
func (v *View) Signature(path string, at int) (Signature, bool) {
	f, ok := v.File(path)
	if !ok || at < 0 || at > len(f.Data) || sortOf(path) != sqlFile && sortOf(path) != macroFile {
		return Signature{}, false
	}
	text := string(f.Data)
	b := v.names()
	if a, ok := actionAt(actions(text), at); ok {
		return v.templateSignature(path, text, b, a, at)
	}
	t := tokenize(text, v.lexisOf(path), nil)
	for _, l := range t.literals {
		if l.kind == sql.Comment && l.start < at && at < l.end {
			return Signature{}, false
		}
	}
	s := newScopes(b, t)
	p := s.before(at)
	for open := s.opening(0, p); open >= 0; open = s.opening(0, open-1) {
		if s.beginsQuery(open+1, len(s.list)) {
			return Signature{}, false
		}
		if s.list[open].end > at || s.partner[open] < len(s.list) && s.list[s.partner[open]].start < at {
			continue
		}
		f := b.function(s.calledAt(open))
		if f == nil || v.lexisOf(path) != sql.GoogleSQL && f.group != "project" {
			continue
		}
		n := 0
		for i := open + 1; i <= p; i++ {
			switch s.punct(i) {
			case ',':
				n++
			case '(', '[':
				if s.partner[i] <= p {
					i = s.partner[i]
				}
			}
		}
		return f.signature(n), true
	}
	return Signature{}, false
}

// signature is the call with parameter n (from 0) being written.
func (f *function) signature(n int) Signature {
	out := Signature{Label: f.call, Params: f.params, Doc: f.doc, Active: -1}
	if t := f.resultWord(); t != "" {
		out.Label += " → " + t
	}
	if k := len(f.params); k > 0 {
		last := f.params[k-1]
		if n < k || f.call[last[0]:last[1]] == "…" {
			out.Active = min(n, k-1)
		}
	}
	return out
}

func (v *View) templateSignature(path, text string, b *book, a action, at int) (Signature, bool) {
	in, outer, _, _, _ := openCall(text, a, at)
	n := len(in.args)
	if in.fn == "dict" && len(outer) > 0 {
		// The arguments of a macro.
		if of := outer[len(outer)-1]; of.fn == "include" && len(of.args) > 0 {
			if m := b.macro(of.args[0]); m != nil && len(m.params) > 0 {
				out := m.signature()
				if n > 0 {
					key := in.args[n-1]
					if n%2 == 0 {
						key = ""
						if n/2 < len(m.params) {
							key = m.params[n/2]
						}
					}
					for i, p := range m.params {
						if p == key {
							out.Active = i
						}
					}
				} else {
					out.Active = 0
				}
				return out, true
			}
		}
	}
	if in.fn == "include" && n > 0 {
		if m := b.macro(in.args[0]); m != nil {
			return m.signature(), true
		}
	}
	if in.fn == "config" && n%2 == 1 {
		kind := addr.Model
		if node, ok := v.Node(path); ok {
			kind = node.ID.Kind
		}
		if k, ok := project.LookupKey(in.args[n-1], kind); ok {
			label := "config " + k.Name + " " + string(k.Type)
			return Signature{Label: label, Params: [][2]int{{7, 7 + len(k.Name)}, {8 + len(k.Name), len(label)}}, Active: 1, Doc: keyDoc(k)}, true
		}
	}
	f := templateFunction(in.fn)
	if f == nil || len(f.params) == 0 {
		return Signature{}, false
	}
	// Arguments are separated by blanks in a template.
	out := Signature{Label: f.name, Doc: f.doc, Active: -1}
	for i, p := range f.params {
		word := strings.NewReplacer(", ", "", "[", "", "]", "").Replace(f.call[p[0]:p[1]])
		out.Label += " "
		out.Params = append(out.Params, [2]int{len(out.Label), len(out.Label) + len(word)})
		out.Label += word
		if i == n || i == len(f.params)-1 && word == "…" && n > i {
			out.Active = i
		}
	}
	return out, true
}

// signature is how a macro is included.
func (m *macro) signature() Signature {
	out := Signature{Label: m.call(), Doc: strings.TrimSpace(m.doc + "\n\n`" + m.path + "`"), Active: -1}
	at := strings.Index(out.Label, "(dict")
	for _, p := range m.params {
		i := strings.Index(out.Label[max(at, 0):], ` "`+p+`" `)
		if i < 0 {
			continue
		}
		i += max(at, 0) + 1
		end := i + len(p) + 3 + len(p)
		out.Params = append(out.Params, [2]int{i, min(end, len(out.Label))})
	}
	return out
}
