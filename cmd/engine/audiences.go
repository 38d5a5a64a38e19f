package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/catalog"
	"github.com/engine-build/engine/catalog/audience"
	"github.com/engine-build/engine/catalog/content"
	material "github.com/engine-build/engine/catalog/genealogy"
	"github.com/engine-build/engine/cmd/engine/view"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/lineage"
)

const (
	codeAudience diag.Code = "audience-unknown"
	codeMention  diag.Code = "audience-mention"
	codeFolders  diag.Code = "audience-folders"
	codeNothing  diag.Code = "audience-empty"
	codeLeftSite diag.Code = "audience-left"
)

// audienceCodes is the part of the catalogue that belongs to sites for audiences.
var audienceCodes = []diag.Entry{
	{Code: codeAudience, Title: "an audience or customer that does not exist",
		Explain: "--audience takes names below audiences of catalog in engine.yml, public, customers where there is a distribution, internal, and all. --customer takes customers of the distribution that are enabled.",
		Bad:     "engine docs generate --audience partner", Good: "catalog:\n  audiences:\n    partner: {select: [tag:partner]}"},
	{Code: codeMention, Title: "a text names what its readers are not shown",
		Explain: "Descriptions and other texts of what an audience sees may name models, customers or people that it does not see. Names that can mean nothing else, links and code are left out of the site; a name that is a plain word as well stays, and this warning asks you to look.",
		Bad:     "description: Made of stg_orders.", Good: "description: One row per order."},
	{Code: codeFolders, Title: "two sites in one folder",
		Explain: "Whoever publishes the folder of one site would publish the other one with it. Each audience has a folder of its own, none inside another.",
		Bad:     "audiences:\n  public: {path: target/catalog/public}", Good: "audiences:\n  public: {path: target/public}"},
	{Code: codeNothing, Title: "an audience that is shown nothing",
		Explain: "No node is selected for the audience. Without select an audience is shown the models with access: public, and a customer what distribute gives it.",
		Bad:     "audiences:\n  public: {}\n# and no model has access: public", Good: "audiences:\n  public: {select: [\"tag:open\"]}"},
	{Code: codeLeftSite, Title: "the site of somebody who is no customer any more",
		Explain: "A folder among those of customers' sites has the site of a customer that is not configured or not enabled any more. It is not touched, and it is not renewed.",
		Bad:     "target/catalog-customers/gone/index.html", Good: "rm -r target/catalog-customers/gone"},
}

// internalAudience is the word for the project's own people.
const internalAudience = "internal"

// audienceFlags say for whom sites are made.
type audienceFlags struct {
	audiences, customers []string
	baseline             string
}

func (f *audienceFlags) register(a *app, cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&f.audiences, "audience", nil, "make the site of this `audience` of engine.yml instead: its name, customers, internal, or all; may be repeated")
	fs.StringSliceVar(&f.customers, "customer", nil, "make the site of this `customer` instead; may be repeated")
	fs.StringVar(&f.baseline, "baseline", "", "tell what has changed since then: a `file or folder` with a snapshot, or a target; default: the last site that said something else")
	must(cmd.RegisterFlagCompletionFunc("audience", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		s, err := a.load()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		configured, others := s.project.Settings.AudienceNames()
		return append(append(configured, others...), internalAudience, project.AllAudiences), cobra.ShellCompDirectiveNoFileComp
	}))
	must(cmd.RegisterFlagCompletionFunc("customer", a.completeCustomer))
}

// any reports whether sites of others than the project's own people are asked for.
func (f *audienceFlags) any() bool { return len(f.audiences)+len(f.customers) > 0 }

// edition is one site that is to be made.
type edition struct {
	name     string // of the audience
	customer string
	dir      string
	audience audience.Audience
	// lots reads the lots that it may show; nil: it has no pages of them.
	lots func(context.Context) (*material.Graph, error)
}

// snapshot is the name of the edition's snapshot below the target folder.
func (e *edition) snapshot() string {
	switch {
	case e.customer != "":
		return filepath.Join("catalog_snapshots", project.CustomerAudience, e.customer)
	case e.name == internalAudience:
		return "catalog"
	}
	return filepath.Join("catalog_snapshots", e.name)
}

// siteDocument is a site that was made, for programs.
type siteDocument struct {
	Audience string `json:"audience"`
	Customer string `json:"customer,omitempty"`
	Catalog  string `json:"catalog"`
	Nodes    int    `json:"nodes"`
}

// checkAudiences refuses names that are none and folders that lie in each other, before
// anything is read.
func (s *session) checkAudiences(f *audienceFlags) error {
	configured, others := s.project.Settings.AudienceNames()
	known := append(slices.Clone(configured), others...)
	var list diag.List
	for _, name := range f.audiences {
		if name != project.AllAudiences && name != internalAudience && !slices.Contains(known, name) {
			list.Add(audienceUnknown(name, append(known, internalAudience, project.AllAudiences)))
		}
		if name == project.AllAudiences && len(configured) == 0 && s.project.Settings.Distribution == nil {
			list.Add(diag.Diagnostic{Code: codeAudience, Message: "there are no audiences", Help: "write them below audiences of catalog in engine.yml"})
		}
	}
	if len(f.customers) > 0 && s.project.Settings.Distribution == nil {
		return s.distributing()
	}
	if len(list) > 0 {
		return &mistakes{list, exitMistake}
	}
	return s.sitesApart()
}

// folderOf is where the site of an audience is written.
func (s *session) folderOf(name string) string {
	if name == internalAudience {
		return filepath.Dir(s.catalogPage())
	}
	a, _ := s.project.Settings.Audience(name)
	if !a.Path.IsSet() {
		return filepath.Join(s.target(), "catalog-"+name)
	}
	if filepath.IsAbs(a.Path.V) {
		return filepath.Clean(a.Path.V)
	}
	return filepath.Join(s.dir, filepath.FromSlash(a.Path.V))
}

// sitesApart refuses folders of sites that lie in each other: those of all audiences, made now or not.
func (s *session) sitesApart() error {
	type home struct{ name, dir string }
	configured, others := s.project.Settings.AudienceNames()
	homes := []home{{internalAudience, s.folderOf(internalAudience)}}
	for _, name := range append(configured, others...) {
		h := home{name, s.folderOf(name)}
		for _, other := range homes {
			if inFolder(h.dir, other.dir) || inFolder(other.dir, h.dir) {
				a, _ := s.project.Settings.Audience(name)
				return mistake(diag.Diagnostic{Code: codeFolders, At: a.Path.At, Message: fmt.Sprintf("the site of audience %s would lie in one folder with that of %s: %s and %s", name, other.name, s.app.shown(h.dir), s.app.shown(other.dir)),
					Help: "give each audience a folder of its own: whoever publishes one must not publish the other"})
			}
		}
		homes = append(homes, h)
	}
	return nil
}

// inFolder reports whether a path is a folder or lies in it.
func inFolder(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// generateFor writes the sites of the audiences and customers that are asked for, and nothing else.
func (s *session) generateFor(ctx context.Context, f *audienceFlags) ([]siteDocument, error) {
	if err := s.checkAudiences(f); err != nil {
		return nil, err
	}
	known, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.content(known, nil, s.meta(newRunID(s.app.now()), order{which: "generate"}))
	if err != nil {
		return nil, failure(plainError(err))
	}
	list, err := s.editions(ctx, f, c)
	if err != nil {
		return nil, err
	}
	done, err := s.withMaterials(ctx, known, list)
	if err != nil {
		return nil, err
	}
	docs, err := s.makeEditions(ctx, list, c, f)
	err = errors.Join(err, done())
	s.warn()
	if err != nil {
		var known *mistakes
		if errors.As(err, &known) {
			return nil, known
		}
		return nil, failure(plainError(err))
	}
	return docs, nil
}

// editions are the sites that are asked for.
func (s *session) editions(ctx context.Context, f *audienceFlags, c *content.Catalog) ([]*edition, error) {
	names := f.audiences
	if slices.Contains(names, project.AllAudiences) {
		configured, others := s.project.Settings.AudienceNames()
		names = append([]string{internalAudience}, configured...)
		for _, name := range others {
			if name == project.CustomerAudience {
				names = append(names, name)
			}
		}
	}
	if len(f.customers) > 0 && !slices.Contains(names, project.CustomerAudience) {
		names = append(slices.Clone(names), project.CustomerAudience)
	}
	var out []*edition
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		if name == internalAudience {
			out = append(out, &edition{name: name, dir: s.folderOf(name)})
			continue
		}
		written, _ := s.project.Settings.Audience(name)
		a := audience.Audience{Name: name, Title: written.Title.V, Lineage: audience.Lineage(written.Lineage.V)}
		for _, v := range written.Show {
			a.Show = append(a.Show, audience.Facet(v.V))
		}
		if name == project.CustomerAudience {
			more, err := s.customerEditions(f, c, a)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		nodes, err := s.shownTo(ctx, written, c)
		if err != nil {
			return nil, err
		}
		if a.Nodes = nodes; len(nodes) == 0 {
			help := "give models access: public, or say what it is shown with select"
			if len(written.Select) > 0 {
				help = "nothing fits its select"
			}
			s.warnings.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeNothing, At: written.Name.At, Message: fmt.Sprintf("audience %s is shown nothing", name), Help: help})
		}
		out = append(out, &edition{name: name, dir: s.folderOf(name), audience: a})
	}
	return out, nil
}

// shownTo are the numbers of the nodes that an audience is shown.
func (s *session) shownTo(ctx context.Context, a project.CatalogAudience, c *content.Catalog) ([]int, error) {
	var out []int
	if len(a.Select)+len(a.Exclude) == 0 {
		for i, n := range c.Nodes {
			if n.ID.Kind == addr.Model && n.Access == "public" {
				out = append(out, i)
			}
		}
		return out, nil
	}
	q := lineage.Query{Select: plainValues(a.Select), Exclude: plainValues(a.Exclude), ResourceTypes: append(builtKinds[:3:3], addr.Source, addr.Exposure), Indirect: lineage.Indirects[0]}
	if len(q.Select) == 0 {
		q.Select = []string{"access:public"}
	}
	chosen, err := s.choose(ctx, q)
	if err != nil {
		return nil, err
	}
	for i, n := range c.Nodes {
		if chosen.Nodes[n.ID] {
			out = append(out, i)
		}
	}
	return out, nil
}

// customerEditions are those of the customers that are asked for, or of all.
func (s *session) customerEditions(f *audienceFlags, c *content.Catalog, a audience.Audience) ([]*edition, error) {
	if len(c.Customers) == 0 {
		return nil, failure(diag.Diagnostic{Code: codeAudience, Message: "it is not known who the customers are", Help: "engine customers says why"})
	}
	var known []string
	for _, x := range c.Customers {
		known = append(known, x.Name)
	}
	var list diag.List
	for _, name := range f.customers {
		if !slices.Contains(known, name) {
			d := diag.Diagnostic{Code: codeAudience, Message: fmt.Sprintf("there is no customer %q, or it is disabled", name), Help: "engine customers lists them"}
			if near, ok := diag.Suggest(name, known); ok {
				d.Help = fmt.Sprintf("did you mean %q?", near)
			}
			list.Add(d)
		}
	}
	if len(list) > 0 {
		return nil, &mistakes{list, exitMistake}
	}
	base := s.folderOf(project.CustomerAudience)
	var out []*edition
	for _, name := range known {
		if len(f.customers) > 0 && !slices.Contains(f.customers, name) {
			continue
		}
		one := a
		one.Customer = name
		out = append(out, &edition{name: project.CustomerAudience, customer: name, dir: filepath.Join(base, name), audience: one})
	}
	if len(f.customers) == 0 {
		s.leftSites(base, known)
	}
	return out, nil
}

// leftSites warns of sites of customers that are none any more.
func (s *session) leftSites(base string, known []string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return // nothing was ever made there
	}
	var left []string
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(known, e.Name()) {
			if _, err := os.Stat(filepath.Join(base, e.Name(), "index.html")); err == nil {
				left = append(left, e.Name())
			}
		}
	}
	if len(left) > 0 {
		s.warnings.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeLeftSite, Message: fmt.Sprintf("%s has sites of %s, who are no customers any more: %s", s.app.shown(base), view.Number(len(left), "other"), view.List(left)), Help: "remove the folders, there and where they were published"})
	}
}

// makeEditions writes the sites, several at a time, and gives what was made.
func (s *session) makeEditions(ctx context.Context, list []*edition, c *content.Catalog, f *audienceFlags) ([]siteDocument, error) {
	source := audience.Prepare(c)
	docs := make([]siteDocument, len(list))
	found := make([][]audience.Warning, len(list))
	errs := make([]error, len(list))
	var wait sync.WaitGroup
	next := make(chan int)
	for range min(len(list), runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := range next {
				e := list[i]
				narrow := c
				if e.name != internalAudience {
					narrow, found[i] = source.For(e.audience)
				}
				docs[i] = siteDocument{Audience: e.name, Customer: e.customer, Catalog: filepath.Join(e.dir, "index.html"), Nodes: len(narrow.Nodes)}
				errs[i] = s.writeEdition(ctx, e, narrow, c, f)
			}
		})
	}
	for i := range list {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wait.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s.mentions(slices.Concat(found...), c)
	return docs, errors.Join(errs...)
}

// writeEdition writes one site with what has changed in it. full is what c was narrowed from.
func (s *session) writeEdition(ctx context.Context, e *edition, c, full *content.Catalog, f *audienceFlags) error {
	differ, err := s.since(ctx, e, c, full, f)
	if err != nil {
		return err
	}
	var options catalog.Options
	if e.lots != nil {
		g, err := e.lots(ctx)
		if err != nil {
			return err
		}
		options = materialPages(g)
	}
	options.Changes = differ
	return catalog.Build(c, options).Write(e.dir)
}

// mentions warns of texts that name what their readers are not shown.
func (s *session) mentions(all []audience.Warning, c *content.Catalog) {
	at := make(map[addr.Node]*content.Node, len(c.Nodes))
	for _, n := range c.Nodes {
		at[n.ID] = n
	}
	slices.SortFunc(all, func(a, b audience.Warning) int { return strings.Compare(a.String(), b.String()) })
	all = slices.Compact(all)
	const most = 20
	for i, w := range all {
		if i == most {
			s.warnings.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeMention, Message: fmt.Sprintf("%s more of texts that name what an audience is not shown", view.Number(len(all)-most, "warning"))})
			return
		}
		d := diag.Diagnostic{Severity: diag.Warning, Code: codeMention, Message: w.String()}
		if n := at[w.Node]; n != nil && n.YAML != "" {
			d.Notes = []string{fmt.Sprintf("it is written in %s:%d", n.YAML, n.Line)}
		}
		s.warnings.Add(d)
	}
}

func audienceUnknown(name string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeAudience, Message: fmt.Sprintf("there is no audience %q", name), Help: "known are " + view.List(known) + "; write it below audiences of catalog in engine.yml"}
	if near, ok := diag.Suggest(name, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

// showEditions says what was made.
func (a *app) showEditions(docs []siteDocument) error {
	customers, dir := 0, ""
	for _, d := range docs {
		if d.Customer != "" && len(docs) > 3 {
			customers++
			dir = filepath.Dir(filepath.Dir(d.Catalog))
			continue
		}
		who := d.Audience
		if d.Customer != "" {
			who = d.Customer
		}
		if _, err := fmt.Fprintf(a.out, "%-9s %s (%s, %s)\n", "catalog", a.shown(d.Catalog), who, view.Number(d.Nodes, "node")); err != nil {
			return err
		}
	}
	if customers > 0 {
		_, err := fmt.Fprintf(a.out, "%-9s %s (%s)\n", "catalogs", a.shown(dir), view.Number(customers, "customer"))
		return err
	}
	return nil
}
