package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Exporter = (*release)(nil)

// exportEnds are the folders in which a customer's Parquet files stand in turn. The name
// without them is a link to the one that counts, which a rename changes at once; the other
// one stays until the next export, for those who are reading it.
var exportEnds = [2]string{".a", ".b"}

// exportMark is a file in a folder that the engine made: only such a one is removed.
const exportMark = ".engine"

// Export writes Parquet files, compressed with Zstandard. ReleaseTable is among them.
func (r *release) Export(ctx context.Context, folder string) error {
	if !filepath.IsAbs(folder) {
		return fmt.Errorf("the folder for Parquet files is %q, which is not absolute", folder)
	}
	if !r.open {
		return fmt.Errorf("customer %s has nothing to export", r.spec.Customer)
	}
	into, err := exportInto(folder)
	if err != nil {
		return err
	}
	own, _, err := r.all(ctx)
	if err != nil {
		return err
	}
	own = append(own, warehouse.Relation{Name: addr.Relation{Schema: r.spec.Schemas[0], Name: warehouse.ReleaseTable}})
	var d Dialect
	folders := map[string]bool{}
	err = r.c.within(ctx, r.have, func(exec func(string) error) error {
		for _, rel := range own {
			file := filepath.Join(into, url.PathEscape(rel.Name.Schema), url.PathEscape(rel.Name.Name)+".parquet")
			if dir := filepath.Dir(file); !folders[dir] {
				folders[dir] = true
				if err := os.MkdirAll(dir, 0o777); err != nil {
					return fmt.Errorf("export %s: %w", rel.Name, err)
				}
			}
			text := "copy (select * from " + d.Quote(r.Published(rel.Name)) + ") to " + d.Literal(file) +
				fmt.Sprintf(" (format parquet, compression zstd, row_group_size %d, use_tmp_file false)", parquetGroup)
			if err := exec(text); err != nil {
				return fmt.Errorf("export %s: %w", rel.Name, err)
			}
			if err := toDisk(file); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(into))
	}
	for dir := range folders {
		if err := toDisk(dir); err != nil {
			return err
		}
	}
	return linkTo(folder, into)
}

// exportInto empties the folder that folder does not lead to.
func exportInto(folder string) (string, error) {
	into := folder + exportEnds[0]
	switch info, err := os.Lstat(folder); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fileOptions(folder).fileError(err)
	case info.Mode()&fs.ModeSymlink == 0:
		return "", &warehouse.ForeignError{What: folder}
	default:
		now, err := os.Readlink(folder)
		if err != nil {
			return "", fileOptions(folder).fileError(err)
		}
		switch now {
		case filepath.Base(folder) + exportEnds[0]:
			into = folder + exportEnds[1]
		case filepath.Base(folder) + exportEnds[1]:
		default:
			return "", &warehouse.ForeignError{What: "the link " + folder}
		}
	}
	mark := filepath.Join(into, exportMark)
	if left, err := os.ReadDir(into); err == nil && len(left) > 0 {
		if _, err := os.Lstat(mark); err != nil {
			return "", &warehouse.ForeignError{What: "the folder " + into}
		}
	}
	if err := os.RemoveAll(into); err != nil {
		return "", fmt.Errorf("remove an earlier export: %w", err)
	}
	if err := os.MkdirAll(into, 0o777); err != nil {
		return "", fmt.Errorf("export to %s: %w", into, err)
	}
	if err := os.WriteFile(mark, nil, 0o666); err != nil {
		return "", fmt.Errorf("export to %s: %w", into, err)
	}
	return into, nil
}

// linkTo makes the link, in place of an earlier one.
func linkTo(folder, into string) error {
	next := folder + nextEnd
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	if err := os.Symlink(filepath.Base(into), next); err != nil {
		return fmt.Errorf("export to %s: %w", folder, err)
	}
	if err := os.Rename(next, folder); err != nil {
		return fmt.Errorf("export to %s: %w", folder, err)
	}
	return toDisk(filepath.Dir(folder))
}
