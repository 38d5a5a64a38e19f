package layout

// assignRanks gives every box a column: as far left as its longest path allows, then
// moved within its slack towards the side where it has more edges, so that edges get short.
func assignRanks(n int, edges []edge) []int {
	up, down := make([][]int, n), make([][]int, n)
	for _, e := range edges {
		down[e.from] = append(down[e.from], e.to)
		up[e.to] = append(up[e.to], e.from)
	}
	order := orderOf(n, up, down)
	ranks := make([]int, n)
	for _, i := range order {
		for _, j := range down[i] {
			ranks[j] = max(ranks[j], ranks[i]+1)
		}
	}
	for pass := 0; pass < 6; pass++ {
		if !tighten(ranks, order, up, down) {
			break
		}
	}
	return ranks
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

func tighten(ranks, order []int, up, down [][]int) bool {
	moved := false
	for k := len(order) - 1; k >= 0; k-- {
		i := order[k]
		if len(down[i]) <= len(up[i]) {
			continue
		}
		room := ranks[down[i][0]] - 1
		for _, j := range down[i] {
			room = min(room, ranks[j]-1)
		}
		if room > ranks[i] {
			ranks[i], moved = room, true
		}
	}
	return moved
}
