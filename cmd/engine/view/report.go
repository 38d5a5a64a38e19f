package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Report is what engine ci says of a pull request.
type Report struct {
	Project string
	Target  string // built on
	Against string // «target prod»
	// Review is what the change means for Against; nil: Changed and Why say less.
	Review *plan.Review
	Why    string // why there is no review
	// Changed are the nodes that somebody has changed, with the respects in which they are;
	// «new» is one of them. Gone are those that the project no longer has.
	Changed []Changed
	Gone    []addr.Node
	Result  *run.Result // nil: nothing was built
	// Deferred counts the nodes that were read from Against.
	Deferred    int
	Past        map[addr.Node]state.Record // what the builds of Against took
	Differences []Difference
	NoDiff      string // why nothing was compared
	Mermaid     string // graph of the change
	// Catalog are the changes of nodes, columns and lineage, nil where nothing is known of Against.
	// HTML is the page that shows them, empty if none was written.
	Catalog *changes.Changes
	HTML    string
	// Failure is what stopped the command, in one line.
	Failure string
	// Unknown: what has changed is not known, because there is nothing to compare with.
	Unknown bool
	// Found are warnings about what has changed, and mistakes; FoundElsewhere counts the warnings
	// of rules about the rest. Ruled: the rules were run.
	Found          diag.List
	FoundElsewhere int
	Ruled          bool
	// Stopped is all there is to say where nothing could be compared or built.
	Stopped diag.List
	// Offline says what stood in for the target, nil where it was itself.
	Offline *Offline
}

// Offline is a build without an account, on a warehouse that stands in for the target.
type Offline struct {
	Type string // of the target
	// Filled are the sources that had rows, Empty those that had none.
	Filled, Empty []addr.Node
	// Left are the nodes that the warehouse cannot run, and what reads them.
	Left []LeftOut
	// Untested counts the data tests that would have read empty sources.
	Untested int
}

// LeftOut is a node that was not built, and why.
type LeftOut struct {
	Node addr.Node
	Why  string
}

// Changed is a node that somebody has changed.
type Changed struct {
	Node  addr.Node
	Words []string // new, body, configs …
	Diff  string   // of the query, where there is no review
}

// section is a part of a report.
type section struct {
	name  string
	write func(*strings.Builder)
}

// Markdown writes the report. But for times it depends on the arguments only.
func (r Report) Markdown() string { return r.within(0) }

// CommentBytes is how long a comment may be: a little less than what GitHub takes.
const CommentBytes = 65_000

// Comment is the report with a mark by which the next one finds and replaces it, cut to the
// length of a comment: parts are left out, those first that few need, and it says which.
func (r Report) Comment() string {
	mark := "<!-- " + Marker(r.Project) + " -->\n"
	return mark + r.within(CommentBytes-len(mark))
}

// Marker is the text in a comment by which it is found again.
func Marker(project string) string {
	return "engine ci: " + strings.ReplaceAll(strings.ReplaceAll(project, "--", "-"), ">", "")
}

// within is the report in at most so many bytes; 0: in as many as it takes.
func (r Report) within(limit int) string {
	if len(r.Stopped) > 0 {
		return shorten(r.stopped(), limit)
	}
	head := section{write: func(b *strings.Builder) {
		fmt.Fprintf(b, "# %s: %s\n\n", mdText(r.Project), r.verdict())
		r.summary(b)
	}}
	parts := []section{head,
		{name: "findings", write: r.found},
		{name: "changes", write: func(b *strings.Builder) { r.changes(b, true) }},
		{name: "models, columns and lineage", write: r.catalogDiff},
		{name: "lineage of the change", write: func(b *strings.Builder) {
			if r.Mermaid != "" {
				b.WriteString("\n## Lineage of the change\n\n```mermaid\n" + strings.TrimRight(r.Mermaid, "\n") + "\n```\n")
			}
		}},
		{name: "what was left out", write: r.offline},
		{name: "build", write: r.built},
		{name: "tests", write: r.tests},
		{name: "cost", write: r.cost},
		{name: "data", write: r.data},
		{name: "timing", write: r.timing},
	}
	texts := make([]string, len(parts))
	total := 0
	for i, p := range parts {
		var b strings.Builder
		p.write(&b)
		texts[i] = b.String()
		total += len(texts[i])
	}
	if limit <= 0 || total <= limit {
		return strings.Join(texts, "")
	}
	// What is longest in a report and least read goes first: rows, then SQL, then lists.
	var left []string
	drop := func(name, brief string) {
		for i, p := range parts {
			if p.name == name && len(brief) < len(texts[i]) {
				total -= len(texts[i]) - len(brief)
				texts[i] = brief
			}
		}
	}
	const noteBytes = 400
	for _, step := range []struct{ section, says string }{
		{"data", "the rows that differ"}, {"timing", "timing"}, {"changes", "the SQL"}, {"lineage of the change", "the graph"},
		{"what was left out", "what was left out"}, {"models, columns and lineage", "columns"}, {"build", "the list of what was built"}, {"cost", "cost by node"}, {"findings", "findings"}, {"tests", "the list of tests"},
	} {
		if total+noteBytes <= limit {
			break
		}
		var b strings.Builder
		switch step.section {
		case "data":
			if r.NoDiff == "" && r.Offline == nil {
				b.WriteString(r.dataTitle() + differencesTable(r.Differences))
			}
		case "changes":
			r.changes(&b, false)
		}
		before := total
		if drop(step.section, b.String()); total < before {
			left = append(left, step.says)
		}
	}
	note := ""
	if len(left) > 0 {
		note = "\n> Too long for a comment. Left out: " + strings.Join(left, ", ") + ". The report itself has it all.\n"
	}
	return shorten(strings.Join(texts, ""), limit-len(note)) + note
}

// shorten cuts a text at the end of a line; no fence stays open.
func shorten(text string, limit int) string {
	if limit <= 0 || len(text) <= limit {
		return text
	}
	const closing = "\n…\n"
	cut := text[:max(limit-len(closing)-16, 0)]
	cut = cut[:strings.LastIndexByte(cut, '\n')+1]
	open := ""
	for line := range strings.Lines(cut) {
		if fence := line[:len(line)-len(strings.TrimLeft(line, "`"))]; len(fence) >= 3 {
			switch {
			case open == "":
				open = fence
			case len(fence) >= len(open):
				open = ""
			}
		}
	}
	if open != "" {
		cut += open + "\n"
	}
	return cut + closing
}

func (r Report) dataTitle() string { return "\n## Data compared with " + mdText(r.Against) + "\n\n" }

// data says what happens to the rows.
func (r Report) data(b *strings.Builder) {
	if r.Offline != nil {
		return // there is nothing to compare with
	}
	b.WriteString(r.dataTitle())
	if r.NoDiff != "" {
		b.WriteString(mdText(r.NoDiff) + "\n")
		return
	}
	b.WriteString(DifferencesMarkdown(r.Differences))
}

// mostBuilt is how many nodes a report lists without hiding the list.
const mostBuilt = 15

// mostFound bounds the findings of a report.
const mostFound = 50

// found lists what compiling and the rules have found.
func (r Report) found(b *strings.Builder) {
	if len(r.Found) == 0 {
		return
	}
	b.WriteString("\n## Findings\n\n")
	t := Table{Columns: []string{"where", "what", "rule"}}
	for _, d := range r.Found[:min(len(r.Found), mostFound)] {
		where := ""
		if d.At.File != nil {
			line := d.At.Position().Line
			where = fmt.Sprintf("%s:%d", d.At.File.Path, line)
		}
		text := d.Message
		if severeFinding(d) {
			text = "error: " + text
		}
		t.Rows = append(t.Rows, []Cell{{Text: where}, {Text: text}, {Text: string(d.Code)}})
	}
	b.WriteString(Markdown(t))
	if n := len(r.Found) - mostFound; n > 0 {
		fmt.Fprintf(b, "\n… and %d more\n", n)
	}
}

func severeFinding(d diag.Diagnostic) bool {
	return d.Severity == diag.Error || d.Severity == diag.Internal
}

// offline says what the build without an account was, and what it was not.
func (r Report) offline(b *strings.Builder) {
	o := r.Offline
	if o == nil || r.Result == nil {
		return
	}
	fmt.Fprintf(b, "\n## Without an account\n\nThe project was compiled for %s, and built from nothing on DuckDB.\n", mdText(o.Type))
	if len(o.Filled) > 0 {
		fmt.Fprintf(b, "\nSources with rows of fixtures: %s.\n", nodeNames(o.Filled))
	}
	if len(o.Empty) > 0 {
		fmt.Fprintf(b, "\nSources without rows: %s. %s", nodeNames(o.Empty), Number(o.Untested, "data test"))
		b.WriteString(map[bool]string{true: " that reads them was not run.\n", false: " that read them were not run.\n"}[o.Untested == 1])
	}
	if len(o.Left) == 0 {
		return
	}
	const most = 30
	b.WriteString("\nNot built here, because DuckDB cannot run it:\n\n")
	t := Table{Columns: []string{"node", "why"}}
	for _, x := range o.Left[:min(len(o.Left), most)] {
		t.Rows = append(t.Rows, []Cell{{Text: x.Node.Name}, {Text: x.Why}})
	}
	b.WriteString(Markdown(t))
	if n := len(o.Left) - most; n > 0 {
		fmt.Fprintf(b, "\n… and %d more\n", n)
	}
}

func (r Report) verdict() string {
	switch {
	case r.Failure != "":
		return "failed"
	case r.Result == nil:
		return "nothing to build"
	case r.Result.Canceled:
		return "canceled"
	case !r.Result.OK():
		return "failed"
	}
	return "passed"
}

func (r Report) summary(b *strings.Builder) {
	compared := ""
	if r.Against != "" {
		compared = "compared with " + mdText(r.Against) + ", "
	}
	if r.Offline != nil {
		fmt.Fprintf(b, "- %sbuilt on DuckDB in place of target %s (%s)\n", compared, mdCode(r.Target), mdText(r.Offline.Type))
	} else {
		fmt.Fprintf(b, "- %sbuilt on target %s\n", compared, mdCode(r.Target))
	}
	if r.Against != "" {
		if !r.Unknown {
			fmt.Fprintf(b, "- %s changed, %s gone\n", Number(len(r.Changed), "node"), Count(int64(len(r.Gone))))
		}
	}
	r.checked(b)
	if r.Result != nil {
		done, failed, skipped, kept := 0, 0, 0, 0
		passed, bad, warned := 0, 0, 0
		for _, n := range r.Result.Nodes {
			if n.Verb != plan.Check {
				switch n.Status {
				case run.Done, run.Warned:
					done++
				case run.Kept:
					kept++
				case run.Skipped, run.Canceled:
					skipped++
				default:
					failed++
				}
			}
			for _, t := range n.Tests {
				switch t.Status {
				case run.Done, run.Kept:
					passed++
				case run.Warned:
					warned++
				case run.Failed, run.Errored:
					bad++
				}
			}
		}
		for _, n := range r.Result.Plan.Kept {
			kept += n
		}
		fmt.Fprintf(b, "- built %d, failed %d, skipped %d", done, failed, skipped)
		switch {
		case r.Offline == nil:
			fmt.Fprintf(b, ", unchanged %d; %d read from %s\n", kept, r.Deferred, mdText(r.Against))
		case len(r.Offline.Left) > 0:
			fmt.Fprintf(b, "; %d left out\n", len(r.Offline.Left))
		default:
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- tests: %d passed, %d failed, %d warned\n", passed, bad, warned)
	}
	same, other := 0, 0
	for _, d := range r.Differences {
		if d.Result != nil && d.Result.Same() {
			same++
		} else {
			other++
		}
	}
	if r.NoDiff == "" && len(r.Differences) > 0 {
		fmt.Fprintf(b, "- data: %d equal, %d differ or are new\n", same, other)
	}
	if r.Failure != "" {
		fmt.Fprintf(b, "- **stopped**: %s\n", mdText(r.Failure))
	}
}

// checked is what the rules come to, in a line.
func (r Report) checked(b *strings.Builder) {
	errors, warnings := 0, 0
	for _, d := range r.Found {
		if severeFinding(d) {
			errors++
		} else {
			warnings++
		}
	}
	text := "no mistakes"
	if errors > 0 {
		text = Number(errors, "mistake")
	}
	if warnings > 0 {
		text += ", " + Number(warnings, "warning")
	}
	switch {
	case !r.Ruled:
		text += "; the rules were not run"
	case r.FoundElsewhere > 0:
		text += fmt.Sprintf("; %s about what has not changed (engine check)", Number(r.FoundElsewhere, "warning"))
	}
	fmt.Fprintf(b, "- check: %s\n", text)
}

// changes says what the change is; the SQL with it where it is asked for.
func (r Report) changes(b *strings.Builder, sql bool) {
	if r.Against == "" {
		return
	}
	b.WriteString("\n## Changes\n\n")
	if r.Review == nil {
		if r.Why != "" {
			b.WriteString("> " + mdText(r.Why) + "\n\n")
		}
		r.plainChanges(b, sql)
		return
	}
	if len(r.Review.Changes) == 0 && len(r.Changed) == 0 && len(r.Review.Removed)+len(r.Gone) == 0 {
		b.WriteString("Nothing that is built has changed.\n")
		return
	}
	words := map[addr.Node][]string{}
	for _, c := range r.Changed {
		words[c.Node] = c.Words
	}
	t := Table{Columns: []string{"node", "change", "for its readers", "what"}}
	shown := map[addr.Node]bool{}
	var again []addr.Node
	for _, c := range r.Review.Changes {
		if c.How == plan.Again && len(words[c.Node]) == 0 {
			again = append(again, c.Node)
			continue
		}
		shown[c.Node] = true
		t.Rows = append(t.Rows, []Cell{{Text: c.Node.Name}, {Text: string(c.How)}, {Text: cmp.Or(string(c.Class), "–")}, {Text: strings.Join(what(c, words[c.Node]), "; ")}})
	}
	for _, c := range r.Changed {
		if !shown[c.Node] {
			t.Rows = append(t.Rows, []Cell{{Text: c.Node.Name}, {Text: string(c.Node.Kind)}, {Text: "–"}, {Text: strings.Join(c.Words, ", ")}})
		}
	}
	if len(t.Rows) > 0 {
		b.WriteString(Markdown(t))
	}
	if len(again) > 0 {
		fmt.Fprintf(b, "\nMerging builds again, without a change of their own: %s.\n", nodeNames(again))
	}
	if n := len(r.Review.Spared); n > 0 {
		fmt.Fprintf(b, "\nMerging does not build, since they read nothing that changes: %s.\n", nodeNames(r.Review.Spared))
	}
	gone := slices.Clone(r.Gone)
	for _, x := range r.Review.Removed {
		if !slices.Contains(gone, x.Node) {
			gone = append(gone, x.Node)
		}
	}
	r.gone(b, gone)
	if !sql {
		return
	}
	for _, c := range r.Review.Changes {
		for _, diff := range []string{c.Diff, c.IncrementalDiff} {
			if diff != "" {
				b.WriteString("\n<details><summary>SQL of " + htmlText(c.Node.Name) + "</summary>\n\n" + fenced("diff", diff) + "\n</details>\n")
			}
		}
	}
}

// what a change is, in a few phrases.
func what(c plan.Change, words []string) []string {
	var out []string
	if len(c.Because) > 0 {
		out = append(out, "reads "+c.Because[len(c.Because)-1].Name)
	}
	for _, x := range c.Columns {
		text := x.Name + " " + string(x.Verb)
		if x.From != "" || x.To != "" {
			text += " (" + strings.Trim(x.From+" → "+x.To, " →") + ")"
			if x.From != "" && x.To != "" {
				text = x.Name + " " + string(x.Verb) + " (" + x.From + " → " + x.To + ")"
			}
		}
		if n := len(x.Readers); n > 0 {
			text += fmt.Sprintf(", read by %s", Number(n, "other"))
		}
		out = append(out, text)
	}
	if c.Rows {
		out = append(out, "rows")
	}
	for _, g := range c.Grain {
		out = append(out, "no longer unique by "+strings.Join(g, ", "))
	}
	for _, list := range [][]plan.SettingChange{c.Promises, c.Config, c.Storage} {
		for _, x := range list {
			out = append(out, x.Key+": "+cmp.Or(x.From, "–")+" → "+cmp.Or(x.To, "–"))
		}
	}
	if c.Unknown != "" {
		out = append(out, c.Unknown)
	}
	if len(out) == 0 {
		out = words
	}
	return out
}

func (r Report) plainChanges(b *strings.Builder, sql bool) {
	if len(r.Changed)+len(r.Gone) == 0 {
		if !r.Unknown {
			b.WriteString("Nothing has changed.\n")
		}
		return
	}
	t := Table{Columns: []string{"node", "kind", "what"}}
	for _, c := range r.Changed {
		t.Rows = append(t.Rows, []Cell{{Text: c.Node.Name}, {Text: string(c.Node.Kind)}, {Text: strings.Join(c.Words, ", ")}})
	}
	if len(t.Rows) > 0 {
		b.WriteString(Markdown(t))
	}
	r.gone(b, r.Gone)
	if !sql {
		return
	}
	for _, c := range r.Changed {
		if c.Diff != "" {
			b.WriteString("\n<details><summary>SQL of " + htmlText(c.Node.Name) + "</summary>\n\n" + fenced("diff", c.Diff) + "\n</details>\n")
		}
	}
}

func (r Report) gone(b *strings.Builder, gone []addr.Node) {
	if len(gone) > 0 {
		fmt.Fprintf(b, "\nNo longer in the project: %s.\n", nodeNames(gone))
	}
}

func nodeNames(ids []addr.Node) string {
	const most = 20
	out := make([]string, 0, most)
	for _, id := range ids[:min(len(ids), most)] {
		out = append(out, mdCode(id.Name))
	}
	text := strings.Join(out, ", ")
	if n := len(ids) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// fenced is a block of code; the fence is longer than any in the text.
func fenced(lang, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + lang + "\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}

func (r Report) built(b *strings.Builder) {
	if r.Result == nil {
		return
	}
	b.WriteString("\n## Build\n\n")
	t := Table{Columns: []string{"node", "what", "outcome", "rows"}, Numeric: []bool{false, false, false, true}}
	for _, n := range r.Result.Nodes {
		if n.Verb == plan.Check {
			continue
		}
		rows := ""
		if n.Rows >= 0 && n.Status == run.Done {
			rows = Count(n.Rows)
		}
		outcome := string(n.Status)
		if n.Status == run.Skipped && !n.Because.IsZero() {
			outcome += ", because of " + n.Because.Name
		}
		t.Rows = append(t.Rows, []Cell{{Text: n.Node.Name}, {Text: string(n.Verb) + " " + n.Materialized}, {Text: outcome}, {Text: rows}})
	}
	switch {
	case len(t.Rows) == 0:
		b.WriteString("Nothing had to be built.\n")
	case len(t.Rows) > mostBuilt:
		// A long list is for those who look for something: what went wrong stands before it.
		wrong := t
		wrong.Rows = slices.DeleteFunc(slices.Clone(t.Rows), func(row []Cell) bool { return row[2].Text == string(run.Done) })
		if len(wrong.Rows) > 0 {
			b.WriteString(Markdown(wrong) + "\n")
		}
		fmt.Fprintf(b, "<details><summary>%s</summary>\n\n%s\n</details>\n", Number(len(t.Rows), "node"), Markdown(t))
	default:
		b.WriteString(Markdown(t))
	}
	for _, n := range r.Result.Nodes {
		for _, d := range n.Diags {
			b.WriteString("\n" + fenced("", d.Line()) + "")
		}
	}
	for _, d := range r.Result.Diags {
		b.WriteString("\n" + fenced("", d.Line()))
	}
}

func (r Report) tests(b *strings.Builder) {
	if r.Result == nil {
		return
	}
	t := Table{Columns: []string{"test", "of", "outcome", "rows found"}, Numeric: []bool{false, false, false, true}}
	passed := 0
	for _, n := range r.Result.Nodes {
		for _, x := range n.Tests {
			if x.Status == run.Done || x.Status == run.Kept {
				passed++
				continue
			}
			found := ""
			if x.Status == run.Failed || x.Status == run.Warned {
				found = Count(x.Failures)
			}
			t.Rows = append(t.Rows, []Cell{{Text: cmp.Or(x.Sentence, x.ID.Name)}, {Text: n.Node.Name}, {Text: string(x.Status)}, {Text: found}})
		}
	}
	if passed+len(t.Rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Tests\n\n%s passed.\n", Number(passed, "test"))
	if len(t.Rows) > 0 {
		b.WriteString("\n" + Markdown(t))
	}
}

// cost compares what the nodes took now with what their last builds on Against took.
func (r Report) cost(b *strings.Builder) {
	if r.Result == nil {
		return
	}
	price := r.Result.Price
	t := Table{Columns: []string{"node", "billed before", "billed now", "cost before", "cost now"}, Numeric: []bool{false, true, true, true, true}}
	var before, now int64
	for _, n := range r.Result.Nodes {
		if n.Verb == plan.Check || n.Status != run.Done || !n.Usage.Known() {
			continue
		}
		billed := n.Usage.Billed
		for _, x := range n.Tests {
			if x.Usage.Known() {
				billed += x.Usage.Billed
			}
		}
		was := Cell{Text: "–"}
		wasCost := Cell{Text: "–"}
		if p, ok := r.Past[n.Node]; ok && p.Billed >= 0 {
			was, wasCost = Cell{Text: warehouse.FormatSize(p.Billed)}, Cell{Text: money(price, p.Billed)}
			before += p.Billed
		}
		now += billed
		t.Rows = append(t.Rows, []Cell{{Text: n.Node.Name}, was, {Text: warehouse.FormatSize(billed)}, wasCost, {Text: money(price, billed)}})
	}
	if len(t.Rows) == 0 || now == 0 && before == 0 {
		return
	}
	t.Rows = append(t.Rows, []Cell{{Text: "all"}, {Text: warehouse.FormatSize(before)}, {Text: warehouse.FormatSize(now)}, {Text: money(price, before)}, {Text: money(price, now)}})
	b.WriteString("\n## Cost\n\n" + Markdown(t))
}

func (r Report) timing(b *strings.Builder) {
	if r.Result == nil {
		return
	}
	b.WriteString("\n## Timing\n\n")
	type took struct {
		name string
		ms   int64
	}
	var all []took
	for _, n := range r.Result.Nodes {
		if !n.Start.IsZero() && n.Verb != plan.Check {
			all = append(all, took{n.Node.Name, n.End.Sub(n.Start).Milliseconds()})
		}
	}
	slices.SortFunc(all, func(x, y took) int { return cmp.Or(cmp.Compare(y.ms, x.ms), strings.Compare(x.name, y.name)) })
	t := Table{Columns: []string{"node", "seconds"}, Numeric: []bool{false, true}}
	for _, x := range all[:min(len(all), 10)] {
		t.Rows = append(t.Rows, []Cell{{Text: x.name}, {Text: fmt.Sprintf("%.2f", float64(x.ms)/1000)}})
	}
	fmt.Fprintf(b, "The build took %s.\n", Seconds(r.Result.End.Sub(r.Result.Start)))
	if len(t.Rows) > 0 {
		b.WriteString("\n" + Markdown(t))
	}
}

// money is the price of bytes billed.
func money(p warehouse.Price, bytes int64) string {
	if p.PerTiB == 0 {
		return "–"
	}
	return plan.FormatAmount(p.Of(bytes)) + " " + p.Currency
}

// stopped is the report where nothing could be compared or built.
func (r Report) stopped() string {
	var b strings.Builder
	errors := 0
	for _, d := range r.Stopped {
		if severeFinding(d) {
			errors++
		}
	}
	fmt.Fprintf(&b, "# %s: failed: %s\n\nNothing was built.\n", mdText(r.Project), Number(errors, "mistake"))
	const most = 20
	for i, d := range r.Stopped.Sorted() {
		if i == most {
			fmt.Fprintf(&b, "\n… and %d more\n", len(r.Stopped)-most)
			break
		}
		b.WriteString("\n" + fenced("", Screen{}.Frames(diag.List{d})))
	}
	return b.String()
}
