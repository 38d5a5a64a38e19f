"""Astronomer Cosmos reads a project, in the two ways it has: by running the dbt program's ls,
and from manifest.json. Both must show the same graph.

usage: render.py PROGRAM PROJECT

Airflow itself is not installed, it is large. Cosmos is not changed: what it imports of Airflow
is stood in for by names without behaviour, and its configuration is what Cosmos falls back to,
caches apart.
"""

import importlib.abc
import importlib.machinery
import json
import sys
import types
from pathlib import Path


class Anything(type):
    """A class that has any attribute, for annotations and decorators."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Stand(metaclass=Anything):
    def __init__(self, *args, **kwargs):
        pass


class Configuration:
    @staticmethod
    def get(section, key, fallback=None, **kwargs):
        return False if key.startswith("enable_cache") else fallback

    getboolean = getint = getfloat = get


class Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "conf":
            return Configuration
        if name.endswith("Exception"):
            return Exception
        if name == "ObjectStoragePath":
            return Path
        if name == "provide_session":
            return lambda f: f
        return Stand


class Airflow(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("airflow", "pendulum"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = Module(spec.name)
        module.__version__ = "2.10.5"
        return module

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Airflow())

from cosmos.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig  # noqa: E402
from cosmos.constants import InvocationMode, LoadMode, SourceRenderingBehavior  # noqa: E402
from cosmos.dbt.graph import DbtGraph  # noqa: E402


def graph(program: str, project: Path, method: LoadMode, select=(), exclude=()) -> DbtGraph:
    loaded = DbtGraph(
        project=ProjectConfig(dbt_project_path=project, manifest_path=project / "target" / "manifest.json", project_name=project.name),
        profile_config=ProfileConfig(profile_name="shop", target_name="dev", profiles_yml_filepath=project / "profiles.yml"),
        execution_config=ExecutionConfig(dbt_executable_path=program, dbt_project_path=project, invocation_mode=InvocationMode.SUBPROCESS),
        render_config=RenderConfig(
            load_method=method,
            dbt_executable_path=program,
            dbt_project_path=project,
            invocation_mode=InvocationMode.SUBPROCESS,
            dbt_deps=False,
            select=list(select),
            exclude=list(exclude),
            source_rendering_behavior=SourceRenderingBehavior.ALL,
        ),
    )
    loaded.load(method=method)
    return loaded


def shape(nodes) -> dict:
    return {
        id: {
            "type": n.resource_type.value,
            "parents": sorted(n.depends_on),
            "tags": sorted(n.tags),
            "file": str(n.original_file_path),
            "fqn": n.fqn,
            "materialized": n.config.get("materialized"),
            "meta": n.config.get("meta"),
            "freshness": n.has_freshness,
            "name": n.resource_name,
            "has_test": n.has_test,
        }
        for id, n in nodes.items()
    }


def main():
    program, project = sys.argv[1], Path(sys.argv[2]).resolve()
    listed = graph(program, project, LoadMode.DBT_LS)
    told = graph(program, project, LoadMode.DBT_MANIFEST)
    few = graph(program, project, LoadMode.DBT_LS, select=["tag:nightly+"], exclude=["stg_orders"])
    json.dump({"ls": shape(listed.nodes), "manifest": shape(told.nodes), "nightly": sorted(few.filtered_nodes)}, sys.stdout)


main()
