package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	codeCommand   diag.Code = "command-unknown"
	codeFlag      diag.Code = "flag-wrong"
	codeNoProject diag.Code = "project-not-found"
	codeVars      diag.Code = "vars-wrong"
	codeNotEmpty  diag.Code = "folder-not-empty"
	codeNoNode    diag.Code = "node-unknown"
	codeNoColumn  diag.Code = "lineage-column-unknown"
	codeNotBuilt  diag.Code = "not-built"
	codeLocked    diag.Code = "sources-changed"
	codeNoSource  diag.Code = "source-missing"
	codeOpen      diag.Code = "warehouse-open"
	codeNoCode    diag.Code = "code-unknown"
	codeNoResults diag.Code = "results-missing"
	codeFreshness diag.Code = "source-stale"
	codeFile      diag.Code = "file-wrong"
	codeCanceled  diag.Code = "canceled"
	codeCrash     diag.Code = "engine-crash"
	codeFixUndone diag.Code = "fix-undone"

	codeNoEstimate diag.Code = "no-estimate"
	codeState      diag.Code = "state-wrong"
	codeDiff       diag.Code = "diff-impossible"
)

// Codes is the command line's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeCommand, Title: "an unknown command", Explain: "The first word after engine is a command. engine --help lists them.", Bad: "engine biuld", Good: "engine build"},
	{Code: codeFlag, Title: "a flag that does not exist, or a value that it does not take", Explain: "Each command lists its flags with --help. Every global flag can be given by an environment variable too, see engine help environment.", Bad: "engine build --selct orders", Good: "engine build --select orders"},
	{Code: codeNoProject, Title: "no project here", Explain: "A project is a folder with an engine.yml. The engine looks in the current folder and upward, or where --project-dir says.", Bad: "cd / && engine build", Good: "engine build --project-dir ~/shop"},
	{Code: codeVars, Title: "variables that cannot be read", Explain: "--vars takes a YAML mapping or name=value, and may be repeated; later ones win.", Bad: "engine build --vars 'country'", Good: "engine build --vars country=DE --vars '{limit: 10}'"},
	{Code: codeNotEmpty, Title: "a folder that is not empty", Explain: "engine init never writes over files. It wants a new or empty folder.", Bad: "engine init .", Good: "engine init shop"},
	{Code: codeNoNode, Title: "no such node", Explain: "The command takes the name of one model, seed or snapshot. engine ls lists them.", Bad: "engine show ordrs", Good: "engine show orders"},
	{Code: codeNoColumn, Title: "no such column", Explain: "engine lineage --up and --down take a column of a model, seed, snapshot or source, written model.column.", Bad: "engine lineage orders.totl --up", Good: "engine lineage orders.total --up"},
	{Code: codeLocked, Title: "sources have changed since they were written down", Explain: "engine source lock --check compares engine.lock.json with the target, so that CI notices when a source's columns change.", Bad: "engine source lock --check", Good: "engine source lock && git add engine.lock.json"},
	{Code: codeNoSource, Title: "a source that is not in the target", Explain: "The columns of a source are read from the target, and there is no such table there.", Bad: "sources: [{name: app, schema: raw_ap, tables: [{name: orders}]}]", Good: "sources: [{name: app, schema: raw_app, tables: [{name: orders}]}]"},
	{Code: codeNotBuilt, Title: "something that the query reads is not in the warehouse yet", Explain: "A query reads published relations. They are there after the first build.", Bad: "engine show orders", Good: "engine build +orders && engine show orders"},
	{Code: codeOpen, Title: "the warehouse cannot be opened", Explain: "The connection or the database file was refused. engine debug shows with what the engine tries.", Bad: "", Good: ""},
	{Code: codeNoCode, Title: "an unknown code of a diagnostic", Explain: "Codes stand in brackets behind the word error. engine explain lists them.", Bad: "engine explain ref-unknwon", Good: "engine explain ref-unknown"},
	{Code: codeNoResults, Title: "no results of an earlier run", Explain: "engine retry reads run_results.json in the target folder, which build, run, test, seed and snapshot write.", Bad: "engine clean && engine retry", Good: "engine build; engine retry"},
	{Code: codeFreshness, Title: "a source is older than its limit", Explain: "The newest value of loaded_at_field is compared with the warehouse's time and the limits warn_after and error_after.", Bad: "", Good: "freshness: {warn_after: {count: 12, period: hour}}"},
	{Code: codeFile, Title: "a file or folder that cannot be used", Explain: "The operating system's words are quoted: missing permission, no space left, a name that does not exist.", Bad: "", Good: ""},
	{Code: codeNoEstimate, Title: "a warehouse without estimates", Explain: "engine plan --cost asks the warehouse what statements will read, which only those do that charge for it.", Bad: "engine plan --cost --target dev # a DuckDB file", Good: "engine plan --cost --target prod # BigQuery"},
	{Code: codeState, Title: "another state of the project cannot be compared with, or read from", Explain: "--state and --defer-to name a target of engine.yml, whose _engine schema says what was built, or a folder with the artifacts of an earlier run (state.json, or dbt's manifest.json). --defer reads relations of that target, which must be of the same type and within reach of a connection to this one.", Bad: "engine ls -s state:modified --state prdo", Good: "engine ls -s state:modified --state prod"},
	{Code: codeDiff, Title: "relations that cannot be compared", Explain: "engine diff compares two relations of a target, or models with those of the target that --state names. Both have to be there, and the columns of --key and --columns in both.", Bad: "engine diff orders --state prod --key idd", Good: "engine diff orders --state prod --key id"},
	{Code: codeFixUndone, Title: "corrections that were taken back", Explain: "After engine check --fix the project had mistakes that it did not have before, so the files were put back as they were. Please report it with the model at fault.", Bad: "", Good: ""},
	{Code: codeCanceled, Title: "interrupted", Explain: "Ctrl-C, SIGTERM or SIGHUP (a terminal that was closed) stopped the command. What had been published stays, the rest was cleaned up.", Bad: "", Good: ""},
	{Code: codeCrash, Title: "a mistake of the engine", Explain: "This should never happen. Please report it with the file that the message names; it holds no data of the warehouse.", Bad: "", Good: ""},
}

func unknownCommand(cmd *cobra.Command, word string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeCommand, Message: fmt.Sprintf("no command %q", word), Help: "see " + cmd.CommandPath() + " --help"}
	if near, ok := diag.Suggest(word, commandNames(cmd)); ok {
		d.Help = fmt.Sprintf("did you mean %q?", cmd.CommandPath()+" "+near)
	}
	return d
}

func extraArgument(cmd *cobra.Command, word string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%s takes no argument %q", cmd.CommandPath(), word), Help: "see " + cmd.CommandPath() + " --help"}
}

func wrongArguments(cmd *cobra.Command, message string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFlag, Message: message, Help: "usage: " + cmd.UseLine()}
}

func unknownFlag(cmd *cobra.Command, e *pflag.NotExistError) diag.Diagnostic {
	name, dashes := e.GetSpecifiedName(), "--"
	if e.GetSpecifiedShortnames() != "" {
		dashes = "-"
	}
	d := diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%s has no flag %q", cmd.CommandPath(), dashes+name), Help: "see " + cmd.CommandPath() + " --help"}
	if dashes == "--" {
		if near, ok := diag.Suggest(name, flagNames(cmd)); ok {
			d.Help = fmt.Sprintf("did you mean %q?", "--"+near)
		}
	} else if slices.Contains(flagNames(cmd), e.GetSpecifiedShortnames()) {
		d.Help = fmt.Sprintf("did you mean %q?", "--"+e.GetSpecifiedShortnames())
	}
	return d
}

func badFlag(cmd *cobra.Command, f *pflag.Flag, value string, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%q is no value of --%s", value, f.Name), Help: "see " + cmd.CommandPath() + " --help"}
	switch f.Value.(type) {
	case *choice, *bound:
		d.Help = wordsOf(err)
	default:
		d.Help = "--" + f.Name + " takes " + article(f.Value.Type())
	}
	return d
}

// wordsOf makes the help of a choice's error a sentence.
func wordsOf(err error) string {
	text := err.Error()
	if strings.HasPrefix(text, "did you mean") {
		return text + "?"
	}
	return text
}

func article(typ string) string {
	switch typ {
	case "int", "int64", "uint64":
		return "a whole number"
	case "bool":
		return "true or false"
	}
	return "a " + typ
}

func badVariable(name, value string, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("the environment variable %s has the value %q", name, value), Help: strings.TrimPrefix(wordsOf(rootCause(err)), "strconv."), Cause: err}
}

func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

func flagWithoutValue(cmd *cobra.Command, f *pflag.Flag) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("--%s needs a value", f.Name), Help: "see " + cmd.CommandPath() + " --help"}
}

func badKind(word string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("%q is no resource type", word), Help: "known are " + strings.Join(kindWords(), ", ")}
	if near, ok := diag.Suggest(word, kindWords()); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func kindElsewhere(words []string, among []addr.Kind) diag.Diagnostic {
	var known []string
	for _, k := range among {
		known = append(known, string(k))
	}
	return diag.Diagnostic{Code: codeFlag, Message: fmt.Sprintf("this command does nothing with resource type %q", strings.Join(words, " ")), Help: "it works on " + strings.Join(known, ", ")}
}

func noProject(dir string, asked bool) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: codeNoProject, Message: fmt.Sprintf("no engine.yml in %q or a folder above", dir),
		Help: "engine init DIR makes a new project; --project-dir names an existing one",
	}
	if asked {
		d.Message = fmt.Sprintf("no engine.yml in %q", dir)
	}
	return d
}

func varsUnreadable(value string, err error) diag.Diagnostic {
	f := source.NewFile("--vars", []byte(value))
	d := diag.Diagnostic{Code: codeVars, Message: "the variables cannot be read", At: f.Span(0, len(value)), Help: "write --vars name=value or --vars '{name: value}'", Cause: err}
	if err != nil {
		d.AtText = strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return d
}

func notEmpty(dir string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNotEmpty, Message: fmt.Sprintf("folder %q is not empty", dir), Help: "name a new or empty folder"}
}

func unknownNode(name string, names []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeNoNode, Message: fmt.Sprintf("no model, seed or snapshot named %q", name), Help: "engine ls lists them"}
	if near, ok := diag.Suggest(name, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func unknownColumn(node, name string, names []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeNoColumn, Message: fmt.Sprintf("%s has no column %q", node, name), Help: "it has " + someOf(names)}
	if near, ok := diag.Suggest(name, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", node+"."+near)
	}
	return d
}

func columnMissing(node string, names []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNoColumn, Message: fmt.Sprintf("%s is no column", node), Help: "it has " + someOf(names)}
}

// someOf lists the first of many names.
func someOf(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "no columns that are known"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

func lockOutdated() diag.Diagnostic {
	return diag.Diagnostic{Code: codeLocked, Message: "the columns of sources are not what " + project.LockFile + " says", Help: "engine source lock writes it anew"}
}

func sourcesMissing(names []string, target string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeNoSource, Message: fmt.Sprintf("source %s is not in target %q", names[0], target), Help: "look at database, schema and identifier of the source, or choose another --target"}
	if len(names) > 1 {
		d.Message = fmt.Sprintf("sources %s are not in target %q", strings.Join(names, ", "), target)
	}
	return d
}

func notBuilt(names []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeNotBuilt, Message: strings.Join(names, ", ") + " is not in the warehouse", Help: "engine build --select '" + strings.Join(plusEach(names), " ") + "' makes it"}
	if len(names) > 1 {
		d.Message = strings.Join(names, ", ") + " are not in the warehouse"
		d.Help = "engine build --select '" + strings.Join(plusEach(names), " ") + "' makes them"
	}
	return d
}

func plusEach(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "+" + n
	}
	return out
}

func openRefused(target string, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeOpen, Message: fmt.Sprintf("target %q cannot be opened: %v", target, err), Help: "engine debug shows with what the engine connects", Cause: err}
	var known *warehouse.OpenError
	if errors.As(err, &known) {
		if locked := (*warehouse.BusyError)(nil); errors.As(known.Err, &locked) {
			return fileBusy(target, known.Reason, locked)
		}
		d.Message = fmt.Sprintf("target %q cannot be opened: %s", target, known.Reason)
		if known.Help != "" {
			d.Help = known.Help
		}
		d.Cause = known.Err
	}
	return d
}

func unknownCode(word string) diag.Diagnostic {
	var codes []string
	for _, e := range catalogue() {
		codes = append(codes, string(e.Code))
	}
	d := diag.Diagnostic{Code: codeNoCode, Message: fmt.Sprintf("no code %q", word), Help: "engine explain lists the codes"}
	if near, ok := diag.Suggest(word, codes); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func noResults(path string, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNoResults, Message: fmt.Sprintf("no results of an earlier run in %q", filepath.ToSlash(path)), Help: "engine build, run, test, seed and snapshot write them", Cause: err}
}

func fileWrong(act, path string, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFile, Message: fmt.Sprintf("%s %q: %v", act, path, rootCause(err)), Cause: err}
}

func canceled() diag.Diagnostic {
	return diag.Diagnostic{Code: codeCanceled, Message: "interrupted", Cause: context.Canceled}
}

func plainError(err error) diag.Diagnostic {
	return diag.Diagnostic{Message: strings.ReplaceAll(err.Error(), "\n", "; "), Cause: errors.Unwrap(err)}
}

func crashed(r any, path string) diag.Diagnostic {
	d := diag.Diagnostic{Severity: diag.Internal, Code: codeCrash, Message: strings.ReplaceAll(fmt.Sprint(r), "\n", "; "), Help: "this is a mistake of the engine: please report it with the text above"}
	if path != "" {
		d.Help = "this is a mistake of the engine: please report it with " + path
	}
	return d
}

func nothingBuilt(target string, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNotBuilt, Message: fmt.Sprintf("nothing has been built on target %q yet", target), Help: "engine build", Cause: err}
}
