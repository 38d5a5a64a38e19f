#!/usr/bin/env python3
"""Writes what Jinja2 prints of expressions, a line each: python3 results.py < expressions.txt > results.txt

Written with Jinja2 3.1.6 and dbt's filters as_bool, as_native, as_number, as_text (which change
nothing of texts outside of its native environment) and its tojson.
"""
import json
import sys
import jinja2


class Undefined(jinja2.Undefined):
    """As dbt's: what is not there has no attributes and items either, and says nothing."""

    def __getattr__(self, name):
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, name):
        return self


env = jinja2.Environment(undefined=Undefined)
env.filters["tojson"] = lambda v, default=None, sort_keys=False: json.dumps(v, sort_keys=sort_keys)
for name in ("as_bool", "as_native", "as_number"):
    env.filters[name] = lambda v: v
env.filters["as_text"] = str
for line in sys.stdin.read().split("\n")[:-1]:
    try:
        out = env.from_string("{{ " + line + " }}").render()
    except Exception:
        out = "error"
    # what prints an address or a generator is nothing to compare with
    print(out.replace("\\", "\\\\").replace("\n", "\\n"))
