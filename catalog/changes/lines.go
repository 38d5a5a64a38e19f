package changes

import "strings"

// Line is a line of a change. Old and New are its numbers, from 1, 0 where it is not there; a
// Line that is neither says that lines without a change are left out.
type Line struct {
	Old, New int
	Text     string
}

// around is how many lines are kept before and after a change.
const around = 3

// mostEdits bounds the work on texts that have little in common: beyond it, all lines between
// the first and the last that differ are told as replaced.
const mostEdits = 1000

// Lines is how one text becomes another, by lines: the shortest script of Myers' algorithm
// (E. W. Myers, An O(ND) difference algorithm and its variations, 1986), with the lines around
// changes. It is nil for equal texts.
func Lines(before, after string) []Line {
	a, b := split(before), split(after)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	if head == len(a) && head == len(b) {
		return nil
	}
	var all []Line
	for i := range head {
		all = append(all, Line{i + 1, i + 1, a[i]})
	}
	all = append(all, edits(a[head:len(a)-tail], b[head:len(b)-tail], head)...)
	for i := range tail {
		all = append(all, Line{len(a) - tail + i + 1, len(b) - tail + i + 1, a[len(a)-tail+i]})
	}
	return shortened(all)
}

func split(text string) []string {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// edits is the script from a to b, whose first lines have the number offset+1.
func edits(a, b []string, offset int) []Line {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return replaced(a, b, offset)
	}
	most := min(n+m, mostEdits)
	v := make([]int, 2*most+2) // furthest x by diagonal
	var trace [][]int
	found := -1
search:
	for d := 0; d <= most; d++ {
		// Of the step before only diagonals up to d are looked at.
		trace = append(trace, append([]int(nil), v[most-d:most+d+2]...))
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || k != d && v[most+k-1] < v[most+k+1] {
				x = v[most+k+1]
			} else {
				x = v[most+k-1] + 1
			}
			y := x - k
			for x < n && y < m && a[x] == b[y] {
				x, y = x+1, y+1
			}
			v[most+k] = x
			if x >= n && y >= m {
				found = d
				break search
			}
		}
	}
	if found < 0 {
		return replaced(a, b, offset)
	}
	var out []Line
	x, y := n, m
	for d := found; d > 0; d-- {
		v := trace[d] // v[d+k] is diagonal k
		k := x - y
		prev := k - 1
		if k == -d || k != d && v[d+k-1] < v[d+k+1] {
			prev = k + 1
		}
		px := v[d+prev]
		py := px - prev
		for x > px && y > py {
			x, y = x-1, y-1
			out = append(out, Line{offset + x + 1, offset + y + 1, a[x]})
		}
		if x == px {
			y--
			out = append(out, Line{0, offset + y + 1, b[y]})
		} else {
			x--
			out = append(out, Line{offset + x + 1, 0, a[x]})
		}
	}
	for x > 0 && y > 0 {
		x, y = x-1, y-1
		out = append(out, Line{offset + x + 1, offset + y + 1, a[x]})
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// replaced tells all lines of a as gone and all of b as new.
func replaced(a, b []string, offset int) []Line {
	var out []Line
	for i, s := range a {
		out = append(out, Line{offset + i + 1, 0, s})
	}
	for i, s := range b {
		out = append(out, Line{0, offset + i + 1, s})
	}
	return out
}

// shortened leaves out lines that are far from any change.
func shortened(all []Line) []Line {
	keep := make([]bool, len(all))
	for i, l := range all {
		if l.Old > 0 && l.New > 0 {
			continue
		}
		for j := max(0, i-around); j <= min(len(all)-1, i+around); j++ {
			keep[j] = true
		}
	}
	var out []Line
	for i, l := range all {
		switch {
		case keep[i]:
			out = append(out, l)
		case i == 0 || keep[i-1]:
			out = append(out, Line{})
		}
	}
	return out
}
