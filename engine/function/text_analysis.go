package function

import (
	"fmt"
	"regexp"
	"sort"
	"strings"
	"sync"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// textAnalysisFunctions are TEXT_ANALYZE and SEARCH with BigQuery's text analyzers,
// by the pages «Text analysis» and «Search functions» of its documentation.
func textAnalysisFunctions() []Function {
	c := &analyzerCache{}
	q := &queryCache{analyzers: c}
	return []Function{
		{Name: "text_analyze", Args: []Kind{String, String, String}, Result: Array | String, Fn: func(a []any) (any, error) {
			an, err := c.get(a[1].(string), a[2].(string))
			if err != nil {
				return nil, err
			}
			list := []any{}
			for _, t := range an.tokens(a[0].(string)) {
				list = append(list, t)
			}
			return list, nil
		}},
		{Name: "search", Args: []Kind{Array | String, String, String, String}, Result: Bool, Nulls: true, Fn: q.search},
		{Name: "search_json", Args: []Kind{String, String, Bool}, Result: Array | String, Nulls: true, Fn: searchJSON},
	}
}

// The names of the analyzers.
const (
	logAnalyzer     = "LOG_ANALYZER"
	noOpAnalyzer    = "NO_OP_ANALYZER"
	patternAnalyzer = "PATTERN_ANALYZER"
)

// logDelimiters are the delimiters of LOG_ANALYZER where none are given.
func logDelimiters() []string {
	return append(strings.Split("[]<>(){}|!;,'\"*&?+/:=@.-$%\\_\n\r \t\v\f", ""), strings.Fields(
		"%21 %26 %2526 %3B %3b %7C %7c %20 %2B %2b %3D %3d %2520 %5D %5d %5B %5b %3A %3a %0A %0a %2C %2c %28 %29")...)
}

const (
	defaultPattern  = `\b\w{2,}\b`
	maxDelimiter    = 16 // bytes of a delimiter
	maxAnalyzerKept = 64 // analyzers and queries that are kept
)

// analyzer breaks a text into tokens.
type analyzer struct {
	name       string
	delimiters map[byte][]string // by first byte, long ones first
	pattern    *regexp.Regexp
	filters    []func(string) (string, bool)
}

// delimiter is the length of the delimiter that stands at a place, 0 if none does.
func (a *analyzer) delimiter(s string) int {
	if s == "" {
		return 0
	}
	for _, d := range a.delimiters[s[0]] {
		if strings.HasPrefix(s, d) {
			return len(d)
		}
	}
	return 0
}

// delimited reports whether a delimiter ends at the end of s.
func (a *analyzer) delimited(s string) bool {
	for _, list := range a.delimiters {
		for _, d := range list {
			if strings.HasSuffix(s, d) {
				return true
			}
		}
	}
	return false
}

func (a *analyzer) tokens(s string) []string {
	var raw []string
	switch a.name {
	case noOpAnalyzer:
		return []string{s}
	case patternAnalyzer:
		for _, t := range a.pattern.FindAllString(s, -1) {
			if t != "" {
				raw = append(raw, t)
			}
		}
	default:
		start := 0
		for i := 0; i <= len(s); {
			n := a.delimiter(s[i:])
			if n == 0 && i < len(s) {
				i++
				continue
			}
			if i > start {
				raw = append(raw, s[start:i])
			}
			i += max(n, 1)
			start = i
		}
	}
	out := raw[:0]
next:
	for _, t := range raw {
		for _, f := range a.filters {
			keep := false
			if t, keep = f(t); !keep || t == "" {
				continue next
			}
		}
		out = append(out, t)
	}
	return out
}

// asciiLower makes the letters A to Z small.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func lowering(lower func(string) string) func(string) (string, bool) {
	return func(s string) (string, bool) { return lower(s), true }
}

// newAnalyzer makes an analyzer; options are JSON, "" for none.
func newAnalyzer(name, options string) (*analyzer, error) {
	a := &analyzer{name: name}
	switch name {
	case logAnalyzer, noOpAnalyzer, patternAnalyzer:
	default:
		return nil, fmt.Errorf("Invalid analyzer: %s", name)
	}
	delimiters, pattern := logDelimiters(), defaultPattern
	a.filters = []func(string) (string, bool){lowering(asciiLower)}
	if options != "" {
		if name == noOpAnalyzer {
			return nil, fmt.Errorf("NO_OP_ANALYZER does not support analyzer_options")
		}
		v, err := parseJSON(options, false)
		if err != nil || v.kind != jsonObject {
			return nil, fmt.Errorf("analyzer_options must be a JSON object")
		}
		for i, key := range v.keys {
			e := v.elems[i]
			switch {
			case key == "delimiters" && name == logAnalyzer:
				if delimiters, err = texts(key, e); err != nil {
					return nil, err
				}
				for _, d := range delimiters {
					if d == "" || len(d) > maxDelimiter {
						return nil, fmt.Errorf("a delimiter must have 1 to %d characters", maxDelimiter)
					}
				}
			case key == "patterns" && name == patternAnalyzer:
				list, err := texts(key, e)
				if err != nil {
					return nil, err
				}
				if len(list) != 1 {
					return nil, fmt.Errorf("patterns must hold one regular expression")
				}
				pattern = list[0]
			case key == "token_filters":
				if a.filters, err = tokenFilters(e); err != nil {
					return nil, err
				}
			default:
				return nil, fmt.Errorf("Invalid analyzer option %s for %s", key, name)
			}
		}
	}
	switch name {
	case logAnalyzer:
		a.delimiters = map[byte][]string{}
		for _, d := range delimiters {
			a.delimiters[d[0]] = append(a.delimiters[d[0]], d)
		}
		for _, list := range a.delimiters {
			sort.SliceStable(list, func(i, j int) bool { return len(list[i]) > len(list[j]) })
		}
	case patternAnalyzer:
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("Cannot parse regular expression: %w", err)
		}
		a.pattern = re
	}
	return a, nil
}

// texts reads a JSON array of strings.
func texts(key string, v *jsonValue) ([]string, error) {
	var out []string
	if v.kind != jsonArray {
		return nil, fmt.Errorf("analyzer option %s must be an array of strings", key)
	}
	for _, e := range v.elems {
		if e.kind != jsonString {
			return nil, fmt.Errorf("analyzer option %s must be an array of strings", key)
		}
		out = append(out, e.text)
	}
	return out, nil
}

// tokenFilters reads the option token_filters.
func tokenFilters(v *jsonValue) ([]func(string) (string, bool), error) {
	var out []func(string) (string, bool)
	if v.kind != jsonArray {
		return nil, fmt.Errorf("token_filters must be an array of objects")
	}
	for _, e := range v.elems {
		if e.kind != jsonObject || len(e.keys) != 1 {
			return nil, fmt.Errorf("a token filter must be an object with either normalizer or stop_words")
		}
		switch e.keys[0] {
		case "stop_words":
			words, err := texts("stop_words", e.elems[0])
			if err != nil {
				return nil, err
			}
			stop := map[string]bool{}
			for _, w := range words {
				stop[w] = true
			}
			out = append(out, func(s string) (string, bool) { return s, !stop[s] })
		case "normalizer":
			f, err := normalizer(e.elems[0])
			if err != nil {
				return nil, err
			}
			out = append(out, lowering(f))
		default:
			return nil, fmt.Errorf("Invalid token filter: %s", e.keys[0])
		}
	}
	return out, nil
}

func normalizer(v *jsonValue) (func(string) string, error) {
	if v.kind != jsonObject {
		return nil, fmt.Errorf("normalizer must be an object")
	}
	mode, form, fold := "", "NFKC", true
	for i, key := range v.keys {
		e := v.elems[i]
		switch {
		case key == "mode" && e.kind == jsonString:
			mode = e.text
		case key == "icu_normalize_mode" && e.kind == jsonString:
			form = e.text
		case key == "icu_case_folding" && (e.kind == jsonTrue || e.kind == jsonFalse):
			fold = e.kind == jsonTrue
		default:
			return nil, fmt.Errorf("Invalid setting of the normalizer: %s", key)
		}
	}
	switch mode {
	case "NONE":
		return func(s string) string { return s }, nil
	case "LOWER":
		return asciiLower, nil
	case "UNICODE_LOWER":
		return func(s string) string { return cases.Lower(language.Und).String(s) }, nil
	case "ICU_NORMALIZE":
		f, ok := map[string]norm.Form{"NFC": norm.NFC, "NFKC": norm.NFKC, "NFD": norm.NFD, "NFKD": norm.NFKD}[form]
		if !ok {
			return nil, fmt.Errorf("Invalid icu_normalize_mode: %s", form)
		}
		return func(s string) string {
			s = f.String(s)
			if fold {
				s = f.String(cases.Fold().String(s))
			}
			return s
		}, nil
	}
	return nil, fmt.Errorf("Invalid mode of the normalizer: %s", mode)
}

// analyzerCache keeps the analyzers in use. It may be used by several goroutines.
type analyzerCache struct {
	mu   sync.Mutex
	kept map[[2]string]*analyzer
}

func (c *analyzerCache) get(name, options string) (*analyzer, error) {
	key := [2]string{name, options}
	c.mu.Lock()
	a := c.kept[key]
	c.mu.Unlock()
	if a != nil {
		return a, nil
	}
	name, options = strings.Clone(name), strings.Clone(options)
	a, err := newAnalyzer(name, options)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxAnalyzerKept {
		c.kept = map[[2]string]*analyzer{}
	}
	c.kept[[2]string{name, options}] = a
	return a, nil
}
