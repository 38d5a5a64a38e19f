package catalog

import (
	"html/template"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// sideItem is a line of the sidebar.
type sideItem struct {
	Path, Name, Tone string
	Depth            int
	Folder, Open     bool
	Count            int
}

// maxSiblings limits a sidebar: beyond it the folder's page takes over.
const maxSiblings = 40

// sidebar opens the folders on the way to one folder and lists what is in it.
func (b *book) sidebar(current string) []sideItem {
	var out []sideItem
	var list func(f *folder, depth int)
	list = func(f *folder, depth int) {
		for _, s := range f.subs {
			open := current == s.path || strings.HasPrefix(current, s.path+"/") || current == "" && s.name == "models" && depth == 0
			out = append(out, sideItem{Path: folderPath(s.path), Name: s.name, Depth: depth, Folder: true, Open: open, Count: s.total})
			if open {
				list(s, depth+1)
			}
		}
		if f.path != current || f.path == "" && len(f.nodes) == 0 {
			return
		}
		if len(f.nodes) > maxSiblings {
			out = append(out, sideItem{Path: folderPath(f.path), Name: "all " + count(len(f.nodes)) + " …", Depth: depth})
			return
		}
		for _, id := range f.nodes {
			out = append(out, sideItem{Path: nodePath(id), Name: shortName(id), Tone: b.tone(id), Depth: depth})
		}
	}
	list(b.folders, 0)
	return out
}

// renderSidebar makes the list once per folder, as seen from a page in a folder of the
// site: it is the same for all pages there, save the mark of the current one.
func renderSidebar(items []sideItem) template.HTML {
	var out strings.Builder
	if err := templates.ExecuteTemplate(&out, "sidebar", items); err != nil {
		panic("catalog: sidebar: " + err.Error()) // our template over our own type
	}
	return template.HTML(out.String())
}

// sidebarFor marks the current page and mends the links of pages at the site's root.
func (b *book) sidebarFor(folder, page, base string) template.HTML {
	s := string(b.sidebars[folder])
	s = strings.Replace(s, `href="../`+page+`"`, `href="../`+page+`" aria-current="page"`, 1)
	if base == "" {
		s = strings.ReplaceAll(s, `href="../`, `href="`)
	}
	return template.HTML(s)
}

// shortName drops the source's name where the folder says it already.
func shortName(id addr.Node) string {
	if id.Kind == addr.Source {
		if _, table, ok := strings.Cut(id.Name, "."); ok {
			return table
		}
	}
	return id.Name
}
