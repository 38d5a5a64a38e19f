package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

func (w *writer) nodes(o *object) {
	for _, n := range w.sorted(addr.Model, addr.Seed, addr.Snapshot) {
		switch n.ID.Kind {
		case addr.Seed:
			o.put(w.ids[n.ID], w.seed(n))
		case addr.Snapshot:
			o.put(w.ids[n.ID], snapshotNode{common: w.common(n), code: w.code(n)})
		default:
			o.put(w.ids[n.ID], w.model(n))
		}
	}
	w.analyses(o)
	w.tests(o)
	w.operations(o)
}

func (w *writer) model(n *compile.Node) modelNode {
	access := n.Config.Access
	if access == "" {
		access = "protected"
	}
	node := modelNode{common: w.common(n), code: w.code(n), Access: access, Constraints: []any{}, PrimaryKey: list(w.primary[n.ID])}
	if v := n.Version; v != nil {
		node.Version, node.LatestVersion = versionNumber(v.V.V), versionNumber(v.Latest)
	}
	if n.Props != nil {
		node.Constraints = constraints(n.Props.Constraints)
		if d := n.Props.DeprecationDate; d.IsSet() {
			node.DeprecationDate = d.V.Format("2006-01-02T15:04:05-07:00")
		}
	}
	return node
}

// versionNumber is a version as JSON has it: a number where it is one.
func versionNumber(v string) any {
	if whole, err := strconv.ParseInt(v, 10, 64); err == nil {
		return whole
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil && f-f == 0 {
		return f
	}
	return v
}

func (w *writer) seed(n *compile.Node) seedNode {
	return seedNode{common: w.common(n), RootPath: w.p.Project.Dir, DependsOn: macrosOnly{Macros: []string{}}}
}

func (w *writer) common(n *compile.Node) common {
	c := common{
		Database:         w.database(n.Relation),
		Schema:           orElse(n.Relation.Schema, w.p.Target.SchemaFor(n.Config.Schema)),
		Name:             n.ID.Name,
		ResourceType:     string(n.ID.Kind),
		PackageName:      w.project,
		Path:             w.below(n.Path),
		OriginalFilePath: n.Path,
		UniqueID:         w.ids[n.ID],
		FQN:              list(n.FQN),
		Alias:            n.Relation.Name,
		Config:           nodeConfig(n),
		Tags:             list(n.Config.Tags),
		Description:      n.Description,
		Columns:          w.columns(n),
		Meta:             plainMap(n.Config.Meta),
		Group:            text(n.Config.Group),
		Docs:             docsOf(n),
		UnrenderedConfig: unrendered(n.Raw),
		CreatedAt:        w.m.epoch(),
		DocBlocks:        []string{},
	}
	if n.Version != nil {
		c.Name = n.Version.Model
	}
	if n.Config.Materialized == "ephemeral" {
		if c.Alias == "" {
			c.Alias = n.ID.Name
			if n.Version != nil {
				c.Alias = n.Version.FlatName()
			}
		}
	} else {
		c.RelationName = text(w.quote(n.Relation))
	}
	if n.Props != nil {
		c.DocBlocks = w.blocksIn(n.Props.Description.At.Text())
	}
	if n.Props != nil && n.Props.At.File != nil {
		c.PatchPath = text(w.project + "://" + n.Props.At.File.Path)
	}
	if n.Seed != nil {
		c.Checksum = checksum{Name: "sha256", Checksum: n.Seed.Hash()}
	} else {
		c.RawCode, c.Checksum = raw(n.File)
	}
	return c
}

func (w *writer) code(n *compile.Node) code {
	c := w.blankCode()
	for _, r := range n.Refs {
		w.addRef(&c, r.To)
	}
	c.DependsOn.Macros = w.macrosOf(n.Macros)
	c.DependsOn.Nodes = w.refIDs(n)
	c.Compiled = true
	c.CompiledCode = text(n.SQL)
	c.CompiledPath = text(w.compiledPath(n.Path))
	c.Contract = contractOf(n)
	return c
}

// contractOf is dbt's shape of a contract. The checksum tells apart what columns promise.
func contractOf(n *compile.Node) contract {
	out := contract{Enforced: n.Config.Contract.Enforced, AliasTypes: !n.Config.Contract.Literal}
	if out.Enforced && n.Props != nil {
		lines := make([]string, len(n.Props.Columns))
		for i, col := range n.Props.Columns {
			lines[i] = "|" + col.Name.V + "|" + col.DataType.V
		}
		slices.Sort(lines)
		sum := sha256.Sum256([]byte(strings.Join(lines, "")))
		out.Checksum = hex.EncodeToString(sum[:])
	}
	return out
}

func (w *writer) blankCode() code {
	return code{
		Language: "sql", Refs: []refArgs{}, Sources: [][]string{}, Metrics: [][]string{}, Functions: [][]string{},
		DependsOn:         dependsOn{Macros: []string{}, Nodes: []string{}},
		ExtraCTEsInjected: true, ExtraCTEs: []any{}, Contract: contract{AliasTypes: true},
	}
}

func (w *writer) addRef(c *code, to addr.Node) {
	if to.Kind == addr.Source {
		c.Sources = append(c.Sources, sourcePair(w.p, to))
		return
	}
	if node := w.p.Nodes[to]; node != nil && node.Version != nil {
		c.Refs = append(c.Refs, refArgs{Name: node.Version.Model, Version: versionNumber(node.Version.V.V)})
		return
	}
	c.Refs = append(c.Refs, refArgs{Name: to.Name})
}

// refIDs lists what a node reads as dbt does: sources first, each in order of appearance.
func (w *writer) refIDs(n *compile.Node) []string {
	out := make([]string, 0, len(n.Parents))
	add := func(id string) {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for _, r := range n.Refs {
		if r.To.Kind == addr.Source {
			add(w.ids[r.To])
		}
	}
	for _, r := range n.Refs {
		add(w.ids[r.To])
	}
	for _, id := range w.sortedIDs(n.Parents) {
		add(id)
	}
	return out
}

func (w *writer) compiledPath(file string) string {
	return path.Join(w.p.Project.Settings.TargetPath, "compiled", w.project, file)
}

// schemaOf is the schema that a node is in.
func (w *writer) schemaOf(id addr.Node) string {
	if n := w.p.Nodes[id]; n != nil {
		return orElse(n.Relation.Schema, w.p.Target.SchemaFor(n.Config.Schema))
	}
	return w.p.Target.Schema
}

func (w *writer) database(r addr.Relation) *string {
	return text(orElse(r.Database, orElse(w.p.Target.Database, w.m.Database)))
}

// quote is a relation's name in full, with the database even where statements need none.
func (w *writer) quote(r addr.Relation) string { return w.m.quote(w.p, r) }

// below is a path relative to the resource folder that holds it.
func (w *writer) below(file string) string {
	s := w.p.Project.Settings
	for _, root := range slices.Concat(s.ModelPaths, s.SeedPaths, s.SnapshotPaths, s.TestPaths, s.MacroPaths, s.FunctionPaths, s.AnalysisPaths) {
		if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok {
			return rest
		}
	}
	return file
}

// raw is a file's text and checksum, as dbt has them: no white space around the text, and
// for the checksum every run of white space counts as one space.
func raw(f *source.File) (string, checksum) {
	if f == nil {
		return "", checksum{Name: "none"}
	}
	code := strings.ToValidUTF8(strings.TrimSpace(string(f.Data)), "\uFFFD")
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(code), " ")))
	return code, checksum{Name: "sha256", Checksum: hex.EncodeToString(sum[:])}
}

func unrendered(c project.Config) map[string]any {
	out := make(map[string]any, len(c))
	for k, v := range c {
		out[k] = plain(v.V)
	}
	return out
}

// columns lists the columns that YAML declares; the others belong into the catalog.
func (w *writer) columns(n *compile.Node) map[string]column {
	out := map[string]column{}
	var declared []*project.Column
	switch {
	case n.Props != nil:
		declared = n.Props.Columns
	case n.Source != nil:
		declared = n.Source.Columns
	}
	for _, d := range declared {
		c := column{
			Name: d.Name.V, Description: d.Description.V, Meta: plainMap(d.Meta), DataType: text(d.DataType.V),
			Constraints: constraints(d.Constraints), Tags: list(d.Tags), DocBlocks: w.blocksIn(d.Description.At.Text()),
		}
		for _, known := range n.Columns {
			// compile resolved the docs blocks in descriptions.
			if known.Declared && strings.EqualFold(known.Name, d.Name.V) {
				c.Description = known.Description
			}
		}
		if d.Quote {
			yes := true
			c.Quote = &yes
		}
		c.Config = tagsAndMeta{Meta: c.Meta, Tags: c.Tags}
		out[d.Name.V] = c
	}
	return out
}

// docsOf says how dbt's pages show a node.
func docsOf(n *compile.Node) docsConfig {
	out := docsConfig{Show: true}
	read := func(docs map[string]any) {
		if show, ok := docs["show"].(bool); ok {
			out.Show = show
		}
		if color, ok := docs["node_color"].(string); ok {
			out.Color = text(color)
		}
	}
	if docs, ok := n.Raw["docs"].V.(map[string]any); ok {
		read(docs)
	}
	if n.Props != nil {
		written := map[string]any{}
		for key, v := range n.Props.Docs {
			written[key] = v.V
		}
		read(written)
	}
	return out
}

// block finds the docs blocks in a description: {{ doc "name" }}, {{ doc('name') }}.
var block = regexp.MustCompile(`\{\{-?\s*doc[\s(]+["']([^"']+)["']`)

// blocksIn lists the ids of the docs blocks that a description is made of.
func (w *writer) blocksIn(description string) []string {
	out := []string{}
	for _, m := range block.FindAllStringSubmatch(description, -1) {
		known := slices.ContainsFunc(w.p.Project.Docs, func(d *project.Doc) bool { return d.Name == m[1] })
		if id := "doc." + w.project + "." + m[1]; known && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// nodeConfig lists dbt's keys of a model, seed or snapshot, and behind them the engine's
// own, which dbt treats as custom configuration.
func nodeConfig(n *compile.Node) map[string]any {
	c := n.Config
	out := map[string]any{
		"enabled":              c.Enabled,
		"alias":                text(c.Alias),
		"schema":               text(c.Schema),
		"database":             text(c.Database),
		"tags":                 list(c.Tags),
		"meta":                 plainMap(c.Meta),
		"group":                text(c.Group),
		"materialized":         materialized(n),
		"incremental_strategy": text(c.IncrementalStrategy),
		"batch_size":           nil,
		"lookback":             1,
		"begin":                nil,
		"persist_docs":         persistDocs(c),
		"post-hook":            hooks(c.PostHooks, c.LastHooks),
		"pre-hook":             hooks(c.PreHooks, c.FirstHooks),
		"quoting":              struct{}{},
		"column_types":         dict(c.ColumnTypes),
		"full_refresh":         c.FullRefresh,
		"unique_key":           keyConfig(c.UniqueKey),
		"on_schema_change":     orElse(c.OnSchemaChange, "ignore"),
		"packages":             []string{},
		"docs":                 docsOf(n),
		"contract":             map[string]bool{"enforced": c.Contract.Enforced, "alias_types": !c.Contract.Literal},
		"event_time":           nil,
		"concurrent_batches":   nil,
		"static_analysis":      nil,
	}
	switch n.ID.Kind {
	case addr.Model:
		out["access"] = orElse(c.Access, "protected")
		out["freshness"] = nil
		out["on_error"] = nil
		out["latest_version_pointer"] = map[string]any{"enabled": nil, "alias": nil}
	case addr.Seed:
		out["delimiter"] = orElse(c.Delimiter, ",")
		out["quote_columns"] = true
	case addr.Snapshot:
		snapshotConfig(out, c)
	}
	own := map[string]string{"owner": c.Owner, "tier": c.Tier, "distribute": c.Distribute}
	for k, v := range own {
		if v != "" {
			out[k] = v
		}
	}
	for k, v := range map[string][]string{
		"incremental_predicates": c.IncrementalPredicates, "merge_update_columns": c.MergeUpdateColumns, "merge_exclude_columns": c.MergeExcludeColumns,
	} {
		if len(v) > 0 {
			out[k] = v
		}
	}
	storageConfig(out, n)
	return out
}

func snapshotConfig(out map[string]any, c compile.Config) {
	out["strategy"] = text(c.Strategy)
	out["target_schema"] = text(c.TargetSchema)
	out["target_database"] = nil
	out["updated_at"] = text(c.UpdatedAt)
	out["check_cols"] = nil
	if slices.Equal(c.CheckCols, []string{"all"}) {
		out["check_cols"] = "all"
	} else if len(c.CheckCols) > 0 {
		out["check_cols"] = c.CheckCols
	}
	out["snapshot_meta_column_names"] = map[string]any{
		"dbt_valid_to": text(c.SnapshotNames.To), "dbt_valid_from": text(c.SnapshotNames.From), "dbt_scd_id": text(c.SnapshotNames.ID),
		"dbt_updated_at": text(c.SnapshotNames.UpdatedAt), "dbt_is_deleted": text(c.SnapshotNames.Deleted),
	}
	out["dbt_valid_to_current"] = text(c.ValidToCurrent)
	if c.HardDeletes != "" {
		out["hard_deletes"] = c.HardDeletes
	}
}

// materialized is never empty: readers (dagster) look it up on seeds too.
func materialized(n *compile.Node) string {
	if n.Config.Materialized != "" {
		return n.Config.Materialized
	}
	if n.ID.Kind == addr.Model {
		return "view"
	}
	return string(n.ID.Kind)
}

func persistDocs(c compile.Config) map[string]bool {
	if c.PersistDocs {
		return map[string]bool{"relation": c.PersistOnly != "columns", "columns": c.PersistOnly != "relation"}
	}
	return map[string]bool{}
}

type hook struct {
	SQL         string `json:"sql"`
	Transaction bool   `json:"transaction"`
	Index       *int   `json:"index"`
}

func hooks(inside, outside []string) []hook {
	out := make([]hook, 0, len(inside)+len(outside))
	for _, s := range inside {
		out = append(out, hook{SQL: s, Transaction: true})
	}
	for _, s := range outside {
		out = append(out, hook{SQL: s})
	}
	return out
}

func keyConfig(key []string) any {
	switch len(key) {
	case 0:
		return nil
	case 1:
		return key[0]
	}
	return key
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// disabled lists the nodes that configuration switched off, with what their files say.
func (w *writer) disabled(o *object) {
	for _, n := range slices.SortedFunc(slices.Values(w.p.Disabled), addr.Node.Compare) {
		node := w.disabledNode(n)
		if node == nil {
			continue
		}
		id := UniqueID(w.p, n)
		c := w.common(node)
		c.UniqueID = id
		switch n.Kind {
		case addr.Seed:
			o.put(id, []seedNode{{common: c, RootPath: w.p.Project.Dir, DependsOn: macrosOnly{Macros: []string{}}}})
		case addr.Snapshot:
			o.put(id, []snapshotNode{{common: c, code: w.blankCode()}})
		case addr.Model:
			m := modelNode{common: c, code: w.blankCode(), Access: "protected", Constraints: []any{}, PrimaryKey: []string{}}
			if v := node.Version; v != nil {
				m.Version, m.LatestVersion = versionNumber(v.V.V), versionNumber(v.Latest)
			}
			o.put(id, []modelNode{m})
		}
	}
}

func (w *writer) disabledNode(n addr.Node) *compile.Node {
	if node := w.p.Nodes[n]; node != nil {
		return node
	}
	out := &compile.Node{ID: n, Relation: addr.Relation{Schema: w.p.Target.Schema, Name: n.Name}}
	pr := w.p.Project
	switch n.Kind {
	case addr.Model, addr.Snapshot:
		files := pr.Models
		if n.Kind == addr.Snapshot {
			files = pr.Snapshots
		}
		i := slices.IndexFunc(files, func(f *project.File) bool { return f.Name == n.Name })
		if i < 0 {
			return nil
		}
		out.File, out.Path, out.Version = files[i].Source, files[i].Source.Path, files[i].Version
	case addr.Seed:
		i := slices.IndexFunc(pr.Seeds, func(s *project.Seed) bool { return s.Name == n.Name })
		if i < 0 {
			return nil
		}
		out.Seed, out.Path = pr.Seeds[i], pr.Seeds[i].Path
	default:
		return nil
	}
	out.FQN = w.fqn(out.Path, n.Name)
	if v := out.Version; v != nil {
		out.Relation.Name, out.FQN = v.FlatName(), w.fqn(out.Path, v.Model, "v"+v.V.V)
	}
	return out
}

// fqn is the dotted path of a thing in a file: project, folders, names.
func (w *writer) fqn(file string, names ...string) []string {
	out := []string{w.project}
	if dir := path.Dir(w.below(file)); dir != "." {
		out = append(out, strings.Split(dir, "/")...)
	}
	return append(out, names...)
}
