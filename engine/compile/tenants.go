package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/isolation"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeTenantsMixed     diag.Code = "tenants-mixed"
	codeTenantsShared    diag.Code = "tenants-shared"
	codeTenantsUnproven  diag.Code = "tenants-unproven"
	codeTenantsUnknown   diag.Code = "tenants-unknown"
	codeTenantsUnfounded diag.Code = "tenants-unfounded"
	codeAcrossUnneeded   diag.Code = "across-tenants-unneeded"
)

// tenantCodes are what is said of rows that reach whom they should not.
var tenantCodes = []diag.Entry{
	{Code: codeTenantsMixed, Title: "what a customer gets depends on other tenants' rows",
		Explain: "In a project with distribution, what a customer gets of a relation has to follow from the rows of its own tenants and from rows that belong to nobody. At the place that is shown, rows of several tenants come together: a join without their tenants, a group, a window, a limit, a subquery or a set operation that looks at all of them. With the tenant in the condition, in GROUP BY or in PARTITION BY every tenant keeps to itself. Where it is meant, across_tenants in the config of the model says why; what reads the model then goes by its tenant column, or takes it to be nobody's if it has none.",
		Bad:     "select o.tenant_id, c.name from {{ ref \"orders\" }} as o join {{ ref \"customers\" }} as c on c.id = o.customer_id",
		Good:    "select o.tenant_id, c.name from {{ ref \"orders\" }} as o join {{ ref \"customers\" }} as c on c.id = o.customer_id and c.tenant_id = o.tenant_id"},
	{Code: codeTenantsShared, Title: "rows of single tenants for everybody",
		Explain: "distribute: shared gives all rows to all customers, and these follow from the rows of tenants. Give each customer the rows of its tenants, or none; if the rows tell nothing of a tenant, say why with across_tenants.",
		Bad:     "{{ config \"distribute\" \"shared\" }}\nselect tenant_id, amount from {{ ref \"orders\" }}",
		Good:    "{{ config \"distribute\" \"tenant\" }}\nselect tenant_id, amount from {{ ref \"orders\" }}"},
	{Code: codeTenantsUnproven, Title: "a tenant column that does not say whose a row is",
		Explain: "The customers' rows are found by the tenant column, so it has to be the tenant that a row follows from, or NULL. A copy of a tenant column is, and so is a cast between whole numbers and texts, or COALESCE of columns that hold the same tenant; anything computed, a constant, or a column of another meaning is not.",
		Bad:     "select coalesce(tenant_id, 1) as tenant_id, amount from {{ ref \"orders\" }}",
		Good:    "select tenant_id, amount from {{ ref \"orders\" }} where tenant_id is not null"},
	{Code: codeTenantsUnknown, Title: "nobody knows whose rows these are",
		Explain: "SQL in the warehouse's own language, hooks, table functions and models are not looked into, so that nothing is proved of what they make. Write it in GoogleSQL, or say with across_tenants why its tenant column is right. Nor does anybody know whose the rows of a source or seed without the tenant column are: say there which column has the tenant (tenant_column), that everybody may have all of it (distribute: shared), or why its rows tell nothing of a tenant (across_tenants).",
		Bad:     "{{ config \"dialect\" \"duckdb\" \"distribute\" \"tenant\" }}",
		Good:    "{{ config \"distribute\" \"tenant\" }}"},
	{Code: codeTenantsUnfounded, Title: "rows by tenant of what belongs to no tenant",
		Explain: "The model is given to tenants, but no source or seed behind it has a tenant column, so that the proof of who may see what would stand on nothing. Where tenants have another name there, say it at the source: tenant_column.",
		Bad:     "sources: [{name: app, tables: [{name: orders}]}] # the tenant is in account_id",
		Good:    "sources: [{name: app, tables: [{name: orders, config: {tenant_column: account_id}}]}]"},
	{Code: codeAcrossUnneeded, Title: "a reason for nothing",
		Explain: "across_tenants says why rows may come of several tenants, and the proof finds that they do not. Without it, a later change that mixes tenants would be reported.",
		Bad:     "{{ config \"distribute\" \"tenant\" \"across_tenants\" \"benchmarks\" }}\nselect tenant_id, amount from {{ ref \"orders\" }}",
		Good:    "{{ config \"distribute\" \"tenant\" }}\nselect tenant_id, amount from {{ ref \"orders\" }}"},
}

// checkIsolation reports what would reach customers that should not: places where rows of
// several tenants come together, each once, and what is declared wider than it may be. It is
// linear in the nodes and their reasons.
func (c *compiler) checkIsolation(p *Program) {
	d := c.project.Settings.Distribution
	if d == nil || c.options.Limit != nil && c.options.Limit.Empty { // no rows are nobody's
		return
	}
	t := &tenancy{p: p, d: d, silent: p.Silent(), leaves: map[addr.Node][]leaf{}, found: map[spot]*finding{}}
	for _, id := range p.Order {
		if n := p.Nodes[id]; n.Isolation != nil && !t.silent[id] && n.Config.Materialized != "ephemeral" {
			c.ofAll.Add(t.judge(n)...)
		}
	}
	for _, f := range t.order {
		c.ofAll.Add(f.report(d))
	}
}

// tenancy judges the nodes of a program.
type tenancy struct {
	p      *Program
	d      *project.Distribution
	silent map[addr.Node]bool
	leaves map[addr.Node][]leaf
	found  map[spot]*finding
	order  []*finding
}

// spot is a place where tenants meet.
type spot struct {
	node addr.Node
	why  isolation.Why
	at   source.Span
	what string
}

// finding is such a place with those that are given to customers and depend on it.
type finding struct {
	spot
	hit []hit
}

type hit struct {
	node   *Node
	column string // the only one that depends on it; empty: the rows do
	path   *way
}

// way is a node and those behind it, up to a place. Ways share their tails.
type way struct {
	node addr.Node
	next *way
}

// leaf is a place that a node depends on, with the nodes on the way to it.
type leaf struct {
	spot
	path *way
}

// maxLeaves bounds the places that are told of one node.
const maxLeaves = 8

// origins are the places that a node's rows depend on, or those of a column.
func (t *tenancy) origins(n *Node, column string) []leaf {
	key := addr.Node{Kind: n.ID.Kind, Name: n.ID.Name + "\x00" + column}
	if out, ok := t.leaves[key]; ok {
		return out
	}
	t.leaves[key] = nil // what reads itself has other reasons, too
	reasons := n.Isolation.Reasons
	if column != "" {
		reasons = []IsolationReason{n.Isolation.Taints[column]}
	}
	var out []leaf
	add := func(l leaf) {
		if len(out) < maxLeaves && !slices.ContainsFunc(out, func(o leaf) bool { return o.spot == l.spot }) {
			out = append(out, l)
		}
	}
	for _, r := range reasons {
		if r.Why != isolation.Table {
			add(leaf{spot: spot{node: n.ID, why: r.Why, at: r.At, what: r.What}, path: &way{node: n.ID}})
			continue
		}
		from := t.p.Nodes[r.From]
		if from == nil || from.Isolation == nil || t.silent[r.From] {
			continue // that has been said, or follows from what has been said
		}
		column := r.Column
		if _, ok := from.Isolation.Taints[column]; !ok {
			column = ""
		}
		for _, l := range t.origins(from, column) {
			add(leaf{spot: l.spot, path: &way{node: n.ID, next: l.path}})
		}
	}
	t.leaves[key] = out
	return out
}

// judge finds what is wrong with what is declared of a node, and notes the places where
// its rows come together with those of others.
func (t *tenancy) judge(n *Node) diag.List {
	var (
		iso    = n.Isolation
		column = TenantColumn(n, t.d)
		given  = n.Config.Distribute == ToTenant || n.Config.Distribute == ToAll || n.Config.Distribute == ToSome
		all    = n.Config.Distribute == ToAll || n.Config.Distribute == ToSome && n.Config.TenantColumn == "" && !hasColumn(n.Columns, column)
		mixed  = iso.State == isolation.Mixed || len(iso.Tainted) > 0
	)
	if given && !all && !hasColumn(n.Columns, column) && n.Unanalyzed == "" {
		return nil // it has no such column, which is said elsewhere
	}
	var wrong *diag.Diagnostic
	switch {
	case mixed || !given:
	case all && iso.State == isolation.Tenant:
		wrong = t.shared(n)
	case !all && iso.State == isolation.Clean:
		wrong = unfounded(n, column)
	case !all && !iso.Has(column):
		wrong = unproven(n, column)
	case !all && iso.Blurred && (len(n.Config.Links) > 0 || n.Config.Partial != nil):
		wrong = blurred(n, column)
	}
	switch {
	case n.Config.AcrossTenants != "":
		if wrong == nil && !mixed {
			return diag.List{acrossUnneeded(n)}
		}
	case wrong != nil:
		return diag.List{*wrong}
	case given && iso.undeclared() && len(n.Config.Only) > 0:
		// It says itself who gets all of it; it is asked of what reads it.
	case given && iso.State == isolation.Mixed:
		t.note(n, "")
	case given:
		for _, name := range iso.Tainted {
			t.note(n, name)
		}
	}
	return nil
}

func (t *tenancy) note(n *Node, column string) {
	for _, l := range t.origins(n, column) {
		f := t.found[l.spot]
		if f == nil {
			f = &finding{spot: l.spot}
			t.found[l.spot] = f
			t.order = append(t.order, f)
		}
		if !slices.ContainsFunc(f.hit, func(h hit) bool { return h.node == n }) {
			f.hit = append(f.hit, hit{node: n, column: column, path: l.path})
		}
	}
}

func (f *finding) report(d *project.Distribution) diag.Diagnostic {
	first := f.hit[0]
	subject := fmt.Sprintf("%q", first.node.ID.Name)
	if first.column != "" {
		subject = fmt.Sprintf("column %q of %s", first.column, subject)
	}
	out := diag.Diagnostic{Code: codeTenantsMixed, At: f.at, Model: first.node.ID}
	said, help := "", ""
	tenant := d.TenantColumn.V
	switch f.why {
	case isolation.Join:
		said, help = "they are joined here without their tenants", fmt.Sprintf("compare the tenants, too: on … and %s", cmp.Or(f.what, fmt.Sprintf("a.%s = b.%s", tenant, tenant)))
	case isolation.Group:
		said, help = "they are grouped here", fmt.Sprintf("group by the tenant, too: group by %s, …", tenant)
	case isolation.Window:
		said, help = "this window holds all of them", fmt.Sprintf("divide it by the tenant: over (partition by %s, …)", tenant)
	case isolation.Limit:
		said, help = "only some of all of them are kept here", fmt.Sprintf("number them within each tenant: qualify row_number() over (partition by %s order by …) <= …", tenant)
	case isolation.Subquery:
		said, help = "this subquery reads all of them", fmt.Sprintf("compare the tenant in it with that of the row: where inner.%s = outer.%s", tenant, tenant)
	case isolation.SetOp:
		said, help = "they are compared here without their tenants", fmt.Sprintf("select %s on both sides, in the same place", tenant)
	case isolation.Ancestry:
		said, help = "ancestors are followed through all of them", "what goes from one tenant to another cannot be told apart"
	case isolation.Undeclared:
		out.Code = codeTenantsUnknown
		out.Message = fmt.Sprintf("%s depends on rows of which nobody says whose they are", subject)
		out.Notes = []string{fmt.Sprintf("%s has no column %s", f.node, f.what)}
		help = fmt.Sprintf("say at %s which column has the tenant (tenant_column), that everybody may have all of it (distribute: shared), or why its rows tell nothing of a tenant (across_tenants)", f.node)
	case isolation.Hook:
		out.Code = codeTenantsUnknown
		out.Message = fmt.Sprintf("%s depends on rows of tenants that are not known", subject)
		out.Notes = []string{fmt.Sprintf("the %s of %s is not looked into", f.what, f.node)}
		help = "write it into the query, or run it elsewhere"
	default:
		out.Code = codeTenantsUnknown
		out.Message = fmt.Sprintf("%s depends on rows of tenants that are not known", subject)
		if out.Notes = append(out.Notes, fmt.Sprintf("%s is not looked into: %s", f.node, f.what)); strings.HasPrefix(f.what, "the ") {
			out.Notes = []string{f.what + " is not looked into"}
		}
		help = "write it in GoogleSQL"
	}
	if out.Message == "" {
		out.Message = fmt.Sprintf("%s depends on rows of several tenants: %s", subject, said)
	}
	if first.path.next != nil {
		var words []string
		for w := first.path.next; w != nil; w = w.next {
			words = append(words, w.node.String())
		}
		if len(words) > 6 {
			words = append(append(words[:3:3], fmt.Sprintf("%d more", len(words)-5)), words[len(words)-2:]...)
		}
		out.Notes = append(out.Notes, fmt.Sprintf("%s reads %s", first.node.ID, strings.Join(words, ", which reads ")))
	}
	if more := len(f.hit) - 1; more > 0 {
		var names []string
		for _, h := range f.hit[1:min(len(f.hit), 4)] {
			names = append(names, fmt.Sprintf("%q", h.node.ID.Name))
		}
		if more > len(names) {
			names = append(names, fmt.Sprintf("%d more", more-len(names)))
		}
		out.Notes = append(out.Notes, "so does what customers get of "+strings.Join(names, ", "))
	}
	switch {
	case f.why == isolation.Undeclared:
		out.Help = help
	case f.node.Kind == addr.Source:
		out.Help = fmt.Sprintf("%s; or say in the config of %s why it is right: across_tenants", help, f.node)
	default:
		out.Help = fmt.Sprintf(`%s; or say in the config of %q why it is right: across_tenants`, help, f.node.Name)
	}
	return out
}

// configuredAt is where a key is written at the node itself, or else where the node is: a folder's
// configuration is not wrong for what one of its files does.
func configuredAt(n *Node, key string) source.Span {
	switch at := n.Raw[key].At; {
	case !at.IsZero() && (at.File == n.File || n.Props != nil && at.File == n.Props.At.File || n.Source != nil):
		return at
	case n.Source != nil:
		return n.Source.Table.At
	case n.Seed != nil:
		return n.Seed.At
	case n.File != nil:
		return n.File.Whole()
	}
	return source.Span{}
}

// shared words that rows of tenants are given to all.
func (t *tenancy) shared(n *Node) *diag.Diagnostic {
	d := diag.Diagnostic{Code: codeTenantsShared, At: configuredAt(n, "distribute"), Model: n.ID, Message: fmt.Sprintf("%q goes to everybody and holds rows of single tenants", n.ID.Name), Help: "distribute: tenant gives each customer the rows of its tenants, distribute: never none"}
	if n.ID.Kind == addr.Model || n.ID.Kind == addr.Snapshot {
		d.Help += "; or say why they tell nothing of a tenant: across_tenants"
	}
	// The way to where rows of tenants come in.
	var words []string
	for at := n; at != nil && len(words) < 8; {
		next := (*Node)(nil)
		for _, id := range at.Parents {
			if x := t.p.Nodes[id]; x != nil && x.Isolation != nil && x.Isolation.Given.State == isolation.Tenant {
				next = x
				break
			}
		}
		if next == nil {
			break
		}
		words = append(words, next.ID.String())
		at = next
	}
	if len(words) > 0 {
		d.Notes = []string{fmt.Sprintf("it reads %s", strings.Join(words, ", which reads "))}
	}
	return &d
}

func unfounded(n *Node, column string) *diag.Diagnostic {
	return &diag.Diagnostic{Code: codeTenantsUnfounded, At: configuredAt(n, "distribute"), Model: n.ID, Message: fmt.Sprintf("nothing that %q reads says whose its rows are", n.ID.Name), Help: fmt.Sprintf("name the column at the sources and seeds that have the tenant, where it is not %s: tenant_column", column)}
}

func unproven(n *Node, column string) *diag.Diagnostic {
	d := &diag.Diagnostic{Code: codeTenantsUnproven, At: configuredAt(n, "distribute"), Model: n.ID, Message: fmt.Sprintf("column %q of %q does not say whose its rows are", column, n.ID.Name), Help: fmt.Sprintf("select a column with the tenant as it is, or say why %s is right: across_tenants", column)}
	if l := n.Lineage.Get(); l != nil {
		for _, col := range l.Columns {
			if !strings.EqualFold(col.Name, column) {
				continue
			}
			for _, s := range col.Sources {
				if len(s.Via) == 0 {
					continue
				}
				if at, ok := n.TextMap.At(s.Via[0].Start, s.Via[0].End); ok {
					d.At, d.AtText = at, "this is not the tenant of the row, or not of every row"
					break
				}
			}
		}
	}
	names := make([]string, 0, len(n.Isolation.Columns))
	for _, col := range n.Isolation.Columns {
		names = append(names, col.Name)
	}
	d.Notes = []string{"no column of it does"}
	if len(names) > 0 {
		d.Notes = []string{"what does: " + strings.Join(names, ", ")}
		d.Help = fmt.Sprintf("tenant_column: %s, or say why %s is right: across_tenants", names[0], column)
	}
	return d
}

// blurred words that a link may lead to a row that comes of several tenants.
func blurred(n *Node, column string) *diag.Diagnostic {
	key := "links"
	if len(n.Config.Links) == 0 {
		key = "partial"
	}
	return &diag.Diagnostic{Code: codeTenantsUnproven, At: configuredAt(n, key), Model: n.ID, Message: fmt.Sprintf("rows of %q without %s may come of several tenants, and %s can lead to them", n.ID.Name, column, key), Help: fmt.Sprintf("leave them out: where %s is not null; or say why they tell nothing of a tenant: across_tenants", column)}
}

func acrossUnneeded(n *Node) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeAcrossUnneeded, At: configuredAt(n, "across_tenants"), Model: n.ID, Message: fmt.Sprintf("%q needs no across_tenants", n.ID.Name), Notes: []string{"it holds " + holds(n.Isolation)}, Help: "remove it, so that a change which mixes tenants is reported"}
}

func holds(i *Isolation) string {
	if i.State == isolation.Clean {
		return "no tenant's rows"
	}
	return "rows that follow from those of a single tenant each"
}
