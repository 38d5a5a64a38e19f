package tmpl

import (
	"bytes"
	"text/template/parse"
	"unsafe"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Action is one {{ … }} of a file, the bytes [Start, End).
type Action struct {
	Start, End int
	// Word is the name or keyword that the action begins with: if, end, ref, config, …; it is
	// empty where something else stands first.
	Word string
	// Comment is {{/* … */}}, Assigns is {{ $x := … }} and {{ $x = … }}: neither gives text.
	Comment, Assigns bool
	// TrimLeft and TrimRight report the markers {{- and -}}, which take away the white space
	// on that side.
	TrimLeft, TrimRight bool
}

// Actions lists the actions of a file in their order. It judges the syntax and nothing else:
// names need not exist. With mistakes there is no list.
func Actions(f *source.File) ([]Action, diag.List) {
	u := &unit{file: f, scan: scanActions(f.Data)}
	defer u.scan.forget()
	ds := jinjaTags(u)
	root := parse.New(rootName)
	root.Mode = parse.SkipFuncCheck
	// The file's data are never modified, so the parser can read them in place.
	_, err := root.Parse(unsafe.String(unsafe.SliceData(f.Data), len(f.Data)), "", "", map[string]*parse.Tree{})
	if err != nil || len(u.scan.faults) > 0 {
		ds.Add(u.checkSyntax(err)...)
	}
	if ds.HasErrors() {
		return nil, withoutCommented(ds)
	}
	out := make([]Action, len(u.scan.acts))
	for i := range u.scan.acts {
		a := &u.scan.acts[i]
		text := f.Data[a.start:a.end]
		out[i] = Action{
			Start: a.start, End: a.end, Comment: a.comment,
			TrimLeft:  len(text) > 3 && text[2] == '-' && isSpace(text[3]),
			TrimRight: len(text) > 3 && bytes.HasSuffix(text, []byte("-}}")) && isSpace(text[len(text)-4]),
		}
		if toks := u.scan.toks[a.from:a.to]; len(toks) > 0 {
			switch toks[0].kind {
			case kindIdent, kindKeyword:
				out[i].Word = u.text(toks[0])
			case kindVariable:
				out[i].Assigns = len(toks) > 1 && (toks[1].kind == kindAssign || toks[1].kind == kindDeclare)
			}
		}
	}
	return out, ds
}
