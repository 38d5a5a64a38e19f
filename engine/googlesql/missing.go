package googlesql

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/googlesql/raw"
)

// BigQuery functions the analyzer does not know, so that statements which use
// them can be analyzed. Types are written as in SQL; T1 and T2 are any type,
// the same at each place; a final ? makes an argument optional, * repeated.
// name:= makes it an argument that may be passed by name.
var missingFunctions = []struct {
	name      string
	aggregate bool
	result    string
	args      []string
}{
	{"max_by", true, "T1", []string{"T1", "T2"}},
	{"min_by", true, "T1", []string{"T1", "T2"}},
	{"contains_substr", false, "BOOL", []string{"any", "STRING", "json_scope:=STRING?"}},
	{"search", false, "BOOL", []string{"any", "STRING", "analyzer:=STRING?", "analyzer_options:=STRING?", "json_scope:=STRING?"}},
	{"text_analyze", false, "ARRAY<STRING>", []string{"STRING", "analyzer:=STRING?", "analyzer_options:=STRING?"}},
	{"bag_of_words", false, "ARRAY<STRUCT<term STRING, count INT64>>", []string{"ARRAY<STRING>"}},
	{"dlp_deterministic_encrypt", false, "STRING", []string{"BYTES", "STRING", "STRING", "STRING?"}},
	{"dlp_deterministic_decrypt", false, "STRING", []string{"BYTES", "STRING", "STRING", "STRING?"}},
	{"dlp_key_chain", false, "BYTES", []string{"STRING", "BYTES"}},
}

// systemVariables are BigQuery's @@ variables and their types.
var systemVariables = [][2]string{
	{"current_job_id", "STRING"}, {"dataset_id", "STRING"}, {"dataset_project_id", "STRING"}, {"last_job_id", "STRING"}, {"location", "STRING"},
	{"project_id", "STRING"}, {"query_label", "STRING"}, {"reservation", "STRING"}, {"row_count", "INT64"}, {"session_id", "STRING"},
	{"time_zone", "STRING"}, {"script.bytes_billed", "INT64"}, {"script.bytes_processed", "INT64"}, {"script.creation_time", "TIMESTAMP"},
	{"script.job_id", "STRING"}, {"script.num_child_jobs", "INT64"}, {"script.slot_ms", "INT64"}, {"error.message", "STRING"},
	{"error.statement_text", "STRING"}, {"error.formatted_stack_trace", "STRING"},
	{"error.stack_trace", "ARRAY<STRUCT<line INT64, column INT64, filename STRING, location STRING>>"},
}

func (in *instance) addSystemVariables() error {
	for _, v := range systemVariables {
		t, _, err := ParseType(v[1])
		if err != nil {
			return err
		}
		h, err := in.typeHandle(t)
		if err != nil {
			return err
		}
		if err := in.m.AnalyzerOptions_AddSystemVariable(in.options, strings.Split(v[0], "."), h); err != nil {
			return err
		}
	}
	return nil
}

// unknownTerritory are beginnings of names BigQuery has and the analyzer does
// not: services, and functions whose result depends on their arguments.
var unknownTerritory = []string{
	"ML.", "AI.", "OBJ.", "VECTOR_INDEX.", "BQML.", "EXTERNAL_QUERY", "VECTOR_SEARCH", "APPENDS", "CHANGES", "GAP_FILL", "RANGE_SESSIONIZE", "TF_IDF",
	"ST_REGIONSTATS", "EXTERNAL_OBJECT_TRANSFORM", "GRAPH_EXPAND",
}

// missingName says of a name the analyzer did not find whether it is one whose
// absence proves nothing; it returns what to call it, or "".
func (s *Session) missingName(message string) string {
	for _, kind := range []string{"Function", "Aggregate function", "Table-valued function", "Model", "Procedure", "Connection"} {
		name, ok := strings.CutPrefix(message, kind+" not found: ")
		if !ok {
			continue
		}
		name = strings.ReplaceAll(strings.TrimSpace(name), "`", "")
		for _, p := range unknownTerritory {
			if prefixFold(name, p) {
				return strings.ToUpper(name)
			}
		}
		switch {
		case kind == "Model" || kind == "Procedure" || kind == "Connection":
			return "the " + strings.ToLower(kind) + " " + name
		case strings.Contains(name, ".") && !strings.EqualFold(strings.SplitN(name, ".", 2)[0], "safe") && s.suggestFunction(name) == "":
			return "the function " + name + ", which is not declared,"
		}
		return ""
	}
	return ""
}

// suggestFunction finds a declared function whose name is close, "" if there is none.
func (s *Session) suggestFunction(name string) string {
	best, distance := "", 3
	for key, f := range s.functions {
		if d := editDistance(strings.ToLower(name), key, distance+1); d < distance || d == distance && best != "" && strings.Join(f.name, ".") < best {
			best, distance = strings.Join(f.name, "."), d
		}
	}
	return best
}

// addMissingFunctions declares the functions of BigQuery that the analyzer does not know.
func (in *instance) addMissingFunctions() error {
	for _, f := range missingFunctions {
		result, err := missingArgument(f.result)
		if err != nil {
			return err
		}
		var sig []byte
		for _, a := range f.args {
			arg, err := missingArgument(a)
			if err != nil {
				return err
			}
			sig = putBytes(sig, 1, arg)
		}
		mode := uint64(protoScalar)
		if f.aggregate {
			mode = protoAggregate
		}
		h, err := in.deserialize(headProto([]string{f.name}, "BigQuery", mode, putBytes(sig, 2, result)))
		if err == nil {
			err = in.m.SimpleCatalog_AddFunction2(in.builtin, f.name, h)
		}
		if err != nil {
			return fmt.Errorf("function %s: %w", f.name, err)
		}
	}
	return nil
}

// correctFunctions declares functions whose signatures the analyzer has wrong: it takes
// an INT64 for NUMERIC, where FLOAT64 is right, and writes a FLOAT64 out as a product that
// overflows. These are found before the analyzer's own.
func (in *instance) correctFunctions() error {
	for _, name := range []string{"radians", "degrees"} {
		var head []byte
		for _, types := range [][2]string{{"FLOAT64", "FLOAT64"}, {"INT64", "FLOAT64"}, {"NUMERIC", "NUMERIC"}, {"BIGNUMERIC", "BIGNUMERIC"}} {
			arg, err := missingArgument(types[0])
			if err != nil {
				return err
			}
			result, err := missingArgument(types[1])
			if err != nil {
				return err
			}
			signature := putBytes(putBytes(nil, 1, arg), 2, result)
			if head == nil {
				head = headProto([]string{name}, "GoogleSQL", protoScalar, signature)
				continue
			}
			head = putBytes(head, 4, signature)
		}
		h, err := in.deserialize(head)
		if err == nil {
			err = in.m.SimpleCatalog_AddFunction2(in.corrected, name, h)
		}
		if err != nil {
			return fmt.Errorf("function %s: %w", name, err)
		}
	}
	return nil
}

// missingArgument reads an argument or result of missingFunctions.
func missingArgument(s string) ([]byte, error) {
	var a argument
	switch s[len(s)-1] {
	case '?':
		s, a.cardinality = s[:len(s)-1], protoOptional
	case '*':
		s, a.cardinality = s[:len(s)-1], protoRepeated
	}
	if name, rest, ok := strings.Cut(s, ":="); ok {
		s, a.name, a.byName = rest, name, true
	}
	switch s {
	case "T1":
		a.kind = raw.SignatureArgumentKindArgTypeAny1
	case "T2":
		a.kind = raw.SignatureArgumentKindArgTypeAny2
	case "any":
		a.kind = raw.SignatureArgumentKindArgTypeArbitrary
	default:
		t, _, err := ParseType(s)
		if err != nil {
			return nil, err
		}
		a.kind, a.typ = raw.SignatureArgumentKindArgTypeFixed, t
	}
	return argumentProto(a)
}
