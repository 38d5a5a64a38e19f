package duckdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/engine-build/engine/engine/warehouse"
)

// A customer's file is looked into only if it is not the one that was published, or looked at,
// before. That it is the same one is told by what the system keeps of every file: its number,
// its length, and when its content and it itself were changed last, which nobody sets back.
// Whoever writes to it, copies another one over it or gives it another one's name changes one
// of them. What a DuckDB that has it open has not written into it yet is in a log beside it.

// stampOf is the stamp of the file of a release's customer, empty where there is none: no file,
// or one of which the system keeps less. Who asks has the file open, so that nobody writes to it.
func stampOf(file string, spec warehouse.ReleaseSpec) string {
	if _, err := os.Lstat(file + logEnd); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	identity := identityOf(info)
	if identity == "" {
		return ""
	}
	// What was looked for is part of it: whose the file is, and where its mark stands.
	whose := sha256.Sum256([]byte(strings.Join(append([]string{spec.Owner, spec.Customer}, spec.Schemas...), "\x00")))
	return fmt.Sprintf("%s %d %s", hex.EncodeToString(whose[:6]), info.Size(), identity)
}

// Stamp implements warehouse.Stamper.
func (r *release) Stamp(context.Context) string {
	if !r.published || !r.open {
		return ""
	}
	// Another file may have taken the name since: the stamp would be of that one.
	stamp := stampOf(r.file, r.spec)
	now, err := os.Lstat(r.file)
	if err != nil || r.renamed == nil || !os.SameFile(now, r.renamed) || now.Size() != r.renamed.Size() || !now.ModTime().Equal(r.renamed.ModTime()) {
		return ""
	}
	return stamp
}
