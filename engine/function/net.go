package function

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// netFunctions are the functions whose names begin with NET.
func netFunctions() []Function {
	return []Function{
		{Name: "net_ip_from_string", Args: []Kind{String}, Result: Bytes, Fn: func(a []any) (any, error) {
			b, ok := parseIP(a[0].(string))
			if !ok {
				return nil, fmt.Errorf("NET.IP_FROM_STRING() encountered an unparseable IP-address: %s", a[0])
			}
			return b, nil
		}},
		{Name: "net_ip_to_string", Args: []Kind{Bytes}, Result: String, Fn: func(a []any) (any, error) {
			addr, ok := netip.AddrFromSlice(a[0].([]byte))
			if !ok {
				return nil, fmt.Errorf("NET.IP_TO_STRING() encountered an invalid IP address. Expected 4 (for IPv4) or 16 (for IPv6) bytes but got %d", len(a[0].([]byte)))
			}
			return addr.String(), nil
		}},
		{Name: "net_ip_net_mask", Args: []Kind{Int64, Int64}, Result: Bytes, Fn: func(a []any) (any, error) {
			size, prefix := a[0].(int64), a[1].(int64)
			if size != 4 && size != 16 {
				return nil, fmt.Errorf("The first argument of NET.IP_NET_MASK() must be either 4 (for IPv4) or 16 (for IPv6); got %d", size)
			}
			if prefix < 0 || prefix > size*8 {
				return nil, fmt.Errorf("The second argument of NET.IP_NET_MASK() must be between 0 and the first argument * 8; got %d", prefix)
			}
			out := make([]byte, size)
			for i := range out {
				out[i] = 0xFF
			}
			return maskBytes(out, prefix), nil
		}},
		{Name: "net_ip_trunc", Args: []Kind{Bytes, Int64}, Result: Bytes, Fn: func(a []any) (any, error) {
			b, prefix := a[0].([]byte), a[1].(int64)
			if len(b) != 4 && len(b) != 16 {
				return nil, fmt.Errorf("The first argument of NET.IP_TRUNC() must have length 4 (for IPv4) or 16 (for IPv6); got %d", len(b))
			}
			if prefix < 0 || prefix > int64(len(b))*8 {
				return nil, fmt.Errorf("The second argument of NET.IP_TRUNC() must be between 0 and 8 * LENGTH(first argument); got %d", prefix)
			}
			return maskBytes(append([]byte{}, b...), prefix), nil
		}},
		{Name: "net_ipv4_from_int64", Args: []Kind{Int64}, Result: Bytes, Fn: func(a []any) (any, error) {
			n := a[0].(int64)
			if n < math.MinInt32 || n > math.MaxUint32 {
				return nil, fmt.Errorf("NET.IPV4_FROM_INT64() encountered an invalid integer IP. Expected range: [-0x80000000, 0xFFFFFFFF]; got %d", n)
			}
			return binary.BigEndian.AppendUint32(nil, uint32(n)), nil
		}},
		{Name: "net_ipv4_to_int64", Args: []Kind{Bytes}, Result: Int64, Fn: func(a []any) (any, error) {
			b := a[0].([]byte)
			if len(b) != 4 {
				return nil, fmt.Errorf("NET.IPV4_TO_INT64() encountered a non-IPv4 address. Expected 4 bytes but got %d", len(b))
			}
			return int64(binary.BigEndian.Uint32(b)), nil
		}},
		{Name: "net_format_ip", Args: []Kind{Int64}, Result: String, Fn: func(a []any) (any, error) {
			n := a[0].(int64)
			if n < 0 {
				return nil, fmt.Errorf("NET.FORMAT_IP() encountered a negative integer")
			}
			if n > math.MaxUint32 {
				return nil, fmt.Errorf("NET.FORMAT_IP() encountered an invalid integer IP")
			}
			return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n)))).String(), nil
		}},
		{Name: "net_parse_ip", Args: []Kind{String}, Result: Int64, Fn: func(a []any) (any, error) {
			b, ok := parseIP(a[0].(string))
			if !ok {
				return nil, fmt.Errorf("NET.PARSE_IP() encountered an unparseable IP-address")
			}
			if len(b) != 4 {
				return nil, fmt.Errorf("NET.PARSE_IP() encountered a non-IPv4 address")
			}
			return int64(binary.BigEndian.Uint32(b)), nil
		}},
		{Name: "net_ip_in_net", Args: []Kind{String, String}, Result: Bool, Fn: func(a []any) (any, error) {
			ip, ok := parseNet(a[0].(string))
			if !ok {
				return nil, fmt.Errorf("NET.IP_IN_NET() encountered an unparseable IP-address")
			}
			net, ok := parseNet(a[1].(string))
			if !ok {
				return nil, fmt.Errorf("NET.IP_IN_NET() encountered an unparseable net")
			}
			return net.Bits() <= ip.Bits() && net.Contains(ip.Addr()), nil
		}},
		{Name: "net_make_net", Args: []Kind{String, Int64}, Result: String, Fn: func(a []any) (any, error) {
			net, ok := parseNet(a[0].(string))
			switch n := a[1].(int64); {
			case n < 0:
				return nil, fmt.Errorf("NET.MAKE_NET() encountered a negative length")
			case !ok:
				return nil, fmt.Errorf("NET.MAKE_NET() encountered an unparseable IP-address")
			case n > int64(net.Bits()):
				return nil, fmt.Errorf("NET.MAKE_NET() is trying to expand a subnet")
			default:
				return netip.PrefixFrom(net.Addr(), int(n)).Masked().String(), nil
			}
		}},
		{Name: "net_host", Args: []Kind{String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			if h := urlHost(a[0].(string)); h != "" {
				return h, nil
			}
			return nil, nil
		}},
		{Name: "net_public_suffix", Args: []Kind{String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return domainPart(a[0].(string), 0), nil
		}},
		{Name: "net_reg_domain", Args: []Kind{String}, Result: String, Total: true, Fn: func(a []any) (any, error) {
			return domainPart(a[0].(string), 1), nil
		}},
	}
}

// maskBytes clears all but the first bits.
func maskBytes(b []byte, bits int64) []byte {
	for i := range b {
		switch left := bits - int64(i)*8; {
		case left <= 0:
			b[i] = 0
		case left < 8:
			b[i] &= 0xFF << (8 - left)
		}
	}
	return b
}

// parseIP reads an address without a zone: 4 bytes or 16.
func parseIP(s string) ([]byte, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return nil, false
	}
	return addr.AsSlice(), true
}

// parseNet reads an address or a range of them.
func parseNet(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// urlHost is NET.HOST: what is between the scheme, the user and the port or path. It
// checks nothing; "" means there is none.
func urlHost(url string) string {
	s := strings.Trim(url, " \t\n\v\f\r")
	begin, end := 0, len(s)
	scheme := true // a colon may still end one
	if len(s) > 1 && isSlash(s[0]) && isSlash(s[1]) {
		begin, scheme = 2, false
	}
	for i := begin; i < end; i++ {
		switch c := s[i]; {
		case c == '/' || c == '\\' || c == '?' || c == '#':
			end = i
		case c == ':' && scheme:
			if i+2 < end && isSlash(s[i+1]) && isSlash(s[i+2]) {
				i += 2
				begin = i + 1
			}
			scheme = false
		case c == '@':
			begin = i + 1
		}
	}
	// The first colon after the brackets of an IPv6 address begins the port.
	i := begin
	if i < end && s[i] == '[' {
		for i++; i < end; i++ {
			if s[i] == '[' || s[i] == ']' {
				i++
				break
			}
		}
	}
	if i < end {
		if colon := strings.IndexByte(s[i:end], ':'); colon >= 0 {
			end = i + colon
		}
	}
	host := strings.TrimLeft(s[begin:end], ".")
	if trimmed := strings.TrimRight(host, "."); len(trimmed) < len(host) {
		host = host[:len(trimmed)+1]
	}
	return host
}

// domainPart is the public suffix of a URL's host and as many labels before it, nil if
// there are not so many, in the letters of the URL. A suffix must be one that the Public
// Suffix List names.
func domainPart(url string, labels int) any {
	host := urlHost(url)
	trimmed := strings.TrimRight(host, ".")
	if trimmed == "" {
		return nil
	}
	ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(true)).ToASCII(strings.ToLower(trimmed))
	if err != nil {
		return nil
	}
	if _, err := netip.ParseAddr(strings.Trim(ascii, "[]")); err == nil {
		return nil
	}
	suffix, icann := publicsuffix.PublicSuffix(ascii)
	if !icann && !strings.Contains(suffix, ".") {
		return nil // the list's default rule, for what it does not name
	}
	if strings.Contains(ascii, "..") {
		return nil
	}
	want := strings.Count(suffix, ".") + labels
	parts := strings.FieldsFunc(trimmed, func(r rune) bool { return r == '.' || r == '。' || r == '．' || r == '｡' })
	if len(parts) <= want {
		return nil
	}
	// The part is the end of the host as it stands, a last dot included.
	at := len(host)
	if strings.HasSuffix(host, ".") {
		at--
	}
	for i := 0; i <= want; i++ {
		at = strings.LastIndexAny(host[:at], ".。．｡")
		if at < 0 {
			return host
		}
		if i == want {
			_, size := utf8.DecodeRuneInString(host[at:])
			return host[at+size:]
		}
	}
	return host
}
