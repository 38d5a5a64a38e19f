// Reads the files of package catalog/genealogy: what they hold is said there, at each file.

import { data } from './data';

/** Flow is a lot that goes into a run or comes out of it; quantity and share may be unknown. */
export interface Flow { lot: number; quantity: number | null; unit: string; estimated: boolean; share: number | null }

export interface Shipment { id: string; customer: string; quantity: number | null; unit: string; at: number | null }

/** Times are seconds since 1970; when is the best that is known, to order by. */
export interface Lot {
  kind: 'lot'; n: number; id: string; label: string; material: string; quantity: number | null; unit: string;
  at: number | null; when: number | null; site: string; tenant: string; made: number[]; used: number[]; shipments: Shipment[];
}

export interface Run {
  kind: 'run'; n: number; id: string; word: string; machine: string; step: string; order: string;
  started: number | null; ended: number | null; when: number | null; scrap: number | null; unit: string;
  rework: boolean; withheld: boolean; joint: boolean; ins: Flow[]; outs: Flow[];
}

export type Thing = Lot | Run;

export interface Facet { name: string; counts: number[]; chunks: number[] }

interface Words { material: string[]; unit: string[]; site: string[]; tenant: string[]; kind: string[]; machine: string[]; step: string[]; customer: string[] }

export interface Index {
  stamp: string; title: string; lots: number; runs: number; shipments: number; per: number; page: number;
  words: Words; lotTimes: (number | null)[]; keys: string[]; facets: Facet[]; closed?: boolean;
}

type Row = any[];

/** Rebuilt says that files of two makings of the site met. */
export class Rebuilt extends Error {
  constructor() { super('The site was made anew while this page was open. Reload it.'); }
}

const text = (v: unknown): string => (typeof v === 'string' ? v : '');
const whole = (v: unknown): number => (typeof v === 'number' ? v : 0);
const amount = (v: unknown): number | null => (typeof v === 'number' ? v : null);
const row = (v: unknown): Row => (Array.isArray(v) ? v : []);

export class Store {
  private readonly shards = new Map<string, Promise<Row>>();
  private readonly lots = new Map<number, Lot>();
  private readonly runs = new Map<number, Run>();
  private constructor(readonly index: Index) {}

  static async open(): Promise<Store> { return new Store(JSON.parse(await data('m/index')) as Index); }

  /** shard loads a file, once. */
  private shard(name: string): Promise<Row> {
    let had = this.shards.get(name);
    if (!had) {
      had = data(name).then((t) => {
        const v = JSON.parse(t) as Row;
        if (v[0] !== this.index.stamp) throw new Rebuilt();
        return v;
      });
      had.catch(() => this.shards.delete(name));
      this.shards.set(name, had);
    }
    return had;
  }

  /** loaded is how many files were read. */
  get loaded(): number { return this.shards.size; }

  private async load(kind: 'l' | 'r', ns: Iterable<number>, have: (n: number) => boolean): Promise<Map<number, Row>> {
    const wanted = new Set<number>();
    for (const n of ns) if (!have(n)) wanted.add(Math.floor(n / this.index.per));
    const out = new Map<number, Row>();
    await Promise.all(Array.from(wanted, async (k) => { out.set(k, await this.shard('m/' + kind + k)); }));
    return out;
  }

  /** readLots gives lots by their numbers, in that order. */
  async readLots(ns: number[]): Promise<Lot[]> {
    const shards = await this.load('l', ns, (n) => this.lots.has(n));
    return ns.map((n) => {
      let lot = this.lots.get(n);
      if (!lot) {
        const s = shards.get(Math.floor(n / this.index.per))!;
        this.lots.set(n, (lot = this.lot(n, s, row(s[3 + n % this.index.per]))));
      }
      return lot;
    });
  }

  async readRuns(ns: number[]): Promise<Run[]> {
    const shards = await this.load('r', ns, (n) => this.runs.has(n));
    return ns.map((n) => {
      let run = this.runs.get(n);
      if (!run) {
        const s = shards.get(Math.floor(n / this.index.per))!;
        this.runs.set(n, (run = this.run(n, s, row(s[3 + n % this.index.per]))));
      }
      return run;
    });
  }

  private lot(n: number, s: Row, r: Row): Lot {
    const w = this.index.words, time = clock(whole(s[2]));
    const runs = (v: unknown): number[] => { let at = whole(s[1]); return row(v).map((d) => (at += d)); };
    const at = time(r[5]);
    return {
      kind: 'lot', n, id: text(r[0]), label: text(r[1]), material: w.material[whole(r[2])], quantity: amount(r[3]), unit: w.unit[whole(r[4])],
      at, when: at ?? time(r[11]), site: w.site[whole(r[6])], tenant: w.tenant[whole(r[7])], made: runs(r[8]), used: runs(r[9]),
      shipments: row(r[10]).map((v) => {
        const x = row(v);
        return { id: text(x[0]), customer: w.customer[whole(x[1])], quantity: amount(x[2]), unit: w.unit[whole(x[3])], at: time(x[4]) };
      }),
    };
  }

  private run(n: number, s: Row, r: Row): Run {
    const w = this.index.words, time = clock(whole(s[2])), flags = whole(r[9]);
    const flows = (v: unknown): Flow[] => {
      let at = whole(s[1]);
      return row(v).map((x) => ({ lot: (at += whole(x[0])), quantity: amount(x[1]), unit: w.unit[whole(x[2])], estimated: whole(x[3]) === 1, share: amount(x[4]) }));
    };
    const started = time(r[5]), ended = time(r[6]);
    return {
      kind: 'run', n, id: text(r[0]), word: w.kind[whole(r[1])], machine: w.machine[whole(r[2])], step: w.step[whole(r[3])], order: text(r[4]),
      started, ended, when: ended ?? started ?? time(r[12]), scrap: amount(r[7]), unit: w.unit[whole(r[8])],
      rework: (flags & 1) > 0, withheld: (flags & 2) > 0, joint: (flags & 4) > 0, ins: flows(r[10]), outs: flows(r[11]),
    };
  }

  /** find gives the lot of an id. */
  async find(id: string): Promise<Lot | null> {
    for (const [key, n] of await this.keys(fold(id), 64)) {
      if (key !== id) continue;
      const [lot] = await this.readLots([n]);
      if (lot.id === id) return lot;
    }
    return null;
  }

  /** keys lists names that begin so, with their lots; at most some. Names are folded here. */
  async keys(prefix: string, most: number): Promise<[string, number][]> {
    const { keys } = this.index;
    let low = 0, high = keys.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (order(keys[mid], prefix) < 0) low = mid + 1; else high = mid;
    }
    const out: [string, number][] = [];
    for (let p = Math.max(0, low - 1); p < keys.length && out.length < most; p++) {
      if (p >= low && !keys[p].startsWith(prefix)) break;
      const page = await this.shard('m/d' + p);
      let before = '';
      for (let i = 1; i + 2 < page.length && out.length < most; i += 3) {
        before = before.slice(0, whole(page[i])) + text(page[i + 1]);
        if (fold(before).startsWith(prefix)) out.push([before, whole(page[i + 2])]);
      }
    }
    return out;
  }

  /** posts are the lots that have a word, ascending. */
  async posts(facet: string, word: string): Promise<number[]> {
    const f = this.index.facets.find((x) => x.name === facet);
    const w = (this.index.words as unknown as Record<string, string[]>)[facet]?.indexOf(word) ?? -1;
    if (!f || w <= 0) return [];
    const files: Promise<Row>[] = [];
    f.chunks.forEach((first, k) => {
      const next = f.chunks[k + 1];
      if (first <= w && (next === undefined || next >= w)) files.push(this.shard('m/' + facet + k));
    });
    const out: number[] = [];
    for (const file of await Promise.all(files)) {
      for (const v of file.slice(1)) {
        if (v[0] !== w) continue;
        let at = 0;
        for (let i = 1; i < v.length; i++) out.push(at += v[i]);
      }
    }
    return out;
  }

  /** since is the number of the first lot that is not before a time. */
  async since(when: number): Promise<number> {
    const { lotTimes, per, lots } = this.index;
    let k = 0;
    while (k < lotTimes.length && (lotTimes[k] === null || (lotTimes[k] as number) < when)) k++;
    if (k === 0) return 0;
    const from = (k - 1) * per;
    const list = await this.readLots(Array.from({ length: Math.min(per, lots - from) }, (_, i) => from + i));
    const i = list.findIndex((l) => l.when !== null && l.when >= when);
    return i < 0 ? from + list.length : from + i;
  }
}

const clock = (from: number) => (v: unknown): number | null => (typeof v === 'number' ? from + v : null);

/** fold makes ASCII letters small, as the directory is ordered. */
export function fold(s: string): string { return s.replace(/[A-Z]/g, (c) => c.toLowerCase()); }

/** order compares by code points, as UTF-8 does. */
export function order(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] === b[i]) continue;
    const x = a.codePointAt(i)!, y = b.codePointAt(i)!;
    return x - y;
  }
  return a.length - b.length;
}
