"""Asks dbt what selectors choose, for TestLikeDbt.

Usage: ask.py PROJECT ANSWERS, with a Python that has dbt-core 1.12 and dbt-duckdb.
PROJECT is a copy of the folder beside this file (dbt writes into it). ANSWERS gets JSON
lines: first the version of dbt and the unique ids; then one line for each query with its
flags and the answer, a hexadecimal number whose bit i stands for the id of number i, or
"error" where dbt refuses the query.

The queries are made from a fixed seed: the same dbt gives the same bytes.
"""

import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import yaml
from dbt.cli.main import dbtRunner
from dbt.contracts.selection import SelectorFile
from dbt.config.selectors import validate_selector_default
from dbt.graph import ResourceTypeSelector, parse_difference, parse_from_selectors_definition
from dbt.node_types import NodeType
from dbt.task.list import ListTask
import dbt.flags
import dbt.version
from dbt_common.events.contextvars import task_contextvars

WORDS = {
    "": [
        "fct_orders", "orders", "orders_2", "dim_users", "dim_users.v1", "dim_users_v2", "dim_users.v3", "dim_users_v9", "v2", "users.dim_users.v1",
        "core.users.dim_users", "core.users.dim_users.v2", "shop.core.users.dim_users_v1", "core", "core.*", "shop", "shop.*", "shop.core", "*.core", "*",
        "staging", "staging.app", "staging.*", "staging.*.stg_*", "shop.staging.app.stg_app__users", "stg_app__users", "stg_*", "*users*", "?ountries", "[cd]*",
        "[!cd]*", "[a-f]*", "marts", "marts.finance", "marts.finance.orders", "finance", "finance.orders.orders", "marketing", "intermediate.deep.er", "deep", "er",
        "intermediate.deep.*.int_users_ranked", "straße", "core.straße", "STRASSE", "stra?e", "countries", "cities", "geo", "geo.cities", "orders_history",
        "orders_history.orders_history", "users_history", "snapshots", "not_null_fct_orders_id", "core.not_null_fct_orders_id", "unique_*", "*.unique_*", "email_has_at",
        "payments_exist", "finance.payments_exist", "nothing", "three_parents", "users_positive", "reports_agree", "orders_add_up", "core.orders_add_up", "users_are_kept",
        "users_are_kept_v1", "users_are_kept.v1", "*_add_up", "fct_orders.orders_add_up", "weekly", "shop.weekly", "app.users", "app", "old_report", "unknown", "Fct_Orders", "fct_orders.", ".fct_orders", "fct",
        "shop.shop", "a.b.c.d.e.f", "fct_orders.sql", "dim_users_v1.sql", "countries.csv", "FCT_ORDERS.SQL", "models/core", "models/core/", "./models/core", "models/core/fct_orders.sql", "model.shop.fct_orders",
    ],
    "fqn": ["orders", "core", "shop.marts.*", "*", "weekly", "users_history", "dim_users.*", "dim_users_*", "core.users.dim_users.*", "marts.*.orders", "marts.fin*.orders.orders*", "fct_orders.sql"],
    "tag": ["daily", "stg", "nightly", "core", "check", "odd", "fk", "key", "bi", "raw", "money", "unit", "users", "geo", "seed", "history", "n*", "*", "[bx]*", "b", "a?b", "x+1", "ünï", "7", "c.d", "star*", "star[*]", "DAILY", "none", "old_one", "pii", "ads"],
    "group": ["finance", "marketing", "f*", "*", "none", "Finance"],
    "access": ["public", "protected", "private"],
    "source": ["app", "app.users", "shop.app.users", "*", "*.users", "app.*", "billing", "shop.*.*", "other.app.users", "*.*", "b*", "app.events", "users", "shop.app", "a.b.c.d", "*.app.o*"],
    "path": [
        "models", "models/", "models/core", "models/core/", "./models/core", "models//core", "models/core/fct_orders.sql", "models/core/core.yml", "models/core/*", "models/core/*.sql", "models/**/*.sql", "models/*/*.sql", "**/*.sql",
        "models/**", "models/staging/app", "models/staging/a*", "models/*/app", "models/staging/*/stg_*", "models/marts/**/orders", "seeds", "seeds/geo", "seeds/geo/cities.csv", "seeds/*.csv", "snapshots", "snapshots/users_history.yml",
        "snapshots/orders_history.sql", "tests", "tests/finance", "tests/*.sql", "tests/generic", "models/staging/app/_app__sources.yml", "models/staging/app/_app__models.yml", "models/staging/billing/billing.yml", "seeds/seeds.yml",
        "models/core/users/dim_users.yml", "models/core/users/dim_users_now.sql", "models/[ci]*", "models/[!ci]*", "models/core/users/dim_users_v?.sql", "nowhere", "models/nowhere.sql", "*.yml", "*/core", "models/core/fct_orders", "Models/core", "models/core/stra?e.sql",
        "models/groups.yml", "models/staging/../core", "*", "**",
    ],
    "file": ["fct_orders.sql", "fct_orders", "dim_users_v1.sql", "dim_users_v1", "dim_users_now", "dim_users", "*.sql", "*.csv", "*.yml", "core.yml", "core", "stg_*", "countries.csv", "countries", "users_history.yml", "users_history", "orders_history.sql", "_app__sources.yml", "_app__models", "straße.sql", "FCT_ORDERS.SQL", "nothing.sql", "fct_orders.py", "[f]*.sql"],
    "package": ["this", "shop", "s*", "*", "other", "dbt", "This"],
    "config.materialized": ["view", "table", "incremental", "ephemeral", "seed", "snapshot", "test", "VIEW", "none"],
    "config.enabled": ["true", "True", "TRUE", "false", "False"],
    "config.tags": ["daily", "check", "a b", "nightly", "seed", "none", "7"],
    "config.severity": ["warn", "WARN", "error", "ERROR", "Warn"],
    "config.meta.pii": ["true", "false", "True"],
    "config.meta.tier": ["gold", "GOLD"],
    "config.meta.team.name": ["data", "ops", "o"],
    "config.meta.team.people.lead": ["ada"],
    "config.meta.owners": ["ada", "bob", "eve"],
    "config.meta.owner": ["ada", "geo"],
    "config.meta.flags": ["true", "false"],
    "config.meta.note": ["a[b]"],
    "config.meta.origin": ["postgres", "stripe"],
    "config.meta.missing": ["x"],
    "config.unique_key": ["id", "user_id", "x"],
    "config.on_schema_change": ["fail", "ignore"],
    "config.incremental_strategy": ["delete+insert", "merge"],
    "config.group": ["finance", "marketing"],
    "config.access": ["public", "private", "protected"],
    "config.alias": ["payments"],
    "config.contract.enforced": ["true", "false"],
    "config.strategy": ["timestamp", "check"],
    "config.updated_at": ["updated_at"],
    "config.check_cols": ["amount"],
    "config.where": ["amount > 0"],
    "config.store_failures": ["true", "false"],
    "config.schema": ["x"],
    "config.unknown": ["x"],
    "config.full_refresh": ["true", "false"],
    "resource_type": ["model", "seed", "snapshot", "test", "source", "exposure", "unit_test", "metric", "semantic_model", "saved_query", "analysis", "models", "operation", "group", "macro", "Model"],
    "test_name": ["not_null", "unique", "relationships", "no_at", "same_rows", "accepted_values", "n*", "*", "not_null_fct_orders_id", "orders_add_up", "users_are_kept", "users_*", "NOT_NULL"],
    "test_type": ["generic", "singular", "schema", "data", "unit", "unknown"],
    "exposure": ["weekly", "orders", "*", "shop.weekly", "shop.*", "*.orders", "w*", "gone", "other.weekly", "a.b.c"],
    "unit_test": ["orders_add_up", "users_are_kept", "users_are_kept_v1", "*", "shop.orders_add_up", "users_*", "shop.*", "other.orders_add_up", "a.b.c"],
    "version": ["latest", "prerelease", "old", "none", "newest"],
    "metric": ["*", "revenue", "a.b.c"],
    "semantic_model": ["*", "orders"],
    "saved_query": ["*", "x"],
    "selector": ["core_only", "nightly_*", "all_of_it", "nope", "*_only"],
    "tags": ["daily"],
    "materialized": ["view"],
    "Tag": ["daily"],
    "tag.x": ["daily"],
    "config": ["view"],
    "column": ["id"],
}

# Texts that a regular expression may read in another way than one thinks.
TRAPS = [
    "+", "@", "++", "+orders+", "++orders", "orders++", "@+orders", "@orders+", "@orders+1", "2+@orders", "@2+orders", "1+orders+1", "0+fct_orders", "fct_orders+0", "0+fct_orders+0", "00+fct_orders", "01+fct_orders+01",
    "99+fct_orders", "1 +fct_orders", "-1+fct_orders", "fct_orders+1+", "fct_orders+1+2", "+1+fct_orders", "tag:", ":daily", "tag::daily", "tag:daily:x", "tag:x+1", "+tag:x+1", "tag:x+1+", "tag:1+", "tag:+daily", "+tag:+daily",
    "tag: daily", "config.:view", "config.meta.:x", ".config:x", "config..materialized:view", "config.materialized:", "path:", "fqn:", "fqn:+fct_orders", "fct_orders +", "+ fct_orders", "tag:daily,", ",tag:daily", ",", " ", "", "tag:daily,,core",
    "tag:daily  core", "tag:daily, core", "tag:daily\tcore", "core\nseeds", "fct_orders\n", "*+", "+*", "[", "]", "[]", "[]]", "[[]*", "[a", "a]", "[!]", "[!a", "**", "*?", "?*", "a[b-", "[z-a]*", "[a-]*", "[^f]*", "straße+", "+straße", "@straße",
    "tag:ünï+", "models/core+", "+models/core", "1+models/core+1", "+models/core/fct_orders.sql+", "@models/core", "+source:app.users+", "source:app+1", "1+exposure:weekly", "+exposure:*", "@source:billing", "exposure:weekly+", "2+unit_test:orders_add_up",
    "+not_null_fct_orders_id", "@not_null_fct_orders_id", "not_null_fct_orders_id+", "1+test_type:singular", "+test_name:relationships", "config.materialized:view+", "3+config.meta.team.name:ops+1", "+dim_users.v1+", "+dim_users", "dim_users.v2+", "@dim_users.v3",
    "package:this+", "+package:this", "state:modified", "result:error", "source_status:fresher", "seeds/geo/cities.csv+", "cities.csv+", "countries.csv+1", "selector:core_only+", "+selector:core_only", "1+selector:nightly_core", "selector:core_only,tag:fact", "@selector:core_only",
    "models\\core", "C:\\x", "http://x", "tag:http://x", "fct_orders|orders", "(fct_orders)", "fct_orders;", "'fct_orders'", "\"fct_orders\"", "~fct_orders", "!fct_orders", "-fct_orders", "--x", "$orders", "fct_orders#", "тест", "tag:٣", "٣+fct_orders", "fct_orders+٣", "²+fct_orders",
    "fct\u00a0orders", "tag:daily\u00a0core", "fct_orders\u2028core",
]

YAML = """
selectors:
  - name: core_only
    description: the core
    definition: tag:core
  - name: cli
    definition: "2+fct_orders+1"
  - name: cli_space
    definition: "tag:core tag:seed"
  - name: pair
    definition: {method: tag, value: nightly}
  - name: short
    definition: {tag: nightly}
  - name: short_config
    definition: {config.materialized: view}
  - name: parents
    definition: {method: fqn, value: fct_orders, parents: true, parents_depth: 1}
  - name: children
    definition: {method: fqn, value: fct_orders, children: true, children_depth: 2}
  - name: around
    definition: {method: fqn, value: int_users_ranked, childrens_parents: true}
  - name: falsely
    definition: {method: fqn, value: fct_orders, parents: false, children: false}
  - name: depth_alone
    definition: {method: fqn, value: fct_orders, parents_depth: 1, children_depth: 1}
  - name: cautious
    definition: {method: path, value: models/core, indirect_selection: cautious}
  - name: buildable
    definition: {method: path, value: models/core, indirect_selection: buildable}
  - name: empty
    definition: {method: path, value: models/core, indirect_selection: empty}
  - name: eager
    definition: {method: path, value: models/core, indirect_selection: eager}
  - name: mixed
    definition:
      union:
        - {method: tag, value: core, indirect_selection: cautious}
        - {method: fqn, value: finance_report, indirect_selection: empty}
        - seeds
  - name: union_exclude
    definition:
      union:
        - tag:core
        - "+finance_report"
        - exclude: [tag:fact, "resource_type:source"]
  - name: intersection_exclude
    definition:
      intersection:
        - {method: tag, value: daily}
        - {method: config.materialized, value: view}
        - exclude: [{method: path, value: models/marts}]
  - name: exclude_beside
    definition:
      method: tag
      value: daily
      children: true
      exclude: [{method: tag, value: mart, parents: true}, seeds]
  - name: nested
    definition:
      union:
        - intersection:
            - tag:daily
            - union:
                - path:models/staging/app
                - exclude: [stg_app__users]
        - intersection:
            - {method: source, value: app, children: true}
            - "@dim_users.v2"
        - exclude:
            - union: [tag:odd, test_name:unique]
            - intersection: [resource_type:test, tag:fk]
  - name: exclude_indirect
    definition:
      union:
        - {method: fqn, value: "*", indirect_selection: cautious}
        - exclude: [{method: fqn, value: dim_users, indirect_selection: cautious}]
  - name: exclude_indirect_empty
    definition:
      union:
        - {method: fqn, value: "*"}
        - exclude: [{method: fqn, value: dim_users, indirect_selection: empty}]
  - name: intersect_cautious
    definition:
      intersection:
        - {method: path, value: models, indirect_selection: cautious}
        - {method: tag, value: core, indirect_selection: cautious, parents: true}
  - name: inherit
    definition: {method: selector, value: core_only}
  - name: inherit_union
    definition:
      union:
        - {method: selector, value: core_only}
        - {method: selector, value: short}
        - exclude: [{method: selector, value: parents}]
  - name: inherit_tests
    definition:
      intersection:
        - {method: selector, value: union_exclude}
        - resource_type:test
  - name: bool_config
    definition: {config.contract.enforced: true}
  - name: number_config
    definition: {config.meta.rank: 1}
  - name: list_config
    definition: {config.meta.weights: 2}
  - name: union_of_one
    definition: {union: [seeds]}
  - name: empty_union
    definition: {union: []}
  - name: only_exclude
    definition: {union: [{exclude: [tag:core]}]}
  - name: all_of_it
    definition: "*"
  - name: nightly_core
    definition: "tag:nightly"
  - name: nightly_all
    definition: {method: tag, value: "n*", parents: true}
  - name: tests_only
    definition: {method: test_type, value: generic}
"""

# Single definitions, each in a file of its own: what dbt refuses, and what it takes.
DEFINITIONS = [
    "tag:core", "", "tags:core", "@core+", "a b", "a,b", {"tag": "core"}, {"tags": "core"}, {"method": "tag"}, {"value": "core"}, {"method": "tag", "value": "core", "parent": True},
    {"method": "tag", "value": "core", "unknown": 1}, {"method": "tags", "value": "core"}, {"method": "fqn", "value": "orders", "parents_depth": "x", "parents": True}, {"method": "fqn", "value": "orders", "parents": True, "parents_depth": "1"},
    {"method": "fqn", "value": "fct_orders", "parents": True, "parents_depth": 0}, {"method": "fqn", "value": "fct_orders", "childrens_parents": True, "children": True}, {"method": "fqn", "value": "fct_orders", "childrens_parents": True, "parents": True},
    {"method": "fqn", "value": "fct_orders", "indirect_selection": "careful"}, {"union": "tag:core"}, {"union": ["tag:core"], "intersection": ["tag:core"]}, {"union": ["tag:core"], "exclude": ["tag:fact"]}, {"union": [["tag:core"]]},
    {"union": [1]}, {"intersection": ["tag:core", {"exclude": ["tag:fact"]}, {"exclude": ["tag:x"]}]}, {"exclude": ["tag:core"]}, {"method": "selector", "value": "nope"}, {"intersection": []}, {"intersection": [{"tag": "core"}, {"union": ["fct_orders", "seeds"], "exclude": ["seeds"]}]},
    {"union": [{"union": ["tag:core"], "exclude": ["tag:fact"]}]}, {"union": ["seeds", {"method": "tag", "value": "core", "exclude": ["tag:fact"]}]}, {"union": [{"union": ["tag:core"], "intersection": ["tag:fact"]}]}, {"method": "tag", "value": "core", "exclude": "tag:fact"}, {"method": "tag", "value": "core", "exclude": []},
    {"method": "config.materialized", "value": "view", "children": True}, {"config.meta.pii": True}, {"config.meta.pii": "true"}, {"tag": ["core"]}, {"method": "fqn", "value": "fct_orders", "children": "yes"}, {"method": "fqn", "value": "fct_orders", "children": "false"},
    {"method": "path", "value": "models/core", "parents": True, "exclude": ["source:*", {"method": "tag", "value": "int"}]}, {"method": "fqn", "value": "fct_orders,dim_users"}, {"method": "fqn", "value": "fct_orders+"}, {"method": "fqn", "value": "+fct_orders"},
    ["tag:core"], 1, None, {}, {"union": [{"method": "tag", "value": "core"}, {"exclude": []}]}, {"union": [None]},
]

# What engine takes in another way on purpose (differences in like_dbt_test.go): asked alone.
ALONE = ["file:*.sql", "file:*.yml", "file:users_history.yml", "path:**/*.sql", "path:models/staging/../core", "users_are_kept_v1", "unit_test:users_are_kept_v1", "tag.x:daily", "config:view"]

MODES = ["eager", "cautious", "buildable", "empty"]
TYPES = ["model", "seed", "snapshot", "test", "source", "exposure", "unit_test"]


class Oracle:
    def __init__(self, project):
        self.project = Path(project).resolve()
        common = ["--project-dir", str(self.project), "--profiles-dir", str(self.project), "--quiet"]
        answer = dbtRunner().invoke(["parse", *common])
        if not answer.success:
            raise SystemExit(answer.exception)
        self.manifest = answer.result
        answer = dbtRunner(manifest=self.manifest).invoke(["ls", *common])
        if not answer.success:
            raise SystemExit(answer.exception)
        from dbt.compilation import Linker

        linker = Linker()
        linker.link_graph(self.manifest)
        from dbt.graph import Graph

        self.graph = Graph(linker.graph)
        with task_contextvars(project_root=str(self.project)):
            self.ids = sorted(self.every())
        self.bit = {unique_id: i for i, unique_id in enumerate(self.ids)}

    def flags(self, mode):
        dbt.flags.set_flags(SimpleNamespace(INDIRECT_SELECTION=mode, WARN_ERROR=False, WARN_ERROR_OPTIONS=None, SEND_ANONYMOUS_USAGE_STATS=False, LOG_CACHE_EVENTS=False, QUIET=True))

    def every(self):
        self.flags("eager")
        return self.chosen(parse_difference(None, None), None)

    def chosen(self, spec, types, selectors=None):
        types = [NodeType(t) for t in types] if types else list(ListTask.DEFAULT_RESOURCE_VALUES)
        selector = ResourceTypeSelector(graph=self.graph, manifest=self.manifest, previous_state=None, resource_types=types, include_empty_nodes=True, selectors=selectors)
        return selector.get_selected(spec)

    def ask(self, select, exclude, mode, types, selectors, name=None):
        self.flags(mode)
        try:
            made = parse_from_selectors_definition(SelectorFile.from_dict(selectors)) if selectors else {}
            if name is not None:
                spec = made[name]["definition"]
            else:
                spec = parse_difference(tuple(select), tuple(exclude))
            with task_contextvars(project_root=str(self.project)):
                ids = self.chosen(spec, types, made)
        except Exception as wrong:
            return "error", type(wrong).__name__ + ": " + str(wrong).split("\n")[0][:120]
        return format(sum(1 << self.bit[i] for i in ids), "x"), ""


def queries(answers):
    """Yields (select, exclude, mode, types): all words and traps plainly, then mixtures.

    answers says whether dbt answers a word: a single one that it does not answer would stop a
    whole mixture.
    """
    words = [method + ":" + value if method else value for method, values in WORDS.items() for value in values]
    for word in words:
        yield [word], [], "eager", []
    for trap in TRAPS:
        yield [trap], [], "eager", []
        yield [], [trap], "eager", []
    dice = random.Random(10)
    good = [w for w in words if " " not in w and "," not in w and w not in ALONE and answers(w)]
    for word in good:
        for _ in range(2):
            yield [operators(dice, word)], [], dice.choice(MODES), []
    for _ in range(1400):
        select = [union(dice, good) for _ in range(dice.choice([0, 1, 1, 1, 1, 2]))]
        exclude = [union(dice, good) for _ in range(dice.choice([0, 0, 1, 1, 2]))]
        types = dice.sample(TYPES, dice.randint(1, 3)) if dice.random() < 0.2 else []
        yield select, exclude, dice.choice(MODES), types


def operators(dice, word):
    kind = dice.random()
    depth = lambda: dice.choice(["", "", "1", "2", "3"])
    if kind < 0.15:
        return "@" + word
    if kind < 0.4:
        return depth() + "+" + word
    if kind < 0.65:
        return word + "+" + depth()
    if kind < 0.8:
        return depth() + "+" + word + "+" + depth()
    return word


def union(dice, words):
    members = []
    for _ in range(dice.choice([1, 1, 2, 3])):
        members.append(",".join(operators(dice, dice.choice(words)) for _ in range(dice.choice([1, 1, 1, 2, 2, 3]))))
    return " ".join(members)


def main(project, answers):
    oracle = Oracle(project)
    selectors = yaml.safe_load(YAML)
    with open(answers, "w", encoding="utf-8") as out:
        def line(entry):
            out.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")

        line({"dbt": dbt.version.__version__, "ids": oracle.ids, "selectors": selectors["selectors"]})
        answers = lambda word: oracle.ask([word], [], "eager", [], selectors)[0] != "error"
        for select, exclude, mode, types in queries(answers):
            answer, why = oracle.ask(select, exclude, mode, types, selectors)
            line({k: v for k, v in {"select": select, "exclude": exclude, "mode": mode if mode != "eager" else "", "types": types, "ids": answer, "why": why}.items() if v})
        for entry in selectors["selectors"]:
            for mode in MODES:
                answer, why = oracle.ask([], [], mode, [], selectors, entry["name"])
                line({k: v for k, v in {"selector": entry["name"], "mode": mode if mode != "eager" else "", "ids": answer, "why": why}.items() if v})
        for definition in DEFINITIONS:
            answer, why = oracle.ask([], [], "eager", [], {"selectors": [{"name": "it", "definition": definition}]}, "it")
            line({k: v for k, v in {"definition": [definition], "ids": answer, "why": why}.items() if v})


main(sys.argv[1], sys.argv[2])
