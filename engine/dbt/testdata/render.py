#!/usr/bin/env python3
"""Writes what Jinja2 renders of templates, as full and as incremental build, with dbt's functions
stubbed: python3 render.py < templates.txt > rendered.txt

Templates are parted by a line «%%%%», and so are the results, two for each template with a line
«----» between them. What stands in front of a line «====» are macros. Written with Jinja2 3.1.6.
"""
import datetime
import hashlib
import itertools
import json
import re
import sys
import jinja2


class Return(Exception):
    pass


class Undefined(jinja2.Undefined):
    def __getattr__(self, name):
        if name[:2] == "__":
            raise AttributeError(name)
        return self


VARS = {"start": "2024-01-01", "days": 7, "full": False, "methods": ["card", "bank"], "nested": {"a": 1}}


def raises(message):
    raise Exception(message)


class Relation(str):
    """A relation, whose parts are attributes."""

    def __new__(cls, *parts):
        self = super().__new__(cls, ".".join('"%s"' % p for p in parts if p))
        self.database, self.schema, self.identifier = ([None] * 3 + list(parts))[-3:]
        self.name = self.table = self.identifier
        return self


class Config(dict):
    """What a template configures, and can read again."""

    def __call__(self, *a, **k):
        self.update(k)
        return ""


def fromjson(text, default=None):
    try:
        return json.loads(text)
    except ValueError:
        return default


def render(text, incremental):
    env = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], undefined=Undefined)

    class Target(dict):
        __getattr__ = dict.__getitem__

    def ret(value):
        raise Return(value)

    def var(name, default=None):
        return VARS.get(name, default)

    macros, _, body = text.rpartition("\n====\n")
    env.globals.update(
        ref=lambda *a, **k: "wh." + a[-1] + ("_v%s" % (k.get("v") or k.get("version")) if k else ""), source=lambda a, b: "raw." + a + "_" + b, var=var,
        env_var=lambda n, d="": d, this="wh.this", is_incremental=lambda: incremental, execute=True, config=Config(),
        target=Target(name="dev", schema="main", database="db", type="duckdb"), log=lambda *a, **k: "", project_name="shop",
        exceptions=type("E", (), {"raise_compiler_error": staticmethod(raises)}), **{"return": ret},
    )
    keep = lambda items: list(dict.fromkeys(items))  # a set in the order of its first items
    env.globals.update(
        set=keep, zip=lambda *a, default=None: list(zip(*a)), fromjson=fromjson, local_md5=lambda s: hashlib.md5(s.encode()).hexdigest(),
        tojson=lambda v, default=None, sort_keys=False: json.dumps(v, sort_keys=sort_keys), dbt_version="1.10.0",
        modules=type("M", (), {"re": re, "datetime": datetime, "itertools": itertools}),
        api=type("A", (), {
            "Relation": type("R", (), {"create": staticmethod(lambda database=None, schema=None, identifier=None: Relation(database, schema, identifier))}),
            "Column": type("C", (), {"translate_type": staticmethod(lambda t: {"STRING": "TEXT", "INTEGER": "INT"}.get(t.upper(), t))}),
        }),
        flags=type("F", (), {"WHICH": "build"}), rel=Relation("raw", "app", "users"),
    )
    adapter = type("A", (), {})()
    adapter.quote = lambda s: '"%s"' % s
    adapter.dispatch = lambda name, ns=None: env.globals.get("duckdb__" + name) or env.globals["default__" + name]
    env.globals["adapter"] = adapter
    if macros:
        def wrap(m):
            def call(*a, **k):
                try:
                    return m(*a, **k)
                except Return as r:
                    return r.args[0]
            return call

        # each in a module of its own, so that they find each other late, as in dbt
        found = {}
        for text in ("\n" + macros).split("\n{% macro ")[1:]:
            name = text.split("(")[0].strip()
            env.globals[name] = lambda *a, __name=name, **k: found[__name](*a, **k)
        for text in ("\n" + macros).split("\n{% macro ")[1:]:
            module = env.from_string("{% macro " + text).make_module()
            for name in dir(module):
                m = getattr(module, name)
                if isinstance(m, jinja2.runtime.Macro):
                    found[name] = wrap(m)
    try:
        return env.from_string(body).render()
    except Exception as e:
        return "error"


out = []
for text in sys.stdin.read().rstrip("\n").split("\n%%%%\n"):
    out.append(render(text, False) + "\n----\n" + render(text, True))
sys.stdout.write("\n%%%%\n".join(out))
