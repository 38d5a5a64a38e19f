package project

import (
	"fmt"
	"maps"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
)

// readSource reads an entry of sources: one Source per table, with what the tables have
// in common already handed down.
func readSource(r *reader, n *yaml.Node) []*Source {
	o, name, ok := r.named(n, "source")
	if o == nil {
		return nil
	}
	common := Source{SourceName: name, Schema: o.str("schema"), Database: o.str("database"), Loader: o.str("loader").V}
	if !common.Schema.IsSet() {
		common.Schema = name
	}
	o.description(&common.SourceDescription)
	common.Meta, common.Tags = o.dict("meta"), o.tags()
	var cfg *object
	common.Config, cfg = o.config(addr.Source, "freshness", "loaded_at_field", "loaded_at_query", "version_by")
	readFreshnessKeys(o, cfg, &common)
	common.VersionBy = readVersionBy(o, cfg, Value[string]{})
	common.Ingest = readIngest(o)
	tables := o.items("tables")
	if !o.has("tables") && ok {
		o.list.Add(keyMissing(o.at.Sub(0, 1), "tables", o.what))
	}
	o.finish(besideSource, foreignRelation)

	var out []*Source
	for _, t := range tables {
		if s := readTable(o, t, common); s != nil && ok {
			out = append(out, s)
		}
	}
	if len(out) > 0 && len(o.docs) > 0 {
		shareDescription(o.reader, &common, out)
	}
	return out
}

// shareDescription lets a source description with docs blocks be filled in for every table.
func shareDescription(r *reader, common *Source, tables []*Source) {
	for i, use := range r.docs {
		if use.text != &common.SourceDescription {
			continue
		}
		r.docs[i].text = &tables[0].SourceDescription
		for _, t := range tables[1:] {
			r.docs = append(r.docs, docUse{&t.SourceDescription, use.at})
		}
		return
	}
}

func besideSource(key string) string {
	switch key {
	case "data_tests", "tests", "columns":
		return `put it into an entry of "tables"`
	case "identifier":
		return `put it into an entry of "tables"; the schema of the source is "schema"`
	case "dataset":
		return `write "schema"`
	case "project", "catalog":
		return `write "database"`
	}
	return besideConfig(key, addr.Source)
}

func readTable(parent *object, n *yaml.Node, common Source) *Source {
	o, name, ok := parent.named(n, "table")
	if o == nil {
		return nil
	}
	o.what += " of " + parent.what
	s := common
	s.Table, s.At = name, o.at
	s.Identifier = o.str("identifier")
	if !s.Identifier.IsSet() {
		s.Identifier = name
	}
	o.description(&s.Description)
	if v := o.str("loader"); v.IsSet() {
		s.Loader = v.V
	}
	s.Meta = joinMeta(maps.Clone(common.Meta), o.dict("meta"))
	s.Tags = append(append([]string(nil), common.Tags...), o.tags()...)
	cfg, in := o.config(addr.Source, "freshness", "loaded_at_field", "loaded_at_query", "version_by")
	s.Config = inheritConfig(common.Config, cfg)
	readFreshnessKeys(o, in, &s)
	s.VersionBy = readVersionBy(o, in, common.VersionBy)
	if s.VersionBy.V == VersionLoadedAt && s.LoadedAt.V == "" {
		o.list.Add(versionNeedsField(s.VersionBy.At, o.what))
	}
	s.Columns = readColumns(o)
	s.Ingest = readTableIngest(o, common.Ingest, name, s.Columns)
	s.Tests = readTests(o, "")
	o.finish(func(key string) string {
		if key == "schema" || key == "database" {
			return `put it beside "tables", it holds for the whole source`
		}
		return besideConfig(key, addr.Source)
	}, foreignRelation)
	if !ok {
		return nil
	}
	return &s
}

// inheritConfig lays the configuration of a table over that of its source.
func inheritConfig(outer, inner Config) Config {
	out := maps.Clone(outer)
	if out == nil {
		out = Config{}
	}
	for key, v := range inner {
		k, _ := LookupKey(key, addr.Source)
		was, set := out[key]
		switch {
		case set && k.Merge == Append:
			a, _ := was.V.([]any)
			b, _ := v.V.([]any)
			v.V = append(append([]any(nil), a...), b...)
		case set && k.Merge == Update:
			a, _ := was.V.(map[string]any)
			b, _ := v.V.(map[string]any)
			v.V = joinMeta(maps.Clone(a), b)
		}
		out[key] = v
	}
	return out
}

// readFreshnessKeys reads loaded_at_field, loaded_at_query and freshness, directly or below
// config, over what is inherited. «freshness: null» switches inherited limits off.
func readFreshnessKeys(o, cfg *object, s *Source) {
	var field, query Value[string]
	for _, in := range []*object{cfg, o} {
		if in == nil {
			continue
		}
		if v := in.str("loaded_at_field"); v.IsSet() {
			field = v
		}
		if v := in.str("loaded_at_query"); v.IsSet() {
			query = v
		}
		if in.has("freshness") {
			s.Freshness = readFreshness(in, s.Freshness)
		}
	}
	// One of them takes the place of the other that is inherited.
	switch {
	case field.IsSet() && query.IsSet():
		d := valueInvalid(query.At, fmt.Sprintf("%s has both loaded_at_field and loaded_at_query", o.what), "keep one of them")
		d.Labels = []diag.Label{{At: field.At, Text: "the field is here"}}
		o.list.Add(d)
	case field.IsSet():
		s.LoadedAt, s.LoadedAtQuery = field, Value[string]{}
	case query.IsSet():
		s.LoadedAt, s.LoadedAtQuery = Value[string]{}, query
	}
}

// readVersionBy reads version_by, directly or below config, over what is inherited.
func readVersionBy(o, cfg *object, inherited Value[string]) Value[string] {
	for _, in := range []*object{cfg, o} {
		if in == nil || !in.has("version_by") {
			continue
		}
		if v := in.oneOf("version_by", VersionAuto, VersionLoadedAt, VersionNone); v.IsSet() {
			inherited = v
		}
	}
	return inherited
}

func readFreshness(o *object, inherited *Freshness) *Freshness {
	in, ok := o.child("freshness")
	if !ok {
		return nil
	}
	in.what = "freshness of " + o.what
	f := &Freshness{}
	if inherited != nil {
		*f = *inherited
	}
	f.At = in.at
	if in.has("warn_after") {
		f.WarnAfter = readPeriod(in, "warn_after")
	}
	if in.has("error_after") {
		f.ErrorAfter = readPeriod(in, "error_after")
	}
	if v := in.str("filter"); v.IsSet() {
		f.Filter = v.V
	}
	in.finish(func(key string) string {
		switch key {
		case "count", "period":
			return `put it into "warn_after" or "error_after"`
		case "loaded_at_field":
			return `put it beside "freshness"`
		}
		return ""
	}, hints{"build_after": "freshness of models is not scheduled; remove it"})
	return f
}

func readPeriod(o *object, key string) Period {
	in, ok := o.child(key)
	if !ok {
		return Period{}
	}
	count, unit := in.integer("count"), in.oneOf("period", "minute", "hour", "day")
	for _, k := range []string{"count", "period"} {
		if !in.has(k) {
			o.list.Add(keyMissing(in.at, k, in.what))
		}
	}
	if count.IsSet() && count.V < 1 {
		o.list.Add(valueInvalid(count.At, fmt.Sprintf("the count of %s is %d", in.what, count.V), "give 1 or more"))
		count.V = 0
	}
	in.finish(nil, nil)
	if count.V == 0 || !unit.IsSet() {
		return Period{}
	}
	return Period{Count: count.V, Unit: unit.V}
}
