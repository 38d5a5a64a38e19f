package main

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

const usage = "want sbom [-version V] [-time T] [-o FILE] BINARY, or notices [-o FILE] BINARY"

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	at := flags.String("time", "", "time of the release, RFC 3339; that of the commit if it is not given")
	version := flags.String("version", "", "version of the release; that of the module if it is not given")
	to := flags.String("o", "", "file to write, stdout if it is not given")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New(usage)
	}
	path := flags.Arg(0)
	if *to != "" {
		var text bytes.Buffer
		if err := run([]string{args[0], "-time=" + *at, "-version=" + *version, path}, &text); err != nil {
			return err
		}
		return os.WriteFile(*to, text.Bytes(), 0o644)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read what %s was built from: %w", path, err)
	}
	switch args[0] {
	case "sbom":
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read the binary: %w", err)
		}
		when, err := moment(*at, info)
		if err != nil {
			return err
		}
		return writeSBOM(out, info, data, *version, when)
	case "notices":
		return writeNotices(out, info, folder)
	}
	return errors.New(usage)
}

// moment is the time that a bill of materials bears: the given one, or that of the commit.
func moment(text string, info *debug.BuildInfo) (time.Time, error) {
	if text == "" {
		text = setting(info, "vcs.time")
	}
	if text == "" {
		return time.Time{}, errors.New("the binary does not say when its commit was made: give -time")
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("read the time: %w", err)
	}
	return t.UTC(), nil
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// folder is where the module cache has a module; Go fetches it if it is not there.
func folder(m *debug.Module) (string, error) {
	if m.Replace != nil {
		m = m.Replace
	}
	var failed bytes.Buffer
	cmd := exec.Command("go", "mod", "download", "-json", m.Path+"@"+m.Version)
	cmd.Stderr = &failed
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find %s@%s: %w: %s", m.Path, m.Version, err, strings.TrimSpace(failed.String()))
	}
	return dirOf(text)
}
