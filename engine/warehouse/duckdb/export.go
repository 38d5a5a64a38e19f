package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Exporter = (*release)(nil)

// exportEnds are the folders in which a customer's Parquet files stand in turn. The name
// without them is a link to the one that counts, which a rename changes at once; then the other
// one goes, with rows that the customer may have no more.
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
	theirs, err := r.alone(ctx, into)
	if err != nil {
		return errors.Join(err, os.RemoveAll(into))
	}
	err = func() error {
		for _, rel := range own {
			file := filepath.Join(into, url.PathEscape(rel.Name.Schema), url.PathEscape(rel.Name.Name)+".parquet")
			if dir := filepath.Dir(file); !folders[dir] {
				folders[dir] = true
				if err := os.MkdirAll(dir, 0o700); err != nil {
					return fmt.Errorf("export %s: %w", rel.Name, err)
				}
			}
			text := "copy (select * from " + d.Quote(rel.Name) + ") to " + d.Literal(file) +
				fmt.Sprintf(" (format parquet, compression zstd, row_group_size %d, use_tmp_file false)", parquetGroup)
			if err := theirs.sendOne(ctx, text); err != nil {
				return fmt.Errorf("export %s: %w", rel.Name, err)
			}
			if err := os.Chmod(file, 0o600); err != nil {
				return fmt.Errorf("export %s: %w", rel.Name, err)
			}
			if err := toDisk(file); err != nil {
				return err
			}
		}
		return nil
	}()
	if err := errors.Join(err, theirs.Close()); err != nil {
		return errors.Join(err, os.RemoveAll(into))
	}
	if err := likeLast(folder, into); err != nil {
		return errors.Join(err, os.RemoveAll(into))
	}
	for dir := range folders {
		if err := toDisk(dir); err != nil {
			return err
		}
	}
	if err := linkTo(folder, into); err != nil {
		return err
	}
	for _, end := range exportEnds {
		if old := folder + end; old != into && exported(old) {
			if err := os.RemoveAll(old); err != nil {
				return fmt.Errorf("remove the last export: %w", err)
			}
		}
	}
	return nil
}

// exported reports whether a folder is one that Export made.
func exported(folder string) bool {
	_, err := os.Lstat(filepath.Join(folder, exportMark))
	return err == nil
}

// Unexport removes the link first: nobody begins to read what goes.
func (r *release) Unexport(folder string) error {
	base := filepath.Base(folder)
	if now, err := os.Readlink(folder); err == nil && (now == base+exportEnds[0] || now == base+exportEnds[1]) && exported(folder) {
		if err := os.Remove(folder); err != nil {
			return fmt.Errorf("remove an earlier export: %w", err)
		}
	}
	for _, end := range exportEnds {
		if !exported(folder + end) {
			continue
		}
		if err := os.RemoveAll(folder + end); err != nil {
			return fmt.Errorf("remove an earlier export: %w", err)
		}
	}
	return nil
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
	if err := os.MkdirAll(filepath.Dir(into), 0o700); err != nil {
		return "", fmt.Errorf("export to %s: %w", into, err)
	}
	if err := makePrivate(into); err != nil {
		return "", fmt.Errorf("export to %s: %w", into, err)
	}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return "", fmt.Errorf("export to %s: %w", into, err)
	}
	return into, nil
}

// likeLast gives what was exported the rights that the last export's folder has: those to enter
// a folder to folders only. The first one is nobody else's.
func likeLast(folder, into string) error {
	last, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fileOptions(folder).fileError(err)
	}
	var folders []string
	err = filepath.WalkDir(into, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			folders = append(folders, path)
			return err
		}
		return likeOld(path, last, 0o666)
	})
	if err != nil {
		return err
	}
	slices.Reverse(folders) // into itself is the last, which lets others in
	for _, path := range folders {
		if err := likeOld(path, last, 0o777); err != nil {
			return err
		}
	}
	return nil
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
