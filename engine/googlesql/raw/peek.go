package raw

import "encoding/binary"

// Uint32 reads four bytes of engine memory at h + offset: a field of an object
// whose layout the caller knows. Out of range it yields 0.
func (m *Module) Uint32(h Handle, offset uint32) uint32 {
	if m.g == nil {
		return 0
	}
	at := uint64(h) + uint64(offset)
	if at+4 > uint64(len(m.g.Memory)) {
		return 0
	}
	return binary.LittleEndian.Uint32(m.g.Memory[at:])
}

// SetUint32 writes four bytes of engine memory at h + offset, for a field that no call
// reaches. It reports whether the place is within the memory.
func (m *Module) SetUint32(h Handle, offset, v uint32) bool {
	if m.g == nil {
		return false
	}
	at := uint64(h) + uint64(offset)
	if at+4 > uint64(len(m.g.Memory)) {
		return false
	}
	binary.LittleEndian.PutUint32(m.g.Memory[at:], v)
	return true
}
