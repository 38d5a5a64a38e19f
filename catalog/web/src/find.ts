// The search engine: data files of catalog/search on one side, questions on the other, and
// nothing of pages. Answers are made of what has been loaded; they name the files that would
// add to them, and whoever asks loads those and asks again. Work is cut into steps so that
// nobody who types waits for it.

import { fold, foldAll, words as wordsOf } from './words';
import { Filter, parse, Query, quoted } from './query';

/** Groups of hits, in the order in which they are listed when none is better than another. */
export const GROUPS = ['Filters', 'Models', 'Sources', 'Seeds and snapshots', 'Exposures', 'Columns', 'Tags and owners', 'Glossary', 'Macros', 'Tests', 'Descriptions', 'SQL'] as const;
export type Group = (typeof GROUPS)[number];

export interface Hit {
  group: Group;
  /** What it is in a word: model, column, tag, … */
  kind: string;
  title: string;
  /** Where it is, relative to the root of the site. */
  page: string;
  /** Less is better. */
  score: number;
  tone?: string;
  /** Number of the node; of the thing whose text is shown. */
  node?: number;
  thing?: number;
  /** Words in short: the folder, «in 12 nodes». */
  note?: string;
  about?: string;
  column?: string;
  flags?: number;
  /** The thing is found by its text or SQL and not by its name. */
  inText?: boolean;
}

export interface Count { value: string; count: number }

export interface Answer {
  query: Query;
  hits: Hit[];
  /** How many there are in each group, of which hits may hold the best only. */
  counts: Map<Group, number>;
  total: number;
  /** Names of files that would add to the answer. */
  missing: string[];
  /** Nothing was found as it is written; these are hits for something like it. */
  near: boolean;
  /** There are more than have been counted. */
  rough: boolean;
  /** Words that are in too many texts to tell anything. */
  ignored: string[];
  /** How nodes among the hits are spread: kind, tier, owner, …; asked for by facets. */
  facets?: Map<string, Count[]>;
}

export interface Wish {
  /** How many hits of each group at most. */
  limit: number;
  /** Count how nodes are spread. */
  facets?: boolean;
  /** Look into SQL, too, and not only where nothing else is found. */
  sql?: boolean;
}

const DIGITS = new Uint8Array(128);
'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('').forEach((c, i) => { DIGITS[c.charCodeAt(0)] = i; });

/** numbers reads numbers of five bits a digit, the lowest first. */
export function numbers(s: string): number[] {
  const out: number[] = [];
  let n = 0, shift = 0;
  for (let i = 0; i < s.length; i++) {
    const d = DIGITS[s.charCodeAt(i)]!;
    n |= (d & 31) << shift;
    if (d < 32) { out.push(n); n = 0; shift = 0; } else shift += 5;
  }
  return out;
}

/** size is how many numbers there are. */
function size(s: string): number {
  let n = 0;
  for (let i = 0; i < s.length; i++) if (DIGITS[s.charCodeAt(i)]! < 32) n++;
  return n;
}

/** postings reads ascending numbers. */
export function postings(s: string): number[] {
  const out = numbers(s);
  let last = -1;
  for (let i = 0; i < out.length; i++) out[i] = last += out[i]! + 1;
  return out;
}

function lines(s: string | undefined): string[] { return s ? s.split('\n') : []; }
function fields(s: string | undefined): string[] { return s ? s.split('\t') : []; }

/** Pack is a list of names that is searched as one string. */
class Pack {
  low: string[];
  #text: string;
  #starts: Int32Array;

  constructor(public names: string[]) {
    this.low = foldAll(names);
    this.#text = '\n' + this.low.join('\n') + '\n';
    this.#starts = new Int32Array(names.length + 1);
    let at = 1;
    for (let i = 0; i < names.length; i++) {
      this.#starts[i] = at;
      at += this.low[i]!.length + 1;
    }
    this.#starts[names.length] = at;
  }

  /** within calls f with every name that holds the word. */
  within(word: string, f: (i: number) => void): void {
    const text = this.#text, starts = this.#starts;
    let i = 0;
    for (let at = text.indexOf(word); at >= 0; ) {
      // Names are short and hits are near one another or rare: gallop, then halve.
      let step = 1;
      while (i + step < starts.length && starts[i + step]! <= at) { i += step; step *= 2; }
      for (; step >= 1; step = step >> 1) {
        if (i + step < starts.length && starts[i + step]! <= at) i += step;
      }
      if (i >= this.names.length) return;
      f(i);
      at = text.indexOf(word, starts[i + 1]! - 1);
    }
  }
}

interface Value { name: string; low: string; page: string; count: number }

/** Facet is something that nodes are sorted by. */
interface Facet {
  key: string;
  values: Value[];
  /** The value of each node, one more than its number, or the nodes of each value. */
  of?: number[];
  lists?: number[][];
}

interface Named { name: string; low: string; page: string; about: string }

interface Names {
  nodes: number;
  terms: Named[];
  macros: Named[];
  tests: number;
  pack: Pack;
  kinds: string;
  tones: string[];
  toneOf: number[];
  flags: number[];
  weights: number[];
  labels: Map<number, string>;
  pages: Map<number, string>;
  facets: Facet[];
  colFirst: string[];
  textFirst: string[];
  sqlFirst: string[];
  textStops: Set<string>;
  sqlStops: Set<string>;
  aboutFirst: number[];
}

interface Columns {
  pack: Pack;
  lists: string[];
  anchors: Map<number, string>;
  odd: Map<string, string>;
  pages: Map<number, string>;
}

interface Terms { words: string[]; lists: string[] }

interface Tests { pack: Pack; kinds: string[]; kind: number[]; of: number[]; page: string[]; failed: boolean[]; column: string[] }

/** Flags of nodes. */
export const FLAG = { deprecated: 1, failing: 2, warned: 4, tested: 8, described: 16, internal: 32 } as const;

/** What nodes can be, by flags; with «un» before it they are not. */
const IS: Record<string, number> = { failing: 2, failed: 2, warned: 4, warning: 4, deprecated: 1, private: 32, internal: 32, described: 16, documented: 16, tested: 8 };

const KIND: Record<string, string> = { m: 'model', s: 'source', e: 'seed', n: 'snapshot', x: 'exposure' };
const GROUP: Record<string, Group> = { m: 'Models', s: 'Sources', e: 'Seeds and snapshots', n: 'Seeds and snapshots', x: 'Exposures' };
const WORTH: Record<string, number> = { m: 0, s: 40, e: 42, n: 44, x: 60 };
/** Tiers that readers are told to prefer come before those that are means to an end. */
const MEANS = new Set(['stg', 'int']);
const PREFIX = /^(stg|int|dim|fct|fact|mart|rpt|rep|agg|src|raw|base|snap|seed|obt|vw|tmp)$/;

/** How well a name matches: 1 (it is the word) to 7 (the word is somewhere in it); 0: not at all. */
export function quality(low: string, word: string): number {
  let i = low.indexOf(word);
  if (i < 0) return 0;
  if (i === 0 && low.length === word.length) return 1;
  let best = 9;
  for (let n = 0; i >= 0 && n < 8; i = low.indexOf(word, i + 1), n++) {
    const end = i + word.length;
    const whole = end === low.length || !alnum(low.charCodeAt(end));
    let q: number;
    if (i === 0) q = whole ? 3 : 4;
    else if (alnum(low.charCodeAt(i - 1)) && !(digit(low.charCodeAt(i)) && !digit(low.charCodeAt(i - 1)))) q = 7;
    else {
      const before = low.slice(0, i - 1);
      if (low.charCodeAt(i - 1) === 46 || PREFIX.test(before)) q = end === low.length ? 2 : whole ? 3 : 4;
      else q = whole ? 5 : 6;
    }
    if (q < best) best = q;
  }
  return best;
}

/** stem is a plural's word: what is called orders is often called order. */
function stem(word: string): string { return word.length >= 4 && word.endsWith('s') ? word.slice(0, -1) : word; }

/** rated is the quality of a match; whole words that only lack the plural's letter are a little worse. */
function rated(low: string, word: string, short: string): number {
  const q = quality(low, word);
  if (q > 0 || short === word) return q;
  const p = quality(low, short);
  return p === 1 || p === 2 || p === 3 || p === 5 ? p + 1 : 0;
}

function digit(c: number): boolean { return c >= 48 && c <= 57; }
function alnum(c: number): boolean { return digit(c) || (c >= 97 && c <= 122) || c > 127; }

/** What one word finds, kept while somebody goes on typing. */
interface Found {
  /** Quality in the name of each node, 0 none. */
  names: Uint8Array;
  nodes: number[];
  /** Columns by shard. */
  columns: Map<number, { at: number[]; q: Uint8Array }>;
}

/** Single letters, but signs that are words, are looked for in names only. */
const TEXT_FROM = 2;

export class Finder {
  #text: (name: string) => string | undefined;
  #names?: Names;
  #cols = new Map<number, Columns>();
  #textShards = new Map<string, Terms>();
  #tests?: Tests;
  #kept = new Map<string, Found>();
  #abouts = new Map<number, string[]>();
  #inText = new Map<string, Map<number, number> | 'all'>();

  /** text gives the text of a file if it is here. */
  constructor(text: (name: string) => string | undefined) { this.#text = text; }

  /** ready says whether names are here, without which nothing is found. */
  ready(): boolean { return this.#load() !== undefined; }

  /** first are the files to load before anything is asked. */
  first(): string[] {
    const n = this.#load();
    if (!n) return ['find-names'];
    return n.colFirst.map((_, i) => 'find-cols-' + i).filter((f) => this.#text(f) === undefined);
  }

  #load(): Names | undefined {
    if (this.#names) return this.#names;
    const text = this.#text('find-names');
    if (text === undefined) return undefined;
    const s = text.split('\f'), head = s[0]!.split('\n'), nums = fields(head[0]).map(Number);
    const pairs = (t: string | undefined) => {
      const m = new Map<number, string>();
      for (const l of lines(t)) { const [a, b] = l.split('\t'); m.set(parseInt(a!, 36), b!); }
      return m;
    };
    const named = (t: string | undefined): Named[] => lines(t).map((l) => { const f = l.split('\t'); return { name: f[0]!, low: fold(f[0]!), page: f[1]!, about: f[2]! }; });
    const n = nums[0]!;
    const facets: Facet[] = [];
    ['folder', 'tier', 'owner', 'group'].forEach((key, k) => {
      const values = lines(s[8 + 2 * k]).map((l): Value => { const [name, page] = l.split('\t'); return { name: name!, low: fold(name!), page: page!, count: 0 }; });
      const of = numbers(s[9 + 2 * k]!);
      for (const v of of) if (v > 0) values[v - 1]!.count++;
      facets.push({ key, values, of });
    });
    ['tag', 'customer'].forEach((key, k) => {
      const values: Value[] = [], lists: number[][] = [];
      for (const l of lines(s[16 + k])) {
        const [name, page, list] = l.split('\t'), nodes = postings(list!);
        values.push({ name: name!, low: fold(name!), page: page!, count: nodes.length });
        lists.push(nodes);
      }
      facets.push({ key, values, lists });
    });
    // Names without a line are no nodes: one empty name would be one line, too.
    const names = n === 0 ? [] : s[1]!.split('\n');
    return this.#names = {
      nodes: n, tests: nums[3]!, pack: new Pack(names), kinds: s[2]!,
      tones: s[3]!.split('\n')[0]!.split(' '), toneOf: numbers(s[3]!.split('\n')[1] ?? ''),
      flags: Array.from(s[4]!, (c) => DIGITS[c.charCodeAt(0)]!), weights: Array.from(s[5]!, (c) => DIGITS[c.charCodeAt(0)]!),
      labels: pairs(s[6]), pages: pairs(s[7]), facets, terms: named(s[18]), macros: named(s[19]),
      colFirst: nums[4] === 0 ? [] : head[1]!.split('\t'), textFirst: fields(head[2]), sqlFirst: fields(head[3]),
      textStops: new Set(fields(head[4])), sqlStops: new Set(fields(head[5])), aboutFirst: postings(head[6] ?? ''),
    };
  }

  #columns(i: number): Columns | undefined {
    const had = this.#cols.get(i);
    if (had) return had;
    const text = this.#text('find-cols-' + i);
    if (text === undefined) return undefined;
    const s = text.split('\f'), c: Columns = { pack: new Pack(s[0]!.split('\n')), lists: s[1]!.split('\n'), anchors: new Map(), odd: new Map(), pages: new Map() };
    for (const l of lines(s[2])) {
      const f = l.split('\t');
      if (f[2] === undefined) c.anchors.set(parseInt(f[0]!, 36), f[1]!);
      else c.odd.set(f[0] + ' ' + parseInt(f[2], 36), f[1]!);
    }
    for (const l of lines(s[3])) { const f = l.split('\t'); c.pages.set(parseInt(f[0]!, 36), f[1]!); }
    this.#cols.set(i, c);
    return c;
  }

  *#testList(missing: Set<string>): Generator<void, Tests | undefined> {
    if (this.#tests) return this.#tests;
    const n = this.#load()!, text = this.#text('find-tests');
    if (text === undefined) { missing.add('find-tests'); return undefined; }
    const [kinds, rest] = text.split('\f'), t: Tests = { pack: new Pack([]), kinds: lines(kinds), kind: [], of: [], page: [], failed: [], column: [] };
    const names: string[] = [];
    for (const l of n.tests === 0 ? [] : rest!.split('\n')) {
      const f = l.split('\t'), kind = parseInt(f[0]!, 36), of = f[1] ? parseInt(f[1], 36) - 1 : -1;
      let name = f[3] ?? '';
      if (name === '') {
        name = t.kinds[kind]!;
        if (of >= 0) name += '_' + n.pack.names[of];
        if (f[2]) name += '_' + f[2];
      }
      names.push(name);
      t.kind.push(kind);
      t.of.push(of);
      t.column.push(f[2] ?? '');
      t.page.push(f[4] === '-' ? '' : f[4] || (of >= 0 ? this.page(of) + '#t-' + name : ''));
      t.failed.push(f[5] === 'F');
      if (names.length % 4096 === 0) yield;
    }
    yield;
    t.pack = new Pack(names);
    return this.#tests = t;
  }

  #terms(file: string): Terms | undefined {
    const had = this.#textShards.get(file);
    if (had) return had;
    const text = this.#text(file);
    if (text === undefined) return undefined;
    const [w, l] = text.split('\f'), t = { words: w!.split('\n'), lists: l!.split('\n') };
    this.#textShards.set(file, t);
    return t;
  }

  /** page of a node. */
  page(n: number): string {
    const s = this.#load()!;
    return s.pages.get(n) ?? KIND[s.kinds[n]!]! + '/' + s.pack.names[n] + '.html';
  }

  /** title of a node: what people call it, if they do. */
  title(n: number): string { return this.#load()!.labels.get(n) ?? this.#load()!.pack.names[n]!; }

  kind(n: number): string { return KIND[this.#load()!.kinds[n]!]!; }

  tone(n: number): string { return this.#load()!.tones[this.#load()!.toneOf[n]!]!; }

  /** value of a node in a facet that has one value a node. */
  value(n: number, key: string): string {
    const f = this.#load()!.facets.find((x) => x.key === key);
    return f?.of ? f.values[f.of[n]! - 1]?.name ?? '' : '';
  }

  /** aboutFile is the file with the text of a thing, undefined if it has come. */
  aboutFile(thing: number): string | undefined {
    const i = this.#shardOf(thing);
    return i < 0 || this.#abouts.has(i) || this.#text('find-about-' + i) !== undefined ? undefined : 'find-about-' + i;
  }

  #shardOf(thing: number): number {
    const first = this.#load()!.aboutFirst;
    let i = -1;
    while (i + 1 < first.length && first[i + 1]! <= thing) i++;
    return i;
  }

  /**
   * about is the text of a thing around the words, and the column that it is of; words that
   * are not in it give its beginning; or what is said of one column.
   */
  about(thing: number, list: string[], column?: string): { text: string; column?: string } | undefined {
    const i = this.#shardOf(thing);
    if (i < 0) return undefined;
    let shard = this.#abouts.get(i);
    if (!shard) {
      const text = this.#text('find-about-' + i);
      if (text === undefined) return undefined;
      shard = text.split('\n');
      this.#abouts.set(i, shard);
    }
    const parts = (shard[thing - this.#load()!.aboutFirst[i]!] ?? '').split('\t');
    let best = 0, most = 0;
    // Descriptions of columns follow their names.
    for (let k = 0; k < parts.length; k += 2) {
      if (column !== undefined) {
        if (k > 0 && parts[k - 1] === column) return { text: parts[k]! };
        continue;
      }
      const low = fold(parts[k]!), n = list.filter((w) => low.includes(w)).length;
      if (n > most) { most = n; best = k; }
    }
    if (column !== undefined) return { text: '' };
    const text = parts[best] ?? '', of = best > 0 ? parts[best - 1] : undefined;
    if (text.length <= 160) return { text, column: of };
    const low = fold(text);
    let at = most > 0 && low.length === text.length ? Math.min(...list.map((w) => { const x = low.indexOf(w); return x < 0 ? text.length : x; })) : 0;
    at = at <= 60 ? 0 : text.lastIndexOf(' ', at - 40) + 1;
    return { text: (at > 0 ? '… ' : '') + text.slice(at, at + 200) + (at + 200 < text.length ? '…' : ''), column: of };
  }

  /** find looks for a word in names, and in columns as far as they are here. */
  *#find(word: string, missing: Set<string>): Generator<void, Found> {
    const s = this.#load()!, short = stem(word);
    let f = this.#kept.get(word);
    if (!f) {
      f = { names: new Uint8Array(s.nodes), nodes: [], columns: new Map() };
      const add = (i: number, low: string) => {
        const q = rated(low, word, short);
        if (q > 0 && (f!.names[i] === 0 || q < f!.names[i]!)) {
          if (f!.names[i] === 0) f!.nodes.push(i);
          f!.names[i] = q;
        }
      };
      const shorter = this.#shorter(word);
      let n = 0;
      if (shorter) for (const i of shorter.nodes) { add(i, s.pack.low[i]!); if (++n % 2048 === 0) yield; }
      else s.pack.within(short, (i) => add(i, s.pack.low[i]!));
      for (const [i, l] of s.labels) add(i, fold(l));
      // Searches may be given up between two steps: what is kept is whole.
      if (this.#kept.size > 40) this.#kept.delete(this.#kept.keys().next().value!);
      this.#kept.set(word, f);
    }
    for (let k = 0; k < s.colFirst.length; k++) {
      if (f.columns.has(k)) continue;
      const c = this.#columns(k);
      if (!c) { missing.add('find-cols-' + k); continue; }
      const at: number[] = [], q = new Uint8Array(c.pack.names.length);
      const add = (i: number) => { const x = rated(c.pack.low[i]!, word, short); if (x > 0) { at.push(i); q[i] = x; } };
      const had = this.#shorter(word)?.columns.get(k);
      if (had) had.at.forEach(add);
      else c.pack.within(short, add);
      f.columns.set(k, { at, q });
      yield;
    }
    return f;
  }

  /** shorter is what was found for a beginning of the word: whatever holds the word holds that. */
  #shorter(word: string): Found | undefined {
    for (let n = word.length - 1; n > 0; n--) {
      const f = this.#kept.get(word.slice(0, n));
      if (f) return f;
    }
    return undefined;
  }

  /**
   * inTexts finds the things whose texts have all parts of a word, the last as a beginning:
   * 1 is the word itself, 2 a longer one. «All» says that the word is in so many that it tells
   * nothing; whoever wants to know exactly gets those. Undefined: not known yet.
   */
  #inTexts(word: string, sql: boolean, missing: Set<string>, exact = false): Map<number, number> | 'all' | undefined {
    const s = this.#load()!, firsts = sql ? s.sqlFirst : s.textFirst, stops = sql ? s.sqlStops : s.textStops;
    const key = (sql ? 's' : 't') + (exact ? '!' : ' ') + word, had = this.#inText.get(key);
    if (had) return had;
    let out: Map<number, number> | 'all' = 'all', whole = true;
    for (const w of wordsOf(word)) {
      if (!exact && stops.has(w)) continue;
      const found = new Map<number, number>();
      let i = upper(firsts, w) - 1;
      if (i < 0) i = 0;
      for (; i < firsts.length && (firsts[i]! <= w || (w.length > 2 && firsts[i]!.startsWith(w))); i++) {
        const file = (sql ? 'find-sql-' : 'find-words-') + i, t = this.#terms(file);
        if (!t) { missing.add(file); whole = false; continue; }
        for (let k = lower(t.words, w); k < t.words.length && t.words[k]!.startsWith(w); k++) {
          const q = t.words[k] === w ? 1 : 2;
          if (q === 2 && w.length < 3 && w <= '\x7f') break; // two letters begin too much
          for (const n of postings(t.lists[k]!)) if (q < (found.get(n) ?? 9)) found.set(n, q);
        }
      }
      if (out === 'all') out = found;
      else for (const [n, q] of out) { const p = found.get(n); if (p === undefined) out.delete(n); else out.set(n, Math.max(p, q)); }
    }
    if (whole) {
      if (this.#inText.size > 40) this.#inText.delete(this.#inText.keys().next().value!);
      this.#inText.set(key, out);
    }
    return whole || (out !== 'all' && out.size > 0) ? out : undefined;
  }

  /** matching are the values of a facet that a filter names: exactly, else those that hold it. */
  #matching(f: Facet, value: string): number[] {
    const pick = (is: (v: Value) => boolean) => f.values.flatMap((v, i) => (is(v) ? [i] : []));
    const like = glob(value);
    if (like) return pick((v) => like.test(v.low));
    if (f.key === 'folder') {
      const below = value.replace(/\/$/, '');
      const exact = pick((v) => v.low === below || v.low.startsWith(below + '/'));
      return exact.length ? exact : pick((v) => v.low.includes(value));
    }
    const exact = pick((v) => v.low === value);
    return exact.length ? exact : pick((v) => v.low.includes(value));
  }

  /** mask says which nodes pass the filters; undefined where there are none about nodes. */
  #mask(q: Query, missing: Set<string>): { nodes: Uint8Array; columns?: Map<number, string> } | undefined {
    const s = this.#load()!;
    let mask: Uint8Array | undefined, columns: Map<number, string> | undefined;
    for (const f of q.filters) {
      const pass = this.#pass(f, missing);
      if (!pass) continue;
      if (!mask) mask = new Uint8Array(s.nodes).fill(1);
      for (let i = 0; i < s.nodes; i++) if ((pass.nodes[i] === 1) === f.not) mask[i] = 0;
      if (pass.columns && !f.not) columns = pass.columns;
    }
    return mask && { nodes: mask, columns };
  }

  #pass(f: Filter, missing: Set<string>): { nodes: Uint8Array; columns?: Map<number, string> } | undefined {
    const s = this.#load()!, out = new Uint8Array(s.nodes);
    const each = (is: (i: number) => boolean) => { for (let i = 0; i < s.nodes; i++) if (is(i)) out[i] = 1; return { nodes: out }; };
    const facet = (key: string) => {
      const x = s.facets.find((y) => y.key === key)!;
      for (const v of this.#matching(x, f.value)) {
        if (x.of) x.of.forEach((o, i) => { if (o === v + 1) out[i] = 1; });
        else for (const i of x.lists![v]!) out[i] = 1;
      }
      return { nodes: out };
    };
    const flag = (bit: number) => each((i) => (s.flags[i]! & bit) !== 0);
    switch (f.key) {
      case 'kind': {
        const kinds = Object.keys(KIND).filter((k) => KIND[k] === f.value || KIND[k] + 's' === f.value);
        // Other kinds are of things that are no nodes.
        return kinds.length || !OTHER.has(singular(f.value)) ? each((i) => kinds.includes(s.kinds[i]!)) : undefined;
      }
      case 'tier': case 'owner': case 'tag': case 'folder': case 'group': case 'customer':
        return facet(f.key);
      case 'is': {
        const bit = IS[f.value] ?? IS[f.value.replace(/^un/, '')];
        return bit === undefined ? { nodes: out } : IS[f.value] !== undefined ? flag(bit) : each((i) => (s.flags[i]! & bit) === 0);
      }
      case 'has': {
        const what = singular(f.value), x = s.facets.find((y) => y.key === what);
        if (x?.of) return each((i) => x.of![i]! > 0);
        const lists = [...(x?.lists ?? [])];
        if (what === 'column') {
          for (let k = 0; k < s.colFirst.length; k++) {
            const c = this.#columns(k);
            if (!c) missing.add('find-cols-' + k);
            else for (const l of c.lists) lists.push(postings(l));
          }
        }
        for (const l of lists) for (const i of l) out[i] = 1;
        return what === 'test' ? flag(FLAG.tested) : what === 'description' ? flag(FLAG.described) : { nodes: out };
      }
      case 'sql': {
        const found = this.#inTexts(f.value, true, missing, true);
        return found === 'all' ? undefined : each((i) => found?.has(i) ?? false);
      }
      case 'col': {
        const columns = new Map<number, string>(), loose: [Columns, number, number][] = [];
        let best = 9;
        const like = glob(f.value);
        const take = (c: Columns, i: number) => { for (const n of postings(c.lists[i]!)) { out[n] = 1; columns.set(n, c.pack.names[i]!); } };
        for (let k = 0; k < s.colFirst.length; k++) {
          const c = this.#columns(k);
          if (!c) { missing.add('find-cols-' + k); continue; }
          if (like) c.pack.low.forEach((l, i) => { if (like.test(l)) take(c, i); });
          else c.pack.within(f.value, (i) => {
            const q = quality(c.pack.low[i]!, f.value), rank = q === 1 ? 1 : q < 7 ? 2 : 3;
            best = Math.min(best, rank);
            loose.push([c, i, rank]);
          });
        }
        // The column of that name; else those with the word in their name; else with the letters.
        for (const [c, i, rank] of loose) if (rank === best) take(c, i);
        return { nodes: out, columns };
      }
    }
  }

  /** anchor of a column on its node's page. */
  #anchor(c: Columns, i: number, node: number): string {
    return c.odd.get(i.toString(36) + ' ' + node) ?? c.anchors.get(i) ?? 'c-' + c.pack.names[i]!.toLowerCase();
  }

  /** columnPage is where a column of a node is told of. */
  columnPage(node: number, column: string): string {
    const s = this.#load()!;
    for (let k = 0; k < s.colFirst.length; k++) {
      const c = this.#columns(k), i = c ? c.pack.names.indexOf(column) : -1;
      if (c && i >= 0) return this.page(node) + '#' + this.#anchor(c, i, node);
    }
    return this.page(node);
  }

  #node(top: Top, n: number, score: number, extra?: () => Partial<Hit>, group?: Group): void {
    const s = this.#load()!, flags = s.flags[n]!;
    if (flags & FLAG.deprecated) score += 150;
    if (flags & FLAG.internal) score += 60;
    if (MEANS.has(this.tone(n))) score += 25;
    score -= s.weights[n]! / 2;
    group ??= GROUP[s.kinds[n]!]!;
    top.put(group, score, n, () => ({
      group: group!, kind: this.kind(n), title: this.title(n), page: this.page(n), tone: this.tone(n), score, node: n, thing: n, note: this.value(n, 'folder'), flags,
      inText: group === 'Descriptions' || group === 'SQL', ...extra?.(),
    }));
  }

  /**
   * search answers a question in steps: between two of them others may work. The last value
   * is the answer.
   */
  *search(text: string, wish: Wish): Generator<void, Answer> {
    const query = parse(text), s = this.#load();
    const answer: Answer = { query, hits: [], counts: new Map(), total: 0, missing: [], near: false, rough: false, ignored: [] };
    if (!s) { answer.missing = ['find-names']; return answer; }
    const missing = new Set<string>(), top = new Top(wish.limit, query.filters.filter((f) => f.key !== 'kind' || !OTHER.has(singular(f.value))).map((f) => (f.not ? '-' : '') + quoted(f.key, f.value)).join(' '), wish.facets === true);
    const mask = this.#mask(query, missing);
    yield;
    const kinds = query.filters.filter((f) => f.key === 'kind' && !f.not).map((f) => singular(f.value));
    // wanted tells whether things that are no nodes are asked for: never where nodes are sorted out.
    const not = query.filters.filter((f) => f.key === 'kind' && f.not).map((f) => singular(f.value));
    const wanted = (kind: string) => (kinds.length ? kinds.includes(kind) : !mask) && !not.includes(kind);
    const also = (kind: string) => (kinds.length === 0 || kinds.includes(kind)) && !not.includes(kind);
    const inMask = (n: number) => !mask || mask.nodes[n] === 1;
    const nodesToo = !kinds.length || kinds.some((k) => !OTHER.has(k));
    const list = query.words;

    if (list.length === 0) {
      if (mask && nodesToo) {
        for (let n = 0; n < s.nodes; n++) {
          if (mask.nodes[n] !== 1) continue;
          const column = mask.columns?.get(n);
          this.#node(top, n, WORTH[s.kinds[n]!]!, column === undefined ? undefined : () => ({ column, title: this.title(n) + '.' + column, page: this.columnPage(n, column) }));
          if (n % 4096 === 4095) yield;
        }
      }
      if (kinds.length) yield* this.#listed(kinds, mask?.nodes, top, missing);
    } else {
      const found: Found[] = [];
      for (const w of list) { found.push(yield* this.#find(w, missing)); yield; }
      yield* this.#inNodes(list, found, inMask, mask !== undefined, nodesToo, also('column'), also('test'), wanted, missing, top, answer);
      // SQL comes last: who types a name is not shown everything that reads it.
      if ((wish.sql || (top.total === 0 && missing.size === 0)) && nodesToo && list.every((w) => w.length >= 3)) yield* this.#inSQL(list, inMask, mask !== undefined, missing, top);
      if (top.total === 0 && missing.size === 0) {
        answer.near = yield* this.#nearly(list, inMask, nodesToo, wanted, top);
      }
    }
    answer.hits = top.hits();
    answer.counts = top.counts;
    answer.total = top.total;
    answer.missing = [...missing];
    if (wish.facets) answer.facets = this.#facets(top.nodes);
    return answer;
  }

  /** listed are all things of kinds that are no nodes. */
  *#listed(kinds: string[], mask: Uint8Array | undefined, top: Top, missing: Set<string>): Generator<void> {
    const s = this.#load()!;
    if (kinds.includes('term')) s.terms.forEach((t, i) => top.add(this.#named(t, 'term', s.nodes + i, 180)));
    if (kinds.includes('macro')) s.macros.forEach((m, i) => top.add(this.#named(m, 'macro', s.nodes + s.terms.length + i, 200)));
    if (kinds.includes('test')) {
      const t = yield* this.#testList(missing);
      if (t) for (let i = 0; i < t.of.length; i++) if (!mask || (t.of[i]! >= 0 && mask[t.of[i]!] === 1)) this.#test(top, t, i, 240);
    }
    yield;
    if (kinds.includes('column')) {
      for (let k = 0; k < s.colFirst.length; k++) {
        const c = this.#columns(k);
        if (!c) { missing.add('find-cols-' + k); continue; }
        for (let i = 0; i < c.lists.length; i++) {
          const nodes = postings(c.lists[i]!).filter((n) => !mask || mask[n] === 1);
          if (nodes.length) this.#column(c, i, nodes, 120 - nodes.length / 1e3, top, true);
          if (i % 2048 === 2047) yield;
        }
      }
    }
  }

  #named(t: Named, kind: 'term' | 'macro', thing: number, score: number): Hit {
    return { group: kind === 'term' ? 'Glossary' : 'Macros', kind, title: t.name, page: t.page || more(kind + 's', t.name), score: score + t.name.length / 50, about: t.about, thing };
  }

  #test(top: Top, t: Tests, i: number, score: number, group: Group = 'Tests'): void {
    const name = t.pack.names[i]!, of = t.of[i]!, n = this.#load()!;
    score += (t.failed[i] ? -5 : 0) + Math.min(9, name.length / 20);
    top.put(group, score, undefined, () => ({
      group, kind: 'test', title: name, page: t.page[i] || (of >= 0 ? this.page(of) : more('test', name)), score,
      note: (t.failed[i] ? 'failing · ' : '') + t.kinds[t.kind[i]!]! + (of >= 0 ? ' on ' + this.title(of) : ''),
      thing: n.nodes + n.terms.length + n.macros.length + i, inText: group !== 'Tests',
    }));
  }

  /** column adds the nodes that have a column; the best of them, and one line for all. */
  #column(c: Columns, i: number, nodes: number[], score: number, top: Top, all: boolean, far?: (n: number) => number): void {
    const s = this.#load()!, name = c.pack.names[i]!;
    const rate = (n: number) => s.weights[n]! - (s.flags[n]! & (FLAG.deprecated | FLAG.internal) ? 40 : 0) + (s.kinds[n] === 'm' ? 30 : 0) - (MEANS.has(this.tone(n)) ? 20 : 0);
    let best = nodes;
    if (far) {
      const by = new Map(nodes.map((n) => [n, far(n)]));
      best = [...nodes].sort((a, b) => by.get(a)! - by.get(b)! || rate(b) - rate(a) || a - b).slice(0, top.limit);
      top.count('Columns', nodes.length - best.length);
    } else if (nodes.length > 3 && !all) {
      top.add({
        group: 'Columns', kind: 'column', title: name, page: top.filters !== '' ? more('col', name) + encodeURIComponent(' ' + top.filters) : c.pages.get(i) || more('col', name), score, note: 'in ' + count(nodes.length, 'node'), column: name,
      });
      best = [...nodes].sort((a, b) => rate(b) - rate(a) || a - b).slice(0, 3);
      top.count('Columns', nodes.length - 4); // the line for all is none of them
      score += 1;
    }
    for (const n of best) {
      const at = score + (far?.(n) ?? 0) + (93 - Math.max(-60, rate(n))) / 160;
      top.put('Columns', at, n, () => ({
        group: 'Columns', kind: 'column', title: this.title(n) + '.' + name, page: this.page(n) + '#' + this.#anchor(c, i, n), column: name,
        score: at, tone: this.tone(n), node: n, thing: n, note: this.kind(n) + (this.value(n, 'folder') ? ' · ' + this.value(n, 'folder') : ''), flags: s.flags[n],
      }));
    }
  }

  *#inNodes(
    list: string[], found: Found[], inMask: (n: number) => boolean, masked: boolean, nodesToo: boolean, columnsToo: boolean, testsToo: boolean, wanted: (kind: string) => boolean,
    missing: Set<string>, top: Top, answer: Answer,
  ): Generator<void> {
    const s = this.#load()!;
    // Where else a word may be: labels of nodes, and their texts.
    const labels = list.map((w) => this.#labelled(w));
    yield;
    const texts: (Map<number, number> | 'all' | undefined)[] = [];
    for (const w of list) {
      const t = w.length >= TEXT_FROM || w > '\x7f' ? this.#inTexts(w, false, missing) : undefined;
      if (t === 'all') answer.ignored.push(w);
      texts.push(t);
      yield;
    }
    // A word that is in every text finds nothing by itself.
    const ignored = texts.every((t) => t === 'all' || t === undefined);
    const elsewhere = (k: number, n: number): number => {
      if (labels[k]!.has(n)) return 8;
      const t = texts[k];
      if (t === 'all') return ignored && n < s.nodes ? 0 : 10;
      const q = t?.get(n);
      return q === undefined ? 0 : 9 + q / 2;
    };

    // How far each node is from each word: its quality in the name, else more.
    const reach: Float32Array[] = [];
    for (let k = 0; k < list.length; k++) {
      const r = new Float32Array(s.nodes), t = texts[k];
      if (t === 'all') { if (!ignored) r.fill(10); }
      else if (t) for (const [n, q] of t) if (n < s.nodes) r[n] = 9 + q / 2;
      for (const n of labels[k]!) r[n] = 8;
      // Letters in the middle of other words are no match for a short word among others.
      const most = list.length > 1 && list[k]!.length < 3 ? 6 : 7;
      for (const n of found[k]!.nodes) if (found[k]!.names[n]! <= most) r[n] = found[k]!.names[n]!;
      reach.push(r);
      yield;
    }

    // Nodes by name, with other words anywhere.
    const joined = list.length > 1 ? list.join('_') : '';
    const seen = new Uint8Array(s.nodes), hasColumn = new Map<number, Uint8Array>();
    if (nodesToo) {
      // Every node that a hit may be has its name, label, text or a column among the first word's.
      const consider = (n: number) => {
        if (seen[n] || !inMask(n)) return;
        seen[n] = 1;
        let sum = 0, named = false;
        for (let k = 0; k < list.length; k++) {
          let q = reach[k]![n]!;
          if (q > 0 && q < 8) named = true;
          else {
            if (q === 0 && list.length > 1 && this.#columnNodes(k, found[k]!, hasColumn)[n]) q = 8.5;
            if (q === 0) return;
          }
          sum += q;
        }
        let q = sum / list.length;
        if (joined !== '') { const j = quality(s.pack.low[n]!, joined); if (j > 0 && j < q) q = j; }
        const worth = WORTH[s.kinds[n]!]!, long = Math.min(30, s.pack.low[n]!.length) / 3;
        if (named) this.#node(top, n, q * 100 + worth + long);
        else this.#node(top, n, q * 100 + worth, undefined, 'Descriptions');
      };
      let n = 0;
      for (const i of found[0]!.nodes) { consider(i); if (++n % 2048 === 0) yield; }
      for (const i of labels[0]!) { consider(i); if (++n % 2048 === 0) yield; }
      if (texts[0] === 'all') { for (let i = 0; i < s.nodes; i++) { consider(i); if (++n % 2048 === 0) yield; } }
      else if (texts[0]) for (const i of texts[0].keys()) { if (i < s.nodes) consider(i); if (++n % 2048 === 0) yield; }
      if (list.length > 1) {
        const with0 = this.#columnNodes(0, found[0]!, hasColumn);
        for (let i = 0; i < s.nodes; i++) { if (with0[i]) consider(i); if (++n % 4096 === 0) yield; }
      }
    }
    yield;

    // Columns: some words in the column's name, the others about its node.
    if (columnsToo) {
      for (let k = 0; k < s.colFirst.length; k++) {
        const c = this.#columns(k);
        if (!c) continue;
        const cands: { i: number; score: number; rest: number[] }[] = [], had = new Set<number>();
        for (const f of found) {
          for (const i of f.columns.get(k)?.at ?? []) {
            if (list.length > 1) { if (had.has(i)) continue; had.add(i); }
            let sum = 0;
            const rest: number[] = [];
            for (let w = 0; w < found.length; w++) {
              const q = found[w]!.columns.get(k)?.q[i] ?? 0;
              if (q > 0 && (q < 7 || list[w]!.length > 2 || list.length === 1)) sum += q;
              else rest.push(w);
            }
            if (rest.length === list.length) continue;
            let q = sum / list.length;
            if (rest.length === 0 && joined !== '') { const j = quality(c.pack.low[i]!, joined); if (j > 0 && j < q) q = j; }
            cands.push({ i, rest, score: q * 100 + 120 + Math.min(30, c.pack.low[i]!.length) / 3 - Math.min(20, c.lists[i]!.length / 20) });
          }
        }
        yield;
        cands.sort((a, b) => a.score - b.score || a.i - b.i);
        let nth = 0;
        // Whoever looks at the best few needs the nodes of these alone; a count is enough of the rest.
        let taken = 0, work = 0;
        for (const x of cands) {
          const sure = x.rest.length === 0 && !masked;
          if (taken >= top.limit && sure) { top.count('Columns', size(c.lists[x.i]!)); continue; }
          // Nothing that follows can be better than what is listed: who counts all would only wait.
          if (taken >= top.limit && ++nth % 16 === 0 && x.score + (x.rest.length * 100) / list.length > top.bound('Columns')) { answer.rough = true; break; }
          let nodes = postings(c.lists[x.i]!);
          work += nodes.length;
          if (!sure) {
            nodes = nodes.filter((n) => inMask(n) && x.rest.every((w) => reach[w]![n]! > 0));
          }
          // How far the other words are from the node counts as much as those in the column's name.
          const far = (n: number) => (x.rest.reduce((sum, w) => sum + reach[w]![n]!, 0) / list.length) * 100;
          if (nodes.length) { this.#column(c, x.i, nodes, x.score, top, false, x.rest.length ? far : undefined); taken++; }
          if (work > 4096) { yield; }
        }
      }
    }

    // What nodes are sorted by.
    if (wanted('tag')) {
      for (const f of s.facets) {
        for (const v of f.values) {
          const q = worst(v.low, list);
          if (q > 0 && q < 7) top.add({ group: 'Tags and owners', kind: f.key, title: v.name, page: v.page || more(f.key, v.name), score: q * 100 + 160 - Math.min(20, v.count / 10), note: count(v.count, 'node') });
        }
      }
    }
    const things = (list2: Named[], kind: 'term' | 'macro', base: number, score: number) => {
      list2.forEach((t, i) => {
        const q = worst(t.low, list);
        if (q > 0) { top.add(this.#named(t, kind, base + i, q * 100 + score)); return; }
        let sum = 0;
        for (let k = 0; k < list.length; k++) {
          const x = quality(t.low, list[k]!) || elsewhere(k, base + i);
          if (x === 0 || (ignored && x >= 10)) return;
          sum += x;
        }
        top.add({ ...this.#named(t, kind, base + i, (sum / list.length) * 100 + score), group: 'Descriptions', inText: true });
      });
    };
    if (wanted('term')) things(s.terms, 'term', s.nodes, 180);
    if (wanted('macro')) things(s.macros, 'macro', s.nodes + s.terms.length, 200);
    yield;

    // Tests, which are many and seldom meant.
    if (list.some((w) => w.length >= 3) && s.tests > 0 && testsToo) {
      const t = yield* this.#testList(missing), base = s.nodes + s.terms.length + s.macros.length;
      if (t) {
        const seenTest = new Set<number>(), take: number[] = [];
        const longest = list.reduce((a, b) => (b.length > a.length ? b : a));
        t.pack.within(longest, (i) => take.push(i));
        let n = 0;
        for (const i of take) {
          if (++n % 4096 === 0) yield;
          if (masked && (t.of[i]! < 0 || !inMask(t.of[i]!))) continue;
          const q = worst(t.pack.low[i]!, list);
          if (q === 0) continue;
          seenTest.add(i);
          this.#test(top, t, i, q * 100 + 240);
        }
        const text = texts.find((x): x is Map<number, number> => x instanceof Map);
        for (const i of text?.keys() ?? []) {
          if (i < base || seenTest.has(i - base)) continue;
          if (masked && (t.of[i - base]! < 0 || !inMask(t.of[i - base]!))) continue;
          if (list.every((_, k) => elsewhere(k, i) > 0)) this.#test(top, t, i - base, 1100, 'Descriptions');
        }
      }
    }
    yield;
  }

  /** inSQL finds what has all words in its SQL, which is where everything is. */
  *#inSQL(list: string[], inMask: (n: number) => boolean, masked: boolean, missing: Set<string>, top: Top): Generator<void> {
    const s = this.#load()!;
    let both: Map<number, number> | 'all' | undefined = 'all';
    for (const w of list) {
      const t = this.#inTexts(w, true, missing);
      if (t === undefined) return;
      if (t === 'all') continue;
      if (both === 'all') both = new Map(t);
      else for (const i of both.keys()) if (!t.has(i)) both.delete(i);
      yield;
    }
    if (both === 'all') return;
    for (const [i, q] of both) {
      if (i < s.nodes) { if (inMask(i)) this.#node(top, i, 2000 + q * 10 + WORTH[s.kinds[i]!]!, undefined, 'SQL'); continue; }
      if (masked) continue;
      const m = i - s.nodes - s.terms.length;
      if (m < s.macros.length) top.add({ ...this.#named(s.macros[m]!, 'macro', i, 2100), group: 'SQL', inText: true });
      else {
        const t = yield* this.#testList(missing);
        if (t) this.#test(top, t, m - s.macros.length, 2200, 'SQL');
      }
    }
  }

  /** labelled are the nodes that something they are sorted by puts under a word. */
  #labelled(word: string): Set<number> {
    const out = new Set<number>();
    if (word.length < 2) return out;
    for (const f of this.#load()!.facets) {
      const hits = new Set<number>();
      f.values.forEach((v, i) => { const q = rated(v.low, word, stem(word)); if (q > 0 && q < 7) hits.add(i); });
      if (hits.size === 0) continue;
      if (f.of) f.of.forEach((o, n) => { if (o > 0 && hits.has(o - 1)) out.add(n); });
      else for (const i of hits) for (const n of f.lists![i]!) out.add(n);
    }
    return out;
  }

  /** columnNodes are the nodes with a column that a word is in. */
  #columnNodes(k: number, f: Found, kept: Map<number, Uint8Array>): Uint8Array {
    let out = kept.get(k);
    if (out) return out;
    out = new Uint8Array(this.#load()!.nodes);
    for (const [shard, x] of f.columns) {
      const c = this.#columns(shard)!;
      for (const i of x.at) if (x.q[i]! < 7) for (const n of postings(c.lists[i]!)) out[n] = 1;
    }
    kept.set(k, out);
    return out;
  }

  /** nearly finds names that differ from a word by one letter. */
  *#nearly(list: string[], inMask: (n: number) => boolean, nodesToo: boolean, wanted: (kind: string) => boolean, top: Top): Generator<void, boolean> {
    const s = this.#load()!;
    const likes = list.map((w) => like(w));
    if (!likes.some(Boolean)) return false;
    // halves: a name that differs by one letter has one half of the word as it is.
    const [k, word] = list.reduce((a, w, i): [number, string] => (likes[i] && w.length > a[1].length ? [i, w] : a), [-1, ''] as [number, string]);
    if (k < 0) return false;
    const half = word.length >> 1;
    const parts = [word.slice(0, half), word.slice(half), word.slice(0, half - 1) + word[half] + word[half - 1] + word.slice(half + 1)];
    const fits = (low: string) => list.every((w, i) => low.includes(w) || (likes[i]?.test(low) ?? false));
    const each = function* (pack: Pack, f: (i: number) => void): Generator<void> {
      const cands = new Set<number>();
      for (const p of parts) { pack.within(p, (i) => cands.add(i)); yield; }
      let n = 0;
      for (const i of cands) {
        if (fits(pack.low[i]!)) f(i);
        if (++n % 1024 === 0) yield;
      }
    };
    if (nodesToo) yield* each(s.pack, (i) => { if (inMask(i)) this.#node(top, i, 800 + WORTH[s.kinds[i]!]! + Math.abs(s.pack.low[i]!.length - word.length)); });
    for (let shard = 0; shard < s.colFirst.length; shard++) {
      const c = this.#columns(shard);
      if (!c) continue;
      const cols: number[] = [];
      yield* each(c.pack, (i) => cols.push(i));
      cols.sort((a, b) => Math.abs(c.pack.low[a]!.length - word.length) - Math.abs(c.pack.low[b]!.length - word.length) || a - b);
      for (const i of cols.slice(0, 50)) {
        const nodes = postings(c.lists[i]!).filter(inMask);
        if (nodes.length) this.#column(c, i, nodes, 920 + Math.abs(c.pack.low[i]!.length - word.length), top, false);
      }
    }
    if (wanted('tag')) {
      for (const f of s.facets) for (const v of f.values) if (fits(v.low)) top.add({ group: 'Tags and owners', kind: f.key, title: v.name, page: v.page || more(f.key, v.name), score: 960, note: count(v.count, 'node') });
    }
    if (wanted('term')) s.terms.forEach((t, i) => { if (fits(t.low)) top.add(this.#named(t, 'term', s.nodes + i, 980)); });
    if (wanted('macro')) s.macros.forEach((m, i) => { if (fits(m.low)) top.add(this.#named(m, 'macro', s.nodes + s.terms.length + i, 1000)); });
    return top.total > 0;
  }

  /** facets counts how nodes are spread. */
  #facets(nodes: Set<number>): Map<string, Count[]> {
    const s = this.#load()!, out = new Map<string, Count[]>();
    const put = (key: string, counts: Map<string, number>) => {
      const list = [...counts].map(([value, c]) => ({ value, count: c })).sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
      if (list.length) out.set(key, list);
    };
    const kinds = new Map<string, number>();
    for (const n of nodes) { const k = this.kind(n); kinds.set(k, (kinds.get(k) ?? 0) + 1); }
    put('kind', kinds);
    for (const f of [s.facets[1]!, s.facets[2]!, s.facets[0]!, s.facets[4]!]) {
      const c = new Map<string, number>();
      if (f.of) for (const n of nodes) { const v = f.values[f.of[n]! - 1]?.name; if (v !== undefined) c.set(v, (c.get(v) ?? 0) + 1); }
      else f.lists!.forEach((l, i) => { let k = 0; for (const n of l) if (nodes.has(n)) k++; if (k) c.set(f.values[i]!.name, k); });
      put(f.key, c);
    }
    return out;
  }

  /** complete lists values for a filter that is being typed, the most frequent first. */
  complete(key: string, value: string, limit: number): Count[] {
    const s = this.#load();
    if (!s) return [];
    const fixed = (list: string[]) => list.filter((v) => v.startsWith(value)).map((v) => ({ value: v, count: -1 }));
    switch (key) {
      case 'kind': return fixed(['model', 'source', 'seed', 'snapshot', 'exposure', 'column', 'test', 'macro', 'term']);
      case 'is': return fixed(['failing', 'warned', 'deprecated', 'private', 'described', 'undescribed', 'tested', 'untested']);
      case 'has': return fixed(['tests', 'description', 'owner', 'tags', 'columns', 'group', 'customers']);
      case 'col': {
        const out: { value: string; count: number; q: number }[] = [];
        if (value === '') return [];
        for (let k = 0; k < s.colFirst.length; k++) {
          const c = this.#columns(k);
          c?.pack.within(value, (i) => { if (out.length < 2000) out.push({ value: c.pack.names[i]!, count: c.lists[i]!.length, q: quality(c.pack.low[i]!, value) }); });
        }
        return out.sort((a, b) => a.q - b.q || b.count - a.count).slice(0, limit).map((x) => ({ value: x.value, count: -1 }));
      }
    }
    const f = s.facets.find((x) => x.key === key);
    if (!f) return [];
    return f.values.filter((v) => v.low.includes(value))
      .sort((a, b) => Number(b.low.startsWith(value)) - Number(a.low.startsWith(value)) || b.count - a.count || (a.name < b.name ? -1 : 1))
      .slice(0, limit).map((v) => ({ value: v.name, count: v.count }));
  }
}

/** Kinds of things that are no nodes. */
const OTHER = new Set(['column', 'test', 'macro', 'term', 'tag']);

function singular(s: string): string { return s.replace(/s$/, ''); }

function count(n: number, what: string): string { return n.toLocaleString('en') + ' ' + what + (n === 1 ? '' : 's'); }

/** more is the list of all that has to do with something that has no page. */
function more(key: string, value: string): string {
  return 'search.html#q=' + encodeURIComponent(/^(terms|macros|test)$/.test(key) ? 'kind:' + singular(key) + ' ' + value : quoted(key, value));
}

/** worst is how a name matches all words: on the average, 0 if one is not in it. */
function worst(low: string, list: string[]): number {
  let sum = 0;
  for (const w of list) {
    const q = rated(low, w, stem(w));
    if (q === 0) return 0;
    sum += q;
  }
  return sum / list.length;
}

/** like matches what differs from a word by one letter, at the start of a word. */
export function like(word: string): RegExp | undefined {
  const w = Array.from(word);
  if (w.length < 4) return undefined;
  const esc = (s: string[]) => escaped(s.join(''));
  const alts: string[] = [];
  for (let i = 0; i <= w.length; i++) {
    const a = w.slice(0, i), b = w.slice(i);
    if (i > 0) alts.push(esc(a) + '[^_.]' + esc(b)); // a letter is missing
    if (b.length) alts.push(esc(a) + esc(b.slice(1)), esc(a) + '[^_.]' + esc(b.slice(1))); // one too many, another one
    if (b.length > 1) alts.push(esc(a) + esc([b[1]!, b[0]!]) + esc(b.slice(2))); // two swapped
  }
  return new RegExp('(?:^|[^\\p{L}\\p{N}])(?:' + alts.join('|') + ')', 'u');
}

/** escaped is a text as a pattern that matches it. */
function escaped(s: string): string { return s.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'); }

/** glob matches a value with stars in it, each part at the first place there is: no expression, which many stars would make slow. */
function glob(value: string): { test(s: string): boolean } | undefined {
  const parts = value.split('*'), head = parts.shift()!, tail = parts.pop();
  return tail === undefined ? undefined : {
    test: (s) => {
      let at = head.length;
      if (!s.startsWith(head)) return false;
      for (const p of parts) {
        if ((at = s.indexOf(p, at)) < 0) return false;
        at += p.length;
      }
      return s.length - tail.length >= at && s.endsWith(tail);
    },
  };
}

/** lower is the first place whose text is not below a word, upper the first whose is above. */
function lower(list: string[], w: string): number {
  let a = 0, b = list.length;
  while (a < b) { const m = (a + b) >> 1; if (list[m]! < w) a = m + 1; else b = m; }
  return a;
}
function upper(list: string[], w: string): number {
  let a = 0, b = list.length;
  while (a < b) { const m = (a + b) >> 1; if (list[m]! <= w) a = m + 1; else b = m; }
  return a;
}

/** Top keeps the best hits of every group and counts all. */
class Top {
  #spread: boolean;
  counts = new Map<Group, number>();
  total = 0;
  nodes = new Set<number>();
  #best = new Map<Group, Hit[]>();
  /** What is worse than this does not get into a group any more. */
  #worst = new Map<Group, number>();

  /** filters of the question, for lists that a hit leads to. */
  constructor(public limit: number, public filters: string, spread: boolean) { this.#spread = spread; }

  count(group: Group, n: number): void {
    this.counts.set(group, (this.counts.get(group) ?? 0) + n);
    this.total += n;
  }

  /** put adds a hit that is made only if it is among the best so far. */
  put(group: Group, score: number, node: number | undefined, make: () => Hit): void {
    if (score <= (this.#worst.get(group) ?? Infinity)) { this.add(make()); return; }
    this.count(group, 1);
    if (this.#spread && node !== undefined && group !== 'SQL') this.nodes.add(node);
  }

  /** bound is the score of the worst hit that a group lists, if it is full. */
  bound(group: Group): number {
    const list = this.#best.get(group);
    if (!list || list.length < this.limit) return Infinity;
    list.sort(order);
    if (list.length > this.limit) list.length = this.limit;
    const worst = list[this.limit - 1]!.score;
    this.#worst.set(group, worst);
    return worst;
  }

  add(h: Hit): void {
    this.count(h.group, 1);
    if (this.#spread && h.node !== undefined && h.group !== 'SQL') this.nodes.add(h.node);
    let list = this.#best.get(h.group);
    if (!list) this.#best.set(h.group, (list = []));
    // Hits that cannot get in any more are not kept: at most twice the limit are.
    if (list.length >= 2 * this.limit) {
      list.sort(order);
      list.length = this.limit;
      this.#worst.set(h.group, list[this.limit - 1]!.score);
    }
    list.push(h);
  }

  /** hits are in groups, those of the best hit first; within them by their score. */
  hits(): Hit[] {
    const groups = [...this.#best.values()];
    for (const g of groups) {
      g.sort(order);
      if (g.length > this.limit) g.length = this.limit;
    }
    groups.sort((a, b) => a[0]!.score - b[0]!.score || GROUPS.indexOf(a[0]!.group) - GROUPS.indexOf(b[0]!.group));
    return groups.flat();
  }
}

function order(a: Hit, b: Hit): number {
  return a.score - b.score || a.title.length - b.title.length || (a.title < b.title ? -1 : a.title > b.title ? 1 : 0);
}
