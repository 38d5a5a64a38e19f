package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"sync"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/function"
)

// RegisterFunctions makes the functions of package function known to a database under
// function.Prefix and their names. DuckDB keeps functions for each open database, not for
// each connection, and not in the file: once after opening is enough.
//
// The functions run within DuckDB's threads, about half a microsecond a row; an error of
// one is an error of the statement.
func RegisterFunctions(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("register functions: %w", err)
	}
	defer conn.Close()
	for _, f := range listedFunctions() {
		if err := driver.RegisterScalarUDF(conn, function.Prefix+f.Name, &scalar{f}); err != nil {
			return fmt.Errorf("register function %s: %w", f.Name, err)
		}
	}
	return nil
}

// listedFunctions are the functions, with the caches they share among databases.
var listedFunctions = sync.OnceValue(function.List)

// scalar is a function as the driver wants it.
type scalar struct{ f function.Function }

// Config implements driver.ScalarFunc.
func (s *scalar) Config() driver.ScalarFuncConfig {
	c := driver.ScalarFuncConfig{
		ResultTypeInfo:      typeInfo(s.f.Result),
		Volatile:            s.f.Volatile,
		SpecialNullHandling: s.f.Nulls,
	}
	for _, k := range s.f.Args {
		c.InputTypeInfos = append(c.InputTypeInfos, typeInfo(k))
	}
	if s.f.Rest != 0 {
		c.VariadicTypeInfo = typeInfo(s.f.Rest)
	}
	return c
}

// Executor implements driver.ScalarFunc.
func (s *scalar) Executor() driver.ScalarFuncExecutor {
	return driver.ScalarFuncExecutor{RowExecutor: func(values []sqldriver.Value) (any, error) {
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = v
		}
		v, err := s.f.Guard(args)
		if list, ok := v.([]any); ok && list == nil {
			return nil, err
		}
		return v, err
	}}
}

var elementTypes = map[function.Kind]driver.Type{
	function.String:  driver.TYPE_VARCHAR,
	function.Bytes:   driver.TYPE_BLOB,
	function.Int64:   driver.TYPE_BIGINT,
	function.Uint64:  driver.TYPE_UBIGINT,
	function.Float64: driver.TYPE_DOUBLE,
	function.Bool:    driver.TYPE_BOOLEAN,
	function.Hugeint: driver.TYPE_HUGEINT,
}

// typeInfos are the driver's types of the kinds.
var typeInfos = sync.OnceValue(func() map[function.Kind]driver.TypeInfo {
	infos := map[function.Kind]driver.TypeInfo{}
	for k, t := range elementTypes {
		// Neither fails for these types, which have no parameters.
		one, err := driver.NewTypeInfo(t)
		if err != nil {
			panic(err)
		}
		list, err := driver.NewListInfo(one)
		if err != nil {
			panic(err)
		}
		infos[k], infos[k|function.Array] = one, list
	}
	return infos
})

func typeInfo(k function.Kind) driver.TypeInfo { return typeInfos()[k] }
