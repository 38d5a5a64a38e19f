package googlesql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// typeNames are the names of types, upper case, with BigQuery's aliases.
var typeNames = map[string]ir.Kind{
	"BOOL": ir.Bool, "BOOLEAN": ir.Bool,
	"INT64": ir.Int64, "INT": ir.Int64, "INTEGER": ir.Int64, "BIGINT": ir.Int64, "SMALLINT": ir.Int64, "TINYINT": ir.Int64, "BYTEINT": ir.Int64,
	"INT32": ir.Int32, "UINT32": ir.Uint32, "UINT64": ir.Uint64,
	"FLOAT64": ir.Float64, "DOUBLE": ir.Float64, "FLOAT32": ir.Float32, "FLOAT": ir.Float64,
	"NUMERIC": ir.Numeric, "DECIMAL": ir.Numeric, "BIGNUMERIC": ir.BigNumeric, "BIGDECIMAL": ir.BigNumeric,
	"STRING": ir.String, "BYTES": ir.Bytes, "DATE": ir.Date, "DATETIME": ir.Datetime, "TIME": ir.Time,
	"TIMESTAMP": ir.Timestamp, "INTERVAL": ir.Interval, "JSON": ir.JSON, "GEOGRAPHY": ir.Geography, "UUID": ir.UUID,
}

// ParseType reads a type as GoogleSQL writes it: STRUCT<a INT64, b ARRAY<STRING(5)>>.
// The parameters are returned beside the type, since they are no part of it.
func ParseType(s string) (*ir.Type, ir.Params, error) {
	p := typeParser{sql: s, tokens: scan(s)}
	t, params, err := p.parse(0)
	if err == nil && p.at < len(p.tokens) {
		err = fmt.Errorf("unexpected %q", s[p.tokens[p.at].start:p.tokens[p.at].end])
	}
	if err != nil {
		return nil, ir.Params{}, fmt.Errorf("parse type %q: %w", s, err)
	}
	return t, params, nil
}

type typeParser struct {
	sql    string
	tokens []token
	at     int
}

// maxTypeDepth is far beyond what GoogleSQL allows (15 levels in BigQuery).
const maxTypeDepth = 100

func (p *typeParser) parse(depth int) (*ir.Type, ir.Params, error) {
	var none ir.Params
	if depth > maxTypeDepth {
		return nil, none, fmt.Errorf("nested too deeply")
	}
	if p.at >= len(p.tokens) || p.tokens[p.at].kind != wordToken {
		return nil, none, fmt.Errorf("a type name is missing")
	}
	word := p.tokens[p.at].name(p.sql)
	p.at++
	switch strings.ToUpper(word) {
	case "ARRAY", "RANGE":
		kind := ir.Array
		if strings.EqualFold(word, "RANGE") {
			kind = ir.Range
		}
		if !p.take('<') {
			return nil, none, fmt.Errorf("%s has no element type", strings.ToUpper(word))
		}
		elem, params, err := p.parse(depth + 1)
		if err != nil {
			return nil, none, err
		}
		if !p.take('>') {
			return nil, none, fmt.Errorf("> is missing")
		}
		t := &ir.Type{Kind: kind, Elem: elem}
		if kind == ir.Array && elem.Kind == ir.Array {
			return nil, none, fmt.Errorf("an array of arrays does not exist")
		}
		if kind == ir.Range && elem.Kind != ir.Date && elem.Kind != ir.Datetime && elem.Kind != ir.Timestamp {
			return nil, none, fmt.Errorf("RANGE<%s> does not exist", elem)
		}
		if params.None() {
			return t, none, nil
		}
		return t, ir.Params{Children: []ir.Params{params}}, nil
	case "STRUCT":
		return p.parseStruct(depth)
	}
	kind, ok := typeNames[strings.ToUpper(word)]
	if !ok {
		return nil, none, fmt.Errorf("unknown type %s", word)
	}
	params, err := p.params(kind)
	return ir.TypeOf(kind), params, err
}

func (p *typeParser) parseStruct(depth int) (*ir.Type, ir.Params, error) {
	var none ir.Params
	t := &ir.Type{Kind: ir.Struct}
	if !p.take('<') {
		return nil, none, fmt.Errorf("STRUCT has no fields")
	}
	if p.take('>') {
		return t, none, nil
	}
	var children []ir.Params
	some := false
	for {
		name := ""
		if p.at+1 < len(p.tokens) && p.tokens[p.at].kind == wordToken && p.tokens[p.at+1].kind == wordToken {
			name = p.tokens[p.at].name(p.sql)
			p.at++
		}
		f, params, err := p.parse(depth + 1)
		if err != nil {
			return nil, none, err
		}
		t.Fields = append(t.Fields, ir.Field{Name: name, Type: f})
		children = append(children, params)
		some = some || !params.None()
		if p.take(',') {
			continue
		}
		if !p.take('>') {
			return nil, none, fmt.Errorf("> is missing")
		}
		if !some {
			children = nil
		}
		return t, ir.Params{Children: children}, nil
	}
}

func (p *typeParser) params(kind ir.Kind) (ir.Params, error) {
	var out ir.Params
	if !p.take('(') {
		return out, nil
	}
	var nums []int64
	for {
		if p.at >= len(p.tokens) {
			return out, fmt.Errorf(") is missing")
		}
		t := p.tokens[p.at]
		text := p.sql[t.start:t.end]
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case strings.EqualFold(text, "MAX"):
			n = 0
		case err != nil:
			return out, fmt.Errorf("%q is not a number", text)
		}
		p.at++
		nums = append(nums, n)
		if p.take(',') {
			continue
		}
		if !p.take(')') {
			return out, fmt.Errorf(") is missing")
		}
		break
	}
	switch {
	case (kind == ir.String || kind == ir.Bytes) && len(nums) == 1:
		out.Length = nums[0]
	case (kind == ir.Numeric || kind == ir.BigNumeric) && len(nums) <= 2:
		out.Precision = nums[0]
		if len(nums) == 2 {
			out.Scale = nums[1]
		}
	default:
		return out, fmt.Errorf("%s takes no such parameters", kind)
	}
	return out, nil
}

func (p *typeParser) take(c byte) bool {
	if p.at < len(p.tokens) && sign(p.sql, p.tokens[p.at], c) {
		p.at++
		return true
	}
	return false
}
