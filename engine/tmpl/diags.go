package tmpl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeSyntax      diag.Code = "template-syntax"
	codeUnclosed    diag.Code = "template-unclosed"
	codeBlock       diag.Code = "template-block"
	codeJinja       diag.Code = "template-jinja"
	codeVariable    diag.Code = "template-variable"
	codeFunction    diag.Code = "function-unknown"
	codeRemoved     diag.Code = "function-removed"
	codeArguments   diag.Code = "call-arguments"
	codeCall        diag.Code = "call-error"
	codeUnavailable diag.Code = "call-unavailable"
	codeTargetKey   diag.Code = "target-key"
	codeMacro       diag.Code = "macro-unknown"
	codeTwice       diag.Code = "macro-duplicate"
	codeRecursion   diag.Code = "macro-recursion"
	codeValue       diag.Code = "template-value"
	codeRun         diag.Code = "template-error"
	codeFail        diag.Code = "template-fail"
	codeRunaway     diag.Code = "template-runaway"
	codeInternal    diag.Code = "template-internal"
)

// Codes is the catalogue of what this room reports.
var Codes = []diag.Entry{
	{
		Code: codeSyntax, Title: "An action is not valid template syntax",
		Explain: "Between {{ and }} stand a function and its arguments, separated by spaces. Operators are functions: eq, ne, lt, gt, and, or, not.",
		Bad:     "{{ if target.name == \"prod\" }}",
		Good:    "{{ if eq target.name \"prod\" }}",
	},
	{
		Code: codeUnclosed, Title: "Something was opened and not closed",
		Explain: "Every {{ needs its }} before the next action, every quote and parenthesis its partner inside the action.",
		Bad:     "select * from {{ ref \"orders\" }",
		Good:    "select * from {{ ref \"orders\" }}",
	},
	{
		Code: codeBlock, Title: "Blocks and their ends do not match",
		Explain: "Each if, range, with, define and block needs one {{ end }}; else belongs to an open block.",
		Bad:     "{{ if is_incremental }} where true",
		Good:    "{{ if is_incremental }} where true {{ end }}",
	},
	{
		Code: codeJinja, Title: "Jinja syntax in a Go template",
		Explain: "Templates are Go templates: arguments stand behind the function, separated by spaces, in double quotes, without parentheses and commas; there are no {% %} and {# #}.",
		Bad:     "select * from {{ ref('orders') }}",
		Good:    "select * from {{ ref \"orders\" }}",
	},
	{
		Code: codeVariable, Title: "A template variable is used before it is set",
		Explain: "A variable begins with $, is set with := and lives until the end of its block.",
		Bad:     "{{ $days }}",
		Good:    "{{ $days := 7 }}{{ $days }}",
	},
	{
		Code: codeFunction, Title: "No template function has this name",
		Explain: "Templates have the engine's functions, those of Go templates and the pure ones of sprig. Macros are called with include.",
		Bad:     "{{ reff \"orders\" }}",
		Good:    "{{ ref \"orders\" }}",
	},
	{
		Code: codeRemoved, Title: "A sprig function that templates do not have",
		Explain: "The text of a model may depend on nothing but the project, declared variables and the target; functions that read a clock, a network, the environment or chance are not there.",
		Bad:     "where day < '{{ now }}'",
		Good:    "where day < current_date",
	},
	{
		Code: codeArguments, Title: "A call has the wrong arguments",
		Explain: "The number or the types of the arguments are not what the function takes.",
		Bad:     "{{ source \"app\" }}",
		Good:    "{{ source \"app\" \"orders\" }}",
	},
	{
		Code: codeCall, Title: "A call has no answer",
		Explain: "A function of the engine had no answer to this call; the message says why.",
		Bad:     "{{ var \"undeclared\" }}",
		Good:    "{{ var \"undeclared\" \"default\" }}",
	},
	{
		Code: codeUnavailable, Title: "A function that has no meaning in this place",
		Explain: "Some texts are rendered where a function has nothing to refer to, such as this outside a model.",
		Bad:     "vars: {x: '{{ this }}'}",
		Good:    "vars: {x: orders}",
	},
	{
		Code: codeTargetKey, Title: "The target has no such field",
		Explain: "target has the fields of the chosen target that templates may see.",
		Bad:     "{{ target.shema }}",
		Good:    "{{ target.schema }}",
	},
	{
		Code: codeMacro, Title: "No macro has this name",
		Explain: "include and template take the base name of a file macros/*.tmpl, or a name given by {{ define }} in such a file or in this one.",
		Bad:     "{{ include \"cents_to_eur\" . }}",
		Good:    "{{ include \"cents_to_euro\" . }}",
	},
	{
		Code: codeTwice, Title: "Two macros have one name",
		Explain: "Macro names are one set for the whole project, definitions inside models included.",
		Bad:     "{{ define \"cents\" }}a{{ end }}{{ define \"cents\" }}b{{ end }}",
		Good:    "{{ define \"cents\" }}a{{ end }}",
	},
	{
		Code: codeRecursion, Title: "Macros call each other in a circle",
		Explain: "A macro may not call itself, neither directly nor through others.",
		Bad:     "macros/a.tmpl: {{ include \"a\" }}",
		Good:    "macros/a.tmpl: {{ include \"b\" }}",
	},
	{
		Code: codeValue, Title: "An action has no value to print",
		Explain: "The field is missing or nil. Nothing is printed in its place, because that would change the meaning of the SQL.",
		Bad:     "where x > {{ .min }}",
		Good:    "where x > {{ .min | default 0 }}",
	},
	{
		Code: codeRun, Title: "A template function cannot work with its values",
		Explain: "The arguments were found when the template ran, and the function does not take them.",
		Bad:     "{{ index (list 1 2) 5 }}",
		Good:    "{{ index (list 1 2) 1 }}",
	},
	{
		Code: codeFail, Title: "The template stopped with fail",
		Explain: "The template called fail with this message.",
		Bad:     "{{ fail \"not for production\" }}",
		Good:    "{{ if eq target.name \"prod\" }}{{ fail \"not for production\" }}{{ end }}",
	},
	{
		Code: codeRunaway, Title: "The template does not come to an end",
		Explain: "Output, loops and the depth of include have limits far above any sensible SQL.",
		Bad:     "{{ range 1000000000 }}x{{ end }}",
		Good:    "{{ range 10 }}x{{ end }}",
	},
	{
		Code: codeInternal, Title: "A mistake of the engine while rendering",
		Explain: "This is not your mistake. Please report it with the template.",
	},
}

func problem(code diag.Code, at source.Span, message, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: code, At: at, Message: message, Help: help}
}

func syntax(at source.Span, message, help string) diag.Diagnostic {
	return problem(codeSyntax, at, message, help)
}

var parsePattern = regexp.MustCompile(`(?s)^template: \x00file\d*:(\d+):(?:\d+:)? (.*)$`)

// syntaxUnclear is the answer when the parser found a mistake that checker did not.
func syntaxUnclear(u *unit, err error) diag.Diagnostic {
	line, message := 1, err.Error()
	if m := parsePattern.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = m[2]
	}
	start := u.file.Offset(line, 1)
	d := syntax(u.file.Span(start, start+len(u.file.Line(line))), message, "")
	d.Cause = err
	return d
}

func unclosed(at source.Span, what, help string) diag.Diagnostic {
	return problem(codeUnclosed, at, what+" is not closed", help)
}

func block(at source.Span, message, help string) diag.Diagnostic {
	return problem(codeBlock, at, message, help)
}

func jinja(at source.Span, message, help string, edits ...source.Edit) diag.Diagnostic {
	d := problem(codeJinja, at, message, help)
	d.Edits = edits
	return d
}

func singleQuotes(at source.Span) diag.Diagnostic {
	good, ok := goString(at.Text())
	if !ok {
		return jinja(at, "text in templates stands in double quotes", "")
	}
	return jinja(at, "text in templates stands in double quotes", "write "+good, source.Edit{At: at, New: good})
}

func unknownVariable(name string, at source.Span, near []string) diag.Diagnostic {
	d := problem(codeVariable, at, fmt.Sprintf("no variable %q in this place", name),
		fmt.Sprintf("set it before: {{ %s := … }}", name))
	if s, ok := diag.Suggest(name, near); ok {
		d.Help = fmt.Sprintf("did you mean %q?", s)
		d.Edits = []source.Edit{{At: at, New: s}}
	}
	return d
}

// foreignWords are names that people bring from other template languages.
var foreignWords = map[string]string{
	"endif": "write {{ end }}", "endfor": "write {{ end }}", "endmacro": "write {{ end }}",
	"elif": "write {{ else if … }}", "for": "write {{ range $x := … }} … {{ end }}",
	"macro": "put it into macros/NAME.tmpl and call it with include",
	"True":  "write true", "False": "write false", "None": "write nil", "none": "write nil",
	"do": "call the function alone", "loop": "write {{ range $i, $x := … }}",
	"run_query": "templates run without a warehouse: nothing can be queried",
	"execute":   "templates run without a warehouse: leave the condition out",
	"log":       "templates have no side effects: leave it out",
	"return":    "a macro's text is its result", "dbt_utils": "write the SQL, or a macro of your own",
	"adapter": "templates run without a warehouse", "exceptions": `use {{ fail "message" }}`,
	"schema": "write {{ target.schema }}", "database": "write {{ target.database }}",
	"model": "write {{ this }}", "set": "write {{ $x := … }}",
}

func unknownFunc(name string, at source.Span) diag.Diagnostic {
	if r, ok := removed[name]; ok {
		return problem(codeRemoved, at, fmt.Sprintf("%q is not a template function here: %s", name, r.why), r.help)
	}
	d := problem(codeFunction, at, fmt.Sprintf("no template function named %q", name), foreignWords[name])
	if d.Help != "" {
		return d
	}
	if s, ok := diag.Suggest(name, funcNames()); ok {
		d.Help = fmt.Sprintf("did you mean %q?", s)
		d.Edits = []source.Edit{{At: at, New: s}}
	}
	return d
}

func fieldOfText(fn, field string, at source.Span) diag.Diagnostic {
	help := "write {{ " + fn + " }}"
	if fn == "this" {
		help = "{{ this }} is the whole quoted name; the schema is {{ target.schema }}"
	}
	return problem(codeArguments, at, fmt.Sprintf("%q is text and has no field %q", fn, field), help)
}

func argumentCount(c Call, least, most int) diag.Diagnostic {
	want := plural(most, "argument")
	switch {
	case most == 0:
		want = "no arguments"
	case least == 0:
		want = "at most " + want
	case least < most:
		want = fmt.Sprintf("%d or %s", least, plural(most, "argument"))
	}
	d := problem(codeArguments, c.Span, fmt.Sprintf("%q takes %s, not %d", c.Fn, want, len(c.Args)), "write "+usage[c.Fn])
	if c.Fn == "ref" && len(c.Args) == 0 {
		d.Message = `"ref" needs the name of a model`
	}
	return d
}

func argumentType(c Call, i int) diag.Diagnostic {
	return problem(codeArguments, c.Args[i].Span,
		fmt.Sprintf("argument %d of %q is %s where text is expected", i+1, c.Fn, typeName(c.Args[i].Value)), "write "+usage[c.Fn])
}

func configOdd(c Call) diag.Diagnostic {
	d := problem(codeArguments, c.Span, `"config" takes pairs of key and value`, "write "+usage["config"])
	if len(c.Args) > 0 {
		d.AtText = fmt.Sprintf("%d arguments: a key or a value is missing", len(c.Args))
	}
	return d
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case string:
		return "text"
	case bool:
		return "a truth value"
	case int64, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "a dictionary"
	}
	return "something else"
}

func unavailable(fn string, at source.Span) diag.Diagnostic {
	return problem(codeUnavailable, at, fmt.Sprintf("%q has no meaning in this place", fn), "")
}

func notEnded(fn string, at source.Span) diag.Diagnostic {
	return problem(codeUnavailable, at, fmt.Sprintf("%q is known only when a run has ended", fn), "use it in statements of on-run-end, and in macros that only these include")
}

func callError(at source.Span, err error) diag.Diagnostic {
	d := problem(codeCall, at, err.Error(), "")
	d.Cause = err
	return d
}

func targetKey(key string, at source.Span, keys []string) diag.Diagnostic {
	d := problem(codeTargetKey, at, fmt.Sprintf("the target has no field %q", key), "")
	if s, ok := diag.Suggest(key, keys); ok {
		d.Help = fmt.Sprintf("did you mean %q?", s)
	} else if len(keys) > 0 {
		d.Help = "it has " + strings.Join(keys, ", ")
	}
	return d
}

func unknownMacro(name string, at source.Span, names []string) diag.Diagnostic {
	d := problem(codeMacro, at, fmt.Sprintf("no macro named %q", name), "")
	switch s, ok := diag.Suggest(name, names); {
	case ok:
		d.Help = fmt.Sprintf("did you mean %q?", s)
		d.Edits = []source.Edit{{At: at, New: strconv.Quote(s)}}
	case len(names) == 0:
		d.Help = fmt.Sprintf("put its text into macros/%s.tmpl", name)
	default:
		d.AtText = fmt.Sprintf("not found among %s", plural(len(names), "macro"))
	}
	return d
}

func definedTwice(name string, at, first source.Span) diag.Diagnostic {
	d := problem(codeTwice, at, fmt.Sprintf("macro %q exists twice", name), "rename one of them")
	d.Labels = []diag.Label{{At: first, Text: "first here"}}
	return d
}

// recursion reports a circle of macros: chain[i] calls chain[i+1] at calls[i].
func recursion(chain []string, calls []source.Span) diag.Diagnostic {
	d := problem(codeRecursion, calls[0], "macros call each other in a circle: "+strings.Join(chain, " → "), "")
	if len(chain) == 2 {
		d.Message = fmt.Sprintf("macro %q calls itself", chain[0])
	}
	for i, at := range calls[1:] {
		d.Labels = append(d.Labels, diag.Label{At: at, Text: fmt.Sprintf("%q calls %q", chain[i+1], chain[i+2])})
	}
	return d
}

func noValue(at source.Span) diag.Diagnostic {
	return problem(codeValue, at, fmt.Sprintf("%q has no value to print", at.Text()),
		fmt.Sprintf("give it one, or write {{ %s | default … }}", at.Text()))
}

func runError(at source.Span, message string, cause error) diag.Diagnostic {
	d := problem(codeRun, at, message, "")
	d.Cause = cause
	return d
}

func failed(at source.Span, message string) diag.Diagnostic {
	return problem(codeFail, at, message, "")
}

func runaway(at source.Span, message string) diag.Diagnostic {
	return problem(codeRunaway, at, message, "")
}

func internal(at source.Span, reason any) diag.Diagnostic {
	d := problem(codeInternal, at, fmt.Sprintf("rendering stopped: %v", reason), "please report this with the template")
	d.Severity = diag.Internal
	return d
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
