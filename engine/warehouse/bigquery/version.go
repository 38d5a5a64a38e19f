package bigquery

import (
	"context"
	"fmt"
	"strings"
	"sync"

	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Versioner = (*conn)(nil)
	_ warehouse.Summer    = Dialect{}
)

// looksAtOnce bounds how many tables Versions asks about at the same time. The service
// allows a hundred such calls a second; one takes about a tenth of one.
const looksAtOnce = 16

// versionFields are what Versions needs of a table.
const versionFields = googleapi.Field("type,creationTime,lastModifiedTime,numRows,numBytes,streamingBuffer,timePartitioning,maxStaleness," +
	"externalDataConfiguration,biglakeConfiguration,externalCatalogTableOptions,tableReplicationInfo")

// Versions reads when tables were last modified, to the millisecond, with when they were
// created and how many rows and bytes they have. One call of tables.get for each table, side
// by side: they are free of charge and need no job. The query that Inspect makes of a dataset
// has the times, too, but not whether rows stand in a table's streaming buffer, which
// queries see long before the time changes; nothing that can be asked about many tables at once
// tells that without a delay.
//
// Unknown are tables with a streaming buffer, or into which changes may be streamed
// (max_staleness), those whose partitions expire, views, materialized views, external and
// replicated tables, and names that stand for several tables (events_*). Row access policies and
// masks on columns are no changes of a table: who alters one for the engine's own account
// builds with --full. The buffer is reported some seconds after the first row of a stream at worst: such
// rows are seen one build late then, and never lost, since writing them to the table changes
// its time.
func (c *conn) Versions(ctx context.Context, relations []addr.Relation) (map[addr.Relation]warehouse.Version, error) {
	out := make(map[addr.Relation]warehouse.Version, len(relations))
	var mu sync.Mutex
	var wait sync.WaitGroup
	slots := make(chan struct{}, looksAtOnce)
	for _, r := range relations {
		if !possible(r) {
			continue
		}
		if strings.ContainsAny(r.Name, "*$@") {
			mu.Lock()
			out[r] = warehouse.Version{Unknown: "its name stands for several tables or a part of one"}
			mu.Unlock()
			continue
		}
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			v, found := c.version(ctx, r)
			if found {
				mu.Lock()
				defer mu.Unlock()
				out[r] = v
			}
		})
	}
	wait.Wait()
	return out, ctx.Err()
}

// version of one table. What the service refuses makes it unknown.
func (c *conn) version(ctx context.Context, r addr.Relation) (v warehouse.Version, found bool) {
	var table *bq.Table
	err := c.call(ctx, &trail{}, func(ctx context.Context) (err error) {
		ref := c.ref(r)
		table, err = c.service.Tables.Get(ref.ProjectId, ref.DatasetId, ref.TableId).Fields(versionFields).Context(ctx).Do()
		return err
	})
	switch {
	case notFound(err):
		return v, false
	case err != nil:
		return warehouse.Version{Unknown: "asking for its version failed: " + warehouse.Explain(Dialect{}, err).Message}, true
	}
	if v.Unknown = unversioned(table); v.Unknown == "" {
		v.Token = fmt.Sprintf("modified %d %d %d %d", table.LastModifiedTime, table.CreationTime, table.NumRows, table.NumBytes)
	}
	return v, true
}

// unversioned says why the time of a table's last modification does not tell whether its
// rows are the same, empty if it does.
func unversioned(t *bq.Table) string {
	switch typ := strings.ToUpper(t.Type); {
	case kindOf(typ) != warehouse.Table:
		return "it is a " + kindOf(typ).String()
	case typ == "EXTERNAL", t.ExternalDataConfiguration != nil, t.BiglakeConfiguration != nil, t.ExternalCatalogTableOptions != nil:
		return "its rows are kept outside of BigQuery"
	case typ != "TABLE" && typ != "SNAPSHOT":
		return "it is of type " + typ
	case t.TableReplicationInfo != nil:
		return "it is a replica of another table"
	case t.StreamingBuffer != nil:
		return "rows are being streamed into it"
	case t.MaxStaleness != "":
		return "changes may be streamed into it (it has max_staleness)"
	case t.TimePartitioning != nil && t.TimePartitioning.ExpirationMs > 0:
		return "its partitions expire"
	case t.LastModifiedTime == 0:
		return "the service does not say when it was modified"
	}
	return ""
}

// Checksum is not to be had: BigQuery charges for the bytes that a query reads, so that summing a
// table up costs as much as building what reads it, which it could spare.
func (Dialect) Checksum(addr.Relation, []warehouse.Column) (query string, ok bool) { return "", false }
