package project

import (
	"fmt"
	"io/fs"
	"syscall"
)

// stamp tells versions of a file apart. The time of the last change of status cannot be set
// back by programs that restore the time of the last write (cp -p, tar).
func stamp(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d %d %d %d %d", info.Size(), info.ModTime().UnixNano(), st.Ctim.Nano(), st.Dev, st.Ino)
}
