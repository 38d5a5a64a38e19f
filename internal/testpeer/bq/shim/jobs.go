package shim

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	bigquery "google.golang.org/api/bigquery/v2"
)

// job is one job and, once it is done, its rows.
type job struct {
	mu       sync.Mutex
	res      *bigquery.Job
	media    []byte
	result   *result
	err      *apiError
	cancel   context.CancelFunc
	ctx      context.Context
	done     chan struct{}
	executed int // how often the statement really ran: a test asserts one
	affected int64
	dml      *bigquery.DmlStatistics
	order    int
}

// stopped is how a cancelled job ends; source: «Error messages», stopped: «This status code
// returns when a job is canceled».
var stopped = fail(http.StatusOK, "stopped", "Job execution was cancelled: User requested cancellation")

// «The ID must contain only letters (a-z, A-Z), numbers (0-9), underscores (_), or dashes
// (-). The maximum length is 1,024 characters.» (JobReference)
var jobName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func randomID() string { return strings.ToLower(rand.Text()) }

func (s *Server) jobKey(project, id string) string { return project + "/" + id }

func (s *Server) job(project, id, location string) (*job, *apiError) {
	s.mu.Lock()
	j := s.jobs[s.jobKey(project, id)]
	s.mu.Unlock()
	if j == nil || location != "" && !strings.EqualFold(location, j.res.JobReference.Location) {
		if location == "" {
			location = s.location
		}
		return nil, notFound("Not found: Job %s:%s.%s", project, location, id)
	}
	return j, nil
}

// insertJob accepts a job and starts it; it returns at once, as the service does. A dry run
// is answered here and keeps no trace.
func (s *Server) insertJob(ctx context.Context, project string, req *bigquery.Job, media []byte) (*job, *apiError) {
	if req.Configuration == nil {
		return nil, invalid("Required parameter is missing: configuration")
	}
	c := req.Configuration
	kinds := 0
	for _, on := range []bool{c.Query != nil, c.Load != nil, c.Copy != nil, c.Extract != nil} {
		if on {
			kinds++
		}
	}
	if kinds != 1 {
		return nil, invalid("Job configuration must contain exactly one job-specific configuration object (e.g., query, load, extract, spark), but there were %d: ", kinds)
	}
	if req.JobReference == nil {
		req.JobReference = &bigquery.JobReference{}
	}
	ref := req.JobReference
	if ref.ProjectId == "" {
		ref.ProjectId = project
	}
	if ref.Location == "" {
		ref.Location = s.location
	}
	if ref.JobId == "" {
		ref.JobId = "job_" + randomID()
	}
	if !named(jobName, ref.JobId) {
		return nil, invalid("Invalid job ID \"%s:%s\". Job IDs must be alphanumeric (plus underscores and dashes) and must be at most 1024 characters long.", project, ref.JobId)
	}
	for k, v := range c.Labels {
		if err := checkLabel(k, v); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Query != nil:
		c.JobType = "QUERY"
		if c.Query.Query == "" {
			return nil, invalid("Required parameter is missing: query")
		}
		if c.Query.UseLegacySql != nil && *c.Query.UseLegacySql {
			return nil, unsupported("legacy SQL is not supplied")
		}
		if c.Query.Priority == "" {
			c.Query.Priority = "INTERACTIVE"
		}
	case c.Load != nil:
		c.JobType = "LOAD"
	case c.Copy != nil:
		c.JobType = "COPY"
	case c.Extract != nil:
		return nil, unsupported("extract jobs are not supplied")
	}
	now := time.Now().UnixMilli()
	j := &job{res: &bigquery.Job{
		Kind: "bigquery#job", Id: project + ":" + ref.Location + "." + ref.JobId, Etag: etag(ref.JobId, now),
		JobReference: ref, Configuration: c, UserEmail: "double@" + project + ".iam.gserviceaccount.com",
		Statistics: &bigquery.JobStatistics{CreationTime: now}, Status: &bigquery.JobStatus{State: "PENDING"},
	}, media: media, done: make(chan struct{})}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	if c.DryRun {
		defer j.cancel()
		j.ctx = ctx
		if err := s.perform(j); err != nil {
			return nil, err
		}
		j.res.Status.State = "DONE"
		close(j.done)
		return j, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs[s.jobKey(project, ref.JobId)] != nil {
		j.cancel()
		return nil, duplicate("Already Exists: Job %s:%s.%s", project, ref.Location, ref.JobId)
	}
	s.jobs[s.jobKey(project, ref.JobId)] = j
	j.order = len(s.jobOrder)
	s.jobOrder = append(s.jobOrder, j)
	go s.work(j)
	return j, nil
}

// work takes a job from PENDING to DONE.
func (s *Server) work(j *job) {
	defer close(j.done)
	defer j.cancel()
	wait := s.delay(j)
	if wait.pending {
		pause(j.ctx, wait.time)
	}
	j.mu.Lock()
	j.res.Status.State = "RUNNING"
	j.res.Statistics.StartTime = time.Now().UnixMilli()
	j.mu.Unlock()
	if !wait.pending {
		pause(j.ctx, wait.time)
	}
	err := stopped
	if j.ctx.Err() == nil {
		err = s.perform(j)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
	j.res.Status = &bigquery.JobStatus{State: "DONE"}
	if err != nil {
		j.res.Status.ErrorResult = err.proto()
		j.res.Status.Errors = []*bigquery.ErrorProto{err.proto()}
	}
	j.res.Statistics.EndTime = max(time.Now().UnixMilli(), j.res.Statistics.StartTime)
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// perform runs the job's work and fills its statistics.
func (s *Server) perform(j *job) (failed *apiError) {
	s.exec.Lock()
	defer s.exec.Unlock()
	if j.ctx.Err() != nil {
		return stopped
	}
	j.executed++
	defer func() {
		if p := recover(); p != nil {
			failed = fail(http.StatusInternalServerError, "internalError", "test double: %v", p)
		}
	}()
	c := j.res.Configuration
	project := j.res.JobReference.ProjectId
	switch {
	case c.Query != nil:
		return s.performQuery(j, project, c.Query)
	case c.Load != nil:
		return s.performLoad(j, project, c.Load)
	default:
		return s.performCopy(j, project, c.Copy)
	}
}

func (s *Server) performQuery(j *job, project string, q *bigquery.JobConfigurationQuery) *apiError {
	x := &execution{s: s, ctx: j.ctx, project: project, params: q.QueryParameters, mode: q.ParameterMode, dry: j.res.Configuration.DryRun}
	if d := q.DefaultDataset; d != nil {
		if d.ProjectId != "" && d.ProjectId != project {
			x.project = d.ProjectId
		}
		x.dataset = d.DatasetId
		if s.dataset(x.project, x.dataset) == nil {
			return notFound("Not found: Dataset %s:%s was not found in location %s", x.project, x.dataset, s.location)
		}
	}
	defer func() {
		for _, ref := range x.out.spooled {
			x.discard(ref)
		}
	}()
	statements, err := x.prepare(q.Query)
	if err != nil {
		return err
	}
	for _, st := range statements {
		if err := x.checkFilters(st); err != nil {
			return err
		}
	}
	processed, billed := x.bill()
	stats := &bigquery.JobStatistics2{
		StatementType: x.out.kind, TotalBytesProcessed: processed, ReferencedTables: x.out.refs,
	}
	stats.ForceSendFields = []string{"TotalBytesProcessed", "TotalBytesBilled", "CacheHit"}
	if j.res.Configuration.DryRun {
		stats.TotalBytesProcessedAccuracy = "PRECISE"
	}
	j.mu.Lock()
	j.res.Statistics.Query = stats
	j.res.Statistics.TotalBytesProcessed = processed
	j.mu.Unlock()
	if limit := q.MaximumBytesBilled; limit > 0 && billed > limit && !x.dry {
		return fail(http.StatusBadRequest, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: %d. %d or higher required.", limit, billed)
	}
	if q.DestinationTable != nil && (len(statements) != 1 || statements[0].kind != "SELECT") {
		return invalid("Cannot set destination table in jobs with DDL or DML statements")
	}
	for _, st := range statements {
		if q.DestinationTable != nil && !x.dry {
			if err := x.intoTable(st, q); err != nil {
				return err
			}
			continue
		}
		if err := x.run(st); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	stats.DdlOperationPerformed = x.out.operation
	if x.out.operation != "" && x.out.target != nil {
		stats.DdlTargetTable = x.out.target
	}
	if x.out.res != nil {
		stats.Schema = x.out.res.Schema
	}
	if x.dry {
		return nil
	}
	stats.TotalBytesBilled = billed
	// Slot time is invented: a millisecond for each MB and row, at least one.
	rows := 0
	if x.out.res != nil {
		rows = len(x.out.res.Rows)
	}
	stats.TotalSlotMs = 1 + processed>>20 + int64(rows)
	j.res.Statistics.TotalSlotMs = stats.TotalSlotMs
	if x.out.dml != nil {
		stats.DmlStats = x.out.dml
		stats.DmlStats.ForceSendFields = []string{"InsertedRowCount", "UpdatedRowCount", "DeletedRowCount"}
		stats.NumDmlAffectedRows = x.out.affected
		stats.ForceSendFields = append(stats.ForceSendFields, "NumDmlAffectedRows")
	}
	j.affected, j.dml, j.result = x.out.affected, stats.DmlStats, x.out.res
	if j.result == nil {
		j.result = &result{Schema: &bigquery.TableSchema{}}
	}
	if x.out.kind == "SELECT" && q.DestinationTable == nil {
		// «If not specified, the results are saved to an anonymous temporary table.»
		q.DestinationTable = &bigquery.TableReference{ProjectId: project, DatasetId: "_" + strings.ReplaceAll(project, "-", "_"), TableId: "anon" + j.res.JobReference.JobId}
	}
	return nil
}

// intoTable writes a query's rows into its destination table.
func (x *execution) intoTable(st *statement, q *bigquery.JobConfigurationQuery) *apiError {
	build := x.scratchTable(x.project)
	from := &statement{src: st.src, query: st.toks[0].start}
	if err := x.exec(st.src, from.head("CREATE TABLE "+quoted(build)+" AS ")); err != nil {
		return err
	}
	x.out.spooled = append(x.out.spooled, build)
	schema, err := x.schemaOf(build)
	if err != nil {
		return err
	}
	w := &write{
		into: q.DestinationTable, build: build, schema: schema, create: q.CreateDisposition, disposition: q.WriteDisposition, fallback: "WRITE_EMPTY",
		time: q.TimePartitioning, ranges: q.RangePartitioning, cluster: q.Clustering, updates: q.SchemaUpdateOptions,
	}
	if q.DestinationEncryptionConfiguration != nil {
		w.kms = q.DestinationEncryptionConfiguration
	}
	if err := x.write(w); err != nil {
		return err
	}
	res, err := x.internal("SELECT * FROM " + quoted(build))
	x.out.res = res
	return err
}

// performCopy runs a copy job; source: «Managing tables – Copy tables».
func (s *Server) performCopy(j *job, project string, c *bigquery.JobConfigurationTableCopy) *apiError {
	x := &execution{s: s, ctx: j.ctx, project: project}
	sources := c.SourceTables
	if c.SourceTable != nil {
		sources = append(sources, c.SourceTable)
	}
	if len(sources) == 0 || c.DestinationTable == nil {
		return invalid("Required parameter is missing: sourceTable or destinationTable")
	}
	var first *bigquery.Table
	var parts []string
	var rows int64
	for _, ref := range sources {
		plain, partition := decorated(ref, project)
		t := s.table(plain)
		if t == nil {
			return notFound("Not found: Table %s was not found in location %s", refText(plain), s.location)
		}
		if t.res.Type != "TABLE" && t.res.Type != "SNAPSHOT" {
			return invalid("Cannot copy %s: it is a %s, not a table", refText(plain), t.res.Type)
		}
		if first == nil {
			first = t.res
		}
		if columnsSQL(first.Schema) != columnsSQL(t.res.Schema) {
			return invalid("Provided Schema does not match Table %s.", refText(plain))
		}
		q := "SELECT * FROM " + quoted(plain)
		if partition != "" {
			expr := partitionExpr(t.res)
			if expr == "" {
				return invalid("Cannot read partition information from a table that is not partitioned: %s$%s", refText(plain), partition)
			}
			q += " WHERE " + expr + " = " + literal(partition)
		}
		parts = append(parts, q)
	}
	build := x.scratchTable(project)
	if _, err := x.internal("CREATE TABLE " + quoted(build) + " (" + columnsSQL(first.Schema) + ") AS " + strings.Join(parts, " UNION ALL ")); err != nil {
		return err
	}
	defer x.discard(build)
	n, err := x.count("SELECT COUNT(*) FROM " + quoted(build))
	if err != nil {
		return err
	}
	rows = n
	w := &write{
		into: c.DestinationTable, build: build, schema: first.Schema, create: c.CreateDisposition, disposition: c.WriteDisposition, fallback: "WRITE_EMPTY",
		like: first, kms: c.DestinationEncryptionConfiguration,
	}
	switch c.OperationType {
	case "", "OPERATION_TYPE_UNSPECIFIED", "COPY":
	case "SNAPSHOT":
		w.snapshot = first.TableReference
	case "CLONE":
		w.clone = first.TableReference
	case "RESTORE":
	default:
		return invalid("Invalid value for operationType: %s", c.OperationType)
	}
	if err := x.write(w); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.res.Statistics.Copy = &bigquery.JobStatistics5{CopiedRows: rows}
	j.res.Statistics.Copy.ForceSendFields = []string{"CopiedRows"}
	return nil
}

// decorated splits table$partition.
func decorated(ref *bigquery.TableReference, project string) (*bigquery.TableReference, string) {
	id, partition, _ := strings.Cut(ref.TableId, "$")
	out := &bigquery.TableReference{ProjectId: ref.ProjectId, DatasetId: ref.DatasetId, TableId: id}
	if out.ProjectId == "" {
		out.ProjectId = project
	}
	return out, partition
}

// write is a finished scratch table on its way into a table; the three kinds of jobs share it.
type write struct {
	into                          *bigquery.TableReference
	build                         *bigquery.TableReference
	schema                        *bigquery.TableSchema
	create, disposition, fallback string
	like                          *bigquery.Table // copy: where the spec comes from
	time                          *bigquery.TimePartitioning
	ranges                        *bigquery.RangePartitioning
	cluster                       *bigquery.Clustering
	kms                           *bigquery.EncryptionConfiguration
	updates                       []string
	properties                    *bigquery.DestinationTableProperties
	snapshot, clone               *bigquery.TableReference
}

func (x *execution) write(w *write) *apiError {
	ref, partition := decorated(w.into, x.project)
	if x.s.dataset(ref.ProjectId, ref.DatasetId) == nil {
		return notFound("Not found: Dataset %s:%s was not found in location %s", ref.ProjectId, ref.DatasetId, x.s.location)
	}
	if !named(tableName, ref.TableId) {
		return invalid("Invalid table ID \"%s\".", ref.TableId)
	}
	if w.disposition == "" {
		w.disposition = w.fallback
	}
	neu := &bigquery.Table{TableReference: ref, Schema: clone(w.schema), TimePartitioning: w.time, RangePartitioning: w.ranges, Clustering: w.cluster, EncryptionConfiguration: w.kms}
	if w.like != nil {
		like := clone(w.like)
		neu.TimePartitioning, neu.RangePartitioning, neu.Clustering, neu.RequirePartitionFilter = like.TimePartitioning, like.RangePartitioning, like.Clustering, like.RequirePartitionFilter
	}
	if p := w.properties; p != nil {
		neu.Description, neu.FriendlyName, neu.Labels = p.Description, p.FriendlyName, p.Labels
	}
	if w.snapshot != nil {
		neu.Type = "SNAPSHOT"
		neu.SnapshotDefinition = &bigquery.SnapshotDefinition{BaseTableReference: w.snapshot, SnapshotTime: timeText(0)}
	}
	if w.clone != nil {
		neu.CloneDefinition = &bigquery.CloneDefinition{BaseTableReference: w.clone, CloneTime: timeText(0)}
	}
	old := x.s.table(ref)
	switch w.disposition {
	case "WRITE_EMPTY", "WRITE_APPEND", "WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA":
	default:
		return invalid("Invalid value for writeDisposition: %s", w.disposition)
	}
	if old == nil {
		if w.create == "CREATE_NEVER" {
			return notFound("Not found: Table %s was not found in location %s", refText(ref), x.s.location)
		}
		if err := checkSpec(neu); err != nil {
			return err
		}
		if _, err := x.internal("CREATE TABLE " + quoted(ref) + " (" + columnsSQL(neu.Schema) + ") AS SELECT * FROM " + quoted(w.build)); err != nil {
			return err
		}
		x.s.put(neu, false)
		x.s.refreshViews(x.ctx, ref)
		return nil
	}
	if old.res.Type != "TABLE" {
		return invalid("%s is not allowed for this operation because it is currently a %s.", refText(ref), old.res.Type)
	}
	if w.snapshot != nil || w.clone != nil {
		if w.disposition != "WRITE_TRUNCATE" || w.snapshot != nil {
			return duplicate("Already Exists: Table %s", refText(ref))
		}
	}
	given := neu.TimePartitioning != nil || neu.RangePartitioning != nil
	// A partitioned source may be copied into a table without partitions, nothing else.
	copied := w.like != nil && (partitionText(old.res) != "none" || partition != "")
	if (given && (w.like == nil || copied) || copied) && partitionText(neu) != partitionText(old.res) {
		return invalid("Incompatible table partitioning specification. Expects partitioning specification %s, but input partitioning specification is %s", partitionText(old.res), partitionText(neu))
	}
	expr := ""
	if partition != "" {
		if expr = partitionExpr(old.res); expr == "" {
			return invalid("Cannot write to a partition of %s: it is not partitioned by a column", refText(ref))
		}
		n, err := x.count("SELECT COUNT(*) FROM (SELECT " + expr + " AS id FROM " + quoted(w.build) + ") WHERE id != " + literal(partition))
		if err != nil {
			return err
		}
		if n > 0 {
			return invalid("Some rows belong to different partitions rather than destination partition %s$%s", refText(ref), partition)
		}
	}
	filter := ""
	if expr != "" {
		filter = " WHERE " + expr + " = " + literal(partition)
	}
	if w.disposition == "WRITE_EMPTY" {
		n, err := x.count("SELECT COUNT(*) FROM (SELECT 1 FROM " + quoted(ref) + filter + ")")
		if old.logical {
			n, err = 0, nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			return duplicate("Already Exists: Table %s", refText(w.into))
		}
	}
	replace := partition == "" && w.disposition == "WRITE_TRUNCATE" || old.logical
	if replace {
		if err := x.replaceRows(w.build, ref, neu.Schema); err != nil {
			return err
		}
		x.s.change(ref, func(t *tableState) {
			t.stale, t.logical, t.res.Schema = true, false, neu.Schema
			t.res.TableConstraints = nil // «removes the constraints, and uses the schema from the query result»
			if w.cluster != nil {
				t.res.Clustering = w.cluster
			}
			if w.properties != nil {
				t.res.Description, t.res.Labels = neu.Description, neu.Labels
			}
		})
		x.s.refreshViews(x.ctx, ref)
		return nil
	}
	schema, err := x.appendable(ref, old.res.Schema, neu.Schema, w.updates)
	if err != nil {
		return err
	}
	if columnsSQL(schema) != columnsSQL(old.res.Schema) {
		if err := x.rebuild(ref, old.res.Schema, schema, nil); err != nil {
			return err
		}
		x.s.change(ref, func(t *tableState) { t.res.Schema = schema })
	}
	if x.ctx.Err() != nil {
		return stopped
	}
	if w.disposition != "WRITE_APPEND" && w.disposition != "WRITE_EMPTY" {
		if filter == "" {
			filter = " WHERE TRUE"
		}
		if _, err := x.internal("DELETE FROM " + quoted(ref) + filter); err != nil {
			return err
		}
	}
	names := make([]string, len(neu.Schema.Fields))
	for i, f := range neu.Schema.Fields {
		names[i] = "`" + f.Name + "`"
	}
	list := strings.Join(names, ", ")
	if _, err := x.internal("INSERT INTO " + quoted(ref) + " (" + list + ") SELECT " + list + " FROM " + quoted(w.build)); err != nil {
		return err
	}
	x.s.change(ref, func(t *tableState) { t.stale = true })
	return nil
}

// replaceRows is swap for a scratch table that somebody else removes.
func (x *execution) replaceRows(build, ref *bigquery.TableReference, schema *bigquery.TableSchema) *apiError {
	if x.ctx.Err() != nil {
		return stopped
	}
	ctx := context.WithoutCancel(x.ctx)
	if err := x.s.emu.delete(ctx, ref); err != nil {
		return internalError(err)
	}
	_, err := x.internal("CREATE TABLE " + quoted(ref) + " (" + columnsSQL(schema) + ") AS SELECT * FROM " + quoted(build))
	return err
}

// appendable checks that rows of one schema fit a table, and returns the table's schema
// after the schema updates that the job allows.
func (x *execution) appendable(ref *bigquery.TableReference, have, add *bigquery.TableSchema, updates []string) (*bigquery.TableSchema, *apiError) {
	allowAdd, relax := false, false
	for _, u := range updates {
		switch u {
		case "ALLOW_FIELD_ADDITION":
			allowAdd = true
		case "ALLOW_FIELD_RELAXATION":
			relax = true
		default:
			return nil, invalid("Invalid value for schemaUpdateOptions: %s", u)
		}
	}
	out := clone(have)
	for _, f := range add.Fields {
		h := findField(out, f.Name)
		switch {
		case h == nil && !allowAdd:
			return nil, invalid("Provided Schema does not match Table %s. Cannot add fields (field: %s)", refText(ref), f.Name)
		case h == nil:
			n := *f
			if n.Mode == "REQUIRED" {
				n.Mode = "NULLABLE"
			}
			out.Fields = append(out.Fields, &n)
		case typeSQL(h) != typeSQL(f):
			return nil, invalid("Provided Schema does not match Table %s. Field %s has changed type from %s to %s", refText(ref), f.Name, h.Type, f.Type)
		}
	}
	for _, h := range out.Fields {
		if h.Mode == "REQUIRED" && findField(add, h.Name) == nil {
			if !relax {
				return nil, invalid("Provided Schema does not match Table %s. Field %s is missing in new schema", refText(ref), h.Name)
			}
			h.Mode = "NULLABLE"
		}
	}
	return out, nil
}

// snapshotOf copies the job's resource.
func (j *job) snapshot() *bigquery.Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := clone(j.res)
	if q := out.Statistics.Query; q != nil {
		q.ForceSendFields = []string{"TotalBytesProcessed", "TotalBytesBilled", "CacheHit"}
		if q.DmlStats != nil {
			q.ForceSendFields = append(q.ForceSendFields, "NumDmlAffectedRows")
			q.DmlStats.ForceSendFields = []string{"InsertedRowCount", "UpdatedRowCount", "DeletedRowCount"}
		}
	}
	return out
}

// page cuts rows out of a result and writes timestamps in the form that was asked for.
func (r *result) page(start, limit uint64, micros bool) ([]json.RawMessage, string) {
	total := uint64(len(r.Rows))
	start = min(start, total)
	end := total
	if limit < total-start {
		end = start + limit
	}
	token := ""
	if end < total {
		token = fmt.Sprint(end)
	}
	rows := r.Rows[start:end]
	if !micros && hasTimestamps(r.Schema.Fields) {
		out := make([]json.RawMessage, len(rows))
		for i, row := range rows {
			out[i] = secondsRow(row, r.Schema.Fields)
		}
		rows = out
	}
	return rows, token
}
