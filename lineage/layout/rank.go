package layout

import "slices"

// assignRanks gives every box a column: as far left as its longest path allows, then
// moved within its slack towards the side where it has more edges, so that edges get short.
func assignRanks(n int, edges []edge, lanes []int) []int {
	up, down := make([][]int, n), make([][]int, n)
	for _, e := range edges {
		down[e.from] = append(down[e.from], e.to)
		up[e.to] = append(up[e.to], e.from)
	}
	order := orderOf(n, up, down)
	least := make([]int, n)
	if len(lanes) == n {
		keepLanes(least, lanes, order, up, down)
	}
	ranks := longest(least, order, down)
	for pass := 0; pass < 6; pass++ {
		if !tighten(ranks, order, up, down, lanes) {
			break
		}
	}
	return ranks
}

// longest is the length of the longest path to every box, but no less than least.
func longest(least, order []int, down [][]int) []int {
	ranks := slices.Clone(least)
	for _, i := range order {
		for _, j := range down[i] {
			ranks[j] = max(ranks[j], ranks[i]+1)
		}
	}
	return ranks
}

// keepLanes raises the least ranks of every lane above the ranks of the lanes before it.
// What lies downstream of a higher lane than its own does not push others.
func keepLanes(least, lanes, order []int, up, down [][]int) {
	top := slices.Clone(lanes) // the highest lane upstream, the own one included
	for _, i := range order {
		for _, j := range up[i] {
			top[i] = max(top[i], top[j])
		}
	}
	steps := slices.Clone(lanes)
	slices.Sort(steps)
	for _, lane := range slices.Compact(steps) {
		ranks, low := longest(least, order, down), -1
		for i := range lanes {
			if lanes[i] < lane && top[i] == lanes[i] {
				low = max(low, ranks[i])
			}
		}
		for i := range lanes {
			if lanes[i] == lane {
				least[i] = low + 1
			}
		}
	}
}

func orderOf(n int, up, down [][]int) []int {
	waits := make([]int, n)
	order := make([]int, 0, n)
	for i := range n {
		if waits[i] = len(up[i]); waits[i] == 0 {
			order = append(order, i)
		}
	}
	for k := 0; k < len(order); k++ {
		for _, j := range down[order[k]] {
			if waits[j]--; waits[j] == 0 {
				order = append(order, j)
			}
		}
	}
	return order
}

// tighten moves boxes to the right that have more edges there. With lanes none leaves its
// own, which are as wide as they are.
func tighten(ranks, order []int, up, down [][]int, lanes []int) bool {
	moved := false
	var end map[int]int
	if len(lanes) == len(ranks) {
		end = make(map[int]int)
		for i, lane := range lanes {
			end[lane] = max(end[lane], ranks[i])
		}
	}
	for k := len(order) - 1; k >= 0; k-- {
		i := order[k]
		if len(down[i]) <= len(up[i]) {
			continue
		}
		room := ranks[down[i][0]] - 1
		for _, j := range down[i] {
			room = min(room, ranks[j]-1)
		}
		if end != nil {
			room = min(room, end[lanes[i]])
		}
		if room > ranks[i] {
			ranks[i], moved = room, true
		}
	}
	return moved
}
