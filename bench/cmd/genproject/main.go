// Command genproject writes a project of a given size for benchmarks:
//
//	go run ./bench/cmd/genproject -models 10000 /tmp/p10k
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/engine-build/engine/bench/gen"
)

func main() {
	var o gen.Options
	flag.IntVar(&o.Models, "models", 1000, "number of models")
	flag.Uint64Var(&o.Seed, "seed", 42, "seed of the random shape")
	flag.StringVar(&o.Materialized, "materialized", "table", "materialization of every model")
	flag.BoolVar(&o.Tests, "tests", false, "test the key of every model")
	flag.Parse()
	if flag.NArg() != 1 || o.Models < 1 {
		fmt.Fprintln(os.Stderr, "usage: genproject [flags] DIR")
		flag.PrintDefaults()
		os.Exit(2)
	}
	if err := gen.Write(flag.Arg(0), o); err != nil {
		fmt.Fprintln(os.Stderr, "genproject:", err)
		os.Exit(1)
	}
}
