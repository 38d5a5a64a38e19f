package metabase

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Server is a running peer. What is in its maps may be changed between requests, under Do.
type Server struct {
	URL string
	// Key lets in by X-API-KEY, User and Password by a session.
	Key, User, Password string
	// Wrapped: lists come as {"data": [...]}, as they do since v40.
	Wrapped bool
	// Lag is how many readings of a database's metadata pass after a sync until new tables show.
	Lag int
	// SpecialType: fields have special_type, as before v39.
	SpecialType bool

	mu        sync.Mutex
	http      *httptest.Server
	bases     []*Base
	cards     map[int]map[string]any
	dashes    map[int]map[string]any
	items     map[string][]map[string]any // by collection
	folders   []map[string]any
	people    map[int]map[string]any
	snippets  []map[string]any
	sessions  map[string]bool
	faults    []*Fault
	requests  []Request
	next      int
	underWay  int
	mostAtOne int
}

// Base is a database. Tables are those that Metabase knows; Warehouse those that a sync finds.
type Base struct {
	ID      int
	Name    string
	Engine  string
	Details map[string]any
	Tables  []*Table
	coming  []*Table
	left    int
}

// Table is a table with what Metabase keeps of it, by key of its interface.
type Table struct {
	ID     int
	Schema string
	Name   string
	Order  string
	Values map[string]any
	Fields []*Field
}

// Field is a column.
type Field struct {
	ID       int
	Name     string
	Parent   int
	Values   map[string]any
	Settings map[string]any
}

// Request is one that came.
type Request struct {
	Method, Path string
	Body         string
	Key          string // X-API-KEY
	Status       int
}

// Fault answers requests that match with Status, Times times. Method and Path may be empty;
// Path is a prefix. Status 0 closes the connection.
type Fault struct {
	Method, Path string
	Status       int
	Times        int
	RetryAfter   string
	Body         string
}

// Start starts a server without content. Close ends it.
func Start() *Server {
	s := &Server{
		Key: "mb_test_key", User: "bi@example.com", Password: "correct horse", cards: map[int]map[string]any{}, dashes: map[int]map[string]any{},
		items: map[string][]map[string]any{}, people: map[int]map[string]any{}, sessions: map[string]bool{}, next: 100,
	}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	return s
}

// Close ends it.
func (s *Server) Close() { s.http.Close() }

// Do changes the state while no request is at work.
func (s *Server) Do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Break adds faults.
func (s *Server) Break(f ...*Fault) { s.Do(func() { s.faults = append(s.faults, f...) }) }

// Requests are those that came since the last call.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// Writes are those of list that change something: all but sessions and syncs.
func Writes(list []Request) []Request {
	return slices.DeleteFunc(slices.Clone(list), func(r Request) bool {
		return r.Method == http.MethodGet || strings.HasPrefix(r.Path, "/api/session") || strings.HasSuffix(r.Path, "/sync_schema")
	})
}

// MostAtOnce is how many requests were under way at the same time, at most.
func (s *Server) MostAtOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mostAtOne
}

func (s *Server) id() int { s.next++; return s.next }

// AddBase adds a database.
func (s *Server) AddBase(name, engine string) *Base {
	b := &Base{Name: name, Engine: engine, Details: map[string]any{}}
	s.Do(func() { b.ID = s.id(); s.bases = append(s.bases, b) })
	return b
}

// AddTable adds a table that Metabase knows. A column «a.b» is a field inside of a.
func (s *Server) AddTable(b *Base, schema, name string, columns ...string) *Table {
	var t *Table
	s.Do(func() { t = s.table(schema, name, columns); b.Tables = append(b.Tables, t) })
	return t
}

// AddUnseen adds a table that a sync finds.
func (s *Server) AddUnseen(b *Base, schema, name string, columns ...string) *Table {
	var t *Table
	s.Do(func() { t = s.table(schema, name, columns); b.coming = append(b.coming, t) })
	return t
}

func (s *Server) table(schema, name string, columns []string) *Table {
	t := &Table{ID: s.id(), Schema: schema, Name: name, Order: "database", Values: map[string]any{"display_name": Humanize(name)}}
	for _, c := range columns {
		f := &Field{ID: s.id(), Values: map[string]any{"visibility_type": "normal", "has_field_values": "list"}}
		parent, last, nested := strings.Cut(c, ".")
		if f.Name = parent; nested {
			f.Name = last
			for _, p := range t.Fields {
				if p.Name == parent {
					f.Parent = p.ID
				}
			}
		}
		f.Values["display_name"] = Humanize(f.Name)
		t.Fields = append(t.Fields, f)
	}
	return t
}

// Field finds a field.
func (t *Table) Field(name string) *Field {
	for _, f := range t.Fields {
		if f.Name == name {
			return f
		}
	}
	panic("no field " + name)
}

// Humanize makes words of a name, as Metabase does.
func Humanize(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
		if w == "id" {
			words[i] = "ID"
		}
	}
	return strings.Join(words, " ")
}

// AddCollection adds a collection; owner is the user whose own it is, 0: nobody's.
func (s *Server) AddCollection(name string, owner int) string {
	var id int
	s.Do(func() {
		id = s.id()
		c := map[string]any{"id": id, "name": name, "slug": strings.ToLower(name), "archived": false}
		if owner != 0 {
			c["personal_owner_id"] = owner
		}
		s.folders = append(s.folders, c)
	})
	return strconv.Itoa(id)
}

// AddCard adds a card to a collection («root» or what AddCollection gave; empty: none). query
// is its dataset_query as JSON.
func (s *Server) AddCard(collection, name, query string) int {
	var q any
	if err := json.Unmarshal([]byte(query), &q); err != nil {
		panic(err)
	}
	var id int
	s.Do(func() {
		id = s.id()
		s.cards[id] = map[string]any{
			"id": id, "name": name, "description": nil, "display": "table", "type": "question", "archived": false, "dataset_query": q, "created_at": "2026-01-02T03:04:05Z",
			"creator": map[string]any{"id": 1, "common_name": "Ada Lovelace", "email": "ada@example.com"}, "creator_id": 1, "table_id": nil, "database_id": nil, "result_metadata": []any{},
		}
		if collection != "" {
			s.items[collection] = append(s.items[collection], map[string]any{"id": id, "name": name, "model": "card", "archived": false, "moderated_status": nil})
		}
	})
	return id
}

// SetCard changes a key of a card, or of its entry in the collection.
func (s *Server) SetCard(id int, key string, v any) {
	s.Do(func() {
		s.cards[id][key] = v
		for _, list := range s.items {
			for _, i := range list {
				if i["id"] == id && i["model"] != "dashboard" {
					i[key] = v
				}
			}
		}
	})
}

// AddDashboard adds a dashboard with cards. legacy: they are ordered_cards, as before v47.
func (s *Server) AddDashboard(collection, name string, legacy bool, cards ...int) int {
	var id int
	s.Do(func() {
		id = s.id()
		list := []any{}
		for _, c := range cards {
			list = append(list, map[string]any{"id": s.id(), "card_id": c, "card": map[string]any{"id": c}, "series": []any{}})
		}
		list = append(list, map[string]any{"id": s.id(), "card_id": nil, "card": map[string]any{}, "series": []any{}}) // a text
		key := "dashcards"
		if legacy {
			key = "ordered_cards"
		}
		s.dashes[id] = map[string]any{"id": id, "name": name, "description": "a dashboard", "created_at": "2026-01-02T03:04:05Z", "creator_id": 7, key: list}
		s.people[7] = map[string]any{"id": 7, "common_name": "Grace Hopper", "email": "grace@example.com"}
		s.items[collection] = append(s.items[collection], map[string]any{"id": id, "name": name, "model": "dashboard", "archived": false})
	})
	return id
}

// AddSnippet adds a snippet of SQL.
func (s *Server) AddSnippet(name, content string) {
	s.Do(func() {
		s.snippets = append(s.snippets, map[string]any{"id": s.id(), "name": name, "content": content})
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.underWay++
	s.mostAtOne = max(s.mostAtOne, s.underWay)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.underWay--
		s.mu.Unlock()
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	record := func(status int) {
		s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.RequestURI(), Body: string(body), Key: r.Header.Get("X-API-KEY"), Status: status})
	}
	for _, f := range s.faults {
		if f.Times > 0 && (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.Path) {
			f.Times--
			record(f.Status)
			if f.Status == 0 {
				panic(http.ErrAbortHandler)
			}
			if f.RetryAfter != "" {
				w.Header().Set("Retry-After", f.RetryAfter)
			}
			if f.Status >= 300 && f.Status < 400 {
				w.Header().Set("Location", f.Body)
			}
			w.WriteHeader(f.Status)
			_, _ = io.WriteString(w, f.Body)
			return
		}
	}
	status, answer := s.answer(r, body)
	record(status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if text, plain := answer.(string); plain {
		_, _ = io.WriteString(w, text)
		return
	}
	if status != http.StatusNoContent {
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func invalid(key, why string) (int, any) {
	return http.StatusBadRequest, map[string]any{"errors": map[string]any{key: why}}
}

func (s *Server) answer(r *http.Request, body []byte) (int, any) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 || parts[0] != "api" {
		return http.StatusOK, "<!doctype html><title>Metabase</title>"
	}
	route := r.Method + " " + parts[1]
	if route == "POST session" {
		var in struct{ Username, Password string }
		if json.Unmarshal(body, &in) != nil || in.Username != s.User || in.Password != s.Password {
			return http.StatusUnauthorized, map[string]any{"errors": map[string]any{"password": "did not match stored password"}}
		}
		token := fmt.Sprintf("session-%d", s.id())
		s.sessions[token] = true
		return http.StatusOK, map[string]any{"id": token}
	}
	token := r.Header.Get("X-Metabase-Session")
	if !s.sessions[token] && (s.Key == "" || r.Header.Get("X-API-KEY") != s.Key) {
		return http.StatusUnauthorized, "Unauthenticated"
	}
	id := 0
	if len(parts) > 2 {
		id, _ = strconv.Atoi(parts[2])
	}
	last := parts[len(parts)-1]
	switch {
	case route == "DELETE session":
		delete(s.sessions, token)
		return http.StatusNoContent, nil
	case route == "GET database" && len(parts) == 2:
		var out []any
		for _, b := range s.bases {
			out = append(out, map[string]any{"id": b.ID, "name": b.Name, "engine": b.Engine, "details": b.Details, "features": []string{"schemas"}})
		}
		return http.StatusOK, s.list(out)
	case route == "GET database" && last == "metadata":
		return s.metadata(id, r.URL.Query().Get("include_hidden") == "true")
	case route == "POST database" && last == "sync_schema":
		if b := s.base(id); b != nil {
			b.left = s.Lag + 1
			return http.StatusOK, map[string]any{"status": "ok"}
		}
	case route == "PUT table" && last == "order":
		return s.putOrder(id, body)
	case route == "PUT table":
		return s.putTable(id, body)
	case route == "PUT field":
		return s.putField(id, body)
	case route == "GET card" && s.cards[id] != nil:
		return http.StatusOK, s.cards[id]
	case route == "GET dashboard" && s.dashes[id] != nil:
		return http.StatusOK, s.dashes[id]
	case route == "GET user" && s.people[id] != nil:
		return http.StatusOK, s.people[id]
	case route == "GET native-query-snippet":
		return http.StatusOK, s.snippets
	case route == "GET collection" && len(parts) == 2:
		out := []any{map[string]any{"id": "root", "name": "Our analytics", "is_personal": false}}
		for _, c := range s.folders {
			if owner, personal := c["personal_owner_id"]; !personal || r.URL.Query().Get("exclude-other-user-collections") != "true" || owner == 1 {
				out = append(out, c)
			}
		}
		return http.StatusOK, out
	case route == "GET collection" && last == "items":
		return s.page(s.items[parts[2]], r)
	}
	return http.StatusNotFound, "Not found."
}

// page is a part of a collection.
func (s *Server) page(all []map[string]any, r *http.Request) (int, any) {
	models := r.URL.Query()["models"]
	var out []any
	for _, i := range all {
		if len(models) == 0 || slices.Contains(models, i["model"].(string)) {
			out = append(out, i)
		}
	}
	total := len(out)
	if s.Wrapped {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("limit"), "50"))
		// A page of the peer is small, so that few items have several.
		out = out[min(offset, total):min(offset+min(limit, 2), total)]
		return http.StatusOK, map[string]any{"data": append([]any{}, out...), "total": total, "limit": limit, "offset": offset}
	}
	return http.StatusOK, append([]any{}, out...)
}

func (s *Server) list(out []any) any {
	out = append([]any{}, out...)
	if s.Wrapped {
		return map[string]any{"data": out, "total": len(out)}
	}
	return out
}

func (s *Server) base(id int) *Base {
	for _, b := range s.bases {
		if b.ID == id {
			return b
		}
	}
	return nil
}

func (s *Server) metadata(id int, hidden bool) (int, any) {
	b := s.base(id)
	if b == nil {
		return http.StatusNotFound, "Not found."
	}
	if b.left > 0 {
		if b.left--; b.left == 0 {
			b.Tables = append(b.Tables, b.coming...)
			b.coming = nil
		}
	}
	tables := []any{}
	for _, t := range b.Tables {
		if t.Values["visibility_type"] != nil && !hidden {
			continue
		}
		fields := []any{}
		for i, f := range t.Fields {
			if f.Values["visibility_type"] == "retired" {
				continue // Metabase shows nobody a retired field
			}
			out := map[string]any{"id": f.ID, "name": f.Name, "table_id": t.ID, "position": i, "active": true, "base_type": "type/Text", "settings": f.Settings,
				"description": nil, "display_name": nil, "visibility_type": "normal", "fk_target_field_id": nil, "has_field_values": nil, "coercion_strategy": nil, "parent_id": nil}
			if f.Parent != 0 {
				out["parent_id"] = f.Parent
			}
			semantic := "semantic_type"
			if s.SpecialType {
				semantic = "special_type"
			}
			out[semantic] = nil
			for k, v := range f.Values {
				if k == "semantic_type" {
					k = semantic
				}
				out[k] = v
			}
			fields = append(fields, out)
		}
		out := map[string]any{"id": t.ID, "db_id": b.ID, "name": t.Name, "schema": t.Schema, "field_order": t.Order, "active": true, "fields": fields,
			"description": nil, "display_name": nil, "visibility_type": nil, "points_of_interest": nil, "caveats": nil, "entity_type": "entity/GenericTable"}
		if t.Schema == "" {
			out["schema"] = nil
		}
		for k, v := range t.Values {
			out[k] = v
		}
		tables = append(tables, out)
	}
	return http.StatusOK, map[string]any{"id": b.ID, "name": b.Name, "engine": b.Engine, "details": b.Details, "tables": tables}
}

func (s *Server) find(id int) *Table {
	for _, b := range s.bases {
		for _, t := range b.Tables {
			if t.ID == id {
				return t
			}
		}
	}
	return nil
}

func (s *Server) field(id int) (*Table, *Field) {
	for _, b := range s.bases {
		for _, t := range b.Tables {
			for _, f := range t.Fields {
				if f.ID == id {
					return t, f
				}
			}
		}
	}
	return nil, nil
}

func (s *Server) putTable(id int, body []byte) (int, any) {
	t := s.find(id)
	if t == nil {
		return http.StatusNotFound, "Not found."
	}
	var in map[string]any
	if json.Unmarshal(body, &in) != nil {
		return invalid("body", "not an object")
	}
	for k, v := range in {
		text, isText := v.(string)
		switch k {
		case "display_name", "description", "points_of_interest", "caveats":
			if v != nil && (!isText || strings.TrimSpace(text) == "") {
				return invalid(k, "nullable value must be a non-blank string.")
			}
		case "visibility_type":
			if v != nil && !slices.Contains([]string{"hidden", "technical", "cruft"}, text) {
				return invalid(k, "nullable enum of hidden, technical, cruft")
			}
		default:
			return invalid(k, "disallowed key")
		}
	}
	for k, v := range in {
		if k == "display_name" && v == nil {
			v = Humanize(t.Name)
		}
		t.Values[k] = v
	}
	return http.StatusOK, t.Values
}

func (s *Server) putField(id int, body []byte) (int, any) {
	_, f := s.field(id)
	if f == nil {
		return http.StatusNotFound, "Not found."
	}
	var in map[string]any
	if json.Unmarshal(body, &in) != nil {
		return invalid("body", "not an object")
	}
	if s.SpecialType {
		if _, wrong := in["semantic_type"]; wrong {
			return invalid("semantic_type", "disallowed key")
		}
		if v, ok := in["special_type"]; ok {
			in["semantic_type"] = v
			delete(in, "special_type")
		}
	}
	for k, v := range in {
		text, isText := v.(string)
		switch k {
		case "display_name", "description":
			if v != nil && (!isText || strings.TrimSpace(text) == "") {
				return invalid(k, "nullable value must be a non-blank string.")
			}
		case "semantic_type":
			if v != nil && !strings.HasPrefix(text, "type/") {
				return invalid(k, "nullable value must be a valid field semantic or relation type")
			}
		case "visibility_type":
			if !slices.Contains([]string{"details-only", "hidden", "normal", "retired", "sensitive"}, text) {
				return invalid(k, "enum of details-only, hidden, normal, retired, sensitive")
			}
		case "fk_target_field_id":
			if n, ok := v.(float64); v != nil {
				if _, target := s.field(int(n)); !ok || target == nil {
					return invalid(k, "nullable value must be an integer greater than zero.")
				}
			}
		case "has_field_values":
			if v != nil && !slices.Contains([]string{"none", "list", "search", "auto-list"}, text) {
				return invalid(k, "nullable enum of none, list, search, auto-list")
			}
		case "settings":
			if _, ok := v.(map[string]any); v != nil && !ok {
				return invalid(k, "nullable value must be a map.")
			}
		case "coercion_strategy":
			if v != nil && !strings.HasPrefix(text, "Coercion/") {
				return invalid(k, "nullable value must be a coercion strategy")
			}
		default:
			return invalid(k, "disallowed key")
		}
	}
	for k, v := range in {
		switch k {
		case "settings":
			f.Settings, _ = v.(map[string]any)
		case "display_name":
			if f.Values[k] = v; v == nil {
				f.Values[k] = Humanize(f.Name)
			}
		default:
			f.Values[k] = v
		}
	}
	if f.Values["semantic_type"] != "type/FK" {
		f.Values["fk_target_field_id"] = nil // Metabase lets go of the target
	}
	return http.StatusOK, f.Values
}

func (s *Server) putOrder(id int, body []byte) (int, any) {
	t := s.find(id)
	if t == nil {
		return http.StatusNotFound, "Not found."
	}
	var ids []int
	if json.Unmarshal(body, &ids) != nil {
		return invalid("body", "not a list of integers")
	}
	var sorted []*Field
	for _, id := range ids {
		for _, f := range t.Fields {
			if f.ID == id && !slices.Contains(sorted, f) {
				sorted = append(sorted, f)
			}
		}
	}
	if len(sorted) != len(t.Fields) || len(ids) != len(t.Fields) {
		return invalid("field_order", "the fields are not those of the table")
	}
	t.Fields, t.Order = sorted, "custom"
	return http.StatusOK, map[string]any{"success": true}
}
