package state

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Kept is a version of a node that was replaced and is kept: a table under another name, of
// a view the text.
type Kept struct {
	Node     addr.Node     `json:"node"`
	Relation addr.Relation `json:"relation"`
	// Kind is what it was. As is where the table is now; zero for a view, whose query is SQL.
	Kind warehouse.Kind `json:"kind"`
	As   addr.Relation  `json:"as,omitzero"`
	SQL  string         `json:"sql,omitempty"`
	// Run replaced it, At that time.
	Run string    `json:"run"`
	At  time.Time `json:"at"`
	// Policy is keep_previous as it was then.
	Policy string `json:"policy,omitempty"`
	// Record is that of the version.
	Record Record `json:"record"`
}

// Hold keeps a node from being built after a rollback. It counts as long as no other run has
// built the node since.
type Hold struct {
	Node addr.Node
	// Fingerprint and Inputs are those of the version that was taken back.
	Fingerprint string
	Inputs      map[addr.Node]string
	// Definition: what was taken back had another definition than what holds now, so a change
	// of the definition ends the hold; otherwise a change of the inputs does, too.
	Definition bool
	Run        string // the rollback
	Of         string // the run whose version was taken back
	At         time.Time
}

// Holds reports whether the hold still counts for a node with this record.
func (h Hold) Holds(r Record) bool { return h.Run != "" && !r.At.After(h.At) }

// Publication is what a run was about to publish on a warehouse that cannot do it at once.
// It is written before the first step and closed after the last.
type Publication struct {
	Run   string
	At    time.Time
	Parts []Part
}

// Part is what a publication does for one node, in order of the parts.
type Part struct {
	Node  addr.Node
	Steps []warehouse.Op
}

// The tables below are made when they are first written to.
var (
	keeps = table{
		name: "kept_versions",
		columns: []string{"scope", "node", "relation_database", "relation_schema", "relation_name", "kind", "kept_as",
			"query", "run_id", "at", "policy", "record"},
	}
	holds = table{
		name:    "holds",
		columns: []string{"scope", "node", "fingerprint", "inputs", "of_definition", "run_id", "of_run", "at"},
		subject: "node", at: "at", id: "run_id",
	}
	publications = table{
		name:    "publications",
		columns: []string{"scope", "run_id", "part", "parts", "node", "steps", "at"},
	}
	extra = []table{keeps, holds, publications}
)

const keptPrefix = "_engine_old__"

// KeptName is where a run keeps the table that has the name rel: «_engine_old__<name>__<run>»,
// or, where that is too long, the beginning of it with hashes of the name and of the run.
func KeptName(rel addr.Relation, runID string, caps warehouse.Caps) addr.Relation {
	runID = strings.ToLower(runID)
	name := keptPrefix + rel.Name + "__" + runID
	if limit := caps.MaxIdentifier; limit > 0 && len(name) > limit {
		ends := "__" + shortHash(rel.Name, 4) + shortHash(runID, 6)
		n := limit - len(ends)
		for n > 0 && !utf8.RuneStart(name[n]) {
			n--
		}
		name = name[:n] + ends
	}
	rel.Name = name
	return rel
}

func shortHash(text string, bytes int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:bytes])
}

var (
	runTail  = regexp.MustCompile(`^[0-9]{8}t[0-9]{6}z-[0-9a-f]{8}$`) // a run as the command names it
	hashTail = regexp.MustCompile(`^[0-9a-f]{20}$`)
)

// KeptOf reports whether name is one under which a run keeps the table that has the name
// rel. What a run that died has kept and not recorded is known by that.
func KeptOf(rel, name addr.Relation, caps warehouse.Caps) bool {
	at := strings.LastIndex(name.Name, "__")
	if at < 0 || !strings.HasPrefix(name.Name, keptPrefix) {
		return false
	}
	begins, ends := name.Name[:at], name.Name[at+2:]
	ofRun, hashed := runTail.MatchString(ends), caps.MaxIdentifier > 0 && hashTail.MatchString(ends)
	if !ofRun && !hashed {
		return false
	}
	same := func(a, b string) bool { return a == b || caps.FoldsCase && strings.EqualFold(a, b) }
	if !same(rel.Database, name.Database) || !same(rel.Schema, name.Schema) {
		return false
	}
	whole := keptPrefix + rel.Name
	return ofRun && same(begins, whole) ||
		hashed && ends[:8] == shortHash(rel.Name, 4) && (strings.HasPrefix(whole+"__", begins) || strings.HasPrefix(begins, whole+"__"))
}

// ExtraSetup makes those of the tables for kept versions, holds and publications that are
// missing.
func (have Tables) ExtraSetup(d warehouse.Dialect, database string) []warehouse.Op {
	var ops []warehouse.Op
	for _, t := range extra {
		if _, ok := have[t.name]; !ok {
			ops = append(ops, warehouse.CreateTable{Target: t.relation(database), Columns: t.typed(d), IfNotExists: true})
		}
	}
	return ops
}

// KeptOp records versions that are kept from now on. It belongs into the transaction that
// replaces them, where the warehouse has transactions.
func KeptOp(d warehouse.Dialect, s Scope, list ...Kept) warehouse.Op {
	rows := make([][]any, len(list))
	for i, k := range list {
		k.Record.At = stamp(k.Record.At)
		record, err := json.Marshal(k.Record)
		if err != nil {
			panic(fmt.Sprintf("state: a record does not marshal: %v", err))
		}
		rows[i] = []any{s.String(), k.Node.String(), k.Relation.Database, k.Relation.Schema, k.Relation.Name, string(k.Kind), k.As.Name,
			k.SQL, k.Run, stamp(k.At), k.Policy, string(record)}
	}
	return warehouse.InsertValues{Target: keeps.relation(s.Database), Columns: keeps.typed(d), Rows: rows}
}

// HoldOp records holds.
func HoldOp(d warehouse.Dialect, s Scope, list ...Hold) warehouse.Op {
	rows := make([][]any, len(list))
	for i, h := range list {
		word := ""
		if h.Definition {
			word = "yes"
		}
		rows[i] = []any{s.String(), h.Node.String(), h.Fingerprint, encodeInputs(h.Inputs), word, h.Run, h.Of, stamp(h.At)}
	}
	return warehouse.InsertValues{Target: holds.relation(s.Database), Columns: holds.typed(d), Rows: rows}
}

// Forget is the statement that removes the records of kept versions: those that runs
// replaced in a node each.
func Forget(d warehouse.Dialect, s Scope, list ...Kept) warehouse.Statement {
	keys := make([]string, len(list))
	for i, k := range list {
		keys[i] = d.Literal(k.Node.String() + "\n" + k.Run)
	}
	return warehouse.Statement{SQL: fmt.Sprintf("DELETE FROM %s WHERE %s = %s AND %s || %s || %s IN (%s)", d.Quote(keeps.relation(s.Database)),
		d.Ident("scope"), d.Literal(s.String()), d.Ident("node"), d.Literal("\n"), d.Ident("run_id"), strings.Join(keys, ", "))}
}

// PublicationOp writes the intent to publish, all of it in one operation.
func PublicationOp(d warehouse.Dialect, s Scope, p Publication) (warehouse.Op, error) {
	rows := make([][]any, len(p.Parts))
	for i, part := range p.Parts {
		steps, err := warehouse.MarshalOps(part.Steps)
		if err != nil {
			return nil, fmt.Errorf("write what %s is to do: %w", part.Node, err)
		}
		rows[i] = []any{s.String(), p.Run, fmt.Sprintf("%09d", i), fmt.Sprint(len(p.Parts)), part.Node.String(), string(steps), stamp(p.At)}
	}
	return warehouse.InsertValues{Target: publications.relation(s.Database), Columns: publications.typed(d), Rows: rows}, nil
}

// Published is the statement that closes a publication.
func Published(d warehouse.Dialect, s Scope, runID string) warehouse.Statement {
	return warehouse.Statement{SQL: fmt.Sprintf("DELETE FROM %s WHERE %s = %s AND %s = %s", d.Quote(publications.relation(s.Database)),
		d.Ident("scope"), d.Literal(s.String()), d.Ident("run_id"), d.Literal(runID))}
}

// ReadPublications are the publications of a scope that were begun and not closed, the
// oldest first, and of all scopes the relations that such publications still need. One
// whose intent is not whole did not take its first step: its Parts are nil. have says which
// tables there are.
func ReadPublications(ctx context.Context, c warehouse.Conn, s Scope, have Tables) (out []Publication, needed map[addr.Relation]bool, err error) {
	if _, ok := have[publications.name]; !ok {
		return nil, nil, nil
	}
	needed = map[addr.Relation]bool{}
	d := c.Dialect()
	sql := fmt.Sprintf("SELECT %s FROM %s ORDER BY %s, %s, %s", columnList(d, publications.columns), d.Quote(publications.relation(s.Database)),
		d.Ident("at"), d.Ident("run_id"), d.Ident("part"))
	parts := ""
	var failed error
	whole := func() {
		if n := len(out); n > 0 && fmt.Sprint(len(out[n-1].Parts)) != parts {
			out[n-1].Parts = nil
		}
	}
	err = query(ctx, c, sql, "read "+Schema+"."+publications.name, func(v []any) {
		steps, unread := warehouse.UnmarshalOps([]byte(text(v[5])))
		for _, op := range steps {
			if swap, ok := op.(warehouse.Swap); ok {
				needed[swap.New] = true
				if !swap.Keep.IsZero() {
					needed[swap.Keep] = true
				}
			}
		}
		if text(v[0]) != s.String() {
			return
		}
		if run := text(v[1]); len(out) == 0 || out[len(out)-1].Run != run {
			whole()
			out = append(out, Publication{Run: run, At: when(v[6])})
		}
		parts = text(v[3])
		node, err := addr.ParseNode(text(v[4]))
		if err = cmp.Or(err, unread); err == nil {
			out[len(out)-1].Parts = append(out[len(out)-1].Parts, Part{Node: node, Steps: steps})
		}
		failed = cmp.Or(failed, err)
	})
	whole()
	if err := cmp.Or(err, failed); err != nil {
		return nil, nil, fmt.Errorf("read what run %s was about to publish: %w", lastRun(out), err)
	}
	return out, needed, nil
}

func lastRun(list []Publication) string {
	if len(list) == 0 {
		return "?"
	}
	return list[len(list)-1].Run
}

func columnList(d warehouse.Dialect, names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = d.Ident(n)
	}
	return strings.Join(out, ", ")
}

// ReadKept are the versions that are kept, the newest first, and of all scopes the names
// under which tables are kept: what has another such name belongs to nobody.
func ReadKept(ctx context.Context, c warehouse.Conn, s Scope, have Tables) (own []Kept, names map[addr.Relation]bool, err error) {
	if _, ok := have[keeps.name]; !ok {
		return nil, nil, nil
	}
	names = map[addr.Relation]bool{}
	d := c.Dialect()
	sql := fmt.Sprintf("SELECT %s FROM %s ORDER BY %s DESC, %s, %s", columnList(d, keeps.columns), d.Quote(keeps.relation(s.Database)),
		d.Ident("at"), d.Ident("node"), d.Ident("run_id"))
	err = query(ctx, c, sql, "read "+Schema+"."+keeps.name, func(v []any) {
		k := Kept{
			Relation: addr.Relation{Database: text(v[2]), Schema: text(v[3]), Name: text(v[4])}, Kind: warehouse.Kind(text(v[5])),
			SQL: text(v[7]), Run: text(v[8]), At: when(v[9]), Policy: text(v[10]),
		}
		if name := text(v[6]); name != "" {
			k.As = addr.Relation{Database: k.Relation.Database, Schema: k.Relation.Schema, Name: name}
			names[k.As] = true
		}
		node, err := addr.ParseNode(text(v[1]))
		if err != nil || text(v[0]) != s.String() || json.Unmarshal([]byte(text(v[11])), &k.Record) != nil {
			return // of others, or of a newer engine
		}
		k.Node = node
		own = append(own, k)
	})
	return own, names, err
}

// ReadHolds are the last holds of nodes, whether they still count or not.
func ReadHolds(ctx context.Context, c warehouse.Conn, s Scope, have Tables) (map[addr.Node]Hold, error) {
	rel, ok := have[holds.name]
	if !ok {
		return nil, nil
	}
	out := map[addr.Node]Hold{}
	err := query(ctx, c, holds.latest(c.Dialect(), s, rel), "read "+Schema+"."+holds.name, func(v []any) {
		node, err := addr.ParseNode(text(v[1]))
		if err != nil {
			return
		}
		out[node] = Hold{Node: node, Fingerprint: text(v[2]), Inputs: decodeInputs(text(v[3])), Definition: text(v[4]) != "", Run: text(v[5]), Of: text(v[6]), At: when(v[7])}
	})
	return out, err
}

// BuiltSince are the runs that have published each node since a run began to, that one
// included, the first one first, and the nodes that were never built before. Nothing: there
// is no such run.
func BuiltSince(ctx context.Context, c warehouse.Conn, s Scope, have Tables, runID string) (runs map[addr.Node][]string, fresh map[addr.Node]bool, err error) {
	runs, fresh = map[addr.Node][]string{}, map[addr.Node]bool{}
	if _, ok := have[builds.name]; !ok {
		return runs, fresh, nil
	}
	d := c.Dialect()
	table := d.Quote(builds.relation(s.Database))
	where := fmt.Sprintf("%s = %s AND %s <> ''", d.Ident("scope"), d.Literal(s.String()), d.Ident("fingerprint"))
	sql := fmt.Sprintf("SELECT %s, %s, %s FROM %s WHERE %s AND %s >= (SELECT min(%s) FROM %s WHERE %s AND %s = %s) ORDER BY %s, %s",
		d.Ident("node"), d.Ident("run_id"), d.Ident("built_at"), table, where, d.Ident("built_at"), d.Ident("built_at"), table, where, d.Ident("run_id"), d.Literal(runID),
		d.Ident("built_at"), d.Ident("node"))
	err = query(ctx, c, sql, "read "+Schema+"."+builds.name, func(v []any) {
		node, err := addr.ParseNode(text(v[0]))
		if err != nil {
			return
		}
		if run := text(v[1]); len(runs[node]) == 0 || runs[node][len(runs[node])-1] != run {
			runs[node] = append(runs[node], run)
		}
		fresh[node] = true
	})
	if err != nil || len(runs) == 0 {
		return runs, fresh, err
	}
	sql = fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s AND %s < (SELECT min(%s) FROM %s WHERE %s AND %s = %s)",
		d.Ident("node"), table, where, d.Ident("built_at"), d.Ident("built_at"), table, where, d.Ident("run_id"), d.Literal(runID))
	err = query(ctx, c, sql, "read "+Schema+"."+builds.name, func(v []any) {
		if node, err := addr.ParseNode(text(v[0])); err == nil {
			delete(fresh, node)
		}
	})
	return runs, fresh, err
}

// LastPublished is the run that published last, empty if none did.
func LastPublished(ctx context.Context, c warehouse.Conn, s Scope, have Tables) (run string, err error) {
	if _, ok := have[builds.name]; !ok {
		return "", nil
	}
	d := c.Dialect()
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s = %s AND %s <> '' ORDER BY %s DESC, %s DESC LIMIT 1", d.Ident("run_id"), d.Quote(builds.relation(s.Database)),
		d.Ident("scope"), d.Literal(s.String()), d.Ident("fingerprint"), d.Ident("built_at"), d.Ident("run_id"))
	err = query(ctx, c, sql, "read "+Schema+"."+builds.name, func(v []any) { run = text(v[0]) })
	return run, err
}

// readKept fills Kept, KeptNames, Holds, Publishing and PublishingNames.
func readKept(ctx context.Context, c warehouse.Conn, s Scope, have Tables, snap *Snapshot) (err error) {
	if snap.Kept, snap.KeptNames, err = ReadKept(ctx, c, s, have); err != nil {
		return err
	}
	if snap.Holds, err = ReadHolds(ctx, c, s, have); err != nil {
		return err
	}
	snap.Publishing, snap.PublishingNames, err = ReadPublications(ctx, c, s, have)
	return err
}
