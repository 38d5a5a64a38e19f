package contenttest

import (
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/engine/addr"
)

// Attacks are texts that break out of a place that prints them without care: markup, scripts,
// attributes, addresses, templates, numbers of other systems, and names that file systems know
// or cannot tell apart. A page that runs one of them calls alert with pwned.
var Attacks = []string{
	`<script>alert("pwned")</script>`,
	`</script><script>alert("pwned")</script>`,
	`"><img src=x onerror=alert("pwned")>`,
	`' onmouseover='alert("pwned")`,
	`" autofocus onfocus="alert('pwned')`,
	`javascript:alert("pwned")`,
	"java\tscript:alert('pwned')",
	`data:text/html,<script>alert("pwned")</script>`,
	`vbscript:msgbox("pwned")`,
	`[click](javascript:alert("pwned"))`,
	`[click](JaVaScRiPt:alert("pwned"))`,
	`![x](x"onerror="alert('pwned'))`,
	`<a href="&#106;avascript:alert('pwned')">x</a>`,
	`<svg onload=alert("pwned")>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert('pwned')&gt;">`,
	`<iframe srcdoc="<script>alert('pwned')</script>"></iframe>`,
	`<style>*{background:url(//evil.example/x)}</style>`,
	`</style><script>alert("pwned")</script>`,
	`</textarea><script>alert("pwned")</script>`,
	`</title><script>alert("pwned")</script>`,
	`<!--<script>alert("pwned")</script>-->`,
	`]]><script>alert("pwned")</script>`,
	"`${alert('pwned')}`",
	`\u003cscript\u003ealert("pwned")\u003c/script\u003e`,
	`\";alert("pwned");//`,
	"line\u2028alert('pwned')\u2029end",
	`{{constructor.constructor("alert('pwned')")()}}`,
	`__proto__`, `constructor`, `toString`, `hasOwnProperty`,
	`../../../../etc/passwd`, `..\..\windows\win.ini`, `/absolute`, `//evil.example/x`, `https://evil.example/x`,
	`CON`, `con`, `nul.txt`, `COM1`, `aux`, `.htaccess`, `name.`, `name `, ` name`, `.`, `..`,
	`Orders`, `orders`, `ORDERS`, `a.b`, `a_b`, `a~b`, `a#b?c=d&e`, `100%`, `%2e%2e%2f`, `a/b`, `a\b`, `a:b`, `a|b`, `a*b`,
	"\u202egnp.exe\u202c", "שלום עולם", "مرحبا", "😀👩‍👩‍👧‍👦🏳️‍🌈", "e\u0301 \u00e9", "\u200bzero\u200bwidth", "nul\x00byte", "tab\tnew\nline\r\n", "bad\xff\xfeutf8",
	"ＦＵＬＬ", "ﬁ", "İstanbul", "ß", "\ufeffbom",
	strings.Repeat("long_", 40), strings.Repeat("W", 200), strings.Repeat("𝔘", 120),
	`=cmd|'/c calc'!A0`, `@import url(//evil.example)`, `'; drop table x; --`, `&lt;b&gt;`, `&amp;`, "***", "[](", "![", "```", "|a|b|\n|-|-|\n|<script>alert('pwned')</script>|x|", "<", ">", `"`, `'`, "`", "&",
}

// Hostile has a model for every attack, with the attack in every text of it: name, label,
// description, columns, tags, values, SQL, tests, messages, rows, history, people.
func Hostile() *content.Catalog { return HostileOf(Attacks) }

// HostileOf is Hostile with attacks of the caller's, at least four of them.
func HostileOf(attacks []string) *content.Catalog {
	x := attacks[0]
	c := &content.Catalog{
		Project: x, Title: attacks[2], Target: x, Warehouse: "duckdb", Generated: day, Engine: attacks[3],
		Runs: []*content.Run{{ID: x, Started: day.Add(-time.Minute), Ended: day, Verdict: content.Failed}},
	}
	parents := map[int][]int{}
	for i, a := range attacks {
		b := attacks[(i*7+3)%len(attacks)]
		kind := []addr.Kind{addr.Model, addr.Model, addr.Source, addr.Seed, addr.Snapshot, addr.Exposure}[i%6]
		if kind == addr.Exposure && i < len(attacks)/2 {
			kind = addr.Model
		}
		name := a
		if kind == addr.Source {
			name = b + "." + a
		}
		n := &content.Node{
			ID: addr.Node{Kind: kind, Name: name}, Label: b, Tone: string(kind), Tier: a, Folder: "models/" + a, Description: a + "\n\n" + b,
			Relation: a, Materialized: a, Tags: []string{a, b}, Meta: []content.Pair{{Name: a, Value: b}}, Owner: a, Group: b, Access: a,
			Version: &content.Version{Model: a, Name: b, Latest: true}, Deprecated: day, Contract: true, Grain: a, Facts: []content.Fact{{Name: a, Value: b, Link: a}},
			NoTypes: a, Withheld: i%2 == 0, File: "models/" + a + ".sql", YAML: a + ".yml", Line: i, Described: true,
			Template: content.Code{Text: "select '" + a + "' from x"}, SQL: content.Code{Text: a}, Status: content.Failed,
			Data:    content.Data{Rows: 1, Bytes: 1, BuiltAt: day, Partitioned: a, Clustered: []string{a, b}},
			History: []content.Build{{Run: a, At: day, Took: time.Second, Rows: 1, Bytes: 1, Billed: 1}},
			Advice:  []content.Advice{{Level: "warn", Text: a, Prefer: -1}},
		}
		switch kind {
		case addr.Source:
			n.Source = &content.Source{Name: b, Description: a, Loader: a, LoadedAt: a, WarnAfter: time.Hour, Loaded: day, Checked: day, Fresh: "error"}
		case addr.Exposure:
			n.Exposure = &content.Exposure{Type: a, URL: a, Maturity: a, OwnerName: a, Email: a}
		case addr.Seed:
			n.Seed = &content.Seed{Format: a, Size: 1}
		}
		if i > 0 {
			parents[i] = []int{i - 1}
			n.Template.Links = []content.Link{{From: 0, To: 6, Node: i - 1}}
		}
		for k := range 3 {
			col := &content.Column{
				Name: attacks[(i+k)%len(attacks)], Type: a, Description: a, Tags: []string{a}, Meta: []content.Pair{{Name: a, Value: a}},
				Constraints: []string{a}, Written: true,
			}
			if k == 1 {
				col.Profile = &content.Profile{Rows: 2, Nulls: 1, Distinct: 1, Min: a, Max: b, Top: []content.TopValue{{Value: a, Rows: 1}}, At: day}
			}
			n.Columns = append(n.Columns, col)
		}
		t := &content.Test{
			ID: addr.Node{Kind: addr.Test, Name: a + strconv.Itoa(i)}, Of: i, Reads: []int{i}, Column: n.Columns[0].Name, Kind: a, Sentence: a, Description: a,
			Severity: a, Tags: []string{a}, Where: a, SQL: a, Status: content.Failed, At: day, Failures: 1, Problem: a, Stored: a,
			Sample:  &content.Sample{Columns: []string{a, b}, Rows: [][]string{{a, b}, {b, a}}},
			History: []content.Outcome{{At: day, Status: content.Failed, Failures: 1}},
		}
		n.Tests, n.Columns[0].Tests = []int{i}, []int{i}
		n.Macros, n.Customers = []int{i}, []int{i}
		c.Nodes, c.Tests = append(c.Nodes, n), append(c.Tests, t)
		c.Macros = append(c.Macros, &content.Macro{Name: a, Description: a, File: a, Line: 1, Text: a, UsedBy: []int{i}})
		c.Groups = append(c.Groups, &content.Group{Name: a, OwnerName: a, OwnerEmail: a, Description: a})
		c.Terms = append(c.Terms, &content.Term{Name: a, Text: a + "\n\n" + b, File: a, UsedBy: []int{i}})
		c.Customers = append(c.Customers, &content.Customer{Name: a, Title: a, Tier: 1, Mode: a, Tenants: 1, Nodes: []int{i}, Released: day})
	}
	link(c, parents)
	number(c)
	for i := 1; i < len(c.Nodes); i++ {
		for k := range c.Nodes[i].Columns {
			edge(c, int(c.Flow.First[i-1])+k, int(c.Flow.First[i])+k, content.Transformed, attacks[i])
		}
		c.Flow.Reads = append(c.Flow.Reads, content.Read{Column: c.Flow.First[i-1], Node: int32(i), To: -1, Use: content.Filter, Text: phrase(c, attacks[i])})
	}
	return c
}
