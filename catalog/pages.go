package catalog

import (
	"cmp"
	"html/template"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/article"
	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/web"
	"github.com/engine-build/engine/catalog/words"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/lineage/picture"
)

// allJobs are all files of the site.
func (b *book) allJobs() []job {
	jobs := b.dataJobs()
	add := func(path string, body []byte) {
		jobs = append(jobs, job{path: path, body: func() []byte { return body }})
	}
	add(".nojekyll", nil)
	add(iconPath, []byte(icon))
	for _, f := range web.Files() {
		if !singleOnly(f.Path) {
			add(f.Path, f.Body)
		}
	}
	for _, f := range b.o.Files {
		if f.Make != nil {
			jobs = append(jobs, job{path: f.Path, body: f.Make})
			continue
		}
		add(f.Path, f.Body)
	}
	plain := func(path, title, section, template string, body func(base string) any) {
		jobs = append(jobs, job{path: path, view: func(base string) view {
			return view{Title: title, Section: section, Template: template, Body: body(base)}
		}})
	}
	plain("index.html", "Overview", "overview", "index", func(base string) any { return b.indexView(base) })
	plain("browse.html", "Browse", "browse", "browse", func(string) any { return b.browseView() })
	plain("404.html", "Page not found", "", "missing", func(string) any { return nil })
	plain("help.html", "Help", "", "help", func(string) any { return b.frame.sections })
	plain("sources.html", "Sources", "browse", "sources", func(string) any { return b.sourcesView() })
	plain("exposures.html", "Exposures", "browse", "exposures", func(string) any { return b.exposuresView() })
	plain("macros.html", "Macros", "browse", "macros", func(string) any { return b.macrosView() })
	plain("glossary.html", "Glossary", "browse", "glossary", func(base string) any { return b.glossaryView(base) })
	plain("customers.html", "Customers", "browse", "customers", func(string) any { return b.customersView() })
	plain("runs.html", "Runs", "runs", "runs", func(string) any { return b.runsView() })
	jobs = append(jobs, job{path: "search.html", view: func(string) view {
		return view{Title: "Search", Sheet: "search.css", Template: "search", Body: !b.outside() || !b.bare("glossary.html")}
	}}, job{path: "lineage.html", view: func(base string) view {
		return view{Title: "Lineage", Section: "lineage", Wide: true, Scripts: []string{"explore"}, Template: "lineage", Body: b.lineageView(base)}
	}})
	jobs = append(jobs, b.nodeJobs()...)
	jobs = append(jobs, b.folderJobs()...)
	jobs = append(jobs, b.columnJobs()...)
	jobs = append(jobs, b.testJobs()...)
	if b.outside() {
		jobs = slices.DeleteFunc(jobs, func(j job) bool { return b.bare(j.path) })
	}
	for _, l := range b.lists {
		jobs = append(jobs, b.jobsOf(l)...)
	}
	for _, p := range b.o.Pages {
		jobs = append(jobs, job{path: p.Path, view: func(base string) view {
			v := view{Title: p.Title, Section: p.Section, Wide: true, Scripts: p.Scripts, Write: func(w *markup.Writer) { w.Raw(string(p.Body(base))) }}
			if p.Path == changesPage {
				v.Sheet = changesStyle
			}
			return v
		}})
	}
	return jobs
}

// outside reports whether the readers are others than those who work on the project. They are
// told neither what it lacks nor how to add it: it may be there, and not for them.
func (b *book) outside() bool { return b.c.Audience != "" || b.c.Customer != "" }

// bare reports whether a page would only say that there is nothing of its kind.
func (b *book) bare(path string) bool {
	switch path {
	case "sources.html":
		return b.kinds(addr.Source) == 0
	case "exposures.html":
		return b.kinds(addr.Exposure) == 0
	case "macros.html":
		return len(b.c.Macros) == 0
	case "glossary.html":
		return len(b.c.Terms) == 0
	case "customers.html":
		return len(b.c.Customers) == 0
	case "runs.html":
		return len(b.c.Runs) == 0
	case "tests.html":
		return len(b.c.Tests) == 0
	}
	return false
}

// nodeJobs are the pages that package article writes.
func (b *book) nodeJobs() []job {
	jobs := make([]job, 0, len(b.c.Nodes)+len(b.c.Macros))
	for i, n := range b.c.Nodes {
		jobs = append(jobs, job{path: b.paths[i], view: func(string) view {
			return view{Title: nameOf(n), Folder: n.Folder, Node: i + 1, Sheet: b.changesSheet(i), Write: func(w *markup.Writer) { b.article.Node(w, i) }}
		}})
	}
	for i, t := range b.c.Tests {
		if !article.HasPage(t) {
			continue
		}
		v := view{Title: t.ID.Name, Section: "tests", Write: func(w *markup.Writer) { b.article.Test(w, i) }}
		if t.Of >= 0 {
			v.Folder, v.Node = b.c.Nodes[t.Of].Folder, t.Of+1
		}
		jobs = append(jobs, job{path: b.tests[i], view: func(string) view { return v }})
	}
	for i, m := range b.c.Macros {
		jobs = append(jobs, job{path: b.macros[i], view: func(string) view {
			return view{Title: m.Name, Section: "browse", Write: func(w *markup.Writer) { b.article.Macro(w, i) }}
		}})
	}
	return jobs
}

type tile struct{ Number, Word, Note, Link string }

// verdict sums up the last run in one line.
type verdict struct {
	Class, Head, Text, Link string
	// Now is how things stand, which several runs have brought about.
	Now string
}

type indexView struct {
	Outside   bool
	Verdict   verdict
	Tiles     []tile
	Map       template.HTML
	MapNote   string
	Legend    []legendItem
	Attention []attention
	More      string
	Shares    []share
	Recent    []row
	Slow      []slow
	Listed    bool // folders show their nodes
	Folders   []folderRow
}

type slow struct {
	rowLink
	Took string
	Bar  template.HTML
}

// attention is a failure, or a warning.
type attention struct {
	Status                 words.Pill
	Path, Name, Tone, Text string
}

// listLimit is the size up to which the overview lists every node.
const listLimit = 250

const attentionShown, shortList = 12, 8

func (b *book) indexView(base string) indexView {
	v := indexView{Outside: b.outside(), Verdict: b.verdict(), Tiles: b.tiles(), Map: b.mapSVG(base), Listed: len(b.c.Nodes) <= listLimit}
	if more := len(b.areas.flows) - maxFlows; more > 0 {
		v.MapNote = "The " + words.Count(maxFlows) + " widest connections are drawn; " + words.Count(more) + " thinner ones are not."
	}
	all := b.attention()
	v.Attention = all[:min(attentionShown, len(all))]
	if more := len(all) - len(v.Attention); more > 0 {
		v.More = words.Count(more) + " more"
	}
	every := make([]int, len(b.c.Nodes))
	for i := range every {
		every[i] = i
	}
	if len(every) > 0 && !b.outside() {
		v.Shares = b.shares(every)
	}
	for i, key := range map[string]string{"described": "undescribed", "columns described": "columns", "models tested": "untested", "with an owner": "unowned"} {
		k := slices.IndexFunc(v.Shares, func(s share) bool { return s.Word == i })
		if l := b.found(key); k >= 0 && l != nil {
			s := &v.Shares[k]
			s.Link, s.Lack = l.path, words.Count(s.All-s.Part)+" without"
		}
	}
	if l := b.found("recent"); l != nil {
		for _, i := range l.nodes[:min(shortList, len(l.nodes))] {
			r := b.row(i)
			r.Note = strings.TrimSuffix(words.When(builtAt(b.c.Nodes[i])), " UTC")
			v.Recent = append(v.Recent, r)
		}
	}
	if l := b.found("slowest"); l != nil {
		most := int(tookOf(b.c.Nodes[l.nodes[0]]))
		for _, i := range l.nodes[:min(shortList, len(l.nodes))] {
			d := tookOf(b.c.Nodes[i])
			v.Slow = append(v.Slow, slow{b.link(i), words.Took(d), bar(int(d), most, "meter")})
		}
	}
	v.Folders = b.folderRows(v.Listed)
	return v
}

// folderRows lists the folders with their nodes, or down to the second level without them.
func (b *book) folderRows(listed bool) []folderRow {
	var out []folderRow
	var each func(f *folder, depth int)
	each = func(f *folder, depth int) {
		for _, s := range f.subs {
			r := folderRow{Path: folderPath(s.path), Name: s.path, Depth: depth, Total: s.total, Tests: s.tally}
			if listed {
				for _, i := range s.nodes {
					r.Nodes = append(r.Nodes, b.row(i))
				}
			}
			if !listed || len(s.nodes) > 0 {
				out = append(out, r)
			}
			if listed || depth < 1 {
				each(s, depth+1)
			}
		}
	}
	each(b.folders, 0)
	if !listed && len(out) > 60 {
		out = slices.DeleteFunc(out, func(r folderRow) bool { return r.Depth > 0 })
	}
	return out[:min(len(out), 300)]
}

func (b *book) tiles() []tile {
	kinds := map[addr.Kind]int{}
	columns := 0
	for _, n := range b.c.Nodes {
		kinds[n.ID.Kind]++
		columns += len(n.Columns)
	}
	var out []tile
	add := func(n int, one, note, link string) {
		out = append(out, tile{words.Count(n), strings.TrimPrefix(words.Plural(n, one), words.Count(n)+" "), note, link})
	}
	link := func(folder, other string) string {
		if f := b.byFolder[folder]; f != nil && folder != "" {
			return folderPath(folder)
		}
		return other
	}
	add(kinds[addr.Model], "model", "", link("models", "browse.html"))
	if n := kinds[addr.Source]; n > 0 {
		add(n, "source table", "", "sources.html")
	}
	if n := kinds[addr.Seed]; n > 0 {
		add(n, "seed", "", link("seeds", "browse.html"))
	}
	if n := kinds[addr.Snapshot]; n > 0 {
		add(n, "snapshot", "", link("snapshots", "browse.html"))
	}
	if n := kinds[addr.Exposure]; n > 0 {
		add(n, "exposure", "", "exposures.html")
	}
	add(columns, "column", "", "columns.html")
	if n := len(b.c.Tests); n > 0 || !b.outside() {
		add(n, "test", "", "tests.html")
	}
	if n := len(b.c.Customers); n > 0 {
		add(n, "customer", "", "customers.html")
	}
	return out
}

// attention lists what went wrong first, then warnings.
func (b *book) attention() []attention {
	var bad, warned []attention
	add := func(a attention) {
		if a.Status.Class == "bad" {
			bad = append(bad, a)
		} else {
			warned = append(warned, a)
		}
	}
	for i, n := range b.c.Nodes {
		a := attention{Path: b.paths[i], Name: nameOf(n), Tone: n.Tone}
		if n.Status == content.Errored || n.Status == content.Canceled {
			a.Status, a.Text = words.Built(n.Status), "The last build did not end well."
			a.Status.Class = "bad"
			add(a)
		}
		if n.Source != nil && (n.Source.Fresh == "error" || n.Source.Fresh == "warn") {
			a.Status = words.Fresh(n.Source.Fresh)
			a.Text = "Newest row: " + cmp.Or(words.When(n.Source.Loaded), "not known")
			add(a)
		}
	}
	for i, t := range b.c.Tests {
		p := words.Tested(t.Status)
		if p.Class != "bad" && p.Class != "warn" {
			continue
		}
		a := attention{Status: p, Path: b.tests[i], Name: t.ID.Name, Text: cmp.Or(t.Sentence, t.ID.Name)}
		if t.Of >= 0 {
			a.Name, a.Tone = nameOf(b.c.Nodes[t.Of]), b.c.Nodes[t.Of].Tone
		}
		if t.Failures > 0 {
			a.Text += ": " + words.Plural(t.Failures, "failing row")
		}
		add(a)
	}
	return append(bad, warned...)
}

func (b *book) verdict() verdict {
	if len(b.c.Runs) == 0 {
		known := b.tally.Passed+b.tally.Warned+b.tally.Failed > 0
		for _, n := range b.c.Nodes {
			known = known || n.Status != content.Unknown || !builtAt(n).IsZero()
		}
		if !known && b.outside() {
			return verdict{}
		}
		if !known {
			return verdict{Class: "calm", Head: "No run recorded", Text: "Run «engine build» and make the catalog again to see numbers of rows, durations and results of tests."}
		}
		if len(b.c.Tests) == 0 && b.outside() {
			return verdict{}
		}
		return verdict{Class: b.tally.Class(), Head: "What the target holds", Text: "tests: " + b.tally.String(), Link: "tests.html"}
	}
	r := b.c.Runs[0]
	v := verdict{Class: "ok", Head: "Last run passed", Link: "runs.html"}
	switch words.Tested(r.Verdict).Class {
	case "bad":
		v.Class, v.Head = "bad", "Last run failed"
	case "warn":
		v.Class, v.Head = "warn", "Last run passed with warnings"
	case "calm":
		v.Class, v.Head = "calm", "Last run"
	}
	if r.Verdict == content.Canceled {
		v.Class, v.Head = "warn", "Last run was canceled"
	}
	var parts []string
	if r.Ended.After(r.Started) && !r.Started.IsZero() {
		parts = append(parts, "took "+words.Took(r.Ended.Sub(r.Started)))
	}
	if t := words.When(r.Ended); t != "" {
		parts = append(parts, "finished "+t)
	}
	v.Text = strings.Join(parts, " · ")
	counts := map[content.Status]int{}
	for _, n := range b.c.Nodes {
		counts[n.Status]++
	}
	parts = nil
	add := func(n int, word string) {
		if n > 0 {
			parts = append(parts, words.Count(n)+" "+word)
		}
	}
	add(counts[content.Errored]+counts[content.Failed], "failed")
	add(counts[content.Skipped]+counts[content.Unpublished], "skipped")
	add(counts[content.Built]+counts[content.Passed]+counts[content.Warned], "built")
	add(counts[content.Unchanged], "unchanged")
	if b.tally.Total > 0 {
		parts = append(parts, "tests: "+b.tally.String())
	}
	v.Now = strings.Join(parts, " · ")
	// A run of a part may pass while something else is still wrong.
	if v.Class == "ok" && (b.tally.Failed > 0 || counts[content.Errored]+counts[content.Failed] > 0) {
		v.Class, v.Head = "warn", "Last run passed, but not all is well"
	}
	return v
}

type browseView struct {
	Parts []browsePart
	Pages []tile
}

type browsePart struct {
	ID, Title, Empty string
	Links            []facetLink
}

func (b *book) browseView() browseView {
	part := func(id, title, empty string, list []facet) browsePart {
		p := browsePart{ID: id, Title: title, Empty: empty}
		for _, f := range list {
			p.Links = append(p.Links, facetLink{f.path, f.name, len(f.nodes)})
		}
		return p
	}
	v := browseView{}
	domains := browsePart{ID: "domains", Title: "Domains"}
	for d, name := range b.areas.domains {
		n := 0
		for t := range b.areas.tones {
			n += len(b.areas.cells[cell{d, t}])
		}
		domains.Links = append(domains.Links, facetLink{b.areas.domainPath(d), name, n})
	}
	folders := browsePart{ID: "folders", Title: "Folders"}
	for _, r := range b.folderRows(false) {
		folders.Links = append(folders.Links, facetLink{r.Path, r.Name, r.Total})
	}
	lists := browsePart{ID: "lists", Title: "Lists"}
	for _, l := range b.lists {
		if l.key != "" {
			lists.Links = append(lists.Links, facetLink{l.path, l.title, len(l.nodes)})
		}
	}
	v.Parts = []browsePart{
		part("tiers", "Tiers", "No tier is known: give models «tier:», or names that begin with stg_, dim_ or fct_.", b.tiers), domains, folders,
		part("tags", "Tags", "Nothing has a tag: give models «tags:».", b.tags),
		part("owners", "Owners", "Nobody is named: give models «owner:».", b.owners),
		part("groups", "Groups", "There are no groups: declare them under «groups:» in a YAML file.", b.groups), lists,
	}
	for _, t := range []struct {
		n         int
		one, path string
	}{{len(b.sourceGroups()), "source", "sources.html"}, {b.kinds(addr.Exposure), "exposure", "exposures.html"}, {len(b.c.Macros), "macro", "macros.html"}, {len(b.c.Terms), "term", "glossary.html"}, {len(b.c.Customers), "customer", "customers.html"}} {
		if t.n > 0 || !b.outside() {
			v.Pages = append(v.Pages, tile{words.Count(t.n), strings.TrimPrefix(words.Plural(t.n, t.one), words.Count(t.n)+" "), "", t.path})
		}
	}
	if b.outside() {
		v.Parts = slices.DeleteFunc(v.Parts, func(p browsePart) bool { return len(p.Links) == 0 })
	}
	return v
}

func (b *book) kinds(k addr.Kind) int {
	n := 0
	for _, x := range b.c.Nodes {
		if x.ID.Kind == k {
			n++
		}
	}
	return n
}

type sourceGroup struct {
	Name, Summary, Loader, Path string
	Tables                      []sourceRow
	More                        int
}

type sourceRow struct {
	row
	Fresh          words.Pill
	Loaded, Allows string
}

// tablesShown limits the tables of one source on the page of all sources.
const tablesShown = 100

func (b *book) sourceGroups() []*sourceGroup {
	at := map[string]*sourceGroup{}
	var out []*sourceGroup
	var nodes []int
	for i, n := range b.c.Nodes {
		if n.ID.Kind == addr.Source {
			nodes = append(nodes, i)
		}
	}
	b.byName(nodes)
	for _, i := range nodes {
		n := b.c.Nodes[i]
		s := n.Source
		if s == nil {
			s = &content.Source{Name: n.Folder}
		}
		g := at[s.Name]
		if g == nil {
			g = &sourceGroup{Name: s.Name, Summary: summary(s.Description, 300), Loader: s.Loader, Path: folderPath(n.Folder)}
			at[s.Name] = g
			out = append(out, g)
		}
		if len(g.Tables) >= tablesShown {
			g.More++
			continue
		}
		r := sourceRow{row: b.row(i), Fresh: words.Fresh(s.Fresh), Loaded: words.When(s.Loaded)}
		r.Name = shortName(n)
		if s.ErrorAfter > 0 {
			r.Allows = "at most " + words.Period(s.ErrorAfter)
		} else if s.WarnAfter > 0 {
			r.Allows = "at most " + words.Period(s.WarnAfter)
		}
		g.Tables = append(g.Tables, r)
	}
	slices.SortStableFunc(out, func(x, y *sourceGroup) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

func (b *book) sourcesView() any { return b.sourceGroups() }

type exposureRow struct {
	row
	Type, Owner, OwnerPath string
	Reads                  []rowLink
	More                   int
}

func (b *book) exposuresView() []exposureRow {
	var nodes []int
	for i, n := range b.c.Nodes {
		if n.ID.Kind == addr.Exposure {
			nodes = append(nodes, i)
		}
	}
	b.byName(nodes)
	var out []exposureRow
	for _, i := range nodes[:min(len(nodes), rowsPerPage)] {
		n := b.c.Nodes[i]
		r := exposureRow{row: b.row(i), Reads: b.linksTo(n.Parents, 6), More: max(0, len(n.Parents)-6)}
		if n.Exposure != nil {
			r.Type = n.Exposure.Type
		}
		if o := ownerOf(n); o != "" {
			r.Owner, r.OwnerPath = o, ownerPath(o)
		}
		out = append(out, r)
	}
	return out
}

type macroRow struct {
	Path, Name, Summary, File string
	Used                      int
}

func (b *book) macrosView() []macroRow {
	var out []macroRow
	for i, m := range b.c.Macros {
		out = append(out, macroRow{b.macros[i], m.Name, summary(m.Description, 160), m.File, len(m.UsedBy)})
	}
	slices.SortStableFunc(out, func(x, y macroRow) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

type termView struct {
	ID, Name, File string
	Text           template.HTML
	Used           []rowLink
	More           int
}

func (b *book) glossaryView(base string) []termView {
	var out []termView
	used := map[string]bool{}
	for i, t := range b.c.Terms {
		id := termAnchor(t)
		if used[id] {
			continue // the first of a name is the one that links lead to
		}
		used[id] = true
		out = append(out, termView{ID: id, Name: t.Name, File: t.File, Text: template.HTML(b.prose.Term(base, i, t.Text)), Used: b.linksTo(t.UsedBy, 12), More: max(0, len(t.UsedBy)-12)})
	}
	slices.SortStableFunc(out, func(x, y termView) int { return cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)) })
	return out
}

type customerRow struct {
	Path, Name, Title, Mode, Released string
	Tier, Nodes, Tenants              int
}

func (b *book) customersView() []customerRow {
	var out []customerRow
	for _, c := range b.c.Customers {
		out = append(out, customerRow{customerPath(c.Name), c.Name, c.Title, c.Mode, words.When(c.Released), c.Tier, len(c.Nodes), c.Tenants})
	}
	slices.SortStableFunc(out, func(x, y customerRow) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// customerLists say what each customer receives.
func (b *book) customerLists() []list {
	var out []list
	for _, c := range b.c.Customers {
		nodes := slices.Clone(c.Nodes)
		b.byName(nodes)
		l := list{
			path: customerPath(c.Name), kind: "customer", title: cmp.Or(c.Title, c.Name), nodes: nodes, cover: true, parent: crumb{"customers.html", "customers"}, section: "browse",
			empty: "Nothing is delivered to this customer yet.",
		}
		fact := func(name, value string) { l.facts = append(l.facts, content.Fact{Name: name, Value: value}) }
		fact("Name", c.Name)
		if c.Tier > 0 {
			fact("Tier", itoa(c.Tier))
		}
		fact("Delivered as", c.Mode)
		if c.Tenants > 0 {
			fact("Tenants", words.Count(c.Tenants))
		}
		fact("Last release", cmp.Or(words.When(c.Released), "none yet"))
		out = append(out, l)
	}
	return out
}

type lineageView struct {
	Map    template.HTML
	Note   string
	Legend []legendItem
	Nodes  int
}

func (b *book) lineageView(base string) lineageView {
	v := lineageView{Map: b.mapSVG(base), Nodes: len(b.c.Nodes)}
	for _, t := range b.areas.tones {
		v.Legend = append(v.Legend, legendItem{toneClass(t), words.Tone(t)})
	}
	return v
}

func drawn(p picture.Picture) template.HTML {
	var out strings.Builder
	if err := p.Write(&out); err != nil {
		panic("catalog: " + err.Error()) // a strings.Builder takes every write
	}
	return template.HTML(out.String())
}
