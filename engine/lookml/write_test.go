package lookml

import "testing"

func TestQuoted(t *testing.T) {
	for _, c := range []struct{ text, quoted, exact string }{
		{"a  b\n c", `"a b c"`, `"a  b  c"`},
		{"{{{ x }}}", `"{ { { x }}}"`, `"{ { { x }}}"`},
		{"{{% if %}", `"{ { % if %}"`, `"{ { % if %}"`},
		{"{# note", `"{ # note"`, `"{ # note"`},
		{`say "\"`, `"say \"\\\""`, `"say \"\\\""`},
		{"Grüße {", `"Grüße {"`, `"Grüße {"`},
	} {
		if got := quoted(c.text); got != c.quoted {
			t.Errorf("quoted(%q) is %s, want %s", c.text, got, c.quoted)
		}
		if got := exact(c.text); got != c.exact {
			t.Errorf("exact(%q) is %s, want %s", c.text, got, c.exact)
		}
	}
}
