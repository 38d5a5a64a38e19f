// Command release makes what goes beside the binary into a release: the bill of materials of a
// binary (CycloneDX), from what Go has written into it, and the notices of the licences of all that
// is linked into it. Both are functions of the binary, the module cache and a time that is given:
// the same input is the same bytes.
//
//	release sbom -time 2026-01-02T03:04:05Z BINARY > engine.cdx.json
//	release notices BINARY > THIRD_PARTY_NOTICES.txt
package main
