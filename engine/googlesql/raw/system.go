package raw

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/binary"
	"io"
	"runtime"
	"strings"

	"github.com/goccy/googlesqlwasm2go/base"
)

// zoneArchive is Go's copy of the time zone database: results do not depend on
// the files of the host.
//
//go:embed zoneinfo.zip
var zoneArchive []byte

// Error numbers and file types of WASI preview 1.
const (
	errnoSuccess = 0
	errnoBadF    = 8
	errnoFault   = 21
	errnoInval   = 28
	errnoNoEnt   = 44
	errnoNoSys   = 52
	errnoSpipe   = 70

	fileTypeCharacter = 2
	fileTypeDirectory = 3
	fileTypeRegular   = 4
)

const (
	rootFD   = 3
	rootName = "/"
	zoneDir  = "usr/share/zoneinfo/"
)

// system is the operating system the engine sees: clocks, and one folder of
// time zone files to read. There is no environment, no other file, no network,
// and output goes nowhere.
type system struct {
	zones map[string]*zip.File
	open  map[int32]*zoneFile
	last  int32 // file descriptor given out last
	asked uint64
}

type zoneFile struct {
	data []byte
	pos  int64
}

func (s *system) Clock_time_get(m *base.Module, clock int32, _ int64, out int32) int32 {
	// The analyzer takes time for its own statistics only; what it finds may not depend on
	// the time. So all clocks show how often they were asked.
	s.asked++
	return put64(m, out, s.asked*1000)
}

func (s *system) Environ_get(*base.Module, int32, int32) int32 { return errnoSuccess }

func (s *system) Environ_sizes_get(m *base.Module, count, size int32) int32 {
	if e := put32(m, count, 0); e != errnoSuccess {
		return e
	}
	return put32(m, size, 0)
}

func (s *system) Fd_close(_ *base.Module, fd int32) int32 {
	if s.open[fd] == nil {
		return errnoBadF
	}
	delete(s.open, fd)
	return errnoSuccess
}

func (s *system) Fd_fdstat_get(m *base.Module, fd, out int32) int32 {
	kind := byte(fileTypeRegular)
	switch {
	case fd >= 0 && fd < rootFD:
		kind = fileTypeCharacter
	case fd == rootFD:
		kind = fileTypeDirectory
	case s.open[fd] == nil:
		return errnoBadF
	}
	b := view(m, out, 24)
	if b == nil {
		return errnoFault
	}
	clear(b)
	b[0] = kind
	binary.LittleEndian.PutUint64(b[8:], ^uint64(0)) // rights
	binary.LittleEndian.PutUint64(b[16:], ^uint64(0))
	return errnoSuccess
}

func (s *system) Fd_fdstat_set_flags(_ *base.Module, fd, _ int32) int32 {
	if fd > rootFD && s.open[fd] == nil {
		return errnoBadF
	}
	return errnoSuccess
}

func (s *system) Fd_prestat_get(m *base.Module, fd, out int32) int32 {
	if fd != rootFD {
		return errnoBadF
	}
	if e := put32(m, out, 0); e != errnoSuccess { // a folder
		return e
	}
	return put32(m, out+4, uint32(len(rootName)))
}

func (s *system) Fd_prestat_dir_name(m *base.Module, fd, out, n int32) int32 {
	if fd != rootFD {
		return errnoBadF
	}
	b := view(m, out, n)
	if b == nil {
		return errnoFault
	}
	copy(b, rootName)
	return errnoSuccess
}

func (s *system) Fd_read(m *base.Module, fd, vecs, count, out int32) int32 {
	f := s.open[fd]
	if f == nil {
		if fd == 0 {
			return put32(m, out, 0)
		}
		return errnoBadF
	}
	total := 0
	for i := int32(0); i < count; i++ {
		b, ok := vector(m, vecs, i)
		if !ok {
			return errnoFault
		}
		if f.pos >= int64(len(f.data)) {
			break
		}
		n := copy(b, f.data[f.pos:])
		f.pos += int64(n)
		total += n
	}
	return put32(m, out, uint32(total))
}

func (s *system) Fd_seek(m *base.Module, fd int32, offset int64, whence, out int32) int32 {
	f := s.open[fd]
	if f == nil {
		if fd >= 0 && fd < rootFD {
			return errnoSpipe
		}
		return errnoBadF
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += int64(len(f.data))
	default:
		return errnoInval
	}
	if offset < 0 {
		return errnoInval
	}
	f.pos = offset
	return put64(m, out, uint64(offset))
}

func (s *system) Fd_write(m *base.Module, fd, vecs, count, out int32) int32 {
	if fd != 1 && fd != 2 {
		return errnoBadF
	}
	total := uint32(0)
	for i := int32(0); i < count; i++ {
		b, ok := vector(m, vecs, i)
		if !ok {
			return errnoFault
		}
		total += uint32(len(b))
	}
	return put32(m, out, total)
}

func (s *system) Path_open(m *base.Module, dir, _, path, n, flags int32, _, _ int64, _, out int32) int32 {
	if dir != rootFD {
		return errnoBadF
	}
	b := view(m, path, n)
	if b == nil {
		return errnoFault
	}
	name, ok := strings.CutPrefix(strings.TrimPrefix(string(b), rootName), zoneDir)
	if !ok || flags != 0 {
		return errnoNoEnt
	}
	if s.zones == nil {
		s.zones = map[string]*zip.File{}
		if r, err := zip.NewReader(bytes.NewReader(zoneArchive), int64(len(zoneArchive))); err == nil {
			for _, f := range r.File {
				s.zones[f.Name] = f
			}
		}
	}
	entry := s.zones[name]
	if entry == nil || entry.Mode().IsDir() {
		return errnoNoEnt
	}
	r, err := entry.Open()
	if err != nil {
		return errnoNoEnt
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return errnoNoEnt
	}
	if s.open == nil {
		s.open = map[int32]*zoneFile{}
		s.last = rootFD
	}
	s.last++
	s.open[s.last] = &zoneFile{data: data}
	return put32(m, out, uint32(s.last))
}

func (s *system) Poll_oneoff(*base.Module, int32, int32, int32, int32) int32 { return errnoNoSys }

// Proc_exit cannot return: the panic is the trap that Do reports.
func (s *system) Proc_exit(_ *base.Module, code int32) { panic(&base.WasiExitError{Code: code}) }

func (s *system) Sched_yield(*base.Module) int32 {
	runtime.Gosched()
	return errnoSuccess
}

// view is n bytes of engine memory at addr, or nil when they are not all there.
func view(m *base.Module, addr, n int32) []byte {
	from, to := uint64(uint32(addr)), uint64(uint32(addr))+uint64(uint32(n))
	if to > uint64(len(m.Memory)) {
		return nil
	}
	return m.Memory[from:to:to]
}

// vector is buffer i of an array of (address, length) pairs.
func vector(m *base.Module, vecs, i int32) ([]byte, bool) {
	v := view(m, vecs+8*i, 8)
	if v == nil {
		return nil, false
	}
	b := view(m, int32(binary.LittleEndian.Uint32(v)), int32(binary.LittleEndian.Uint32(v[4:])))
	return b, b != nil
}

func put32(m *base.Module, addr int32, v uint32) int32 {
	b := view(m, addr, 4)
	if b == nil {
		return errnoFault
	}
	binary.LittleEndian.PutUint32(b, v)
	return errnoSuccess
}

func put64(m *base.Module, addr int32, v uint64) int32 {
	b := view(m, addr, 8)
	if b == nil {
		return errnoFault
	}
	binary.LittleEndian.PutUint64(b, v)
	return errnoSuccess
}
