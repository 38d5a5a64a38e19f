package raw

import (
	"encoding/binary"
	"math"
)

// The bridge speaks protocol buffer wire format: a request numbers the
// receiver 1 and the arguments after it; a response holds the result, or a
// message at errorField. An object is a sub-message whose field 1 is its
// address; constructors return the address as a plain varint.
const errorField = 15

func appendTag(b []byte, field, wire uint32) []byte {
	return binary.AppendUvarint(b, uint64(field<<3|wire))
}

func appendUint64(b []byte, field uint32, v uint64) []byte {
	return binary.AppendUvarint(appendTag(b, field, 0), v)
}

func appendUint32(b []byte, field uint32, v uint32) []byte { return appendUint64(b, field, uint64(v)) }
func appendInt64(b []byte, field uint32, v int64) []byte   { return appendUint64(b, field, uint64(v)) }
func appendInt32(b []byte, field uint32, v int32) []byte   { return appendUint64(b, field, uint64(v)) }

func appendBool(b []byte, field uint32, v bool) []byte {
	if v {
		return appendUint64(b, field, 1)
	}
	return appendUint64(b, field, 0)
}

func appendString(b []byte, field uint32, s string) []byte {
	b = binary.AppendUvarint(appendTag(b, field, 2), uint64(len(s)))
	return append(b, s...)
}

func appendBytes(b []byte, field uint32, s []byte) []byte {
	b = binary.AppendUvarint(appendTag(b, field, 2), uint64(len(s)))
	return append(b, s...)
}

func appendFloat(b []byte, field uint32, v float32) []byte {
	return binary.LittleEndian.AppendUint32(appendTag(b, field, 5), math.Float32bits(v))
}

func appendDouble(b []byte, field uint32, v float64) []byte {
	return binary.LittleEndian.AppendUint64(appendTag(b, field, 1), math.Float64bits(v))
}

// appendHandle writes an object; a nil handle is left out.
func appendHandle(b []byte, field uint32, h Handle) []byte {
	if h == 0 {
		return b
	}
	n := byte(2)
	for v := uint32(h); v >= 0x80; v >>= 7 {
		n++
	}
	b = append(appendTag(b, field, 2), n, 0x08)
	return binary.AppendUvarint(b, uint64(h))
}

// decoder walks a message. Malformed input ends the walk.
type decoder struct {
	b       []byte
	pos     int
	field   uint32
	wire    uint32
	failure []byte // content of errorField, once met
}

func (d *decoder) next() bool {
	if d.pos >= len(d.b) {
		return false
	}
	tag := d.varint()
	d.field, d.wire = uint32(tag>>3), uint32(tag&7)
	return true
}

func (d *decoder) varint() uint64 {
	if d.pos < len(d.b) && d.b[d.pos] < 0x80 {
		d.pos++
		return uint64(d.b[d.pos-1])
	}
	v, n := binary.Uvarint(d.b[d.pos:])
	if n <= 0 {
		d.pos = len(d.b)
		return 0
	}
	d.pos += n
	return v
}

// readView returns the content of a length-delimited field, not copied.
func (d *decoder) readView() []byte {
	if d.wire != 2 {
		d.skip()
		return nil
	}
	n := d.varint()
	if n > uint64(len(d.b)-d.pos) {
		n = uint64(len(d.b) - d.pos)
	}
	v := d.b[d.pos : d.pos+int(n)]
	d.pos += int(n)
	return v
}

func (d *decoder) skip() {
	switch d.wire {
	case 0:
		d.varint()
	case 1:
		d.pos += 8
	case 2:
		d.readView()
	case 5:
		d.pos += 4
	default:
		d.pos = len(d.b)
	}
	d.pos = min(d.pos, len(d.b))
}

// find moves to the next value of field; on the way it keeps an error message.
func (d *decoder) find(field uint32) bool {
	for d.next() {
		switch d.field {
		case field:
			return true
		case errorField:
			d.failure = d.readView()
			if d.failure == nil {
				d.failure = []byte{}
			}
		default:
			d.skip()
		}
	}
	return false
}

func (d *decoder) readUint64() uint64 {
	if d.wire != 0 {
		d.skip()
		return 0
	}
	return d.varint()
}

func (d *decoder) readUint32() uint32 { return uint32(d.readUint64()) }
func (d *decoder) readInt64() int64   { return int64(d.readUint64()) }
func (d *decoder) readInt32() int32   { return int32(d.readUint64()) }
func (d *decoder) readBool() bool     { return d.readUint64() != 0 }
func (d *decoder) readString() string { return string(d.readView()) }
func (d *decoder) readBytes() []byte  { return append([]byte(nil), d.readView()...) }

func (d *decoder) readFloat() float32 {
	if d.wire != 5 || len(d.b)-d.pos < 4 {
		d.skip()
		return 0
	}
	d.pos += 4
	return math.Float32frombits(binary.LittleEndian.Uint32(d.b[d.pos-4:]))
}

func (d *decoder) readDouble() float64 {
	if d.wire != 1 || len(d.b)-d.pos < 8 {
		d.skip()
		return 0
	}
	d.pos += 8
	return math.Float64frombits(binary.LittleEndian.Uint64(d.b[d.pos-8:]))
}

func (d *decoder) readHandle() Handle {
	switch d.wire {
	case 0:
		return Handle(d.varint())
	case 2:
		sub := decoder{b: d.readView()}
		for sub.next() {
			if sub.field == 1 && sub.wire == 0 {
				return Handle(sub.varint())
			}
			sub.skip()
		}
		return 0
	}
	d.skip()
	return 0
}

// eachInt32 calls f for the value, or for each value of a packed list.
func (d *decoder) eachInt32(f func(int32)) {
	if d.wire != 2 {
		f(d.readInt32())
		return
	}
	for sub := (decoder{b: d.readView()}); sub.pos < len(sub.b); {
		f(int32(sub.varint()))
	}
}
