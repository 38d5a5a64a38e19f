package bigquery

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/warehousetest"
)

// TestRealProject runs the conformance suite, and what only the service itself can show, in
// a project of its own: ENGINE_TEST_BIGQUERY_PROJECT names it, ENGINE_TEST_BIGQUERY_LOCATION
// its location. It makes datasets whose names begin with suite, and costs some cents.
func TestRealProject(t *testing.T) {
	project := os.Getenv("ENGINE_TEST_BIGQUERY_PROJECT")
	if project == "" {
		t.Skip("needs ENGINE_TEST_BIGQUERY_PROJECT, the id of a project to make datasets in, and application default credentials")
	}
	config := warehouse.Config{Fields: map[string]string{"project": project, "maximum_bytes_billed": "1000000000"}}
	if location := os.Getenv("ENGINE_TEST_BIGQUERY_LOCATION"); location != "" {
		config.Fields["location"] = location
	}
	connect := func(t *testing.T) warehouse.Conn {
		c, err := (Driver{}).Open(context.Background(), config)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Run("suite", func(t *testing.T) {
		warehousetest.Run(t, warehousetest.Warehouse{Open: connect, Types: types, Slow: slow, StrictInsert: true},
			warehousetest.Exception{Test: "names", Reason: "names of datasets have letters, digits and _ only, tables no quotes and dots"},
			warehousetest.Exception{Test: "values/numeric", Reason: "results have no scale: 1.5 is «1.5»"},
			warehousetest.Exception{Test: "values/small numeric", Reason: "results have no scale: 1.5 is «1.5»"},
			warehousetest.Exception{Test: "values/numeric from int", Reason: "results have no scale: 7 is «7»"},
			warehousetest.Exception{Test: "load/empty is NULL, quoted empty is not", Reason: "no table has a comma in its name"},
			warehousetest.Exception{Test: "load/types by name, order of the file", Reason: "no table has a comma in its name"},
			warehousetest.Exception{Test: "load refused/values", Reason: "bad dates are listed, too"},
			warehousetest.Exception{Test: "load refused/empty in quotes", Reason: "bad dates are listed, too"},
		)
	})
	t.Run("only real", func(t *testing.T) {
		c := connect(t).(*conn)
		defer c.Close()
		r := &rig{T: t, c: c}
		ctx := context.Background()
		schema := fmt.Sprintf("suite_real_%d", time.Now().Unix())
		at := func(name string) addr.Relation { return addr.Relation{Schema: schema, Name: name} }
		day := &warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Day}
		l := &warehouse.Layout{Partition: day, Cluster: []string{"id"}, RequirePartitionFilter: true, Labels: map[string]string{"team": "core"}}
		staged, target := at("_engine_new__t"), at("t")
		r.do(warehouse.CreateSchema{Schema: schema},
			warehouse.CreateTableAs{Target: staged, Layout: l, Query: "select n as id, date_add(date '2024-01-01', interval n day) as day from unnest(generate_array(1, 100)) as n"},
			warehouse.Comment{Relation: staged, Kind: warehouse.Table, Column: "id", Text: "key"},
			warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: target})
		found, err := c.Inspect(ctx, []addr.Relation{target})
		if err != nil || len(found) != 1 || !sameSpread(found[0].Layout, l) || found[0].Layout.Labels["team"] != "core" || found[0].Columns[0].Comment != "key" || !found[0].Layout.RequirePartitionFilter {
			t.Errorf("a copy carries over: %+v, %v", found, err)
		}
		if table, err := c.getTable(ctx, &trail{}, target); err != nil || table["expirationTime"] != nil {
			t.Errorf("the table expires at %v, %v", table["expirationTime"], err)
		}
		one, err := c.DryRun(ctx, warehouse.Statement{SQL: "select id from " + (Dialect{}).Quote(target) + " where day = '2024-01-05'"})
		if err != nil || one.Bytes != 16 {
			t.Errorf("one partition reads %+v, %v", one, err)
		}
		r.do(warehouse.CreateTableAs{Target: at("s"), Query: "select 4 as id, date '2024-01-05' as day union all select 500, date '2024-06-01'"},
			warehouse.MergeInto{Target: target, From: at("s"), Key: []string{"id"}, Partition: day})
		if _, err := c.Exec(ctx, warehouse.Statement{SQL: "select count(*) from " + (Dialect{}).Quote(target)}); err == nil || !strings.Contains(err.Error(), "filter") {
			t.Errorf("a query without a filter: %v", err)
		}
		other := *l
		other.Partition = &warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Month}
		r.do(warehouse.CreateTableAs{Target: staged, Layout: &other, Query: "select 1 as id, date '2024-01-01' as day"},
			warehouse.Swap{New: staged, NewKind: warehouse.Table, Target: target, Old: warehouse.Table, Respread: true})
		if err := c.request(ctx, &trail{}, "DELETE", c.datasetPath("", schema), map[string][]string{"deleteContents": {"true"}}, "", nil, nil); err != nil {
			t.Error(err)
		}
	})
}
