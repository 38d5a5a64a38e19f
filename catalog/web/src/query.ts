// What is asked for: words, and filters like tier:fct.

import { fold } from './words';

export interface Filter { key: Key; value: string; not: boolean }

export interface Query {
  /** Folded words, each of which must match. */
  words: string[];
  filters: Filter[];
  /** What looked like a filter and is none. */
  unknown: string[];
}

/** Keys of filters with what they mean, in the order of help and completion. */
export const KEYS = {
  kind: 'model, source, seed, snapshot, exposure, column, test, macro, term',
  tier: 'fct, dim, stg, …',
  owner: 'who answers for it',
  tag: 'a tag that it has',
  folder: 'a folder with all below it',
  group: 'the team it belongs to',
  customer: 'who receives it',
  col: 'has a column of that name',
  sql: 'its SQL has these words',
  is: 'failing, warned, deprecated, private, described, undescribed',
  has: 'tests, description, owner, tags, columns',
} as const;

export type Key = keyof typeof KEYS;

const TOKEN = /(-?)([a-z]+):("[^"]*"?|[^\s"]*)|"([^"]*)"?|[^\s"]+/gi;

/** parse reads what somebody has typed; there are no wrong questions. */
export function parse(text: string): Query {
  const q: Query = { words: [], filters: [], unknown: [] };
  for (const m of text.matchAll(TOKEN)) {
    const key = m[2]?.toLowerCase();
    if (key !== undefined && key in KEYS) {
      const value = fold(m[3]!.replace(/"/g, '').trim());
      if (value !== '') q.filters.push({ key: key as Key, value, not: m[1] === '-' });
      continue;
    }
    if (key !== undefined && m[3] !== '') q.unknown.push(key);
    for (const w of fold(m[4] ?? m[0]).split(/[\s,;:()"']+/)) {
      if (w !== '' && !q.words.includes(w) && q.words.length < 8) q.words.push(w);
    }
  }
  // Names may be nothing but signs.
  if (q.words.length === 0 && q.filters.length === 0 && text.trim() !== '') q.words.push(fold(text.trim()));
  return q;
}

/** quoted writes a filter so that parse reads it. */
export function quoted(key: string, value: string): string {
  return key + ':' + (/[\s"]/.test(value) ? '"' + value.replace(/"/g, '') + '"' : value);
}

/** last is the token that the caret stands at the end of. */
export function last(text: string): { from: number; key: string; value: string; not: string } | null {
  const m = /(^|\s)(-?)([a-z]*)(:("[^"]*|[^\s"]*))?$/i.exec(text);
  if (!m || (m[3] === '' && m[4] === undefined)) return null;
  return { from: m.index + m[1]!.length, not: m[2]!, key: m[3]!.toLowerCase(), value: m[4] === undefined ? '' : fold(m[5]!.replace(/"/g, '')) };
}
