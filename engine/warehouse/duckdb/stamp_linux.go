package duckdb

import (
	"fmt"
	"io/fs"
	"syscall"
)

// identityOf is a file's number and the times of its last changes. A file system that keeps whole
// seconds only would not tell two changes of one second apart: there it is empty.
func identityOf(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Mtim.Nsec == 0 && st.Ctim.Nsec == 0 {
		return ""
	}
	return fmt.Sprintf("%d %d %d %d", st.Dev, st.Ino, st.Mtim.Nano(), st.Ctim.Nano())
}
