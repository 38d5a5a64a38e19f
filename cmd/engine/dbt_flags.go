package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
)

// taking is what a flag of dbt takes.
type taking int

const (
	dbtSwitch taking = iota // nothing; with no set, --no-NAME is the opposite
	dbtText
	dbtWords // several words, up to the next flag
	dbtNumber
	dbtYAML // a mapping
	dbtTime
)

// dbtFlag is a flag of dbt's command line, and what it does here.
type dbtFlag struct {
	name   string
	also   []string // other long names
	short  string   // one letter each
	no     bool     // there is --no-NAME
	takes  taking
	of     []string // the values it takes, empty: any
	env    string   // DBT_ENGINE_env and DBT_env give it a value
	older  []string // other variables, by their whole names
	first  string   // value where nobody gives one
	hidden bool     // not in the help
	// does says for the help and the documentation what the flag does here. Where it begins
	// with «accepted», it does nothing.
	does string
}

// kindsOfDBT are the values of --resource-type. Those that no project here can have choose nothing.
var kindsOfDBT = []string{"metric", "semantic_model", "saved_query", "source", "analysis", "model", "test", "unit_test", "exposure", "snapshot", "seed", "function", "default"}

var dbtLevels = []string{"debug", "info", "warn", "error", "none"}

// dbtFlags are all flags, in the order of the help.
var dbtFlags = []dbtFlag{
	{name: "select", also: []string{"models", "model"}, short: "sm", takes: dbtWords, does: "what to take; -s, -m, --models; words up to the next flag, may be repeated"},
	{name: "raw-select", also: []string{"select"}, short: "s", takes: dbtWords, does: "what to take"},
	{name: "models", also: []string{"model"}, short: "m", takes: dbtWords, does: "what to take among models"},
	{name: "exclude", takes: dbtWords, does: "what to leave out"},
	{name: "selector", takes: dbtText, does: "the selector of selectors.yml of that name, instead of --select and --exclude"},
	{name: "resource-type", also: []string{"resource-types"}, takes: dbtWords, of: append(slices.Clone(kindsOfDBT), "all"), env: "RESOURCE_TYPES", does: "only these kinds"},
	{name: "exclude-resource-type", also: []string{"exclude-resource-types"}, takes: dbtWords, of: kindsOfDBT, env: "EXCLUDE_RESOURCE_TYPES", does: "all but these kinds"},
	{name: "indirect-selection", takes: dbtText, of: []string{"eager", "cautious", "buildable", "empty"}, env: "INDIRECT_SELECTION", first: "eager", does: "when tests follow the nodes they read"},
	{name: "state", takes: dbtText, env: "STATE", older: []string{"DBT_ARTIFACT_STATE_PATH"}, does: "folder with the artifacts of another build, or a target, to compare with and to defer to; engine's --state"},
	{name: "defer", no: true, env: "DEFER", older: []string{"DBT_DEFER_TO_STATE"}, does: "read what is not selected from there; engine's --defer"},
	{name: "defer-state", takes: dbtText, env: "DEFER_STATE", does: "folder to defer to, where it is not that of --state; engine's --defer-to"},
	{name: "favor-state", no: true, env: "FAVOR_STATE", older: []string{"DBT_FAVOR_STATE_MODE"}, does: "with --defer: read it from there although it is here; engine's --favor-state"},
	{name: "full-refresh", short: "f", env: "FULL_REFRESH", does: "rebuild incremental models and seeds from nothing; engine's --full-refresh"},
	{name: "skip-unchanged", no: true, env: "SKIP_UNCHANGED", first: "false", does: "of engine, not of dbt: build only what has changed, as engine build does; the rest counts as REUSED"},
	{name: "empty", no: true, env: "EMPTY", does: "build from no rows at all; engine's --empty"},
	{name: "sample", takes: dbtText, env: "SAMPLE", does: "build from the rows of a span of time; engine's --sample"},
	{name: "event-time-start", takes: dbtTime, env: "EVENT_TIME_START", does: "first batch of microbatch models; engine's --event-time-start"},
	{name: "event-time-end", takes: dbtTime, env: "EVENT_TIME_END", does: "end of the last batch of microbatch models; engine's --event-time-end"},
	{name: "fail-fast", no: true, short: "x", env: "FAIL_FAST", does: "stop at the first failure; engine's --fail-fast"},
	{name: "store-failures", env: "STORE_FAILURES", does: "keep the failing rows of every test in a table; engine's --store-failures"},
	{name: "show", does: "accepted: engine show prints the rows of a seed"},
	{name: "threads", takes: dbtNumber, does: "number of workers; engine's --jobs"},
	{name: "vars", takes: dbtYAML, first: "{}", does: "variables, as YAML; engine's --vars"},
	{name: "target", short: "t", takes: dbtText, env: "TARGET", does: "target of engine.yml, or of profiles.yml where that is used; engine's --target"},
	{name: "profile", takes: dbtText, env: "PROFILE", does: "profile of profiles.yml, where that is used; default: that of dbt_project.yml, else the project's name"},
	{name: "profiles-dir", takes: dbtText, env: "PROFILES_DIR", does: "folder with a profiles.yml whose connection is used instead of that of engine.yml"},
	{name: "project-dir", takes: dbtText, env: "PROJECT_DIR", does: "folder of the project, with engine.yml; engine's --project-dir"},
	{name: "target-path", takes: dbtText, env: "TARGET_PATH", does: "folder for what is written, instead of target/"},
	{name: "log-path", takes: dbtText, env: "LOG_PATH", does: "folder for dbt.log, instead of logs/"},
	{name: "log-format", takes: dbtText, of: []string{"text", "debug", "json", "default"}, env: "LOG_FORMAT", first: "default", does: "form of the log on the terminal, and of that in the file"},
	{name: "log-format-file", takes: dbtText, of: []string{"text", "debug", "json", "default"}, env: "LOG_FORMAT_FILE", first: "debug", does: "form of the log in the file"},
	{name: "log-level", takes: dbtText, of: dbtLevels, env: "LOG_LEVEL", first: "info", does: "least severity shown on the terminal"},
	{name: "log-level-file", takes: dbtText, of: dbtLevels, env: "LOG_LEVEL_FILE", first: "debug", does: "least severity written to the file; none: no file"},
	{name: "log-file-max-bytes", takes: dbtNumber, env: "LOG_FILE_MAX_BYTES", first: "10485760", hidden: true, does: "size at which dbt.log is put aside as dbt.log.1; 0: never"},
	{name: "quiet", no: true, short: "q", env: "QUIET", does: "show errors and what was asked for only"},
	{name: "debug", no: true, short: "d", env: "DEBUG", does: "show everything; --log-level debug"},
	{name: "use-colors", no: true, env: "USE_COLORS", does: "colours on the terminal; default: where there is one"},
	{name: "use-colors-file", no: true, env: "USE_COLORS_FILE", first: "false", does: "colours in the file"},
	{name: "printer-width", takes: dbtNumber, env: "PRINTER_WIDTH", first: "80", does: "width of the lines of a run"},
	{name: "warn-error", env: "WARN_ERROR", does: "every warning is an error: of the project, of selectors that match nothing, of tests"},
	{name: "warn-error-options", takes: dbtYAML, env: "WARN_ERROR_OPTIONS", first: "{}", does: "which warnings are errors: error, warn and silence, with all or events' names; NoNodesForSelectionCriteria, NothingToDo and LogTestResult (tests) are told apart, every other warning is of the project"},
	{name: "write-json", no: true, env: "WRITE_JSON", first: "true", does: "accepted: retry and the next comparison need the artifacts, which are always written"},
	{name: "output", takes: dbtText, first: "", does: "form of the answer: ls name, path, selector, json; show and compile text, json; source freshness the file to write"},
	{name: "output-keys", takes: dbtWords, does: "keys of ls --output json; a dot leads into an object"},
	{name: "output-path", also: []string{"output"}, short: "o", takes: dbtText, does: "file of the report, instead of target/sources.json"},
	{name: "inline", takes: dbtText, does: "a template instead of a node, in engine's language; engine's --inline"},
	{name: "inline-direct", takes: dbtText, hidden: true, does: "SQL instead of a node"},
	{name: "limit", takes: dbtNumber, first: "5", does: "number of rows shown; negative: all"},
	{name: "args", takes: dbtYAML, does: "arguments of the macro, as YAML"},
	{name: "sql", takes: dbtText, does: "SQL to run instead of a macro"},
	{name: "compile", no: true, first: "true", does: "accepted: docs generate compiles always, which takes no connection"},
	{name: "empty-catalog", does: "accepted: the catalog is made of what the warehouse says"},
	{name: "static", does: "write static_index.html, the explorer's page in one file"},
	{name: "host", takes: dbtText, env: "HOST", first: "127.0.0.1", does: "address to serve at"},
	{name: "port", takes: dbtNumber, first: "8080", does: "port to serve at"},
	{name: "browser", no: true, first: "true", does: "open a browser; never where there is no terminal"},
	{name: "connection", does: "accepted: debug tries nothing but the connection"},
	{name: "config-dir", does: "print the folder of profiles.yml, and do nothing else"},
	{name: "clean-project-files-only", no: true, env: "CLEAN_PROJECT_FILES_ONLY", first: "true", does: "accepted: nothing outside the project is ever removed"},
	{name: "lock", does: "accepted: there is nothing to install"},
	{name: "upgrade", does: "accepted: there is nothing to install"},
	{name: "add-package", takes: dbtText, does: "accepted: there is nothing to install"},
	{name: "source", takes: dbtText, of: []string{"hub", "git", "local"}, first: "hub", does: "accepted: there is nothing to install"},
	{name: "skip-profile-setup", short: "s", does: "accepted: a new project has its own targets"},
	{name: "skip-debug", does: "accepted: nothing is tried after init"},
	{name: "introspect", no: true, env: "INTROSPECT", first: "true", does: "accepted: compiling asks the warehouse nothing"},
	{name: "inject-ephemeral-ctes", no: true, first: "true", hidden: true, does: "accepted: ephemeral models are always part of what is compiled"},
	{name: "export-saved-queries", no: true, env: "EXPORT_SAVED_QUERIES", hidden: true, does: "accepted: there are no saved queries"},
	{name: "include-saved-query", no: true, env: "INCLUDE_SAVED_QUERY", hidden: true, does: "accepted: there are no saved queries"},
	{name: "partial-parse", no: true, env: "PARTIAL_PARSE", first: "true", does: "accepted: what was analyzed is kept by content, which is never stale"},
	{name: "partial-parse-file-path", takes: dbtText, env: "PARTIAL_PARSE_FILE_PATH", hidden: true, does: "accepted, as --partial-parse"},
	{name: "partial-parse-file-diff", no: true, env: "PARTIAL_PARSE_FILE_DIFF", first: "true", hidden: true, does: "accepted, as --partial-parse"},
	{name: "static-parser", no: true, env: "STATIC_PARSER", first: "true", does: "accepted: there is one parser"},
	{name: "use-experimental-parser", no: true, env: "USE_EXPERIMENTAL_PARSER", does: "accepted: there is one parser"},
	{name: "use-v2-parser", no: true, env: "USE_V2_PARSER", does: "accepted: there is one parser"},
	{name: "v2-parser", takes: dbtText, env: "V2_PARSER", hidden: true, does: "accepted: there is one parser"},
	{name: "use-fast-test-edges", no: true, env: "USE_FAST_TEST_EDGES", hidden: true, does: "accepted: there is one way"},
	{name: "sqlparse", takes: dbtYAML, env: "SQLPARSE", hidden: true, does: "accepted: there is one parser"},
	{name: "populate-cache", no: true, env: "POPULATE_CACHE", first: "true", does: "accepted: one question tells what exists"},
	{name: "cache-selected-only", no: true, env: "CACHE_SELECTED_ONLY", does: "accepted: one question tells what exists"},
	{name: "log-cache-events", no: true, env: "LOG_CACHE_EVENTS", does: "accepted: there is no such cache"},
	{name: "print", no: true, env: "PRINT", first: "true", older: []string{"DBT_NO_PRINT"}, does: "accepted: templates print nothing"},
	{name: "macro-debugging", no: true, env: "MACRO_DEBUGGING", hidden: true, does: "accepted: mistakes in macros have their places"},
	{name: "version-check", no: true, env: "VERSION_CHECK", first: "true", does: "accepted: engine.yml asks for no version of dbt"},
	{name: "send-anonymous-usage-stats", no: true, env: "SEND_ANONYMOUS_USAGE_STATS", does: "accepted: nothing is ever sent"},
	{name: "upload-to-artifacts-ingest-api", no: true, env: "UPLOAD_TO_ARTIFACTS_INGEST_API", hidden: true, does: "accepted: nothing is ever sent"},
	{name: "snowflake-projects-otel", no: true, env: "SNOWFLAKE_PROJECTS_OTEL", does: "accepted: nothing is ever sent"},
	{name: "hints-enabled", no: true, env: "HINTS_ENABLED", first: "true", does: "accepted: there are no hints"},
	{name: "show-all-deprecations", no: true, does: "accepted: every warning has its place and is shown"},
	{name: "show-resource-report", no: true, env: "SHOW_RESOURCE_REPORT", hidden: true, does: "accepted: engine's --timing says where the time went"},
	{name: "single-threaded", no: true, env: "SINGLE_THREADED", hidden: true, does: "one worker"},
	{name: "maximum-seed-size-mib", takes: dbtNumber, env: "MAXIMUM_SEED_SIZE_MIB", first: "1", does: "accepted: seeds of any size are compared by content"},
	{name: "record-timing-info", short: "r", takes: dbtText, does: "accepted: run_results.json has the times"},
}

// Groups of flags that commands share.
var (
	dbtGlobal = []string{"cache-selected-only", "debug", "defer", "defer-state", "fail-fast", "favor-state", "hints-enabled", "indirect-selection", "log-cache-events", "log-file-max-bytes",
		"log-format", "log-format-file", "log-level", "log-level-file", "log-path", "macro-debugging", "maximum-seed-size-mib", "partial-parse", "partial-parse-file-path", "partial-parse-file-diff",
		"populate-cache", "print", "printer-width", "profile", "quiet", "record-timing-info", "send-anonymous-usage-stats", "show-all-deprecations", "show-resource-report", "single-threaded", "snowflake-projects-otel",
		"state", "static-parser", "target", "upload-to-artifacts-ingest-api", "use-colors", "use-colors-file", "use-experimental-parser", "use-fast-test-edges", "use-v2-parser", "v2-parser",
		"version-check", "warn-error", "warn-error-options", "write-json"}
	dbtProject = []string{"profiles-dir", "project-dir", "vars"}
	dbtBuilds  = []string{"select", "exclude", "selector", "target-path", "threads", "sqlparse"}
)

// dbtOf finds a flag.
func dbtOf(name string) *dbtFlag {
	i := slices.IndexFunc(dbtFlags, func(f dbtFlag) bool { return f.name == name })
	return &dbtFlags[i]
}

// longs are the names that turn a flag on, and for a pair the one that turns it off.
func (f *dbtFlag) longs() (on []string, off string) {
	on = append([]string{f.name}, f.also...)
	switch f.name {
	case "raw-select", "output-path":
		on = f.also // known by their names among commands only
	}
	if f.no {
		off = "no-" + f.name
	}
	return on, off
}

// declared is the flag as dbt writes it: --defer/--no-defer.
func (f *dbtFlag) declared() string {
	on, off := f.longs()
	s := "--" + on[0]
	if off != "" {
		s += "/--" + off
	}
	for _, short := range f.short {
		s += ", -" + string(short)
	}
	return s
}

// dbtValue is what a flag was given. Switches are «true» or «false».
type dbtValue struct {
	words []string
	from  string // how the command line wrote it, or the variable; empty: the flag's own first value
}

// dbtUsage is a mistake in the use of a command, in dbt's words.
type dbtUsage struct{ command, text string }

func (e *dbtUsage) Error() string { return e.text }

// dbtParser reads arguments as the library does that dbt is made with.
type dbtParser struct {
	command string // whole name, for messages
	known   []*dbtFlag
	values  map[string]dbtValue
	rest    []string
}

// parse reads args. Where inner is set, it stops at the first argument that is no flag: the
// name of a command.
func (p *dbtParser) parse(args []string, inner bool) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			p.rest = append(p.rest, args...)
			return nil, nil
		case strings.HasPrefix(arg, "--"):
			name, value, has := strings.Cut(arg[2:], "=")
			f, on := p.long(name)
			if f == nil {
				return nil, p.unknown("--" + name)
			}
			if args, err = p.take(f, "--"+name, on, value, has, args); err != nil {
				return nil, err
			}
		case strings.HasPrefix(arg, "-") && len(arg) > 1:
			for letters := arg[1:]; letters != ""; {
				letter := letters[:1]
				letters = letters[1:]
				f := p.short(letter)
				if f == nil {
					return nil, p.unknown("-" + letter)
				}
				value, has := "", false
				if f.takes != dbtSwitch && letters != "" {
					value, has, letters = letters, true, ""
				}
				if args, err = p.take(f, "-"+letter, true, value, has, args); err != nil {
					return nil, err
				}
			}
		case inner:
			return append([]string{arg}, args...), nil
		default:
			p.rest = append(p.rest, arg)
		}
	}
	return nil, nil
}

func (p *dbtParser) long(name string) (f *dbtFlag, on bool) {
	for _, f := range p.known {
		names, off := f.longs()
		if slices.Contains(names, name) {
			return f, true
		}
		if off != "" && off == name {
			return f, false
		}
	}
	return nil, false
}

func (p *dbtParser) short(letter string) *dbtFlag {
	for _, f := range p.known {
		if strings.Contains(f.short, letter) {
			return f
		}
	}
	return nil
}

// take files what a flag was given and returns the arguments that are left.
func (p *dbtParser) take(f *dbtFlag, as string, on bool, value string, has bool, args []string) ([]string, error) {
	switch {
	case f.takes == dbtSwitch && has:
		return nil, &dbtUsage{p.command, fmt.Sprintf("Option '%s' does not take a value.", as)}
	case f.takes == dbtSwitch:
		p.values[f.name] = dbtValue{[]string{strconv.FormatBool(on)}, as}
		return args, nil
	case !has && len(args) == 0:
		return nil, &dbtUsage{p.command, fmt.Sprintf("Option '%s' requires an argument.", as)}
	case !has:
		value, args = args[0], args[1:]
	}
	words := []string{value}
	if f.takes == dbtWords {
		words = strings.Fields(value)
		for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			words = append(words, strings.Fields(args[0])...)
			args = args[1:]
		}
		words = append(p.values[f.name].words, words...)
	}
	if err := f.check(p.command, as, words); err != nil {
		return nil, err
	}
	p.values[f.name] = dbtValue{f.plain(words), as}
	return args, nil
}

// plain writes values of a choice as it lists them, whatever their case was.
func (f *dbtFlag) plain(words []string) []string {
	if len(f.of) == 0 {
		return words
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ToLower(w)
	}
	return out
}

// dbtTimes are the forms in which dbt reads a time.
var dbtTimes = []string{"2006-01-02", "2006-01-02T15:04:05", "2006-01-02 15:04:05"}

func (f *dbtFlag) check(command, as string, words []string) error {
	wrong := func(text string, args ...any) error {
		return &dbtUsage{command, fmt.Sprintf("Invalid value for '%s': ", as) + fmt.Sprintf(text, args...)}
	}
	for _, w := range words {
		switch f.takes {
		case dbtNumber:
			if _, err := strconv.ParseInt(w, 10, 64); err != nil {
				return wrong("'%s' is not a valid integer.", w)
			}
		case dbtYAML:
			var m map[string]any
			if err := yaml.Unmarshal([]byte(w), &m); err != nil {
				return wrong("String '%s' is not valid YAML", w)
			}
		case dbtTime:
			if !slices.ContainsFunc(dbtTimes, func(form string) bool { _, err := time.Parse(form, w); return err == nil }) {
				return wrong("'%s' does not match the formats '%%Y-%%m-%%d', '%%Y-%%m-%%dT%%H:%%M:%%S', '%%Y-%%m-%%d %%H:%%M:%%S'.", w)
			}
		case dbtSwitch:
			if _, ok := truth(w); !ok {
				return wrong("'%s' is not a valid boolean.", w)
			}
		case dbtText, dbtWords:
			if len(f.of) > 0 && !slices.Contains(f.of, strings.ToLower(w)) {
				return wrong("'%s' is not one of %s.", w, "'"+strings.Join(f.of, "', '")+"'")
			}
		}
	}
	return nil
}

// truth reads a switch from the environment.
func truth(word string) (on, ok bool) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "1", "true", "t", "yes", "y", "on":
		return true, true
	case "0", "false", "f", "no", "n", "off", "":
		return false, true
	}
	return false, false
}

// unknown words a flag that the command does not have.
func (p *dbtParser) unknown(as string) error {
	text := fmt.Sprintf("No such option '%s'.", as)
	var names []string
	for _, f := range p.known {
		on, off := f.longs()
		for _, name := range on {
			names = append(names, "--"+name)
		}
		if off != "" {
			names = append(names, "--"+off)
		}
	}
	if near, ok := diag.Suggest(as, names); ok && strings.HasPrefix(as, "--") {
		text += fmt.Sprintf(" Did you mean '%s'?", near)
	}
	return &dbtUsage{p.command, text}
}

// fromVariables gives flags that the command line does not set the values of their variables.
func (p *dbtParser) fromVariables(env func(string) (string, bool)) error {
	for _, f := range p.known {
		if _, given := p.values[f.name]; given {
			continue
		}
		var names []string
		if f.env != "" {
			names = []string{"DBT_ENGINE_" + f.env, "DBT_" + f.env}
		}
		for _, name := range append(names, f.older...) {
			v, ok := env(name)
			if !ok || v == "" {
				continue
			}
			words := []string{v}
			switch f.takes {
			case dbtWords:
				words = strings.Fields(v)
			case dbtSwitch:
				on, ok := truth(v)
				if !ok {
					return &dbtUsage{p.command, fmt.Sprintf("Invalid value for '%s' (env var: '%s'): '%s' is not a valid boolean.", f.declared(), name, v)}
				}
				words[0] = strconv.FormatBool(on != (name == "DBT_NO_PRINT"))
			}
			if err := f.check(p.command, "--"+f.name, words); err != nil {
				return err
			}
			p.values[f.name] = dbtValue{f.plain(words), name}
			break
		}
	}
	return nil
}

// merged joins what was given before a command's name with what was given behind it, which
// dbt refuses for one flag.
func (p *dbtParser) merged(outer map[string]dbtValue) error {
	for _, name := range slices.Sorted(maps.Keys(outer)) {
		if _, twice := p.values[name]; twice {
			return &dbtUsage{p.command, strings.ReplaceAll(name, "-", "_") + " was provided both before and after the subcommand, it can only be set either before or after."}
		}
		p.values[name] = outer[name]
	}
	return nil
}
