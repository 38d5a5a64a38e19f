package dbt

import (
	_ "embed"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/source"
)

// librarySource are macros of dbt and dbt_utils as the engine writes them, in Jinja: they go the
// way of all macros. A name ends in the adapter it is for, or in default.
//
//go:embed library.jinja
var librarySource []byte

// written are the macros of the library by name, with their text.
type written struct {
	macro Macro
	node  *jinja.Macro
}

func libraryOf(adapter string) (map[string]written, *jinja.Template) {
	t, list := jinja.Parse(source.NewFile("library.jinja", librarySource))
	if list != nil {
		panic(list[0].Error()) // our own text
	}
	signatures := Signatures("", t)
	out := map[string]written{}
	for _, n := range t.Body {
		m, ok := n.(*jinja.Macro)
		if !ok {
			continue
		}
		whole := m.Name.Name // dbt__type_string__duckdb
		pkg, rest, _ := strings.Cut(whole, "__")
		name, kind, has := strings.Cut(rest, "__")
		known := pkg + "." + name
		if has && kind != adapter {
			continue
		}
		if _, better := out[known]; better && !has {
			continue
		}
		s := signatures[whole]
		s.Name = known
		out[known] = written{s, m}
	}
	return out, t
}

// fromLibrary finds a macro of dbt or of a package that the engine has itself.
func (im *importer) fromLibrary(owner, name string) (Macro, bool) {
	lib, _ := libraryOf(im.adapter)
	if owner == "" {
		owner = "dbt"
	}
	w, ok := lib[owner+"."+name]
	if !ok {
		w, ok = lib["dbt."+name]
	}
	if !ok {
		return Macro{}, false
	}
	im.used[w.macro.Name] = true
	return w.macro, true
}

// library writes the macros of it that are used, and those that these use.
func (im *importer) library() {
	lib, t := libraryOf(im.adapter)
	byPackage := map[string]*strings.Builder{}
	done := map[string]bool{}
	for {
		var next []string
		for _, name := range slices.Sorted(maps.Keys(im.used)) {
			if !done[name] {
				next = append(next, name)
			}
		}
		if len(next) == 0 {
			break
		}
		for _, name := range next {
			done[name] = true
			c := im.context("", "")
			w := &writer{Context: c, file: t.File, macros: true}
			w.scope = newScope(nil, nil)
			m := *lib[name].node
			m.Name.Name = name
			text := w.macro(&m)
			im.out.Notes.Add(w.notes...)
			pkg, _, _ := strings.Cut(name, ".")
			if byPackage[pkg] == nil {
				byPackage[pkg] = &strings.Builder{}
			}
			byPackage[pkg].WriteString(text + "\n" + w.defines.String() + "\n")
		}
	}
	for pkg, b := range byPackage {
		folder := "macros"
		if len(im.paths["macro-paths"]) > 0 {
			folder = im.paths["macro-paths"][0]
		}
		im.out.Files[folder+"/"+pkg+".tmpl"] = []byte(b.String())
	}
}
