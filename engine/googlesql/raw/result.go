package raw

// Results of calls: getX for a call with a receiver only, callX for a call
// whose request was written with begin or beginWith. All panic with *Error
// when the engine reports one.

func result[T any](m *Module, resp []byte, addr uint32, field uint32, read func(*decoder) T) T {
	var v T
	d := decoder{b: resp}
	for d.find(field) {
		v = read(&d)
	}
	m.release(resp, addr, &d)
	return v
}

func results[T any](m *Module, resp []byte, addr uint32, field uint32, read func(*decoder) T) []T {
	var list []T
	d := decoder{b: resp}
	for d.find(field) {
		list = append(list, read(&d))
	}
	m.release(resp, addr, &d)
	return list
}

// varintResult is result for the commonest kinds, without a function value.
func (m *Module) varintResult(resp []byte, addr uint32, field uint32) uint64 {
	var v uint64
	d := decoder{b: resp}
	for d.find(field) {
		v = d.readUint64()
	}
	m.release(resp, addr, &d)
	return v
}

func (m *Module) handleResult(resp []byte, addr uint32, field uint32) Handle {
	var h Handle
	d := decoder{b: resp}
	for d.find(field) {
		h = d.readHandle()
	}
	m.release(resp, addr, &d)
	return h
}

func (m *Module) handleListResult(resp []byte, addr uint32, field uint32) []Handle {
	n := 0
	for d := (decoder{b: resp}); d.find(field); n++ {
		d.skip()
	}
	var list []Handle
	if n > 0 {
		list = make([]Handle, 0, n)
	}
	d := decoder{b: resp}
	for d.find(field) {
		// The bridge leaves null elements of a list out.
		if h := d.readHandle(); h != 0 {
			list = append(list, h)
		}
	}
	m.release(resp, addr, &d)
	return list
}

func (m *Module) voidResult(resp []byte, addr uint32) {
	d := decoder{b: resp}
	for d.find(errorField) {
		d.failure = d.readView()
		if d.failure == nil {
			d.failure = []byte{}
		}
	}
	m.release(resp, addr, &d)
}

func (m *Module) stringResult(resp []byte, addr uint32, field uint32) string {
	var s string
	d := decoder{b: resp}
	for d.find(field) {
		s = string(d.readView())
	}
	m.release(resp, addr, &d)
	return s
}

func (m *Module) getVoid(fn engineFunc, h Handle) { m.voidResult(m.sendWith(fn, h)) }
func (m *Module) callVoid(fn engineFunc)          { m.voidResult(m.send(fn)) }

func (m *Module) getHandle(fn engineFunc, h Handle, f uint32) Handle {
	r, a := m.sendWith(fn, h)
	return m.handleResult(r, a, f)
}

func (m *Module) callHandle(fn engineFunc, f uint32) Handle {
	r, a := m.send(fn)
	return m.handleResult(r, a, f)
}

func (m *Module) getHandleList(fn engineFunc, h Handle, f uint32) []Handle {
	r, a := m.sendWith(fn, h)
	return m.handleListResult(r, a, f)
}

func (m *Module) callHandleList(fn engineFunc, f uint32) []Handle {
	r, a := m.send(fn)
	return m.handleListResult(r, a, f)
}

func (m *Module) getUint64(fn engineFunc, h Handle, f uint32) uint64 {
	r, a := m.sendWith(fn, h)
	return m.varintResult(r, a, f)
}

func (m *Module) callUint64(fn engineFunc, f uint32) uint64 {
	r, a := m.send(fn)
	return m.varintResult(r, a, f)
}

func (m *Module) getInt64(fn engineFunc, h Handle, f uint32) int64 {
	return int64(m.getUint64(fn, h, f))
}
func (m *Module) callInt64(fn engineFunc, f uint32) int64 { return int64(m.callUint64(fn, f)) }
func (m *Module) getInt32(fn engineFunc, h Handle, f uint32) int32 {
	return int32(m.getUint64(fn, h, f))
}
func (m *Module) callInt32(fn engineFunc, f uint32) int32 { return int32(m.callUint64(fn, f)) }
func (m *Module) getUint32(fn engineFunc, h Handle, f uint32) uint32 {
	return uint32(m.getUint64(fn, h, f))
}
func (m *Module) callUint32(fn engineFunc, f uint32) uint32 { return uint32(m.callUint64(fn, f)) }
func (m *Module) getBool(fn engineFunc, h Handle, f uint32) bool {
	return m.getUint64(fn, h, f) != 0
}
func (m *Module) callBool(fn engineFunc, f uint32) bool { return m.callUint64(fn, f) != 0 }

func (m *Module) getString(fn engineFunc, h Handle, f uint32) string {
	r, a := m.sendWith(fn, h)
	return m.stringResult(r, a, f)
}

func (m *Module) callString(fn engineFunc, f uint32) string {
	r, a := m.send(fn)
	return m.stringResult(r, a, f)
}

func (m *Module) getStringList(fn engineFunc, h Handle, f uint32) []string {
	r, a := m.sendWith(fn, h)
	return results(m, r, a, f, (*decoder).readString)
}

func (m *Module) callStringList(fn engineFunc, f uint32) []string {
	r, a := m.send(fn)
	return results(m, r, a, f, (*decoder).readString)
}

func (m *Module) getBytes(fn engineFunc, h Handle, f uint32) []byte {
	r, a := m.sendWith(fn, h)
	return result(m, r, a, f, (*decoder).readBytes)
}

func (m *Module) callBytes(fn engineFunc, f uint32) []byte {
	r, a := m.send(fn)
	return result(m, r, a, f, (*decoder).readBytes)
}

func (m *Module) getBytesList(fn engineFunc, h Handle, f uint32) [][]byte {
	r, a := m.sendWith(fn, h)
	return results(m, r, a, f, (*decoder).readBytes)
}

func (m *Module) callBytesList(fn engineFunc, f uint32) [][]byte {
	r, a := m.send(fn)
	return results(m, r, a, f, (*decoder).readBytes)
}

func (m *Module) getFloat(fn engineFunc, h Handle, f uint32) float32 {
	r, a := m.sendWith(fn, h)
	return result(m, r, a, f, (*decoder).readFloat)
}

func (m *Module) callFloat(fn engineFunc, f uint32) float32 {
	r, a := m.send(fn)
	return result(m, r, a, f, (*decoder).readFloat)
}

func (m *Module) getDouble(fn engineFunc, h Handle, f uint32) float64 {
	r, a := m.sendWith(fn, h)
	return result(m, r, a, f, (*decoder).readDouble)
}

func (m *Module) callDouble(fn engineFunc, f uint32) float64 {
	r, a := m.send(fn)
	return result(m, r, a, f, (*decoder).readDouble)
}

func (m *Module) getInt32List(fn engineFunc, h Handle, f uint32) []int32 {
	r, a := m.sendWith(fn, h)
	return m.int32List(r, a, f)
}

func (m *Module) callInt32List(fn engineFunc, f uint32) []int32 {
	r, a := m.send(fn)
	return m.int32List(r, a, f)
}

func (m *Module) int32List(resp []byte, addr uint32, field uint32) []int32 {
	var list []int32
	d := decoder{b: resp}
	for d.find(field) {
		d.eachInt32(func(v int32) { list = append(list, v) })
	}
	m.release(resp, addr, &d)
	return list
}

func enumList[E ~int32](list []int32) []E {
	if list == nil {
		return nil
	}
	out := make([]E, len(list))
	for i, v := range list {
		out[i] = E(v)
	}
	return out
}

// decodeOne reads a value of the response; nil stays nil.
func decodeOne[T any](b []byte, decode func([]byte) *T) *T {
	if b == nil {
		return nil
	}
	return decode(b)
}

func decodeAll[T any](list [][]byte, decode func([]byte) *T) []*T {
	out := make([]*T, len(list))
	for i, b := range list {
		out[i] = decode(b)
	}
	return out
}
