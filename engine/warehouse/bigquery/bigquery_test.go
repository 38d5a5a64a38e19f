package bigquery

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/warehousetest"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

var types = warehousetest.Types{
	Int: "INT64", Text: "STRING", Bool: "BOOL", Float: "FLOAT64", Numeric: "NUMERIC(18, 3)", Date: "DATE", Timestamp: "TIMESTAMP", Bytes: "BYTES",
	Ints: "ARRAY<INT64>", Texts: "ARRAY<STRING>",
}

// open connects to an endpoint as Open does, but waits less between tries.
func open(t testing.TB, endpoint string, fields map[string]string) *conn {
	t.Helper()
	all := map[string]string{"project": "test-project", "api_endpoint": endpoint}
	for k, v := range fields {
		all[k] = v
	}
	o, err := readOptions(warehouse.Config{Type: "bigquery", Fields: all, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	o.pace.first, o.pace.longest, o.pace.poll = 20*time.Millisecond, 200*time.Millisecond, time.Second
	c, err := newConn(o, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.greet(context.Background()); err != nil {
		t.Fatal(o.openError(context.Background(), err))
	}
	return c
}

// slow runs for minutes.
const slow = "select count(*) as n from unnest(generate_array(1, 100000)) as a, unnest(generate_array(1, 100000)) as b where mod(a * b, 7) = 3"

func TestConformance(t *testing.T) {
	warehousetest.Run(t, warehousetest.Warehouse{
		Open:         func(t *testing.T) warehouse.Conn { return open(t, bqpeer.Start(t).URL, nil) },
		Types:        types,
		Slow:         slow,
		StrictInsert: true,
	},
		warehousetest.Exception{Test: "names", Reason: "names of datasets have letters, digits and _ only, tables no quotes and dots; see TestNames"},
		warehousetest.Exception{Test: "swap readers", Reason: "the emulator serves one request at a time: 25 publications next to readers take it minutes; see TestSwapReaders"},
		warehousetest.Exception{Test: "swap at once", Reason: "the emulator serves one request at a time: 80 publications take it minutes; see TestSwapAtOnce"},
		warehousetest.Exception{Test: "values/infinity", Reason: "the emulator cannot cast a text to infinity"},
		warehousetest.Exception{Test: "values/minus infinity", Reason: "the emulator cannot cast a text to infinity"},
		warehousetest.Exception{Test: "values/not a number", Reason: "the emulator cannot cast a text to NaN"},
		warehousetest.Exception{Test: "values/numeric", Reason: "results have no scale: 1.5 is «1.5»; see TestValues"},
		warehousetest.Exception{Test: "values/small numeric", Reason: "results have no scale: 1.5 is «1.5»; see TestValues"},
		warehousetest.Exception{Test: "values/numeric from int", Reason: "results have no scale: 7 is «7»; see TestValues"},
		warehousetest.Exception{Test: "release readers", Reason: "there is no step that publishes several tables at once; see TestReleaseCompleted"},
		warehousetest.Exception{Test: "release interrupted", Reason: "there is no step that publishes several tables at once; see TestReleaseCompleted"},
		warehousetest.Exception{Test: "cancel", Reason: "the emulator finishes a query that it began; see TestCancelOnServer"},
		warehousetest.Exception{Test: "close rows/replaced", Reason: "the emulator reads a time without a zone in Los Angeles, BigQuery in UTC; see TestCloseRows"},
		warehousetest.Exception{Test: "replace partitions/hours", Reason: "a column of type TIMESTAMP has no partitions of type datetime; see TestReplacePartitions"},
		warehousetest.Exception{Test: "load/empty is NULL, quoted empty is not", Reason: "no table has a comma in its name; see TestLoad"},
		warehousetest.Exception{Test: "load/types by name, order of the file", Reason: "no table has a comma in its name; see TestLoad"},
		warehousetest.Exception{Test: "load/order and number of many rows", Reason: "the emulator needs minutes for 300,000 rows; see TestLoad"},
		warehousetest.Exception{Test: "load refused/values", Reason: "bad dates are listed, too; see TestLoad"},
		warehousetest.Exception{Test: "load refused/empty in quotes", Reason: "bad dates are listed, too; see TestLoad"},
	)
}
