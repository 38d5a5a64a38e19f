package main

import (
	"errors"
	"slices"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/check"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/dbt"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/distribute"
	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/jinja"
	"github.com/engine-build/engine/engine/lookml"
	"github.com/engine-build/engine/engine/materialize"
	"github.com/engine-build/engine/engine/metabase"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/sql/format"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/tmpl"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/lineage"
)

// catalogue has every code that the engine emits, room by room.
func catalogue() []diag.Entry {
	return slices.Concat(
		dbtCodes,
		tmpl.Codes, jinja.Codes, dbt.Codes, importCodes, format.Codes, project.Codes, compile.Codes, datatest.Codes, materialize.Codes, lineage.Codes, check.Codes,
		warehouse.Codes, tenant.Codes, plan.Codes, run.Codes, distribute.Codes, distributeCodes, engine.Codes, Codes, traceCodes, materialCodes, tenureCodes, rollbackCodes, planCodes, serveCodes, ingest.Codes, ingestCodes, driftCodes, lookml.Codes, lookmlCodes, audienceCodes, baselineCodes, metabase.Codes, metabaseCodes, profileCodes,
	)
}

func asMistakes(err error, into **mistakes) bool { return errors.As(err, into) }
