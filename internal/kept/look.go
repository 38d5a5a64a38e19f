package kept

import (
	"bytes"
	"os"
)

// Look says how large the file at path is in bytes and whether all of its records are whole, of
// whatever version they are. A missing file is an error of os.Stat.
func Look(path string) (size int64, whole bool, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return 0, false, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return info.Size(), false, err
	}
	head, rest, ok := bytes.Cut(data, []byte("\n"))
	if !ok || !bytes.HasPrefix(head, []byte("engine kept ")) {
		return info.Size(), false, nil
	}
	return info.Size(), records(rest, func(_, _, _ []byte) {}), nil
}
