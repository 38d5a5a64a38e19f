package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// nameProblem says why a name cannot be part of a node's identity, or nothing.
func nameProblem(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "it is empty"
	case len(name) > 255:
		return fmt.Sprintf("it has %d bytes", len(name))
	case strings.Contains(name, "."):
		return "it has a dot"
	case strings.Contains(name, "/"):
		return "it has a slash"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7F && r < 0xA0 }):
		return "it has a control character"
	}
	return ""
}

// namespace finds names given twice. The first one by path keeps the name.
type namespace struct {
	list diag.List
	seen map[string]owner
}

type owner struct {
	what string
	at   source.Span
}

func newNamespace() *namespace { return &namespace{seen: map[string]owner{}} }

// taken reports whether the key belongs to something else already; if not, it does now.
func (n *namespace) taken(key, what, name string, at source.Span, help string) bool {
	first, twice := n.seen[key]
	if twice {
		n.list.Add(nameDuplicate(at, what, name, first.at, first.what, help))
		return true
	}
	n.seen[key] = owner{what, at}
	return false
}

// fileName is where the name of a file's node is written: in its path only.
func fileName(f *source.File) source.Span { return pathOnly(f.Path) }

// checkNames holds all names to the rules of identities: valid, and unique in their
// space. What comes second is dropped, so that nothing follows from it.
func checkNames(p *Project) diag.List {
	list := checkFileNames(p)
	const rename, remove = "rename one of them", "remove one of the entries"

	props := make(map[addr.Node]source.Span, len(p.Props))
	again := func(x *Props) bool {
		id := addr.Node{Kind: x.Kind, Name: x.Name.V}
		first, twice := props[id]
		if twice {
			list.Add(propsDuplicate(x.Name.At, x.Kind, x.Name.V, first))
			return true
		}
		props[id] = x.Name.At
		return false
	}
	p.Props = slices.DeleteFunc(p.Props, again)
	p.TestProps = slices.DeleteFunc(p.TestProps, again)

	space := newNamespace()
	checked := map[source.Span]bool{}
	p.Sources = slices.DeleteFunc(p.Sources, func(s *Source) bool {
		if !checked[s.SourceName.At] {
			checked[s.SourceName.At] = true
			checkName(&list, s.SourceName.At, "source", s.SourceName.V)
		}
		checkName(&list, s.Table.At, "source table", s.Table.V)
		key := s.SourceName.V + "." + s.Table.V
		return space.taken("source "+key, "source table", key, s.Table.At, remove)
	})
	p.Exposures = slices.DeleteFunc(p.Exposures, func(e *Exposure) bool {
		checkName(&list, e.Name.At, "exposure", e.Name.V)
		return space.taken("exposure "+e.Name.V, "exposure", e.Name.V, e.Name.At, rename)
	})
	p.UnitTests = slices.DeleteFunc(p.UnitTests, func(u *UnitTest) bool {
		checkName(&list, u.Name.At, "unit test", u.Name.V)
		return space.taken("unit "+u.Model.V+"\x00"+u.Name.V, "unit test", u.Name.V, u.Name.At, rename)
	})
	p.Groups = slices.DeleteFunc(p.Groups, func(g *Group) bool {
		return space.taken("group "+g.Name.V, "group", g.Name.V, g.Name.At, rename)
	})
	p.Docs = slices.DeleteFunc(p.Docs, func(d *Doc) bool {
		return space.taken("docs "+d.Name, "docs block", d.Name, d.At, rename)
	})
	return append(list, space.list...)
}

// checkFileNames checks what is named after its file.
func checkFileNames(p *Project) diag.List {
	space := &namespace{seen: make(map[string]owner, len(p.Models)+len(p.Seeds)+len(p.Snapshots)+len(p.Tests))}
	taken := func(room, what, name string, at source.Span, help string) bool {
		checkName(&space.list, at, what, name)
		return space.taken(room+" "+name, what, name, at, help)
	}
	const one = "rename one of them: ref finds models, seeds and snapshots by name alone"
	p.Models = slices.DeleteFunc(p.Models, func(f *File) bool { return taken("ref", "model", f.Name, fileName(f.Source), one) })
	p.Seeds = slices.DeleteFunc(p.Seeds, func(s *Seed) bool { return taken("ref", "seed", s.Name, s.At, one) })
	p.Snapshots = slices.DeleteFunc(p.Snapshots, func(f *File) bool { return taken("ref", "snapshot", f.Name, fileName(f.Source), one) })
	const other = "rename one of the files"
	p.Analyses = slices.DeleteFunc(p.Analyses, func(f *File) bool { return taken("analysis", "analysis", f.Name, fileName(f.Source), other) })
	p.Tests = slices.DeleteFunc(p.Tests, func(f *File) bool { return taken("test", "data test", f.Name, fileName(f.Source), other) })
	p.Generics = slices.DeleteFunc(p.Generics, func(f *File) bool {
		return taken("generic", "generic test", f.Name, fileName(f.Source), other)
	})
	return space.list
}
