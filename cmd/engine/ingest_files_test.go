package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// parquetFile makes a Parquet file of a query of DuckDB.
func parquetFile(t *testing.T, path, query string) {
	t.Helper()
	ctx := context.Background()
	c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Dir: t.TempDir(), Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Exec(ctx, warehouse.Statement{SQL: "copy (" + query + ") to '" + path + "' (format parquet)"}); err != nil {
		t.Fatal(err)
	}
}

// TestIngestFilesEverywhere: the same files give the same rows on every warehouse, what was
// there is not read again, and views on a table live on when it is exchanged.
func TestIngestFilesEverywhere(t *testing.T) {
	for _, target := range []string{"duckdb", "postgres", "bigquery"} {
		t.Run(target, func(t *testing.T) {
			f := newFolder(t)
			switch target {
			case "duckdb":
				f.write("engine.yml", "name: shop\ntarget: dev\ntargets: {dev: {type: duckdb, path: x.duckdb, schema: main}}\n")
			case "postgres":
				server := pg.Shared(t)
				f.write("engine.yml", "name: shop\ntarget: dev\ntargets: {dev: "+onPostgres(server, server.Database(t), "main")+"}\n")
			case "bigquery":
				f.write("engine.yml", "name: shop\ntarget: dev\ntargets: {dev: "+onBigQuery(bqpeer.Start(t), "core")+"}\n")
			}
			f.write("models/s.yml", `
version: 2
sources:
  - name: raw
    schema: raw
    ingest: {kind: files, path: "data/{table}/*", deny_columns: [secret]}
    tables:
      - name: prices
        columns:
          - {name: price, data_type: NUMERIC}
          - {name: seen, data_type: TIMESTAMP}
          - {name: ok, data_type: BOOL}
        ingest: {columns: "*", transform: {mail: sha256, phone: {truncate: 3}}, "null": n/a}
      - name: events
        ingest: {columns: "*", mode: append}
      - name: parts
        ingest: {columns: "*"}
`)
			f.write("models/m.sql", `select id, price, seen, ok, mail, phone from {{ source "raw" "prices" }}`)
			f.write("data/prices/a.csv", "id,price,seen,ok,mail,phone,secret\n1,1.5000,2024-01-01 10:00:00+02:00,yes,eve@example.com,+49123,hush\n2,n/a,2024-01-01T00:00:00Z,0,,,hush\n")
			f.write("data/prices/b.csv", "secret,phone,mail,ok,seen,price,id\nhush,\"a \"\"b\"\",\nc\",x,,2024-02-02,12345678.1234,3\n")
			f.write("data/events/1.ndjson", "{\"id\":1,\"list\":[1,{\"a\":\"ä\"}],\"name\":\"x\"}\n{\"id\":2,\"secret\":\"hush\"}\n")
			rows := func(want, query string) {
				t.Helper()
				text := f.ends(exitDone, "show", "--inline", query, "--output", "csv")
				if diff := cmp.Diff(want, text); diff != "" {
					t.Errorf("%s: -want +got\n%s", query, diff)
				}
			}
			source := func(name string) string { return `{{ source "raw" "` + name + `" }}` }
			f.ends(exitDone, "ingest", "source:raw.prices", "source:raw.events")
			f.ends(exitDone, "build", "--no-catalog")
			rows("id,price,ok,phone\n1,1.5,true,+49\n2,,false,\n3,12345678.1234,,\"a \"\"\"\n", "select id, cast(price as string) as price, ok, phone from {{ ref \"m\" }} order by id")
			rows("id,seen\n1,2024-01-01 08:00:00\n2,2024-01-01 00:00:00\n3,2024-02-02 00:00:00\n", "select id, format_timestamp('%F %T', seen) as seen from {{ ref \"m\" }} order by id")
			rows("n\n2\n", "select count(*) as n from {{ ref \"m\" }} where length(mail) = 64")
			rows("id,list,name,_file\n1,\"[1,{\"\"a\"\":\"\"ä\"\"}]\",x,data/events/1.ndjson\n2,null,,data/events/1.ndjson\n", "select id, to_json_string(list) as list, name, _file from "+source("events")+" order by id")
			contains(t, f.ends(exitDone, "ingest", "source:raw.prices", "source:raw.events"), "raw.prices  unchanged", "raw.events  unchanged")

			f.write("data/prices/a.csv", "id,price,seen,ok,mail,phone,secret\n1,2,2024-01-01 10:00:00+02:00,yes,,,hush\n")
			f.write("data/events/2.ndjson", "{\"id\":3}\n")
			contains(t, f.ends(exitDone, "ingest", "source:raw.prices", "source:raw.events"), "raw.prices  full, 2 rows", "raw.events  incremental, 1 row")
			rows("id\n1\n3\n", "select id from {{ ref \"m\" }} order by id")
			f.write("data/events/1.ndjson", "{\"id\":4}\n")
			contains(t, f.ends(exitDone, "ingest", "source:raw.events"), "raw.events  incremental, 1 row")
			rows("id\n3\n4\n", "select id from "+source("events")+" order by id")
			f.write("data/prices/a.csv", "id,price,seen,ok,mail,phone,secret\n1,0.1234567891,2024-01-01,,,,hush\n")
			contains(t, f.ends(exitFailed, "ingest", "source:raw.prices"), `data/prices/a.csv:2: column "price": "0.1234567891" has 10 digits behind the point, the column 9`)
			rows("id\n1\n3\n", "select id from {{ ref \"m\" }} order by id")
		})
	}
}

// TestIngestParquet: the types of Parquet come as types of the warehouse.
func TestIngestParquet(t *testing.T) {
	for _, target := range []string{"duckdb", "postgres"} {
		t.Run(target, func(t *testing.T) {
			f := newFolder(t)
			f.write("engine.yml", "name: shop\ntarget: dev\ntargets: {dev: {type: duckdb, path: x.duckdb, schema: main}}\n")
			if target == "postgres" {
				server := pg.Shared(t)
				f.write("engine.yml", "name: shop\ntarget: dev\ntargets: {dev: "+onPostgres(server, server.Database(t), "main")+"}\n")
			}
			f.write("models/s.yml", `
version: 2
sources:
  - name: raw
    schema: raw
    ingest: {kind: files, path: "data/*.parquet", deny_columns: [secret]}
    tables: [{name: parts, ingest: {columns: "*", transform: {mail: {truncate: 2}}}}]
`)
			f.write("data/note.txt", "not a Parquet file")
			parquetFile(t, filepath.Join(f.dir, "data", "a.parquet"), `select 1::integer as id, 1.50::decimal(10,2) as amount, 0.1::float as f, 1e300::double as d, true as ok,
				date '2024-01-31' as day, timestamp '2024-01-31 10:00:00.123456' as local, timestamptz '2024-01-31 10:00:00+02' as at, 'ä"b' as name, 'hush' as secret, 'eve' as mail,
				[1, 2] as list, {'a': 1, 'b': 'x'} as pair, '\x01\xFF'::blob as bytes, 18446744073709551615::ubigint as huge, time '10:00:00' as t`)
			parquetFile(t, filepath.Join(f.dir, "data", "b.parquet"), `select 2::bigint as id, null::decimal(10,2) as amount, null::float as f, 'nan'::double as d, null::boolean as ok,
				null::date as day, null::timestamp as local, null::timestamptz as at, '' as name, 'hush' as secret, null::varchar as mail,
				null::integer[] as list, null::struct(a integer, b varchar) as pair, null::blob as bytes, null::ubigint as huge, null::time as t`)
			contains(t, f.ends(exitDone, "ingest"), "raw.parts  full, 2 rows")
			query := `select id, cast(amount as string) as amount, f, ok, day, name, mail, to_json_string(list) as list, to_json_string(pair) as pair, bytes, cast(huge as string) as huge from {{ source "raw" "parts" }} order by id`
			want := "id,amount,f,ok,day,name,mail,list,pair,bytes,huge\n" +
				"1,1.5,0.10000000149011612,true,2024-01-31,\"ä\"\"b\",ev,\"[1,2]\",\"{\"\"a\"\":1,\"\"b\"\":\"\"x\"\"}\",01ff,18446744073709551615\n" +
				"2,,,,,,,null,null,,\n"
			if diff := cmp.Diff(want, f.ends(exitDone, "show", "--inline", query, "--output", "csv")); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if strings.Contains(f.read("engine.lock.json"), "hush") {
				t.Error("a denied value is in the lock")
			}
			contains(t, f.ends(exitDone, "ingest"), "raw.parts  unchanged")
			f.write("data/c.parquet", "this is none")
			contains(t, f.ends(exitFailed, "ingest"), `the files of "raw.parts" cannot be read`, "data/c.parquet: ")
		})
	}
}
