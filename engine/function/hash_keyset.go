package function

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The functions KEYS.*, AEAD.* and DETERMINISTIC_*. A keyset is the protocol buffer
// google.crypto.tink.Keyset (github.com/google/tink, proto/tink.proto), in BYTES.

const (
	typePrefix  = "type.googleapis.com/google.crypto.tink."
	typeAESGCM  = typePrefix + "AesGcmKey"
	typeAESSIV  = typePrefix + "AesSivKey"
	typeAESCBC  = typePrefix + "AesCbcPkcs7Key"
	ivSize      = 12
	tagSize     = 16
	tinkVersion = 1 // the first byte of a ciphertext before the key's id
)

var (
	keyMaterials = []string{"UNKNOWN_KEYMATERIAL", "SYMMETRIC", "ASYMMETRIC_PRIVATE", "ASYMMETRIC_PUBLIC", "REMOTE"}
	keyStatuses  = []string{"UNKNOWN_STATUS", "ENABLED", "DISABLED", "DESTROYED"}
	keyPrefixes  = []string{"UNKNOWN_PREFIX", "TINK", "LEGACY", "RAW", "CRUNCHY"}
)

// The enum values that are used by number.
const (
	symmetric = 1
	enabled   = 1
	tinkOut   = 1
	rawOut    = 3
)

type keyset struct {
	primary uint32
	keys    []keysetKey
}

type keysetKey struct {
	data     bool // there is key data
	typeURL  string
	value    []byte // the serialized key of that type
	material uint64
	status   uint64
	id       uint32
	prefix   uint64
}

func hashKeysetFunctions() []Function {
	bin := func(a any) []byte { return a.([]byte) }
	crypt := func(name string, result Kind, det, text bool) Function {
		return Function{Name: name, Args: []Kind{Bytes, Bytes, Bytes}, Result: result, Fn: func(a []any) (any, error) {
			out, err := decrypt(bin(a[0]), bin(a[1]), bin(a[2]), det)
			if err == nil && text && !utf8.Valid(out) {
				err = errors.New("Decrypted plaintext is not a valid UTF-8 string. To decrypt to BYTES, use DECRYPT_BYTES")
			}
			if err != nil {
				return nil, fmt.Errorf("%s failed: %w", name, err)
			}
			if text {
				return string(out), nil
			}
			return out, nil
		}}
	}
	seal := func(name string, det bool) Function {
		return Function{Name: name, Args: []Kind{Bytes, Bytes, Bytes}, Result: Bytes, Volatile: !det, Fn: func(a []any) (any, error) {
			out, err := encrypt(bin(a[0]), bin(a[1]), bin(a[2]), det)
			if err != nil {
				return nil, fmt.Errorf("%s failed: %w", name, err)
			}
			return out, nil
		}}
	}
	onKeyset := func(name string, f func(*keyset) (any, error)) func([]any) (any, error) {
		return func(a []any) (any, error) {
			k, err := parseKeyset(bin(a[0]))
			if err != nil {
				return nil, fmt.Errorf("%s failed: %w", name, err)
			}
			return f(k)
		}
	}
	return []Function{
		{Name: "keys_new_keyset", Args: []Kind{String}, Result: Bytes, Volatile: true, Fn: func(a []any) (any, error) {
			k := &keyset{}
			if err := k.rotate(a[0].(string)); err != nil {
				return nil, fmt.Errorf("%w in KEYS.NEW_KEYSET", err)
			}
			return k.bytes(), nil
		}},
		{Name: "keys_rotate_keyset", Args: []Kind{Bytes, String}, Result: Bytes, Volatile: true, Fn: func(a []any) (any, error) {
			k, err := parseKeyset(bin(a[0]))
			if err == nil {
				err = k.rotate(a[1].(string))
			}
			if err != nil {
				return nil, fmt.Errorf("KEYS.ROTATE_KEYSET failed: %w", err)
			}
			return k.bytes(), nil
		}},
		{Name: "keys_add_key_from_raw_bytes", Args: []Kind{Bytes, String, Bytes}, Result: Bytes, Volatile: true, Fn: func(a []any) (any, error) {
			k, err := parseKeyset(bin(a[0]))
			if err == nil {
				err = k.addRaw(a[1].(string), bin(a[2]))
			}
			if err != nil {
				return nil, err
			}
			return k.bytes(), nil
		}},
		{Name: "keys_keyset_length", Args: []Kind{Bytes}, Result: Int64, Fn: onKeyset("KEYS.KEYSET_LENGTH", func(k *keyset) (any, error) {
			return int64(len(k.keys)), nil
		})},
		{Name: "keys_keyset_to_json", Args: []Kind{Bytes}, Result: String, Fn: onKeyset("KEYS.KEYSET_TO_JSON", func(k *keyset) (any, error) {
			return k.json(), nil
		})},
		{Name: "keys_keyset_from_json", Args: []Kind{String}, Result: Bytes, Fn: func(a []any) (any, error) {
			k, err := keysetFromJSON(a[0].(string))
			if err != nil {
				return nil, fmt.Errorf("KEYS.KEYSET_FROM_JSON failed: %w", err)
			}
			return k.bytes(), nil
		}},
		seal("aead_encrypt", false),
		seal("deterministic_encrypt", true),
		crypt("aead_decrypt_bytes", Bytes, false, false),
		crypt("aead_decrypt_string", String, false, true),
		crypt("deterministic_decrypt_bytes", Bytes, true, false),
		crypt("deterministic_decrypt_string", String, true, true),
	}
}

// fields calls f for each field of a protocol buffer message.
func fields(b []byte, f func(n protowire.Number, varint uint64, text []byte)) error {
	for len(b) > 0 {
		n, t, size := protowire.ConsumeTag(b)
		if size < 0 {
			return errors.New("Could not parse the keyset")
		}
		b = b[size:]
		var v uint64
		var text []byte
		switch t {
		case protowire.VarintType:
			v, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			text, size = protowire.ConsumeBytes(b)
		default:
			size = protowire.ConsumeFieldValue(n, t, b)
		}
		if size < 0 {
			return errors.New("Could not parse the keyset")
		}
		b = b[size:]
		f(n, v, text)
	}
	return nil
}

func parseKeyset(b []byte) (*keyset, error) {
	k := &keyset{}
	var inner error
	err := fields(b, func(n protowire.Number, v uint64, text []byte) {
		switch {
		case n == 1 && text == nil:
			k.primary = uint32(v)
		case n == 2:
			var key keysetKey
			err := fields(text, func(n protowire.Number, v uint64, text []byte) {
				switch n {
				case 1:
					key.data = true
					if err := fields(text, func(n protowire.Number, v uint64, text []byte) {
						switch n {
						case 1:
							key.typeURL = string(text)
						case 2:
							key.value = bytes.Clone(text)
						case 3:
							key.material = v
						}
					}); err != nil {
						inner = err
					}
				case 2:
					key.status = v
				case 3:
					key.id = uint32(v)
				case 4:
					key.prefix = v
				}
			})
			if err != nil {
				inner = err
			}
			k.keys = append(k.keys, key)
		}
	})
	return k, errors.Join(err, inner)
}

func appendBytesField(b []byte, n protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

func appendVarintField(b []byte, n protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
}

func (k *keyset) bytes() []byte {
	out := appendVarintField([]byte{}, 1, uint64(k.primary))
	for _, key := range k.keys {
		var b []byte
		if key.data {
			var data []byte
			if key.typeURL != "" {
				data = appendBytesField(data, 1, []byte(key.typeURL))
			}
			if len(key.value) > 0 {
				data = appendBytesField(data, 2, key.value)
			}
			b = appendBytesField(b, 1, appendVarintField(data, 3, key.material))
		}
		b = appendVarintField(b, 2, key.status)
		b = appendVarintField(b, 3, uint64(key.id))
		out = appendBytesField(out, 2, appendVarintField(b, 4, key.prefix))
	}
	return out
}

// newID is an id that no key of the set has.
func (k *keyset) newID() uint32 {
	for {
		var b [4]byte
		rand.Read(b[:])
		id := binary.BigEndian.Uint32(b[:])
		taken := id == 0
		for _, key := range k.keys {
			taken = taken || key.id == id
		}
		if !taken {
			return id
		}
	}
}

// rotate adds a new random key and makes it the primary one.
func (k *keyset) rotate(keyType string) error {
	key := keysetKey{data: true, material: symmetric, status: enabled, id: k.newID(), prefix: tinkOut}
	switch keyType {
	case "AEAD_AES_GCM_256":
		key.typeURL, key.value = typeAESGCM, appendBytesField(nil, 3, randomBytes(32))
	case "DETERMINISTIC_AEAD_AES_SIV_CMAC_256":
		key.typeURL, key.value = typeAESSIV, appendBytesField(nil, 2, randomBytes(64))
	default:
		return fmt.Errorf("Invalid key type: %s", keyType)
	}
	k.keys = append(k.keys, key)
	k.primary = key.id
	return nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// addRaw adds a key that encrypts without a prefix; it does not become primary.
func (k *keyset) addRaw(keyType string, raw []byte) error {
	key := keysetKey{data: true, material: symmetric, status: enabled, prefix: rawOut}
	sizes := "16 or 32 bytes."
	switch keyType {
	case "AES_GCM":
		key.typeURL, key.value = typeAESGCM, appendBytesField(nil, 3, raw)
	case "AES_CBC_PKCS":
		sizes = "16, 24, or 32 bytes."
		key.typeURL, key.value = typeAESCBC, appendBytesField(nil, 2, raw)
	default:
		return fmt.Errorf("Invalid key type provided to KEYS.ADD_KEY_FROM_RAW_BYTES: %s", keyType)
	}
	if n := len(raw); n != 16 && n != 32 && (n != 24 || keyType != "AES_CBC_PKCS") {
		return fmt.Errorf("Failed to add a key from raw bytes: Unsupported key size: %d bytes; expected %s", n, sizes)
	}
	if len(k.keys) == 0 {
		return errors.New("Failed to add a key from raw bytes: A valid keyset must contain at least one key.")
	}
	key.id = k.newID()
	k.keys = append(k.keys, key)
	return nil
}

// The JSON form of protocol buffers: members sorted, defaults left out.
type keysetJSON struct {
	Key     []keyJSON `json:"key,omitempty"`
	Primary uint32    `json:"primaryKeyId,omitempty"`
}

type keyJSON struct {
	Data   *keyDataJSON `json:"keyData,omitempty"`
	ID     uint32       `json:"keyId,omitempty"`
	Prefix string       `json:"outputPrefixType,omitempty"`
	Status string       `json:"status,omitempty"`
}

type keyDataJSON struct {
	Material string `json:"keyMaterialType,omitempty"`
	TypeURL  string `json:"typeUrl,omitempty"`
	Value    string `json:"value,omitempty"`
}

func enumName(names []string, v uint64) string {
	if v == 0 || v >= uint64(len(names)) {
		return ""
	}
	return names[v]
}

func enumValue(names []string, name string) (uint64, error) {
	if name == "" {
		return 0, nil
	}
	for i, n := range names {
		if n == name {
			return uint64(i), nil
		}
	}
	return 0, fmt.Errorf("invalid value %q", name)
}

func (k *keyset) json() string {
	j := keysetJSON{Primary: k.primary}
	for _, key := range k.keys {
		out := keyJSON{ID: key.id, Prefix: enumName(keyPrefixes, key.prefix), Status: enumName(keyStatuses, key.status)}
		if key.data {
			out.Data = &keyDataJSON{Material: enumName(keyMaterials, key.material), TypeURL: key.typeURL, Value: base64.StdEncoding.EncodeToString(key.value)}
		}
		j.Key = append(j.Key, out)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(j); err != nil {
		return "" // strings and numbers always encode
	}
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}

func keysetFromJSON(s string) (*keyset, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.DisallowUnknownFields()
	var j keysetJSON
	if err := d.Decode(&j); err != nil {
		return nil, errors.New("the JSON is no keyset")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the keyset")
	}
	k := &keyset{primary: j.Primary}
	for _, in := range j.Key {
		key := keysetKey{id: in.ID}
		var err, errs error
		key.prefix, err = enumValue(keyPrefixes, in.Prefix)
		errs = errors.Join(errs, err)
		key.status, err = enumValue(keyStatuses, in.Status)
		errs = errors.Join(errs, err)
		if in.Data != nil {
			key.data, key.typeURL = true, in.Data.TypeURL
			key.material, err = enumValue(keyMaterials, in.Data.Material)
			errs = errors.Join(errs, err)
			key.value, err = base64.StdEncoding.DecodeString(in.Data.Value)
			errs = errors.Join(errs, err)
		}
		if errs != nil {
			return nil, errs
		}
		k.keys = append(k.keys, key)
	}
	return k, nil
}

// material is the secret in a serialized key of a type.
func (key keysetKey) secret() (secret []byte, err error) {
	field := protowire.Number(3)
	if key.typeURL != typeAESGCM {
		field = 2
	}
	err = fields(key.value, func(n protowire.Number, _ uint64, text []byte) {
		if n == field {
			secret = text
		}
	})
	return secret, err
}

// header is what a key puts before its ciphertexts.
func (key keysetKey) header() []byte {
	if key.prefix == rawOut {
		return nil
	}
	return binary.BigEndian.AppendUint32([]byte{tinkVersion}, key.id)
}

func loadKeyset(b []byte, det bool) (*keyset, error) {
	what := "AEAD"
	if det {
		what = "Deterministic AEAD"
	}
	k, err := parseKeyset(b)
	if err != nil {
		return nil, err
	}
	if len(k.keys) == 0 {
		return nil, fmt.Errorf("Creation of %s primitive failed: A valid keyset must contain at least one key.", what)
	}
	for _, key := range k.keys {
		if key.status == enabled && (key.typeURL == typeAESSIV) != det {
			return nil, fmt.Errorf("Creation of %s primitive failed: the keyset has a key of another type", what)
		}
	}
	return k, nil
}

func encrypt(keys, plain, extra []byte, det bool) ([]byte, error) {
	k, err := loadKeyset(keys, det)
	if err != nil {
		return nil, err
	}
	for _, key := range k.keys {
		if key.id != k.primary || key.status != enabled {
			continue
		}
		secret, err := key.secret()
		if err != nil {
			return nil, err
		}
		out := key.header()
		switch key.typeURL {
		case typeAESSIV:
			sealed, err := sivSeal(secret, plain, extra)
			return append(out, sealed...), err
		case typeAESGCM:
			g, err := newGCM(secret)
			if err != nil {
				return nil, err
			}
			iv := randomBytes(ivSize)
			return g.Seal(append(out, iv...), iv, plain, extra), nil
		}
		return nil, errors.New("the primary key does not encrypt")
	}
	return nil, errors.New("the keyset has no primary key that is enabled")
}

func newGCM(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// decrypt tries the keys whose header the text has, then those without one.
func decrypt(keys, text, extra []byte, det bool) ([]byte, error) {
	k, err := loadKeyset(keys, det)
	if err != nil {
		return nil, err
	}
	for _, raw := range []bool{false, true} {
		for _, key := range k.keys {
			header := key.header()
			if key.status != enabled || (len(header) == 0) != raw || !bytes.HasPrefix(text, header) {
				continue
			}
			if plain, ok := key.open(text[len(header):], extra); ok {
				return plain, nil
			}
		}
	}
	return nil, errors.New("decryption failed")
}

func (key keysetKey) open(text, extra []byte) ([]byte, bool) {
	secret, err := key.secret()
	if err != nil {
		return nil, false
	}
	switch key.typeURL {
	case typeAESSIV:
		return sivOpen(secret, text, extra)
	case typeAESGCM:
		g, err := newGCM(secret)
		if err != nil || len(text) < ivSize+tagSize {
			return nil, false
		}
		plain, err := g.Open([]byte{}, text[:ivSize], text[ivSize:], extra)
		return plain, err == nil
	case typeAESCBC:
		return cbcOpen(secret, text, extra)
	}
	return nil, false
}

// cbcOpen decrypts AES-CBC with PKCS#7 padding; the first block is the vector. Such keys
// take no additional data.
func cbcOpen(secret, text, extra []byte) ([]byte, bool) {
	block, err := aes.NewCipher(secret)
	if err != nil || len(extra) > 0 || len(text) < 2*aes.BlockSize || len(text)%aes.BlockSize != 0 {
		return nil, false
	}
	out := make([]byte, len(text)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, text[:aes.BlockSize]).CryptBlocks(out, text[aes.BlockSize:])
	n := int(out[len(out)-1])
	if n < 1 || n > aes.BlockSize {
		return nil, false
	}
	for _, c := range out[len(out)-n:] {
		if int(c) != n {
			return nil, false
		}
	}
	return out[:len(out)-n], true
}

// AES-SIV with CMAC, RFC 5297, with one header (the additional data); the first half of
// the secret is the key of the CMAC, the second that of the counter mode.

func sivKeys(secret []byte) (mac, ctr cipher.Block, err error) {
	if len(secret) != 64 {
		return nil, nil, fmt.Errorf("a key of %d bytes is invalid", len(secret))
	}
	if mac, err = aes.NewCipher(secret[:32]); err != nil {
		return nil, nil, err
	}
	ctr, err = aes.NewCipher(secret[32:])
	return mac, ctr, err
}

func sivSeal(secret, plain, extra []byte) ([]byte, error) {
	if len(plain) > math.MaxInt32 {
		return nil, errors.New("the text is too long")
	}
	mac, ctr, err := sivKeys(secret)
	if err != nil {
		return nil, err
	}
	iv := s2v(mac, extra, plain)
	return append(iv, sivStream(ctr, iv, plain)...), nil
}

func sivOpen(secret, text, extra []byte) ([]byte, bool) {
	mac, ctr, err := sivKeys(secret)
	if err != nil || len(text) < aes.BlockSize {
		return nil, false
	}
	iv := text[:aes.BlockSize]
	plain := sivStream(ctr, iv, text[aes.BlockSize:])
	return plain, subtle.ConstantTimeCompare(iv, s2v(mac, extra, plain)) == 1
}

func sivStream(ctr cipher.Block, iv, text []byte) []byte {
	start := bytes.Clone(iv)
	start[8] &= 0x7F
	start[12] &= 0x7F
	out := make([]byte, len(text))
	cipher.NewCTR(ctr, start).XORKeyStream(out, text)
	return out
}

func s2v(mac cipher.Block, extra, plain []byte) []byte {
	d := cmac(mac, make([]byte, aes.BlockSize))
	d = double(d)
	subtle.XORBytes(d, d, cmac(mac, extra))
	if len(plain) >= aes.BlockSize {
		t := bytes.Clone(plain)
		end := t[len(t)-aes.BlockSize:]
		subtle.XORBytes(end, end, d)
		return cmac(mac, t)
	}
	d = double(d)
	t := make([]byte, aes.BlockSize)
	copy(t, plain)
	t[len(plain)] = 0x80
	subtle.XORBytes(t, t, d)
	return cmac(mac, t)
}

// double multiplies by x in GF(2^128).
func double(b []byte) []byte {
	out := make([]byte, len(b))
	carry := byte(0)
	for i := len(b) - 1; i >= 0; i-- {
		out[i] = b[i]<<1 | carry
		carry = b[i] >> 7
	}
	out[len(out)-1] ^= 0x87 * carry
	return out
}

// cmac is AES-CMAC, RFC 4493.
func cmac(block cipher.Block, text []byte) []byte {
	k1 := make([]byte, aes.BlockSize)
	block.Encrypt(k1, k1)
	k1 = double(k1)
	last := make([]byte, aes.BlockSize)
	n := (len(text) + aes.BlockSize - 1) / aes.BlockSize
	if n > 0 && len(text)%aes.BlockSize == 0 {
		subtle.XORBytes(last, text[(n-1)*aes.BlockSize:], k1)
	} else {
		rest := text[max(n-1, 0)*aes.BlockSize:]
		copy(last, rest)
		last[len(rest)] = 0x80
		subtle.XORBytes(last, last, double(k1))
	}
	x := make([]byte, aes.BlockSize)
	for i := 0; i < n-1; i++ {
		subtle.XORBytes(x, x, text[i*aes.BlockSize:(i+1)*aes.BlockSize])
		block.Encrypt(x, x)
	}
	subtle.XORBytes(x, x, last)
	block.Encrypt(x, x)
	return x
}
