// Command gen writes the generated half of package raw.
//
// It reads two published modules from the module cache, without building
// either: github.com/goccy/go-googlesql for the shape of each call (arguments,
// field numbers, result) and github.com/goccy/googlesqlwasm2go for the engine
// function behind it. wanted.txt, next to the output, selects the calls.
//
// Usage, from the repository's root:
//
//	go run ./engine/googlesql/raw/gen
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	bridgeModule = "github.com/goccy/go-googlesql@v0.4.0"
	engineModule = "github.com/goccy/googlesqlwasm2go@v0.2.0"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen: ")
	out := flag.String("out", "engine/googlesql/raw", "folder of package raw")
	bridgeDir := flag.String("bridge", "", "folder of "+bridgeModule+" (default: from the module cache)")
	engineDir := flag.String("engine", "", "folder of "+engineModule+" (default: from the module cache)")
	flag.Parse()
	if err := run(*out, *bridgeDir, *engineDir); err != nil {
		log.Fatal(err)
	}
}

func run(out, bridgeDir, engineDir string) error {
	bridgeDir, err := moduleDir(bridgeDir, bridgeModule)
	if err != nil {
		return err
	}
	engineDir, err = moduleDir(engineDir, engineModule)
	if err != nil {
		return err
	}
	want, err := readWanted(filepath.Join(out, "wanted.txt"))
	if err != nil {
		return err
	}
	eng, err := readEngine(engineDir)
	if err != nil {
		return err
	}
	br, err := readBridge(filepath.Join(bridgeDir, "googlesql.go"))
	if err != nil {
		return err
	}
	files, err := emit(br, eng, want)
	if err != nil {
		return err
	}
	for _, f := range files {
		src, err := format.Source(f.src)
		if err != nil {
			return fmt.Errorf("format %s: %w", f.name, err)
		}
		if err := os.WriteFile(filepath.Join(out, f.name), src, 0o644); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(out, "data.bin"), filepath.Join(engineDir, "data.bin")); err != nil {
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("find Go's root: %w", err)
	}
	return copyFile(filepath.Join(out, "zoneinfo.zip"), filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
}

// moduleDir returns dir, or the folder of module in the module cache when dir
// is empty.
func moduleDir(dir, module string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	cmd := exec.Command("go", "mod", "download", "-json", module)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("download %s: %w: %s", module, err, strings.TrimSpace(stderr.String()))
	}
	var info struct{ Dir string }
	if err := json.Unmarshal(stdout.Bytes(), &info); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	return info.Dir, nil
}

func copyFile(dst, src string) error {
	b, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	return os.WriteFile(dst, b, 0o644)
}
