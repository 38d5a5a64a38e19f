package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// engine is what is taken from the engine module's root package.
type engine struct {
	invoke   map[string]string // "Inv_3_4" -> "Fn68"
	symbol   map[string]string // "Fn68" -> link name
	elemSegs []string          // table initialisers, in order
	memory   int64             // initial linear memory, bytes
	table    int64             // size of the function table
	stackTop int64             // initial stack pointer, which is also where data.bin goes
	exports  map[string]string // "Initialize" -> "Fn41"
}

var (
	reInvoke   = regexp.MustCompile(`(?s)func (Inv_\d+_\d+)\(.*?packed = (Fn\d+)\(m, l0, l1\)`)
	reLink     = regexp.MustCompile(`(?m)^//go:linkname (\w+) (\S+)$`)
	reSeg      = regexp.MustCompile(`(?m)^\t(InitElemSeg_\d+_\d+)\(m\)$`)
	reMemory   = regexp.MustCompile(`m\.Memory = make\(\[\]byte, (\d+), __memcap\)`)
	reTable    = regexp.MustCompile(`m\.T0 = make\(\[\]any, (\d+)\)`)
	reStackTop = regexp.MustCompile(`m\.G0 = int32\((\d+)\)`)
	reData     = regexp.MustCompile(`copy\(m\.Memory\[(\d+):\], wasm2goData_data_bin`)
	reExport   = regexp.MustCompile(`(?m)^func (Initialize|WasmAlloc|WasmFree|WasmifyGetTypeName|WasmInit)\([^)]*\)[^{]*\{\n\t(?:return )?(Fn\d+)\(`)
)

func readEngine(dir string) (*engine, error) {
	root, err := os.ReadFile(filepath.Join(dir, "wasm2go.go"))
	if err != nil {
		return nil, err
	}
	alias, err := os.ReadFile(filepath.Join(dir, "alias.go"))
	if err != nil {
		return nil, err
	}
	e := &engine{invoke: map[string]string{}, symbol: map[string]string{}, exports: map[string]string{}}
	for _, m := range reInvoke.FindAllSubmatch(root, -1) {
		e.invoke[string(m[1])] = string(m[2])
	}
	for _, m := range reLink.FindAllSubmatch(alias, -1) {
		e.symbol[string(m[1])] = string(m[2])
	}
	for _, m := range reSeg.FindAllSubmatch(root, -1) {
		e.elemSegs = append(e.elemSegs, string(m[1]))
	}
	for _, m := range reExport.FindAllSubmatch(root, -1) {
		e.exports[string(m[1])] = string(m[2])
	}
	number := func(re *regexp.Regexp) int64 {
		m := re.FindSubmatch(root)
		if m == nil {
			return 0
		}
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		return n
	}
	e.memory, e.table, e.stackTop = number(reMemory), number(reTable), number(reStackTop)
	if e.memory == 0 || e.table == 0 || e.stackTop == 0 || len(e.elemSegs) == 0 || len(e.exports) != 5 {
		return nil, fmt.Errorf("read engine module: its constructor has an unknown form")
	}
	if number(reData) != e.stackTop {
		return nil, fmt.Errorf("read engine module: data does not start at the stack's top")
	}
	return e, nil
}
