// Questions to the search engine: loads what it wants and works in slices of a few
// milliseconds, so that typing is never held up.

import { data, have } from './data';
import { Answer, Finder, Wish } from './find';

/** The one engine of the page. */
export const finder = new Finder(have);

/** How long one slice may take, in milliseconds. */
const SLICE = 8;

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** later runs f as soon as the browser has done what is due: keys, painting. */
function later(f: () => void): void {
  waiting.push(f);
  channel.port2.postMessage(0);
}

const failed = new Set<string>();

/** load brings files that the engine wants; those that cannot be had are not asked for again. */
function load(file: string): Promise<void> {
  return data(file).then(() => undefined, () => { failed.add(file); });
}

/** warm loads what every search begins with. */
export function warm(): void {
  void load('find-names').then(() => { for (const f of finder.ready() ? finder.first() : []) void load(f); });
}

/** Progress of an answer: more is coming; or some of the index could not be had. */
export interface Progress { more: boolean; broken: boolean }

/** ask calls done with an answer, and again when there is a better one. The result gives up. */
export function ask(text: string, wish: Wish, done: (a: Answer, p: Progress) => void): () => void {
  let dead = false, due = false;
  const wanted = new Set<string>();
  const run = () => {
    due = false;
    const steps = finder.search(text, wish);
    const slice = () => {
      if (dead) return;
      for (const until = performance.now() + SLICE; ;) {
        const r = steps.next();
        if (r.done) { finish(r.value); return; }
        if (performance.now() > until) { later(slice); return; }
      }
    };
    slice();
  };
  const again = () => {
    if (dead || due) return;
    due = true;
    later(() => { if (!dead) run(); });
  };
  const finish = (a: Answer) => {
    const need = a.missing.filter((f) => !failed.has(f));
    done(a, { more: need.length > 0, broken: failed.size > 0 });
    for (const f of need) {
      if (wanted.has(f)) continue;
      wanted.add(f);
      void load(f).then(again);
    }
  };
  run();
  return () => { dead = true; };
}

/** abouts loads the texts of things, a few at a time, and calls done for each file. */
export function abouts(things: number[], done: () => void): void {
  const files = new Set<string>();
  for (const t of things) {
    const f = finder.aboutFile(t);
    if (f !== undefined && !failed.has(f) && files.size < 24) files.add(f);
  }
  for (const f of files) void load(f).then(done);
}
