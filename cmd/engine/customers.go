package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/tenant"
)

func (a *app) customersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "customers [show NAME]",
		Short: "list the customers, what they have and what is due",
		Long: text(`
Lists the customers of the distribution: tier, mode, how many tenants, the contract that
they read, when they were last published, how many models and rows they have, how many models
are due, and who may read. show NAME says all of one customer: its schemas, tenants, lists,
custom fields and models. Nothing is written.`),
		Example: `  engine customers
  engine customers show acme
  engine customers -o json`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) == 0:
				return []string{"list", "show"}, cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1 && args[0] == "show":
				return a.completeCustomer(cmd, args, word)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	a.outputFlag(cmd, "human", "json", "github")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := ""
		switch {
		case len(args) == 0 || len(args) == 1 && args[0] == "list":
		case len(args) == 2 && args[0] == "show":
			name = args[1]
		case len(args) == 1 && args[0] == "show":
			return mistake(wrongArguments(cmd, "show takes the name of a customer"))
		default:
			d := wrongArguments(cmd, fmt.Sprintf("%q is nothing that customers does", strings.Join(args, " ")))
			if near, ok := diag.Suggest(args[0], []string{"list", "show"}); ok {
				d.Help = fmt.Sprintf("did you mean %q?", near)
			}
			return mistake(d)
		}
		s, err := a.compiled(cmd.Context())
		if err != nil {
			return err
		}
		if err := s.distributing(); err != nil {
			return err
		}
		return s.customers(cmd.Context(), name)
	}
	return cmd
}

// customerDocument is a customer for programs.
type customerDocument struct {
	Customer   string   `json:"customer"`
	Title      string   `json:"title,omitempty"`
	Tier       int      `json:"tier,omitempty"`
	Mode       string   `json:"mode,omitempty"`
	Configured bool     `json:"configured"`
	Enabled    bool     `json:"enabled"`
	Canary     bool     `json:"canary,omitempty"`
	Tenants    []string `json:"tenants"`
	Contract   int      `json:"contract"`
	Schemas    []string `json:"schemas"`
	Workspace  string   `json:"workspace,omitempty"`
	Principals []string `json:"principals"`
	// Granted are those that have access, of the last publication.
	Granted   []string                     `json:"granted"`
	Links     map[string]int               `json:"links,omitempty"`
	Transfers map[string]int               `json:"transfers,omitempty"`
	Fields    map[string]map[string]string `json:"custom_fields,omitempty"` // column by model and ID
	// Names are what the fields are called now, by model and ID, where that is not the ID.
	Names     map[string]map[string]string `json:"custom_field_names,omitempty"`
	Published *time.Time                   `json:"published,omitempty"`
	Run       string                       `json:"run,omitempty"`
	Unended   bool                         `json:"unended,omitempty"`
	// Rows are -1 where they are in tables that customers share, of which SharedRows are all.
	Rows       int64               `json:"rows"`
	SharedRows *int64              `json:"shared_rows,omitempty"`
	Models     []customerModel     `json:"models"`
	Due        int                 `json:"due"`
	Reasons    []distribute.Reason `json:"reasons,omitempty"`
}

type customerModel struct {
	Node addr.Node         `json:"node"`
	Rows int64             `json:"rows"` // -1 unknown
	Due  distribute.Reason `json:"due,omitempty"`
}

// customers is engine customers.
func (s *session) customers(ctx context.Context, name string) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	snapshot, err := s.snapshot(ctx, conn)
	if err != nil {
		return err
	}
	q := distribute.Request{Snapshot: snapshot}
	if name != "" {
		q.Only = []string{name}
	}
	p, err := s.prepared(s.errand(ctx, ""), conn, q, exitMistake)
	if err != nil {
		return err
	}
	s.warn()
	list := documents(p)
	if name != "" {
		i := slices.IndexFunc(list, func(d customerDocument) bool { return d.Customer == name })
		if i < 0 {
			return fmt.Errorf("customer %s is known, and not in the list of customers", name)
		}
		if wantsJSON(s.app.global.output) {
			return view.JSON(s.app.out, list[i])
		}
		return s.showCustomer(list[i])
	}
	if wantsJSON(s.app.global.output) {
		return view.JSON(s.app.out, list)
	}
	return s.listCustomers(list)
}

// documents are the customers that are configured, and those that were published and are not
// any more.
func documents(p *distribute.Prepared) []customerDocument {
	due := map[string]*distribute.Customer{}
	for _, c := range p.Plan.Customers {
		due[c.Name] = c
	}
	seen := map[string]bool{}
	list := []customerDocument{}
	for i := range p.Config.Customers {
		c := &p.Config.Customers[i]
		seen[c.Name] = true
		places := p.Setting.Places(c)
		d := customerDocument{
			Customer: c.Name, Title: c.Title, Tier: c.Tier, Mode: string(c.Mode), Configured: true, Enabled: c.Enabled, Canary: c.Canary, Contract: c.Contract,
			Schemas: places.All(), Workspace: places.Workspace, Tenants: []string{}, Links: map[string]int{}, Transfers: map[string]int{},
			Principals: append([]string{}, c.Principals...),
		}
		for _, k := range c.Tenants {
			d.Tenants = append(d.Tenants, k.Text)
		}
		for entity, keys := range c.Links {
			d.Links[entity] = keys.Count
		}
		for entity, keys := range c.Transfers {
			d.Transfers[entity] = keys.Count
		}
		for model, fields := range c.Fields {
			if d.Fields == nil {
				d.Fields = map[string]map[string]string{}
			}
			d.Fields[model] = map[string]string{}
			for _, f := range fields {
				d.Fields[model][f.ID] = f.Column
				if f.Name != f.ID {
					if d.Names == nil {
						d.Names = map[string]map[string]string{}
					}
					if d.Names[model] == nil {
						d.Names[model] = map[string]string{}
					}
					d.Names[model][f.ID] = f.Name
				}
			}
		}
		from := c.Name
		if d.Mode == "rows" && c.Enabled {
			from = distribute.SharedRows
			d.Schemas, d.Workspace = p.Setting.Shared().All(), ""
		}
		list = append(list, published(d, p, from, due[from]))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Past)) {
		if !seen[name] && name != distribute.SharedRows {
			past := p.Past[name]
			list = append(list, published(customerDocument{Customer: name, Mode: past.Mode, Contract: past.Contract, Tenants: []string{}, Principals: []string{}, Schemas: []string{}}, p, name, due[name]))
		}
	}
	return list
}

// published adds what a customer has and what is due; from is the name that it is published
// under.
func published(d customerDocument, p *distribute.Prepared, from string, due *distribute.Customer) customerDocument {
	past, had := p.Past[from]
	d.Granted, d.Models = append([]string{}, past.Granted...), []customerModel{}
	models := map[addr.Node]customerModel{}
	if had {
		if at := past.PublishedAt; !at.IsZero() {
			d.Published, d.Run = &at, past.Published
		}
		d.Unended, d.Rows = past.Begun, past.Rows
		for n, pair := range past.Pairs {
			models[n] = customerModel{Node: n, Rows: pair.Rows}
		}
		if from == distribute.SharedRows {
			d.Rows, d.SharedRows = -1, &past.Rows
			for n := range models {
				models[n] = customerModel{Node: n, Rows: -1}
			}
		}
	}
	if due != nil {
		d.Due, d.Reasons = len(due.Pairs), due.Reasons
		for _, pair := range due.Pairs {
			m := models[pair.Node]
			if _, there := models[pair.Node]; !there {
				m.Rows = -1
			}
			m.Node, m.Due = pair.Node, pair.Reason
			models[pair.Node] = m
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(models), addr.Node.Compare) {
		d.Models = append(d.Models, models[n])
	}
	return d
}

func (s *session) listCustomers(list []customerDocument) error {
	rows := [][]string{{"customer", "tier", "mode", "tenants", "contract", "published", "models", "rows", "due", "principals"}}
	now := s.app.now()
	for _, d := range list {
		when, due := "never", "-"
		if d.Published != nil {
			when = view.Age(now.Sub(*d.Published)) + " ago"
		}
		if d.Unended {
			when += ", unfinished"
		}
		switch {
		case !d.Configured:
			due = "not configured"
		case !d.Enabled:
			due = "disabled"
		case d.Due > 0:
			due = view.Number(d.Due, "model")
		case len(d.Reasons) > 0:
			due = view.ReasonWords(d.Reasons[0])
		}
		had := 0
		for _, m := range d.Models {
			if m.Due != distribute.ReasonNew {
				had++
			}
		}
		count := view.Count(d.Rows)
		if d.SharedRows != nil {
			count = "of " + view.Count(*d.SharedRows)
		}
		tier := fmt.Sprint(d.Tier)
		if !d.Configured {
			tier = ""
		}
		rows = append(rows, []string{d.Customer, tier, d.Mode, fmt.Sprint(len(d.Tenants)), fmt.Sprint(d.Contract), when, fmt.Sprint(had), count, due, view.List(d.Principals)})
	}
	_, err := io.WriteString(s.app.out, aligned(rows))
	return err
}

func (s *session) showCustomer(d customerDocument) error {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", what, fmt.Sprintf(format, args...))
	}
	name := d.Customer
	if d.Title != "" {
		name += " (" + d.Title + ")"
	}
	line("customer", "%s", name)
	switch {
	case !d.Configured:
		line("", "not configured any more")
	case !d.Enabled:
		if d.Mode == string(tenant.Rows) {
			line("", "disabled: its rows are in no shared table")
		} else {
			line("", "disabled: it keeps what it has")
		}
	}
	if d.Configured {
		line("tier", "%d, mode %s, contract %d", d.Tier, d.Mode, d.Contract)
		line("schemas", "%s", view.List(d.Schemas))
	}
	if d.Workspace != "" {
		line("workspace", "%s", d.Workspace)
	}
	const most = 20
	tenants := d.Tenants
	if len(tenants) > most {
		tenants = append(slices.Clone(tenants[:most]), fmt.Sprintf("and %d more", len(tenants)-most))
	}
	line("tenants", "%d: %s", len(d.Tenants), view.List(tenants))
	for _, l := range []struct {
		what string
		of   map[string]int
	}{{"links", d.Links}, {"transfers", d.Transfers}} {
		for _, entity := range slices.Sorted(maps.Keys(l.of)) {
			line(l.what, "%s of %s", view.Number(l.of[entity], "key"), entity)
		}
	}
	if len(d.Principals)+len(d.Granted) > 0 {
		line("principals", "%s", view.List(d.Principals))
		line("have access", "%s", view.List(d.Granted))
	}
	switch {
	case d.Published == nil:
		line("published", "never")
	case d.SharedRows != nil:
		line("published", "%s by run %s, in tables that share %s", moment(*d.Published), d.Run, view.Number(int(*d.SharedRows), "row"))
	default:
		line("published", "%s by run %s, %s", moment(*d.Published), d.Run, view.Number(int(d.Rows), "row"))
	}
	if d.Unended {
		line("", "a run since then did not end; the next publication goes on")
	}
	for _, model := range slices.Sorted(maps.Keys(d.Fields)) {
		var columns []string
		for _, id := range slices.Sorted(maps.Keys(d.Fields[model])) {
			what := id
			if name := d.Names[model][id]; name != "" {
				what += ", now " + strconv.Quote(name)
			}
			columns = append(columns, d.Fields[model][id]+" ("+what+")")
		}
		line("fields", "%s: %s", model, view.List(columns))
	}
	if len(d.Models) > 0 {
		rows := [][]string{{"", "model", "rows", "due"}}
		for _, m := range d.Models {
			count, due := "", ""
			if m.Rows >= 0 {
				count = view.Count(m.Rows)
			}
			if m.Due != "" {
				due = view.ReasonWords(m.Due)
			}
			rows = append(rows, []string{"", m.Node.String(), count, due})
		}
		b.WriteString("\n" + aligned(rows))
	}
	_, err := io.WriteString(s.app.out, b.String())
	return err
}
