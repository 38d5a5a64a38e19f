package duckdb

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// hashRules are hashes, network functions, identifiers and encryption.
func hashRules() map[string]Rule {
	rules := map[string]Rule{
		"md5":              func(c *Call) string { return digest(c, "md5") },
		"sha1":             func(c *Call) string { return digest(c, "sha1") },
		"sha256":           func(c *Call) string { return digest(c, "sha256") },
		"sha512":           func(c *Call) string { return c.total("sha512", c.blob(0)) },
		"farm_fingerprint": func(c *Call) string { return c.total("farm_fingerprint", c.blob(0)) },
		"generate_uuid":    func(c *Call) string { c.SafeDone(); return "CAST(uuid() AS VARCHAR)" },
		"new_uuid":         func(c *Call) string { c.SafeDone(); return "uuid()" },
		"session_user":     func(c *Call) string { return c.Refuse("there are no accounts") },
		"typeof":           typeOf,
	}
	for _, name := range []string{
		"ip_from_string", "ip_to_string", "ip_net_mask", "ip_trunc", "ipv4_from_int64", "ipv4_to_int64",
		"format_ip", "parse_ip", "ip_in_net", "make_net",
	} {
		rules["net."+name] = func(c *Call) string { return c.Func("net_"+name, c.Args...) }
	}
	for _, name := range []string{"host", "public_suffix", "reg_domain"} {
		rules["net."+name] = func(c *Call) string { return c.total("net_"+name, c.Args[0]) }
	}
	rules["net.safe_ip_from_string"] = func(c *Call) string { return c.total("safe_net_ip_from_string", c.Args[0]) }
	rules["net.parse_packed_ip"] = rules["net.ip_from_string"]
	rules["net.format_packed_ip"] = rules["net.ip_to_string"]
	for _, name := range []string{
		"keys.new_keyset", "keys.rotate_keyset", "keys.add_key_from_raw_bytes", "keys.keyset_length", "keys.keyset_to_json", "keys.keyset_from_json",
	} {
		rules[name] = func(c *Call) string { return c.Func(strings.ReplaceAll(name, ".", "_"), c.Args...) }
	}
	for _, name := range []string{"aead.encrypt", "deterministic_encrypt"} {
		rules[name] = func(c *Call) string { return crypt(c, name, c.blob(1)) }
	}
	for _, name := range []string{"aead.decrypt_bytes", "aead.decrypt_string", "deterministic_decrypt_bytes", "deterministic_decrypt_string"} {
		rules[name] = func(c *Call) string { return crypt(c, name, c.Args[1]) }
	}
	for _, name := range []string{
		"keys.new_wrapped_keyset", "keys.rewrap_keyset", "keys.rotate_wrapped_keyset", "keys.keyset_chain", "kms.encrypt", "kms.decrypt_bytes", "kms.decrypt_string",
	} {
		rules[name] = func(c *Call) string { return c.Refuse("there is no key management service") }
	}
	return rules
}

// crypt encrypts or decrypts with a keyset and additional data.
func crypt(c *Call, name, text string) string {
	if c.Kind(0) != ir.Bytes {
		return c.RefuseWhat(display(name)+" with a keyset chain", "there is no key management service")
	}
	return c.Func(strings.ReplaceAll(name, ".", "_"), c.Args[0], text, c.blob(2))
}

// blob is an argument of STRING or BYTES as bytes.
func (c *Call) blob(i int) string {
	if c.Kind(i) == ir.Bytes {
		return c.Args[i]
	}
	return "encode(" + c.Args[i] + ")"
}

// digest is a hash that DuckDB writes as hexadecimal text; it hashes the bytes of a
// VARCHAR's UTF-8.
func digest(c *Call, name string) string {
	c.SafeDone()
	return "unhex(" + name + "(" + c.Args[0] + "))"
}

// typeOf is TYPEOF: the name of the type that the analyzer gave the argument.
func typeOf(c *Call) string {
	c.SafeDone()
	if c.IsNull(0) && c.Kind(0) == ir.Unknown {
		return "'NULL'"
	}
	return quote(strings.ReplaceAll(c.Type(0).String(), "UNKNOWN", "INT64"))
}
