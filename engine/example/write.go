package example

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// NotEmptyError says that a project would be written over existing files. Nothing was
// written.
type NotEmptyError struct {
	Dir   string
	Entry string // one of the entries that are in the way
}

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("folder %q is not empty: it has %q", e.Dir, e.Entry)
}

// NameError is a name that cannot be a project's.
type NameError struct{ Name string }

func (e *NameError) Error() string {
	return fmt.Sprintf("project name %q is not letters, digits and underscores after a letter", e.Name)
}

// Write writes the manufacturing project into dir, which must be empty or not exist yet:
// the files of project (models, macros, tests, snapshots, engine.yml) and the generated
// seeds. The options are checked before the first byte is written.
func Write(ctx context.Context, dir string, project fs.FS, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if err := claim(dir); err != nil {
		return err
	}
	if err := copyFiles(dir, project); err != nil {
		return err
	}
	if err := writeTexts(dir, map[string]string{
		"README.md":  fmt.Sprintf(manufacturingReadme, o.Materials, o.Seed),
		".gitignore": gitignore,
	}); err != nil {
		return err
	}
	if o.Format == "parquet" {
		err = writeParquet(ctx, dir, o)
	} else {
		err = Manufacturing(ctx, Folder(dir), o)
	}
	if err != nil {
		return fmt.Errorf("write seeds into %s: %w", dir, err)
	}
	return nil
}

// Minimal writes the smallest project that is worth building: one seed, two models, tests.
// dir must be empty or not exist yet.
func Minimal(dir, name string) error {
	if !validName(name) {
		return &NameError{name}
	}
	if err := claim(dir); err != nil {
		return err
	}
	texts := map[string]string{".gitignore": gitignore}
	for p, text := range minimalFiles {
		texts[p] = strings.ReplaceAll(text, "PROJECT", name)
	}
	return writeTexts(dir, texts)
}

func validName(name string) bool {
	for i, r := range name {
		letter := r == '_' || r < unicode.MaxASCII && unicode.IsLetter(r)
		if !letter && (i == 0 || r > unicode.MaxASCII || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}

// claim makes the folder, and refuses one that has anything in it but version control.
func claim(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read folder %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			return &NotEmptyError{dir, e.Name()}
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create folder %s: %w", dir, err)
	}
	return nil
}

func copyFiles(dir string, project fs.FS) error {
	return fs.WalkDir(project, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read %s of the example: %w", p, err)
		}
		if d.IsDir() {
			return nil
		}
		b, err := fs.ReadFile(project, p)
		if err != nil {
			return fmt.Errorf("read %s of the example: %w", p, err)
		}
		return writeText(dir, p, string(b))
	})
}

func writeTexts(dir string, texts map[string]string) error {
	for p, text := range texts {
		if err := writeText(dir, p, text); err != nil {
			return err
		}
	}
	return nil
}

func writeText(dir, p, text string) error {
	f := filepath.Join(dir, filepath.FromSlash(p))
	if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
		return fmt.Errorf("create folder of %s: %w", p, err)
	}
	if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	return nil
}

// Folder is a Writer into a folder.
func Folder(dir string) Writer { return folder(dir) }

type folder string

func (d folder) Create(p string) (io.WriteCloser, error) {
	f := filepath.Join(string(d), filepath.FromSlash(path.Clean(p)))
	if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(f)
	if err != nil {
		return nil, err
	}
	return &bufferedFile{file, bufio.NewWriterSize(file, 1<<16)}, nil
}

type bufferedFile struct {
	f *os.File
	w *bufio.Writer
}

func (b *bufferedFile) Write(p []byte) (int, error) { return b.w.Write(p) }

func (b *bufferedFile) Close() error {
	err := b.w.Flush()
	if cerr := b.f.Close(); err == nil {
		err = cerr
	}
	return err
}
