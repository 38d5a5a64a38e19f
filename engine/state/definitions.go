package state

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

// Definition is what a node was built from, as far as a later plan wants to show what has
// changed. Values that came from environment variables are not part of it.
type Definition struct {
	Node        addr.Node `json:"node"`
	Fingerprint string    `json:"fingerprint"`
	// Path is the file of the node.
	Path string `json:"path,omitempty"`
	// Dialect is the language of the texts: compile.GoogleSQL's word, or the target's.
	Dialect string `json:"dialect,omitempty"`
	// Text is the rendered query; IncrementalText the one with is_incremental(), where it differs.
	Text            string `json:"text,omitempty"`
	IncrementalText string `json:"incremental_text,omitempty"`
	// Columns are those of the result, in order; none where they are not known.
	Columns []DefinedColumn `json:"columns,omitempty"`
	// Config is the configuration that decides the content, Storage that which decides how
	// the content is stored and who may read it: key to value, only what is set.
	Config  map[string]string `json:"config,omitempty"`
	Storage map[string]string `json:"storage,omitempty"`
	// Facets are the parts of the query's meaning; nil where it is not analyzed.
	Facets *DefinedFacets `json:"facets,omitempty"`
	// Unique are the sets of columns that no two rows agree in, by the query alone; nil
	// where that is not known. An empty set: there is at most one row.
	Unique [][]string `json:"unique,omitempty"`
	// Contract is what readers were promised.
	Contract *DefinedContract `json:"contract,omitempty"`
	// At and Run say when it was first built from; they are not part of ID.
	At  time.Time `json:"-"`
	Run string    `json:"-"`
}

// DefinedColumn is a column with its type, in GoogleSQL's spelling where that is known,
// else in the warehouse's.
type DefinedColumn struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// DefinedFacets are compile.Facets for keeping.
type DefinedFacets struct {
	Rows    DefinedFacet            `json:"rows"`
	Columns map[string]DefinedFacet `json:"columns,omitempty"` // by lower-case name
}

// DefinedFacet is a part of a query's meaning and the columns that it reads of each node,
// lower-case and sorted; «*» stands for all.
type DefinedFacet struct {
	Hash  string                 `json:"hash"`
	Reads map[addr.Node][]string `json:"reads,omitempty"`
}

// AllColumns is the word for all columns in DefinedFacet.Reads.
const AllColumns = "*"

// DefinedContract is what a node promises its readers beyond names and types.
type DefinedContract struct {
	// Enforced: names and types of the columns are promised.
	Enforced bool `json:"enforced,omitempty"`
	// Protected are the columns that are promised in any case, in small letters, sorted.
	Protected []string `json:"protected,omitempty"`
	// Promises are the constraints, sorted: «not_null (id)», «unique (a, b)».
	Promises []string `json:"promises,omitempty"`
}

var definitions = table{
	name: "definitions",
	columns: []string{"scope", "node", "definition", "fingerprint", "path", "dialect", "text", "incremental_text", "columns",
		"config", "facets", "contract", "at", "run_id"},
	subject: "node", at: "at", id: "definition",
}

const (
	// textLimit is the longest text that is kept, in bytes. Statements of every warehouse
	// have room for one of them, quotes and escapes included.
	textLimit = 256 << 10
	// cutMark ends a text that was longer.
	cutMark = "\n-- … the rest is not kept: the text is too long"
)

// Cut reports whether a text of a definition is not whole.
func Cut(text string) bool { return strings.HasSuffix(text, cutMark) }

// DefinitionOf is what n is built from on a warehouse with these Caps. secrets are the
// values of environment variables by name: none of them is in the answer.
func DefinitionOf(n *compile.Node, caps warehouse.Caps, secrets map[string]string) *Definition {
	d := &Definition{
		Node: n.ID, Fingerprint: n.Fingerprint, Path: n.Path, Dialect: n.Dialect,
		Text: short(mask(n.Text, n.TextMap, secrets)), Facets: definedFacets(n.Facets.Get()),
		Config: contentConfig(n), Storage: storageConfig(n, caps),
	}
	if n.IncrementalText != "" && n.IncrementalText != n.Text {
		d.IncrementalText = short(mask(n.IncrementalText, n.IncrementalTextMap, secrets))
	}
	for _, m := range []map[string]string{d.Config, d.Storage} {
		for k, v := range m {
			m[k] = short(maskAll(v, secrets))
		}
	}
	for _, c := range n.Columns {
		typ := c.Type
		if c.Google != nil {
			typ = c.Google.String()
		}
		d.Columns = append(d.Columns, DefinedColumn{c.Name, typ})
	}
	if l := n.Lineage.Get(); l != nil && len(l.Opaque) == 0 {
		d.Unique = l.Unique
	}
	var promises []string
	for _, c := range n.Constraints {
		p := c.Type + " (" + strings.Join(c.Columns, ", ") + ")"
		if c.Expression != "" {
			p = c.Type + " " + maskAll(c.Expression, secrets)
		}
		if !c.To.IsZero() {
			p += " to " + c.To.Name + " (" + strings.Join(c.ToColumns, ", ") + ")"
		}
		promises = append(promises, p)
	}
	if slices.Sort(promises); len(promises) > 0 || n.Config.Contract.Any() {
		d.Contract = &DefinedContract{Enforced: n.Config.Contract.Enforced, Promises: slices.Compact(promises)}
		for _, name := range n.Config.Contract.Protected {
			d.Contract.Protected = append(d.Contract.Protected, strings.ToLower(name))
		}
		slices.Sort(d.Contract.Protected)
	}
	return d
}

// Secrets are the values of all environment variables that nodes of the program used, by name.
func Secrets(p *compile.Program) map[string]string {
	out := map[string]string{}
	for _, n := range p.Nodes {
		for name, v := range n.Vars {
			if env, ok := strings.CutPrefix(name, "env."); ok {
				out[env] = fmt.Sprint(v)
			}
		}
	}
	return out
}

// ID names a definition: equal ids, equal definitions.
func (d *Definition) ID() string {
	b, err := json.Marshal(d) // maps are written sorted
	if err != nil {
		panic(fmt.Sprintf("state: a definition does not marshal: %v", err)) // plain strings
	}
	sum := sha256.Sum256(b)
	if d.Contract != nil && (d.Contract.Enforced || len(d.Contract.Protected) > 0) {
		return hex.EncodeToString(sum[:16]) + underContract
	}
	return hex.EncodeToString(sum[:16])
}

// underContract ends the names of definitions with a contract, so that the record of a
// build alone says whether its columns were promised.
const underContract = "-contract"

// UnderContract reports whether the definition of this name had an enforced contract, or
// protected columns.
func UnderContract(id string) bool { return strings.HasSuffix(id, underContract) }

func definedFacets(f *compile.Facets) *DefinedFacets {
	if f == nil {
		return nil
	}
	out := &DefinedFacets{Rows: definedFacet(f.Rows), Columns: make(map[string]DefinedFacet, len(f.Columns))}
	for name, c := range f.Columns {
		out.Columns[name] = definedFacet(c)
	}
	return out
}

func definedFacet(f compile.Facet) DefinedFacet {
	out := DefinedFacet{Hash: f.Hash}
	for n, r := range f.Reads {
		if out.Reads == nil {
			out.Reads = make(map[addr.Node][]string, len(f.Reads))
		}
		if r.All {
			out.Reads[n] = []string{AllColumns}
			continue
		}
		out.Reads[n] = append([]string{}, r.Columns...)
	}
	return out
}

// contentConfig is the configuration of n that its fingerprint has for its content. Hooks
// are the user's own statements and may hold anything: only a hash tells them apart.
func contentConfig(n *compile.Node) map[string]string {
	c := n.Config
	out := settings{}
	out.set("materialized", c.Materialized)
	out.set("incremental_strategy", c.IncrementalStrategy)
	out.set("on_schema_change", c.OnSchemaChange)
	if c.IncrementalStrategy == compile.Microbatch {
		out.set("event_time", c.EventTime)
		out.set("batch_size", c.BatchSize)
		out.set("begin", c.Begin)
	}
	out.set("unique_key", strings.Join(c.UniqueKey, ", "))
	out.set("incremental_predicates", strings.Join(c.IncrementalPredicates, " and "))
	out.set("merge_update_columns", strings.Join(c.MergeUpdateColumns, ", "))
	out.set("merge_exclude_columns", strings.Join(c.MergeExcludeColumns, ", "))
	out.set("strategy", c.Strategy)
	out.set("updated_at", c.UpdatedAt)
	out.set("check_cols", strings.Join(c.CheckCols, ", "))
	out.set("hard_deletes", c.HardDeletes)
	out.set("dbt_valid_to_current", c.ValidToCurrent)
	if c.SnapshotNames != (warehouse.SnapshotNames{}) {
		out.set("snapshot_meta_column_names", strings.Join(c.SnapshotNames.List(), ", "))
	}
	if c.IncrementalStrategy == "insert_overwrite" {
		out.set("partitions", strings.Join(c.Partitions, ", "))
	}
	out.hash("pre_hook", c.PreHooks)
	out.hash("post_hook", c.PostHooks)
	out.hash("pre_hook_outside", c.FirstHooks)
	out.hash("post_hook_outside", c.LastHooks)
	if h := c.UpdateHooks; h != nil {
		out.hash("pre_hook_of_updates", slices.Concat(h.First, h.Pre))
		out.hash("post_hook_of_updates", slices.Concat(h.Post, h.Last))
	}
	if n.Closure != nil {
		out.json("ancestry", n.Closure)
	}
	if n.Seed != nil {
		out.set("file", n.Seed.Hash())
		out.set("delimiter", c.Delimiter)
		var types []string
		for _, col := range slices.Sorted(maps.Keys(c.ColumnTypes)) {
			types = append(types, col+": "+c.ColumnTypes[col])
		}
		out.set("column_types", strings.Join(types, ", "))
	}
	out.set("relation", n.Relation.String())
	return out
}

// layoutKeys are the names in configuration of the parts of a layout.
var layoutKeys = map[string]string{"partition": "partition_by", "cluster": "cluster_by", "partition_days": "partition_expiration_days", "hours": "hours_to_expiration", "kms_key": "kms_key_name"}

func storageConfig(n *compile.Node, caps warehouse.Caps) map[string]string {
	out := settings{}
	written := n.Config.Layout
	written.Constraints = nil // promises, not storage
	if layout := written.For(n.Kind(), caps); layout != nil {
		b, _ := json.Marshal(layout) // plain data, of which everything has a JSON form
		var parts map[string]json.RawMessage
		_ = json.Unmarshal(b, &parts)
		for key, v := range parts {
			if named, ok := layoutKeys[key]; ok {
				key = named
			}
			out.set(key, strings.Trim(string(v), `"`))
		}
	}
	if caps.Grants && len(n.Config.Grants) > 0 {
		out.json("grants", n.Config.Grants)
	}
	if caps.Authorize && len(n.Config.GrantAccessTo) > 0 {
		var to []string
		for _, a := range n.Config.GrantAccessTo {
			to = append(to, strings.TrimPrefix(a.Database+"."+a.Schema, "."))
		}
		out.set("grant_access_to", strings.Join(to, ", "))
	}
	if n.Config.PersistDocs {
		texts := []string{n.Description}
		if n.Props != nil {
			for _, col := range n.Props.Columns {
				texts = append(texts, col.Name.V, col.Description.V)
			}
		}
		out.hash("persist_docs", texts)
	}
	return out
}

type settings map[string]string

func (s settings) set(key, value string) {
	if value != "" {
		s[key] = value
	}
}

func (s settings) json(key string, value any) {
	b, _ := json.Marshal(value) // plain data
	s.set(key, string(b))
}

func (s settings) hash(key string, texts []string) {
	if len(texts) > 0 {
		b, _ := json.Marshal(texts)
		sum := sha256.Sum256(b)
		s.set(key, fmt.Sprintf("%d, hash %s", len(texts), hex.EncodeToString(sum[:4])))
	}
}

// mask takes the values of environment variables out of a rendered text. What people wrote
// into the file stays. Of what an action wrote, the action itself stands there if
// it names env_var, and ${NAME} for every value of a variable otherwise.
func mask(text string, m *source.Map, secrets map[string]string) string {
	if len(secrets) == 0 {
		return text
	}
	if len(m.Segments()) == 0 {
		return maskAll(text, secrets)
	}
	var b strings.Builder
	at := 0
	for _, s := range m.Segments() {
		if s.Start < at || s.End > len(text) {
			return maskAll(text, secrets) // the map is of another text
		}
		b.WriteString(maskAll(text[at:s.Start], secrets))
		switch part := text[s.Start:s.End]; {
		case s.Verbatim:
			b.WriteString(part)
		case strings.Contains(s.Src.Text(), "env_var"):
			b.WriteString(s.Src.Text())
		default:
			b.WriteString(maskAll(part, secrets))
		}
		at = s.End
	}
	b.WriteString(maskAll(text[at:], secrets))
	return b.String()
}

// maskAll puts ${NAME} in the place of every value, the longest first.
func maskAll(text string, secrets map[string]string) string {
	names := slices.SortedFunc(maps.Keys(secrets), func(a, b string) int {
		if d := len(secrets[b]) - len(secrets[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if v := secrets[name]; len(v) >= shortSecret {
			text = strings.ReplaceAll(text, v, "${"+name+"}")
		}
	}
	return text
}

// shortSecret is the length below which a value is not looked for: it is no secret, and it
// would be found everywhere.
const shortSecret = 4

// short cuts a text that is too long at the end of a line.
func short(text string) string {
	if len(text) <= textLimit {
		return text
	}
	text = text[:textLimit]
	if i := strings.LastIndexByte(text, '\n'); i > textLimit/2 {
		return text[:i] + cutMark
	}
	for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
		text = text[:len(text)-1]
	}
	return text + cutMark
}

// kept is the JSON in the columns config and facets.
type keptConfig struct {
	Content map[string]string `json:"content,omitempty"`
	Storage map[string]string `json:"storage,omitempty"`
}

type keptFacets struct {
	*DefinedFacets
	Unique [][]string `json:"unique,omitempty"`
}

// DefinedOp records what nodes are built from in a run. It goes before the record that
// names the definitions: a record without its definition would be believed to have one.
func DefinedOp(d warehouse.Dialect, s Scope, runID string, at time.Time, list ...*Definition) warehouse.Op {
	rows := make([][]any, len(list))
	for i, x := range list {
		facets := ""
		if x.Facets != nil || x.Unique != nil {
			facets = encode(keptFacets{x.Facets, x.Unique})
		}
		contract := ""
		if x.Contract != nil {
			contract = encode(x.Contract)
		}
		rows[i] = []any{s.String(), x.Node.String(), x.ID(), x.Fingerprint, x.Path, x.Dialect, x.Text, x.IncrementalText, encode(x.Columns),
			encode(keptConfig{x.Config, x.Storage}), facets, contract, stamp(at), runID}
	}
	return warehouse.InsertValues{Target: definitions.relation(s.Database), Columns: definitions.typed(d), Rows: rows}
}

// encode writes plain data without HTML's escapes, which would be in the way of whoever
// reads the table.
func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("state: a definition does not marshal: %v", err)) // plain strings
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// HoldsDefinitions reports whether a relation is the table of definitions.
func HoldsDefinitions(rel addr.Relation) bool {
	return rel.Schema == Schema && rel.Name == definitions.name
}

// askedAtOnce is how many definitions one query names.
const askedAtOnce = 10_000

// ReadDefinitions reads what nodes were built from. ids are those of Record.Definition;
// nodes whose definition is not known are not in the answer. Nothing is asked where all
// ids are empty, and one query is sent per ten thousand of the others.
func ReadDefinitions(ctx context.Context, c warehouse.Conn, s Scope, ids map[addr.Node]string) (map[addr.Node]*Definition, error) {
	out := map[addr.Node]*Definition{}
	var asked []string
	for _, id := range ids {
		if id != "" {
			asked = append(asked, id)
		}
	}
	if len(asked) == 0 {
		return out, nil
	}
	rel := definitions.relation(s.Database)
	found, err := c.Inspect(ctx, []addr.Relation{rel})
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", rel, err)
	}
	if len(found) == 0 {
		return out, nil
	}
	slices.Sort(asked)
	for part := range slices.Chunk(asked, askedAtOnce) {
		err := query(ctx, c, definitions.of(c.Dialect(), s, part), "read "+Schema+"."+definitions.name, func(v []any) {
			d, ok := decodeDefinition(v)
			if ok && ids[d.Node] == text(v[2]) && (out[d.Node] == nil || d.At.Before(out[d.Node].At)) {
				out[d.Node] = d
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// of is the query for the rows of some definitions.
func (t table) of(d warehouse.Dialect, s Scope, ids []string) string {
	names, literals := make([]string, len(t.columns)), make([]string, len(ids))
	for i, c := range t.columns {
		names[i] = d.Ident(c)
	}
	for i, id := range ids {
		literals[i] = d.Literal(id)
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s = %s AND %s IN (%s)",
		strings.Join(names, ", "), d.Quote(t.relation(s.Database)), d.Ident("scope"), d.Literal(s.String()), d.Ident(t.id), strings.Join(literals, ", "))
}

// decodeDefinition reads a row. What is not ours counts as not known.
func decodeDefinition(v []any) (*Definition, bool) {
	node, err := addr.ParseNode(text(v[1]))
	if err != nil {
		return nil, false
	}
	d := &Definition{Node: node, Fingerprint: text(v[3]), Path: text(v[4]), Dialect: text(v[5]), Text: text(v[6]), IncrementalText: text(v[7]), At: when(v[12]), Run: text(v[13])}
	var config keptConfig
	var facets keptFacets
	if json.Unmarshal([]byte(text(v[8])), &d.Columns) != nil || json.Unmarshal([]byte(text(v[9])), &config) != nil {
		return nil, false
	}
	d.Config, d.Storage = config.Content, config.Storage
	if t := text(v[10]); t != "" {
		if json.Unmarshal([]byte(t), &facets) != nil {
			return nil, false
		}
		d.Facets, d.Unique = facets.DefinedFacets, facets.Unique
	}
	if t := text(v[11]); t != "" {
		d.Contract = &DefinedContract{}
		if json.Unmarshal([]byte(t), d.Contract) != nil {
			return nil, false
		}
	}
	return d, true
}
