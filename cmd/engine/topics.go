package main

import "github.com/spf13/cobra"

// topics are pages of help that are no commands.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "selection", Short: "how --select and --exclude choose", Long: text(`
Selectors name what a command works on. Spaces and repetition mean «or», a comma means
«and», --exclude is taken away at the end. Without --select everything is taken.

  orders                 the node orders
  +orders                and all it reads; 2+orders: at most two steps away
  orders+                and all that reads it
  @orders                all that reads it, and all that those read
  stg_*                  wildcards *, ?, [abc]
  models/core            everything below a folder (also path:models/core)
  orders.sql             a file (also file:orders.sql)
  tag:finance            by tag; also owner:, group:, access:
  config.materialized:incremental
  source:app             a source, or one table of it: source:app.material
  exposure:weekly_report
  resource_type:seed     source, seed, model, snapshot, test, unit_test, exposure
  test_type:unit         data, generic, singular, unit
  test_name:unique
  version:latest         latest, prerelease, old, none
  state:modified+        what differs from --state, and all that reads it; also state:new,
                         old, unmodified, modified.body, .configs, .relation, .macros …
  result:error           by outcome of an earlier run; source_status:fresher by freshness

Tests follow the nodes they read. --indirect-selection says when: eager, if one of those
nodes is selected; cautious, if all are; buildable, if all are selected or are ancestors of
selected ones; empty, never.`)},
		{Use: "environment", Short: "variables that stand for flags", Long: text(`
Every global flag, --output, and those that compare with another state can be given by the
environment. A flag is stronger.

  ENGINE_PROJECT_DIR     --project-dir
  ENGINE_TARGET          --target
  ENGINE_VARS            --vars
  ENGINE_JOBS            --jobs
  ENGINE_OUTPUT          --output
  ENGINE_LOG_FORMAT      --log-format
  ENGINE_NO_COLOR        --no-color
  ENGINE_QUIET           --quiet
  ENGINE_VERBOSE         --verbose
  ENGINE_STATE           --state
  ENGINE_DEFER           --defer
  ENGINE_DEFER_TO        --defer-to
  ENGINE_FAVOR_STATE     --favor-state

NO_COLOR (any value) and CLICOLOR=0 turn colours off, CLICOLOR_FORCE=1 turns them on without
a terminal. LC_ALL, LC_CTYPE or LANG decides whether signs beyond ASCII are used. With
TERM=dumb, or where the output is no terminal, each line is written once and nothing moves.`)},
		{Use: "exit-codes", Short: "what the exit code says", Long: text(`
  0    done
  1    data or warehouse failed: a test, a statement, a connection, or it was interrupted
  2    the project, a flag or the configuration is wrong; nothing was written
  3    a mistake of the engine itself; the message names a file with the details
  130  ended by a second interrupt
  141  whoever read the output had gone, as in engine build | head -1: stopped and cleaned up as
       by an interrupt`)},
		{Use: "log", Short: "the lines of --log-format json", Long: text(`
With --log-format json a run is one JSON object per line. Keys are only ever added.
Every line has

  ts       time, RFC 3339, UTC
  level    info, warn, error
  event    run_started, node_started, node_ended, test_ended, run_ended, diagnostic, note

and, where they apply,

  run_id         the run
  node           the node or test: model.orders, test.unique_orders_id
  of             test_ended: the node that the test belongs to. Tests that cannot keep it
                 from being published may end after it
  verb           create, replace, update, check, keep
  materialized   view, table, incremental, …
  relation       name in the warehouse
  status         done, warned, failed, errored, skipped, kept, canceled
  because        skipped: the node that is to blame
  index, total   running number and number of nodes
  project, target, workers    run_started
  rows, bytes    of the node, where known
  failures       test_ended: number of failing rows
  seconds        duration
  expected_seconds    run_started, node_started: how long it takes by what earlier runs have
                 shown, where they have
  kind, severity, sentence, stored, sample    of a test
  tally          run_ended: numbers of outcomes
  timing         run_ended: where the time went, with the critical path
  message        one line for people
  diagnostics    what went wrong, with path, line, column, help`)},
	}
}
