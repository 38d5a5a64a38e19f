package catalog

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
)

// maxSiblings and maxFolders limit how many nodes and folders of one folder a sidebar shows, so
// that the size of a page does not depend on that of the project. Beyond it the sidebar shows
// those around the current one, and the folder's page has the rest.
const maxSiblings, maxFolders = 8, 10

// sidebar opens the folders on the way to one folder and lists what is in it. dir is the folder
// of the page, with a slash behind it, or empty.
func (b *book) sidebar(w *markup.Writer, v view, base, dir string) {
	node := -1
	if v.Node > 0 {
		node = v.Node - 1
	}
	b.sideFolder(w, b.folders, v.Folder, node, base, dir)
}

// on says whether a folder is on the way to another.
func (f *folder) on(current string) bool {
	return current == f.path || strings.HasPrefix(current, f.path) && current[len(f.path)] == '/'
}

func (b *book) sideFolder(w *markup.Writer, f *folder, current string, node int, base, dir string) {
	w.Raw("<ul>")
	here := slices.IndexFunc(f.subs, func(s *folder) bool { return s.on(current) })
	from, to := window(len(f.subs), here, maxFolders)
	for i, s := range f.subs[from:to] {
		open := from+i == here || current == "" && f.path == "" && s.name == "models"
		w.Raw("<li")
		if open {
			w.Raw(` class="open"`)
		}
		w.Raw(`><a href="`, base, folderPath(s.path), `"`)
		if s.path == current && node < 0 {
			w.Raw(` aria-current="page"`)
		}
		w.Raw(">")
		w.Text(s.name)
		w.Raw("</a><i>", words.Count(s.total), "</i>")
		if open {
			b.sideFolder(w, s, current, node, base, dir)
		}
		w.Raw("</li>")
	}
	if to-from < len(f.subs) {
		b.sideMore(w, f, len(f.subs), "folder", base)
	}
	if f.path == current && (f.path != "" || len(f.nodes) > 0) {
		b.sideNodes(w, f, node, base, dir)
	}
	w.Raw("</ul>\n")
}

// sideNodes lists the nodes of the current folder, by addresses that are short for pages beside.
func (b *book) sideNodes(w *markup.Writer, f *folder, node int, base, dir string) {
	from, to := window(len(f.nodes), slices.Index(f.nodes, node), maxSiblings)
	for _, i := range f.nodes[from:to] {
		n := b.c.Nodes[i]
		w.Raw(`<li class="t-`, toneClass(n.Tone), `"><a href="`)
		if beside, ok := strings.CutPrefix(b.paths[i], dir); ok && dir != "" {
			w.Raw(beside, `"`)
		} else {
			w.Raw(base, b.paths[i], `"`)
		}
		if i == node {
			w.Raw(` aria-current="page"`)
		}
		w.Raw(">")
		w.Text(shortName(n))
		w.Raw("</a></li>")
	}
	if to-from < len(f.nodes) {
		b.sideMore(w, f, len(f.nodes), "node", base)
	}
}

func (b *book) sideMore(w *markup.Writer, f *folder, total int, what, base string) {
	at := "browse.html"
	if f.path != "" {
		at = folderPath(f.path)
	}
	w.Raw(`<li class="all"><a href="`, base, at, `">all `, words.Plural(total, what), "</a></li>")
}

// window is which of n things a sidebar shows, most at once: those around one of them, the
// first without one.
func window(n, around, most int) (from, to int) {
	if n <= most {
		return 0, n
	}
	from = max(0, min(around-most/2, n-most))
	return from, from + most
}

// shortName drops the source's name where the folder says it already.
func shortName(n *content.Node) string {
	if n.Label != "" {
		return n.Label
	}
	if n.ID.Kind == addr.Source {
		if _, table, ok := strings.Cut(n.ID.Name, "."); ok {
			return table
		}
	}
	return n.ID.Name
}
