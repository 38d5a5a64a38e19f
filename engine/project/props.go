package project

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// part is what one properties file says.
type part struct {
	props, testProps []*Props
	sources          []*Source
	exposures        []*Exposure
	unitTests        []*UnitTest
	groups           []*Group
	docs             []docUse
	list             diag.List
}

// foreignTop are top-level keys of dbt's properties files that engine does not have.
var foreignTop = hints{
	"macros":          "describe macros in a comment of their file",
	"metrics":         "there is no semantic layer; remove it",
	"semantic_models": "there is no semantic layer; remove it",
	"saved_queries":   "there is no semantic layer; remove it",
	"functions":       "create functions in on-run-start",
}

// readProps decodes a properties file. It touches nothing but its own document, so that
// files can be read in parallel.
func readProps(d *document) part {
	var p part
	if d.root == nil {
		return p
	}
	r := &reader{doc: d}
	if top, ok := r.object(d.root, "the properties file"); ok {
		p.top(top)
	}
	p.list, p.docs = append(p.list, r.list...), r.docs
	return p
}

func (p *part) top(o *object) {
	if v := o.integer("version"); v.IsSet() && v.V != 2 {
		o.list.Add(valueInvalid(v.At, fmt.Sprintf("version %d of properties files is unknown", v.V), "remove the line, or write version: 2"))
	}
	o.has("anchors") // a place for anchors that are used elsewhere in the file
	for _, kind := range []addr.Kind{addr.Model, addr.Seed, addr.Snapshot} {
		for _, n := range o.items(string(kind) + "s") {
			if props := readRelation(o.reader, n, kind); props != nil {
				p.props = append(p.props, props)
			}
		}
	}
	for _, n := range o.items("analyses") {
		if props := readRelation(o.reader, n, addr.Analysis); props != nil {
			p.props = append(p.props, props)
		}
	}
	for _, n := range o.items("data_tests") {
		if props := readTestProps(o.reader, n); props != nil {
			p.testProps = append(p.testProps, props)
		}
	}
	for _, n := range o.items("sources") {
		p.sources = append(p.sources, readSource(o.reader, n)...)
	}
	for _, n := range o.items("exposures") {
		if e := readExposure(o.reader, n); e != nil {
			p.exposures = append(p.exposures, e)
		}
	}
	for _, n := range o.items("unit_tests") {
		if u := readUnitTest(o.reader, n); u != nil {
			p.unitTests = append(p.unitTests, u)
		}
	}
	for _, n := range o.items("groups") {
		if g := readGroup(o.reader, n); g != nil {
			p.groups = append(p.groups, g)
		}
	}
	o.finish(func(name string) string {
		switch name {
		case "tests":
			return `list properties of singular tests under "data_tests", and tests of a model inside its entry`
		case "columns", "name", "description":
			return `put it into an entry of a list, for example below "models:"`
		case "vars", "targets":
			return "it belongs in engine.yml"
		}
		return ""
	}, foreignTop)
}

// named opens an entry of a list and takes its name. what becomes «model "orders"».
func (r *reader) named(n *yaml.Node, kind string) (*object, Value[string], bool) {
	o, ok := r.object(n, "the "+kind)
	if !ok {
		return nil, Value[string]{}, false
	}
	name, ok := o.required("name")
	if ok {
		o.what = kind + " " + strconv.Quote(name.V)
	}
	return o, name, ok
}

var foreignRelation = hints{
	"time_spine":      "there is no semantic layer; remove it",
	"primary_key":     `use the data tests "unique" and "not_null"`,
	"quoting":         "names are always quoted where they need it; remove it",
	"relation":        "write a file in snapshots/ that selects from the relation",
	"freshness":       "freshness belongs to sources",
	"loaded_at_field": "freshness belongs to sources",
	"static_analysis": "remove it",
	"granularity":     "there is no semantic layer; remove it",
	"external":        "external tables are made outside of engine; remove it",
	"loaded_at_query": "freshness belongs to sources",
	"overrides":       "there are no packages; remove it",
	"fixture":         `give the rows under "rows"`,
	"metrics":         "there is no semantic layer; remove it",
	"event_time":      `write it under "config"`,
}

// readRelation reads an entry of models, seeds or snapshots.
func readRelation(r *reader, n *yaml.Node, kind addr.Kind) *Props {
	o, name, ok := r.named(n, string(kind))
	if o == nil {
		return nil
	}
	p := &Props{Kind: kind, Name: name, At: o.at}
	p.Description.At = o.description(&p.Description.V)
	p.Docs = readDocsShow(o)
	p.Meta, p.Tags = o.dict("meta"), o.tags()
	if kind != addr.Analysis { // which is no relation
		p.Group, p.Owner, p.Tier = o.checked("group", kind), o.checked("owner", kind), o.checked("tier", kind)
		p.Constraints = readConstraints(o, true)
		p.Tests = readTests(o, "")
	}
	if kind == addr.Model {
		p.Access = o.checked("access", kind)
		p.DeprecationDate = o.date("deprecation_date")
		p.latestVersion = o.str("latest_version")
		p.versions = readVersions(o)
	}
	p.Columns = readColumns(o)
	p.Config, _ = o.config(kind)
	o.finish(func(key string) string { return besideConfig(key, kind) }, foreignRelation)
	if !ok {
		return nil
	}
	return p
}

// besideConfig explains a key that is only understood below config, or by other kinds.
func besideConfig(key string, kind addr.Kind) string {
	if k, ok := LookupKey(key, kind); ok {
		return fmt.Sprintf("put it under \"config\": config: {%s: …}", k.Name)
	}
	if foreignConfig[key] != "" {
		return foreignConfig[key]
	}
	switch {
	case kind == addr.Test:
	case key == "tables" || key == "identifier" || key == "loader":
		return "it belongs to sources"
	case key == "versions" || key == "latest_version" || key == "deprecation_date":
		return "it belongs to models"
	case key == "data_type" || key == "quote":
		return "it belongs to a column"
	}
	return otherKind(key, kind)
}

// checked takes a property whose values are those of the config key of the same name.
func (o *object) checked(name string, kind addr.Kind) Value[string] {
	v := o.str(name)
	if !v.IsSet() {
		return v
	}
	out, problem := CheckConfig(name, v.V, kind, v.At)
	if problem != nil {
		o.list.Add(*problem)
		return Value[string]{}
	}
	v.V, _ = out.(string)
	return v
}

func readDocsShow(o *object) map[string]Value[any] {
	in, ok := o.child("docs")
	if !ok {
		return nil
	}
	out := map[string]Value[any]{}
	if v := in.boolean("show"); v.IsSet() {
		out["show"] = Value[any]{v.V, v.At}
	}
	if v := in.str("node_color"); v.IsSet() {
		out["node_color"] = Value[any]{v.V, v.At}
	}
	in.finish(nil, nil)
	return out
}

func readColumns(o *object) []*Column { return readColumnItems(o, o.items("columns")) }

func readColumnItems(o *object, items []*yaml.Node) []*Column {
	var out []*Column
	seen := map[string]Value[string]{}
	for _, n := range items {
		in, name, ok := o.named(n, "column")
		if in == nil {
			continue
		}
		in.what += " of " + o.what
		c := &Column{Name: name, At: in.at}
		c.Description.At = in.description(&c.Description.V)
		c.DataType = in.str("data_type")
		c.Quote = in.boolean("quote").V
		c.Protected = in.boolean("protected")
		c.Meta, c.Tags = in.dict("meta"), in.tags()
		c.PolicyTags = in.strs("policy_tags")
		c.Constraints = readConstraints(in, false)
		if cfg, ok := in.child("config"); ok {
			cfg.what = "config of " + in.what
			c.Meta, c.Tags = joinMeta(c.Meta, cfg.dict("meta")), append(c.Tags, cfg.tags()...)
			c.PolicyTags = append(c.PolicyTags, cfg.strs("policy_tags")...)
			cfg.finish(func(key string) string { return besideColumn(key, true) }, foreignRelation)
		}
		c.Tests = readTests(in, name.V)
		in.finish(func(key string) string { return besideColumn(key, false) }, foreignRelation)
		if !ok {
			continue
		}
		if first, twice := seen[name.V]; twice {
			o.list.Add(nameDuplicate(name.At, "column", name.V, first.At, "column", "remove one of the entries"))
			continue
		}
		seen[name.V] = name
		out = append(out, c)
	}
	return out
}

func besideColumn(key string, inConfig bool) string {
	switch key {
	case "type":
		return `write "data_type"`
	case "unique", "not_null", "accepted_values", "relationships":
		return `list it under "data_tests"`
	case "description", "data_type", "quote", "data_tests", "tests", "name":
		if inConfig {
			return `move it out of "config", one level up`
		}
	}
	if _, ok := LookupKey(key, addr.Test); ok {
		return "it is configuration of a data test: indent it below the test"
	}
	if _, ok := LookupKey(key, addr.Model); ok {
		return `it is configuration of the whole relation: put it under "config" beside "columns"`
	}
	return ""
}

func joinMeta(a, b map[string]any) map[string]any {
	if a == nil {
		return b
	}
	for k, v := range b {
		a[k] = v
	}
	return a
}

// readTestProps reads an entry of the top-level data_tests: a singular test.
func readTestProps(r *reader, n *yaml.Node) *Props {
	o, name, ok := r.named(n, "data test")
	if o == nil {
		return nil
	}
	p := &Props{Kind: addr.Test, Name: name, At: o.at}
	p.Description.At = o.description(&p.Description.V)
	p.Docs = readDocsShow(o)
	p.Meta, p.Tags = o.dict("meta"), o.tags()
	p.Config, _ = o.config(addr.Test)
	o.finish(func(key string) string { return besideConfig(key, addr.Test) }, foreignRelation)
	if !ok {
		return nil
	}
	return p
}

func readGroup(r *reader, n *yaml.Node) *Group {
	o, name, ok := r.named(n, "group")
	if o == nil {
		return nil
	}
	g := &Group{Name: name}
	o.description(&g.Description)
	g.OwnerName, g.OwnerEmail = readOwner(o)
	o.finish(nil, hints{"config": "groups have no configuration; remove it"})
	if !ok {
		return nil
	}
	return g
}

func readOwner(o *object) (name, email string) {
	if !o.has("owner") {
		o.list.Add(keyMissing(o.at.Sub(0, 1), "owner", o.what))
		return "", ""
	}
	in, ok := o.child("owner")
	if !ok {
		return "", ""
	}
	n, e := in.str("name"), in.str("email")
	in.finish(nil, nil)
	if !n.IsSet() && !e.IsSet() {
		o.list.Add(valueInvalid(in.at, fmt.Sprintf("the owner of %s has neither a name nor an email", o.what), `add "name: …" or "email: …"`))
	}
	return n.V, e.V
}

func readExposure(r *reader, n *yaml.Node) *Exposure {
	o, name, ok := r.named(n, "exposure")
	if o == nil {
		return nil
	}
	e := &Exposure{Name: name, At: o.at, Enabled: true}
	o.description(&e.Description)
	e.Label, e.URL = o.str("label").V, o.str("url").V
	if o.has("type") {
		e.Type = o.oneOf("type", "dashboard", "notebook", "analysis", "ml", "application")
	} else {
		o.list.Add(keyMissing(o.at.Sub(0, 1), "type", o.what))
	}
	e.Maturity = o.oneOf("maturity", "high", "medium", "low")
	e.OwnerName, e.OwnerEmail = readOwner(o)
	e.DependsOn = o.strs("depends_on")
	e.Meta, e.Tags, e.Enabled = readCommon(o, addr.Exposure)
	o.finish(func(key string) string { return besideConfig(key, addr.Exposure) }, nil)
	if !ok {
		return nil
	}
	return e
}

// readCommon reads meta, tags and enabled, each of them directly or below config.
func readCommon(o *object, kind addr.Kind) (meta map[string]any, tags []string, enabled bool) {
	meta, tags, enabled = o.dict("meta"), o.tags(), true
	cfg, _ := o.config(kind)
	if v, ok := cfg["meta"].V.(map[string]any); ok {
		meta = joinMeta(meta, v)
	}
	if v, ok := cfg["tags"].V.([]any); ok {
		for _, t := range v {
			tags = append(tags, t.(string))
		}
	}
	if v, ok := cfg["enabled"].V.(bool); ok {
		enabled = v
	}
	return meta, tags, enabled
}

// checkName reports a name that could not be part of a node's identity.
func checkName(l *diag.List, at source.Span, what, name string) {
	if why := nameProblem(name); why != "" {
		l.Add(nameInvalid(at, what, name, why))
	}
}
