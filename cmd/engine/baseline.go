package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/audience"
	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/definition"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/internal/atomicfile"
)

const codeBaseline diag.Code = "baseline-unknown"

// baselineCodes is the part of the catalogue that belongs to comparing catalogs.
var baselineCodes = []diag.Entry{
	{Code: codeBaseline, Title: "nothing to compare the catalog with",
		Explain: "--baseline takes a snapshot that engine docs generate has written (catalog_snapshot.gz in the target folder), a folder with one, or a target whose definitions are known. A site for an audience is compared with a snapshot of that audience's site only, since another one has more in it.",
		Bad:     "engine docs generate --baseline target/catalog", Good: "engine docs generate --baseline ../main/target"},
}

// snapshotEnd ends the names of snapshots, and previousEnd those of the last one that said
// something else.
const (
	snapshotEnd = "_snapshot.gz"
	previousEnd = "_snapshot_before.gz"
)

// told are the audience of a snapshot and the rules by which it was narrowed, in one word: two
// sites are compared only if both were made by the same.
func (e *edition) told() string {
	if e.name == internalAudience {
		return ""
	}
	var show []string
	for _, f := range e.audience.Show {
		show = append(show, string(f))
	}
	slices.Sort(show)
	return e.name + " " + cmp.Or(string(e.audience.Lineage), string(audience.Contract)) + " " + strings.Join(slices.Compact(show), ",")
}

// withdrawn reports whether an earlier site of an audience had nodes or columns that the project
// still has, but that are not shown any more: what has changed since would tell of them. A
// customer has had them itself, and is to learn that they are gone.
func (e *edition) withdrawn(was, c, full *content.Catalog) bool {
	if e.name == internalAudience || e.customer != "" {
		return false
	}
	columns := func(c *content.Catalog) map[addr.Column]bool {
		out := map[addr.Column]bool{}
		for _, n := range c.Nodes {
			out[addr.Column{Node: n.ID}] = true
			for _, x := range n.Columns {
				out[addr.Column{Node: n.ID, Name: x.Name}] = true
			}
		}
		return out
	}
	now, all := columns(c), columns(full)
	for x := range columns(was) {
		if all[x] && !now[x] {
			return true
		}
	}
	return false
}

// comparable reads a snapshot that an edition may be compared with; nil if there is none.
func (e *edition) comparable(path string, c, full *content.Catalog) (*content.Catalog, error) {
	was, err := lastSnapshot(path)
	if was == nil || was.Audience != e.told() || e.withdrawn(was, c, full) {
		return nil, err
	}
	return was, nil
}

// since is what has changed in a site since its baseline; nil if there is none. It keeps the
// snapshot of what is told now. full is what c was narrowed from.
func (s *session) since(ctx context.Context, e *edition, c, full *content.Catalog, f *audienceFlags) (*changes.Changes, error) {
	path := filepath.Join(s.target(), e.snapshot()+snapshotEnd)
	before := filepath.Join(s.target(), e.snapshot()+previousEnd)
	now, err := e.comparable(path, c, full)
	if err != nil {
		return nil, err
	}
	var diff *changes.Changes
	if now != nil {
		diff = changes.Between(now, c)
	}
	switch {
	case now == nil:
	case diff.Empty() && diff.Before.Target == diff.After.Target:
		// The same is told as last time: what was told before that still says what is new in it.
		earlier, err := e.comparable(before, c, full)
		if err != nil {
			return nil, err
		}
		if diff = nil; earlier != nil {
			diff = changes.Between(earlier, c)
		}
	default:
		// Where it is gone, another docs generate has just kept it.
		if err := os.Rename(path, before); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("keep the last snapshot: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", s.app.shown(filepath.Dir(path)), rootCause(err))
	}
	kept := *c
	kept.Audience = e.told()
	if err := atomicfile.WriteTo(path, func(w io.Writer) error { return changes.WriteSnapshot(w, &kept) }); err != nil {
		return nil, fmt.Errorf("write %s: %w", s.app.shown(path), rootCause(err))
	}
	if f != nil && f.baseline != "" {
		return s.sinceBaseline(ctx, e, c, full, f.baseline)
	}
	if diff != nil && diff.Before.Target != diff.After.Target {
		return nil, nil // another target is no earlier build
	}
	return diff, nil
}

// sinceBaseline compares with what the flag names.
func (s *session) sinceBaseline(ctx context.Context, e *edition, c, full *content.Catalog, word string) (*changes.Changes, error) {
	place := s.app.absolute(word)
	info, err := os.Stat(place)
	if slices.Contains(s.targets(), word) || err != nil {
		if e.name != internalAudience {
			return nil, mistake(diag.Diagnostic{Code: codeBaseline, Message: fmt.Sprintf("what target %s says cannot be compared with the site of audience %s: it is not narrowed to it", word, e.name), Help: "name a folder in which the site was made earlier"})
		}
		other, err := s.elsewhere(ctx, "--baseline", word)
		if err != nil {
			return nil, err
		}
		if other.then == nil {
			return nil, mistake(diag.Diagnostic{Code: codeBaseline, Message: fmt.Sprintf("%s cannot be compared with: %s", other.from(), other.why), Help: "build it with this version of the engine"})
		}
		return definedChanges(other.then, s.definitions(), c), nil
	}
	path := place
	if info.IsDir() {
		path = filepath.Join(place, e.snapshot()+snapshotEnd)
	} else if e.name != internalAudience {
		return nil, mistake(diag.Diagnostic{Code: codeBaseline, Message: fmt.Sprintf("%s is one snapshot, and the site of audience %s is compared with its own", word, e.name), Help: "name the folder that has catalog_snapshots"})
	}
	was, err := readSnapshot(path)
	var broken *changes.NotSnapshotError
	switch {
	case errors.As(err, &broken):
		return nil, mistake(diag.Diagnostic{Code: codeBaseline, Message: fmt.Sprintf("%s cannot be compared with: %s", s.app.shown(path), broken.Error()), Help: "engine docs generate writes snapshots: catalog_snapshot.gz in the target folder"})
	case err != nil:
		return nil, err
	case was == nil && e.name != internalAudience:
		return nil, nil // nothing was told to this audience then
	case was == nil:
		return nil, mistake(diag.Diagnostic{Code: codeBaseline, Message: fmt.Sprintf("there is no snapshot %s", s.app.shown(path)), Help: "engine docs generate writes it"})
	}
	if name, _, _ := strings.Cut(was.Audience, " "); name != c.Audience || was.Customer != c.Customer {
		return nil, mistake(diag.Diagnostic{Code: codeBaseline, Message: fmt.Sprintf("%s is a snapshot for other readers", s.app.shown(path)), Help: "name the folder in which this site was made earlier"})
	}
	if was.Audience != e.told() || e.withdrawn(was, c, full) {
		return nil, nil // more was told then, or something else
	}
	return changes.Between(was, c), nil
}

// lastSnapshot is readSnapshot for those that the engine keeps itself: one that another version
// has written counts as none.
func lastSnapshot(path string) (*content.Catalog, error) {
	c, err := readSnapshot(path)
	var other *changes.NotSnapshotError
	if errors.As(err, &other) {
		return nil, nil
	}
	return c, err
}

// readSnapshot reads a snapshot; nil if there is none.
func readSnapshot(path string) (*content.Catalog, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", rootCause(err))
	}
	defer f.Close()
	return changes.ReadSnapshot(f)
}

// definedChanges compares the definitions of two builds, where no snapshot is known: nodes,
// columns, settings, texts and edges, but no descriptions, rows and column lineage. The nodes of
// c have their numbers.
func definedChanges(then, now *definition.Set, c *content.Catalog) *changes.Changes {
	var order, old []addr.Node
	for _, n := range c.Nodes {
		order = append(order, n.ID)
	}
	for id := range then.Nodes {
		if id.Kind != addr.Test && id.Kind != addr.UnitTest {
			old = append(old, id)
		}
	}
	slices.SortFunc(old, addr.Node.Compare)
	tone := map[addr.Node]string{}
	for _, n := range c.Nodes {
		tone[n.ID] = n.Tone
	}
	return changes.Between(defined(then, old, tone), defined(now, order, tone))
}

// unseen are keys of configuration that are told elsewhere, or are no settings of a node.
var unseen = []string{"tags", "owner", "group", "access", "materialized", "meta", "tier", "contract"}

// defined is what definitions say, as a catalog.
func defined(set *definition.Set, order []addr.Node, tone map[addr.Node]string) *content.Catalog {
	c := &content.Catalog{}
	number := make(map[addr.Node]int, len(order))
	for i, id := range order {
		number[id] = i
	}
	for _, id := range order {
		d := set.Nodes[id]
		n := &content.Node{ID: id, Tone: cmp.Or(tone[id], "model"), Materialized: d.Materialized, Template: content.Code{Text: d.Code}, Data: content.Data{Rows: -1, Bytes: -1}}
		for _, x := range d.Columns {
			n.Columns = append(n.Columns, &content.Column{Name: x.Name, Type: x.Type})
		}
		for _, p := range d.Parents {
			if i, ok := number[p]; ok {
				n.Parents = append(n.Parents, i)
			}
		}
		slices.Sort(n.Parents)
		n.Parents = slices.Compact(n.Parents)
		config := func(key string) string {
			var text string
			if json.Unmarshal([]byte(d.Config[key]), &text) == nil {
				return text
			}
			return d.Config[key]
		}
		n.Owner, n.Group, n.Access, n.Tier = config("owner"), config("group"), config("access"), config("tier")
		var tags []string
		if json.Unmarshal([]byte(d.Config["tags"]), &tags) == nil {
			n.Tags = tags
		}
		var keys []string
		for key := range d.Config {
			if !slices.Contains(unseen, key) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			n.Facts = append(n.Facts, content.Fact{Name: key, Value: config(key)})
		}
		c.Nodes = append(c.Nodes, n)
	}
	for i, n := range c.Nodes {
		for _, p := range n.Parents {
			c.Nodes[p].Children = append(c.Nodes[p].Children, i)
		}
	}
	var tests []addr.Node
	for id := range set.Nodes {
		if id.Kind == addr.Test || id.Kind == addr.UnitTest {
			tests = append(tests, id)
		}
	}
	slices.SortFunc(tests, addr.Node.Compare)
	for _, id := range tests {
		t := &content.Test{ID: id, Of: -1, Kind: strings.ToLower(string(id.Kind)), Sentence: id.Name}
		for _, p := range set.Nodes[id].Parents {
			if i, ok := number[p]; ok {
				t.Reads = append(t.Reads, i)
			}
		}
		// A test is told with the first node that it reads, which must be the same on both sides:
		// numbers are not, names are.
		slices.SortFunc(t.Reads, func(x, y int) int { return order[x].Compare(order[y]) })
		t.Reads = slices.Compact(t.Reads)
		if len(t.Reads) == 0 {
			continue
		}
		for _, i := range t.Reads {
			c.Nodes[i].Tests = append(c.Nodes[i].Tests, len(c.Tests))
		}
		c.Tests = append(c.Tests, t)
	}
	return c
}

// ciCatalog adds to a report what changes in the catalog, and writes the catalog of the changed
// project where a folder is given for it.
func (s *session) ciCatalog(e *elsewhere, f *ciFlags, report *view.Report) error {
	var c *content.Catalog
	if f.html == "" {
		c = &content.Catalog{}
		for _, id := range s.program.Order {
			c.Nodes = append(c.Nodes, &content.Node{ID: id})
		}
		for _, x := range s.program.Exposures {
			c.Nodes = append(c.Nodes, &content.Node{ID: x.ID})
		}
	} else {
		made, err := s.content(knowledge{at: s.app.now()}, report.Result, s.meta(newRunID(s.app.now()), order{which: "ci"}))
		if err != nil {
			return failure(plainError(err))
		}
		c = made
	}
	// Where less than all is known of the other side, everything that is not would seem to be new.
	if e.then != nil && e.then.Partial == "" {
		report.Catalog = definedChanges(e.then, s.definitions(), c)
	}
	if f.html == "" {
		return nil
	}
	dir := s.app.absolute(f.html)
	if err := catalog.Build(c, catalog.Options{Changes: report.Catalog}).Write(dir); err != nil {
		return failure(plainError(err))
	}
	if report.HTML = s.app.shown(filepath.Join(dir, "index.html")); report.Catalog != nil {
		report.HTML = s.app.shown(filepath.Join(dir, "changes.html"))
	}
	return nil
}
