package tmpl

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/sprig/v3"
	"github.com/google/go-cmp/cmp"
)

// The functions that templates have from sprig. A new one in a sprig update is looked at
// by a person: is it the same everywhere and every time?
const fromSprig = `
abbrev abbrevboth add add1 add1f addf adler32sum all any append atoi b32dec b32enc b64dec b64enc
base biggest camelcase cat ceil chunk clean coalesce compact concat contains date dateInZone
dateModify date_in_zone date_modify deepCopy deepEqual default dict dig dir div divf duration
empty ext fail first float64 floor fromJson get has hasKey hasPrefix hasSuffix hello htmlDate
htmlDateInZone indent initial initials int int64 isAbs join kebabcase keys kindIs kindOf last
list lower max maxf merge mergeOverwrite min minf mod mul mulf mustAppend mustChunk mustCompact
mustDateModify mustDeepCopy mustFirst mustFromJson mustHas mustInitial mustLast mustMerge
mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch
mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice
mustToDate mustToJson mustToPrettyJson mustToRawJson mustUniq mustWithout must_date_modify
nindent nospace omit pick pluck plural prepend push quote regexFind regexFindAll regexMatch
regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat replace rest reverse
round semver semverCompare seq set sha1sum sha256sum sha512sum slice snakecase sortAlpha split
splitList splitn squote sub subf substr swapcase ternary title toDate toDecimal toJson
toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix trimSuffix trimall trunc tuple
typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper urlJoin urlParse
values without wrap wrapWith
`

func TestSprigFunctions(t *testing.T) {
	want := strings.Fields(fromSprig)
	own := pythonFuncs()
	got := slices.DeleteFunc(slices.Sorted(maps.Keys(pureFuncs())), func(name string) bool { return own[name] != nil })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	for name := range removed {
		if sprig.TxtFuncMap()[name] == nil {
			t.Errorf("%s is removed and not there in the first place", name)
		}
	}
	for _, name := range want {
		if engineFuncs[name] {
			t.Errorf("sprig has %s, too", name)
		}
	}
}
