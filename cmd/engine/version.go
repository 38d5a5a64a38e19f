package main

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
)

// version, commit and date are set by the release build: -ldflags "-X main.version=v1.2.3".
// Where they are not, the binary itself says what it was made from.
var version, commit, date string

// madeFrom is what a binary was made from, as far as that is known.
type madeFrom struct {
	Version  string // v1.2.3; «dev» for a build of a working copy
	Commit   string // whole
	Date     string // of the commit, RFC 3339
	Modified bool   // there were changes that are in no commit
}

// withChanges ends the version of a binary that was not made from what its commit has.
const withChanges = "+changes"

// pseudo is the version that Go gives to a commit without a tag, with its time and its commit.
var pseudo = regexp.MustCompile(`^v\d+\.\d+\.\d+-(?:.*\.)?(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-([0-9a-f]{12})(?:\+.*)?$`)

// madeOf reads what the release build and Go have put into the binary; info may be nil.
func madeOf(version, commit, date string, info *debug.BuildInfo) madeFrom {
	m := madeFrom{Version: version, Commit: commit, Date: date, Modified: strings.HasSuffix(version, withChanges)}
	if info == nil {
		m.Version = cmp.Or(m.Version, "unknown")
		return m
	}
	module := info.Main.Version
	if p := pseudo.FindStringSubmatch(module); p != nil { // go install …@main
		m.Commit, m.Date = cmp.Or(m.Commit, p[7]), cmp.Or(m.Date, fmt.Sprintf("%s-%s-%sT%s:%s:%sZ", p[1], p[2], p[3], p[4], p[5], p[6]))
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			if len(m.Commit) < len(s.Value) && strings.HasPrefix(s.Value, m.Commit) {
				m.Commit = s.Value
			}
		case "vcs.time":
			m.Date = cmp.Or(m.Date, s.Value)
		case "vcs.modified":
			m.Modified = m.Modified || s.Value == "true" && version == ""
		}
	}
	if m.Version == "" && module != "" && module != "(devel)" {
		m.Version = module
	}
	m.Version = cmp.Or(m.Version, "dev")
	return m
}

// text is the version in a word: that of a working copy names its commit.
func (m madeFrom) text() string {
	text := m.Version
	if text == "dev" && m.Commit != "" {
		text += "-" + m.Commit[:min(len(m.Commit), 12)]
		if m.Modified {
			text += withChanges
		}
	}
	return text
}

func made() (madeFrom, *debug.BuildInfo) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = nil
	}
	return madeOf(version, commit, date, info), info
}

// versionText is the release, or what the build knows about its source.
func versionText() string {
	if version != "" {
		return version
	}
	m, _ := made()
	return m.text()
}

// identity tells this executable from another one, for what one run keeps for the next. A
// release is known by its version; of any other build only the file itself is.
func identity() string {
	if version != "" && !strings.HasSuffix(version, withChanges) {
		return version
	}
	file, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %d", versionText(), info.Size(), info.ModTime().UnixNano())
}

func goText() string {
	return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

// analyzer is the module with Google's SQL analyzer, compiled to Go.
const analyzer = "googlesqlwasm2go"

// versions is the answer of engine version for programs.
type versions struct {
	Engine     string            `json:"engine"`
	Commit     string            `json:"commit,omitempty"`
	Date       string            `json:"date,omitempty"` // of the commit, RFC 3339
	Modified   bool              `json:"modified,omitempty"`
	Go         string            `json:"go"`
	Tags       string            `json:"tags,omitempty"` // build tags
	Warehouses []string          `json:"warehouses"`
	Libraries  map[string]string `json:"libraries"` // version of what is linked in, by name
}

func (a *app) versions() versions {
	m, info := made()
	v := versions{Engine: m.text(), Commit: m.Commit, Date: m.Date, Modified: m.Modified, Go: goText(), Libraries: map[string]string{}}
	for _, d := range a.drivers {
		v.Warehouses = append(v.Warehouses, d.Name())
		if x, ok := d.(interface{ Version() string }); ok {
			v.Libraries[d.Name()] = x.Version()
		}
	}
	if info != nil {
		for _, dep := range info.Deps {
			if path.Base(dep.Path) == analyzer {
				v.Libraries[analyzer] = dep.Version
			}
		}
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				v.Tags = s.Value
			}
		}
	}
	return v
}

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Long: text(`
Prints the version of the engine, the commit that it was made from, the version of Go, and the
warehouses and libraries that are built in. Nothing is asked of the network: whether there is a
newer one is not looked up.`),
		Example: `  engine version
  engine version --output json`,
		Args: unexpected,
	}
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(_ *cobra.Command, _ []string) error {
		v := a.versions()
		if wantsJSON(a.global.output) {
			return view.JSON(a.out, v)
		}
		if _, err := fmt.Fprintf(a.out, "engine %s\n", v.Engine); err != nil {
			return err
		}
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		line := func(name, value string) {
			if value != "" {
				_, _ = fmt.Fprintf(w, "%s:\t%s\n", name, value) // told by Flush
			}
		}
		if line("commit", v.Commit); v.Modified {
			line("", "with changes that are not committed")
		}
		line("date", v.Date)
		line("go", v.Go)
		line("tags", v.Tags)
		line("warehouses", view.List(v.Warehouses))
		line("DuckDB", v.Libraries["duckdb"])
		if v.Libraries[analyzer] != "" {
			line("GoogleSQL", analyzer+" "+v.Libraries[analyzer])
		}
		return w.Flush()
	}
	return cmd
}
