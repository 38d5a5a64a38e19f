package function

import (
	"crypto/sha512"
	"encoding/binary"
	"math/bits"
)

// hashFunctions are fingerprints that SQL does not have; MD5, SHA1, SHA256 and SHA512 are
// in Go's library, too.
func hashFunctions() []Function {
	return []Function{
		{Name: "farm_fingerprint", Args: []Kind{Bytes}, Result: Int64, Total: true, Fn: func(a []any) (any, error) {
			return int64(farmFingerprint64(a[0].([]byte))), nil
		}},
		{Name: "sha512", Args: []Kind{Bytes}, Result: Bytes, Total: true, Fn: func(a []any) (any, error) {
			return sha512Sum(a[0].([]byte)), nil
		}},
	}
}

// The constants of FarmHash, from github.com/google/farmhash (farmhashna::Hash64, which
// Fingerprint64 is).
const (
	farmK0 = 0xc3a5c85c97cb3127
	farmK1 = 0xb492b66fbe98f273
	farmK2 = 0x9ae16a3b2f90404f
)

func fetch64(b []byte) uint64       { return binary.LittleEndian.Uint64(b) }
func fetch32(b []byte) uint64       { return uint64(binary.LittleEndian.Uint32(b)) }
func rotate(v uint64, n int) uint64 { return bits.RotateLeft64(v, -n) }
func shiftMix(v uint64) uint64      { return v ^ v>>47 }

func hashLen16(u, v, mul uint64) uint64 {
	a := (u ^ v) * mul
	a ^= a >> 47
	b := (v ^ a) * mul
	b ^= b >> 47
	return b * mul
}

// farmFingerprint64 is FarmHash's Fingerprint64.
func farmFingerprint64(s []byte) uint64 {
	n := len(s)
	switch {
	case n <= 16:
		return farm0to16(s)
	case n <= 32:
		mul := farmK2 + uint64(n)*2
		a := fetch64(s) * farmK1
		b := fetch64(s[8:])
		c := fetch64(s[n-8:]) * mul
		d := fetch64(s[n-16:]) * farmK2
		return hashLen16(rotate(a+b, 43)+rotate(c, 30)+d, a+rotate(b+farmK2, 18)+c, mul)
	case n <= 64:
		mul := farmK2 + uint64(n)*2
		a := fetch64(s) * farmK2
		b := fetch64(s[8:])
		c := fetch64(s[n-8:]) * mul
		d := fetch64(s[n-16:]) * farmK2
		y := rotate(a+b, 43) + rotate(c, 30) + d
		z := hashLen16(y, a+rotate(b+farmK2, 18)+c, mul)
		e := fetch64(s[16:]) * mul
		f := fetch64(s[24:])
		g := (y + fetch64(s[n-32:])) * mul
		h := (z + fetch64(s[n-24:])) * mul
		return hashLen16(rotate(e+f, 43)+rotate(g, 30)+h, e+rotate(f+a, 18)+g, mul)
	}
	const seed = 81
	x := uint64(seed)
	y := uint64(seed)
	y = y*farmK1 + 113
	z := shiftMix(y*farmK2+113) * farmK2
	var v, w [2]uint64
	x = x*farmK2 + fetch64(s)
	end := (n - 1) / 64 * 64
	last64 := s[end+(n-1)&63-63:]
	for rest := s; ; {
		x = rotate(x+y+v[0]+fetch64(rest[8:]), 37) * farmK1
		y = rotate(y+v[1]+fetch64(rest[48:]), 42) * farmK1
		x ^= w[1]
		y += v[0] + fetch64(rest[40:])
		z = rotate(z+w[0], 33) * farmK1
		v = weakHash32(rest, v[1]*farmK1, x+w[0])
		w = weakHash32(rest[32:], z+w[1], y+fetch64(rest[16:]))
		z, x = x, z
		if rest = rest[64:]; len(s)-len(rest) == end {
			break
		}
	}
	mul := farmK1 + (z&0xff)<<1
	rest := last64
	w[0] += uint64(n-1) & 63
	v[0] += w[0]
	w[0] += v[0]
	x = rotate(x+y+v[0]+fetch64(rest[8:]), 37) * mul
	y = rotate(y+v[1]+fetch64(rest[48:]), 42) * mul
	x ^= w[1] * 9
	y += v[0]*9 + fetch64(rest[40:])
	z = rotate(z+w[0], 33) * mul
	v = weakHash32(rest, v[1]*mul, x+w[0])
	w = weakHash32(rest[32:], z+w[1], y+fetch64(rest[16:]))
	z, x = x, z
	return hashLen16(hashLen16(v[0], w[0], mul)+shiftMix(y)*farmK0+z, hashLen16(v[1], w[1], mul)+x, mul)
}

func farm0to16(s []byte) uint64 {
	n := len(s)
	switch {
	case n >= 8:
		mul := farmK2 + uint64(n)*2
		a := fetch64(s) + farmK2
		b := fetch64(s[n-8:])
		c := rotate(b, 37)*mul + a
		d := (rotate(a, 25) + b) * mul
		return hashLen16(c, d, mul)
	case n >= 4:
		mul := farmK2 + uint64(n)*2
		a := fetch32(s)
		return hashLen16(uint64(n)+a<<3, fetch32(s[n-4:]), mul)
	case n > 0:
		y := uint64(s[0]) + uint64(s[n>>1])<<8
		z := uint64(n) + uint64(s[n-1])<<2
		return shiftMix(y*farmK2^z*farmK0) * farmK2
	}
	return farmK2
}

func weakHash32(s []byte, a, b uint64) [2]uint64 {
	w, x, y, z := fetch64(s), fetch64(s[8:]), fetch64(s[16:]), fetch64(s[24:])
	a += w
	b = rotate(b+a+z, 21)
	c := a
	a += x + y
	b += rotate(a, 44)
	return [2]uint64{a + z, b + c}
}

func sha512Sum(b []byte) []byte {
	sum := sha512.Sum512(b)
	return sum[:]
}
