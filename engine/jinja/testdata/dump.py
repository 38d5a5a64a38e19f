#!/usr/bin/env python3
"""Writes Jinja2's own syntax trees, with which package jinja compares its trees.

    python3 dump.py < templates > trees

Templates are parted by a line «%%%%»; so are the trees. What Jinja2 refuses is «error».
Written with Jinja2 3.1.6 and dbt's settings: the extensions do and loopcontrols, and blocks of
the words test and data_test as macros.
"""
import sys
import jinja2
from jinja2 import nodes
from jinja2.ext import Extension


class Test(Extension):
    tags = {"test", "data_test"}

    def parse(self, parser):
        node = nodes.Macro(lineno=next(parser.stream).lineno)
        node.name = parser.parse_assign_target(name_only=True).name
        parser.parse_signature(node)
        node.body = parser.parse_statements(("name:endtest", "name:enddata_test"), drop_needle=True)
        return node


class Materialization(Extension):
    tags = {"materialization"}

    def parse(self, parser):
        node = nodes.Macro(lineno=next(parser.stream).lineno)
        name, adapter, node.args, node.defaults = parser.parse_assign_target(name_only=True).name, "", [], []
        while parser.stream.skip_if("comma"):
            target = parser.parse_assign_target(name_only=True)
            if target.name == "default":
                continue
            if target.name not in ("adapter", "supported_languages"):
                parser.fail("no such argument")
            parser.stream.expect("assign")
            value = parser.parse_expression()
            if target.name == "adapter":
                if not isinstance(value, nodes.Const) or not isinstance(value.value, str):
                    parser.fail("no adapter")
                adapter = value.value
            else:
                node.args.append(target)
                node.defaults.append(value)
        node.name = "materialization %s %s" % (name, adapter)
        node.body = parser.parse_statements(("name:endmaterialization",), drop_needle=True)
        return node


class Snapshot(Extension):
    tags = {"snapshot"}

    def parse(self, parser):
        node = nodes.Macro(lineno=next(parser.stream).lineno)
        node.name = "snapshot " + parser.parse_assign_target(name_only=True).name
        node.args, node.defaults = [], []
        node.body = parser.parse_statements(("name:endsnapshot",), drop_needle=True)
        return node


env = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", Test, Materialization, Snapshot])


def q(s):
    return '"' + "".join(c if 32 <= ord(c) <= 126 and c not in '"\\' else "\\u{%x}" % ord(c) for c in s) + '"'


def o(x):
    return "-" if x is None else e(x)


def es(l):
    return "[" + "".join(e(x) for x in l) + "]"


def args(n):
    return es(n.args) + "[" + "".join("(%s %s)" % (k.key, e(k.value)) for k in n.kwargs) + "]" + o(n.dyn_args) + o(n.dyn_kwargs)


OPS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "notin"}
BIN = {nodes.Or: "or", nodes.And: "and", nodes.Add: "+", nodes.Sub: "-", nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%", nodes.Pow: "**"}


def e(x):
    t = type(x)
    if t is nodes.Name:
        return "(name %s)" % x.name
    if t is nodes.NSRef:
        return "(attr (name %s) %s)" % (x.name, x.attr)
    if t is nodes.Const:
        v = x.value
        if v is None:
            return "(none)"
        if isinstance(v, bool):
            return "(bool %s)" % str(v).lower()
        if isinstance(v, int):
            return "(int %d)" % v
        if isinstance(v, float):
            return "(float %s)" % (("%.12e" % v) if v != float("inf") else "+Inf")
        return "(str %s)" % q(v)
    if t is nodes.List:
        return "(list %s)" % es(x.items)
    if t is nodes.Tuple:
        return "(tuple %s)" % es(x.items)
    if t is nodes.Dict:
        return "(dict %s)" % "".join(e(p.key) + e(p.value) for p in x.items)
    if t is nodes.Getattr:
        return "(attr %s %s)" % (e(x.node), x.attr)
    if t is nodes.Getitem:
        return "(item %s %s)" % (e(x.node), e(x.arg))
    if t is nodes.Slice:
        return "(slice %s %s %s)" % (o(x.start), o(x.stop), o(x.step))
    if t is nodes.Call:
        return "(callx %s %s)" % (e(x.node), args(x))
    if t is nodes.Filter:
        return "(filter %s %s %s)" % (o(x.node), x.name, args(x))
    if t is nodes.Test:
        return "(test %s %s %s)" % (e(x.node), x.name, args(x))
    if t in BIN:
        return "(%s %s %s)" % (BIN[t], e(x.left), e(x.right))
    if t is nodes.Concat:
        return "(concat %s)" % es(x.nodes)
    if t is nodes.Compare:
        return "(cmp %s%s)" % (e(x.expr), "".join("(%s %s)" % (OPS[c.op], e(c.expr)) for c in x.ops))
    if t is nodes.Not:
        return "(not %s)" % e(x.node)
    if t is nodes.Neg:
        return "(unary- %s)" % e(x.node)
    if t is nodes.Pos:
        return "(unary+ %s)" % e(x.node)
    if t is nodes.CondExpr:
        return "(cond %s %s %s)" % (e(x.test), e(x.expr1), o(x.expr2))
    raise Exception(t)


def params(n):
    d = [None] * (len(n.args) - len(n.defaults)) + list(n.defaults)
    return "[" + "".join("(%s %s)" % (a.name, o(v)) for a, v in zip(n.args, d)) + "]"


def body(l):
    out, text = [], []

    def flush():
        s = "".join(text)
        if s:
            out.append("(text %s)" % q(s))
        text.clear()

    for n in l:
        if type(n) is nodes.Output:
            for x in n.nodes:
                if type(x) is nodes.TemplateData:
                    text.append(x.data)
                else:
                    flush()
                    out.append("(out %s)" % e(x))
        else:
            flush()
            out.append(s(n))
    flush()
    return "".join(out)


def b(l):
    return "[" + body(l) + "]"


def s(n):
    t = type(n)
    if t is nodes.If:
        out = "(if %s %s " % (e(n.test), b(n.body))
        if n.elif_:
            first, rest = n.elif_[0], n.elif_[1:]
            inner = nodes.If(first.test, first.body, rest, n.else_)
            return out + "[" + s(inner) + "])"
        return out + b(n.else_) + ")"
    if t is nodes.For:
        return "(for %s %s %s %s %s %s)" % (e(n.target), e(n.iter), o(n.test), str(n.recursive).lower(), b(n.body), b(n.else_))
    if t is nodes.Assign:
        return "(set %s %s)" % (e(n.target), e(n.node))
    if t is nodes.AssignBlock:
        return "(setblock %s %s %s)" % (e(n.target), o(n.filter), b(n.body))
    if t is nodes.Macro:
        return "(macro %s %s %s)" % (n.name, params(n), b(n.body))
    if t is nodes.CallBlock:
        return "(call %s %s %s)" % (e(n.call), params(n), b(n.body))
    if t is nodes.FilterBlock:
        return "(filterblock %s %s)" % (e(n.filter), b(n.body))
    if t is nodes.With:
        return "(with %s %s %s)" % (es(n.targets), es(n.values), b(n.body))
    if t is nodes.ExprStmt:
        return "(do %s)" % e(n.node)
    if t is nodes.Break:
        return "(break)"
    if t is nodes.Continue:
        return "(continue)"
    raise Exception(t)


out = []
for text in sys.stdin.buffer.read().decode().split("\n%%%%\n"):
    try:
        out.append(body(env.parse(text).body))
    except (jinja2.TemplateSyntaxError, UnicodeDecodeError):
        out.append("error")
sys.stdout.write("\n%%%%\n".join(out))
