// The project as the explorer knows it: what the files of package catalog/graph say.
import { base, data, deltas, num, rows } from './data';

/** A column, as one number: that of its node times WIDE and its place there. */
export const WIDE = 65_536;

export type Way = '=' | '?' | '~' | '+';

/** Step gives the column `to` its value from the column `from`. */
export interface Step { from: number; to: number; way: Way; at: number }

/**
 * Use says that a node reads a column without passing its value on; for one of its columns,
 * or for all its rows (to is -1).
 */
export interface Use { from: number; node: number; to: number; use: string; at: number }

const KINDS: Record<string, string> = { s: 'source', d: 'seed', m: 'model', p: 'snapshot', e: 'exposure' };

const tabs = (line: string | undefined): string[] => (line ? line.split('\t') : []);

/** numbers reads numbers in base 36 with commas between, which are most of the files: one step a letter. */
function numbers(line: string): number[] {
  const out: number[] = [];
  if (line === '') return out;
  let n = 0;
  for (let i = 0; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c === 44) {
      out.push(n);
      n = 0;
    } else n = n * 36 + (c < 58 ? c - 48 : c - 87);
  }
  out.push(n);
  return out;
}

/** lazy reads something when it is first asked for: a picture needs little of what the files say. */
function lazy<T>(read: () => T): () => T {
  let had: T | undefined;
  return () => (had ??= read());
}

/** sparse reads «number:text» fields. */
function sparse(line: string): Map<number, string> {
  return new Map(tabs(line).map((f) => {
    const colon = f.indexOf(':');
    return [num(f.slice(0, colon)), f.slice(colon + 1)];
  }));
}

/** postings reads «text:rising numbers» fields. */
function postings(line: string): [string, number[]][] {
  return tabs(line).map((f) => {
    const colon = f.lastIndexOf(':');
    return [f.slice(0, colon), deltas(f.slice(colon + 1))];
  });
}

export class Project {
  readonly names: string[];
  readonly size: number;
  readonly parents: number[][] = [];
  readonly children: number[][];
  readonly tags: () => [string, number[]][];
  readonly #customers: () => [string, Set<number>][];
  /** Whether lineage of columns is known. */
  readonly flow: boolean;
  readonly #kinds: string;
  readonly #tones: string[];
  readonly #toneOf: () => number[];
  readonly #tiers: string[];
  readonly #tierOf: () => number[];
  readonly #folders: string[];
  readonly #folderOf: () => number[];
  readonly #pages: () => Map<number, string>;
  readonly #labels: () => Map<number, string>;
  readonly #columnCounts: () => number[];
  readonly #testCounts: () => number[];
  readonly #states: string;
  readonly #flags: string;
  readonly #forAll: () => Set<number>;

  constructor(graph: string, edges: string) {
    const line = graph.split('\n'), list = (k: number): (() => number[]) => lazy(() => numbers(line[k]));
    this.names = line[0] === '' && line[1] === '' ? [] : line[0].split('\t');
    this.size = this.names.length;
    this.#kinds = line[1];
    this.#tones = tabs(line[2]);
    this.#toneOf = list(3);
    this.#tiers = line[4].split('\t');
    this.#tierOf = list(5);
    this.#folders = line[6].split('\t');
    this.#folderOf = list(7);
    this.#pages = lazy(() => sparse(line[8]));
    this.#labels = lazy(() => sparse(line[9]));
    this.#columnCounts = list(10);
    this.#testCounts = list(11);
    this.#states = line[12];
    this.#flags = line[13];
    this.tags = lazy(() => postings(line[14]));
    this.#customers = lazy(() => postings(line[15]).map(([name, nodes]) => [name, new Set(nodes)]));
    this.#forAll = lazy(() => new Set(deltas(line[16])));
    this.flow = line[17] === '1';
    this.children = this.names.map(() => []);
    // A list for each node, with semicolons between: how far before it each parent is.
    for (let i = 0, at = 0; i < this.size; i++) {
      let end = edges.indexOf(';', at);
      if (end < 0) end = edges.length;
      const parents = numbers(edges.slice(at, end));
      for (let k = 0; k < parents.length; k++) parents[k] = i - parents[k];
      parents.reverse();
      for (const p of parents) this.children[p].push(i);
      this.parents.push(parents);
      at = end + 1;
    }
  }

  static async load(): Promise<Project> {
    const [graph, edges] = await Promise.all([data('graph'), data('edges')]);
    return new Project(graph, edges);
  }

  kind(i: number): string { return KINDS[this.#kinds[i]]; }
  tone(i: number): string { return this.#tones[this.#toneOf()[i]]; }
  tier(i: number): string { return this.#tiers[this.#tierOf()[i]]; }
  folder(i: number): string { return this.#folders[this.#folderOf()[i]]; }
  label(i: number): string { return this.#labels().get(i) ?? this.names[i]; }
  columns(i: number): number { return this.#columnCounts()[i] ?? 0; }
  tests(i: number): number { return this.#testCounts()[i] ?? 0; }
  /** How it went last: o good, w warning, b bad, . unknown. */
  state(i: number): string { return this.#states[i]; }
  deprecated(i: number): boolean { return (num(this.#flags[i]) & 1) !== 0; }
  restricted(i: number): boolean { return (num(this.#flags[i]) & 2) !== 0; }
  withheld(i: number): boolean { return (num(this.#flags[i]) & 4) !== 0; }

  /** The address of its page from here, or nothing. */
  page(i: number): string {
    const own = this.#pages().get(i);
    if (own === '') return '';
    return base + (own ?? this.kind(i) + '/' + this.names[i] + '.html');
  }

  id(i: number): string { return this.kind(i) + '.' + this.names[i]; }

  /** find gives the number of «kind.name» or of a name alone, -1 if there is none. */
  find(text: string): number {
    const dot = text.indexOf('.'), kind = text.slice(0, dot), name = text.slice(dot + 1);
    const first = (name: string, good: (i: number) => boolean): number => {
      let i = this.names.indexOf(name);
      while (i >= 0 && !good(i)) i = this.names.indexOf(name, i + 1);
      return i;
    };
    const own = dot < 0 ? -1 : first(name, (i) => this.kind(i) === kind);
    if (own >= 0) return own;
    // Names alone lead to the first with it, but models come before others.
    const model = first(text, (i) => this.#kinds[i] === 'm');
    return model >= 0 ? model : this.names.indexOf(text);
  }

  #weights: Float64Array | undefined;

  /** weight orders nodes by how much is built on them: paths downstream, roughly. */
  weight(i: number): number {
    if (!this.#weights) {
      this.#weights = new Float64Array(this.size);
      for (let k = this.size - 1; k >= 0; k--) {
        let sum = 0;
        for (const c of this.children[k]) sum += 1 + this.#weights[c];
        this.#weights[k] = Math.min(sum, 1e12);
      }
    }
    return this.#weights[i];
  }

  readonly #cones = new Map<number, Set<number>>();

  /** cone is everything up- or downstream of a node, without it; it is not to be changed. */
  cone(start: number, up: boolean): Set<number> {
    const key = up ? start : -1 - start, had = this.#cones.get(key);
    if (had) return had;
    const next = up ? this.parents : this.children, seen = new Set<number>(), stack = [start];
    while (stack.length) {
      for (const j of next[stack.pop()!]) if (!seen.has(j)) { seen.add(j); stack.push(j); }
    }
    // Those of the nodes that are looked at now: each picture asks for them again.
    if (this.#cones.size > 8) this.#cones.clear();
    this.#cones.set(key, seen);
    return seen;
  }

  /** receivers are the customers who get one of these nodes. */
  receivers(nodes: Iterable<number>): string[] {
    const list = [...nodes];
    if (list.some((i) => this.#forAll().has(i))) return this.#customers().map(([name]) => name);
    return this.#customers().filter(([, own]) => list.some((i) => own.has(i))).map(([name]) => name);
  }
}

const SHARD = 64;

/** Columns is the lineage of columns; its files come when they are asked for. */
export class Columns {
  readonly #steps = new Map<number, Step[]>();
  readonly #uses = new Map<number, Use[]>();
  readonly #outgoing = new Map<number, Map<number, Step[]>>();
  readonly #readers = new Map<number, Map<number, Use[]>>();
  private readonly names = new Map<number, [string, string][]>();
  readonly #texts = new Map<number, [string[], string[], string[]]>();
  #useLines: string[] = [];
  /** Nodes that read columns of others than their parents, by the node they read. */
  readonly #strangers = new Map<number, number[]>();

  #lines: string[] = [];

  constructor(readonly project: Project) {}

  /** loadSteps makes steps known; names of columns need none. */
  async loadSteps(): Promise<void> {
    if (!this.project.flow || this.#lines.length) return;
    const lines = (await data('ce')).split('\n');
    if (this.#lines.length) return;
    lines.forEach((line, i) => {
      if (!line.includes(':')) return;
      for (const m of line.matchAll(/:([0-9a-z]+)\./g)) {
        const from = num(m[1]), list = this.#strangers.get(from);
        if (!list) this.#strangers.set(from, [i]);
        else if (list[list.length - 1] !== i) list.push(i);
      }
    });
    this.#lines = lines;
  }

  async loadUses(): Promise<void> {
    if (this.project.flow && this.#useLines.length === 0) this.#useLines = (await data('cr')).split('\n');
  }

  /** loadNames makes names of the columns of these nodes known. */
  async loadNames(nodes: number[]): Promise<void> {
    const shards = new Set<number>();
    for (const i of nodes) if (!this.names.has(i)) shards.add(Math.floor(i / SHARD));
    await Promise.all([...shards].map(async (k) => {
      const lines = (await data('cn-' + k)).split('\n');
      for (const i of nodes) {
        if (Math.floor(i / SHARD) !== k || this.names.has(i)) continue;
        this.names.set(i, tabs(lines[i % SHARD]).map((f) => {
          const mark = f.indexOf('\x1f');
          return mark < 0 ? [f, 'c-' + f] : [f.slice(0, mark), f.slice(mark + 1)];
        }));
      }
    }));
  }

  /** loadTexts makes expressions on the way into these nodes known. */
  async loadTexts(nodes: Iterable<number>): Promise<void> {
    if (!this.project.flow) return;
    const shards = new Set<number>();
    for (const i of nodes) if (!this.#texts.has(Math.floor(i / SHARD))) shards.add(Math.floor(i / SHARD));
    await Promise.all([...shards].map(async (k) => {
      const [words, edges, reads] = (await data('cx-' + k)).split('\n');
      this.#texts.set(k, [tabs(words), edges.split(';'), reads.split(';')]);
    }));
  }

  /** text is the expression of a step or a use, empty if there is none or it is not loaded. */
  text(x: Step | Use): string {
    const use = 'use' in x, node = use ? x.node : Math.floor(x.to / WIDE), t = this.#texts.get(Math.floor(node / SHARD));
    const list = t?.[use ? 2 : 1][node % SHARD];
    const at = list ? num(list.split(',')[x.at] ?? '') : 0;
    return at === 0 ? '' : t![0][at - 1];
  }

  /** list has the names of a node's columns, once they are loaded. */
  list(node: number): string[] { return (this.names.get(node) ?? []).map(([name]) => name); }

  name(column: number): string { return this.names.get(Math.floor(column / WIDE))?.[column % WIDE]?.[0] ?? ''; }

  /** page leads to a column's row on the page of its node. */
  page(column: number): string {
    const node = Math.floor(column / WIDE), page = this.project.page(node);
    return page && page + '#' + encodeURIComponent(this.names.get(node)?.[column % WIDE]?.[1] ?? 'columns');
  }

  #read(node: number): (token: string) => number {
    const next = new Map<number, number>();
    let parent = -1;
    return (token) => {
      const dot = token.indexOf('.');
      if (dot >= 0) {
        parent = token[0] === ':' ? num(token.slice(1, dot)) : this.project.parents[node][num(token.slice(0, dot))];
        token = token.slice(dot + 1);
      }
      const column = (next.get(parent) ?? 0) + num(token);
      next.set(parent, column + 1);
      return parent * WIDE + column;
    };
  }

  /** into are the steps that give a node's columns their values. */
  into(node: number): Step[] {
    let out = this.#steps.get(node);
    if (out) return out;
    out = [];
    const read = this.#read(node);
    let column = 0, start = 0;
    const line = this.#lines[node] ?? '';
    for (let i = 0; i < line.length; i++) {
      const c = line[i];
      if (c === ';') { column++; start = i + 1; }
      else if (c === '=' || c === '?' || c === '~' || c === '+') {
        out.push({ from: read(line.slice(start, i)), to: node * WIDE + column, way: c, at: out.length });
        start = i + 1;
      }
    }
    this.#steps.set(node, out);
    return out;
  }

  /** usesOf are the columns that a node reads for other ends. */
  usesOf(node: number): Use[] {
    let out = this.#uses.get(node);
    if (out) return out;
    const read = this.#read(node), line = this.#useLines[node] ?? '';
    out = line === '' ? [] : line.split(',').map((token, at) => {
      const m = /^([^A-Z]*)([A-Z])(.*)$/.exec(token)!;
      return { from: read(m[1]), node, to: m[3] === '' ? -1 : node * WIDE + num(m[3]), use: m[2], at };
    });
    this.#uses.set(node, out);
    return out;
  }

  #below(node: number): number[] {
    const strange = this.#strangers.get(node);
    return strange ? [...new Set([...this.project.children[node], ...strange])] : this.project.children[node];
  }

  /** up are the steps into one column, down those out of it. */
  up(column: number): Step[] { return this.into(Math.floor(column / WIDE)).filter((s) => s.to === column); }

  down(column: number): Step[] {
    const node = Math.floor(column / WIDE);
    let index = this.#outgoing.get(node);
    if (!index) {
      index = new Map();
      for (const child of this.#below(node)) {
        for (const s of this.into(child)) {
          if (Math.floor(s.from / WIDE) !== node) continue;
          const list = index.get(s.from);
          if (list) list.push(s);
          else index.set(s.from, [s]);
        }
      }
      this.#outgoing.set(node, index);
    }
    return index.get(column) ?? [];
  }

  /** usedBy are the uses of a column. */
  usedBy(column: number): Use[] {
    const node = Math.floor(column / WIDE);
    let index = this.#readers.get(node);
    if (!index) {
      index = new Map();
      for (const child of this.#below(node)) {
        for (const u of this.usesOf(child)) {
          if (Math.floor(u.from / WIDE) !== node) continue;
          const list = index.get(u.from);
          if (list) list.push(u);
          else index.set(u.from, [u]);
        }
      }
      if (this.#useLines.length) this.#readers.set(node, index);
    }
    return index.get(column) ?? [];
  }
}

/** Places is the drawing of the whole project. */
export interface Places { w: number; h: number; x: number[]; wide: number[]; y: number[] }

export async function places(): Promise<Places> {
  const [size, lefts, wides, columns, y] = rows(await data('place'));
  const [w, h] = numbers(size), left = numbers(lefts), wide = numbers(wides ?? ''), column = numbers(columns ?? '');
  return { w, h, x: column.map((c) => left[c]), wide: column.map((c) => wide[c]), y: numbers(y ?? '') };
}
