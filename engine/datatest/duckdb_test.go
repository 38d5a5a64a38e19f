package datatest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// open makes an empty database in a file of its own.
func open(t *testing.T) warehouse.Conn {
	t.Helper()
	dir := t.TempDir()
	conn, err := duckdb.Driver{}.Open(context.Background(), warehouse.Config{
		Type: "duckdb", Dir: dir, Fields: map[string]string{"path": ":memory:"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func exec(t *testing.T, conn warehouse.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), warehouse.Statement{SQL: s}); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
}

func query(t *testing.T, conn warehouse.Conn, sql string) ([]warehouse.Column, [][]any) {
	t.Helper()
	rows, err := conn.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	defer rows.Close()
	var out [][]any
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return rows.Columns(), out
}

func integer(t *testing.T, v any) int64 {
	t.Helper()
	var n int64
	if v == nil {
		return 0
	}
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		t.Fatalf("%v is not a number", v)
	}
	return n
}

const fixture = `
create schema s;
create table s.customers (id integer, name varchar);
insert into s.customers values (1, 'Ann'), (2, 'Bob'), (null, 'Nobody');
create table s.orders (id integer, customer_id integer, status varchar, amount double, note varchar, code varchar, "odd ""na'me" integer, "at" timestamp, day date, nothing integer);
insert into s.orders values
  (1, 1, 'open', 1.5, 'x', 'AB-1', 1, now()::timestamp, current_date, null),
  (2, 1, 'it''s', 0, ' ', 'AB-22', 1, now()::timestamp - interval 3 day, current_date - 3, null),
  (2, 9, 'open', -1, '', 'ab', null, null, null, null),
  (null, null, null, null, null, null, 2, null, null, null),
  (5, 2, 'lost', 2, 'y', '', 3, null, null, null),
  (5, 8, 'lost', 3, 'z', 'AB-3', 4, null, null, null),
  (5, 8, 'gone', 4, 'z', 'AB-4', 5, null, null, null);
create table s.empty (id integer, "at" timestamp);
create table s.seq (g varchar, n integer, d date);
insert into s.seq values ('a', 1, '2024-01-01'), ('a', 2, '2024-02-01'), ('a', 3, '2024-03-01'), ('b', 5, '2024-01-01'), ('b', 6, '2024-02-02'), ('b', null, null),
  ('c', 7, '2024-01-01'), ('c', 8, '2024-01-15');
create table s.spans (g varchar, a integer, b integer);
insert into s.spans values ('x', 1, 3), ('x', 3, 5), ('x', 6, 9), ('y', 2, 2), ('y', 4, 8), (null, null, 1);
`

type cfg = datatest.Config

type args = map[string]any

// everyKind are tests of the fixture, with the number of their failures.
var everyKind = []struct {
	kind, node, column string
	args               args
	cfg                cfg
	want               int64 // failures
	sentence           string
}{
	{"unique", "orders", "id", nil, cfg{}, 2, `"id" of orders is unique`}, // 2 and 5; NULL aside
	{"unique", "orders", "odd \"na'me", nil, cfg{}, 1, `"odd \"na'me" of orders is unique`},
	{"unique", "orders", "id", nil, cfg{Where: "status = 'lost' -- only those"}, 1, ""},
	{"unique", "orders", "", args{"column_name": "coalesce(id, 0) || status || amount"}, cfg{}, 0, ""},
	{"unique", "customers", "id", nil, cfg{}, 0, ""},
	{"unique", "orders", "id", nil, cfg{Limit: 1}, 1, ""},
	{"unique", "orders", "id", nil, cfg{FailCalc: "sum(n_records)"}, 5, ""},
	{"not_null", "orders", "id", nil, cfg{}, 1, `"id" of orders is never null`},
	{"not_null", "orders", "odd \"na'me", nil, cfg{}, 1, ""},
	{"not_null", "orders", "id", nil, cfg{Where: "status is not null"}, 0, `"id" of orders is never null where status is not null`},
	{"not_null", "orders", "nothing", nil, cfg{Limit: 3}, 3, ""},
	{"not_null", "empty", "id", nil, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_values_to_not_be_null", "orders", "id", nil, cfg{}, 1, ""},
	{"accepted_values", "orders", "status", args{"values": []any{"open", "it's"}}, cfg{}, 2, `"status" of orders is one of "open", "it's"`}, // lost and gone
	{"accepted_values", "orders", "status", args{"values": []any{"open", "it's", "lost", "gone", nil}}, cfg{}, 0, ""},
	{"accepted_values", "orders", "id", args{"values": []any{int64(1), int64(2), int64(5)}}, cfg{}, 0, `"id" of orders is one of 1, 2, 5`},
	{"accepted_values", "orders", "id", args{"values": []any{int64(1)}, "quote": false}, cfg{}, 2, ""},
	{"relationships", "orders", "customer_id", args{"to": "ref('customers')", "field": "id"}, cfg{}, 3, `"customer_id" of orders occurs in "id" of customers`},
	{"relationships", "orders", "customer_id", args{"to": "ref('customers')", "field": "id"}, cfg{Where: "customer_id < 3"}, 0, ""},
	{"relationships", "orders", "id", args{"to": "ref('orders')", "field": "id"}, cfg{}, 0, ""},
	{"relationships", "orders", "odd \"na'me", args{"to": "ref('orders')", "field": "(id + 0)"}, cfg{}, 2, ""}, // 3 and 4
	{"expression", "orders", "", args{"expression": "amount >= 0"}, cfg{}, 1, "amount >= 0 in orders"},
	{"expression", "orders", "amount", args{"expression": ">= 0 -- not negative"}, cfg{}, 1, `"amount" of orders is >= 0 -- not negative`},
	{"dbt_utils.expression_is_true", "orders", "", args{"expression": "amount is null or id + 0 = id"}, cfg{}, 0, ""},
	{"range", "orders", "amount", args{"min_value": int64(0)}, cfg{}, 1, `"amount" of orders is greater than or equal to 0`},
	{"range", "orders", "amount", args{"min_value": int64(0), "max_value": 3.0, "inclusive": false}, cfg{}, 4, `"amount" of orders is greater than 0 and less than 3`},
	{"dbt_utils.accepted_range", "orders", "amount", args{"min_value": "id - 10", "max_value": "(4 + 0)"}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_values_to_be_between", "orders", "amount", args{"min_value": int64(-1), "strictly": true}, cfg{}, 1, ""},
	{"range", "orders", "day", args{"min_value": "2000-01-01", "max_value": "2999-12-31"}, cfg{}, 0, ""},
	{"range", "orders", "at", args{"min_value": "2999-01-01 00:00:00"}, cfg{}, 2, ""},
	{"regex", "orders", "code", args{"pattern": `^AB-\d+$`}, cfg{}, 2, `"code" of orders matches ^AB-\d+$`},
	{"regex", "orders", "code", args{"pattern": `\d`, "not": true}, cfg{}, 4, ""},
	{"regex", "orders", "status", args{"pattern": `'|^[a-z]+$`}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_values_to_not_match_regex", "orders", "code", args{"regex": "zz"}, cfg{}, 0, ""},
	{"row_count", "orders", "", args{"min": int64(1), "max": int64(7)}, cfg{}, 0, "orders has at least 1 and at most 7 rows"},
	{"row_count", "orders", "", args{"max": int64(6)}, cfg{}, 1, ""},
	{"row_count", "empty", "", args{"min": int64(1)}, cfg{}, 1, ""},
	{"row_count", "orders", "", args{"equals": int64(2)}, cfg{Where: "status = 'lost'"}, 0, ""},
	{"dbt_expectations.expect_table_row_count_to_equal", "orders", "", args{"value": int64(8)}, cfg{}, 1, ""},
	{"unique_combination", "orders", "", args{"combination_of_columns": []any{"id", "status"}}, cfg{}, 1, "(id, status) is unique in orders"},
	{"unique_combination", "orders", "", args{"combination_of_columns": []any{"id", "odd \"na'me"}, "quote_columns": true}, cfg{}, 0, ""},
	{"dbt_utils.unique_combination_of_columns", "orders", "", args{"combination_of_columns": []any{"nothing", "coalesce(status, 'x')"}}, cfg{}, 2, ""},
	{"recency", "orders", "", args{"field": "at", "datepart": "day", "interval": int64(1)}, cfg{}, 0, `the newest "at" of orders is at most 1 day old`},
	{"dbt_utils.recency", "orders", "", args{"field": "day", "datepart": "hour", "interval": int64(30)}, cfg{}, 0, ""},
	{"recency", "orders", "", args{"field": "at", "datepart": "hour", "interval": int64(5)}, cfg{Where: "id = 2"}, 1, ""},
	{"recency", "orders", "", args{"field": "at", "datepart": "week", "interval": int64(1)}, cfg{Where: "id = 2"}, 0, ""},
	{"recency", "empty", "", args{"field": "at", "datepart": "minutes", "interval": int64(5)}, cfg{}, 0, ""},
	{"freshness", "empty", "", args{"field": "at", "datepart": "minutes", "interval": int64(5)}, cfg{}, 1, ""},
	{"freshness", "orders", "", args{"field": "at", "datepart": "minutes", "interval": int64(5)}, cfg{}, 0, ""},
	{"not_empty_string", "orders", "note", nil, cfg{}, 2, `"note" of orders is never empty`},
	{"not_empty_string", "orders", "note", args{"trim_whitespace": false}, cfg{}, 1, ""},
	{"not_empty_string", "customers", "name", nil, cfg{}, 0, ""},
	{"at_least_one", "orders", "nothing", nil, cfg{}, 1, `"nothing" of orders has at least one value`},
	{"at_least_one", "orders", "id", nil, cfg{}, 0, ""},
	{"at_least_one", "empty", "id", nil, cfg{}, 1, ""},
	{"equal_rowcount", "orders", "", args{"compare_model": "ref('customers')"}, cfg{}, 4, "orders has as many rows as customers"},
	{"equal_rowcount", "orders", "", args{"compare_model": "ref('orders')"}, cfg{}, 0, ""},
	{"relationships", "orders", "customer_id", args{"to": "ref('customers')", "field": "id", "from_condition": "customer_id < 9", "to_condition": "name <> 'Ann' or name is null"}, cfg{}, 4, ""},
	{"dbt_utils.relationships_where", "orders", "customer_id", args{"to": "ref('customers')", "field": "id", "from_condition": "customer_id < 3"}, cfg{Where: "id > 0"}, 0, ""},
	{"dbt_expectations.expect_column_values_to_be_unique", "orders", "id", args{"row_condition": "id > 2"}, cfg{}, 1, `"id" of orders is unique where id > 2`},
	{"dbt_expectations.expect_column_values_to_be_between", "orders", "amount", args{"min_value": int64(2), "row_condition": "status = 'lost'"}, cfg{Where: "id = 5"}, 0, `"amount" of orders is greater than or equal to 2 where id = 5 and status = 'lost'`},
	{"dbt_expectations.expect_column_values_to_be_null", "orders", "nothing", nil, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_values_to_be_null", "orders", "id", nil, cfg{}, 6, ""},
	{"dbt_expectations.expect_column_pair_values_to_be_equal", "orders", "", args{"column_A": "id", "column_B": "customer_id"}, cfg{}, 5, ""},
	{"dbt_expectations.expect_column_pair_values_A_to_be_greater_than_B", "orders", "", args{"column_A": "id", "column_B": "customer_id", "or_equal": true}, cfg{}, 3, ""},
	{"dbt_expectations.expression_is_true", "orders", "", args{"expression": "amount > 0", "row_condition": "id = 5"}, cfg{}, 0, ""},
	{"in_set", "orders", "status", args{"values": []any{"open", "it's", "lost", "gone"}}, cfg{}, 1, `"status" of orders is always one of "open", "it's", "lost", "gone"`},
	{"dbt_expectations.expect_column_values_to_be_in_set", "orders", "id", args{"value_set": []any{int64(1), int64(2), int64(5)}, "quote_values": false, "row_condition": "id is not null"}, cfg{}, 0, ""},
	{"not_in_set", "orders", "status", args{"values": []any{"lost"}}, cfg{}, 2, `"status" of orders is none of "lost"`},
	{"dbt_utils.not_accepted_values", "orders", "status", args{"values": []any{"found"}}, cfg{}, 0, ""},
	{"not_null_proportion", "orders", "status", args{"at_least": 0.9}, cfg{}, 1, `"status" of orders has a value in at least 0.9 of the rows`},
	{"dbt_utils.not_null_proportion", "orders", "status", args{"at_least": 0.85, "at_most": int64(1)}, cfg{}, 0, ""},
	{"not_null_proportion", "orders", "nothing", args{"at_most": 0.5, "at_least": 0.0, "group_by_columns": []any{"status"}}, cfg{}, 0, ""},
	{"not_null_proportion", "empty", "id", args{"at_least": 1.0}, cfg{}, 0, ""},
	{"not_constant", "orders", "id", nil, cfg{}, 0, `"id" of orders has more than one value`},
	{"dbt_utils.not_constant", "orders", "status", nil, cfg{Where: "status = 'lost'"}, 1, ""},
	{"not_constant", "orders", "id", args{"group_by_columns": "status"}, cfg{}, 3, ""},
	{"not_constant", "empty", "id", nil, cfg{}, 0, ""},
	{"at_least_one", "orders", "day", args{"group_by_columns": []any{"status"}}, cfg{}, 3, `"day" of orders has at least one value in each group of status`},
	{"recent", "orders", "at", args{"datepart": "hour", "interval": int64(1)}, cfg{}, 0, `a row of orders is at most 1 hour old by "at"`},
	{"dbt_expectations.expect_row_values_to_have_recent_data", "orders", "at", args{"datepart": "day", "interval": int64(2), "row_condition": "id = 2"}, cfg{}, 1, ""},
	{"recent", "empty", "at", args{"datepart": "year", "interval": int64(10)}, cfg{}, 1, ""},
	{"dbt_utils.recency", "orders", "", args{"field": "at", "datepart": "month", "interval": int64(1), "ignore_time_component": true}, cfg{}, 0, ""},
	{"dbt_utils.recency", "orders", "", args{"field": "at", "datepart": "day", "interval": int64(2), "group_by_columns": "status"}, cfg{}, 1, ""},
	{"aggregate", "orders", "amount", args{"function": "max", "min_value": int64(4), "max_value": int64(4)}, cfg{}, 0, `max of "amount" of orders is at least 4 and at most 4`},
	{"dbt_expectations.expect_column_max_to_be_between", "orders", "amount", args{"max_value": int64(4), "strictly": true}, cfg{}, 1, ""},
	{"dbt_expectations.expect_column_min_to_be_between", "orders", "amount", args{"min_value": int64(-1)}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_sum_to_be_between", "orders", "amount", args{"min_value": int64(10), "row_condition": "status = 'lost'"}, cfg{}, 1, ""},
	{"dbt_expectations.expect_column_mean_to_be_between", "orders", "amount", args{"min_value": int64(0), "group_by": []any{"status"}}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_stdev_to_be_between", "orders", "amount", args{"min_value": int64(1), "max_value": int64(2)}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_unique_value_count_to_be_between", "orders", "status", args{"min_value": int64(5)}, cfg{}, 1, ""},
	{"dbt_expectations.expect_column_distinct_count_to_equal", "orders", "status", args{"value": int64(4)}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_proportion_of_unique_values_to_be_between", "orders", "status", args{"max_value": 0.7}, cfg{}, 0, ""},
	{"aggregate", "empty", "id", args{"function": "max", "min_value": int64(4)}, cfg{}, 0, ""},
	{"text_length", "orders", "code", args{"min": int64(2)}, cfg{}, 1, `"code" of orders has at least 2 characters`},
	{"dbt_expectations.expect_column_value_lengths_to_equal", "orders", "code", args{"value": int64(4), "row_condition": "code like 'AB-_'"}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_value_lengths_to_be_between", "orders", "code", args{"min_value": int64(0), "max_value": int64(5), "strictly": true}, cfg{}, 2, ""},
	{"like", "orders", "code", args{"pattern": "AB%"}, cfg{}, 2, `"code" of orders is like AB%`},
	{"dbt_expectations.expect_column_values_to_not_match_like_pattern", "orders", "code", args{"like_pattern": "%zz%"}, cfg{}, 0, ""},
	{"dbt_expectations.expect_table_row_count_to_be_between", "orders", "", args{"min_value": int64(7), "max_value": int64(9), "strictly": true}, cfg{}, 1, ""},
	{"dbt_expectations.expect_table_row_count_to_be_between", "orders", "", args{"min_value": int64(2), "group_by": []any{"status"}, "row_condition": "status is not null"}, cfg{}, 2, ""},
	{"sequential_values", "seq", "n", nil, cfg{}, 1, `"n" of seq goes up by 1`},
	{"dbt_utils.sequential_values", "seq", "n", args{"interval": int64(2)}, cfg{Where: "n in (1, 3, 5)"}, 0, ""},
	{"sequential_values", "seq", "d", args{"datepart": "month", "group_by_columns": []any{"g"}}, cfg{}, 2, `"d" of seq goes up by 1 month in each group of g`},
	{"sequential_values", "seq", "d", args{"datepart": "weeks", "interval": int64(2)}, cfg{Where: "g = 'c'"}, 0, ""},
	{"sequential_values", "empty", "id", nil, cfg{}, 0, ""},
	{"mutually_exclusive_ranges", "spans", "", args{"lower_bound_column": "a", "upper_bound_column": "b"}, cfg{Where: "a is not null"}, 4, `ranges from "a" to "b" of spans do not overlap where a is not null`},
	{"dbt_utils.mutually_exclusive_ranges", "spans", "", args{"lower_bound_column": "a", "upper_bound_column": "b", "partition_by": "g"}, cfg{}, 2, ""},
	{"mutually_exclusive_ranges", "spans", "", args{"lower_bound_column": "a", "upper_bound_column": "b", "partition_by": "g", "zero_length_range_allowed": true}, cfg{Where: "a is not null"}, 0, ""},
	{"mutually_exclusive_ranges", "spans", "", args{"lower_bound_column": "a", "upper_bound_column": "b", "gaps": "not_allowed"}, cfg{Where: "g = 'x'"}, 1, ""},
	{"mutually_exclusive_ranges", "spans", "", args{"lower_bound_column": "a", "upper_bound_column": "b", "gaps": "required"}, cfg{Where: "g = 'x'"}, 1, ""},
	{"fewer_rows_than", "customers", "", args{"compare_model": "ref('orders')"}, cfg{}, 0, "customers has fewer rows than orders"},
	{"dbt_utils.fewer_rows_than", "orders", "", args{"compare_model": "ref('customers')"}, cfg{}, 5, ""},
	{"cardinality_equality", "orders", "id", args{"to": "ref('orders')", "field": "id"}, cfg{}, 0, ""},
	{"dbt_utils.cardinality_equality", "customers", "id", args{"to": "ref('orders')", "field": "id"}, cfg{}, 3, ""},
	{"equality", "customers", "", args{"compare_model": "ref('customers')", "compare_columns": []any{"id", "name"}}, cfg{}, 0, "customers and customers have the same rows in id, name"},
	{"dbt_utils.equality", "customers", "", args{"compare_model": "ref('orders')", "compare_columns": []any{"id"}}, cfg{}, 1, ""},
	{"unique_combination", "orders", "", args{"combination_of_columns": []any{"nothing", "status"}, "ignore_row_if": "any_value_is_missing"}, cfg{}, 0, ""},
	{"dbt_expectations.expect_compound_columns_to_be_unique", "orders", "", args{"column_list": []any{"id", "status"}, "row_condition": "id > 1"}, cfg{}, 1, ""},
	{"dbt_expectations.expect_compound_columns_to_be_unique", "orders", "", args{"column_list": []any{"nothing", "day"}}, cfg{}, 0, ""},
	{"column_exists", "orders", "Customer_ID", nil, cfg{}, 0, `orders has a column "Customer_ID"`},
	{"column_exists", "orders", "odd \"na'me", args{"column_index": int64(7)}, cfg{}, 0, ""},
	{"dbt_expectations.expect_column_to_exist", "orders", "customer_id", args{"column_index": int64(3), "transform": "lower"}, cfg{}, 1, ""},
	{"dbt_expectations.expect_column_to_exist", "empty", "ustomer_id", nil, cfg{}, 1, ""},
	{"column_exists", "empty", "id", args{"column_index": int64(1)}, cfg{}, 0, ""},
	{"column_type", "empty", "id", args{"types": []any{"Integer", "int64"}}, cfg{}, 0, `"id" of empty has the type Integer or int64`},
	{"dbt_expectations.expect_column_values_to_be_in_type_list", "orders", "day", args{"column_type_list": []any{"timestamp", "bigint"}}, cfg{}, 1, ""},
	{"columns", "empty", "", args{"exactly": []any{"AT", "id"}}, cfg{}, 0, "empty has the columns AT, id"},
	{"dbt_expectations.expect_table_columns_to_match_set", "customers", "", args{"column_list": []any{"id"}, "transform": "upper"}, cfg{}, 1, ""},
	{"dbt_expectations.expect_table_columns_to_match_ordered_list", "customers", "", args{"column_list": []any{"id", "name"}}, cfg{}, 0, ""},
	{"dbt_expectations.expect_table_columns_to_match_ordered_list", "customers", "", args{"column_list": []any{"name", "id"}}, cfg{}, 1, ""},
	{"dbt_expectations.expect_table_columns_to_contain_set", "orders", "", args{"column_list": []any{"id", "odd \"na'me"}}, cfg{}, 0, ""},
	{"dbt_expectations.expect_table_columns_to_not_contain_set", "orders", "", args{"column_list": []any{"x", "day"}}, cfg{}, 1, ""},
	{"dbt_expectations.expect_table_column_count_to_equal", "orders", "", args{"value": int64(10)}, cfg{}, 0, ""},
	{"dbt_expectations.expect_table_column_count_to_be_between", "customers", "", args{"min_value": int64(3)}, cfg{}, 1, ""},
}

// TestEveryKind: every test finds the same failures in every warehouse, alone and together with others.
func TestEveryKind(t *testing.T) {
	t.Run("duckdb", func(t *testing.T) { testEveryKind(t, open(t), fixture) })
	t.Run("postgres", func(t *testing.T) {
		s := pg.Shared(t)
		conn, err := postgres.Driver{}.Open(context.Background(), warehouse.Config{Type: "postgres", Dir: t.TempDir(), Fields: s.Fields(s.Database(t))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		testEveryKind(t, conn, strings.NewReplacer("double,", "double precision,", "current_date", "(now() at time zone 'UTC')::date", "now()::timestamp", "(now() at time zone 'UTC')", "interval 3 day", "interval '3 days'").Replace(fixture))
	})
	t.Run("bigquery", func(t *testing.T) {
		conn, err := bigquery.Driver{}.Open(context.Background(), warehouse.Config{Type: "bigquery", Dir: t.TempDir(), Fields: map[string]string{"project": "test-project", "api_endpoint": bqpeer.Start(t).URL}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		testEveryKind(t, conn, strings.NewReplacer("create schema s", "drop schema if exists s cascade;\ncreate schema s", "integer", "int64", "varchar", "string", "double,", "float64,", `"odd ""na'me"`, "odd", `"at"`, "at",
			"now()::timestamp - interval 3 day", "timestamp_sub(current_timestamp(), interval 3 day)", "now()::timestamp", "current_timestamp()", "current_date - 3", "date_sub(current_date(), interval 3 day)", "current_date,", "current_date(),", "it''s", "it\\'s").Replace(fixture))
	})
}

func testEveryKind(t *testing.T, conn warehouse.Conn, fixture string) {
	exec(t, conn, strings.Split(strings.TrimSuffix(strings.TrimSpace(fixture), ";"), ";\n")...)
	google := conn.Dialect().Name() == "bigquery"
	passes, fails := map[string]bool{}, map[string]bool{}
	var counted []datatest.Query
	var counts []int64
	for _, c := range everyKind {
		name, shown := conn.Dialect().Name(), fmt.Sprint(c.column, c.args)
		switch {
		case google && strings.Contains(shown, `odd "na'me`): // no name of a column there
			continue
		case google && c.column == "id" && c.kind == "accepted_values" && c.args["quote"] == nil: // numbers are no texts there
			continue
		case name == "postgres" && strings.Contains(shown, "'|^[a-z]+$"): // a pattern without a counterpart
			continue
		}
		t.Run(fmt.Sprintf("%s/%s/%d", c.kind, c.column, c.want), func(t *testing.T) {
			var shape []warehouse.Column
			if kind, _ := datatest.Lookup(c.kind); google && kind.Shape {
				there, err := conn.Inspect(context.Background(), []addr.Relation{{Schema: "s", Name: c.node}})
				if err != nil || len(there) != 1 {
					t.Fatal(there, err)
				}
				shape = there[0].Columns
			}
			q := rendered(t, conn.Dialect(), c.kind, c.node, c.column, c.args, c.cfg, shape)
			if c.sentence != "" && q.Sentence != c.sentence {
				t.Errorf("sentence %q, want %q", q.Sentence, c.sentence)
			}
			count := datatest.CountQuery(q)
			lacks := google && strings.Contains(q.Rows, "having") && !strings.Contains(q.Rows, "group by")
			if lacks { // the emulator has no such having; the count over the rows says the same
				count = datatest.BatchQuery([]datatest.Query{q})
			}
			_, rows := query(t, conn, count)
			if got := integer(t, rows[0][0]); got != c.want {
				t.Errorf("%d failures, want %d\n%s", got, c.want, q.Rows)
			}
			if !lacks {
				if _, failing := query(t, conn, q.Rows); (len(failing) == 0) != (c.want == 0) {
					t.Errorf("%d failing rows for %d failures\n%s", len(failing), c.want, q.Rows)
				}
			}
			if q.Count != "" {
				counted, counts = append(counted, q), append(counts, c.want)
			}
			if kind := datatest.Canonical(c.kind); c.want == 0 {
				passes[kind] = true
			} else {
				fails[kind] = true
			}
		})
	}
	for _, k := range datatest.Kinds {
		if !passes[k.Name] || !fails[k.Name] {
			t.Errorf("kind %s lacks a case that passes or one that fails", k.Name)
		}
	}
	checkBatches(t, conn, counted, counts)
}

// checkBatches runs all tests that can be counted together as few queries as possible.
func checkBatches(t *testing.T, conn warehouse.Conn, tests []datatest.Query, want []int64) {
	t.Helper()
	groups := datatest.Batch(tests)
	if len(groups) > len(tests)/2 {
		t.Errorf("%d tests are %d groups", len(tests), len(groups))
	}
	for _, g := range groups {
		var members []datatest.Query
		for _, i := range g {
			members = append(members, tests[i])
		}
		_, rows := query(t, conn, datatest.BatchQuery(members))
		for k, i := range g {
			if got := integer(t, rows[0][k]); got != want[i] {
				t.Errorf("%s of %q: counted %d together, want %d\n%s", tests[i].Kind, tests[i].Column, got, want[i], tests[i].Count)
			}
		}
	}
}

// rendered takes a test the way of the engine: Check, resolve references, Render.
func rendered(t *testing.T, d warehouse.Dialect, kind, node, column string, args map[string]any, c cfg, shape []warehouse.Column) datatest.Query {
	t.Helper()
	w := &project.Test{Kind: project.Value[string]{V: kind}, Column: column, Args: map[string]project.Value[any]{}}
	for name, v := range args {
		w.Args[name] = project.Value[any]{V: v}
	}
	checked, ds := datatest.Check(w, nil)
	if len(ds) > 0 {
		t.Fatalf("check: %v", ds)
	}
	for name, v := range checked {
		if text, ok := v.(string); ok {
			if _, ref, err := datatest.ParseRef(text); err == nil {
				checked[name] = addr.Node{Kind: addr.Model, Name: ref[0]}
			}
		}
	}
	q, ds := datatest.Render(&datatest.Test{
		ID: addr.Node{Kind: addr.Test, Name: "t"}, Kind: kind, Node: addr.Node{Kind: addr.Model, Name: node}, Column: column, Args: checked, Config: c, Shape: shape,
	}, datatest.In{Dialect: d, Read: func(n addr.Node) string { return d.Quote(addr.Relation{Schema: "s", Name: n.Name}) }})
	if len(ds) > 0 {
		t.Fatalf("render: %v", ds)
	}
	return q
}

func TestBoundTests(t *testing.T) {
	conn := open(t)
	in := datatest.In{Dialect: conn.Dialect(), Bound: "select * from range(5) as r(i) where i > 1 -- end"}
	for _, c := range []struct {
		test     datatest.Test
		want     int64
		sentence string
	}{
		{datatest.Test{ID: addr.Node{Kind: addr.Test, Name: "assert_x"}, Kind: "singular"}, 3, "assert_x finds no rows"},
		{datatest.Test{Kind: "singular", Description: "no i above 1 ", Config: cfg{Limit: 2}}, 2, "no i above 1"},
		{datatest.Test{Kind: "positive", Node: addr.Node{Kind: addr.Model, Name: "orders"}, Column: "i", Config: cfg{FailCalc: "max(i)"}}, 4, `"i" of orders passes positive`},
		{datatest.Test{Kind: "even", Node: addr.Node{Kind: addr.Model, Name: "orders"}}, 3, `orders passes even`},
	} {
		q, ds := datatest.Render(&c.test, in)
		if len(ds) > 0 {
			t.Fatal(ds)
		}
		if _, rows := query(t, conn, datatest.BatchQuery([]datatest.Query{q})); integer(t, rows[0][0]) != c.want {
			t.Errorf("%s: %v failures, want %d", c.sentence, rows[0][0], c.want)
		}
		if q.Sentence != c.sentence {
			t.Errorf("sentence %q, want %q", q.Sentence, c.sentence)
		}
	}
	if _, ds := datatest.Render(&datatest.Test{Kind: "nonsense"}, datatest.In{Dialect: conn.Dialect()}); !ds.HasErrors() {
		t.Error("an unknown kind gave no diagnostic")
	}
}

func TestRowsSQL(t *testing.T) {
	conn := open(t)
	cols := []warehouse.Column{
		{Name: "id", Type: "INTEGER"}, {Name: "Odd \"name", Type: "VARCHAR"}, {Name: "d", Type: "DATE"}, {Name: "x", Type: "DECIMAL(10,2)"},
		{Name: "tags", Type: "VARCHAR[]"}, {Name: "s", Type: "STRUCT(a INTEGER, b VARCHAR)"}, {Name: "free"},
	}
	row := func(cells ...any) project.Row {
		r := project.Row{Cells: map[string]project.Value[any]{}}
		for i := 0; i < len(cells); i += 2 {
			r.Order = append(r.Order, cells[i].(string))
			r.Cells[cells[i].(string)] = project.Value[any]{V: cells[i+1]}
		}
		return r
	}
	rows := []project.Row{
		row("ID", int64(1), "Odd \"name", "it's", "d", "2024-02-29", "x", 1.5, "tags", []any{"a", "b c"}, "s", map[string]any{"a": int64(7), "b": "z"}, "free", int64(3)),
		row("x", int64(2)),
		row(),
	}
	got, values := query(t, conn, "select id::varchar, \"Odd \"\"name\", d::varchar, x::varchar, tags[2], s.a::varchar || s.b, free::varchar from ("+datatest.RowsSQL(cols, rows, conn.Dialect())+") as r order by id nulls last, x nulls last")
	want := [][]any{{"1", "it's", "2024-02-29", "1.50", "b c", "7z", "3"}, {nil, nil, nil, "2.00", nil, nil, nil}, {nil, nil, nil, nil, nil, nil, nil}}
	if d := cmp.Diff(want, values); d != "" {
		t.Error(d)
	}
	_ = got
	empty, none := query(t, conn, datatest.RowsSQL(cols[:4], nil, conn.Dialect()))
	if len(none) != 0 {
		t.Errorf("no rows gave %v", none)
	}
	for i, c := range empty {
		if c.Name != cols[i].Name || c.Type != cols[i].Type {
			t.Errorf("column %d is %s %s, want %s %s", i, c.Name, c.Type, cols[i].Name, cols[i].Type)
		}
	}
	if _, none := query(t, conn, datatest.RowsSQL(nil, nil, conn.Dialect())); len(none) != 0 {
		t.Errorf("no columns gave %v", none)
	}
}
