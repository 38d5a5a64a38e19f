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
}

// Changed is a node that somebody has changed.
type Changed struct {
	Node  addr.Node
	Words []string // new, body, configs …
	Diff  string   // of the query, where there is no review
}

// Markdown writes the report. But for times it depends on the arguments only.
func (r Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", mdText(r.Project), r.verdict())
	r.summary(&b)
	r.changes(&b)
	r.catalogDiff(&b)
	if r.Mermaid != "" {
		b.WriteString("\n## Lineage of the change\n\n```mermaid\n" + strings.TrimRight(r.Mermaid, "\n") + "\n```\n")
	}
	if r.Result != nil {
		r.built(&b)
		r.tests(&b)
		r.cost(&b)
	}
	b.WriteString("\n## Data compared with " + mdText(r.Against) + "\n\n")
	if r.NoDiff != "" {
		b.WriteString(mdText(r.NoDiff) + "\n")
	} else {
		b.WriteString(DifferencesMarkdown(r.Differences))
	}
	if r.Result != nil {
		r.timing(&b)
	}
	return b.String()
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
	fmt.Fprintf(b, "- compared with %s, built on target %s\n", mdText(r.Against), mdCode(r.Target))
	fmt.Fprintf(b, "- %s changed, %s gone\n", Number(len(r.Changed), "node"), Count(int64(len(r.Gone))))
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
		fmt.Fprintf(b, "- built %d, failed %d, skipped %d, unchanged %d; %d read from %s\n", done, failed, skipped, kept, r.Deferred, mdText(r.Against))
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

func (r Report) changes(b *strings.Builder) {
	b.WriteString("\n## Changes\n\n")
	if r.Review == nil {
		if r.Why != "" {
			b.WriteString("> " + mdText(r.Why) + "\n\n")
		}
		r.plainChanges(b)
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
		fmt.Fprintf(b, "\nBuilt again without a change: %s.\n", nodeNames(again))
	}
	if n := len(r.Review.Spared); n > 0 {
		fmt.Fprintf(b, "\nNot built, since they read nothing that changes: %s.\n", nodeNames(r.Review.Spared))
	}
	gone := slices.Clone(r.Gone)
	for _, x := range r.Review.Removed {
		if !slices.Contains(gone, x.Node) {
			gone = append(gone, x.Node)
		}
	}
	r.gone(b, gone)
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

func (r Report) plainChanges(b *strings.Builder) {
	if len(r.Changed)+len(r.Gone) == 0 {
		b.WriteString("Nothing has changed.\n")
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
	if len(t.Rows) == 0 {
		b.WriteString("Nothing had to be built.\n")
	} else {
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

// Mistaken is the report on a project that does not compile.
func Mistaken(l diag.List) string {
	var b strings.Builder
	errors := 0
	for _, d := range l {
		if d.Severity == diag.Error || d.Severity == diag.Internal {
			errors++
		}
	}
	fmt.Fprintf(&b, "# failed: %s\n\nNothing was built.\n", Number(errors, "mistake"))
	const most = 20
	for i, d := range l.Sorted() {
		if i == most {
			fmt.Fprintf(&b, "\n… and %d more\n", len(l)-most)
			break
		}
		b.WriteString("\n" + fenced("", Screen{}.Frames(diag.List{d})))
	}
	return b.String()
}
