package man

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func tree() *cobra.Command {
	root := &cobra.Command{Use: "tool", Short: "does things", Long: "Does things.\n\nIn order:\n\n  a*  first\n      and more\n\n.first is 'first', at C:\\x, «so» ~/x ^ `y`.\nLast."}
	root.PersistentFlags().Bool("quiet", false, "say nothing")
	root.AddGroup(&cobra.Group{ID: "g", Title: "Doing:"})
	do := &cobra.Command{Use: "do-it [what…]", GroupID: "g", Short: "do one thing", Long: "Does it.", Example: "  tool do-it -n 3\n\n  tool do-it", Aliases: []string{"make"}, Run: func(*cobra.Command, []string) {}}
	do.Flags().IntP("number", "n", 7, "how `many` times")
	do.Flags().String("secret", "", "not for you")
	_ = do.Flags().MarkHidden("secret")
	deeper := &cobra.Command{Use: "deeper", Short: "go on", Long: "Goes on.", Run: func(*cobra.Command, []string) {}}
	do.AddCommand(deeper)
	root.AddCommand(do, &cobra.Command{Use: "hidden", Hidden: true, Run: func(*cobra.Command, []string) {}}, &cobra.Command{Use: "exit-codes", Short: "what they say", Long: "  0  done"})
	return root
}

var edition = Edition{Date: time.Date(2026, 1, 2, 23, 0, 0, 0, time.UTC), Version: "v1.2.3"}

func TestPages(t *testing.T) {
	pages := Pages(tree(), edition)
	var names []string
	for _, p := range pages {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	if d := cmp.Diff([]string{"tool-do-it-deeper.1", "tool-do-it.1", "tool-exit-codes.7", "tool.1"}, names); d != "" {
		t.Error(d)
	}
	want := `.TH "TOOL\-DO\-IT" 1 2026-01-02 "tool v1.2.3" "tool manual"
.nh
.ad l
.SH NAME
tool\-do\-it \- do one thing
.SH SYNOPSIS
\fBtool do\-it\fR [what\[u2026]] [flags]
.SH DESCRIPTION
Does it.
.PP
Also: make.
.SH OPTIONS
.TP
\fB\-n\fR, \fB\-\-number\fR \fImany\fR
how many times (7)
.PP
The options that all commands have are in \fBtool\fR(1).
.SH COMMANDS
.TP
\fBtool\-do\-it\-deeper\fR(1)
go on
.SH EXAMPLES
.RS 2
.nf
tool do\-it \-n 3
.sp
tool do\-it
.fi
.RE
.SH SEE ALSO
\fBtool\fR(1),
\fBtool\-exit\-codes\fR(7)
`
	i := slices.IndexFunc(pages, func(p Page) bool { return p.Name == "tool-do-it.1" })
	if d := cmp.Diff(want, pages[i].Text); d != "" {
		t.Error(d)
	}
	for _, want := range []string{".PP\n.RS 2\n.nf\na*  first\n    and more\n.fi\n.RE\n", "\\&.first is \\(aqfirst\\(aq, at C:\\ex, \\[u00AB]so\\[u00BB] \\(ti/x \\(ha \\(gay\\(ga.\nLast.\n", ".SS Doing\n", ".SH TOPICS\n", ".SH GLOBAL OPTIONS\n"} {
		if !strings.Contains(pages[0].Text, want) {
			t.Errorf("the first page has no %q:\n%s", want, pages[0].Text)
		}
	}
}

// TestPagesAreClean asks a formatter, where there is one.
func TestPagesAreClean(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Log("mandoc is not installed: the pages are compared with what is expected only")
		return
	}
	for _, p := range Pages(tree(), edition) {
		cmd := exec.Command(mandoc, "-T", "lint", "-W", "warning")
		cmd.Stdin = strings.NewReader(p.Text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", p.Name, err, out, p.Text)
		}
	}
}
