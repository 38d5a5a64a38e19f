package tmpl

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"

	"github.com/engine-build/engine/engine/diag"
)

// engineFuncs are the functions whose calls are listed and answered by an Env.
var engineFuncs = map[string]bool{
	"ref": true, "source": true, "config": true, "var": true, "env_var": true, "this": true,
	"target": true, "is_incremental": true, "include": true,
	"results": true, "schemas": true, "database_schemas": true, "columns": true,
}

var builtins = []string{
	"and", "call", "html", "index", "js", "len", "not", "or", "print", "printf", "println",
	"slice", "urlquery", "eq", "ge", "gt", "le", "lt", "ne",
}

// Why a sprig function is not there. A template's text may depend on nothing but the
// project, declared variables and the target: a fingerprint has to be a fact.
const (
	whyEnv     = "it reads the environment behind the engine's back"
	whyNetwork = "it asks the network"
	whyRandom  = "it gives another value in every run"
	whyClock   = "it reads the clock"
	whySecret  = "it makes keys or secrets"
	whyOS      = "it answers differently on different systems"
)

type removal struct{ why, help string }

// removed are the sprig functions that templates do not get.
var removed = map[string]removal{
	"env":                      {whyEnv, `use {{ env_var "NAME" }}, which is a declared input`},
	"expandenv":                {whyEnv, `use {{ env_var "NAME" }}, which is a declared input`},
	"getHostByName":            {whyNetwork, "put the value into vars"},
	"randAlphaNum":             {whyRandom, "use a function of the warehouse in SQL"},
	"randAlpha":                {whyRandom, "use a function of the warehouse in SQL"},
	"randAscii":                {whyRandom, "use a function of the warehouse in SQL"},
	"randNumeric":              {whyRandom, "use a function of the warehouse in SQL"},
	"randBytes":                {whyRandom, "use a function of the warehouse in SQL"},
	"randInt":                  {whyRandom, "use a function of the warehouse in SQL"},
	"shuffle":                  {whyRandom, "use sortAlpha for a stable order"},
	"uuidv4":                   {whyRandom, "use a function of the warehouse in SQL"},
	"now":                      {whyClock, "use current_timestamp in SQL"},
	"ago":                      {whyClock, "compute the difference to current_timestamp in SQL"},
	"durationRound":            {whyClock, "use duration"},
	"bcrypt":                   {whySecret, "secrets do not belong in templates"},
	"htpasswd":                 {whySecret, "secrets do not belong in templates"},
	"derivePassword":           {whySecret, "secrets do not belong in templates"},
	"genPrivateKey":            {whySecret, "secrets do not belong in templates"},
	"buildCustomCert":          {whySecret, "secrets do not belong in templates"},
	"genCA":                    {whySecret, "secrets do not belong in templates"},
	"genCAWithKey":             {whySecret, "secrets do not belong in templates"},
	"genSelfSignedCert":        {whySecret, "secrets do not belong in templates"},
	"genSelfSignedCertWithKey": {whySecret, "secrets do not belong in templates"},
	"genSignedCert":            {whySecret, "secrets do not belong in templates"},
	"genSignedCertWithKey":     {whySecret, "secrets do not belong in templates"},
	"encryptAES":               {whySecret, "secrets do not belong in templates"},
	"decryptAES":               {whySecret, "secrets do not belong in templates"},
	"osBase":                   {whyOS, "use base"},
	"osClean":                  {whyOS, "use clean"},
	"osDir":                    {whyOS, "use dir"},
	"osExt":                    {whyOS, "use ext"},
	"osIsAbs":                  {whyOS, "use isAbs"},
}

// pureFuncs are sprig's functions without the removed ones, those that depend on the
// clock, the time zone or a map's order only in some uses having been made exact.
// The map is shared: nobody changes it.
var pureFuncs = sync.OnceValue(func() template.FuncMap {
	m := sprig.TxtFuncMap()
	for name := range removed {
		delete(m, name)
	}
	maps.Copy(m, exactFuncs())
	maps.Copy(m, pythonFuncs())
	maps.Copy(m, limitedFuncs(m))
	return m
})

var funcNames = sync.OnceValue(func() []string {
	names := slices.Concat(builtins, slices.Collect(maps.Keys(pureFuncs())), slices.Collect(maps.Keys(engineFuncs)))
	slices.Sort(names)
	return slices.Compact(names)
})

var funcSet = sync.OnceValue(func() map[string]bool {
	set := map[string]bool{}
	for _, name := range funcNames() {
		set[name] = true
	}
	return set
})

func isFunc(name string) bool { return funcSet()[name] }

// exactFuncs replace functions that are nearly pure: dates are in UTC unless a zone is
// named, nothing defaults to now, and dictionaries are read in the order of their keys.
func exactFuncs() template.FuncMap {
	inZone := func(layout string, date any, zone string) (string, error) {
		t, err := asTime(date)
		if err != nil {
			return "", err
		}
		if zone == "Local" {
			return "", fmt.Errorf(`zone "Local" is another one on every machine`)
		}
		loc, err := time.LoadLocation(zone)
		if err != nil {
			return "", fmt.Errorf("no time zone named %q", zone)
		}
		return t.In(loc).Format(layout), nil
	}
	format := func(layout string, date any) (string, error) { return inZone(layout, date, "UTC") }
	html := func(date any) (string, error) { return format(time.DateOnly, date) }
	toDate := func(layout, s string) (time.Time, error) {
		t, err := time.Parse(layout, s)
		if err != nil {
			return t, fmt.Errorf("%q does not look like %q", s, layout)
		}
		return t, nil
	}
	modify := func(by string, date any) (time.Time, error) {
		t, err := asTime(date)
		if err != nil {
			return t, err
		}
		d, err := time.ParseDuration(by)
		if err != nil {
			return t, fmt.Errorf(`%q is not a duration like "-24h"`, by)
		}
		return t.Add(d), nil
	}
	return template.FuncMap{
		"date": format, "htmlDate": html,
		"dateInZone": inZone, "date_in_zone": inZone,
		"htmlDateInZone": func(date any, zone string) (string, error) { return inZone(time.DateOnly, date, zone) },
		"toDate":         toDate, "mustToDate": toDate,
		"dateModify": modify, "date_modify": modify, "mustDateModify": modify, "must_date_modify": modify,
		"keys": func(dicts ...map[string]any) []string {
			out := []string{}
			for _, d := range dicts {
				out = append(out, slices.Sorted(maps.Keys(d))...)
			}
			return out
		},
		"values": func(d map[string]any) []any {
			out := []any{}
			for _, k := range slices.Sorted(maps.Keys(d)) {
				out = append(out, d[k])
			}
			return out
		},
	}
}

func asTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		return v.UTC(), nil
	case int64:
		return time.Unix(v, 0).UTC(), nil
	case int:
		return time.Unix(int64(v), 0).UTC(), nil
	}
	return time.Time{}, fmt.Errorf(`%v is not a date: make one with toDate "2006-01-02" "2026-01-31"`, v)
}

const (
	maxElements = 100_000 // of until, untilStep, seq
	maxText     = 1 << 20 // bytes of repeat, indent
)

// limitedFuncs are the functions that turn a small number into much memory, or a
// dictionary into one that contains itself.
func limitedFuncs(all template.FuncMap) template.FuncMap {
	until := all["until"].(func(int) []int)
	untilStep := all["untilStep"].(func(int, int, int) []int)
	seq := all["seq"].(func(...int) string)
	repeat := all["repeat"].(func(int, string) string)
	m := template.FuncMap{
		"until": func(n int) ([]int, error) {
			if err := countable(0, n, 1); err != nil {
				return nil, err
			}
			return until(n), nil
		},
		"untilStep": func(start, stop, step int) ([]int, error) {
			if err := countable(start, stop, step); err != nil {
				return nil, err
			}
			return untilStep(start, stop, step), nil
		},
		"seq": func(p ...int) (string, error) {
			start, step, stop := 1, 1, 0
			switch len(p) {
			case 1:
				stop = p[0]
			case 2:
				start, stop = p[0], p[1]
			case 3:
				start, step, stop = p[0], p[1], p[2]
			}
			if err := countable(start, stop, step); err != nil {
				return "", err
			}
			return seq(p...), nil
		},
		"repeat": func(n int, s string) (string, error) {
			if n < 0 || len(s) > 0 && n > maxText/len(s) {
				return "", fmt.Errorf("%d times %d bytes is more than the limit of %d", n, len(s), maxText)
			}
			return repeat(n, s), nil
		},
	}
	for _, name := range []string{"indent", "nindent"} {
		indent := all[name].(func(int, string) string)
		m[name] = func(n int, s string) (string, error) {
			if n < 0 || n > maxText/(strings.Count(s, "\n")+1) {
				return "", fmt.Errorf("%d is too far", n)
			}
			return indent(n, s), nil
		}
	}
	set := all["set"].(func(map[string]any, string, any) map[string]any)
	m["set"] = func(d map[string]any, key string, v any) (map[string]any, error) {
		if d == nil {
			return nil, fmt.Errorf("there is no dictionary to set %q in", key)
		}
		if reaches(v, reflect.ValueOf(d).Pointer()) {
			return nil, fmt.Errorf("a dictionary cannot contain itself")
		}
		return set(d, key, v), nil
	}
	for _, name := range []string{"merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"} {
		merge := reflect.ValueOf(all[name])
		m[name] = func(d map[string]any, from ...map[string]any) (any, error) {
			if d == nil {
				return nil, fmt.Errorf("there is no dictionary to merge into")
			}
			in := []reflect.Value{reflect.ValueOf(d)}
			for _, f := range from {
				if reaches(f, in[0].Pointer()) {
					return nil, fmt.Errorf("a dictionary cannot contain itself")
				}
				// A merged dictionary is shared with its source otherwise, and changing one
				// would change the other.
				in = append(in, reflect.ValueOf(own(f)))
			}
			out := merge.Call(in)
			if len(out) == 2 && !out[1].IsNil() {
				return nil, out[1].Interface().(error)
			}
			return out[0].Interface(), nil
		}
	}
	return m
}

func countable(start, stop, step int) error {
	span := math.Abs(float64(stop) - float64(start))
	if n := span / math.Max(1, math.Abs(float64(step))); n > maxElements {
		return fmt.Errorf("%.0f elements are more than the limit of %d", n, maxElements)
	}
	return nil
}

// reaches reports whether the dictionary at address dict is inside v.
func reaches(v any, dict uintptr) bool {
	switch v := v.(type) {
	case map[string]any:
		if reflect.ValueOf(v).Pointer() == dict {
			return true
		}
		for _, x := range v {
			if reaches(x, dict) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if reaches(x, dict) {
				return true
			}
		}
	}
	return false
}

// usage shows each engine function as it is written.
var usage = map[string]string{
	"ref":              `{{ ref "model" }}`,
	"source":           `{{ source "name" "table" }}`,
	"config":           `{{ config "key" "value" }}`,
	"var":              `{{ var "name" }} or {{ var "name" "default" }}`,
	"env_var":          `{{ env_var "NAME" }} or {{ env_var "NAME" "default" }}`,
	"this":             `{{ this }}`,
	"target":           `{{ target.schema }}`,
	"is_incremental":   `{{ if is_incremental }} … {{ end }}`,
	"results":          `{{ range results }} … {{ .status }} … {{ end }}`,
	"schemas":          `{{ range schemas }} … {{ . }} … {{ end }}`,
	"database_schemas": `{{ range database_schemas }} … {{ .database }}.{{ .schema }} … {{ end }}`,
	"columns":          `{{ columns (ref "model") }}`,
	"include":          `{{ include "macro" }} or {{ include "macro" (dict "key" "value") }}`,
}

// pinned reports whether the arguments of a ref end with a version and have a name before it:
// ref "model" "v" 1, ref "project" "model" 1.
func pinned(args []Arg) bool {
	n := len(args)
	if n < 3 {
		return false
	}
	if mark := args[n-2].Value; mark == "v" || mark == "version" {
		return true
	}
	_, isText := args[n-1].Value.(string)
	return n == 3 && args[n-1].Known && !isText
}

// checkArgs checks what is known of a call's arguments: their number always, their types
// where the value is known.
func checkArgs(c Call) (d diag.Diagnostic, bad bool) {
	n := len(c.Args)
	least, most := 0, 0
	switch c.Fn {
	case "ref":
		least, most = 1, 2
		if pinned(c.Args) {
			most = 4 // project, name, "v", version
		}
	case "var", "env_var", "include":
		least, most = 1, 2
	case "source":
		least, most = 2, 2
	case "columns":
		least, most = 1, 1
	case "target":
		most = 1
	case "config":
		if n == 0 || n%2 == 1 {
			return configOdd(c), true
		}
		least, most = n, n
	}
	if n < least || n > most {
		return argumentCount(c, least, most), true
	}
	for i, a := range c.Args {
		if !a.Known {
			continue
		}
		_, text := a.Value.(string)
		_, whole := a.Value.(int64)
		_, fraction := a.Value.(float64)
		switch {
		case c.Fn == "ref" && i > 0 && i == n-1:
			text = text || whole || fraction
		case i == 1 && c.Fn != "source", c.Fn == "config" && i%2 == 1:
			continue
		}
		if !text {
			return argumentType(c, i), true
		}
	}
	return d, false
}
