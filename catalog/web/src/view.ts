// What the explorer shows: a state, which is what the address says, and the nodes, edges and
// columns that follow from it. Nothing here touches the page.
import { Columns, Project, Step, Use, WIDE } from './project';

/** State is the whole state of the explorer; two equal ones look the same. */
export interface State {
  /** The node in the middle; -1: none, the map is shown. */
  node: number;
  /** How many steps are shown each way. */
  up: number;
  down: number;
  /** The name of the column that is followed, or nothing. */
  column: string;
  /** Which way columns are followed: both, up, down. */
  way: string;
  /** How often «show more» was asked for. */
  more: number;
  /** Sides of nodes that were opened («u» or «d» and the number of the node), how often. */
  open: Map<string, number>;
  /** Sides that were closed. */
  shut: Set<string>;
  /** Kinds («source») and tags («tag:pii») that are left out. */
  hide: Set<string>;
  /** graph, table, or all for the whole project. */
  view: string;
  /** The end of a path, -1 if none is asked for. */
  to: number;
  /** The node that is held, -1 if none. */
  pin: number;
  /** Whether filters and joins are shown, and whether tiers are lanes. */
  uses: boolean;
  lanes: boolean;
}

export const UP = 2, DOWN = 1, CAP = 60, MORE = 40, ROWS = 8, SVG_CAP = 400, FAR = 99;

export function fresh(node: number): State {
  return { node, up: UP, down: DOWN, column: '', way: 'both', more: 0, open: new Map(), shut: new Set(), hide: new Set(), view: 'graph', to: -1, pin: -1, uses: false, lanes: false };
}

/** parse reads what follows the # of the address. Unknown names are told in lost. */
export function parse(fragment: string, project: Project): { state: State; lost: string[] } {
  const p = new URLSearchParams(fragment), lost: string[] = [], s = fresh(-1);
  const node = (name: string | null): number => {
    if (name === null || name === '') return -1;
    const i = project.find(name);
    if (i < 0) lost.push(name);
    return i;
  };
  const steps = (name: string, otherwise: number): number => {
    const v = p.get(name);
    if (v === null || !/^\d+$/.test(v)) return otherwise;
    return Math.min(FAR, Number(v));
  };
  const side = (text: string): string => {
    const i = /^[ud]\./.test(text) ? node(text.slice(2)) : -1;
    return i < 0 ? '' : text[0] + i;
  };
  // Addresses of old had only «model.name».
  s.node = p.has('n') ? node(p.get('n')) : /^[a-z]+\.[^=&]+$/.test(fragment) ? node(decode(fragment)) : -1;
  s.up = steps('up', UP);
  s.down = steps('down', DOWN);
  s.column = p.get('col') ?? '';
  const way = p.get('way');
  if (way === 'up' || way === 'down') s.way = way;
  s.more = steps('more', 0);
  for (const x of p.getAll('x')) {
    const star = /\*(\d{1,2})$/.exec(x), key = side(star ? x.slice(0, star.index) : x);
    if (key) s.open.set(key, star ? Number(star[1]) : 1);
  }
  for (const x of p.getAll('c')) {
    const key = side(x);
    if (key) s.shut.add(key);
  }
  for (const h of p.getAll('hide')) if (h) s.hide.add(h);
  const view = p.get('view');
  if (view === 'table' || view === 'all') s.view = view;
  s.to = node(p.get('to'));
  s.pin = node(p.get('pin'));
  s.uses = p.get('uses') === '1';
  s.lanes = p.get('lanes') === '1';
  return { state: s, lost };
}

function decode(s: string): string {
  try { return decodeURIComponent(s); } catch { return s; }
}

/** format writes a state as it stands behind the #; parse gives it back. */
export function format(s: State, project: Project): string {
  const p = new URLSearchParams();
  if (s.node >= 0) p.set('n', project.id(s.node));
  if (s.up !== UP) p.set('up', String(s.up));
  if (s.down !== DOWN) p.set('down', String(s.down));
  if (s.column) p.set('col', s.column);
  if (s.way !== 'both') p.set('way', s.way);
  if (s.more) p.set('more', String(s.more));
  const side = (key: string): string => key[0] + '.' + project.id(Number(key.slice(1)));
  for (const [key, n] of s.open) p.append('x', side(key) + (n > 1 ? '*' + n : ''));
  for (const key of s.shut) p.append('c', side(key));
  for (const h of s.hide) p.append('hide', h);
  if (s.view !== 'graph') p.set('view', s.view);
  if (s.to >= 0) p.set('to', project.id(s.to));
  if (s.pin >= 0) p.set('pin', project.id(s.pin));
  if (s.uses) p.set('uses', '1');
  if (s.lanes) p.set('lanes', '1');
  return p.toString();
}

/** Spot is a node in the view. */
export interface Spot {
  node: number;
  /** Steps from the middle, negative upstream. */
  hop: number;
  /** How many neighbours are not shown, and whether a closed side hides some of them. */
  up: number;
  down: number;
  /** Columns that are shown in it, as places in the node, and how many are not. */
  rows: number[];
  moreRows: number;
}

/** Line leads from one spot to another, both as places in the list of spots. */
export interface Line { from: number; to: number; /** nodes between are left out */ dashed: boolean }

/** ColumnLine leads from a column to another, or to all rows of a node (to is -1). */
export interface ColumnLine { from: number; to: number; node: number; step: Step | Use; hop: number }

export interface View {
  spots: Spot[];
  lines: Line[];
  columns: ColumnLine[];
  /** The place of each node in spots. */
  at: Map<number, number>;
  /** How many nodes within the steps asked for are not shown, since there are so many. */
  cut: number;
  /** In the mode of columns: what the column reaches, shown or not. */
  impact?: Impact;
  /** What is to be said instead of a view. */
  note: string;
}

export interface Impact { columns: number; nodes: Set<number>; exposures: number[]; customers: string[] }

const none = (note: string): View => ({ spots: [], lines: [], columns: [], at: new Map(), cut: 0, note });

/** build finds what a state shows. Columns must be given if it follows one. */
export function build(s: State, project: Project, columns?: Columns): View {
  if (s.node < 0) return none('');
  if (s.to >= 0) return path(s, project);
  if (s.column && columns) return follow(s, project, columns);
  return near(s, project);
}

/** Around gives neighbours, with those that are left out replaced by what is behind them. */
class Around {
  readonly #hidden: (i: number) => boolean;
  readonly #memo: [Map<number, number[]>, Map<number, number[]>] = [new Map(), new Map()];

  constructor(private readonly project: Project, s: State) {
    const tags = new Set<number>();
    if (s.hide.size) for (const [tag, list] of project.tags()) if (s.hide.has('tag:' + tag)) for (const i of list) tags.add(i);
    this.#hidden = s.hide.size === 0 ? () => false : (i) => i !== s.node && i !== s.to && (s.hide.has(project.kind(i)) || tags.has(i));
  }

  next(i: number, up: boolean): number[] {
    const direct = up ? this.project.parents[i] : this.project.children[i];
    if (!direct.some(this.#hidden)) return direct;
    const memo = this.#memo[up ? 0 : 1];
    let out = memo.get(i);
    if (!out) {
      const set = new Set<number>(), seen = new Set<number>(), stack = direct.slice().reverse();
      while (stack.length) {
        const j = stack.pop()!;
        if (seen.has(j)) continue;
        seen.add(j);
        if (this.#hidden(j)) stack.push(...(up ? this.project.parents[j] : this.project.children[j]));
        else set.add(j);
      }
      out = [...set];
      memo.set(i, out);
    }
    return out;
  }

  direct(a: number, b: number): boolean { return this.project.parents[b].includes(a); }
}

/** near shows what is some steps up and down, and what was opened. */
function near(s: State, project: Project): View {
  const around = new Around(project, s), hop = new Map<number, number>([[s.node, 0]]);
  const cap = Math.min(SVG_CAP, CAP + MORE * s.more);
  let cut = 0;
  // Step by step, both ways at once; within a step those first that most is built on.
  let edge: [number, boolean][] = [[s.node, true], [s.node, false]];
  const passed = new Set<number>([s.node]);
  for (let step = 1; step <= Math.max(s.up, s.down) && edge.length; step++) {
    const found: [number, boolean][] = [];
    for (const [i, up] of edge) {
      if (step > (up ? s.up : s.down) || s.shut.has((up ? 'u' : 'd') + i)) continue;
      for (const j of around.next(i, up)) if (!passed.has(j)) { passed.add(j); found.push([j, up]); }
    }
    found.sort((a, b) => project.weight(b[0]) - project.weight(a[0]) || a[0] - b[0]);
    const fit = found.slice(0, Math.max(0, cap - hop.size));
    cut += found.length - fit.length;
    for (const [j, up] of fit) hop.set(j, up ? -step : step);
    edge = fit;
  }
  for (const [key, times] of s.open) {
    const i = Number(key.slice(1)), up = key[0] === 'u', at = hop.get(i);
    if (at === undefined) continue;
    const more = around.next(i, up).filter((j) => !hop.has(j)).sort((a, b) => project.weight(b) - project.weight(a) || a - b);
    for (const j of more.slice(0, MORE * times)) hop.set(j, at + (up ? -1 : 1));
  }
  return assemble(around, hop, cut);
}

/** assemble makes the view of a set of nodes. */
function assemble(around: Around, hop: Map<number, number>, cut: number): View {
  const nodes = [...hop.keys()].sort((a, b) => a - b), at = new Map(nodes.map((n, k) => [n, k]));
  const lines: Line[] = [];
  const spots = nodes.map((node, k): Spot => {
    let up = 0, down = 0;
    for (const p of around.next(node, true)) {
      const from = at.get(p);
      if (from === undefined) up++;
      else lines.push({ from, to: k, dashed: !around.direct(p, node) });
    }
    for (const c of around.next(node, false)) if (!at.has(c)) down++;
    return { node, hop: hop.get(node)!, up, down, rows: [], moreRows: 0 };
  });
  return { spots, lines, columns: [], at, cut, note: '' };
}

/** path shows all that lies on the ways between two nodes. */
function path(s: State, project: Project): View {
  let [a, b] = [s.node, s.to];
  let between = project.cone(a, false);
  if (!between.has(b)) {
    [a, b] = [b, a];
    between = project.cone(a, false);
  }
  if (a === b || !between.has(b)) return none('No way leads between ' + project.label(s.node) + ' and ' + project.label(s.to) + '.');
  const above = project.cone(b, true), on = [...between].filter((i) => above.has(i)).concat(a, b);
  const all = new Set(on), around = new Around(project, s);
  // Hops are the shortest way from the beginning.
  const hop = new Map<number, number>([[a, 0]]);
  for (let edge = [a], step = 1; edge.length; step++) {
    const found: number[] = [];
    for (const i of edge) {
      for (const j of around.next(i, false)) if (all.has(j) && !hop.has(j)) { hop.set(j, step); found.push(j); }
    }
    edge = found;
  }
  const cap = Math.min(SVG_CAP, CAP + MORE * s.more);
  const kept = [...hop.keys()].sort((x, y) => Number(y === b) - Number(x === b) || hop.get(x)! - hop.get(y)! || project.weight(y) - project.weight(x) || x - y);
  const cut = Math.max(0, kept.length - cap);
  for (const i of kept.slice(cap)) hop.delete(i);
  return assemble(around, hop, cut);
}

/** follow shows where a column comes from and goes to. */
function follow(s: State, project: Project, columns: Columns): View {
  const place = columns.list(s.node).findIndex((n) => n === s.column);
  const own = place >= 0 ? place : columns.list(s.node).findIndex((n) => n.toLowerCase() === s.column.toLowerCase());
  if (own < 0) return none(project.label(s.node) + ' has no column ' + s.column + '.');
  const start = s.node * WIDE + own, hop = new Map<number, number>([[start, 0]]), all: ColumnLine[] = [];
  const walk = (up: boolean): void => {
    const seen = new Set([start]);
    for (let edge = [start], step = 1; edge.length; step++) {
      const found: number[] = [];
      for (const c of edge) {
        for (const x of up ? columns.up(c) : columns.down(c)) {
          all.push({ from: x.from, to: x.to, node: Math.floor(x.to / WIDE), step: x, hop: up ? -step : step });
          const next = up ? x.from : x.to;
          if (seen.has(next)) continue;
          seen.add(next);
          if (!hop.has(next)) hop.set(next, up ? -step : step);
          found.push(next);
        }
      }
      edge = found;
    }
  };
  if (s.way !== 'down') walk(true);
  const affected = [start];
  if (s.way !== 'up') {
    walk(false);
    for (const [c, h] of hop) if (h > 0) affected.push(c);
  }
  if (s.uses) {
    for (const [c, h] of [...hop]) {
      if (h <= 0 && s.way !== 'down') {
        for (const u of columns.usesOf(Math.floor(c / WIDE))) {
          if (u.to >= 0 && u.to !== c) continue;
          all.push({ from: u.from, to: u.to, node: u.node, step: u, hop: h - 1 });
          if (!hop.has(u.from)) hop.set(u.from, h - 1);
        }
      }
      if (h >= 0 && s.way !== 'up') {
        for (const u of columns.usedBy(c)) all.push({ from: u.from, to: u.to, node: u.node, step: u, hop: h + 1 });
      }
    }
  }
  // What a node is reached by, in the fewest steps.
  const nodes = new Map<number, number>();
  const meet = (node: number, h: number): void => {
    const had = nodes.get(node);
    if (had === undefined || Math.abs(h) < Math.abs(had)) nodes.set(node, h);
  };
  for (const [c, h] of hop) meet(Math.floor(c / WIDE), h);
  for (const x of all) meet(x.node, x.hop);
  meet(s.node, 0);
  const cap = Math.min(SVG_CAP, CAP + MORE * s.more);
  const order = [...nodes.keys()].sort((a, b) => Math.abs(nodes.get(a)!) - Math.abs(nodes.get(b)!) || project.weight(b) - project.weight(a) || a - b);
  const kept = order.slice(0, cap).sort((a, b) => a - b), at = new Map(kept.map((n, k) => [n, k]));
  const rows = kept.map((): Set<number> => new Set());
  for (const c of [...hop.keys()].sort((a, b) => Math.abs(hop.get(a)!) - Math.abs(hop.get(b)!) || a - b)) {
    const k = at.get(Math.floor(c / WIDE));
    if (k !== undefined) rows[k].add(c % WIDE);
  }
  const spots = kept.map((node, k): Spot => {
    const list = [...rows[k]], shown = list.slice(0, ROWS).sort((a, b) => a - b);
    return { node, hop: nodes.get(node)!, up: 0, down: 0, rows: shown, moreRows: list.length - shown.length };
  });
  const known = new Set<string>(), lines: Line[] = [], seen = new Set<Step | Use>();
  const shown: ColumnLine[] = [];
  for (const x of all) {
    const from = at.get(Math.floor(x.from / WIDE)), to = at.get(x.node);
    if (from === undefined || to === undefined || seen.has(x.step)) continue;
    seen.add(x.step);
    shown.push(x);
    if (from !== to && !known.has(from + ' ' + to)) {
      known.add(from + ' ' + to);
      lines.push({ from, to, dashed: false });
    }
  }
  const impacted = new Set(affected.map((c) => Math.floor(c / WIDE)));
  impacted.delete(s.node);
  const reached = [...impacted, s.node];
  const exposures = [...new Set(reached.flatMap((i) => project.children[i].filter((j) => project.kind(j) === 'exposure')))].sort((a, b) => a - b);
  return {
    spots, lines, columns: shown.sort((a, b) => a.hop - b.hop || a.node - b.node || a.to - b.to || a.from - b.from), at, cut: order.length - kept.length, note: '',
    impact: s.way === 'up' ? undefined : { columns: affected.length - 1, nodes: impacted, exposures, customers: project.receivers(reached) },
  };
}

/** Words for how a value comes to a column, and for other uses. */
export const WORDS: Record<string, string> = {
  '=': 'copy', '?': 'condition', '~': 'transformed', '+': 'aggregated',
  F: 'filter', J: 'join', U: 'unnest', G: 'group', O: 'order', W: 'window',
};

/** wordOf says how a line of columns leads on. */
export function wordOf(x: Step | Use): string { return WORDS['use' in x ? x.use : x.way] ?? ''; }

/** hopWord says how far away something is. */
export function hopWord(hop: number): string {
  if (hop === 0) return 'here';
  const n = Math.abs(hop);
  return n + (n === 1 ? ' step ' : ' steps ') + (hop < 0 ? 'up' : 'down');
}
