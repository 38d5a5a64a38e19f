package reading

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// advise says to whom chooses what to read: what is better, and what to mind.
func (r *reader) advise() {
	newest := map[string]int{}
	for i, n := range r.c.Nodes {
		if n.Version != nil && n.Version.Latest {
			newest[n.Version.Model] = i
		}
	}
	for i, n := range r.c.Nodes {
		r.adviseVersion(n, newest)
		r.adviseReaders(i, n)
		r.adviseTrouble(n)
	}
}

func info(n *content.Node, prefer int, format string, args ...any) {
	n.Advice = append(n.Advice, content.Advice{Level: "info", Text: fmt.Sprintf(format, args...), Prefer: prefer})
}

func warn(n *content.Node, prefer int, format string, args ...any) {
	n.Advice = append(n.Advice, content.Advice{Level: "warn", Text: fmt.Sprintf(format, args...), Prefer: prefer})
}

func (r *reader) adviseVersion(n *content.Node, newest map[string]int) {
	prefer := -1
	if n.Version != nil && !n.Version.Latest {
		if i, ok := newest[n.Version.Model]; ok {
			prefer = i
		}
	}
	instead := ""
	if prefer >= 0 {
		instead = ": use " + r.c.Nodes[prefer].ID.Name
	}
	switch {
	case !n.Deprecated.IsZero():
		word := "from"
		if !r.in.GeneratedAt.IsZero() && !n.Deprecated.After(r.in.GeneratedAt) {
			word = "since"
		}
		warn(n, prefer, "Deprecated %s %s%s.", word, n.Deprecated.UTC().Format(time.DateOnly), instead)
	case prefer >= 0:
		info(n, prefer, "There is a newer version%s.", instead)
	}
}

// finished are the tones of what readers are to prefer.
var finished = []string{"dim", "fct"}

// adviseReaders leads from what is on its way to what is made of it.
func (r *reader) adviseReaders(i int, n *content.Node) {
	if slices.ContainsFunc(strings.Split(n.Folder, "/"), func(s string) bool { return strings.HasPrefix(strings.ToLower(s), "internal") }) {
		info(n, -1, "Internal only: it lies in %s.", path.Base(n.Folder))
	}
	if n.Access == "private" {
		group := "its group"
		if n.Group != "" {
			group = "the group " + n.Group
		}
		info(n, -1, "Private: only models of %s may read it.", group)
	}
	if n.Tone != "stg" && n.Tone != "int" && n.ID.Kind != addr.Source {
		return
	}
	if best := r.better(i); best >= 0 {
		info(n, best, "Prefer %s, which is made of it.", r.c.Nodes[best].ID.Name)
	}
}

// farthest is how many steps away a better node is looked for.
const farthest = 3

// better is the nearest dim or fct made of a node that is about the same subject, or the only
// one at the nearest distance; -1 if there is none.
func (r *reader) better(start int) int {
	seen := map[int]bool{start: true}
	at := []int{start}
	for range farthest {
		var next, found []int
		for _, i := range at {
			for _, c := range r.c.Nodes[i].Children {
				if seen[c] {
					continue
				}
				seen[c] = true
				next = append(next, c)
				x := r.c.Nodes[c]
				if x.ID.Kind == addr.Model && slices.Contains(finished, x.Tone) && x.Deprecated.IsZero() && x.Access != "private" && (x.Version == nil || x.Version.Latest) {
					found = append(found, c)
				}
			}
		}
		slices.Sort(found)
		for _, c := range found {
			if subject(r.c.Nodes[c]) == subject(r.c.Nodes[start]) {
				return c
			}
		}
		if len(found) == 1 && len(next) == 1 {
			return found[0] // all that is made of it
		}
		at = next
	}
	return -1
}

// subject is what the name of a node is about: without its tier, its source and a plural.
func subject(n *content.Node) string {
	name := strings.ToLower(n.ID.Name)
	if n.ID.Kind == addr.Source {
		_, name, _ = strings.Cut(name, ".")
	}
	if n.Version != nil {
		name = strings.ToLower(n.Version.Model)
	}
	if head, rest, ok := strings.Cut(name, "_"); ok && slices.Contains(tierWords, head) {
		name = rest
	} else if i := strings.LastIndexByte(name, '_'); i > 0 && slices.Contains(tierWords, name[i+1:]) {
		name = name[:i]
	}
	return strings.TrimSuffix(name, "s")
}

func (r *reader) adviseTrouble(n *content.Node) {
	switch n.Status {
	case content.Errored:
		warn(n, -1, "The last build failed: what it holds is older.")
	case content.Unpublished, content.Skipped, content.Canceled:
		info(n, -1, "The last run did not publish it: what it holds is older.")
	}
	failing := 0
	for _, t := range n.Tests {
		if s := r.c.Tests[t].Status; s == content.Failed || s == content.Errored {
			failing++
		}
	}
	switch {
	case failing == 1:
		warn(n, -1, "One test fails.")
	case failing > 1:
		warn(n, -1, "%d tests fail.", failing)
	}
	if s := n.Source; s != nil && (s.Fresh == "warn" || s.Fresh == "error") {
		since := ""
		if !s.Loaded.IsZero() {
			since = ": its newest rows are of " + stamp(s.Loaded)
		}
		warn(n, -1, "The source is late%s.", since)
	}
	if n.ID.Kind != addr.Model || n.Materialized == "ephemeral" {
		return
	}
	if len(n.Tests) == 0 {
		info(n, -1, "Nothing about it is tested.")
	}
	if n.Description == "" && (slices.Contains(finished, n.Tone) || n.Tone == "mart" || n.Access == "public") {
		info(n, -1, "Nobody has described it.")
	}
}
