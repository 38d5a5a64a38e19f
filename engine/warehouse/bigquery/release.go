package bigquery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Distributor = (*conn)(nil)

// A customer has datasets of its own. What it gets is made in the workshop, a dataset that
// nobody but the engine may read, and copied from there table by table: a copy costs nothing
// and readers see it at once. There is no step for several tables, so ReleaseTable, which comes
// last, says which release is complete. A dataset or relation is the engine's if its labels
// say so; a relation has them from its first moment on.

const (
	labelManaged  = "engine_managed"
	labelOwner    = "engine_owner"
	labelCustomer = "engine_customer" // of datasets
)

// ownerLabel is an owner as the value of a label: what can be read of it, and a hash.
func ownerLabel(owner string) string {
	sum := sha256.Sum256([]byte(owner))
	readable := strings.Trim(ownerSigns.ReplaceAllString(strings.ToLower(owner), "-"), "-")
	return readable[:min(len(readable), 40)] + "-" + hex.EncodeToString(sum[:8])
}

var ownerSigns = regexp.MustCompile(`[^a-z0-9_]+`)

func ownerLabels(owner string) map[string]string {
	return map[string]string{labelManaged: "true", labelOwner: ownerLabel(owner)}
}

// customerLabel is a customer as the value of a label, which has at most 63 signs.
func customerLabel(customer string) string { return shorten(customer, 63) }

// datasetLabels are those of a customer's dataset, or of the workshop.
func datasetLabels(owner, customer string) map[string]string {
	out := ownerLabels(owner)
	if customer != "" {
		out[labelCustomer] = customerLabel(customer)
	}
	return out
}

// whose says whether labels are those of an owner, and otherwise whose they are, if anybody's.
func whose(labels resource, owner string) (ours bool, other string) {
	if labels.text(labelManaged) != "true" {
		return false, ""
	}
	is := labels.text(labelOwner)
	return is == ownerLabel(owner), is
}

// inDataset is a relation as a dataset lists it.
type inDataset struct {
	warehouse.Relation
	labels resource
}

// listed lists a dataset, with labels. It takes no job and is free of charge.
func (c *conn) listed(ctx context.Context, t *trail, schema string) ([]inDataset, error) {
	var out []inDataset
	page := ""
	for {
		var list *bq.TableList
		err := c.call(ctx, t, func(ctx context.Context) (err error) {
			list, err = c.service.Tables.List(c.project, schema).MaxResults(1000).PageToken(page).Context(ctx).Do()
			return err
		})
		if notFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list dataset %s: %w", schema, err)
		}
		for _, item := range list.Tables {
			if item.TableReference == nil {
				continue
			}
			labels := resource{}
			for k, v := range item.Labels {
				labels[k] = v
			}
			out = append(out, inDataset{warehouse.Relation{Name: addr.Relation{Schema: schema, Name: item.TableReference.TableId}, Kind: kindOf(item.Type), Rows: -1, Bytes: -1}, labels})
		}
		if page = list.NextPageToken; page == "" {
			return out, nil
		}
	}
}

// ownDataset looks whether a dataset is the owner's. One that has neither labels of the
// engine nor relations may become the owner's.
func (c *conn) ownDataset(ctx context.Context, t *trail, owner, customer, schema string) (there, labelled bool, err error) {
	found, err := c.dataset(ctx, t, "", schema)
	if notFound(err) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("look up dataset %s: %w", schema, err)
	}
	if found.Location != "" && !strings.EqualFold(found.Location, c.location) {
		return true, false, c.elsewhere(schema, found.Location)
	}
	labels := resource{}
	for k, v := range found.Labels {
		labels[k] = v
	}
	ours, other := whose(labels, owner)
	if ours && labels.text(labelCustomer) == datasetLabels(owner, customer)[labelCustomer] {
		return true, true, nil
	}
	if ours {
		other += ", customer " + labels.text(labelCustomer)
	}
	foreign := &warehouse.ForeignError{What: "dataset " + schema, Owner: other}
	if other != "" {
		return true, false, foreign
	}
	in, err := c.listed(ctx, t, schema)
	if err != nil {
		return true, false, err
	}
	if len(in) > 0 {
		return true, false, foreign
	}
	return true, false, nil
}

// claim makes a dataset with the owner's labels, or gives them to an empty one.
func (c *conn) claim(ctx context.Context, t *trail, owner, customer, schema string) error {
	if !datasetPattern.MatchString(schema) {
		return &Error{Reason: reasonInvalid, Message: fmt.Sprintf("%q is no name of a dataset: use letters, digits and _ only", schema), Err: errors.New("dataset name")}
	}
	for turn := 1; ; turn++ {
		there, labelled, err := c.ownDataset(ctx, t, owner, customer, schema)
		if err != nil || labelled {
			return err
		}
		labels := map[string]string{}
		maps.Copy(labels, c.labels)
		maps.Copy(labels, datasetLabels(owner, customer))
		if there {
			return c.changeDataset(ctx, t, "", schema, func(resource) (resource, error) {
				return resource{"labels": datasetLabels(owner, customer)}, nil
			})
		}
		body := resource{"datasetReference": map[string]any{"projectId": c.project, "datasetId": schema}, "location": c.location, "labels": labels}
		err = c.request(ctx, t, http.MethodPost, place("projects", c.project, "datasets"), nil, "", body, nil)
		if err == nil {
			return nil
		}
		if !hasStatus(err, http.StatusConflict) || turn == maxTurns {
			return fmt.Errorf("make dataset %s: %w", schema, err)
		}
	}
}

// turns lets changes of one dataset follow each other, no more in a time than the service
// takes: 5 in 10 seconds (Quotas and limits: Datasets). The zero value is ready to use.
type turns struct {
	mu sync.Mutex
	of map[string]*turn
}

type turn struct {
	mu   sync.Mutex
	last []time.Time // at most turnsInSpan
}

const turnsInSpan = 5

// take waits for the turn of a dataset and gives the function that ends it.
func (u *turns) take(ctx context.Context, dataset string, span time.Duration) (end func(), err error) {
	u.mu.Lock()
	if u.of == nil {
		u.of = map[string]*turn{}
	}
	if u.of[dataset] == nil {
		u.of[dataset] = &turn{}
	}
	one := u.of[dataset]
	u.mu.Unlock()
	one.mu.Lock()
	if len(one.last) == turnsInSpan {
		if wait := time.Until(one.last[0].Add(span)); wait > 0 {
			if err := waitFor(ctx, wait, nil); err != nil {
				one.mu.Unlock()
				return nil, stopped(err)
			}
		}
		one.last = one.last[1:]
	}
	return func() {
		one.last = append(one.last, time.Now())
		one.mu.Unlock()
	}, nil
}

// changeDataset changes a dataset under the condition that nobody else did meanwhile. change
// gives what to write for what was read, nothing if all is well.
func (c *conn) changeDataset(ctx context.Context, t *trail, database, schema string, change func(resource) (resource, error)) error {
	// Version 3 is what shows, and keeps, entries with conditions.
	query := url.Values{"accessPolicyVersion": {"3"}}
	path := c.datasetPath(database, schema)
	for again := 1; ; again++ {
		var dataset resource
		if err := c.request(ctx, t, http.MethodGet, path, query, "", nil, &dataset); err != nil {
			return fmt.Errorf("read dataset %s: %w", schema, err)
		}
		patch, err := change(dataset)
		if err != nil || len(patch) == 0 {
			return err
		}
		end, err := c.turns.take(ctx, path, 10*c.pace.first)
		if err != nil {
			return err
		}
		err = c.request(ctx, t, http.MethodPatch, path, query, dataset.text("etag"), patch, nil)
		end()
		if err == nil {
			return nil
		}
		if !hasStatus(err, http.StatusPreconditionFailed) || again == maxTurns {
			return fmt.Errorf("change dataset %s: %w", schema, err)
		}
		if err := waitFor(ctx, c.pace.first/10, nil); err != nil {
			return stopped(err)
		}
	}
}

// Workshop makes the dataset, or empties it.
func (c *conn) Workshop(ctx context.Context, owner, schema string) (addr.Relation, error) {
	t := &trail{}
	if err := c.claim(ctx, t, owner, "", schema); err != nil {
		return addr.Relation{}, err
	}
	if err := c.CloseWorkshop(ctx, addr.Relation{Schema: schema}); err != nil {
		return addr.Relation{}, err
	}
	return addr.Relation{Schema: schema}, nil
}

// CloseWorkshop deletes everything in the dataset.
func (c *conn) CloseWorkshop(ctx context.Context, workshop addr.Relation) error {
	left, err := c.listed(ctx, &trail{}, workshop.Schema)
	if err != nil {
		return err
	}
	err = side(len(left), func(i int) error { return c.deleteTable(ctx, &trail{}, left[i].Name) })
	if err != nil {
		return fmt.Errorf("remove what is left in dataset %s: %w", workshop.Schema, err)
	}
	return nil
}

// side does n things side by side, a few at a time, and gives their errors.
func side(n int, do func(int) error) error {
	var wait sync.WaitGroup
	errs := make([]error, n)
	slots := make(chan struct{}, looksAtOnce)
	for i := range n {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = do(i)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// release is what a customer has in its datasets.
type release struct {
	c      *conn
	spec   warehouse.ReleaseSpec
	mu     sync.Mutex
	staged map[addr.Relation]bool // by final name; true: published
}

// OpenRelease looks whether the customer's datasets are the engine's.
func (c *conn) OpenRelease(ctx context.Context, spec warehouse.ReleaseSpec) (warehouse.Release, error) {
	if len(spec.Schemas) == 0 {
		return nil, fmt.Errorf("customer %s has no dataset", spec.Customer)
	}
	r := &release{c: c, spec: spec, staged: map[addr.Relation]bool{}}
	for _, schema := range r.schemas() {
		if _, _, err := c.ownDataset(ctx, &trail{}, spec.Owner, spec.Customer, schema); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *release) schemas() []string {
	if r.spec.Workspace == "" {
		return r.spec.Schemas
	}
	return append(slices.Clone(r.spec.Schemas), r.spec.Workspace)
}

// former are the customer's datasets that it shall have no more.
func (r *release) former(ctx context.Context) ([]string, error) {
	filter := fmt.Sprintf("labels.%s:%s labels.%s:%s", labelOwner, ownerLabel(r.spec.Owner), labelCustomer, customerLabel(r.spec.Customer))
	var out []string
	page := ""
	for {
		var list *bq.DatasetList
		err := r.c.call(ctx, &trail{}, func(ctx context.Context) (err error) {
			list, err = r.c.service.Datasets.List(r.c.project).Filter(filter).PageToken(page).Context(ctx).Do()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list the datasets of customer %s: %w", r.spec.Customer, err)
		}
		for _, item := range list.Datasets {
			if item.DatasetReference != nil && !slices.Contains(r.schemas(), item.DatasetReference.DatasetId) {
				out = append(out, item.DatasetReference.DatasetId)
			}
		}
		if page = list.NextPageToken; page == "" {
			slices.Sort(out)
			return out, nil
		}
	}
}

// Have lists the customer's datasets.
func (r *release) Have(ctx context.Context) (own, strangers []warehouse.Relation, err error) {
	own, strangers, _, _, err = r.have(ctx)
	return own, strangers, err
}

// have tells what is parked, too: old tables of a publication that was interrupted; and what the
// release has written down. A relation is the owner's if it has its labels, which a copy takes
// along, and is written down.
func (r *release) have(ctx context.Context) (own, strangers, parked []warehouse.Relation, down *record, err error) {
	former, err := r.former(ctx)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	var all []inDataset
	down = &record{names: warehouse.Released{}, authorized: map[authorization]bool{}}
	for _, schema := range slices.Concat(r.spec.Schemas, former) {
		in, err := r.c.listed(ctx, &trail{}, schema)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		for _, one := range in {
			if one.Name.Name != warehouse.ReleaseTable {
				all = append(all, one)
				continue
			}
			if ours, other := whose(one.labels, r.spec.Owner); !ours || one.Kind != warehouse.Table {
				return nil, nil, nil, nil, &warehouse.ForeignError{What: one.Kind.String() + " " + one.Name.String(), Owner: other}
			}
			if err := r.read(ctx, one.Name, down); err != nil {
				return nil, nil, nil, nil, err
			}
		}
	}
	waiting := map[addr.Relation]bool{}
	for name := range down.names {
		waiting[parkedName(name)] = true
	}
	for _, one := range all {
		ours, _ := whose(one.labels, r.spec.Owner)
		_, written := down.names[one.Name]
		switch {
		case ours && waiting[one.Name]:
			parked = append(parked, one.Relation)
		case ours && written:
			own = append(own, one.Relation)
		default:
			strangers = append(strangers, one.Relation)
		}
	}
	return own, strangers, parked, down, nil
}

// Staged is a name in the workshop that no other relation of any customer has: names of
// customers and datasets have no hyphen.
func (r *release) Staged(final addr.Relation) addr.Relation {
	final.Database = ""
	r.mu.Lock()
	defer r.mu.Unlock()
	r.staged[final] = false
	return r.stagedName(final)
}

func (r *release) stagedName(final addr.Relation) addr.Relation {
	return addr.Relation{Database: r.spec.Workshop.Database, Schema: r.spec.Workshop.Schema, Name: shorten("_engine_stage__"+r.spec.Customer+"-"+final.Schema+"-"+final.Name, maxName)}
}

// Published is the name itself.
func (r *release) Published(final addr.Relation) addr.Relation {
	final.Database = ""
	return final
}

// principalKinds are the fields of an access entry by how a member begins.
var principalKinds = map[string]string{"user": "userByEmail", "serviceAccount": "userByEmail", "group": "groupByEmail", "domain": "domain",
	"principal": "iamMember", "principalSet": "iamMember"}

// entryOf is the access entry of a member, without a role. Everybody is no member.
func entryOf(member string) (resource, error) {
	kind, name, ok := strings.Cut(member, ":")
	field := principalKinds[kind]
	if !ok || field == "" || name == "" {
		return nil, &warehouse.PrincipalError{Principal: member, Err: errors.New("write user:…, group:…, serviceAccount:…, domain:… or principalSet:…")}
	}
	if field == "iamMember" {
		name = member
	}
	return resource{field: name}, nil
}

// memberOf is the member of an access entry in a form that can be compared, and what to call
// it. Entries of the project's own people, and of views, datasets and routines, have none.
func memberOf(entry resource) (key, shown string) {
	for _, field := range []string{"userByEmail", "groupByEmail", "domain", "iamMember"} {
		if v := entry.text(field); v != "" {
			kind := map[string]string{"userByEmail": "user:", "groupByEmail": "group:", "domain": "domain:"}[field]
			for _, prefix := range []string{"user:", "serviceAccount:", "group:", "domain:"} {
				if bare, ok := strings.CutPrefix(v, prefix); ok && field == "iamMember" {
					kind, v = strings.Replace(prefix, "serviceAccount:", "user:", 1), bare
					break
				}
			}
			return kind + strings.ToLower(v), kind + v
		}
	}
	switch group := entry.text("specialGroup"); group {
	case "", "projectOwners", "projectWriters", "projectReaders":
	default:
		return group, group
	}
	return "", ""
}

// keysOf are members in the form of memberOf. What is no member has no access either, and stands
// in nobody's way: Publish refuses it.
func keysOf(members []string) map[string]bool {
	out := map[string]bool{}
	for _, m := range members {
		if entry, err := entryOf(m); err == nil {
			key, _ := memberOf(entry)
			out[key] = true
		}
	}
	return out
}

// basicRoles are the roles of datasets under their other names (Access control with IAM).
var basicRoles = map[string]string{"roles/bigquery.dataViewer": "READER", "roles/bigquery.dataEditor": "WRITER", "roles/bigquery.dataOwner": "OWNER"}

func roleOf(entry resource) string {
	role := entry.text("role")
	if basic := basicRoles[role]; basic != "" {
		return basic
	}
	return role
}

// role is what readers get in a dataset.
func (r *release) role(schema string) string {
	if schema == r.spec.Workspace {
		return "WRITER"
	}
	return "READER"
}

// Revoke removes access entries that the engine has given to members who are wanted no more.
// All other entries go back as they came; those of strangers are reported, with their role.
// The account that the engine works as is none.
func (c *conn) Revoke(ctx context.Context, spec warehouse.ReleaseSpec, granted, wanted []string) (strangers []string, err error) {
	r := &release{c: c, spec: spec}
	keep, given := keysOf(wanted), keysOf(granted)
	former, err := r.former(ctx)
	if err != nil {
		return nil, err
	}
	self := ""
	t := &trail{}
	for _, schema := range slices.Concat(r.schemas(), former) {
		var foreign *warehouse.ForeignError
		switch there, _, err := r.c.ownDataset(ctx, t, r.spec.Owner, r.spec.Customer, schema); {
		case errors.As(err, &foreign): // nobody has a role of the engine's there
			continue
		case err != nil:
			return nil, err
		case !there:
			continue
		}
		var found []string
		err := r.c.changeDataset(ctx, t, "", schema, func(dataset resource) (resource, error) {
			entries, _ := dataset["access"].([]any)
			var left []any
			left, found = r.sorted(schema, entries, keep, given)
			if len(left) == len(entries) {
				return nil, nil
			}
			if len(left) == 0 {
				return nil, fmt.Errorf("without the entries to be removed dataset %s has no access entry left: add one of an owner", schema)
			}
			return resource{"access": left}, nil
		})
		if err != nil {
			return nil, err
		}
		if self == "" && owned(found) {
			if self, err = r.c.self(ctx); err != nil {
				return nil, err
			}
		}
		strangers = append(strangers, others(found, self, schema)...)
	}
	slices.Sort(strangers)
	return slices.Compact(strangers), nil
}

// sorted tells apart the access entries of a dataset: left are all but those of members to whom it
// was given and who are not to keep it, found those of strangers, as Revoke reports them.
func (r *release) sorted(schema string, entries []any, keep, given map[string]bool) (left []any, found []string) {
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		key, shown := memberOf(entry)
		role := roleOf(entry)
		conditional := entry["condition"] != nil
		switch {
		case key == "":
		case keep[key] && !conditional && (role == r.role(schema) || role == "READER"):
		case given[key] && !keep[key] && !conditional && role == r.role(schema):
			continue
		default:
			found = append(found, fmt.Sprintf("%s (%s on %s)", shown, role, schema))
		}
		left = append(left, e)
	}
	return left, found
}

// owned reports whether some of those found own a dataset, as the engine's own account does.
func owned(found []string) bool {
	return slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, " (OWNER on ") })
}

// others are those found but for the engine's own account.
func others(found []string, self, schema string) []string {
	return slices.DeleteFunc(slices.Clone(found), func(f string) bool {
		return self != "" && strings.EqualFold(f, fmt.Sprintf("user:%s (OWNER on %s)", self, schema))
	})
}

// self is the account that statements run as.
func (c *conn) self(ctx context.Context) (string, error) {
	rows, err := c.Query(ctx, warehouse.Statement{SQL: "select session_user() as who"})
	if err != nil {
		return "", fmt.Errorf("ask who the engine is: %w", err)
	}
	defer rows.Close()
	who := ""
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return "", err
		}
		who, _ = v[0].(string)
	}
	return who, rows.Err()
}

// Publish copies what was staged, one table after the other, makes views, grants, drops, and
// writes ReleaseTable. What fails half way is completed by calling it again.
func (r *release) Publish(ctx context.Context, p warehouse.Handover) (warehouse.JobStats, error) {
	all := &totals{}
	all.sum.Rows = -1
	start := time.Now()
	t := &trail{}
	err := r.publish(ctx, t, p, all)
	all.sum.Retries = append(all.sum.Retries, t.retries...)
	all.sum.Duration = time.Since(start)
	return all.sum, err
}

func (r *release) publish(ctx context.Context, t *trail, p warehouse.Handover, all *totals) error {
	if len(p.RowPolicies)+len(p.Guarded) > 0 {
		return fmt.Errorf("row policies for customers (Google: «only use row-level security within your organization»): %w", warehouse.ErrUnsupported)
	}
	for _, member := range p.Readers {
		if _, err := entryOf(member); err != nil {
			return err
		}
	}
	own, strangers, parked, down, err := r.have(ctx)
	if err != nil {
		return err
	}
	relations, stay, err := p.Outcome(r.spec, own, strangers, false)
	if err != nil {
		return err
	}
	for _, schema := range r.schemas() {
		if err := r.c.claim(ctx, t, r.spec.Owner, r.spec.Customer, schema); err != nil {
			return err
		}
	}
	needed := r.needed(p.Views)
	missing, err := r.unauthorized(ctx, t, needed)
	if err != nil {
		return err
	}
	if err := r.announce(ctx, down, warehouse.Kinds(relations), missing, all); err != nil {
		return err
	}
	had := map[addr.Relation]warehouse.Kind{}
	for _, o := range own {
		had[o.Name] = o.Kind
	}
	var mu sync.Mutex
	err = side(len(p.Tables), func(i int) error {
		final := addr.Relation{Schema: p.Tables[i].Schema, Name: p.Tables[i].Name}
		one := &totals{}
		err := r.table(ctx, final, had[final], one)
		mu.Lock()
		defer mu.Unlock()
		all.add(one.sum)
		return err
	})
	if err != nil {
		return err
	}
	for _, one := range missing {
		if err := r.authorize(ctx, t, one, true); err != nil {
			return err
		}
	}
	for _, v := range p.Views {
		if err := r.view(ctx, t, v, had, all); err != nil {
			return err
		}
	}
	for _, schema := range r.schemas() {
		if err := r.grant(ctx, t, schema, p.Readers); err != nil {
			return err
		}
	}
	for _, d := range slices.Concat(p.Drop, parked) {
		if err := r.c.deleteTable(ctx, t, addr.Relation{Schema: d.Name.Schema, Name: d.Name.Name}); err != nil {
			return fmt.Errorf("drop %s: %w", d.Name, err)
		}
	}
	for _, one := range down.list() {
		// What a view reads that stays as it is nobody has said.
		needs := slices.Contains(needed, one) || slices.ContainsFunc(stay, func(s warehouse.Relation) bool { return s.Kind != warehouse.Table && s.Name.Schema == one.reader })
		if needs {
			continue
		}
		if err := r.authorize(ctx, t, one, false); err != nil {
			return err
		}
		delete(down.authorized, one)
	}
	if err := r.sign(ctx, p, warehouse.Kinds(relations), down, all); err != nil {
		return err
	}
	return r.leave(ctx, t)
}

// leave removes the customer's former datasets that have nothing but ReleaseTable.
func (r *release) leave(ctx context.Context, t *trail) error {
	former, err := r.former(ctx)
	if err != nil {
		return err
	}
	for _, schema := range former {
		in, err := r.c.listed(ctx, t, schema)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(in, func(one inDataset) bool { return one.Name.Name != warehouse.ReleaseTable }) {
			continue
		}
		for _, one := range in {
			if err := r.c.deleteTable(ctx, t, one.Name); err != nil {
				return err
			}
		}
		err = r.c.request(ctx, t, http.MethodDelete, r.c.datasetPath("", schema), nil, "", nil, nil)
		var e *Error
		if err != nil && !notFound(err) && !(errors.As(err, &e) && e.Reason == "resourceInUse") {
			return fmt.Errorf("remove dataset %s: %w", schema, err)
		}
	}
	return nil
}

// table publishes one. Where rows are divided in another way than before, the old table is
// renamed first: for a moment the name is not there.
func (r *release) table(ctx context.Context, final addr.Relation, old warehouse.Kind, all *totals) error {
	r.mu.Lock()
	done := r.staged[final]
	r.mu.Unlock()
	if done && old == warehouse.Table {
		return nil
	}
	t := &trail{}
	staged := r.stagedName(final)
	err := r.c.patchTable(ctx, t, staged, func(table resource) (resource, error) {
		have := table.child("labels")
		if ours, _ := whose(have, r.spec.Owner); ours {
			return nil, nil
		}
		return resource{"labels": ownerLabels(r.spec.Owner)}, nil
	})
	if notFound(err) {
		return fmt.Errorf("publish %s: no table was staged under that name", final)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", final, err)
	}
	if old == warehouse.Table {
		if old, err = r.spread(ctx, t, staged, final, all); err != nil {
			return fmt.Errorf("publish %s: %w", final, err)
		}
	}
	if old != warehouse.Table {
		if err := r.first(ctx, t, staged, final, old, all); err != nil {
			return fmt.Errorf("publish %s: %w", final, err)
		}
	}
	_, err = r.c.swapTable(ctx, t, warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: final, Old: warehouse.Table}, all)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.staged[final] = true
	return nil
}

// spread renames a table whose rows are divided in another way than those of the staged one.
// It is dropped at the end of the publication, or of the next one.
func (r *release) spread(ctx context.Context, t *trail, staged, final addr.Relation, all *totals) (warehouse.Kind, error) {
	next, err := r.c.getTable(ctx, t, staged)
	if err != nil {
		return warehouse.None, err
	}
	now, err := r.c.getTable(ctx, t, final)
	if err != nil {
		return warehouse.None, err
	}
	parts := func(table resource) []any {
		return []any{table.child("timePartitioning").text("type"), table.child("timePartitioning").text("field"), table["rangePartitioning"], table["clustering"]}
	}
	if same(parts(next), parts(now)) {
		return warehouse.Table, nil
	}
	return warehouse.None, r.c.park(ctx, t, final, parkedName(final), all)
}

// first makes a table that is not there yet as a clone, which has the owner's labels and the
// rows from its first moment on.
func (r *release) first(ctx context.Context, t *trail, staged, final addr.Relation, old warehouse.Kind, all *totals) error {
	if old != warehouse.None {
		if err := r.c.deleteTable(ctx, t, final); err != nil {
			return fmt.Errorf("drop the %s: %w", kindWord(old), err)
		}
	}
	var d Dialect
	got, err := r.c.Exec(ctx, warehouse.Statement{SQL: "create table if not exists " + d.Quote(final) + " clone " + d.Quote(staged) +
		" options(labels = " + d.labels(ownerLabels(r.spec.Owner)) + ", expiration_timestamp = null)"})
	all.add(got)
	return err
}

// view makes a view with the owner's labels.
func (r *release) view(ctx context.Context, t *trail, v warehouse.SliceView, had map[addr.Relation]warehouse.Kind, all *totals) error {
	name := addr.Relation{Schema: v.Name.Schema, Name: v.Name.Name}
	if old := had[name]; old != warehouse.None && old != warehouse.View {
		if err := r.c.deleteTable(ctx, t, name); err != nil {
			return fmt.Errorf("make view %s: drop the %s: %w", name, kindWord(old), err)
		}
	}
	stmts, err := Dialect{}.createView("create or replace view ", name, v.Query, &warehouse.Layout{Labels: ownerLabels(r.spec.Owner)})
	if err != nil {
		return err
	}
	for _, s := range stmts {
		got, err := r.c.Exec(ctx, s)
		if all.add(got); err != nil {
			return fmt.Errorf("make view %s: %w", name, err)
		}
	}
	return nil
}

// grant adds access entries for readers who lack them.
func (r *release) grant(ctx context.Context, t *trail, schema string, readers []string) error {
	if len(readers) == 0 {
		return nil
	}
	role := r.role(schema)
	var added []string
	err := r.c.changeDataset(ctx, t, "", schema, func(dataset resource) (resource, error) {
		added = nil
		entries, _ := dataset["access"].([]any)
		have := map[string]bool{}
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			if key, _ := memberOf(entry); key != "" && entry["condition"] == nil && roleOf(entry) == role {
				have[key] = true
			}
		}
		list := slices.Clone(entries)
		for _, reader := range readers {
			entry, err := entryOf(reader)
			if err != nil {
				return nil, err
			}
			key, _ := memberOf(entry)
			if have[key] {
				continue
			}
			have[key] = true
			entry["role"] = role
			list, added = append(list, map[string]any(entry)), append(added, reader)
		}
		if len(added) == 0 {
			return nil, nil
		}
		return resource{"access": list}, nil
	})
	return unknownMember(added, err)
}

// unknownMember finds in the service's refusal which of the members it does not know.
func unknownMember(added []string, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.HTTP != http.StatusBadRequest {
		return err
	}
	text := strings.ToLower(e.Message + " " + e.Detail)
	for _, m := range added {
		_, name, _ := strings.Cut(m, ":")
		if strings.Contains(text, strings.ToLower(name)) {
			return &warehouse.PrincipalError{Principal: m, Err: err}
		}
	}
	return err
}

// sign writes ReleaseTable with one statement.
func (r *release) sign(ctx context.Context, p warehouse.Handover, names warehouse.Released, down *record, all *totals) error {
	columns, row := warehouse.ReleaseRow(Dialect{}, "INT64", r.spec.Owner, p, names)
	down.names = names
	return r.write(ctx, columns, row, down, false, all)
}

// Close removes what was staged and not published.
func (r *release) Close(ctx context.Context) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*r.c.pace.insert)
	defer stop()
	r.mu.Lock()
	var left []addr.Relation
	for final, published := range r.staged {
		if !published {
			left = append(left, r.stagedName(final))
		}
	}
	r.mu.Unlock()
	slices.SortFunc(left, addr.Relation.Compare)
	return side(len(left), func(i int) error {
		r.c.takeDetails(left[i])
		return r.c.deleteTable(ctx, &trail{}, left[i])
	})
}
