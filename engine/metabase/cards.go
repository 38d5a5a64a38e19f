package metabase

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/sql"
)

// Side is a database of Metabase with what the project has in it.
type Side struct {
	Found *Found
	// Tables are all that the project has there, described or not.
	Tables []Table
}

// card is a question, a model or a metric.
type card struct {
	ID          int             `json:"id"`
	Name        string          `json:"name"`
	Type        string          `json:"type"` // question, model, metric; empty before v50
	Description string          `json:"description"`
	Database    *int            `json:"database_id"`
	Query       json.RawMessage `json:"dataset_query"`
	Creator     *person         `json:"creator"`
	CreatorID   *int            `json:"creator_id"`
}

type person struct {
	Name  string `json:"common_name"`
	Email string `json:"email"`
}

type dashboard struct {
	ID          int        `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Creator     *person    `json:"creator"`
	CreatorID   *int       `json:"creator_id"`
	Cards       []dashCard `json:"dashcards"`
	Ordered     []dashCard `json:"ordered_cards"` // its name before v47
}

type dashCard struct {
	CardID *int    `json:"card_id"`
	Card   *cardID `json:"card"`
	Series []cardID
}

type cardID struct {
	ID *int `json:"id"`
}

// cards are the IDs of a dashboard's cards, sorted.
func (d *dashboard) cards() []int {
	var out []int
	for _, c := range slices.Concat(d.Cards, d.Ordered) {
		for _, id := range slices.Concat([]cardID{{c.CardID}}, c.Series) {
			if id.ID != nil {
				out = append(out, *id.ID)
			}
		}
		if c.Card != nil && c.Card.ID != nil {
			out = append(out, *c.Card.ID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// library fetches what Metabase keeps, each thing once. It is safe for concurrent use.
type library struct {
	s *Server

	mu       sync.Mutex
	cards    map[int]*card // nil: there is none that we may see
	snippets map[string]string
	people   map[int]*person
}

// card is nil where it does not exist, or may not be seen.
func (l *library) card(ctx context.Context, id int) (*card, error) {
	l.mu.Lock()
	c, had := l.cards[id]
	l.mu.Unlock()
	if had {
		return c, nil
	}
	c = &card{}
	err := l.s.call(ctx, http.MethodGet, fmt.Sprintf("/api/card/%d", id), nil, c)
	if unseen(err) {
		c, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.cards[id] = c
	l.mu.Unlock()
	return c, nil
}

// unseen reports whether something is not there for us.
func unseen(err error) bool {
	status := statusOf(err)
	return status == http.StatusNotFound || status == http.StatusForbidden
}

// person is nil where nobody may know.
func (l *library) person(ctx context.Context, given *person, id *int) (*person, error) {
	if given != nil || id == nil {
		return given, nil
	}
	l.mu.Lock()
	p, had := l.people[*id]
	l.mu.Unlock()
	if had {
		return p, nil
	}
	p = &person{}
	err := l.s.call(ctx, http.MethodGet, fmt.Sprintf("/api/user/%d", *id), nil, p)
	if unseen(err) {
		p, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.people[*id] = p
	l.mu.Unlock()
	return p, nil
}

// snippet is the text of a snippet of SQL, empty where there is none.
func (l *library) snippet(ctx context.Context, name string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.snippets == nil {
		var got listed[struct {
			Name    string `json:"name"`
			Content string `json:"content"`
		}]
		if err := l.s.call(ctx, http.MethodGet, "/api/native-query-snippet", nil, &got); err != nil && !unseen(err) {
			return "", err
		}
		l.snippets = map[string]string{}
		for _, s := range got.items {
			l.snippets[s.Name] = s.Content
		}
	}
	return l.snippets[name], nil
}

// tracer follows cards to nodes.
type tracer struct {
	*library
	sides  map[int]*side // by ID of the database
	tables map[int]addr.Node
	fields map[int]addr.Node // nodes of fields
}

type side struct {
	lexis sql.Lexis
	base  Base
	exact map[string]addr.Node   // by schema and name
	fold  map[string][]addr.Node // the same in small letters
	named map[string][]Table     // by lower-case name
}

func newTracer(s *Server, sides []Side) *tracer {
	t := &tracer{library: &library{s: s, cards: map[int]*card{}, people: map[int]*person{}}, sides: map[int]*side{}, tables: map[int]addr.Node{}, fields: map[int]addr.Node{}}
	for _, in := range sides {
		at := &side{lexis: lexisOf(in.Found.Engine), base: in.Found.Base, exact: map[string]addr.Node{}, fold: map[string][]addr.Node{}, named: map[string][]Table{}}
		t.sides[in.Found.ID] = at
		find := finderOf(in.Found)
		for _, table := range in.Tables {
			key := relationKey(table.Schema, table.Name)
			at.exact[key] = table.Node
			at.fold[strings.ToLower(key)] = append(at.fold[strings.ToLower(key)], table.Node)
			at.named[strings.ToLower(table.Name)] = append(at.named[strings.ToLower(table.Name)], table)
			if f, _ := find.table(table.Schema, table.Name); f != nil {
				t.tables[f.ID] = table.Node
				for _, field := range f.Fields {
					t.fields[field.ID] = table.Node
				}
			}
		}
	}
	return t
}

func lexisOf(engine string) sql.Lexis {
	if strings.HasPrefix(engine, "bigquery") {
		return sql.GoogleSQL
	}
	return sql.Standard
}

// uses is what a card depends on.
type uses struct {
	nodes map[addr.Node]bool
	// hidden: it reads a card that may not be seen; unclear are names in SQL that several
	// tables have.
	hidden  bool
	unclear map[string]bool
	seen    map[int]bool // cards on the way: circles end here
}

func newUses() *uses {
	return &uses{nodes: map[addr.Node]bool{}, unclear: map[string]bool{}, seen: map[int]bool{}}
}

// follow adds what a card reads, itself and through other cards.
func (t *tracer) follow(ctx context.Context, id int, u *uses) error {
	if u.seen[id] {
		return nil
	}
	u.seen[id] = true
	c, err := t.card(ctx, id)
	if err != nil {
		return err
	}
	if c == nil {
		u.hidden = true
		return nil
	}
	return t.query(ctx, c, u)
}

func (t *tracer) query(ctx context.Context, c *card, u *uses) error {
	if len(c.Query) == 0 {
		return nil
	}
	var q any
	if err := json.Unmarshal(c.Query, &q); err != nil {
		return fmt.Errorf("card %d: %w", c.ID, err)
	}
	m, _ := q.(map[string]any)
	database, ok := whole(m["database"])
	if !ok && c.Database != nil {
		database = *c.Database
	}
	w := &walk{t: t, ctx: ctx, side: t.sides[database], u: u, old: c.Type == ""}
	w.value(q, 0)
	return w.err
}

// walk goes through a query. MBQL is not documented to stay as it is, so nothing is expected
// but the words for tables, cards, fields and SQL, which its fourth and fifth version share,
// wherever they stand: in stages, joins, source queries, parameters.
type walk struct {
	t    *tracer
	ctx  context.Context
	side *side
	u    *uses
	old  bool // the card is of a server before v50, where a metric is no card
	err  error
}

// deepest is how deep a query is looked into.
const deepest = 200

func (w *walk) value(v any, depth int) {
	if w.err != nil || depth > deepest {
		return
	}
	switch v := v.(type) {
	case []any:
		w.clause(v)
		for _, item := range v {
			w.value(item, depth+1)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.entry(key, v[key], v)
			w.value(v[key], depth+1)
		}
	}
}

func (w *walk) entry(key string, v any, in map[string]any) {
	switch key {
	case "source-table":
		if name, ok := v.(string); ok {
			if id, err := strconv.Atoi(strings.TrimPrefix(name, "card__")); err == nil && strings.HasPrefix(name, "card__") {
				w.card(id)
			}
			return
		}
		if id, ok := whole(v); ok {
			w.node(w.t.tables[id])
		}
	case "source-card":
		if id, ok := whole(v); ok {
			w.card(id)
		}
	case "card-id":
		if id, ok := whole(v); ok && in["type"] == "card" {
			w.card(id)
		}
	case "source-field": // a column of another table by a foreign key
		if id, ok := whole(v); ok {
			w.node(w.t.fields[id])
		}
	case "native":
		switch v := v.(type) {
		case string: // the fifth version
			w.sql(v)
		case map[string]any:
			if text, ok := v["query"].(string); ok {
				w.sql(text)
			}
		}
	}
}

// clause is [name, …]: ["field", 12, {…}] in the fourth version, ["field", {…}, 12] in the fifth.
func (w *walk) clause(v []any) {
	if len(v) < 2 {
		return
	}
	name, _ := v[0].(string)
	if name != "field" && name != "metric" && name != "field-id" {
		return
	}
	for _, item := range v[1:min(len(v), 3)] {
		id, ok := whole(item)
		switch {
		case !ok:
		case name == "metric":
			if _, five := v[1].(map[string]any); five {
				w.card(id)
			} else {
				w.metric(id)
			}
			return
		default:
			w.node(w.t.fields[id])
			return
		}
	}
}

func whole(v any) (int, bool) {
	f, ok := v.(float64)
	return int(f), ok && f == float64(int(f))
}

func (w *walk) node(n addr.Node) {
	if !n.IsZero() {
		w.u.nodes[n] = true
	}
}

// metric follows ["metric", 5] of the fourth version. Before v50 that is the ID of something
// that is no card, and reads nothing but what the query reads anyway; a card that happens to
// have the same ID is another thing. Since v50 it is a card whose type says so.
func (w *walk) metric(id int) {
	if w.old || w.err != nil {
		return
	}
	c, err := w.t.card(w.ctx, id)
	switch {
	case err != nil:
		w.err = err
	case c == nil || c.Type == "metric":
		w.card(id) // nil: it is hidden
	}
}

func (w *walk) card(id int) {
	if w.err == nil {
		w.err = w.t.follow(w.ctx, id, w.u)
	}
}

// tag is a variable, a snippet or a card in SQL: {{status}}, {{snippet: paid}}, {{#12-orders}}.
var tag = regexp.MustCompile(`\{\{\s*(?:#(\d+)[^}]*|snippet:\s*([^}]*?)|[^}]*?)\s*\}\}`)

// snippetDepth is how deep snippets nest that are in snippets.
const snippetDepth = 10

func (w *walk) sql(text string) {
	if w.side == nil {
		return // another database
	}
	text = w.fill(text, 0)
	for _, path := range w.side.lexis.Tables(text) {
		if len(path) == 1 && strings.HasPrefix(path[0], cardName) {
			continue
		}
		n, clear := w.side.resolve(path)
		if w.node(n); !clear {
			w.u.unclear[strings.Join(path, ".")] = true
		}
	}
}

// cardName stands in SQL where a card did.
const cardName = "metabase_card_"

// fill puts in what tags stand for. Optional parts, in [[ ]], are taken for written.
func (w *walk) fill(text string, depth int) string {
	text = tag.ReplaceAllStringFunc(text, func(found string) string {
		m := tag.FindStringSubmatch(found)
		switch {
		case m[1] != "":
			if id, err := strconv.Atoi(m[1]); err == nil {
				w.card(id)
			}
			return cardName + m[1]
		case m[2] != "" && depth < snippetDepth:
			content, err := w.t.snippet(w.ctx, strings.TrimSpace(m[2]))
			if err != nil && w.err == nil {
				w.err = err
			}
			return w.fill(content, depth+1)
		}
		return "1"
	})
	return strings.NewReplacer("[[", " ", "]]", " ").Replace(text)
}

// resolve is the node of a table that SQL names; clear is false where it could be several.
func (s *side) resolve(path []string) (n addr.Node, clear bool) {
	name := path[len(path)-1]
	if len(path) == 1 {
		found := s.named[strings.ToLower(name)]
		if len(found) <= 1 {
			if len(found) == 1 {
				return found[0].Node, true
			}
			return addr.Node{}, true
		}
		// The schemas that are searched where none is written.
		for _, t := range found {
			if slices.Contains([]string{"public", "main", "dbo"}, strings.ToLower(t.Schema)) {
				return t.Node, true
			}
		}
		return addr.Node{}, false
	}
	if len(path) > 2 && !s.holds(path[len(path)-3]) {
		return addr.Node{}, true
	}
	key := relationKey(path[len(path)-2], name)
	if n, ok := s.exact[key]; ok {
		return n, true
	}
	switch found := s.fold[strings.ToLower(key)]; len(found) {
	case 0:
		return addr.Node{}, true
	case 1:
		return found[0], true
	}
	return addr.Node{}, false
}

// holds reports whether the database may be the one of that name: what the connection says.
func (s *side) holds(database string) bool {
	said := false
	for _, key := range []string{"dbname", "db", "project-id", "project-id-from-credentials", "catalog"} {
		if v, ok := s.base.Details[key].(string); ok && v != "" {
			if strings.EqualFold(v, database) {
				return true
			}
			said = true
		}
	}
	return !said
}
