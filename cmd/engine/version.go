package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/engine-build/engine/cmd/engine/view"
)

// version is set by the release build: -ldflags "-X main.version=v1.2.3".
var version string

// versionText is the release, or what the build knows about its source.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" || text == "(devel)" {
		text = "dev"
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+changes"
			}
		}
	}
	if text == "dev" && commit != "" {
		text += "-" + commit + dirty
	}
	return text
}

// identity tells this executable from another one, for what one run keeps for the next. A
// release is known by its version; of any other build only the file itself is.
func identity() string {
	if version != "" {
		return version
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %d", versionText(), info.Size(), info.ModTime().UnixNano())
}

func goText() string {
	return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Long:  "Prints the version of the engine, of Go, and the warehouses that are built in.",
		Example: `  engine version
  engine version --output json`,
		Args: unexpected,
	}
	a.outputFlag(cmd, "human", "json")
	cmd.RunE = func(_ *cobra.Command, _ []string) error {
		var names []string
		for _, d := range a.drivers {
			names = append(names, d.Name())
		}
		if wantsJSON(a.global.output) {
			return view.JSON(a.out, map[string]any{"engine": versionText(), "go": goText(), "warehouses": names})
		}
		_, err := fmt.Fprintf(a.out, "engine %s\n%s\nwarehouses: %s\n", versionText(), goText(), view.List(names))
		return err
	}
	return cmd
}
