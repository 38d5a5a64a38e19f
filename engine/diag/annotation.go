package diag

import (
	"strconv"
	"strings"
)

var (
	// As GitHub's runner unescapes them; data may hold colons and commas, properties may not.
	annotationData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	annotationProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Annotation is the workflow command that makes GitHub show the diagnostic at its line:
// «::error file=models/a.sql,line=4,col=13,title=ref-unknown::no model named …».
func (d Diagnostic) Annotation() string {
	j := d.JSON()
	kind := "error"
	switch d.Severity {
	case Warning:
		kind = "warning"
	case Remark:
		kind = "notice"
	}
	var props []string
	add := func(key, value string) { props = append(props, key+"="+annotationProperty.Replace(value)) }
	if j.Path != "" {
		add("file", j.Path)
		add("line", strconv.Itoa(j.Line))
		add("col", strconv.Itoa(j.Column))
		if j.EndLine > j.Line {
			add("endLine", strconv.Itoa(j.EndLine))
		} else if j.EndColumn > j.Column {
			add("endColumn", strconv.Itoa(j.EndColumn))
		}
	}
	if j.Code != "" {
		add("title", j.Code)
	}
	text := j.Message
	if j.Text != "" {
		text += ": " + j.Text
	}
	for _, n := range j.Notes {
		text += "\nnote: " + n
	}
	if j.Help != "" {
		text += "\nhelp: " + j.Help
	}
	head := "::" + kind
	if len(props) > 0 {
		head += " " + strings.Join(props, ",")
	}
	return head + "::" + annotationData.Replace(text)
}
