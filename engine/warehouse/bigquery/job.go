package bigquery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	// maxConflicts is how often a statement that lost against another one is sent again.
	maxConflicts = 10
	// graceTime is how long a canceled statement is waited for.
	graceTime = 3 * time.Second
	// spareTime is how much longer than the service we wait for a job that has a limit.
	spareTime = 30 * time.Second
)

// work is a job to be run.
type work struct {
	config *bq.JobConfiguration
	// ours: the engine wrote the statement, so it is a single one. A job is all or nothing:
	// if it ended with an error, nothing of its statement is there, whatever the statement
	// does (MERGE and other DML commit with the job, a table made by a query appears with
	// it). So a single statement may be run again; of a script, earlier statements stay.
	ours bool
	// media is the file of a load job, opened anew for every try.
	media func() (io.ReadCloser, error)
}

// single are types of statements that run as a whole or not at all, of texts that are not
// the engine's own. The service tells the type of a job that ended.
var single = map[string]bool{
	"SELECT": true, "INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "TRUNCATE_TABLE": true,
	"CREATE_TABLE": true, "CREATE_TABLE_AS_SELECT": true, "CREATE_VIEW": true, "CREATE_MATERIALIZED_VIEW": true,
	"CREATE_FUNCTION": true, "CREATE_PROCEDURE": true, "CREATE_SCHEMA": true, "ALTER_TABLE": true, "ALTER_VIEW": true,
	"DROP_TABLE": true, "DROP_VIEW": true, "DROP_MATERIALIZED_VIEW": true, "DROP_FUNCTION": true, "DROP_PROCEDURE": true,
}

// run runs a job to its end and gives it with what it took. The job's id is ours, so that
// after an unclear answer the job is looked up and never made a second time.
func (c *conn) run(ctx context.Context, w work) (*bq.Job, warehouse.JobStats, error) {
	start := time.Now()
	limit := c.limitOf(ctx)
	c.describe(ctx, w.config, limit)
	t := &trail{}
	number, conflicts := c.numbers.Add(1), 0
	for attempt := 1; ; attempt++ {
		job, ended, err := c.once(ctx, t, c.jobID(ctx, number, attempt), w, limit)
		stats := jobStats(job, start, t)
		if err == nil {
			c.limit.went()
			return job, stats, nil
		}
		var e *Error
		if !errors.As(err, &e) {
			return job, stats, err
		}
		conflict := ended && e.Conflict() && conflicts < maxConflicts
		if conflict {
			conflicts++
			attempt--
		}
		if conflict || ended && e.transient() && attempt <= c.retries {
			if w.ours || job != nil && job.Statistics != nil && job.Statistics.Query != nil && single[job.Statistics.Query.StatementType] {
				again, waited := c.again(ctx, t, e, true)
				if waited != nil {
					return job, stats, waited
				}
				if again {
					if conflict {
						number = c.numbers.Add(1)
					}
					continue
				}
			}
		}
		e.Retries = t.retries
		return job, stats, e
	}
}

// once makes one job and waits for its end. ended says that the job exists and is over.
// Its time counts from when it has a place among the jobs that run at once.
func (c *conn) once(ctx context.Context, t *trail, id string, w work, limit time.Duration) (job *bq.Job, ended bool, err error) {
	release, err := c.limit.acquire(ctx)
	if err != nil {
		return nil, false, stopped(err)
	}
	defer release()
	within, stop := context.WithTimeout(ctx, limit+spareTime)
	defer stop()
	job, err = c.submit(within, t, id, w)
	if err == nil {
		job, err = c.await(within, t, job)
	}
	if within.Err() != nil {
		c.cancel(ctx, id, locationOf(job, c.location))
		if ctx.Err() != nil {
			return job, false, stopped(ctx.Err())
		}
		return job, false, &Error{Reason: reasonTimeout, Message: fmt.Sprintf("the statement ran longer than %v", limit), JobID: id, Err: within.Err()}
	}
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.JobID == "" {
			e.JobID = id
		}
		return job, false, err
	}
	t.well()
	if job.Status != nil && job.Status.ErrorResult != nil {
		return job, true, jobError(id, job.Status.ErrorResult)
	}
	return job, true, nil
}

// submit makes the job with this id, once. After an answer that leaves open whether the job
// was made, it is looked up; only when it does not exist it is sent again, with the same id,
// which the service takes one time.
func (c *conn) submit(ctx context.Context, t *trail, id string, w work) (*bq.Job, error) {
	for {
		if err := c.limit.calm(ctx); err != nil {
			return nil, stopped(err)
		}
		job, err := c.insert(ctx, id, w)
		if err == nil {
			t.well()
			return job, nil
		}
		var e *Error
		if !errors.As(err, &e) {
			return nil, err
		}
		known := e.HTTP == 409
		if !known && !e.transient() {
			return nil, err
		}
		if !known {
			again, waited := c.again(ctx, t, e, false)
			if waited != nil {
				return nil, waited
			}
			if !again {
				e.Retries = t.retries
				return nil, e
			}
		}
		found, look := c.getJob(ctx, t, id, c.location)
		switch {
		case look == nil && !sameWork(found, w):
			return nil, &Error{Reason: reasonDuplicate, Message: fmt.Sprintf("a job %s of another statement exists already", id), Err: err}
		case look == nil:
			return found, nil
		case !notFound(look):
			return nil, look
		case known:
			return nil, err
		}
	}
}

// sameWork makes sure that a job found by its id is the one that was sent.
func sameWork(job *bq.Job, w work) bool {
	have := job.Configuration
	if have == nil {
		return true // the service always tells; without it the id has to do
	}
	switch {
	case w.config.Query != nil:
		return have.Query != nil && have.Query.Query == w.config.Query.Query
	case w.config.Copy != nil:
		return have.Copy != nil && have.Copy.DestinationTable != nil && have.Copy.DestinationTable.TableId == w.config.Copy.DestinationTable.TableId
	case w.config.Load != nil:
		return have.Load != nil && have.Load.DestinationTable != nil && have.Load.DestinationTable.TableId == w.config.Load.DestinationTable.TableId
	}
	return false
}

// insert sends the job. The call goes on when ctx ends, so that it becomes known whether
// there is a job to cancel.
func (c *conn) insert(ctx context.Context, id string, w work) (*bq.Job, error) {
	limit := c.pace.insert
	if w.media != nil {
		limit = c.pace.upload
	}
	type answer struct {
		job *bq.Job
		err error
	}
	answers := make(chan answer, 1)
	apart, stop := context.WithTimeout(context.WithoutCancel(ctx), limit)
	c.open.Add(1)
	go func() {
		defer c.open.Done()
		defer stop()
		call := c.service.Jobs.Insert(c.billing, &bq.Job{
			JobReference:  &bq.JobReference{ProjectId: c.billing, JobId: id, Location: c.location},
			Configuration: w.config,
		}).Context(apart)
		var a answer
		if w.media != nil {
			file, err := w.media()
			if err != nil {
				answers <- answer{err: err}
				return
			}
			defer file.Close()
			call = call.Media(file, googleapi.ContentType("application/octet-stream"))
		}
		a.job, a.err = call.Do()
		a.err = callError(context.WithoutCancel(ctx), a.err)
		answers <- a
	}()
	select {
	case a := <-answers:
		return a.job, a.err
	case <-ctx.Done():
	}
	if w.media != nil {
		stop() // the job begins when the file is there
	}
	select {
	case <-answers:
	case <-time.After(graceTime / 2):
		// The answer may still come, and with it a job that nobody waits for.
		c.open.Add(1)
		go func() {
			defer c.open.Done()
			if a := <-answers; a.err == nil {
				c.cancel(ctx, id, locationOf(a.job, c.location))
			}
		}()
	}
	return nil, stopped(ctx.Err())
}

func locationOf(job *bq.Job, otherwise string) string {
	if job != nil && job.JobReference != nil && job.JobReference.Location != "" {
		return job.JobReference.Location
	}
	return otherwise
}

func (c *conn) getJob(ctx context.Context, t *trail, id, location string) (*bq.Job, error) {
	var job *bq.Job
	err := c.call(ctx, t, func(ctx context.Context) (err error) {
		get := c.service.Jobs.Get(c.billing, id).Context(ctx)
		if location != "" {
			get = get.Location(location)
		}
		job, err = get.Do()
		return err
	})
	return job, err
}

// await waits for the end of a job. For queries the service holds the answer back until
// there is something to say.
func (c *conn) await(ctx context.Context, t *trail, job *bq.Job) (*bq.Job, error) {
	pause := c.pace.first / 20
	lookedFor := time.Now()
	for job.Status == nil || job.Status.State != "DONE" {
		if job.JobReference == nil {
			return job, &Error{Reason: "invalidAnswer", Message: "the service's answer names no job", Err: errors.New("job without a reference")}
		}
		id, location := job.JobReference.JobId, locationOf(job, c.location)
		if job.Configuration != nil && job.Configuration.Query != nil {
			// What goes wrong here the job itself tells better.
			_ = c.try(ctx, c.pace.call+c.pace.poll, func(ctx context.Context) error {
				_, err := c.service.Jobs.GetQueryResults(c.billing, id).Location(location).MaxResults(0).TimeoutMs(c.pace.poll.Milliseconds()).Context(ctx).Do()
				return err
			})
		}
		found, err := c.getJob(ctx, t, id, location)
		if notFound(err) && time.Since(lookedFor) < graceTime {
			err, found = nil, job // a new job may not be known everywhere yet
		}
		if err != nil {
			return job, err
		}
		if job = found; job.Status != nil && job.Status.State == "DONE" {
			break
		}
		if err := waitFor(ctx, pause, nil); err != nil {
			return job, stopped(err)
		}
		pause = min(pause*3/2, c.pace.longest/10)
	}
	return job, nil
}

// cancel asks the service to stop a job and waits a little for it to end, so that what is
// cleaned up next is not made afterwards. It works although ctx has ended.
func (c *conn) cancel(ctx context.Context, id, location string) {
	within, stop := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
	defer stop()
	call := c.service.Jobs.Cancel(c.billing, id).Context(within)
	if location != "" {
		call = call.Location(location)
	}
	answer, err := call.Do()
	for tries := 0; err != nil && tries < 3 && within.Err() == nil; tries++ {
		if e := (*Error)(nil); errors.As(callError(within, err), &e) && !e.transient() {
			return // no such job: nothing was begun
		}
		_ = waitFor(within, graceTime/10, nil)
		answer, err = call.Do()
	}
	if err != nil || answer.Job != nil && answer.Job.Status != nil && answer.Job.Status.State == "DONE" {
		return
	}
	for waitFor(within, graceTime/20, nil) == nil {
		get := c.service.Jobs.Get(c.billing, id).Context(within)
		if location != "" {
			get = get.Location(location)
		}
		if job, err := get.Do(); err == nil && job.Status != nil && job.Status.State == "DONE" {
			return
		}
	}
}

// limitOf is how long a statement may run.
func (c *conn) limitOf(ctx context.Context) time.Duration {
	if own := warehouse.JobOf(ctx).Timeout; own > 0 {
		return own
	}
	return c.execution
}

// describe fills in what all jobs have: on whose behalf, and within which limits.
func (c *conn) describe(ctx context.Context, config *bq.JobConfiguration, limit time.Duration) {
	own := warehouse.JobOf(ctx)
	config.Labels = c.labelsOf(own)
	config.JobTimeoutMs = limit.Milliseconds()
	config.Reservation = firstOf(own.Reservation, c.reservation)
	if q := config.Query; q != nil {
		q.UseLegacySql = new(bool)
		q.Priority = strings.ToUpper(firstOf(own.Priority, c.priority))
		q.MaximumBytesBilled = c.maxBytesOf(own)
		q.ConnectionProperties = c.properties()
	}
}

// maxBytesOf is the lower of the limits that are set.
func (c *conn) maxBytesOf(own warehouse.Job) int64 {
	if own.MaxBytes > 0 && (c.maxBytes == 0 || own.MaxBytes < c.maxBytes) {
		return own.MaxBytes
	}
	return c.maxBytes
}

// properties let names without a project mean the target's project, also where another one
// pays for the job.
func (c *conn) properties() []*bq.ConnectionProperty {
	if c.project == c.billing {
		return nil
	}
	return []*bq.ConnectionProperty{{Key: "dataset_project_id", Value: c.project}}
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// labelsOf are the labels of a job: the configured ones, and the engine's own.
func (c *conn) labelsOf(own warehouse.Job) map[string]string {
	out := map[string]string{}
	for _, from := range []map[string]string{c.labels, own.Labels} {
		for k, v := range from {
			out[labelText(k)] = labelText(v)
		}
	}
	for k, v := range map[string]string{"run": own.Run, "node": own.Node.String(), "project": own.Project, "target": own.Target} {
		if v != "" {
			out[k] = labelText(v)
		}
	}
	delete(out, "")
	return out
}

// labelText is a text as labels take it: lower-case letters, digits, _ and -, 63 of them.
func labelText(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, strings.ToLower(s)), 63)
}

func cut(s string, limit int) string { return s[:min(len(s), limit)] }

// jobID names a job «<run>-<node>-<statement>-<attempt>». The statement's number is unique
// to the connection by its token.
func (c *conn) jobID(ctx context.Context, number int64, attempt int) string {
	own := warehouse.JobOf(ctx)
	head := firstOf(own.Run, "engine")
	if own.Node != (addr.Node{}) {
		head += "-" + own.Node.String()
	}
	clean := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, head)
	return fmt.Sprintf("%s-%s%d-%d", cut(clean, 900), c.token, number, attempt)
}

// jobStats is what a job says it took; every part of it may be missing.
func jobStats(job *bq.Job, start time.Time, t *trail) warehouse.JobStats {
	out := warehouse.JobStats{Rows: -1, Bytes: -1, Duration: time.Since(start), Retries: t.retries}
	if job == nil {
		return out
	}
	if r := job.JobReference; r != nil {
		out.JobID, out.Project, out.Location = r.JobId, r.ProjectId, r.Location
	}
	s := job.Statistics
	if s == nil {
		return out
	}
	out.SlotMillis = s.TotalSlotMs
	if q := s.Query; q != nil {
		out.Bytes, out.Billed = q.TotalBytesProcessed, q.TotalBytesBilled
		out.SlotMillis = max(out.SlotMillis, q.TotalSlotMs)
		switch q.StatementType {
		case "INSERT", "UPDATE", "DELETE", "MERGE":
			out.Rows = q.NumDmlAffectedRows
		}
	}
	if l := s.Load; l != nil {
		out.Rows = l.OutputRows
	}
	if cp := s.Copy; cp != nil {
		out.Rows = cp.CopiedRows
	}
	return out
}
