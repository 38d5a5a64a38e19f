package shim

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	bigquery "google.golang.org/api/bigquery/v2"
)

// Handler returns the HTTP surface: the REST API under / and /bigquery/v2, uploads under
// /upload, and the test hooks under /_shim.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, fn func(w http.ResponseWriter, r *http.Request) (any, *apiError)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := fn(w, r)
			if err != nil {
				err.write(w)
				return
			}
			if body == nil {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
			_ = json.NewEncoder(w).Encode(body) // the caller hung up: nobody to tell
		})
	}
	route("GET /projects/{project}/datasets", s.datasetsList)
	route("POST /projects/{project}/datasets", s.datasetsInsert)
	route("GET /projects/{project}/datasets/{dataset}", s.datasetsGet)
	route("PATCH /projects/{project}/datasets/{dataset}", s.datasetsPatch)
	route("PUT /projects/{project}/datasets/{dataset}", s.datasetsUpdate)
	route("DELETE /projects/{project}/datasets/{dataset}", s.datasetsDelete)
	route("GET /projects/{project}/datasets/{dataset}/tables", s.tablesList)
	route("POST /projects/{project}/datasets/{dataset}/tables", s.tablesInsert)
	route("GET /projects/{project}/datasets/{dataset}/tables/{table}", s.tablesGet)
	route("PATCH /projects/{project}/datasets/{dataset}/tables/{table}", s.tablesPatch)
	route("PUT /projects/{project}/datasets/{dataset}/tables/{table}", s.tablesUpdate)
	route("DELETE /projects/{project}/datasets/{dataset}/tables/{table}", s.tablesDelete)
	route("GET /projects/{project}/datasets/{dataset}/tables/{table}/data", s.tabledataList)
	route("POST /projects/{project}/datasets/{dataset}/tables/{table}/insertAll", s.insertAll)
	route("POST /projects/{project}/datasets/{dataset}/tables/{table}", s.tablePolicy)
	route("GET /projects/{project}/datasets/{dataset}/routines", s.routinesList)
	route("POST /projects/{project}/jobs", s.jobsInsert)
	route("GET /projects/{project}/jobs", s.jobsList)
	route("GET /projects/{project}/jobs/{job}", s.jobsGet)
	route("POST /projects/{project}/jobs/{job}/cancel", s.jobsCancel)
	route("DELETE /projects/{project}/jobs/{job}/delete", s.jobsDelete)
	route("GET /projects/{project}/queries/{job}", s.queryResults)
	route("POST /projects/{project}/queries", s.jobsQuery)
	route("POST /upload/projects/{project}/jobs", s.uploadStart)
	route("PUT /upload/projects/{project}/jobs", s.uploadPart)
	s.hooks(route)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		unsupported("%s %s is not supplied", r.Method, r.URL.Path).write(w)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if over := r.Header.Get("X-HTTP-Method-Override"); over != "" && r.Method == http.MethodPost {
			r.Method = strings.ToUpper(over)
		}
		r.URL.Path = strings.Replace(r.URL.Path, "/bigquery/v2/", "/", 1)
		r.URL.RawPath = strings.Replace(r.URL.RawPath, "/bigquery/v2/", "/", 1)
		if r.Header.Get("Content-Encoding") == "gzip" {
			zr, err := gzip.NewReader(r.Body)
			if err != nil {
				invalid("Request body is not gzip").write(w)
				return
			}
			r.Body = io.NopCloser(zr)
		}
		rec := &recorder{ResponseWriter: w, code: http.StatusOK}
		start := time.Now()
		mux.ServeHTTP(rec, r)
		s.note(r, rec.code, time.Since(start))
	})
}

type recorder struct {
	http.ResponseWriter
	code int
}

func (r *recorder) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}

func decode[T any](r *http.Request) (*T, *apiError) {
	out := new(T)
	if err := json.NewDecoder(r.Body).Decode(out); err != nil {
		return nil, fail(http.StatusBadRequest, "parseError", "Parse Error: %v", err)
	}
	return out, nil
}

func number(r *http.Request, name string, fallback uint64) uint64 {
	if n, err := strconv.ParseUint(r.URL.Query().Get(name), 10, 64); err == nil {
		return n
	}
	return fallback
}

// pageStart reads the page token, which is the index of the next element.
func pageStart(r *http.Request) uint64 { return number(r, "pageToken", number(r, "startIndex", 0)) }

// precondition compares If-Match with an etag; source: «ETags – Using ETags for optimistic
// concurrency»: 412 when they differ.
func precondition(r *http.Request, tag string) *apiError {
	if want := r.Header.Get("If-Match"); want != "" && want != "*" && want != tag {
		return fail(http.StatusPreconditionFailed, "conditionNotMet", "Precondition check failed.")
	}
	return nil
}

// mergePatch applies a JSON merge patch: objects merge, null removes, the rest replaces.
func mergePatch(into, patch map[string]any) {
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(into, k)
		case map[string]any:
			old, ok := into[k].(map[string]any)
			if !ok {
				old = map[string]any{}
			}
			mergePatch(old, v)
			into[k] = old
		default:
			into[k] = v
		}
	}
}

func patched[T any](res *T, patch map[string]any) (*T, *apiError) {
	raw, err := json.Marshal(res)
	if err != nil {
		return nil, internalError(err)
	}
	var all map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&all); err != nil {
		return nil, internalError(err)
	}
	mergePatch(all, patch)
	raw, err = json.Marshal(all)
	if err != nil {
		return nil, internalError(err)
	}
	out := new(T)
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, invalid("Invalid value: %v", err)
	}
	return out, nil
}

// ---- datasets

func (s *Server) findDataset(r *http.Request) (*bigquery.Dataset, *apiError) {
	project, id := r.PathValue("project"), r.PathValue("dataset")
	if _, err := s.project(r.Context(), project); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.datasetLocked(project, id)
	if d == nil {
		return nil, notFound("Not found: Dataset %s:%s", project, id)
	}
	return clone(d.res), nil
}

func (s *Server) datasetsList(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	project := r.PathValue("project")
	p, err := s.project(r.Context(), project)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &bigquery.DatasetList{Kind: "bigquery#datasetList"}
	filters := strings.Fields(r.URL.Query().Get("filter"))
	for _, id := range sortedKeys(p.datasets) {
		d := p.datasets[id].res
		if !slices.ContainsFunc(filters, func(f string) bool {
			key, value, has := strings.Cut(strings.TrimPrefix(f, "labels."), ":")
			v, ok := d.Labels[key]
			return !ok || has && v != value
		}) {
			out.Datasets = append(out.Datasets, &bigquery.DatasetListDatasets{
				Kind: "bigquery#dataset", Id: d.Id, DatasetReference: d.DatasetReference, FriendlyName: d.FriendlyName, Labels: d.Labels, Location: d.Location,
			})
		}
	}
	start, size := pageStart(r), number(r, "maxResults", 50)
	total := uint64(len(out.Datasets))
	start = min(start, total)
	end := min(start+size, total)
	if end < total {
		out.NextPageToken = fmt.Sprint(end)
	}
	out.Datasets = out.Datasets[start:end]
	return out, nil
}

func (s *Server) datasetsInsert(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	project := r.PathValue("project")
	if _, err := s.project(r.Context(), project); err != nil {
		return nil, err
	}
	d, err := decode[bigquery.Dataset](r)
	if err != nil {
		return nil, err
	}
	if d.DatasetReference == nil || d.DatasetReference.DatasetId == "" {
		return nil, invalid("Required parameter is missing: datasetReference.datasetId")
	}
	d.DatasetReference.ProjectId = project
	return s.createDataset(r.Context(), project, d)
}

func (s *Server) createDataset(ctx context.Context, project string, d *bigquery.Dataset) (*bigquery.Dataset, *apiError) {
	id := d.DatasetReference.DatasetId
	if !named(datasetName, id) || id == scratch {
		return nil, invalid("Invalid dataset ID \"%s\". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.", id)
	}
	for k, v := range d.Labels {
		if err := checkLabel(k, v); err != nil {
			return nil, err
		}
	}
	p, err := s.project(ctx, project)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.datasets[id] != nil {
		return nil, duplicate("Already Exists: Dataset %s:%s", project, id)
	}
	if err := s.emu.createDataset(context.WithoutCancel(ctx), project, id); err != nil {
		return nil, internalError(err)
	}
	d.Kind, d.Id = "bigquery#dataset", project+":"+id
	if d.Location == "" {
		d.Location = s.location
	}
	if len(d.Access) == 0 {
		d.Access = []*bigquery.DatasetAccess{
			{Role: "WRITER", SpecialGroup: "projectWriters"},
			{Role: "OWNER", SpecialGroup: "projectOwners"},
			{Role: "READER", SpecialGroup: "projectReaders"},
		}
	}
	d.CreationTime = time.Now().UnixMilli()
	d.Type = "DEFAULT"
	st := &datasetState{res: d, tables: map[string]*tableState{}}
	st.stamp()
	p.datasets[id] = st
	return clone(d), nil
}

func (d *datasetState) stamp() {
	d.version++
	d.res.LastModifiedTime = time.Now().UnixMilli()
	d.res.Etag = etag(d.res.Id, d.version, d.res.CreationTime)
}

func (s *Server) datasetsGet(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	return result2(s.findDataset(r))
}

// result2 hides typed nils from the router.
func result2[T any](v *T, err *apiError) (any, *apiError) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (s *Server) datasetsPatch(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	return s.changeDataset(r, false)
}

func (s *Server) datasetsUpdate(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	return s.changeDataset(r, true)
}

func (s *Server) changeDataset(r *http.Request, replace bool) (any, *apiError) {
	if _, err := s.findDataset(r); err != nil {
		return nil, err
	}
	patch, err := decode[map[string]any](r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.datasetLocked(r.PathValue("project"), r.PathValue("dataset"))
	if d == nil {
		return nil, notFound("Not found: Dataset %s:%s", r.PathValue("project"), r.PathValue("dataset"))
	}
	if err := precondition(r, d.res.Etag); err != nil {
		return nil, err
	}
	base := d.res
	if replace {
		base = &bigquery.Dataset{}
	}
	neu, err := patched(base, *patch)
	if err != nil {
		return nil, err
	}
	for k, v := range neu.Labels {
		if err := checkLabel(k, v); err != nil {
			return nil, err
		}
	}
	if neu.Location != "" && neu.Location != d.res.Location {
		return nil, invalid("Cannot change dataset location from %s to %s", d.res.Location, neu.Location)
	}
	neu.Kind, neu.Id, neu.DatasetReference, neu.Location, neu.CreationTime, neu.Type = d.res.Kind, d.res.Id, d.res.DatasetReference, d.res.Location, d.res.CreationTime, d.res.Type
	d.res = neu
	d.stamp()
	return clone(d.res), nil
}

func (s *Server) datasetsDelete(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.exec.Lock()
	defer s.exec.Unlock()
	err := s.deleteDataset(r.Context(), r.PathValue("project"), r.PathValue("dataset"), r.URL.Query().Get("deleteContents") == "true")
	return nil, err
}

// deleteDataset removes a dataset; the caller holds s.exec.
func (s *Server) deleteDataset(ctx context.Context, project, id string, contents bool) *apiError {
	d := s.dataset(project, id)
	if d == nil {
		return notFound("Not found: Dataset %s:%s", project, id)
	}
	s.mu.Lock()
	names := sortedKeys(d.tables)
	s.mu.Unlock()
	if len(names) > 0 && !contents {
		return fail(http.StatusBadRequest, "resourceInUse", "Dataset %s:%s is still in use", project, id)
	}
	for _, name := range names {
		if err := s.dropPhysical(ctx, &bigquery.TableReference{ProjectId: project, DatasetId: id, TableId: name}); err != nil {
			return err
		}
	}
	if err := s.emu.deleteDataset(context.WithoutCancel(ctx), project, id); err != nil {
		return internalError(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.projects[project].datasets, id)
	return nil
}

// ---- tables

func (s *Server) tableRef(r *http.Request) *bigquery.TableReference {
	return &bigquery.TableReference{ProjectId: r.PathValue("project"), DatasetId: r.PathValue("dataset"), TableId: r.PathValue("table")}
}

func (s *Server) findTable(r *http.Request) (*tableState, *apiError) {
	if _, err := s.findDataset(r); err != nil {
		return nil, err
	}
	ref, _ := decorated(s.tableRef(r), r.PathValue("project"))
	t := s.table(ref)
	if t == nil {
		return nil, notFound("Not found: Table %s", refText(ref))
	}
	return t, nil
}

func (s *Server) tablesList(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	if _, err := s.findDataset(r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.datasetLocked(r.PathValue("project"), r.PathValue("dataset"))
	out := &bigquery.TableList{Kind: "bigquery#tableList"}
	names := sortedKeys(d.tables)
	total := uint64(len(names))
	start := min(pageStart(r), total)
	end := min(start+number(r, "maxResults", 50), total)
	for _, name := range names[start:end] {
		t := clone(d.tables[name].res)
		item := &bigquery.TableListTables{
			Kind: "bigquery#table", Id: t.Id, TableReference: t.TableReference, Type: t.Type, FriendlyName: t.FriendlyName, Labels: t.Labels,
			TimePartitioning: t.TimePartitioning, RangePartitioning: t.RangePartitioning, Clustering: t.Clustering,
			CreationTime: t.CreationTime, ExpirationTime: t.ExpirationTime, RequirePartitionFilter: t.RequirePartitionFilter,
		}
		if t.View != nil {
			item.View = &bigquery.TableListTablesView{}
		}
		out.Tables = append(out.Tables, item)
	}
	if end < total {
		out.NextPageToken = fmt.Sprint(end)
	}
	out.TotalItems = int64(total)
	return out, nil
}

func (s *Server) tablesInsert(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	if _, err := s.findDataset(r); err != nil {
		return nil, err
	}
	t, err := decode[bigquery.Table](r)
	if err != nil {
		return nil, err
	}
	if t.TableReference == nil || t.TableReference.TableId == "" {
		return nil, invalid("Required parameter is missing: tableReference.tableId")
	}
	ref := t.TableReference
	ref.ProjectId, ref.DatasetId = r.PathValue("project"), r.PathValue("dataset")
	if !named(tableName, ref.TableId) {
		return nil, invalid("Invalid table ID \"%s\".", ref.TableId)
	}
	for k, v := range t.Labels {
		if err := checkLabel(k, v); err != nil {
			return nil, err
		}
	}
	if t.ExternalDataConfiguration != nil {
		return nil, unsupported("external tables are not supplied")
	}
	s.exec.Lock()
	defer s.exec.Unlock()
	if s.table(ref) != nil {
		return nil, duplicate("Already Exists: Table %s", refText(ref))
	}
	x := &execution{s: s, ctx: r.Context(), project: ref.ProjectId}
	if t.View != nil || t.MaterializedView != nil {
		if err := x.analyzeView(t); err != nil {
			return nil, err
		}
		if err := s.installView(r.Context(), t); err != nil {
			return nil, err
		}
		return s.table(ref).res, nil
	}
	t.Type = "TABLE"
	logical := t.Schema == nil || len(t.Schema.Fields) == 0
	if !logical {
		if err := normalize(t.Schema.Fields); err != nil {
			return nil, err
		}
		if err := checkSpec(t); err != nil {
			return nil, invalid("%s", err.message)
		}
		if _, err := x.internal("CREATE TABLE " + quoted(ref) + " (" + columnsSQL(t.Schema) + ")"); err != nil {
			return nil, err
		}
	}
	s.put(t, logical)
	s.refreshViews(r.Context(), ref)
	return s.table(ref).res, nil
}

// analyzeView types a view that the API creates or changes.
func (x *execution) analyzeView(t *bigquery.Table) *apiError {
	t.Type = "VIEW"
	if t.MaterializedView != nil {
		t.Type = "MATERIALIZED_VIEW"
	} else if t.View.UseLegacySql {
		return unsupported("legacy SQL is not supplied")
	}
	res, err := x.read(viewQuery(t), limit(viewQuery(t)))
	if err != nil {
		return err
	}
	var declared []*bigquery.TableFieldSchema
	if t.Schema != nil {
		declared = t.Schema.Fields
	}
	t.Schema = res.Schema
	overlay(t.Schema, declared)
	return nil
}

func (s *Server) tablesGet(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	t, err := s.findTable(r)
	if err != nil {
		return nil, err
	}
	if viewQuery(t.res) == "" {
		s.exec.Lock()
		rows, size := s.measure(r.Context(), t.res.TableReference)
		s.exec.Unlock()
		t.res.NumRows, t.res.NumBytes = uint64(rows), size
		t.res.ForceSendFields = []string{"NumRows", "NumBytes"}
	}
	return t.res, nil
}

func (s *Server) tablesPatch(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	return s.changeTable(r, false)
}

func (s *Server) tablesUpdate(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	return s.changeTable(r, true)
}

// changeTable stores a patch or update. What may change is documented in «Modifying table
// schemas» and «tables.patch».
func (s *Server) changeTable(r *http.Request, replace bool) (any, *apiError) {
	s.exec.Lock()
	defer s.exec.Unlock()
	old, err := s.findTable(r)
	if err != nil {
		return nil, err
	}
	patch, err := decode[map[string]any](r)
	if err != nil {
		return nil, err
	}
	if err := precondition(r, old.res.Etag); err != nil {
		return nil, err
	}
	base := old.res
	if replace {
		base = &bigquery.Table{Schema: old.res.Schema, TimePartitioning: old.res.TimePartitioning, RangePartitioning: old.res.RangePartitioning, View: old.res.View, MaterializedView: old.res.MaterializedView}
	}
	neu, err := patched(base, *patch)
	if err != nil {
		return nil, err
	}
	o := old.res
	neu.Kind, neu.Id, neu.TableReference, neu.Type, neu.Location, neu.CreationTime = o.Kind, o.Id, o.TableReference, o.Type, o.Location, o.CreationTime
	neu.SnapshotDefinition, neu.CloneDefinition, neu.LastModifiedTime, neu.NumRows, neu.NumBytes = o.SnapshotDefinition, o.CloneDefinition, o.LastModifiedTime, o.NumRows, o.NumBytes
	for k, v := range neu.Labels {
		if err := checkLabel(k, v); err != nil {
			return nil, err
		}
	}
	ref := o.TableReference
	x := &execution{s: s, ctx: r.Context(), project: ref.ProjectId}
	if partitionText(neu) != partitionText(o) {
		return nil, invalid("Cannot convert non partitioned/clustered table to partitioned/clustered table. Existing spec is %s, new spec is %s", partitionText(o), partitionText(neu))
	}
	if viewQuery(o) != "" {
		if viewQuery(neu) != viewQuery(o) {
			if err := x.analyzeView(neu); err != nil {
				return nil, err
			}
			if err := s.emu.delete(x.ctx, ref); err != nil {
				return nil, internalError(err)
			}
			if err := s.physicalView(context.WithoutCancel(x.ctx), neu); err != nil {
				return nil, err
			}
			s.refreshViews(x.ctx, ref)
		} else if neu.Schema != nil {
			// A view's schema may only change its descriptions.
			want := neu.Schema.Fields
			neu.Schema = clone(o.Schema)
			overlay(neu.Schema, want)
		}
	} else if neu.Schema != nil {
		if err := normalize(neu.Schema.Fields); err != nil {
			return nil, err
		}
		if o.Schema == nil {
			if _, err := x.internal("CREATE TABLE " + quoted(ref) + " (" + columnsSQL(neu.Schema) + ")"); err != nil {
				return nil, err
			}
		} else {
			if err := evolves(ref, o.Schema.Fields, neu.Schema.Fields, ""); err != nil {
				return nil, err
			}
			if columnsSQL(neu.Schema) != columnsSQL(o.Schema) {
				if err := x.rebuild(ref, o.Schema, neu.Schema, nil); err != nil {
					return nil, err
				}
			}
		}
		if err := checkSpec(neu); err != nil {
			return nil, err
		}
		s.refreshViews(x.ctx, ref)
	}
	s.change(ref, func(t *tableState) {
		t.res = neu
		if neu.Schema != nil {
			t.logical = false
		}
		t.broken = nil
		t.stale = true
	})
	return s.table(ref).res, nil
}

// evolves checks a schema update: columns may be added (nullable or repeated) and relaxed,
// never dropped, renamed or retyped.
func evolves(ref *bigquery.TableReference, old, neu []*bigquery.TableFieldSchema, prefix string) *apiError {
	for _, o := range old {
		n := findField(&bigquery.TableSchema{Fields: neu}, o.Name)
		switch {
		case n == nil:
			return invalid("Provided Schema does not match Table %s. Field %s is missing in new schema", refText(ref), prefix+o.Name)
		case scalarType(o.Type) != scalarType(n.Type):
			return invalid("Provided Schema does not match Table %s. Field %s has changed type from %s to %s", refText(ref), prefix+o.Name, o.Type, n.Type)
		case o.Mode != n.Mode && !(o.Mode == "REQUIRED" && n.Mode == "NULLABLE"):
			return invalid("Provided Schema does not match Table %s. Field %s has changed mode from %s to %s", refText(ref), prefix+o.Name, o.Mode, n.Mode)
		}
		if err := evolves(ref, o.Fields, n.Fields, prefix+o.Name+"."); err != nil {
			return err
		}
	}
	for _, n := range neu {
		if findField(&bigquery.TableSchema{Fields: old}, n.Name) == nil && n.Mode == "REQUIRED" {
			return invalid("Provided Schema does not match Table %s. Cannot add required fields to an existing schema. (field: %s)", refText(ref), prefix+n.Name)
		}
	}
	return nil
}

func (s *Server) tablesDelete(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.exec.Lock()
	defer s.exec.Unlock()
	t, err := s.findTable(r)
	if err != nil {
		return nil, err
	}
	if err := precondition(r, t.res.Etag); err != nil {
		return nil, err
	}
	if _, partition := decorated(s.tableRef(r), ""); partition != "" {
		expr := partitionExpr(t.res)
		if expr == "" {
			return nil, invalid("Cannot delete a partition of %s: it is not partitioned by a column", refText(t.res.TableReference))
		}
		x := &execution{s: s, ctx: r.Context(), project: r.PathValue("project")}
		if _, err := x.internal("DELETE FROM " + quoted(t.res.TableReference) + " WHERE " + expr + " = " + literal(partition)); err != nil {
			return nil, err
		}
		s.change(t.res.TableReference, func(t *tableState) { t.stale = true })
		return nil, nil
	}
	return nil, s.dropPhysical(r.Context(), t.res.TableReference)
}

func (s *Server) tabledataList(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	ref := s.tableRef(r)
	var res *result
	if id, ok := strings.CutPrefix(ref.TableId, "anon"); ok && strings.HasPrefix(ref.DatasetId, "_") {
		j, err := s.job(ref.ProjectId, id, "")
		if err != nil {
			return nil, notFound("Not found: Table %s", refText(ref))
		}
		<-j.done
		res = j.result
	}
	if res == nil {
		t, err := s.findTable(r)
		if err != nil {
			return nil, err
		}
		if viewQuery(t.res) != "" {
			return nil, invalid("Cannot list a table of type %s.", t.res.Type)
		}
		q := "SELECT * FROM " + quoted(t.res.TableReference)
		if _, partition := decorated(ref, ""); partition != "" {
			q += " WHERE " + partitionExpr(t.res) + " = " + literal(partition)
		}
		s.exec.Lock()
		defer s.exec.Unlock()
		x := &execution{s: s, ctx: r.Context(), project: ref.ProjectId}
		if res, err = x.internal(q); err != nil {
			return nil, err
		}
	}
	rows, token := res.page(pageStart(r), number(r, "maxResults", 100000), r.URL.Query().Get("formatOptions.useInt64Timestamp") == "true")
	return map[string]any{"kind": "bigquery#tableDataList", "totalRows": fmt.Sprint(len(res.Rows)), "rows": rows, "pageToken": token}, nil
}

func (s *Server) insertAll(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	t, err := s.findTable(r)
	if err != nil {
		return nil, err
	}
	req, err := decode[struct {
		SkipInvalidRows     bool `json:"skipInvalidRows"`
		IgnoreUnknownValues bool `json:"ignoreUnknownValues"`
		Rows                []struct {
			JSON map[string]any `json:"json"`
		} `json:"rows"`
	}](r)
	if err != nil {
		return nil, err
	}
	if viewQuery(t.res) != "" || t.res.Schema == nil {
		return nil, invalid("Cannot add rows to %s", refText(t.res.TableReference))
	}
	var good []string
	out := &bigquery.TableDataInsertAllResponse{Kind: "bigquery#tableDataInsertAllResponse"}
	for i, row := range req.Rows {
		tuple, err := jsonRow(row.JSON, t.res.Schema.Fields, req.IgnoreUnknownValues)
		if err != nil {
			out.InsertErrors = append(out.InsertErrors, &bigquery.TableDataInsertAllResponseInsertErrors{Index: int64(i), Errors: []*bigquery.ErrorProto{err.proto()}})
			continue
		}
		good = append(good, tuple)
	}
	if len(out.InsertErrors) > 0 && !req.SkipInvalidRows {
		return out, nil // «all rows are rejected unless skipInvalidRows is set»
	}
	s.exec.Lock()
	defer s.exec.Unlock()
	x := &execution{s: s, ctx: r.Context(), project: r.PathValue("project")}
	if err := x.insertRows(t.res.TableReference, good); err != nil {
		return nil, err
	}
	s.change(t.res.TableReference, func(t *tableState) { t.stale = true })
	return out, nil
}

func (s *Server) routinesList(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	if _, err := s.findDataset(r); err != nil {
		return nil, err
	}
	return nil, unsupported("routines are not supplied")
}

// ---- jobs

func (s *Server) jobsInsert(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	req, err := decode[bigquery.Job](r)
	if err != nil {
		return nil, err
	}
	return s.startJob(r, req, nil)
}

func (s *Server) startJob(r *http.Request, req *bigquery.Job, media []byte) (any, *apiError) {
	if _, err := s.project(r.Context(), r.PathValue("project")); err != nil {
		return nil, err
	}
	if req.Configuration != nil && req.Configuration.Load != nil && media == nil && len(req.Configuration.Load.SourceUris) == 0 {
		return nil, invalid("Load configuration must specify at least one source URI")
	}
	j, err := s.insertJob(r.Context(), r.PathValue("project"), req, media)
	if err != nil {
		return nil, err
	}
	return j.snapshot(), nil
}

func (s *Server) jobsGet(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	j, err := s.job(r.PathValue("project"), r.PathValue("job"), r.URL.Query().Get("location"))
	if err != nil {
		return nil, err
	}
	return j.snapshot(), nil
}

func (s *Server) jobsList(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	project := r.PathValue("project")
	q := r.URL.Query()
	s.mu.Lock()
	all := slices.Clone(s.jobOrder)
	s.mu.Unlock()
	slices.Reverse(all) // «reverse chronological order»
	out := &bigquery.JobList{Kind: "bigquery#jobList"}
	states := q["stateFilter"]
	for _, j := range all {
		res := j.snapshot()
		if res.JobReference.ProjectId != project {
			continue
		}
		if len(states) > 0 && !slices.ContainsFunc(states, func(f string) bool { return strings.EqualFold(f, res.Status.State) }) {
			continue
		}
		if min := number(r, "minCreationTime", 0); min > 0 && res.Statistics.CreationTime < int64(min) {
			continue
		}
		if max := number(r, "maxCreationTime", 0); max > 0 && res.Statistics.CreationTime > int64(max) {
			continue
		}
		item := &bigquery.JobListJobs{Kind: "bigquery#job", Id: res.Id, JobReference: res.JobReference, State: res.Status.State, Status: res.Status, ErrorResult: res.Status.ErrorResult, Statistics: res.Statistics, UserEmail: res.UserEmail}
		if q.Get("projection") == "full" {
			item.Configuration = res.Configuration
		}
		out.Jobs = append(out.Jobs, item)
	}
	total := uint64(len(out.Jobs))
	start := min(pageStart(r), total)
	end := min(start+number(r, "maxResults", 50), total)
	if end < total {
		out.NextPageToken = fmt.Sprint(end)
	}
	out.Jobs = out.Jobs[start:end]
	return out, nil
}

// jobsCancel «requests that a job be cancelled. This call will return immediately, and the
// client will need to poll for the job status to see if the cancel completed successfully».
func (s *Server) jobsCancel(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	j, err := s.job(r.PathValue("project"), r.PathValue("job"), r.URL.Query().Get("location"))
	if err != nil {
		return nil, err
	}
	j.cancel()
	return map[string]any{"kind": "bigquery#jobCancelResponse", "job": j.snapshot()}, nil
}

func (s *Server) jobsDelete(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	j, err := s.job(r.PathValue("project"), r.PathValue("job"), r.URL.Query().Get("location"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, s.jobKey(r.PathValue("project"), r.PathValue("job")))
	s.jobOrder = slices.DeleteFunc(s.jobOrder, func(o *job) bool { return o == j })
	return nil, nil
}

// await waits for a job as long as the caller asked, ten seconds unless told.
func await(r *http.Request, j *job, millis uint64) bool {
	t := time.NewTimer(time.Duration(min(millis, 200000)) * time.Millisecond)
	defer t.Stop()
	select {
	case <-j.done:
		return true
	case <-t.C:
	case <-r.Context().Done():
	}
	return false
}

func (s *Server) queryResults(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	j, err := s.job(r.PathValue("project"), r.PathValue("job"), r.URL.Query().Get("location"))
	if err != nil {
		return nil, err
	}
	if j.res.Configuration.Query == nil {
		return nil, invalid("Job %s is not a query job", j.res.Id)
	}
	if !await(r, j, number(r, "timeoutMs", 10000)) {
		return map[string]any{"kind": "bigquery#getQueryResultsResponse", "jobReference": j.res.JobReference, "jobComplete": false}, nil
	}
	return s.answer(r, j, "bigquery#getQueryResultsResponse", pageStart(r), number(r, "maxResults", 100000), r.URL.Query().Get("formatOptions.useInt64Timestamp") == "true")
}

func (s *Server) answer(r *http.Request, j *job, kind string, start, limit uint64, micros bool) (any, *apiError) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		err := *j.err
		if err.code == http.StatusOK {
			err.code = 499 // the job was cancelled by its user
		}
		return nil, &err
	}
	rows, token := j.result.page(start, limit, micros)
	out := map[string]any{
		"kind": kind, "etag": etag(j.res.Id), "jobReference": j.res.JobReference, "jobComplete": true, "cacheHit": false,
		"schema": j.result.Schema, "totalRows": fmt.Sprint(len(j.result.Rows)), "rows": rows,
		"totalBytesProcessed": fmt.Sprint(j.res.Statistics.TotalBytesProcessed),
	}
	if token != "" {
		out["pageToken"] = token
	}
	if j.dml != nil {
		out["numDmlAffectedRows"], out["dmlStats"] = fmt.Sprint(j.affected), j.dml
	}
	return out, nil
}

func (s *Server) jobsQuery(_ http.ResponseWriter, r *http.Request) (any, *apiError) {
	project := r.PathValue("project")
	if _, err := s.project(r.Context(), project); err != nil {
		return nil, err
	}
	q, err := decode[bigquery.QueryRequest](r)
	if err != nil {
		return nil, err
	}
	if q.UseLegacySql == nil || *q.UseLegacySql {
		return nil, unsupported("legacy SQL is not supplied (useLegacySql defaults to true)")
	}
	req := &bigquery.Job{
		JobReference: &bigquery.JobReference{Location: q.Location},
		Configuration: &bigquery.JobConfiguration{DryRun: q.DryRun, Labels: q.Labels, Query: &bigquery.JobConfigurationQuery{
			Query: q.Query, DefaultDataset: q.DefaultDataset, QueryParameters: q.QueryParameters, ParameterMode: q.ParameterMode,
			MaximumBytesBilled: q.MaximumBytesBilled, UseQueryCache: q.UseQueryCache, UseLegacySql: q.UseLegacySql,
		}},
	}
	j, err := s.insertJob(r.Context(), project, req, nil)
	if err != nil {
		return nil, err
	}
	micros := q.FormatOptions != nil && q.FormatOptions.UseInt64Timestamp
	if q.DryRun {
		st := j.snapshot().Statistics.Query
		return map[string]any{"kind": "bigquery#queryResponse", "jobComplete": true, "schema": st.Schema, "totalBytesProcessed": fmt.Sprint(st.TotalBytesProcessed), "jobReference": j.res.JobReference}, nil
	}
	timeout := uint64(10000)
	if q.TimeoutMs > 0 {
		timeout = uint64(q.TimeoutMs)
	}
	if !await(r, j, timeout) {
		return map[string]any{"kind": "bigquery#queryResponse", "jobReference": j.res.JobReference, "jobComplete": false}, nil
	}
	limit := uint64(100000)
	if q.MaxResults > 0 {
		limit = uint64(q.MaxResults)
	}
	return s.answer(r, j, "bigquery#queryResponse", 0, limit, micros)
}

// ---- uploads

type upload struct {
	project string
	job     *bigquery.Job
	data    []byte
}

// uploadStart takes multipart uploads whole and opens resumable ones.
func (s *Server) uploadStart(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	if r.URL.Query().Get("upload_id") != "" {
		return s.uploadPart(w, r) // some clients send the parts with POST
	}
	switch r.URL.Query().Get("uploadType") {
	case "multipart":
		_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil {
			return nil, invalid("Invalid Content-Type: %v", err)
		}
		mr := multipart.NewReader(r.Body, params["boundary"])
		var parts [][]byte
		for {
			p, err := mr.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, invalid("Invalid multipart body: %v", err)
			}
			raw, err := io.ReadAll(p)
			if err != nil {
				return nil, invalid("Invalid multipart body: %v", err)
			}
			parts = append(parts, raw)
		}
		if len(parts) != 2 {
			return nil, invalid("A multipart upload has two parts, not %d", len(parts))
		}
		var req bigquery.Job
		if err := json.Unmarshal(parts[0], &req); err != nil {
			return nil, fail(http.StatusBadRequest, "parseError", "Parse Error: %v", err)
		}
		return s.startJob(r, &req, append([]byte{}, parts[1]...))
	case "resumable":
		req, err := decode[bigquery.Job](r)
		if err != nil {
			return nil, err
		}
		id := randomID()
		s.mu.Lock()
		s.uploads[id] = &upload{project: r.PathValue("project"), job: req}
		s.mu.Unlock()
		w.Header().Set("Location", "http://"+r.Host+"/upload/bigquery/v2/projects/"+r.PathValue("project")+"/jobs?uploadType=resumable&upload_id="+id)
		w.Header().Set("X-GUploader-UploadID", id)
		return map[string]any{}, nil
	}
	return nil, invalid("Invalid uploadType")
}

// uploadPart takes one chunk; the last one names the total size and starts the job.
func (s *Server) uploadPart(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	s.mu.Lock()
	u := s.uploads[r.URL.Query().Get("upload_id")]
	s.mu.Unlock()
	if u == nil {
		return nil, notFound("Not found: upload")
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, invalid("Cannot read the upload: %v", err)
	}
	u.data = append(u.data, raw...)
	if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", len(u.data)-1))
		if r.Header.Get("X-GUploader-No-308") != "" {
			w.Header().Set("X-HTTP-Status-Code-Override", "308")
			return map[string]any{}, nil
		}
		return nil, fail(http.StatusPermanentRedirect, "", "Resume Incomplete")
	}
	s.mu.Lock()
	delete(s.uploads, r.URL.Query().Get("upload_id"))
	s.mu.Unlock()
	if u.data == nil {
		u.data = []byte{}
	}
	return s.startJob(r, u.job, u.data)
}
