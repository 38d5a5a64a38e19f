package catalog

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
)

//go:embed assets/site.css
var siteCSS []byte

//go:embed assets/site.js
var siteJS []byte

// Names of assets hold a hash of their content, so that browsers may keep them for ever.
var (
	cssPath = "a/site." + shortHash(siteCSS) + ".css"
	jsPath  = "a/site." + shortHash(siteJS) + ".js"
)

func shortHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5])
}

func assetFiles() map[string][]byte {
	return map[string][]byte{
		cssPath:     siteCSS,
		jsPath:      siteJS,
		".nojekyll": {},
	}
}
