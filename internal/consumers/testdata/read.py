"""What readers of dbt's artifacts make of a project's target folder, as JSON on stdout.

usage: read.py PROJECT [parse | metabase | openlineage] …
"""

import json
import sys
from pathlib import Path

FILES = ("manifest", "run_results", "catalog", "sources")


def parse(project: Path) -> dict:
    """dbt-artifacts-parser: pydantic models that refuse unknown keys. Its newest models, and those
    that it picks by the file's own word of its version."""
    from dbt_artifacts_parser import parser

    out = {}
    for name in FILES:
        path = project / "target" / f"{name}.json"
        if not path.exists():
            continue
        read = getattr(parser, f"parse_{name}")(json.loads(path.read_text()))
        if not type(read).model_config.get("extra") == "forbid":
            raise SystemExit(f"{type(read).__name__} takes any key: nothing is proven")
        out[name] = type(read).__name__
        if name == "manifest":
            out["nodes"] = sorted(read.nodes)
            out["classes"] = sorted({type(n).__name__ for n in read.nodes.values()})
        if name == "run_results":
            out["statuses"] = {r.unique_id: r.status.value for r in read.results}
    return out


def metabase(project: Path) -> dict:
    """dbt-metabase: models, columns, foreign keys."""
    from dbtmetabase.manifest import Manifest

    out = {}
    for m in Manifest(project / "target" / "manifest.json").read_models():
        out[m.unique_id] = {
            "database": m.database,
            "schema": m.schema,
            "alias": m.alias,
            "group": m.group.value if m.group else None,
            "description": m.description,
            "display_name": m.display_name,
            "visibility": m.visibility_type,
            "tags": list(m.tags or []),
            "columns": {
                c.name: {"description": c.description, "semantic_type": c.semantic_type, "fk": [c.fk_target_table, c.fk_target_field]} for c in m.columns
            },
        }
    return out


def openlineage(project: Path) -> dict:
    """OpenLineage's dbt processor: one event per model that was built, with its inputs."""
    from openlineage.common.provider.dbt import DbtLocalArtifactProcessor

    events = DbtLocalArtifactProcessor(
        producer="https://example.com/engine", project_dir=str(project), job_namespace="test", target="dev", profile_name=None
    ).parse()
    out = {}
    for kind in ("starts", "completes", "fails"):
        for e in getattr(events, kind):
            name = lambda d: f"{d.namespace}/{d.name}"
            out.setdefault(kind, {})[e.job.name] = {"inputs": sorted(map(name, e.inputs or [])), "outputs": sorted(map(name, e.outputs or []))}
    return out


def main():
    project = Path(sys.argv[1]).resolve()
    json.dump({what: globals()[what](project) for what in sys.argv[2:]}, sys.stdout, default=str)


main()
