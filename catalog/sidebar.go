package catalog

import (
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
)

// maxSiblings limits how many nodes, and how many folders, of one folder a sidebar shows, so
// that the size of a page does not depend on that of the project. Beyond it the sidebar shows
// those around the current one, and the folder's page has the rest.
const maxSiblings = 12

// sidebar opens the folders on the way to one folder and lists what is in it.
func (b *book) sidebar(w *markup.Writer, v view, base string) {
	node := -1
	if v.Node > 0 {
		node = v.Node - 1
	}
	w.Raw("<ul>")
	b.sideFolder(w, b.folders, v.Folder, node, 0, base)
	w.Raw("</ul>")
}

// on says whether a folder is on the way to another.
func (f *folder) on(current string) bool {
	return current == f.path || strings.HasPrefix(current, f.path) && current[len(f.path)] == '/'
}

func (b *book) sideFolder(w *markup.Writer, f *folder, current string, node, depth int, base string) {
	here := slices.IndexFunc(f.subs, func(s *folder) bool { return s.on(current) })
	from, to := window(len(f.subs), here)
	for i, s := range f.subs[from:to] {
		open := from+i == here || current == "" && depth == 0 && s.name == "models"
		w.Raw(`<li class="f d`, itoa(min(depth, 6)))
		if open {
			w.Raw(" open")
		}
		w.Raw(`"><a href="`, base, folderPath(s.path), `"`)
		if s.path == current && node < 0 {
			w.Raw(` aria-current="page"`)
		}
		w.Raw(">")
		w.Text(s.name)
		w.Raw("</a><small>", words.Count(s.total), "</small></li>\n")
		if open {
			b.sideFolder(w, s, current, node, depth+1, base)
		}
	}
	if to-from < len(f.subs) {
		b.sideMore(w, f, len(f.subs), "folder", depth, base)
	}
	if f.path != current || f.path == "" && len(f.nodes) == 0 {
		return
	}
	from, to = window(len(f.nodes), slices.Index(f.nodes, node))
	for _, i := range f.nodes[from:to] {
		n := b.c.Nodes[i]
		w.Raw(`<li class="d`, itoa(min(depth, 6)), " t-", toneClass(n.Tone), `"><a href="`, base, b.paths[i], `"`)
		if i == node {
			w.Raw(` aria-current="page"`)
		}
		w.Raw(">")
		w.Text(shortName(n))
		w.Raw("</a></li>\n")
	}
	if to-from < len(f.nodes) {
		b.sideMore(w, f, len(f.nodes), "node", depth, base)
	}
}

func (b *book) sideMore(w *markup.Writer, f *folder, total int, what string, depth int, base string) {
	path := "browse.html"
	if f.path != "" {
		path = folderPath(f.path)
	}
	w.Raw(`<li class="d`, itoa(min(depth, 6)), `"><a class="all" href="`, base, path, `">all `, words.Plural(total, what), "</a></li>\n")
}

// window is which of n things a sidebar shows: those around one of them, the first without one.
func window(n, around int) (from, to int) {
	if n <= maxSiblings {
		return 0, n
	}
	from = max(0, min(around-maxSiblings/2, n-maxSiblings))
	return from, from + maxSiblings
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
