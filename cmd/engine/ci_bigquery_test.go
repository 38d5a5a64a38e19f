package main

import (
	"testing"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// TestCIOnBigQuery: the state of a dataset, what is deferred to it, and the comparison of
// rows, by the client of the real service.
func TestCIOnBigQuery(t *testing.T) {
	peer := bqpeer.Start(t)
	f := newFolder(t)
	f.write("engine.yml", "name: shop\ntarget: dev\ntargets:\n  dev: "+onBigQuery(peer, "dev")+"\n  prod: "+onBigQuery(peer, "core")+"\n")
	f.write("seeds/raw.csv", "id,amount\n1,10\n2,20\n")
	f.write("models/stg.sql", "{{ config \"materialized\" \"table\" }}select id, amount, [amount] as list from {{ ref \"raw\" }}")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, amount, list from {{ ref \"stg\" }}")
	f.write("models/m.yml", "version: 2\nmodels:\n  - name: orders\n    columns: [{name: id, data_tests: [unique]}]\n")
	f.done("done", "build", "--target", "prod", "--no-catalog")
	f.write("models/orders.sql", "{{ config \"materialized\" \"table\" }}select id, if(id = 1, 11, amount) as amount, list from {{ ref \"stg\" }}")
	f.done("orders\n", "ls", "-s", "state:modified", "--state", "prod", "--resource-type", "model")
	f.done("`"+peer.Project+"`.`core`.`stg`", "compile", "orders", "--defer", "--state", "prod")
	f.done("done: 1 built, 1 test passed", "build", "-s", "orders", "--defer", "--state", "prod", "--no-catalog")
	f.done("1 row differs", "diff", "orders", "--state", "prod")
	f.done("rows by list", "diff", "orders", "--state", "prod", "--key", "list")
}
