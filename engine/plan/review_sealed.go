package plan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
)

// Sealed is a plan together with what it was made for, so that it is applied later to
// just that, or not at all. It has a form as a file.
type Sealed struct {
	// Engine is the version that made it, Build tells its executable from others of that
	// version. No other one applies it.
	Engine string       `json:"engine"`
	Build  string       `json:"build"`
	Made   time.Time    `json:"made"`
	Target SealedTarget `json:"target"`
	// Vars, Selects and Excludes are those of the command line, as written.
	Vars     map[string]any `json:"vars,omitempty"`
	Selects  []string       `json:"selects,omitempty"`
	Excludes []string       `json:"excludes,omitempty"`
	// Publish and Release are the flags of these names, as written.
	Publish   string    `json:"publish,omitempty"`
	Release   []string  `json:"release,omitempty"`
	Selection Selection `json:"selection"`
	// Secrets names the environment variables whose values stand in the plan, sorted.
	Secrets []string `json:"secrets,omitempty"`
	World   World    `json:"world"`
	Plan    *Plan    `json:"plan"`
}

// SealedTarget says where a plan is applied.
type SealedTarget struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Database string `json:"database,omitempty"`
	Schema   string `json:"schema"`
}

// World is what a plan relies on.
type World struct {
	// Project are the fingerprints of all nodes and tests, and Hooks that of the run's hooks.
	Project map[addr.Node]string `json:"project"`
	Hooks   string               `json:"hooks"`
	// Relied are the nodes that the plan builds, reads, tests, or leaves as they are.
	Relied map[addr.Node]Relied `json:"relied"`
	// Aside are engine-owned relations that were there, sorted.
	Aside []addr.Relation `json:"aside,omitempty"`
}

// Relied is what a node was when the plan was made.
type Relied struct {
	Relation addr.Relation `json:"relation,omitzero"`
	// Kind is that of the relation that exists, None if none does.
	Kind warehouse.Kind `json:"kind"`
	// Version and Fingerprint are those of the last record; empty if there is none.
	Version     string `json:"version,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
	// Data names the rows of a source, empty where they have no name.
	Data string `json:"data,omitempty"`
}

// TargetOf is where a program is built.
func TargetOf(p *compile.Program) SealedTarget {
	return SealedTarget{Name: p.Target.Name, Type: p.Target.Type, Database: p.Target.Database, Schema: p.Target.Schema}
}

// WorldOf is what pl, made of program on s for sel, relies on.
func WorldOf(pl *Plan, program *compile.Program, s state.Snapshot, sel Selection) World {
	w := World{Project: fingerprints(program), Hooks: hookHash(program), Relied: map[addr.Node]Relied{}, Aside: aside(program, s)}
	rely := func(list ...addr.Node) {
		for _, id := range list {
			if n := program.Nodes[id]; n != nil && n.Config.Materialized != "ephemeral" {
				w.Relied[id] = relied(n, s)
			}
		}
	}
	for _, a := range pl.Actions {
		rely(a.Node)
		rely(a.Parents...)
		for _, t := range a.Tests {
			rely(t.Parents...)
		}
	}
	for id, on := range sel.Nodes {
		if on {
			rely(id)
		}
	}
	return w
}

func relied(n *compile.Node, s state.Snapshot) Relied {
	r := Relied{Relation: n.Relation}
	if n.ID.Kind == addr.Source {
		r.Data = s.Sources[n.ID]
		return r
	}
	record := s.Nodes[n.ID]
	r.Kind, r.Version, r.Fingerprint = s.Relations[n.Relation].Kind, record.Version, record.Fingerprint
	return r
}

func fingerprints(p *compile.Program) map[addr.Node]string {
	out := make(map[addr.Node]string, len(p.Nodes)+len(p.Tests))
	for id, n := range p.Nodes {
		out[id] = n.Fingerprint
		if id.Kind == addr.Source {
			out[id] = n.Relation.String()
		}
	}
	for _, t := range p.Tests {
		out[t.ID] = t.Fingerprint
	}
	for _, t := range p.UnitTests {
		out[t.ID] = t.Fingerprint
	}
	return out
}

func hookHash(p *compile.Program) string {
	if len(p.OnRunStart)+len(p.OnRunEnd) == 0 && !p.LateEnd() {
		return ""
	}
	texts := [][]string{p.OnRunStart, p.OnRunEnd}
	if p.LateEnd() {
		written := []string{} // the statements come of the templates when the run has ended
		for _, h := range p.Project.Settings.OnRunEnd {
			written = append(written, h.V)
		}
		texts = append(texts, written)
	}
	b, _ := stdjson.Marshal(texts) // strings
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// sealedKind marks the file.
const sealedKind = "engine plan"

// sealedFile is the form as a file. Digest is over the rest, so that a file that was
// edited, or is not whole, is noticed.
type sealedFile struct {
	Kind   string             `json:"kind"`
	Format int                `json:"format"`
	Digest string             `json:"digest"`
	Sealed stdjson.RawMessage `json:"sealed"`
}

// Encode writes the file. The same Sealed gives the same bytes.
func (s *Sealed) Encode() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the plan: %w", err)
	}
	digest, err := digestOf(body)
	if err != nil {
		return nil, fmt.Errorf("write the plan: %w", err)
	}
	out, err := stdjson.MarshalIndent(sealedFile{Kind: sealedKind, Format: Format, Digest: digest, Sealed: body}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the plan: %w", err)
	}
	return append(out, '\n'), nil
}

func digestOf(body []byte) (string, error) {
	var compact bytes.Buffer
	if err := stdjson.Compact(&compact, body); err != nil {
		return "", err
	}
	// MarshalIndent escapes what HTML does not like, whether it was escaped before or not.
	var escaped bytes.Buffer
	stdjson.HTMLEscape(&escaped, compact.Bytes())
	sum := sha256.Sum256(escaped.Bytes())
	return hex.EncodeToString(sum[:16]), nil
}

// Why a file holds no plan that can be applied.
var (
	ErrNoPlan     = errors.New("it is not a plan that engine plan --out wrote")
	ErrPlanFormat = errors.New("it is a plan of another format, written by another version of the engine")
	ErrPlanEdited = errors.New("it is not whole, or was edited")
)

// Unseal reads what Encode wrote. The error is one of ErrNoPlan, ErrPlanFormat, ErrPlanEdited.
func Unseal(data []byte) (*Sealed, error) {
	var f sealedFile
	if err := stdjson.Unmarshal(data, &f); err != nil || f.Kind != sealedKind {
		if err != nil && bytes.Contains(data[:min(len(data), 200)], []byte(sealedKind)) {
			return nil, ErrPlanEdited
		}
		return nil, ErrNoPlan
	}
	if f.Format != Format {
		return nil, ErrPlanFormat
	}
	if digest, err := digestOf(f.Sealed); err != nil || digest != f.Digest {
		return nil, ErrPlanEdited
	}
	s := &Sealed{}
	if err := json.Unmarshal(f.Sealed, s); err != nil || s.Plan == nil {
		return nil, ErrPlanFormat
	}
	return s, nil
}

// Outdated says what is different from when the plan was made: in the project, in the
// target. Sources are not part of it; a build reads what they hold then.
func (s *Sealed) Outdated(program *compile.Program, now state.Snapshot) diag.List {
	var ds diag.List
	if here := TargetOf(program); here != s.Target {
		ds.Add(planForeign(fmt.Sprintf("the plan is for target %s, and this is %s", describeTarget(s.Target), describeTarget(here))))
		return ds
	}
	if changed := s.World.projectChanges(program); len(changed) > 0 {
		ds.Add(projectChanged(changed))
		return ds
	}
	if moved := s.World.moves(program, now); len(moved) > 0 {
		ds.Add(planOutdated(moved))
	}
	return ds
}

func describeTarget(t SealedTarget) string {
	return fmt.Sprintf("%q (%s, schema %s)", t.Name, t.Type, strings.TrimPrefix(t.Database+"."+t.Schema, "."))
}

func (w World) projectChanges(program *compile.Program) []string {
	now := fingerprints(program)
	var out []string
	for _, id := range slices.SortedFunc(maps.Keys(now), addr.Node.Compare) {
		switch was, had := w.Project[id]; {
		case !had:
			out = append(out, fmt.Sprintf("%s %s is new", kindText(id), id.Name))
		case was != now[id]:
			out = append(out, fmt.Sprintf("%s %s is not what it was", kindText(id), id.Name))
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(w.Project), addr.Node.Compare) {
		if _, has := now[id]; !has {
			out = append(out, fmt.Sprintf("%s %s is gone", kindText(id), id.Name))
		}
	}
	if hookHash(program) != w.Hooks {
		out = append(out, "the hooks of the run are not what they were")
	}
	return out
}

func kindText(n addr.Node) string { return strings.ReplaceAll(string(n.Kind), "_", " ") }

func (w World) moves(program *compile.Program, s state.Snapshot) []string {
	var out []string
	for _, id := range slices.SortedFunc(maps.Keys(w.Relied), addr.Node.Compare) {
		was := w.Relied[id]
		n := program.Nodes[id]
		if n == nil || id.Kind == addr.Source {
			continue
		}
		now, record := relied(n, s), s.Nodes[id]
		switch {
		case now.Version != was.Version && now.Version == "":
			out = append(out, fmt.Sprintf("there is no record of %s any more", id.Name))
		case now.Version != was.Version:
			out = append(out, fmt.Sprintf("%s was built by run %s at %s", id.Name, record.Version, record.At.UTC().Format("2006-01-02 15:04:05 MST")))
		case now.Fingerprint != was.Fingerprint:
			out = append(out, fmt.Sprintf("a build of %s began and has not ended", id.Name))
		case was.Kind != now.Kind && now.Kind == warehouse.None:
			out = append(out, fmt.Sprintf("%s %s of %s is gone: somebody dropped it, or its time was over", was.Kind, was.Relation, id.Name))
		case was.Kind != now.Kind && was.Kind == warehouse.None:
			out = append(out, fmt.Sprintf("%s %s of %s is there now, and no record says who made it", now.Kind, now.Relation, id.Name))
		case was.Kind != now.Kind:
			out = append(out, fmt.Sprintf("%s of %s is a %s now, not a %s", now.Relation, id.Name, now.Kind, was.Kind))
		}
	}
	for _, rel := range aside(program, s) {
		if !slices.Contains(w.Aside, rel) {
			out = append(out, fmt.Sprintf("%s was left behind by a run that began since and broke off", rel))
		}
	}
	return out
}

// Newer lists the sources that hold other rows than when the plan was made, sorted.
func (w World) Newer(program *compile.Program, s state.Snapshot) []addr.Node {
	var out []addr.Node
	for id, was := range w.Relied {
		if n := program.Nodes[id]; n != nil && id.Kind == addr.Source && was.Data != "" && s.Sources[id] != was.Data {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, addr.Node.Compare)
	return out
}

// Attach gives the plan the places in the user's files that a file does not hold. fresh is
// the plan that would be made now. Where it would do something else at a node of this plan,
// the answer names that: then not all that the plan relies on is in its World.
func (s *Sealed) Attach(fresh *Plan) diag.List {
	now := make(map[addr.Node]*Action, len(fresh.Actions))
	for _, a := range fresh.Actions {
		now[a.Node] = a
	}
	var differs []string
	for _, a := range s.Plan.Actions {
		b := now[a.Node]
		if b == nil {
			differs = append(differs, fmt.Sprintf("%s would not be built", a.Node.Name))
			continue
		}
		if what := otherwise(a, b); what != "" {
			differs = append(differs, fmt.Sprintf("%s: %s", a.Node.Name, what))
			continue
		}
		a.Origin = b.Origin
		for i := range a.Tests {
			a.Tests[i].At, a.Tests[i].Map = b.Tests[i].At, b.Tests[i].Map
		}
		for i := range a.UnitTests {
			a.UnitTests[i].At, a.UnitTests[i].Map = b.UnitTests[i].At, b.UnitTests[i].Map
		}
	}
	if len(differs) > 0 {
		return diag.List{planOutdated(differs)}
	}
	return nil
}

// otherwise says in what b does something else than a.
func otherwise(a, b *Action) string {
	if a.Verb != b.Verb {
		return fmt.Sprintf("it would be %s, not %s", b.Verb, a.Verb)
	}
	same := func(x, y Steps) bool {
		p, err := warehouse.MarshalOps(x)
		q, other := warehouse.MarshalOps(y)
		return cmp.Or(err, other) == nil && bytes.Equal(p, q)
	}
	if a.InTx != b.InTx || !same(a.Build, b.Build) {
		return "it would be built by other statements"
	}
	sameTests := slices.EqualFunc(a.Tests, b.Tests, func(x, y Test) bool {
		return x.ID == y.ID && x.Rows == y.Rows && x.Count == y.Count && x.Severity == y.Severity
	})
	sameUnits := slices.EqualFunc(a.UnitTests, b.UnitTests, func(x, y UnitTest) bool { return x.ID == y.ID && x.Actual == y.Actual && x.Expect == y.Expect })
	if !sameTests || !sameUnits {
		return "other tests would run"
	}
	return ""
}

const (
	codePlanOutdated diag.Code = "plan-outdated"
	codePlanProject  diag.Code = "plan-project-changed"
	codePlanForeign  diag.Code = "plan-foreign"
)

var sealedCodes = []diag.Entry{
	{Code: codePlanOutdated, Title: "a plan that the target has left behind", Explain: "engine build --plan applies what was reviewed, or nothing. Since the plan was made, somebody built, dropped or replaced something that it builds, reads or leaves alone. Nothing was written.", Bad: "engine plan --out plan.json; engine build; engine build --plan plan.json", Good: "engine plan --out plan.json; engine build --plan plan.json"},
	{Code: codePlanProject, Title: "a plan of a project that has changed", Explain: "The models, tests, seeds or variables are not those that the plan was made of. Nothing was written.", Bad: "engine plan --out plan.json; vi models/orders.sql; engine build --plan plan.json", Good: "engine plan --out plan.json; engine build --plan plan.json"},
	{Code: codePlanForeign, Title: "a plan that cannot be applied here", Explain: "A plan is applied by the version of the engine that made it, to the target that it was made for, and as it was written. A plan that reads parents from another target (--defer) is not kept in a file.", Bad: "engine plan --target dev --out plan.json; engine build --target prod --plan plan.json", Good: "engine plan --target prod --out plan.json; engine build --plan plan.json"},
}

const planAgain = "make it again: engine plan --out FILE"

func planForeign(message string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePlanForeign, Message: message, Help: planAgain}
}

func projectChanged(changes []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePlanProject, Message: "the project has changed since the plan was made: nothing was written", Notes: some(changes), Help: planAgain}
}

func planOutdated(moved []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePlanOutdated, Message: "the target has changed since the plan was made: nothing was written", Notes: some(moved), Help: planAgain}
}

// some are the first of many.
func some(list []string) []string {
	if len(list) <= named+1 {
		return list
	}
	return append(slices.Clone(list[:named]), fmt.Sprintf("and %d more", len(list)-named))
}
