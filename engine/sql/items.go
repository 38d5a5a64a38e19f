package sql

// Items gives the places of the items of a query's select list: of the first SELECT that
// is in no parentheses, which names the columns of the result. Nothing is known of what
// a star stands for, and of angle brackets: whoever counts on the items compares their
// number. There are none where the text has no such SELECT.
func (l Lexis) Items(text string) [][2]int {
	var out [][2]int
	depth, inside := 0, false
	start, end := -1, -1
	star := false // the token before was one, whose EXCEPT is not that of two queries
	finish := func() {
		if start >= 0 {
			out = append(out, [2]int{start, end})
		}
		start = -1
	}
	for t := range l.significant(text) {
		after := star
		star = isPunct(text, t, '*')
		switch {
		case isPunct(text, t, '(') || isPunct(text, t, '['):
			depth++
		case isPunct(text, t, ')') || isPunct(text, t, ']'):
			depth--
		case depth == 0 && !inside:
			inside = t.Is(text, "select")
			continue
		case depth == 0 && isPunct(text, t, ','):
			finish()
			continue
		case depth == 0 && t.Kind == Word && !(after && t.Is(text, "except")) && endsItems(t.In(text)), depth == 0 && isPunct(text, t, ';'):
			finish()
			return out
		case depth == 0 && len(out) == 0 && start < 0 && (t.Is(text, "distinct") || t.Is(text, "all")):
			continue
		}
		if !inside {
			continue
		}
		if start < 0 {
			start = t.Start
		}
		end = t.End
	}
	finish()
	return out
}

func endsItems(word string) bool {
	return oneOf(word, "from", "where", "group", "having", "qualify", "window", "order", "limit", "union", "intersect", "except")
}

// Stars gives the places of the stars that stand for columns: neither products nor counts.
func (l Lexis) Stars(text string) []int {
	var out []int
	var before Token
	first := true
	for t := range l.significant(text) {
		if isPunct(text, t, '*') && !first &&
			(isPunct(text, before, ',') || isPunct(text, before, '.') || before.Is(text, "select") || before.Is(text, "distinct") || before.Is(text, "all")) {
			out = append(out, t.Start)
		}
		before, first = t, false
	}
	return out
}
