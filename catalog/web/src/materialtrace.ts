// Walks from a lot to what it was made of and to what was made of it. Lots and runs take
// turns; a hop is a run with the lots behind it.

import type { Flow, Lot, Run, Store, Thing } from './materialstore';

export type Way = 'back' | 'forward';

export interface Question {
  root: Lot;
  ways: Way[];
  /** Hops to follow; 0: all. */
  depth: number;
  /** Nodes followed further, and not, by name and way: see tag. */
  open: ReadonlySet<string>;
  shut: ReadonlySet<string>;
  /** The most lots to read. */
  most: number;
}

export interface Node {
  key: string;
  thing: Thing;
  /** Hops from the root, of a run those of the lots behind it; hops back are negative. */
  hop: number;
  /** Ways on which the walk came here, beside the root and what was opened by hand. */
  ways: Set<Way>;
  /** Ways that it was followed on from here. */
  followed: Set<Way>;
}

export interface Cone { nodes: Map<string, Node>; capped: boolean; root: Lot }

export const keyOf = (t: Thing): string => (t.kind === 'lot' ? 'l' : 'r') + t.n;

/** tag names a node and a way in addresses: numbers change when the site is made anew. */
export function tag(t: Thing, way: Way): string {
  return (way === 'back' ? '<' : '>') + (t.kind === 'lot' ? 'l' + t.id : 'r' + (t.joint ? '*' : '') + t.word + '/' + t.id);
}

interface Step { node: Node; way: Way; dist: number; last: boolean }

/** walk is breadth first; each level reads its files at once. */
export async function walk(store: Store, q: Question): Promise<Cone> {
  const nodes = new Map<string, Node>();
  let lots = 1, capped = false;
  const root: Node = { key: keyOf(q.root), thing: q.root, hop: 0, ways: new Set(q.ways), followed: new Set() };
  nodes.set(root.key, root);
  // The next step from a node on a way, if it is to be followed: within the depth, or by hand.
  const next = (node: Node, way: Way, dist: number, last: boolean): Step | null => {
    if (node.followed.has(way)) return null;
    const name = tag(node.thing, way);
    if (q.shut.has(name)) return null;
    if (q.open.has(name)) return { node, way, dist, last: true };
    if (last || (node.thing.kind === 'lot' && q.depth > 0 && dist >= q.depth)) return null;
    return { node, way, dist, last };
  };
  let level: Step[] = [];
  const push = (s: Step | null): void => { if (s) { s.node.followed.add(s.way); level.push(s); } };
  const meet = (thing: Thing, from: Step): void => {
    const dist = from.dist + (thing.kind === 'lot' ? 1 : 0);
    const key = keyOf(thing);
    let node = nodes.get(key);
    if (!node) {
      if (thing.kind === 'lot' && lots >= q.most) { capped = true; return; }
      if (thing.kind === 'lot') lots++;
      const far = from.node.hop + (from.node.thing.kind === 'lot' ? (from.way === 'back' ? -1 : 1) : 0);
      node = { key, thing, hop: far, ways: new Set(), followed: new Set() };
      nodes.set(key, node);
    }
    if (!from.last) node.ways.add(from.way);
    // A run that was opened or met shows what lies behind it on the same way.
    if (thing.kind === 'run') {
      if (!node.followed.has(from.way) && !q.shut.has(tag(thing, from.way))) push({ node, way: from.way, dist: from.dist, last: from.last });
    } else push(next(node, from.way, dist, from.last));
    // What was opened by hand to the other side.
    const other: Way = from.way === 'back' ? 'forward' : 'back';
    if (q.open.has(tag(thing, other))) push(next(node, other, dist, true));
  };
  for (const way of ['back', 'forward'] as Way[]) {
    if (q.ways.includes(way)) push(next(root, way, 0, false));
    else if (q.open.has(tag(q.root, way))) push(next(root, way, 0, true));
  }
  while (level.length > 0) {
    const now = level;
    level = [];
    const runs = new Set<number>(), found = new Set<number>();
    for (const s of now) for (const n of behind(s.node.thing, s.way)) (s.node.thing.kind === 'lot' ? runs : found).add(n);
    for (const list of [runs, found]) { // what is too much is not even read
      if (list.size <= q.most) continue;
      for (const n of Array.from(list).sort((a, b) => a - b).slice(q.most)) list.delete(n);
      capped = true;
    }
    const runOf = new Map((await store.readRuns(Array.from(runs))).map((r) => [r.n, r]));
    const lotOf = new Map((await store.readLots(Array.from(found))).map((l) => [l.n, l]));
    for (const s of now) {
      for (const n of behind(s.node.thing, s.way)) {
        const thing: Thing | undefined = s.node.thing.kind === 'lot' ? runOf.get(n) : lotOf.get(n);
        if (thing) meet(thing, s);
      }
    }
  }
  return { nodes, capped, root: q.root };
}

/** behind are the numbers of what is next to a node on a way: runs of a lot, lots of a run. */
export function behind(t: Thing, way: Way): number[] {
  if (t.kind === 'lot') return way === 'back' ? t.made : t.used;
  return Array.from(new Set((way === 'back' ? t.ins : t.outs).map((f) => f.lot)));
}

/** hidden is how many neighbours of a node on a way are not shown. */
export function hidden(shown: ReadonlyMap<string, Node>, t: Thing, way: Way): number {
  const kind = t.kind === 'lot' ? 'r' : 'l';
  return behind(t, way).reduce((n, b) => n + (shown.has(kind + b) ? 0 : 1), 0);
}

export interface Edge { from: Node; to: Node; flows: Flow[]; back: boolean }

/** edges are those between shown nodes; back ones lead to something earlier within a cycle. */
export function edges(shown: ReadonlyMap<string, Node>): Edge[] {
  const out: Edge[] = [];
  for (const node of shown.values()) {
    const run = node.thing;
    if (run.kind !== 'run') continue;
    const add = (flows: Flow[], into: boolean): void => {
      const by = new Map<number, Flow[]>();
      for (const f of flows) { const had = by.get(f.lot); if (had) had.push(f); else by.set(f.lot, [f]); }
      for (const [n, list] of by) {
        const lot = shown.get('l' + n);
        if (lot) out.push({ from: into ? lot : node, to: into ? node : lot, flows: list, back: false });
      }
    };
    add(run.ins, true);
    add(run.outs, false);
  }
  const group = cycles(shown, out);
  for (const e of out) e.back = group.get(e.from.key) === group.get(e.to.key) && later(e.from.thing, e.to.thing);
  return out;
}

/** later is the order of events; of equal times lots come first, then numbers decide. */
function later(a: Thing, b: Thing): boolean {
  const x = a.when ?? -Infinity, y = b.when ?? -Infinity;
  if (x !== y) return x > y;
  if (a.kind !== b.kind) return a.kind === 'run';
  return a.n > b.n;
}

/** cycles numbers the strongly connected components (Tarjan, without recursion). */
function cycles(shown: ReadonlyMap<string, Node>, list: Edge[]): Map<string, number> {
  const next = new Map<string, string[]>();
  for (const e of list) { const had = next.get(e.from.key); if (had) had.push(e.to.key); else next.set(e.from.key, [e.to.key]); }
  const index = new Map<string, number>(), low = new Map<string, number>(), on = new Set<string>(), stack: string[] = [], out = new Map<string, number>();
  let count = 0, groups = 0;
  for (const start of shown.keys()) {
    if (index.has(start)) continue;
    const work: [string, number][] = [[start, 0]];
    while (work.length > 0) {
      const top = work[work.length - 1], [v, i] = top;
      if (i === 0) { index.set(v, count); low.set(v, count++); stack.push(v); on.add(v); }
      const to = next.get(v) ?? [];
      if (i < to.length) {
        top[1]++;
        const w = to[i];
        if (!index.has(w)) work.push([w, 0]);
        else if (on.has(w)) low.set(v, Math.min(low.get(v)!, index.get(w)!));
        continue;
      }
      work.pop();
      if (work.length > 0) { const u = work[work.length - 1][0]; low.set(u, Math.min(low.get(u)!, low.get(v)!)); }
      if (low.get(v) === index.get(v)) {
        groups++;
        for (let w = ''; w !== v;) { w = stack.pop()!; on.delete(w); out.set(w, groups); }
      }
    }
  }
  return out;
}

/** Share is a part of one, as far as it can be told. */
export interface Share { part: number; estimated: boolean; atLeast: boolean }

/** part is how much of all flows belongs to one lot: by quantity where units agree, else by share. */
function part(flows: Flow[], lot: number): { part: number; estimated: boolean } | null {
  const own = flows.filter((f) => f.lot === lot);
  if (own.length === flows.length) return { part: 1, estimated: false };
  const units = new Set(flows.map((f) => f.unit));
  const estimated = flows.some((f) => f.estimated);
  const sum = (list: Flow[], of: (f: Flow) => number | null): number | null =>
    list.reduce<number | null>((n, f) => { const v = of(f); return n === null || v === null ? null : n + v; }, 0);
  if (units.size === 1) {
    const all = sum(flows, (f) => f.quantity), mine = sum(own, (f) => f.quantity);
    if (all !== null && mine !== null && all > 0) return { part: mine / all, estimated };
  }
  const said = sum(own, (f) => f.share);
  return said === null ? null : { part: said, estimated };
}

/**
 * shares tells of each lot on a way how much of the root came of it (back), or how much of it
 * came of the root (forward). Within cycles and behind them nothing can be told.
 */
export function shares(cone: Cone, way: Way): Map<string, Share> {
  const runs: Run[] = [];
  for (const n of cone.nodes.values()) if (n.thing.kind === 'run' && n.ways.has(way)) runs.push(n.thing);
  const runAt = new Map(runs.map((r) => [r.n, r]));
  const rootKey = keyOf(cone.root);
  const isIn = (lot: number): boolean => { const n = cone.nodes.get('l' + lot); return !!n && (n.ways.has(way) || n.key === rootKey); };
  const complete = Array.from(cone.nodes.values()).every((n) => !n.ways.has(way) || n.followed.has(way)) && !cone.capped;
  // The part of a lot that a run made.
  const madeBy = (lot: Lot, run: Run): { part: number; estimated: boolean } | null => {
    if (lot.made.length <= 1) return { part: 1, estimated: false };
    const flows: Flow[] = [];
    for (const r of lot.made) {
      const other = runAt.get(r);
      if (!other) return null;
      for (const f of other.outs) if (f.lot === lot.n) flows.push({ ...f, lot: r });
    }
    return part(flows, run.n);
  };
  const out = new Map<string, Share>([[rootKey, { part: 1, estimated: false, atLeast: false }]]);
  const dead = new Set<string>(); // cannot be told
  // Lots wait for all that they are reckoned from.
  const needs = new Map<number, Set<number>>(), gives = new Map<number, Set<number>>();
  const link = (first: number, then: number): void => {
    if (!needs.has(then)) needs.set(then, new Set());
    if (!gives.has(first)) gives.set(first, new Set());
    needs.get(then)!.add(first);
    gives.get(first)!.add(then);
  };
  for (const r of runs) {
    for (const i of new Set(r.ins.map((f) => f.lot))) {
      for (const o of new Set(r.outs.map((f) => f.lot))) {
        if (isIn(i) && isIn(o) && cone.nodes.get('l' + (way === 'back' ? o : i))!.followed.has(way)) way === 'back' ? link(o, i) : link(i, o);
      }
    }
  }
  const ready: number[] = (needs.get(cone.root.n)?.size ?? 0) === 0 ? [cone.root.n] : [];
  const reckon = (n: number): void => {
    const key = 'l' + n;
    if (key === rootKey) return;
    const lot = cone.nodes.get(key)!.thing as Lot;
    let sum = 0, estimated = false, atLeast = way === 'forward' && !complete;
    const from = way === 'back' ? lot.used : lot.made;
    for (const rn of from) {
      const run = runAt.get(rn);
      if (!run) { if (way === 'forward') atLeast = true; continue; }
      const mixed = new Set(run.ins.map((f) => f.lot)).size > 1 && new Set(run.outs.map((f) => f.lot)).size > 1;
      const others = way === 'back' ? run.outs : run.ins;
      for (const o of new Set(others.map((f) => f.lot))) {
        if (!needs.get(n)!.has(o)) continue;
        const had = out.get('l' + o);
        const given = part(run.ins, way === 'back' ? n : o);
        const made = way === 'back' ? madeBy(cone.nodes.get('l' + o)!.thing as Lot, run) : madeBy(lot, run);
        if (!had || dead.has('l' + o) || !given || !made || run.withheld) { dead.add(key); return; }
        sum += had.part * given.part * made.part;
        estimated = estimated || had.estimated || given.estimated || made.estimated || mixed;
        atLeast = atLeast || had.atLeast;
      }
    }
    out.set(key, { part: Math.min(1, sum), estimated, atLeast });
  };
  const waits = new Map<number, number>();
  while (ready.length > 0) {
    const n = ready.shift()!;
    reckon(n);
    for (const g of gives.get(n) ?? []) {
      const left = needs.get(g)!;
      if (!waits.has(g)) waits.set(g, left.size);
      waits.set(g, waits.get(g)! - 1);
      if (waits.get(g) === 0) ready.push(g);
    }
  }
  return out;
}

/** Balance is what went in and came out, in one unit; null is not known. */
export interface Balance { unit: string; input: number | null; output: number | null; scrap: number | null; difference: number | null }

/** balance adds up a run, unit by unit: kilograms and pieces are never added. */
export function balance(run: Run): Balance[] {
  const units = Array.from(new Set([...run.ins, ...run.outs].map((f) => f.unit)));
  if (run.scrap !== null && !units.includes(run.unit)) units.push(run.unit);
  const sum = (flows: Flow[], unit: string): number | null => flows.filter((f) => f.unit === unit)
    .reduce<number | null>((n, f) => (n === null || f.quantity === null ? null : n + f.quantity), 0);
  return units.sort().map((unit) => {
    const scrap = run.scrap !== null && run.unit === unit ? run.scrap : null;
    const has = (flows: Flow[]): boolean => flows.some((f) => f.unit === unit);
    const input = has(run.ins) ? sum(run.ins, unit) : null, output = has(run.outs) ? sum(run.outs, unit) : null;
    return { unit, input, output, scrap, difference: input === null || output === null || run.withheld ? null : round(input - output - (scrap ?? 0)) };
  });
}

/** round takes off what sums of decimals leave behind. */
export function round(n: number): number { return Math.round(n * 1e9) / 1e9; }
