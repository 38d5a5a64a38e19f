package shim

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	bigquery "google.golang.org/api/bigquery/v2"
)

// scratch is the dataset in which the shim keeps what it builds aside; no client sees it.
const scratch = "_s"

// Server is the double. Create it with New; it is safe for concurrent use.
type Server struct {
	emu      *emulator
	location string

	// exec is held while a statement changes or reads rows: a replacement takes several
	// steps in the emulator, and nobody may look in between.
	exec sync.Mutex

	mu       sync.Mutex // guards everything below
	projects map[string]*projectState
	register func(project string) error
	jobs     map[string]*job
	jobOrder []*job
	uploads  map[string]*upload
	sequence int
	log      []LogEntry
	delays   []Delay
}

type projectState struct{ datasets map[string]*datasetState }

type datasetState struct {
	res     *bigquery.Dataset
	version int
	tables  map[string]*tableState
}

// tableState is a table or view with the metadata that the API shows.
type tableState struct {
	res     *bigquery.Table
	version int
	order   int       // of creation, so that views are rebuilt after what they read
	broken  *apiError // a view whose query no longer analyzes
	logical bool      // nothing in the emulator: no schema yet, or a broken view
	stale   bool      // rows or bytes must be counted anew
	forced  *int64    // bytes set by a test

	policy        []*bigquery.Binding
	policyVersion int
}

// New returns the double in front of an emulator's handler. register makes a project known
// to the emulator; it is called once for each project that a request names.
func New(handler http.Handler, register func(project string) error) *Server {
	return &Server{
		emu: &emulator{handler: handler}, location: "US", register: register,
		projects: map[string]*projectState{}, jobs: map[string]*job{}, uploads: map[string]*upload{},
	}
}

// project returns a project, which exists as soon as it is named.
func (s *Server) project(ctx context.Context, id string) (*projectState, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.projects[id]; p != nil {
		return p, nil
	}
	if !projectName.MatchString(id) {
		return nil, invalid("Invalid project ID '%s'. Project IDs must contain 6-63 lowercase letters, digits, or dashes.", id)
	}
	// Registering does not take turns with the emulator's requests.
	err := s.register(id)
	for wait := 0; err != nil && strings.Contains(err.Error(), "database is locked") && wait < 300; wait++ {
		time.Sleep(100 * time.Millisecond)
		err = s.register(id)
	}
	if err != nil {
		return nil, internalError(err)
	}
	if err := s.emu.createDataset(ctx, id, scratch); err != nil {
		return nil, internalError(err)
	}
	p := &projectState{datasets: map[string]*datasetState{}}
	s.projects[id] = p
	return p, nil
}

var (
	projectName = regexp.MustCompile(`^[a-z][a-z0-9-]{2,62}$`)
	// «Dataset IDs can contain only letters, digits and underscores, up to 1,024 characters.»
	datasetName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	tableName   = regexp.MustCompile(`^[\pL\pM\pN\p{Pc}\p{Pd}\p{Zs}]+$`)
)

func (s *Server) dataset(project, id string) *datasetState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.datasetLocked(project, id)
}

func (s *Server) datasetLocked(project, id string) *datasetState {
	if p := s.projects[project]; p != nil {
		return p.datasets[id]
	}
	return nil
}

// table returns a copy of the state: its resource may be read without a lock.
func (s *Server) table(ref *bigquery.TableReference) *tableState {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tableLocked(ref)
	if t == nil {
		return nil
	}
	c := *t
	c.res = clone(t.res)
	return &c
}

func (s *Server) tableLocked(ref *bigquery.TableReference) *tableState {
	if d := s.datasetLocked(ref.ProjectId, ref.DatasetId); d != nil {
		return d.tables[ref.TableId]
	}
	return nil
}

// change edits a table's state under the lock and moves its etag on.
func (s *Server) change(ref *bigquery.TableReference, edit func(t *tableState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tableLocked(ref); t != nil {
		edit(t)
		s.stamp(t)
	}
}

func (s *Server) stamp(t *tableState) {
	t.version++
	now := time.Now().UnixMilli()
	t.res.LastModifiedTime = uint64(max(now, int64(t.res.LastModifiedTime)))
	t.res.Etag = etag(t.res.Id, t.version, t.res.CreationTime)
}

// put registers a table that now exists in the emulator.
func (s *Server) put(t *bigquery.Table, logical bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.datasetLocked(t.TableReference.ProjectId, t.TableReference.DatasetId)
	if d == nil {
		return
	}
	s.sequence++
	t.Kind = "bigquery#table"
	t.Id = refText(t.TableReference)
	t.Location = d.res.Location
	t.CreationTime = time.Now().UnixMilli()
	if t.Type == "" {
		t.Type = "TABLE"
	}
	if t.ExpirationTime == 0 && d.res.DefaultTableExpirationMs > 0 && t.Type == "TABLE" {
		t.ExpirationTime = t.CreationTime + d.res.DefaultTableExpirationMs
	}
	st := &tableState{res: t, order: s.sequence, stale: true, logical: logical}
	if old := d.tables[t.TableReference.TableId]; old != nil {
		st.forced = old.forced
	}
	s.stamp(st)
	d.tables[t.TableReference.TableId] = st
}

func (s *Server) remove(ref *bigquery.TableReference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.datasetLocked(ref.ProjectId, ref.DatasetId); d != nil {
		delete(d.tables, ref.TableId)
	}
}

func etag(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return base64.StdEncoding.EncodeToString(sum[:15]) + "=="
}

// refText is how messages name a table: project:dataset.table.
func refText(ref *bigquery.TableReference) string {
	return ref.ProjectId + ":" + ref.DatasetId + "." + ref.TableId
}

// quoted is the table's name in SQL.
func quoted(ref *bigquery.TableReference) string {
	return "`" + ref.ProjectId + "`.`" + ref.DatasetId + "`.`" + ref.TableId + "`"
}

// clone copies an API resource through its JSON.
func clone[T any](v *T) *T {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // API structs always encode
	}
	out := new(T)
	if err := json.Unmarshal(raw, out); err != nil {
		panic(fmt.Sprintf("decode %T: %v", v, err))
	}
	return out
}

// resolve completes a path with the job's project and default dataset.
func (s *Server) resolve(path []string, project, dataset string) (*bigquery.TableReference, *apiError) {
	switch len(path) {
	case 1:
		if dataset == "" {
			return nil, invalidQuery("Table %q must be qualified with a dataset (e.g. dataset.table).", path[0])
		}
		return &bigquery.TableReference{ProjectId: project, DatasetId: dataset, TableId: path[0]}, nil
	case 2:
		return &bigquery.TableReference{ProjectId: project, DatasetId: path[0], TableId: path[1]}, nil
	case 3:
		return &bigquery.TableReference{ProjectId: path[0], DatasetId: path[1], TableId: path[2]}, nil
	}
	return nil, invalidQuery("Invalid table name: `%s`", strings.Join(path, "."))
}

// specText is the partitioning and clustering as error messages show it.
func specText(t *bigquery.Table) string {
	out := "none"
	switch {
	case t.TimePartitioning != nil:
		out = "interval(type:" + strings.ToLower(t.TimePartitioning.Type)
		if f := t.TimePartitioning.Field; f != "" {
			out += ",field:" + f
		}
		out += ")"
	case t.RangePartitioning != nil:
		r := t.RangePartitioning
		out = fmt.Sprintf("range(type:integer,field:%s,start:%d,end:%d,interval:%d)", r.Field, r.Range.Start, r.Range.End, r.Range.Interval)
	}
	if t.Clustering != nil && len(t.Clustering.Fields) > 0 {
		out += " clustering(" + strings.Join(t.Clustering.Fields, ",") + ")"
	}
	return out
}

// partitionText is specText without the clustering.
func partitionText(t *bigquery.Table) string {
	text, _, _ := strings.Cut(specText(t), " clustering(")
	return text
}

// partitionField returns the column a table is partitioned by, or "" (also for ingestion time).
func partitionField(t *bigquery.Table) string {
	switch {
	case t.TimePartitioning != nil:
		return t.TimePartitioning.Field
	case t.RangePartitioning != nil:
		return t.RangePartitioning.Field
	}
	return ""
}

// viewsByAge returns all views, oldest first.
func (s *Server) viewsByAge() []*tableState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*tableState
	for _, p := range s.projects {
		for _, d := range p.datasets {
			for _, t := range d.tables {
				if viewQuery(t.res) != "" {
					out = append(out, t)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b *tableState) int { return a.order - b.order })
	return out
}

func viewQuery(t *bigquery.Table) string {
	switch {
	case t.View != nil:
		return t.View.Query
	case t.MaterializedView != nil:
		return t.MaterializedView.Query
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// named reports whether a name has the form and at most the 1,024 characters that ids may have.
func named(form *regexp.Regexp, name string) bool {
	return len([]rune(name)) <= 1024 && form.MatchString(name)
}
