package project

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeProjectMissing  diag.Code = "project-missing"
	codeSettingsMissing diag.Code = "settings-missing"
	codePathMissing     diag.Code = "path-missing"
	codePathInvalid     diag.Code = "path-invalid"
	codeFileUnreadable  diag.Code = "file-unreadable"
	codeFileEncoding    diag.Code = "file-encoding"
	codeFileEmpty       diag.Code = "file-empty"
	codeFileLarge       diag.Code = "file-large"
	codeFileSpecial     diag.Code = "file-special"
	codeFileIgnored     diag.Code = "file-ignored"
	codeLinkLoop        diag.Code = "link-loop"
	codeLinkBroken      diag.Code = "link-broken"
	codeNameInvalid     diag.Code = "name-invalid"
	codeNameDuplicate   diag.Code = "name-duplicate"
	codeYAMLBroken      diag.Code = "yaml-broken"
	codeYAMLDuplicate   diag.Code = "yaml-duplicate"
	codeYAMLDocuments   diag.Code = "yaml-documents"
	codeYAMLKey         diag.Code = "yaml-key"
	codeYAMLAlias       diag.Code = "yaml-alias"
	codeYAMLTag         diag.Code = "yaml-tag"
	codeKeyUnknown      diag.Code = "key-unknown"
	codeKeyMisplaced    diag.Code = "key-misplaced"
	codeKeyUnsupported  diag.Code = "key-unsupported"
	codeKeyMissing      diag.Code = "key-missing"
	codeValueType       diag.Code = "value-type"
	codeValueUnknown    diag.Code = "value-unknown"
	codeValueInvalid    diag.Code = "value-invalid"
	codeValueTemplate   diag.Code = "value-template"
	codeConfigUnknown   diag.Code = "config-unknown"
	codeFolderUnknown   diag.Code = "folder-unknown"
	codePropsUnmatched  diag.Code = "props-unmatched"
	codeVersionFile     diag.Code = "version-file"
	codeTestShape       diag.Code = "test-shape"
	codeDocsUnknown     diag.Code = "docs-unknown"
	codeDocsTag         diag.Code = "docs-tag"
	codeLockBroken      diag.Code = "lock-broken"
	codeTargetUnknown   diag.Code = "target-unknown"
	codeEnvUnset        diag.Code = "env-unset"
	codeEnvSyntax       diag.Code = "env-syntax"
	codeEnvSecret       diag.Code = "env-secret"
)

func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strconv.Quote(w)
	}
	return strings.Join(out, ", ")
}

// didYouMean suggests one of the words, or lists them all.
func didYouMean(word string, words []string, other string) string {
	if s, ok := diag.Suggest(word, words); ok {
		return fmt.Sprintf("did you mean %q?", s)
	}
	if len(words) == 0 {
		return ""
	}
	return other + quoted(words)
}

// Files and folders.

func projectMissing(dir string, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeProjectMissing, Message: fmt.Sprintf("there is no project folder %q", dir), Cause: err,
		Help: "give the folder that holds engine.yml with --project-dir"}
	switch {
	case err == nil:
		d.Message = fmt.Sprintf("%q is a file, not a project folder", dir)
	case !errors.Is(err, fs.ErrNotExist):
		d.Message = fmt.Sprintf("the project folder %q cannot be read: %s", dir, reason(err))
		d.Help = "check the permissions of the folder"
	}
	return d
}

func settingsMissing(dir, other string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeSettingsMissing, Message: fmt.Sprintf("there is no engine.yml in %q", dir),
		Help: "run engine init to start a project, or give its folder with --project-dir"}
	switch other {
	case "":
	case "dbt_project.yml":
		d.Notes = []string{"the folder has a dbt_project.yml: engine reads its own engine.yml, which has the same folder configuration under models, seeds and snapshots"}
	default:
		d.Help = fmt.Sprintf("rename %q to \"engine.yml\"", other)
	}
	return d
}

// reason is what the operating system says, without paths and calls.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

func fileUnreadable(at source.Span, what string, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeFileUnreadable, Message: fmt.Sprintf("%s %q cannot be read: %s", what, at.File.Path, reason(err)), At: at, Cause: err}
	if errors.Is(err, fs.ErrPermission) {
		d.Help = "give yourself permission to read it"
	}
	return d
}

func fileEncoding(at source.Span, utf16 bool) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeFileEncoding, Message: fmt.Sprintf("file %q is not UTF-8 text", at.File.Path), At: at, AtText: "not UTF-8 from here", Help: "save the file as UTF-8"}
	if utf16 {
		d.AtText, d.Help = "this is UTF-16", "save the file as UTF-8 instead of UTF-16"
	}
	return d
}

func seedEmpty(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFileEmpty, Message: fmt.Sprintf("seed %q is empty", at.File.Path), At: at, Help: "give it a header line, or delete the file"}
}

func fileLarge(at source.Span, size int64) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFileLarge, Message: fmt.Sprintf("file %q has %d MB; text files may have %d", at.File.Path, size>>20, maxFile>>20), At: at,
		Help: "data belongs in seeds, as CSV or Parquet"}
}

func fileSpecial(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeFileSpecial, Message: fmt.Sprintf("%q is not a regular file", at.File.Path), At: at, Help: "replace it by a file, or move it out of the folder"}
}

func fileIgnored(at source.Span, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeFileIgnored, Message: fmt.Sprintf("file %q is ignored: %s", at.File.Path, why), At: at, Help: help}
}

func linkLoop(at source.Span, target string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeLinkLoop, Message: fmt.Sprintf("link %q leads to a folder that is read already", at.File.Path), At: at,
		Notes: []string{"it points to " + target}, Help: "remove the link; it is not followed"}
}

func linkBroken(at source.Span, err error) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeLinkBroken, Message: fmt.Sprintf("link %q leads nowhere", at.File.Path), At: at, Help: "remove the link or restore what it points to", Cause: err}
	if errors.Is(err, syscall.ELOOP) {
		d.Severity, d.Code = diag.Warning, codeLinkLoop
		d.Message, d.Help = fmt.Sprintf("link %q leads in a circle", at.File.Path), "remove the link; it is not followed"
	}
	return d
}

func pathMissing(at source.Span, path, key string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePathMissing, Message: fmt.Sprintf("there is no folder %q", path), At: at, Help: fmt.Sprintf("create it, or remove it from %q", key)}
}

func pathInvalid(at source.Span, path, why string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePathInvalid, Message: fmt.Sprintf("%q cannot be used as a folder of the project", path), At: at, AtText: why,
		Help: "give a path relative to engine.yml, below it, and each only once"}
}

// Names.

func nameInvalid(at source.Span, what, name, why string) diag.Diagnostic {
	help := "a name has at most 255 bytes and no dot, slash or control character"
	switch what {
	case "model", "seed", "snapshot":
		help += `; "alias" can give the relation another name`
	case "source table":
		help += `; "identifier" can give the relation another name`
	}
	short := name
	if len(short) > 60 {
		short = strings.ToValidUTF8(short[:60], "") + "…"
	}
	return diag.Diagnostic{Code: codeNameInvalid, Message: fmt.Sprintf("%q cannot name the %s: %s", short, what, why), At: at,
		Help: help}
}

func nameDuplicate(at source.Span, what, name string, first source.Span, firstWhat, help string) diag.Diagnostic {
	text := "first here"
	if firstWhat != what {
		text = "a " + firstWhat + " has the name"
	}
	return diag.Diagnostic{Code: codeNameDuplicate, Message: fmt.Sprintf("%s %q is defined twice", what, name), At: at,
		Labels: []diag.Label{{At: first, Text: text}}, Help: help}
}

func propsDuplicate(at source.Span, kind addr.Kind, name string, first source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeNameDuplicate, Message: fmt.Sprintf("properties of %s %q are given twice", kindWord(kind), name), At: at,
		Labels: []diag.Label{{At: first, Text: "first here"}}, Help: "put them into one entry"}
}

// YAML.

func yamlBroken(d *document, err error) diag.Diagnostic {
	out := diag.Diagnostic{Code: codeYAMLBroken, Message: "the YAML cannot be parsed: " + err.Error(), At: d.file.Whole(), Cause: err}
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return out
	}
	off := min(e.Mark.Index, len(d.file.Data))
	if e.Mark.Line > 0 {
		off = d.offset(e.Mark.Line, e.Mark.Column)
	}
	context := source.Span{}
	if e.ContextMark.Line > 0 {
		o := d.offset(e.ContextMark.Line, e.ContextMark.Column)
		context = d.file.Span(o, o+1)
	}
	explainYAML(&out, d.file, e.Message, off, context)
	return out
}

// explainYAML words a parser's message. The parser often notices a mistake some lines
// behind it; where it knows the beginning of the broken part, that is the better place.
func explainYAML(d *diag.Diagnostic, f *source.File, msg string, off int, context source.Span) {
	d.At = f.Span(off, off+1)
	next := strings.TrimLeft(string(f.Data[min(off, len(f.Data)):min(off+80, len(f.Data))]), " ")
	switch {
	case strings.Contains(msg, "tab character"), strings.Contains(msg, "cannot start any token") && strings.HasPrefix(next, "\t"):
		d.Message, d.Help = "a tab is used for indentation", "indent with spaces"
		if i := strings.IndexByte(string(f.Data[off:]), '\t'); i >= 0 {
			d.At = f.Span(off+i, off+i+1)
		}
	case strings.Contains(msg, "cannot start any token") && next != "":
		r := []rune(next)[0]
		d.At = f.Span(off+strings.IndexRune(string(f.Data[off:]), r), off+strings.IndexRune(string(f.Data[off:]), r)+len(string(r)))
		d.Message, d.Help = fmt.Sprintf("a value cannot start with %q", string(r)), "put the value in quotes"
	case strings.Contains(msg, "mapping values are not allowed"):
		d.Message, d.AtText = "unexpected \":\"", "no key can stand here"
		d.Help = "put the value in quotes if the colon belongs to it, or indent the line like the keys above it"
	case strings.Contains(msg, "unexpected end of stream") && !context.IsZero():
		d.Message, d.At, d.Help = "the quoted text is never closed", context, "add the closing quote"
	case strings.Contains(msg, "expected ',' or") && !context.IsZero():
		bracket := context.Text()
		d.Message, d.At, d.Help = fmt.Sprintf("%q is never closed", bracket), context, "add the closing bracket, or a comma between the items"
		if off < len(f.Data) {
			d.Labels = []diag.Label{{At: f.Span(off, off+1), Text: "expected a comma or the closing bracket"}}
		}
	case strings.Contains(msg, "did not find expected key"):
		d.Message, d.AtText = "the line does not fit the lines above it", "expected a key, indented like the others"
		d.Help = "indent the keys of one mapping alike, and quote values that contain quotes or colons"
	case strings.Contains(msg, "expected '-' indicator"):
		d.Message, d.AtText, d.Help = "a list and a mapping are mixed", `expected an item that starts with "-"`, "indent the line below the key or item it belongs to"
	case strings.Contains(msg, "control characters"):
		d.Message, d.Help = "the file contains a control character", "remove it"
	case strings.Contains(msg, "unknown anchor"):
		d.Message, d.Help = strings.TrimSuffix(strings.ReplaceAll(msg, "'", `"`), " referenced"), "define the anchor with & above its first use"
		name := strings.Trim(strings.TrimPrefix(d.Message, "unknown anchor "), `"`)
		if i := strings.Index(string(f.Data[off:]), "*"+name); i >= 0 {
			d.At = f.Span(off+i, off+i+1+len(name))
		}
	case strings.Contains(msg, "escape character"):
		d.Message, d.Help = "unknown escape in quoted text", `write \\ for a backslash, or use single quotes`
	default:
		d.Message = "the YAML cannot be parsed: " + msg
	}
}

func yamlDocuments(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeYAMLDocuments, Message: "the file has more than one YAML document", At: at, AtText: "a second document begins here",
		Help: `remove the "---" or move the document into a file of its own`}
}

func yamlDuplicate(at source.Span, key string, first source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeYAMLDuplicate, Message: fmt.Sprintf("key %q is given twice", key), At: at,
		Labels: []diag.Label{{At: first, Text: "first here"}}, Help: "remove one of them"}
}

func yamlKey(d *document, in, key *yaml.Node) diag.Diagnostic {
	out := diag.Diagnostic{Code: codeYAMLKey, Message: "a key has to be text", At: d.point(key), Help: "write the key as plain text"}
	if at := d.start(in); strings.HasPrefix(string(d.file.Data[at:]), "{{") {
		end := d.lineEnd(at)
		if i := strings.Index(string(d.file.Data[at:end]), "}}"); i >= 0 {
			end = at + i + 2
		}
		out.Message, out.Help = "a value that starts with {{ has to be quoted", "put the value in quotes"
		out.At = d.file.Span(at, end)
	}
	return out
}

func yamlAliasLoop(at source.Span, name string, anchor source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeYAMLAlias, Message: fmt.Sprintf("alias %q contains itself", "*"+name), At: at,
		Labels: []diag.Label{{At: anchor, Text: "the anchor is here"}}, Help: "move the anchored value out of the place that uses it"}
}

func yamlTooLarge(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeYAMLAlias, Message: fmt.Sprintf("the file expands to more than %d values", maxNodes), At: at, Help: "use fewer aliases, or split the file"}
}

func yamlTag(at source.Span, tag string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeYAMLTag, Message: fmt.Sprintf("unknown YAML tag %q", tag), At: at, Help: "remove the tag, or quote the value if the exclamation mark belongs to it"}
}

// Keys and values.

func keyUnknown(at source.Span, key, what string, known []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeKeyUnknown, Message: fmt.Sprintf("unknown key %q in %s", key, what), At: at, Help: didYouMean(key, known, "known keys are ")}
}

func keyMisplaced(at source.Span, key, what, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeKeyMisplaced, Message: fmt.Sprintf("key %q does not belong in %s", key, what), At: at, Help: help}
}

func keyUnsupported(at source.Span, key, what, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeKeyUnsupported, Message: fmt.Sprintf("key %q in %s is known from dbt, but engine has no use for it", key, what), At: at, Help: help}
}

func keyMissing(at source.Span, key, what string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeKeyMissing, Message: fmt.Sprintf("%s has no %q", what, key), At: at, Help: fmt.Sprintf("add %q", key+": …")}
}

func wrongType(at source.Span, what, want string, n *yaml.Node) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeValueType, Message: fmt.Sprintf("%s has to be %s", what, want), At: at, AtText: "this is " + kindName(n)}
	switch {
	case strings.HasPrefix(want, "a mapping") && n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0:
		d.Help = `remove the "-" in front of the keys`
	case want == "a list" && n.Kind != yaml.SequenceNode:
		d.Help = `start every item with "- "`
	case strings.HasPrefix(want, "a mapping") && n.Kind == yaml.ScalarNode && strings.HasPrefix(what, "the ") && !isNull(n):
		d.Help = fmt.Sprintf("write %q", "name: "+n.Value)
	case n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{"):
		d.Help = "YAML values are not rendered; write the value itself"
	}
	return d
}

func valueUnknown(at source.Span, what, value string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeValueUnknown, Message: fmt.Sprintf("%q is not a value of %s", value, what), At: at}
	d.Help = didYouMean(value, known, "known values are ")
	return d
}

// valueRefused is a value that other tools have and this one does not.
func valueRefused(at source.Span, key, value, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeValueUnknown, Message: fmt.Sprintf("%q %q is known from dbt, but engine does not have it", key, value), At: at, Help: help}
}

func valueInvalid(at source.Span, message, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeValueInvalid, Message: message, At: at, Help: help}
}

func versionNeedsField(at source.Span, what string) diag.Diagnostic {
	d := keyMissing(at, "loaded_at_field", what)
	d.Notes = []string{`"version_by: loaded_at_field" tells by its newest value whether rows have changed`}
	return d
}

func configType(at source.Span, k Key, v any) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeValueType, Message: fmt.Sprintf("%q has to be %s", k.Name, k.Type), At: at, AtText: "this is " + valueName(v)}
	if s, ok := v.(string); ok && strings.Contains(s, "{{") {
		d.Help = "YAML values are not rendered; write the value itself, or set it with config in the model's file"
	} else if k.Type == Flags {
		d.Help = fmt.Sprintf("write %s: {%s: true}", k.Name, strings.Join(k.Flags, ": true, "))
	}
	return d
}

func valueName(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return fmt.Sprintf("the boolean %v", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return fmt.Sprintf("the number %v", v)
}

func configInvalid(at source.Span, key, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeValueInvalid, Message: fmt.Sprintf("the value of %q cannot be used: %s", key, why), At: at, Help: help}
}

func configTemplate(at source.Span, key string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeValueTemplate, Message: fmt.Sprintf("the value of %q is not rendered", key), At: at,
		Help: "write the value itself, or set it with config in the model's file, where templates run"}
}

func configTwice(at source.Span, key string, first source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeYAMLDuplicate, Message: fmt.Sprintf("%q is configured twice", key), At: at,
		Labels: []diag.Label{{At: first, Text: "first here"}}, Help: "remove one of them"}
}

// refAndCSV is about a part of the distribution with two sources.
func refAndCSV(at source.Span, part string, ref source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeValueInvalid, Message: fmt.Sprintf("%q is read from ref or from csv, and not from both", part), At: at,
		Labels: []diag.Label{{At: ref, Text: "the other one"}}, Help: "remove one of them"}
}

// unknownConfig says all that is known about a config key that the kind does not have.
func unknownConfig(key string, kind addr.Kind, at source.Span, more ...string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeConfigUnknown, Message: fmt.Sprintf("unknown config key %q for %s", key, plural(kind)), At: at}
	if help := foreignConfig[key]; help != "" {
		d.Code, d.Help = codeKeyUnsupported, help
		d.Message = fmt.Sprintf("config key %q is known from dbt, but engine has no use for it", key)
		return d
	}
	if help := otherKind(key, kind); help != "" {
		d.Help = help
		return d
	}
	d.Help = didYouMean(key, append(keyNames(kind), more...), "known keys are ")
	return d
}

func folderUnknown(at source.Span, name, where string, folders []string, kind addr.Kind) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeFolderUnknown, Message: fmt.Sprintf("%q is neither a folder in %s nor a config key", name, where), At: at}
	if s, ok := diag.Suggest(name, slices.Concat(folders, keyNames(kind))); ok {
		d.Help = fmt.Sprintf("did you mean %q?", s)
	} else if len(folders) > 0 {
		d.Help = "folders are " + quoted(folders)
	} else {
		d.Help = "there are no folders; configuration of one node belongs in its entry in a properties file"
	}
	return d
}

func propsUnmatched(at source.Span, kind addr.Kind, name, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codePropsUnmatched, Message: fmt.Sprintf("properties are given for %s %q, which does not exist", kindWord(kind), name), At: at, Help: help}
}

func kindWord(k addr.Kind) string {
	switch k {
	case addr.Test:
		return "data test"
	case addr.UnitTest:
		return "unit test"
	}
	return string(k)
}

func testShape(at source.Span, message, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeTestShape, Message: message, At: at, Help: help}
}

// Docs blocks.

func docsUnknown(at source.Span, name string, known []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDocsUnknown, Message: fmt.Sprintf("there is no docs block named %q", name), At: at,
		Help: didYouMean(name, known, "docs blocks are ")}
}

func lockBroken(at source.Span, err error) diag.Diagnostic {
	return diag.Diagnostic{Code: codeLockBroken, Message: LockFile + " cannot be read", At: at, Notes: []string{err.Error()}, Cause: err, Help: "write it anew with «engine source lock», or remove it"}
}

func docsTag(at source.Span, message, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeDocsTag, Message: message, At: at, Help: help}
}

// Targets.

func targetUnknown(at source.Span, name string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeTargetUnknown, Message: fmt.Sprintf("there is no target %q", name), At: at, Notes: []string{"targets are " + quoted(known)}}
	if s, ok := diag.Suggest(name, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", s)
	} else {
		d.Help = `add it under "targets" in engine.yml`
	}
	return d
}

func targetUnchosen(at source.Span, known []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeTargetUnknown, Message: "several targets are given, and none is the default", At: at,
		Notes: []string{"targets are " + quoted(known)}, Help: `set "default_target" in engine.yml, or choose with --target`}
}

func envUnset(at source.Span, name string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeEnvUnset, Message: fmt.Sprintf("environment variable %q is not set", name), At: at,
		Help: fmt.Sprintf("set it, or give a default: ${%s:-default}", name)}
}

func envSyntax(at source.Span, why string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeEnvSyntax, Message: "the variable is not written as ${NAME} or ${NAME:-default}", At: at, AtText: why,
		Help: "write $${ for the characters ${ themselves"}
}

// SecretVariable reports whether the name of an environment variable says that its value is a
// secret, which no template may say.
func SecretVariable(name string) bool {
	return strings.HasPrefix(name, "DBT_ENV_SECRET") || strings.HasPrefix(name, "DBT_ENGINE_SECRET")
}

// EnvSecret says that a template asks for a SecretVariable.
func EnvSecret(name string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeEnvSecret, Message: fmt.Sprintf("environment variable %q is a secret, which no template may say", name),
		AtText: "its value would stand in manifest.json and in logs", Help: fmt.Sprintf("use a variable of another name, or put ${%s} into the settings of a target in engine.yml", name)}
}

// varSecret is about a SecretVariable among the vars of a target.
func varSecret(at source.Span, name string) diag.Diagnostic {
	d := EnvSecret(name)
	d.At, d.Help = at, "vars are for templates: use a variable of another name"
	return d
}

// testKeys is about a test with several keys, most often because its arguments are
// indented too little.
func testKeys(o *object) diag.Diagnostic {
	first, second := o.fields[0], o.fields[1]
	d := testShape(o.span(second.key), fmt.Sprintf("test %q has a second key, %q, beside it", first.name, second.name), "")
	d.Labels = []diag.Label{{At: o.span(first.key), Text: "this is the name of the test"}}
	d.Help = fmt.Sprintf("indent %q further, below %q", second.name, first.name)
	if isNull(resolve(first.val)) || second.name == "config" || second.name == "arguments" {
		return d
	}
	if _, config := LookupKey(second.name, addr.Test); !config {
		d.Help = `start every test with "- "`
	}
	return d
}
