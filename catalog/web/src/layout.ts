// Layered layout of a directed graph: the twin of package lineage/layout, step by step, so
// that a view laid out here looks as one laid out when the site was made. Golden vectors
// hold both to the same numbers; change one only with the other.

/** Input is a graph to draw; edges are pairs of indices of boxes. */
export interface Input {
  /** Width and height of each box. */
  boxes: ReadonlyArray<readonly [number, number]>;
  edges: ReadonlyArray<readonly [number, number]>;
  /** A number for each box, or nothing: higher lanes stand to the right of lower ones. */
  lanes?: readonly number[];
  rankGap: number;
  rowGap: number;
}

export interface Box { x: number; y: number; w: number; h: number; rank: number }

/** Drawing has the boxes as in the input, and a route of points x, y, x, y … for each edge. */
export interface Drawing {
  boxes: Box[];
  routes: (number[] | null)[];
  w: number;
  h: number;
}

interface Edge { from: number; to: number; at: number; flipped: number }
interface Vertex { box: number; rank: number; up: number[]; down: number[]; h: number; y: number }

const MAX_BENDS = 200_000;

const lists = (n: number): number[][] => Array.from({ length: n }, () => []);

/** layered draws the graph in columns so that edges lead to the right. */
export function layered(input: Input): Drawing {
  const n = input.boxes.length;
  const d: Drawing = { boxes: new Array<Box>(n), routes: input.edges.map(() => null), w: 0, h: 0 };
  if (n === 0) return d;
  const edges = clean(input);
  const ranks = assignRanks(n, edges, input.lanes);
  const [parts, loners] = components(n, edges);
  const widths: number[] = [];
  for (const part of parts) {
    for (const i of part) {
      while (widths.length <= ranks[i]) widths.push(0);
      widths[ranks[i]] = Math.max(widths[ranks[i]], input.boxes[i][0]);
    }
  }
  const xs = widths.map(() => 0);
  for (let r = 1; r < xs.length; r++) xs[r] = xs[r - 1] + widths[r - 1] + input.rankGap;
  if (xs.length) d.w = xs[xs.length - 1] + widths[xs.length - 1];
  const of = new Int32Array(n);
  parts.forEach((part, k) => { for (const i of part) of[i] = k; });
  const own: Edge[][] = parts.map(() => []);
  for (const e of edges) own[of[e.from]].push(e);
  parts.forEach((part, k) => {
    const g = new Grid(input, part, ranks, own[k]);
    g.order();
    g.place(input.rowGap);
    if (d.h > 0) d.h += 2 * input.rowGap;
    d.h += g.write(d, xs, widths, d.h);
  });
  gridLoners(d, input, loners);
  return d;
}

const byEnds = (a: Edge, b: Edge): number => a.from - b.from || a.to - b.to || a.flipped - b.flipped || a.at - b.at;

/** clean drops what cannot be drawn, turns edges that close cycles around, and sorts. */
function clean(input: Input): Edge[] {
  const n = input.boxes.length, out: Edge[] = [];
  input.edges.forEach(([a, b], at) => {
    if (a !== b && a >= 0 && b >= 0 && a < n && b < n) out.push({ from: a, to: b, at, flipped: 0 });
  });
  out.sort(byEnds);
  const pos = topological(n, out);
  let turned = false;
  for (const e of out) {
    if (pos[e.from] > pos[e.to]) {
      [e.from, e.to, e.flipped] = [e.to, e.from, 1];
      turned = true;
    }
  }
  if (turned) out.sort(byEnds);
  return out;
}

function topological(n: number, edges: Edge[]): number[] {
  const down = lists(n), waits = new Array<number>(n).fill(0);
  for (const e of edges) { down[e.from].push(e.to); waits[e.to]++; }
  const pos = new Array<number>(n).fill(0), done = new Array<boolean>(n).fill(false), ready: number[] = [];
  for (let i = 0; i < n; i++) if (waits[i] === 0) ready.push(i);
  for (let next = 0, stuck = 0, head = 0; next < n;) {
    if (head === ready.length) {
      while (done[stuck]) stuck++;
      ready.push(stuck);
    }
    const i = ready[head++];
    if (done[i]) continue;
    done[i] = true;
    pos[i] = next++;
    for (const j of down[i]) if (--waits[j] === 0 && !done[j]) ready.push(j);
  }
  return pos;
}

/** components splits into connected parts, largest first, and boxes without edges. */
function components(n: number, edges: Edge[]): [number[][], number[]] {
  const root = Array.from({ length: n }, (_, i) => i), linked = new Array<boolean>(n).fill(false);
  const find = (i: number): number => {
    while (root[i] !== i) i = root[i] = root[root[i]];
    return i;
  };
  for (const e of edges) {
    linked[e.from] = linked[e.to] = true;
    const a = find(e.from), b = find(e.to);
    if (a !== b) root[Math.max(a, b)] = Math.min(a, b);
  }
  const parts = new Map<number, number[]>(), loners: number[] = [];
  for (let i = 0; i < n; i++) {
    if (!linked[i]) { loners.push(i); continue; }
    const r = find(i), part = parts.get(r);
    if (part) part.push(i);
    else parts.set(r, [i]);
  }
  return [[...parts.values()].sort((a, b) => b.length - a.length), loners];
}

function assignRanks(n: number, edges: Edge[], lanes: readonly number[] | undefined): number[] {
  const up = lists(n), down = lists(n), waits = new Array<number>(n), order: number[] = [];
  for (const e of edges) { down[e.from].push(e.to); up[e.to].push(e.from); }
  for (let i = 0; i < n; i++) if ((waits[i] = up[i].length) === 0) order.push(i);
  for (let k = 0; k < order.length; k++) for (const j of down[order[k]]) if (--waits[j] === 0) order.push(j);
  const least = new Array<number>(n).fill(0), inLanes = lanes?.length === n ? lanes : undefined;
  const longest = (): number[] => {
    const ranks = least.slice();
    for (const i of order) for (const j of down[i]) ranks[j] = Math.max(ranks[j], ranks[i] + 1);
    return ranks;
  };
  if (inLanes) {
    const top = inLanes.slice();
    for (const i of order) for (const j of up[i]) top[i] = Math.max(top[i], top[j]);
    for (const lane of [...new Set(inLanes)].sort((a, b) => a - b)) {
      const ranks = longest();
      let low = -1;
      for (let i = 0; i < n; i++) if (inLanes[i] < lane && top[i] === inLanes[i]) low = Math.max(low, ranks[i]);
      for (let i = 0; i < n; i++) if (inLanes[i] === lane) least[i] = low + 1;
    }
  }
  const ranks = longest();
  for (let pass = 0; pass < 6; pass++) {
    let moved = false;
    const end = new Map<number, number>();
    inLanes?.forEach((lane, i) => end.set(lane, Math.max(end.get(lane) ?? 0, ranks[i])));
    for (let k = order.length - 1; k >= 0; k--) {
      const i = order[k];
      if (down[i].length <= up[i].length) continue;
      let room = Infinity;
      for (const j of down[i]) room = Math.min(room, ranks[j] - 1);
      if (inLanes) room = Math.min(room, end.get(inLanes[i])!);
      if (room > ranks[i]) { ranks[i] = room; moved = true; }
    }
    if (!moved) break;
  }
  return ranks;
}

class Grid {
  v: Vertex[] = [];
  ranks: number[][] = [];
  pos = new Int32Array(0);
  lines: { edge: Edge; path: number[] }[] = [];
  columns: number;
  base: number;

  constructor(input: Input, part: number[], ranks: number[], edges: Edge[]) {
    let base = ranks[part[0]], top = 0;
    for (const i of part) { base = Math.min(base, ranks[i]); top = Math.max(top, ranks[i]); }
    this.base = base;
    this.columns = top - base + 1;
    const number = new Map<number, number>();
    for (const i of part) {
      number.set(i, this.v.length);
      this.v.push({ box: i, rank: ranks[i] - base, up: [], down: [], h: input.boxes[i][1], y: 0 });
    }
    const span = (e: Edge): number => ranks[e.to] - ranks[e.from];
    const longest = affordable(edges.map(span));
    for (const e of edges) this.addLine(e, number.get(e.from)!, number.get(e.to)!, span(e) <= longest);
    this.walk();
  }

  addLine(edge: Edge, from: number, to: number, bent: boolean): void {
    const { v } = this, path = [from];
    if (bent) {
      for (let r = v[from].rank + 1; r < v[to].rank; r++) {
        path.push(v.length);
        v.push({ box: -1, rank: r, up: [], down: [], h: 0, y: 0 });
      }
    }
    path.push(to);
    this.lines.push({ edge, path });
    if (v[to].rank - v[from].rank !== path.length - 1) return;
    for (let i = 1; i < path.length; i++) {
      v[path[i - 1]].down.push(path[i]);
      v[path[i]].up.push(path[i - 1]);
    }
  }

  walk(): void {
    const { v } = this;
    this.ranks = lists(this.columns);
    this.pos = new Int32Array(v.length);
    const seen = new Uint8Array(v.length), stack: number[] = [];
    for (let first = 0; first < v.length; first++) {
      if (seen[first]) continue;
      stack.push(first);
      while (stack.length) {
        const i = stack.pop()!;
        if (seen[i]) continue;
        seen[i] = 1;
        this.ranks[v[i].rank].push(i);
        for (let k = v[i].up.length - 1; k >= 0; k--) stack.push(v[i].up[k]);
        for (let k = v[i].down.length - 1; k >= 0; k--) stack.push(v[i].down[k]);
      }
    }
    this.number();
  }

  number(): void {
    for (const column of this.ranks) column.forEach((i, k) => { this.pos[i] = k; });
  }

  order(): void {
    const n = this.v.length;
    const [starts, sweeps, stalls, swaps] = n <= 600 ? [2, 24, 6, 8] : n <= 5_000 ? [1, 32, 8, 4] : n <= 30_000 ? [1, 16, 4, 1] : n <= 100_000 ? [1, 8, 3, 1] : [1, 4, 2, 1];
    const copy = (): number[][] => this.ranks.map((c) => c.slice());
    let best = -1, state: number[][] = [];
    for (let start = 0; start < starts && best !== 0; start++) {
      if (start === 1) {
        for (const column of this.ranks) column.sort((a, b) => a - b);
        this.number();
      }
      const first = this.crossings();
      if (best < 0 || first < best) { best = first; state = copy(); }
      for (let sweep = 0, stalled = 0; sweep < sweeps && best > 0 && stalled < stalls; sweep++) {
        const turned = (sweep & 2) !== 0;
        if (sweep & 1) for (let r = this.columns - 2; r >= 0; r--) this.sortColumn(r, false, turned);
        else for (let r = 1; r < this.columns; r++) this.sortColumn(r, true, turned);
        for (let pass = 0; pass < swaps && this.transpose(); pass++);
        const c = this.crossings();
        if (c < best) { best = c; stalled = 0; state = copy(); } else stalled++;
      }
    }
    this.ranks = state;
    this.number();
  }

  key = new Float64Array(0);

  sortColumn(r: number, byUp: boolean, turned: boolean): void {
    const { v, pos } = this, column = this.ranks[r];
    if (this.key.length < v.length) this.key = new Float64Array(v.length);
    const key = this.key, scale = column.length / (this.ranks[byUp ? r - 1 : r + 1]?.length ?? 1);
    column.forEach((i, k) => {
      const near = byUp ? v[i].up : v[i].down;
      if (near.length === 0) { key[i] = k; return; }
      let sum = 0;
      for (const j of near) sum += pos[j];
      key[i] = (sum / near.length + 0.5) * scale;
    });
    column.sort((a, b) => key[a] - key[b] || (turned ? pos[b] - pos[a] : pos[a] - pos[b]));
    column.forEach((i, k) => { pos[i] = k; });
  }

  transpose(): boolean {
    const { v, pos } = this;
    let gained = false;
    for (const column of this.ranks) {
      for (let k = 0; k + 1 < column.length; k++) {
        const a = column[k], b = column[k + 1];
        const now = this.between(v[a].up, v[b].up) + this.between(v[a].down, v[b].down);
        if (now === 0) continue;
        if (this.between(v[b].up, v[a].up) + this.between(v[b].down, v[a].down) < now) {
          column[k] = b;
          column[k + 1] = a;
          pos[a] = k + 1;
          pos[b] = k;
          gained = true;
        }
      }
    }
    return gained;
  }

  between(upper: number[], lower: number[]): number {
    if (upper.length * lower.length > 4096) return 0;
    const { pos } = this;
    let n = 0;
    for (let i = 0; i < upper.length; i++) {
      const p = pos[upper[i]];
      for (let j = 0; j < lower.length; j++) if (p > pos[lower[j]]) n++;
    }
    return n;
  }

  crossings(): number {
    const { v, pos } = this;
    let total = 0;
    for (let r = 0; r + 1 < this.columns; r++) {
      const tree = new Int32Array(this.ranks[r + 1].length + 1);
      let seen = 0;
      for (const i of this.ranks[r]) {
        const { down } = v[i];
        for (const j of down) {
          let below = 0;
          for (let k = pos[j] + 1; k > 0; k -= k & -k) below += tree[k];
          total += seen - below;
        }
        for (const j of down) {
          for (let k = pos[j] + 1; k < tree.length; k += k & -k) tree[k]++;
          seen++;
        }
      }
    }
    return total;
  }

  place(gap: number): void {
    const { v } = this;
    for (const column of this.ranks) {
      let y = 0;
      column.forEach((i, k) => {
        if (k > 0) y += this.apart(column[k - 1], i, gap);
        v[i].y = y;
      });
      for (const i of column) v[i].y -= y / 2;
    }
    for (let sweep = 0; sweep < 10; sweep++) {
      if (sweep & 1) for (let r = this.columns - 2; r >= 0; r--) this.settle(r, 2, gap);
      else for (let r = 1; r < this.columns; r++) this.settle(r, 1, gap);
    }
    for (let sweep = 0; sweep < 2; sweep++) for (let r = 0; r < this.columns; r++) this.settle(r, 3, gap);
  }

  apart(a: number, b: number, gap: number): number {
    const { v } = this;
    if (v[a].box < 0 && v[b].box < 0) gap *= 0.75;
    return (v[a].h + v[b].h) / 2 + gap;
  }

  settle(r: number, sides: number, gap: number): void {
    const { v } = this, column = this.ranks[r], offset = new Float64Array(column.length);
    const pools: { want: number; weight: number; n: number }[] = [];
    column.forEach((i, k) => {
      if (k > 0) offset[k] = offset[k - 1] + this.apart(column[k - 1], i, gap);
      let y = 0, weight = 0;
      const pull = (near: number[]): void => {
        for (const j of near) {
          const bends = (v[i].box < 0) === (v[j].box < 0), w = !bends ? 2 : v[i].box < 0 ? 8 : 1;
          y += w * v[j].y;
          weight += w;
        }
      };
      if (sides & 1) pull(v[i].up);
      if (sides & 2) pull(v[i].down);
      const free = weight === 0;
      let p = { want: (free ? v[i].y : y / weight) - offset[k], weight: free ? 0.01 : weight, n: 1 };
      for (let q; pools.length && (q = pools[pools.length - 1]).want > p.want; pools.pop()) {
        const sum = q.weight + p.weight;
        p = { want: (q.want * q.weight + p.want * p.weight) / sum, weight: sum, n: q.n + p.n };
      }
      pools.push(p);
    });
    let k = 0;
    for (const p of pools) for (let j = 0; j < p.n; j++, k++) v[column[k]].y = p.want + offset[k];
  }

  write(d: Drawing, xs: number[], widths: number[], top: number): number {
    const { v, base } = this;
    let low = Infinity, high = -Infinity;
    for (const x of v) {
      low = Math.min(low, x.y - x.h / 2);
      high = Math.max(high, x.y + x.h / 2);
    }
    for (const x of v) {
      x.y = round(x.y - low + top);
      const r = x.rank + base;
      if (x.box >= 0) d.boxes[x.box] = { x: xs[r], y: round(x.y - x.h / 2), w: widths[r], h: x.h, rank: r };
    }
    for (const { edge, path } of this.lines) {
      const points: [number, number][] = [];
      path.forEach((i, k) => {
        const left = xs[v[i].rank + base], right = left + widths[v[i].rank + base];
        if (k > 0) points.push([left, v[i].y]);
        if (k < path.length - 1) points.push([right, v[i].y]);
      });
      if (edge.flipped) points.reverse();
      d.routes[edge.at] = points.flat();
    }
    return Math.ceil(high - low);
  }
}

function affordable(spans: number[]): number {
  spans.sort((a, b) => a - b);
  let bends = 0;
  for (let i = 0; i < spans.length; i++) {
    bends += spans[i] - 1;
    if (bends > MAX_BENDS && i > 0) return spans[i - 1];
  }
  return spans.length ? spans[spans.length - 1] : 0;
}

/** gridLoners fills rows as wide as the rest of the drawing. */
function gridLoners(d: Drawing, input: Input, loners: number[]): void {
  if (loners.length === 0) return;
  const gap = input.rowGap;
  let w = 0, h = 0;
  for (const i of loners) { w = Math.max(w, input.boxes[i][0]); h = Math.max(h, input.boxes[i][1]); }
  let perRow = Math.max(1, Math.trunc((d.w + gap) / (w + gap)));
  if (d.w === 0) for (perRow = 1; perRow * perRow * 3 < loners.length;) perRow++;
  let top = d.h;
  if (top > 0) top += 2 * gap;
  loners.forEach((i, k) => {
    const x = (k % perRow) * (w + gap), y = top + Math.trunc(k / perRow) * (h + gap), own = input.boxes[i][1];
    d.boxes[i] = { x, y, w, h: own, rank: 0 };
    d.w = Math.max(d.w, x + w);
    d.h = Math.max(d.h, y + own);
  });
}

/** round keeps coordinates short; halves go up, also below zero. */
function round(x: number): number { return Math.floor(x * 2 + 0.5) / 2; }
