package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/sql"
	"github.com/engine-build/engine/engine/warehouse"
)

// world is an app in a folder of its own, with what it wrote.
func world(t *testing.T, env map[string]string) (*app, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	return &app{
		in: strings.NewReader(""), out: &out, err: &errs,
		env:     func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		environ: func() []string { return nil },
		now:     func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
		abort:   func(int) {}, getwd: func() (string, error) { return dir, nil }, size: func() int { return 0 }, cpus: 2, drivers: drivers,
	}, &out, &errs
}

func TestCrashIsReported(t *testing.T) {
	a, out, errs := world(t, nil)
	a.dir, _ = a.getwd()
	a.getwd = func() (string, error) { panic("the floor is gone\nand more") }
	if code := a.execute([]string{"build"}); code != exitInternal {
		t.Errorf("exit code %d", code)
	}
	path := filepath.Join(a.dir, "target", "engine-crash-20260102T030405Z.txt")
	want := "internal error[engine-crash]: the floor is gone; and more\n  = help: this is a mistake of the engine: please report it with " + path + "\n"
	if d := cmp.Diff(want, errs.String()); d != "" || out.Len() > 0 {
		t.Errorf("%s\nstdout: %s", d, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`args: ["build"]`, "the floor is gone", "app_test.go"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the crash file lacks %q:\n%s", part, text)
		}
	}
}

func TestColourAndSigns(t *testing.T) {
	cases := []struct {
		name            string
		env             map[string]string
		tty, flag       bool
		colour, unicode bool
	}{
		{"terminal", map[string]string{"TERM": "xterm", "LANG": "de_DE.UTF-8"}, true, false, true, true},
		{"pipe", map[string]string{"TERM": "xterm", "LC_ALL": "C", "LANG": "C.UTF-8"}, false, false, false, false},
		{"dumb", map[string]string{"TERM": "dumb"}, true, false, false, false},
		{"flag", map[string]string{"CLICOLOR_FORCE": "1"}, true, true, false, false},
		{"forced", map[string]string{"CLICOLOR_FORCE": "1", "LC_CTYPE": "en_US.utf8"}, false, false, true, true},
		{"not forced", map[string]string{"CLICOLOR_FORCE": "0"}, false, false, false, false},
		{"no colour", map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "yes"}, true, false, false, false},
		{"less colour", map[string]string{"CLICOLOR": "0"}, true, false, false, false},
		{"less colour, but forced", map[string]string{"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, true, false, true, false},
		{"Windows", map[string]string{"WT_SESSION": "1"}, true, false, true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, _, _ := world(t, c.env)
			a.global.noColor = c.flag
			s := a.screen(a.out, c.tty)
			if s.Color != c.colour || s.Unicode != c.unicode {
				t.Errorf("colour %v, unicode %v", s.Color, s.Unicode)
			}
		})
	}
}

func TestParseVars(t *testing.T) {
	cases := []struct {
		in   []string
		want map[string]any
		bad  bool
	}{
		{nil, map[string]any{}, false},
		{[]string{"a=1", "b=x y", "c=", "d=true", "e=a=b", "f=2026-01-02", "g=1.5"}, map[string]any{"a": int64(1), "b": "x y", "c": "", "d": true, "e": "a=b", "f": "2026-01-02", "g": 1.5}, false},
		{[]string{"{a: 1, b: [1, {c: 2}]}", "a=2"}, map[string]any{"a": int64(2), "b": []any{int64(1), map[string]any{"c": int64(2)}}}, false},
		{[]string{"a: 1\nb: no", ""}, map[string]any{"a": int64(1), "b": "no"}, false},
		{[]string{"a=: :"}, map[string]any{"a": ": :"}, false},
		{[]string{"word"}, nil, true},
		{[]string{"{a: 1"}, nil, true},
	}
	for _, c := range cases {
		got, bad := parseVars(c.in)
		if (bad != nil) != c.bad {
			t.Errorf("parseVars(%q): mistake %v", c.in, bad)
		} else if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("parseVars(%q): %s", c.in, d)
		}
	}
}

func TestProjectName(t *testing.T) {
	for in, want := range map[string]string{"shop": "shop", "my-shop 2": "my_shop_2", "2x": "p_2x", "é": "project", "..": "project", "_a_": "a"} {
		if got := projectName(in); got != want {
			t.Errorf("projectName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLimited(t *testing.T) {
	cases := []struct {
		body  string
		limit int
		want  string
	}{
		{"select 1", 10, "select * from (\nselect 1\n) as q limit 11"},
		{"\n (with a as (select 1) select * from a) -- end", 1, "select * from (\n\n (with a as (select 1) select * from a) -- end\n) as q limit 2"},
		{"select 1", 0, "select 1"},
		{"describe orders", 10, "describe orders"},
		{"select a from t order by a", 10, "select a from t order by a\nlimit 11"},
		{"select a from t order by a limit 3", 10, "select a from t order by a limit 3"},
	}
	for _, c := range cases {
		got := limited(sql.Standard, c.body, c.limit)
		if d := cmp.Diff(c.want, got.SQL); d != "" {
			t.Error(d)
		}
		if body := got.SQL[got.BodyStart:got.BodyEnd]; body != c.body {
			t.Errorf("the body is %q, want %q", body, c.body)
		}
	}
}

func TestStaleness(t *testing.T) {
	limits := project.Freshness{WarnAfter: project.Period{Count: 12, Unit: "hour"}, ErrorAfter: project.Period{Count: 1, Unit: "day"}}
	for age, want := range map[time.Duration]string{time.Hour: "pass", 12 * time.Hour: "pass", 13 * time.Hour: "warn", 25 * time.Hour: "error", -time.Hour: "pass"} {
		if got := staleness(age, limits); got != want {
			t.Errorf("%s: %s, want %s", age, got, want)
		}
	}
	if got := staleness(1000*time.Hour, project.Freshness{}); got != "pass" {
		t.Errorf("without limits: %s", got)
	}
}

// secretive is a driver with a password.
type secretive struct{ warehouse.Driver }

func (secretive) Fields() []warehouse.Field {
	return []warehouse.Field{{Name: "host"}, {Name: "password", Secret: true}}
}

func TestSecretsAreNotShown(t *testing.T) {
	cfg := warehouse.Config{Fields: map[string]string{"host": "db", "password": "hunter2", "pasword": "hunter2"}}
	want := map[string]string{"host": "db", "password": "********", "pasword": "********"}
	if d := cmp.Diff(want, redacted(cfg, secretive{})); d != "" {
		t.Error(d)
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false} {
		a, _, errs := world(t, nil)
		a.inTTY, a.in = true, strings.NewReader(answer)
		got, err := a.confirm("sure?", false)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
		if !strings.HasPrefix(errs.String(), "sure? [y/N] ") {
			t.Errorf("asked: %q", errs)
		}
	}
}

func TestVarsHoldDatesAsText(t *testing.T) {
	got, bad := parseVars([]string{"{day: 2026-01-02, at: 2026-01-02T03:04:05Z}"})
	want := map[string]any{"day": "2026-01-02", "at": "2026-01-02T03:04:05Z"}
	if d := cmp.Diff(want, got); d != "" || bad != nil {
		t.Error(d, bad)
	}
}
