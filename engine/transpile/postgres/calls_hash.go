package postgres

import "strings"

// hashRoutines has FARM_FINGERPRINT, which is Fingerprint64 of FarmHash
// (github.com/google/farmhash, farmhashna::Hash64). An unsigned number of 64 bits is the
// bigint of the same bits; sums and products are numerics, which s64 cuts to 64 bits.
func hashRoutines() []routine {
	// What the texts below call is put in as _engine.name(…).
	own := strings.NewReplacer("s64(", "_engine.s64(", "shr64(", "_engine.shr64(", "rot64(", "_engine.rot64(", "fetch64(", "_engine.fetch64(",
		"fetch32(", "_engine.fetch32(", "farm_mix(", "_engine.farm_mix(", "farm_weak(", "_engine.farm_weak(",
		"k0", "14097894508562428199", "k1", "13011662864482103923", "k2", "11160318154034397263")
	block := func(name, params, result, body string) routine {
		return routine{name: name, params: params, result: result, block: true, body: own.Replace(body)}
	}
	bytes := func(n int) string {
		parts := []string{"get_byte(b, i)::bigint"}
		for _, k := range []string{"1", "2", "3", "4", "5", "6", "7"}[:n-1] {
			parts = append(parts, "(get_byte(b, i + "+k+")::bigint << (8 * "+k+"))")
		}
		return "BEGIN RETURN " + strings.Join(parts, " | ") + "; END"
	}
	return []routine{
		// The argument is more than -2^127.
		{name: "s64", params: "n numeric", result: "bigint", body: "(mod(mod(n, 18446744073709551616) + 27670116110564327424, 18446744073709551616) - 9223372036854775808)::bigint"},
		block("shr64", "v bigint, k integer", "bigint", "BEGIN RETURN (v >> k) & ((1::bigint << (64 - k)) - 1); END"),
		block("rot64", "v bigint, k integer", "bigint", "BEGIN RETURN ((v >> k) & ((1::bigint << (64 - k)) - 1)) | (v << (64 - k)); END"),
		block("fetch64", "b bytea, i integer", "bigint", bytes(8)),
		block("fetch32", "b bytea, i integer", "bigint", bytes(4)),
		block("farm_mix", "u bigint, v bigint, mul numeric", "bigint", `
DECLARE a bigint; b bigint;
BEGIN
  a := s64((u # v) * mul); a := a # shr64(a, 47);
  b := s64((v # a) * mul); b := b # shr64(b, 47);
  RETURN s64(b * mul);
END`),
		block("farm_weak", "s bytea, i integer, a bigint, b bigint", "bigint[]", `
DECLARE w numeric := fetch64(s, i); x numeric := fetch64(s, i + 8); y numeric := fetch64(s, i + 16); z numeric := fetch64(s, i + 24); c bigint; d bigint; e bigint;
BEGIN
  c := s64(a + w);
  d := rot64(s64(b + z + c), 21);
  e := s64(c + x + y);
  RETURN ARRAY[s64(e + z), s64(d::numeric + rot64(e, 44) + c)];
END`),
		block("farm_fingerprint", "s bytea", "bigint", `
DECLARE
  n integer := octet_length(s); mul numeric := k2 + 2 * n; i integer := 0; last integer;
  a bigint; b bigint; c bigint; d bigint; e bigint; f bigint; g bigint; h bigint; x bigint; y bigint; z bigint; v bigint[] := '{0,0}'; w bigint[] := '{0,0}';
BEGIN
  IF n = 0 THEN
    RETURN s64(k2);
  ELSIF n < 4 THEN
    a := s64((get_byte(s, 0) + get_byte(s, n / 2) * 256) * k2) # s64((n + get_byte(s, n - 1) * 4) * k0);
    RETURN s64((a # shr64(a, 47)) * k2);
  ELSIF n < 8 THEN
    RETURN farm_mix(n + (fetch32(s, 0) << 3), fetch32(s, n - 4), mul);
  ELSIF n <= 16 THEN
    a := s64(fetch64(s, 0) + k2); b := fetch64(s, n - 8);
    RETURN farm_mix(s64(rot64(b, 37) * mul + a), s64((rot64(a, 25) + b::numeric) * mul), mul);
  ELSIF n <= 64 THEN
    a := s64(fetch64(s, 0) * CASE WHEN n <= 32 THEN k1 ELSE k2 END);
    b := fetch64(s, 8); c := s64(fetch64(s, n - 8) * mul); d := s64(fetch64(s, n - 16) * k2);
    y := s64(rot64(s64(a + b::numeric), 43) + rot64(c, 30)::numeric + d);
    z := farm_mix(y, s64(a + rot64(s64(b + k2), 18)::numeric + c), mul);
    IF n <= 32 THEN RETURN z; END IF;
    e := s64(fetch64(s, 16) * mul); f := fetch64(s, 24); g := s64((y + fetch64(s, n - 32)::numeric) * mul); h := s64((z + fetch64(s, n - 24)::numeric) * mul);
    RETURN farm_mix(s64(rot64(s64(e + f::numeric), 43) + rot64(g, 30)::numeric + h), s64(e + rot64(s64(f + a::numeric), 18)::numeric + g), mul);
  END IF;
  y := s64(81 * k1 + 113); z := s64(y * k2 + 113); z := s64((z # shr64(z, 47)) * k2);
  x := s64(81 * k2 + fetch64(s, 0));
  last := (n - 1) / 64 * 64;
  WHILE i < last LOOP
    x := s64(rot64(s64(x::numeric + y + v[1] + fetch64(s, i + 8)), 37) * k1);
    y := s64(rot64(s64(y::numeric + v[2] + fetch64(s, i + 48)), 42) * k1);
    x := x # w[2];
    y := s64(y::numeric + v[1] + fetch64(s, i + 40));
    z := s64(rot64(s64(z::numeric + w[1]), 33) * k1);
    v := farm_weak(s, i, s64(v[2] * k1), s64(x::numeric + w[1]));
    w := farm_weak(s, i + 32, s64(z::numeric + w[2]), s64(y::numeric + fetch64(s, i + 16)));
    a := z; z := x; x := a;
    i := i + 64;
  END LOOP;
  mul := s64(k1 + ((z & 255) << 1));
  i := last + (n - 1) % 64 - 63;
  w[1] := s64(w[1]::numeric + (n - 1) % 64);
  v[1] := s64(v[1]::numeric + w[1]);
  w[1] := s64(w[1]::numeric + v[1]);
  x := s64(rot64(s64(x::numeric + y + v[1] + fetch64(s, i + 8)), 37) * mul);
  y := s64(rot64(s64(y::numeric + v[2] + fetch64(s, i + 48)), 42) * mul);
  x := x # s64(w[2]::numeric * 9);
  y := s64(y::numeric + v[1]::numeric * 9 + fetch64(s, i + 40));
  z := s64(rot64(s64(z::numeric + w[1]), 33) * mul);
  v := farm_weak(s, i, s64(v[2] * mul), s64(x::numeric + w[1]));
  w := farm_weak(s, i + 32, s64(z::numeric + w[2]), s64(y::numeric + fetch64(s, i + 16)));
  a := z; z := x; x := a;
  RETURN farm_mix(s64(farm_mix(v[1], w[1], mul) + (y # shr64(y, 47)) * k0 + z), s64(farm_mix(v[2], w[2], mul)::numeric + x), mul);
END`),
	}
}
