package project

// Place is one sort of mapping in a project's YAML, with the keys that it takes. Config keys
// are not among them, see ConfigKeys and TestConfigKeys.
type Place struct {
	Name string
	// File is one that it may stand in: engine.yml, or any properties file.
	File string
	// Example is a file with such a mapping, «%s» where one more key goes.
	Example string
	// Paths lead to it from the top of the file: keys with dots between them, «[]» behind the
	// key of a list, «*» for a name that the project chooses; empty: the file itself.
	Paths []string
	Keys  []PlaceKey
}

// PlaceKey is a key of a Place: the shape of its value and what it says, for people, in
// Markdown whose links lead from the folder of the documentation.
type PlaceKey struct{ Name, Shape, Help string }

var (
	placeDescription = PlaceKey{"description", "text", "what it is; `{{ doc \"name\" }}` puts in a docs block"}
	placeMeta        = PlaceKey{"meta", "mapping", "anything that tools and people want to note"}
	placeTags        = PlaceKey{"tags", "list of texts", "words to select by"}
	placeConfig      = PlaceKey{"config", "mapping", "configuration, see [below](#configuration)"}
	placeColumns     = PlaceKey{"columns", "list", "columns"}
	placeConstraints = PlaceKey{"constraints", "list", "[constraints](storage.md#constraints)"}
	placeDataTests   = PlaceKey{"data_tests", "list", "[tests](tests.md)"}
	placeOldTests    = PlaceKey{"tests", "list", "dbt's earlier name of `data_tests`"}
	placeDocsKey     = PlaceKey{"docs", "mapping of `show`, `node_color`", "how the catalog shows it"}
	placeOwner       = PlaceKey{"owner", "text", "who answers for it"}
	placeTier        = PlaceKey{"tier", "text", "its role: stg, int, dim, fct, report"}
	placeGroup       = PlaceKey{"group", "text", "the group that owns it"}
)

func placeName(what string) PlaceKey {
	return PlaceKey{"name", "text", "name of the " + what + "; required"}
}

// placeIngestKeys are those of ingest that a source and each of its tables can have.
var placeIngestKeys = []PlaceKey{
	{"deny_columns", "list of patterns", "columns that never leave, by regular expressions of RE2; they hold over every list. A table's are added to those of its source"},
	{"drift", "mapping", "what a change at the remote leads to, see below"},
	{"materialized", "`table`, `view`", "foreign and federated: whether the rows are kept; default `table`"},
	{"path", "list of files, folders and patterns", "files: relative to engine.yml; `{table}` stands for the name of the table; required there"},
	{"format", "`csv`, `ndjson`, `parquet`", "files: default: by the names"},
	{"delimiter", "one character", "files: of CSV; default a comma"},
	{"header", "true, false or list of names", "files: whether the first line names the columns, or the names of all fields of files without one; default true"},
	{"null", "list of texts", "files: what stands for NULL besides the empty field"},
	{"encoding", "`utf-8`, `utf-16`, `latin1`, `windows-1252`", "files: default `utf-8`"},
	{"max_rejects", "number", "files: how many records may be left out because they cannot be read; default 0"},
	{"mode", "`replace`, `append`", "files: the table is what the files hold that are there, or gets the rows of new ones; default `replace`"},
}

// Places are the mappings of all YAML files. A test asks the loader whether their keys are all there are.
var Places = []Place{
	{"settings", "engine.yml", "name: shop\n%s: 1\n", []string{""}, []PlaceKey{
		{"name", "text", "name of the project: letters, digits and underscores; required"},
		{"version", "text", "a note for people"},
		{"dialect", "`googlesql`, `duckdb`, `postgres`, `bigquery`", "the language of SQL that does not name another one, see [dialects.md](dialects.md); default `googlesql`"},
		{"format", "mapping", "what `engine fmt` makes of SQL files, see [formatting](formatting.md#the-choices)"},
		{"check", "mapping", "what `engine check` looks for besides mistakes, see [checking](check.md#settings)"},
		{"vars", "mapping", "variables for `{{ var \"name\" }}`"},
		{"model-paths", "list of folders", "default `[models]`"},
		{"seed-paths", "list of folders", "default `[seeds]`"},
		{"snapshot-paths", "list of folders", "default `[snapshots]`"},
		{"test-paths", "list of folders", "default `[tests]`; custom generic tests are in `generic` below"},
		{"function-paths", "list of folders", "`CREATE FUNCTION` statements for GoogleSQL models, see [dialects.md](dialects.md); default `[functions]`"},
		{"analysis-paths", "list of folders", "queries that are compiled and never run, see [hooks and operations](hooks.md#analyses); default `[analyses]`"},
		{"macro-paths", "list of folders", "default `[macros]`"},
		{"target-path", "folder", "where results go; default `target`"},
		{"on-run-start", "list of statements", "SQL before the first node, see [hooks](hooks.md)"},
		{"on-run-end", "list of statements", "SQL after the last one, see [hooks](hooks.md)"},
		{"publish", "`node`, `run`", "when readers see what a run has built: each node when it is done, or all together or nothing, see [publication](publication.md); default `node`"},
		{"keep_previous", "number, duration", "how many versions that were replaced are kept for `engine rollback`, or how long, for example `2`, `36h`, `7d`; default 0"},
		{"distribution", "mapping", "who the customers are, and what they get, see [distribution](distribution.md)"},
		{"metabase", "mapping", "the Metabase that is told what is known of the tables, see [Metabase](metabase.md)"},
		{"connections", "mapping", "databases that sources are ingested from, by name, see [ingestion](ingestion.md#connections)"},
		{"schedules", "list", "what `engine serve` does when, see [serving](serve.md)"},
		{"lookml", "mapping", "what `engine lookml` writes, see [Looker](looker.md)"},
		{"catalog", "mapping", "the catalog, and whom else a site of it is made for, see [the catalog](catalog.md#audiences)"},
		{"targets", "mapping", "where the project is built, by name; default: `dev`, of type duckdb"},
		{"default_target", "text", "the target that is taken without `--target`"},
		{"target", "text", "another name of `default_target`"},
		{"models", "mapping", "configuration of models by folder"},
		{"seeds", "mapping", "configuration of seeds by folder"},
		{"snapshots", "mapping", "configuration of snapshots by folder"},
		{"analyses", "mapping", "configuration of analyses by folder"},
		{"data_tests", "mapping", "configuration of tests by the folder of the file they stand in"},
		{"tests", "mapping", "dbt's earlier name of `data_tests`"},
	}},
	{"schedule", "engine.yml", "name: shop\nschedules:\n  - name: a\n    %s: 1\n", []string{"schedules[]"}, []PlaceKey{
		{"name", "text", "what it is called: `a-z`, `0-9`, `_` and `-`; required"},
		{"cron", "five fields, or `@hourly` …", "when it is due, on the clock of `timezone`, see [cron lines](#cron-lines)"},
		{"every", "duration", "instead of `cron`: the interval, from `1s`; counted from midnight UTC, so that restarts do not shift it"},
		{"after", "schedule", "instead of `cron`: it follows each successful run of that one"},
		{"timezone", "zone", "zone of `cron`, by its IANA name, for example `Europe/Berlin`; default `UTC`"},
		{"target", "target", "the target it works on; default: the project's"},
		{"phases", "list of `ingest`, `build`, `publish`, `metabase`", "what it does, in this order; default `[build]`"},
		{"select", "list of selectors", "what it builds, and with it the sources that this reads for `ingest`, see [selection](selection.md); default: all"},
		{"exclude", "list of selectors", "what it does not build"},
		{"overlap", "`skip`, `queue_one`, `cancel_previous`", "what happens when it is due and still at work, see [overlap](#overlap); default `skip`"},
		{"catchup_window", "duration", "how long ago it may have been due to be made up for, once; default `1h`"},
		{"deadline", "duration", "how long a run may take, waiting and retries included; default `1d`"},
		{"late_after", "duration", "how long after it was due a run has to have succeeded; otherwise `alerts` is told"},
		{"retry", "`none`, `from_failed`", "whether the phase that failed is tried once more; default `none`"},
		{"retry_delay", "duration", "how much later; default `1m`"},
		{"alerts", "address", "webhook that is told of failure, recovery and lateness, best as `${ENGINE_ALERTS}`"},
	}},
	{"lookml", "engine.yml", "name: shop\nlookml:\n  %s: 1\n", []string{"lookml"}, []PlaceKey{
		{"path", "folder", "the folder of the Looker project, relative to engine.yml or absolute; default `looker`"},
		{"generated", "folder", "where generated files go, below `path`; default `generated`"},
		{"refinements", "folder", "where `--refinements` puts refinements, below `path`; default `views`"},
		{"target", "target", "the target whose relations the views name; `--target` is stronger; default: the project's"},
		{"select", "list of selectors", "what has a view, see [selection](selection.md); default: all models but private ones. Ephemeral models have none in any case"},
		{"exclude", "list of selectors", "what has none"},
		{"prefix", "text", "beginning of the names of views"},
		{"timeframes", "list of words", "timeframes of dates and times whose column names none; default `raw`, `time`, `date`, `week`, `month`, `quarter`, `year`. Dates leave out those of the clock"},
	}},
	{"catalog", "engine.yml", "name: shop\ncatalog:\n  %s: 1\n", []string{"catalog"}, []PlaceKey{
		{"title", "text", "what readers see instead of the project's name"},
		{"audiences", "mapping of names", "whom sites of the catalog are made for besides the project's own people, see [below](#audiences)"},
		{"genealogy", "mapping", "where lots of material and the runs between them are, see [materials](materials.md)"},
	}},
	{"genealogy", "engine.yml", "name: shop\ncatalog:\n  genealogy:\n    %s: 1\n", []string{"catalog.genealogy"}, []PlaceKey{
		{"pages", "true or false", "the catalog always has pages of lots, which hold rows of the data; default: only with `--materials`"},
		{"ancestry", "model", "the ancestry model whose edges lead from lot to lot; default: the only one"},
		{"lots", "mapping of `ref`, `unit`, `columns`", "the relation with a row for each lot; default: the model called as the key of the edges"},
		{"runs", "mapping of `ref`, `kind`, `unit`, `columns`", "the relation with a row for each run"},
		{"flows", "mapping of `ref`, `kind`, `unit`, `columns`", "the relation with a row for each lot that goes into a run or comes out of it"},
		{"edges", "mapping of `kind`, `unit`, `columns`", "what the edges of the ancestry say besides their ends"},
		{"shipments", "mapping of `ref`, `unit`, `columns`, or a list", "relations with a row for each lot that leaves for somebody"},
		{"tenants", "list", "only lots of these tenants"},
		{"since", "day", "only lots that came to be on that day or later"},
		{"until", "day", "only lots that came to be on that day or earlier"},
		{"max_lots", "number", "more lots than that are refused; default 1000000"},
	}},
	{"audience", "engine.yml", "name: shop\ncatalog:\n  audiences:\n    partners:\n      %s: 1\n", []string{"catalog.audiences.*"}, []PlaceKey{
		{"title", "text", "title of the site; default: that of the catalog"},
		{"select", "list of selectors", "the nodes that are shown, see [selection](selection.md); default: models with `access: public`. `customers` has none: a customer is shown what it receives"},
		{"exclude", "list of selectors", "nodes that are not"},
		{"show", "list of words", "what else is told of them, see [below](#what-is-shown); default: nothing"},
		{"lineage", "`contract`, `bridge`, `hide`", "what becomes of lineage that leads through hidden nodes: «upstream, not shared», the next node that is shown, nothing; default `contract`"},
		{"path", "folder", "where the site is written, relative to engine.yml or absolute; default `catalog-<audience>` in the target folder. Of `customers` it is the folder of their folders"},
	}},
	{"metabase", "engine.yml", "name: shop\nmetabase:\n  %s: 1\n", []string{"metabase"}, []PlaceKey{
		{"url", "address", "where it is: `https://metabase.example.com`; required"},
		{"api_key", "text", "what lets the engine in, as `${METABASE_API_KEY}`: a key of a group that may manage table metadata"},
		{"user", "text", "instead of a key: an account"},
		{"password", "text", "its password, as `${METABASE_PASSWORD}`"},
		{"database", "text, or a mapping of targets", "name of the target's database in Metabase; required"},
		{"customer_database", "text, or a mapping of customers", "name of a customer's own database in Metabase: `Warehouse {customer}`; default: they have none"},
		{"schemas", "list of names", "only tables of these schemas, with `*` and `?`; default: all"},
		{"exclude_schemas", "list of names", "none of these"},
		{"select", "list of selectors", "only these nodes, see [selection](selection.md); selectors of the command line take its place"},
		{"exclude", "list of selectors", "none of these"},
		{"sources", "true or false", "tables of sources, too; default false"},
		{"order_fields", "true or false", "columns stand in the order of the model; default false"},
		{"sync_timeout", "duration", "how long Metabase may take to find new tables and columns; `0` does not ask it to look; default `1m`"},
		{"missing", "`report`, `fail`", "what it means that Metabase lacks a table or a column; default `report`"},
		{"exposures", "file", "where `engine metabase exposures` writes; default `models/metabase_exposures.yml`"},
	}},
	{"distribution", "engine.yml", "name: shop\ndistribution:\n  %s: 1\n", []string{"distribution"}, []PlaceKey{
		{"customers", "a list, `{ref}` or `{csv}`", "who they are, see [below](#customers); required"},
		{"customer_tenants", "a list, `{ref}` or `{csv}`", "whose rows are whose, see [below](#customer_tenants); required"},
		{"links", "a list, `{ref}` or `{csv}`", "keys of further rows, see [below](#links)"},
		{"transfers", "a list, `{ref}` or `{csv}`", "keys of rows that are seen in part, see [below](#transfers)"},
		{"custom_fields", "a list, `{ref}` or `{csv}`", "definitions of custom fields, see [below](#custom_fields)"},
		{"principals", "a list, `{ref}` or `{csv}`", "who may read, see [below](#principals)"},
		{"tenant_column", "column", "the column with the tenant, where a model names no other; default `tenant_id`"},
		{"contracts", "list", "versions of what customers read, see [below](#contracts)"},
		{"mode", "`table`, `view`, `rows`", "how customers read, see [modes](#modes); default `table`"},
		{"modes", "mapping of tiers", "the same by tier: `{1: rows}`"},
		{"targets", "list of targets", "those on which `engine build` publishes at its end; default: none"},
		{"customer_schema", "text", "schema of a customer; default `dw_{customer}`"},
		{"lake_schema", "text", "schema of a customer's rows of a source; default `dl_{customer}_{source}`"},
		{"workspace_schema", "text", "schema in which a customer makes relations of its own; default `ws_{customer}`"},
		{"workspace", "`separate`, `none`", "whether there is one; default: `separate` for customers with principals"},
		{"workshop_schema", "text", "schema in which a run works; nobody is let in, and every run empties it. Default `dw__publish`"},
		{"path", "folder", "where customers' files go, on DuckDB; default `target/customers`"},
		{"export", "`parquet`", "on DuckDB, write what is published as Parquet files, too: `<path>/<customer>.parquet/<schema>/<relation>.parquet`"},
		{"split", "`auto`, `always`, `never`", "whether one scan of a model serves all customers; default `auto`: where that reads less"},
		{"limits", "mapping", "see below"},
		{"canary_markers", "list of texts", "markers of canaries that have none of their own, see [canaries](#canaries)"},
	}},
	{"distribution limit", "engine.yml", "name: shop\ndistribution:\n  limits:\n    %s: 1\n", []string{"distribution.limits"}, []PlaceKey{
		{"max_tenants_inline", "0 to 10000", "most tenants of a customer, and most customers, that are written into a statement; more are read from a table; default 500"},
		{"max_customers", "1 to 1000000", "more are an error: the relation is not one of customers; default 20000"},
	}},
	{"customer part", "engine.yml", "name: shop\ndistribution:\n  customers:\n    ref: a\n    %s: 1\n", []string{"distribution.customers", "distribution.customer_tenants", "distribution.links", "distribution.transfers", "distribution.custom_fields", "distribution.principals"}, []PlaceKey{
		{"ref", "name", "the model, seed or snapshot with the rows"},
		{"csv", "file", "the file with the rows, relative to engine.yml, with a header"},
		{"columns", "mapping", "other names of columns: `{customer: slug}`"},
	}},
	{"customer contract", "engine.yml", "name: shop\ndistribution:\n  contracts:\n    - version: 1\n      %s: 1\n", []string{"distribution.contracts[]"}, []PlaceKey{
		{"version", "1, 2, …", "required"},
		{"sunset", "day", "when customers should have left it: a warning from 30 days before"},
		{"changes", "list", "what leads from it to the next one; the newest has none"},
	}},
	{"contract change", "engine.yml", "name: shop\ndistribution:\n  contracts:\n    - version: 1\n      changes:\n        - model: a\n          %s: 1\n", []string{"distribution.contracts[].changes[]"}, []PlaceKey{
		{"model", "name", "the relation, as customers call it; required"},
		{"renamed", "mapping", "name in this contract → name in the next"},
		{"removed", "mapping", "columns that the next one does not have, with their types"},
		{"retyped", "mapping", "columns that have another type in the next one, with the type that they have here"},
		{"added", "true or false", "this contract does not have the model"},
		{"dropped", "true or false", "the next one does not have it; all its columns are below `removed`"},
	}},
	{"format", "engine.yml", "name: shop\nformat:\n  %s: 1\n", []string{"format"}, []PlaceKey{
		{"line_length", "40 to 400", "characters of a line; default 100. What cannot break may be longer"},
		{"indent", "1 to 8", "blanks per level; default 4"},
		{"keywords", "`lower`, `upper`", "their case; default `lower`"},
		{"commas", "`trailing`, `leading`", "the side of a line break on which the commas of a list stand; default `trailing`"},
	}},
	{"source", "models/x.yml", "sources:\n  - name: a\n    %s: 1\n    tables: [{name: b}]\n", []string{"sources[]"}, []PlaceKey{
		placeName("source"), {"tables", "list", "its tables; required"}, {"schema", "text", "schema in the warehouse; default: the name"},
		{"database", "text", "database in the warehouse; default: the target's"}, {"loader", "text", "what brings the data; a note"},
		{"loaded_at_field", "column or expression", "when a row came; for freshness and `version_by`"}, {"loaded_at_query", "query", "in place of `loaded_at_field` for freshness: a query for the newest time, in the target's SQL; a template, where `{{ this }}` is the table"}, {"freshness", "mapping", "how old the newest row may be"},
		{"version_by", "`auto`, `loaded_at_field`, `none`", "how a change of the rows is found out, see [below](#versions-of-sources); default `auto`"},
		{"ingest", "mapping", "how `engine ingest` brings the rows, see [ingestion](ingestion.md)"},
		placeDescription, placeMeta, placeTags, placeConfig,
	}},
	{"table", "models/x.yml", "sources:\n  - name: a\n    tables:\n      - name: b\n        %s: 1\n", []string{"sources[].tables[]"}, []PlaceKey{
		placeName("table"), {"identifier", "text", "name in the warehouse; default: the name"}, {"loader", "text", "what brings the data; a note"},
		{"loaded_at_field", "column or expression", "when a row came; for freshness and `version_by`"}, {"loaded_at_query", "query", "in place of `loaded_at_field` for freshness: a query for the newest time, in the target's SQL; a template, where `{{ this }}` is the table"}, {"freshness", "mapping", "how old the newest row may be; `null` switches it off"},
		{"version_by", "`auto`, `loaded_at_field`, `none`", "how a change of the rows is found out, see [below](#versions-of-sources); default: that of the source"},
		{"ingest", "mapping", "what of the table is taken, see [ingestion](ingestion.md#tables)"},
		placeColumns, placeDataTests, placeOldTests, placeDescription, placeMeta, placeTags, placeConfig,
	}},
	{"ingest of a source", "models/x.yml", "sources:\n  - name: a\n    ingest:\n      kind: copy\n      connection: c\n      %s: 1\n    tables: [{name: b, ingest: {columns: [id]}}]\n", []string{"sources[].ingest"}, append([]PlaceKey{
		{"kind", "`copy`, `files`, `foreign`, `federated`", "the way of ingestion; required"},
		{"connection", "connection", "what is read; required but for files"},
		{"resource", "text", "federated: the connection resource of BigQuery, `project.location.name`; required there"},
		{"schema", "text", "the remote's schema; default `public`"},
	}, placeIngestKeys...)},
	{"ingest of a table", "models/x.yml", "sources:\n  - name: a\n    ingest: {kind: copy, connection: c}\n    tables:\n      - name: b\n        ingest:\n          columns: [id]\n          %s: 1\n", []string{"sources[].tables[].ingest"}, append([]PlaceKey{
		{"table", "text", "the remote's name; default: the name of the table"},
		{"columns", "list of columns, or `\"*\"`", "what is taken; required, but for files whose table declares `columns`"},
		{"except", "list of columns", "with `\"*\"`: what is not taken"},
		{"transform", "mapping", "column → `sha256`, `{truncate: 4}` or `{constant: \"x\"}`: what leaves in the place of a value"},
		{"watermark", "column", "copy: only rows that are not older than the newest one are read; needs `key`"},
		{"overlap", "duration", "how much older they may be; default `1h` if the watermark is a time"},
		{"key", "list of columns", "what tells rows apart: a row replaces its earlier version"},
	}, placeIngestKeys...)},
	{"drift", "models/x.yml", "sources:\n  - name: a\n    ingest:\n      kind: copy\n      connection: c\n      drift:\n        %s: 1\n    tables: [{name: b, ingest: {columns: [id]}}]\n", []string{"sources[].ingest.drift", "sources[].tables[].ingest.drift"}, []PlaceKey{
		{"new_table", "`ignore`, `report`, `fail`", "copy, foreign and federated: a table that was not there when the lock was written; default `ignore`. Of a source, not of a table"},
		{"new_column", "`ignore`, `report`, `fail`", "a column that was not there: it is not taken by `\"*\"` in any case, and one that `columns` names is taken and only noted; default `report`"},
		{"removed_column", "`null_fill`, `fail`", "a column that is gone: it stays as NULL, or the source is not ingested; default `fail`"},
		{"type_change", "`fail`, `text`", "a column with another type: the source is not ingested, or the column lands as text; default `fail`"},
	}},
	{"freshness", "models/x.yml", "sources:\n  - name: a\n    loaded_at_field: b\n    freshness:\n      warn_after: {count: 1, period: day}\n      %s: 1\n    tables: [{name: b}]\n", []string{"sources[].freshness", "sources[].tables[].freshness"}, []PlaceKey{
		{"warn_after", "`{count, period}`", "older is a warning; the period is `minute`, `hour` or `day`"},
		{"error_after", "`{count, period}`", "older is an error"},
		{"filter", "SQL condition", "the rows to look at"},
	}},
	{"model", "models/x.yml", "models:\n  - name: m\n    %s: 1\n", []string{"models[]"}, []PlaceKey{
		placeName("model"), placeDescription, placeColumns, placeConstraints, placeDataTests, placeOldTests, placeConfig, {"access", "`private`, `protected`, `public`", "who may ref it: its own group, this project, everybody"}, placeOwner, placeTier, placeGroup, placeMeta, placeTags, placeDocsKey,
		{"deprecation_date", "day, or time", "when readers should have left the model: they are warned from 30 days before"},
		{"versions", "list", "[versions](contracts.md#versions) of the model"}, {"latest_version", "text", "the version that a ref without one reads; default: the highest"},
	}},
	{"version", "models/x.yml", "models:\n  - name: m\n    versions:\n      - v: 1\n        defined_in: m\n        %s: 1\n", []string{"models[].versions[]"}, []PlaceKey{
		{"v", "text", "the version: a number, or letters, digits, dots, dashes and underscores; required"},
		{"defined_in", "text", "name of its file without `.sql`; default: `<model>_v<v>`, or `<model>` for one of them"},
		{"columns", "list", "columns; one item may be `{include: all, exclude: [a]}` or `{include: [a]}`: which of the model's it has"},
		{"config", "mapping", "configuration, stronger than the model's"},
		{"deprecation_date", "day, or time", "as of a model"}, {"access", "`private`, `protected`, `public`", "as of a model"},
		{"description", "text", "what it is; default: that of the model"}, placeConstraints, placeDataTests, placeOldTests, placeDocsKey,
	}},
	{"column", "models/x.yml", "models:\n  - name: m\n    columns:\n      - name: id\n        %s: 1\n", []string{"models[].columns[]", "models[].versions[].columns[]", "seeds[].columns[]", "snapshots[].columns[]", "sources[].tables[].columns[]"}, []PlaceKey{
		placeName("column"), placeDescription, {"data_type", "text", "type in the warehouse; for sources it makes analysis possible"},
		{"protected", "true or false", "it may not go away or change without a new version of the model, see [contracts](contracts.md#what-may-not-change)"},
		{"quote", "true or false", "the name is exactly as written"}, placeDataTests, placeOldTests, placeConstraints,
		{"policy_tags", "list of texts", "[policy tags](storage.md#policy-tags-and-descriptions)"}, placeMeta, placeTags, {"config", "mapping of `meta`, `tags`, `policy_tags`", "dbt's newer place for them"},
	}},
	{"constraint", "models/x.yml", "models:\n  - name: m\n    constraints:\n      - type: unique\n        %s: 1\n", []string{"models[].constraints[]", "models[].columns[].constraints[]", "models[].versions[].constraints[]", "models[].versions[].columns[].constraints[]"}, []PlaceKey{
		{"type", "`not_null`, `unique`, `primary_key`, `foreign_key`, `check`", "what is promised; required"},
		{"name", "text", "its name in the warehouse; default: one made of the relation and the columns"},
		{"columns", "list of columns", "what it is about; a column's own constraint has none"},
		{"to", "`ref('m')`, `source('a', 'b')`", "the table that a foreign key refers to: it is built before"},
		{"to_columns", "list of columns", "those of the table that a foreign key refers to"},
		{"expression", "condition", "what holds for every row of a `check`, in the warehouse's SQL"},
	}},
	{"singular test", "models/x.yml", "data_tests:\n  - name: t\n    %s: 1\n", []string{"data_tests[]"}, []PlaceKey{
		placeName("test, its file without `.sql`"), placeDescription, placeMeta, placeTags, placeConfig, placeDocsKey,
	}},
	{"exposure", "models/x.yml", "exposures:\n  - name: e\n    type: ml\n    owner: {name: a}\n    %s: 1\n", []string{"exposures[]"}, []PlaceKey{
		placeName("exposure"), {"type", "`dashboard`, `notebook`, `analysis`, `ml`, `application`", "what it is; required"},
		{"owner", "mapping of `name`, `email`", "who answers for it; required"}, {"depends_on", "list", "what it reads: `ref('m')`, `source('a', 'b')`"},
		{"label", "text", "a title for people"}, {"url", "text", "where it is"}, {"maturity", "`high`, `medium`, `low`", "how far it can be relied on"},
		placeDescription, placeMeta, placeTags, placeConfig,
	}},
	{"unit test", "models/x.yml", "unit_tests:\n  - name: u\n    model: m\n    given: []\n    expect: {rows: []}\n    %s: 1\n", []string{"unit_tests[]"}, []PlaceKey{
		placeName("unit test"), {"model", "text", "the model that is tested; required"}, {"given", "list", "inputs, each with its rows"},
		{"expect", "mapping of `rows`, `fixture`, `format`", "the rows that have to come; required"}, {"versions", "mapping of `include`, `exclude`", "the versions of the model that are tested; default: all"}, {"overrides", "mapping of `vars`, `env_vars`, `macros`", "values for this test; `macros: {is_incremental: true}`"},
		placeDescription, placeMeta, placeTags, placeConfig,
	}},
	{"group", "models/x.yml", "groups:\n  - name: g\n    owner: {name: a}\n    %s: 1\n", []string{"groups[]"}, []PlaceKey{
		placeName("group"), {"owner", "mapping of `name`, `email`", "who answers for it; required"}, placeDescription,
	}},
}
