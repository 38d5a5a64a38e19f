package project

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/timetable"
)

// Metabase is «metabase:» of engine.yml: the server that shows the tables to people, and what
// is written to it. Texts are as written, with ${ENV} in them; Access replaces it.
type Metabase struct {
	At source.Span
	// URL is the address, APIKey or User and Password what it lets us in by.
	URL, APIKey, User, Password Value[string]
	// Database is the name of the database in Metabase, of all targets or by target.
	Database  Value[string]
	Databases map[string]Value[string]
	// CustomerDatabase is the name of a customer's own, with {customer} in it; CustomerDatabases
	// the same by customer. Neither: customers have none.
	CustomerDatabase  Value[string]
	CustomerDatabases map[string]Value[string]
	// Schemas are the only ones, if there are any; ExcludeSchemas never count.
	Schemas, ExcludeSchemas []Value[string]
	// Select and Exclude choose nodes, in the grammar of --select.
	Select, Exclude []Value[string]
	// Sources: tables of sources are described, too.
	Sources Value[bool]
	// OrderFields: columns stand in the order of the model.
	OrderFields Value[bool]
	// SyncTimeout is how long Metabase may take to find new tables; 0: it is not asked to look.
	SyncTimeout Value[time.Duration]
	// Missing is MissingReport or MissingFail: what it means that Metabase lacks a table.
	Missing Value[string]
	// Exposures is the file that cards and dashboards are written to, relative to engine.yml.
	Exposures Value[string]
}

// Values of Metabase.Missing.
const (
	MissingReport = "report"
	MissingFail   = "fail"
)

// DefaultSyncTimeout is that of sync_timeout.
const DefaultSyncTimeout = time.Minute

// MetabaseAccess is how a server is reached.
type MetabaseAccess struct {
	URL                    string // without a slash at its end
	APIKey, User, Password string
}

func (s *settings) decodeMetabase(o *object) {
	in, ok := o.child("metabase")
	if !ok {
		return
	}
	in.what = "metabase"
	m := &Metabase{At: o.keyAt("metabase")}
	s.Metabase = m
	m.URL = in.str("url")
	m.APIKey, m.User, m.Password = in.str("api_key"), in.str("user"), in.str("password")
	if in.openSecret(m) {
		// What else is wrong would be shown with the line that it stands in.
		for i := range in.fields {
			in.fields[i].used = true
		}
		in.finish(nil, nil)
		return
	}
	m.URL, _ = in.required("url")
	in.metabaseAccess(m)
	m.Database, m.Databases = in.textOrMap("database")
	switch {
	case !m.Database.IsSet() && len(m.Databases) == 0:
		in.list.Add(keyMissing(in.keyAt("database"), "database", in.what))
	default:
		names := s.targetNames()
		for _, target := range slices.Sorted(maps.Keys(m.Databases)) {
			if !slices.Contains(names, target) {
				in.list.Add(targetUnknown(m.Databases[target].At, target, names))
			}
		}
	}
	m.CustomerDatabase, m.CustomerDatabases = in.textOrMap("customer_database")
	if v := m.CustomerDatabase; v.IsSet() && !strings.Contains(v.V, "{customer}") {
		in.list.Add(valueInvalid(v.At, "all customers would share one database of Metabase", `put {customer} into the name, or give a mapping of customers to names`))
	}
	if v := m.CustomerDatabase; (v.IsSet() || len(m.CustomerDatabases) > 0) && s.Distribution == nil {
		in.list.Add(valueInvalid(in.keyAt("customer_database"), "the project has no customers", `add "distribution" to engine.yml, or remove it`))
	}
	m.Schemas, m.ExcludeSchemas = in.strs("schemas"), in.strs("exclude_schemas")
	m.Select, m.Exclude = in.strs("select"), in.strs("exclude")
	m.Sources, m.OrderFields = in.boolean("sources"), in.boolean("order_fields")
	m.SyncTimeout = in.interval("sync_timeout", DefaultSyncTimeout, timetable.ParseSpan, "for example 30s or 5m; 0 for none")
	m.Missing = in.oneOf("missing", MissingReport, MissingFail)
	m.Missing.V = cmp.Or(m.Missing.V, MissingReport)
	if m.Exposures = in.str("exposures"); m.Exposures.IsSet() {
		p, why := inside(m.Exposures.V)
		if why == "" && !strings.HasSuffix(p, ".yml") && !strings.HasSuffix(p, ".yaml") {
			why = "it does not end with .yml"
		}
		if why != "" {
			in.list.Add(pathInvalid(m.Exposures.At, m.Exposures.V, why))
		}
		m.Exposures.V = p
	}
	in.finish(misplacedInMetabase, nil)
}

func misplacedInMetabase(key string) string {
	switch key {
	case "token", "session", "session_id":
		return `write "api_key", or "user" and "password"`
	case "host", "address":
		return `write "url", with https://`
	case "databases":
		return `write "database: {dev: …, prod: …}"`
	case "customers", "customer_databases":
		return `write "customer_database"`
	case "include_schemas", "schema":
		return `write "schemas"`
	case "strict":
		return `write "missing: fail"`
	}
	return ""
}

// openSecret reports secrets that stand in the file itself, which is committed: none of their
// lines is shown.
func (o *object) openSecret(m *Metabase) bool {
	found := false
	for _, secret := range []struct {
		name string
		v    Value[string]
	}{{"api_key", m.APIKey}, {"password", m.Password}} {
		if secret.v.IsSet() && !strings.Contains(secret.v.V, "${") {
			found = true
			o.list.Add(valueInvalid(beside(m.At, secret.v.At), fmt.Sprintf("%q of metabase stands in the file itself", secret.name), fmt.Sprintf("put it into a variable: %s: ${METABASE_%s}", secret.name, strings.ToUpper(secret.name))))
		}
	}
	if strings.Contains(m.URL.V, "@") {
		found = true
		o.list.Add(valueInvalid(beside(m.At, m.URL.At), "the address of Metabase has a user or a password in it", `write "user" and "password: ${METABASE_PASSWORD}"`))
	}
	return found
}

// metabaseAccess checks what does not depend on the environment.
func (o *object) metabaseAccess(m *Metabase) {
	switch {
	case m.APIKey.IsSet() && (m.User.IsSet() || m.Password.IsSet()):
		o.list.Add(valueInvalid(o.keyAt("api_key"), "metabase is let in by two ways", `keep "api_key", or "user" and "password"`))
	case !m.APIKey.IsSet() && !(m.User.IsSet() && m.Password.IsSet()):
		o.list.Add(diag.Diagnostic{Code: codeKeyMissing, At: o.at.Sub(0, 1), Message: "metabase has no way in", Help: `add "api_key: ${METABASE_API_KEY}", or "user" and "password"`})
	}
	if m.URL.IsSet() && !strings.Contains(m.URL.V, "${") {
		if why := wrongServer(m.URL.V); why != "" {
			o.list.Add(valueInvalid(o.keyAt("url"), why, "for example https://metabase.example.com"))
		}
	}
}

// beside is at, or no place where its line, which would be shown, holds the secret.
func beside(at, secret source.Span) source.Span {
	if at.File == nil || !strings.Contains(string(at.File.Data[at.Start:min(max(secret.Start, at.Start), len(at.File.Data))]), "\n") {
		return source.Span{}
	}
	return at
}

// wrongServer says why a text is not the address of a server. It does not repeat the text.
func wrongServer(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "the address of Metabase does not begin with https:// or http:// and a host"
	case u.User != nil:
		return "the address of Metabase has a user or a password in it"
	case u.RawQuery != "" || u.Fragment != "":
		return "the address of Metabase has a query or a fragment"
	}
	return ""
}

// textOrMap takes a text, or a mapping of names to texts.
func (o *object) textOrMap(name string) (Value[string], map[string]Value[string]) {
	n := o.get(name)
	if n == nil || n.Kind != yaml.MappingNode {
		return o.str(name), nil
	}
	in, ok := o.object(n, o.key(name))
	if !ok {
		return Value[string]{}, nil
	}
	out := map[string]Value[string]{}
	for i := range in.fields {
		in.fields[i].used = true
		if v := o.text(in.fields[i].val, fmt.Sprintf("%q of %s", in.fields[i].name, in.what)); v.IsSet() {
			out[in.fields[i].name] = v
		}
	}
	return Value[string]{}, out
}

// Access is how the server is reached, with ${ENV} replaced. Variables that are not set are
// mistakes here, and only here.
func (m *Metabase) Access(env func(string) (string, bool)) (MetabaseAccess, diag.List) {
	var list diag.List
	get := func(v Value[string]) string { return strings.TrimSpace(interpolate(v.V, v.At, env, &list)) }
	a := MetabaseAccess{URL: strings.TrimRight(get(m.URL), "/"), APIKey: get(m.APIKey), User: get(m.User), Password: get(m.Password)}
	if list.HasErrors() {
		return MetabaseAccess{}, list
	}
	if why := wrongServer(a.URL); why != "" {
		list.Add(valueInvalid(m.URL.At, why, "set the variable to an address like https://metabase.example.com"))
	}
	if a.APIKey == "" && (a.User == "" || a.Password == "") {
		list.Add(valueInvalid(cmp.Or(m.APIKey.At, m.Password.At, m.At), "what lets the engine into Metabase is empty", "set the variable"))
	}
	return a, list
}

// DatabaseOf is the name of a target's database in Metabase, with ${ENV} replaced; empty: it
// has none.
func (m *Metabase) DatabaseOf(target string, env func(string) (string, bool)) (string, diag.List) {
	v, ok := m.Databases[target]
	if !ok {
		v = m.Database
	}
	var list diag.List
	return interpolate(v.V, v.At, env, &list), list
}

// CustomerDatabaseOf is the name of a customer's database in Metabase, with ${ENV} replaced;
// empty: it has none.
func (m *Metabase) CustomerDatabaseOf(customer string, env func(string) (string, bool)) (string, diag.List) {
	v, ok := m.CustomerDatabases[customer]
	if !ok {
		v = m.CustomerDatabase
	}
	var list diag.List
	return strings.ReplaceAll(interpolate(v.V, v.At, env, &list), "{customer}", customer), list
}
