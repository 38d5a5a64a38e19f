// Data files are classic scripts that call catalog(name, text): nothing else loads from
// file:// under the pages' content policy. This module is in every bundle; they share one
// function and one store, which belong to the first that runs.

import type { Drawing, Input } from './layout';

interface Store {
  (name: string, text: string): void;
  /** What leads from this page to the root of the site: «», «../», … */
  base: string;
  /** Texts that have come, by name. */
  texts: Map<string, string>;
  /** Who waits for a text, by name. */
  waits: Map<string, Promise<string>>;
  /** What the bundle of every page shares with those that come after it, see command bundle. */
  kit: object;
  /** What the bundle of drawings shares with those that come after it. */
  layered?: (input: Input) => Drawing;
  /** Gives texts that stand in the page itself, undefined for others. */
  inside?: (name: string) => string | undefined;
}

declare global {
  interface Window {
    catalog: Store;
    /** Where all files are inside the page: gives the text of the file at a path. */
    catalogFile?: (path: string) => Promise<string>;
    /** Where all files are inside the page: runs the script at a path. */
    catalogScript?: (path: string) => Promise<void>;
  }
}

function make(): Store {
  const texts = new Map<string, string>();
  const store = ((name: string, text: string) => { texts.set(name, text); }) as Store;
  const script = document.currentScript as HTMLScriptElement | null;
  store.base = script?.dataset.base ?? '';
  store.texts = texts;
  store.waits = new Map();
  return store;
}

const store: Store = (window.catalog?.texts ? window.catalog : (window.catalog = make()));

/** base leads from this page to the root of the site. */
export const base: string = store.base;

/** have is the text of a data file if it has come already. */
export function have(name: string): string | undefined { return store.texts.get(name); }

/**
 * data loads the file d/<name>.js, once, and gives its text. It fails when there is no such
 * file; asking again tries again.
 */
export function data(name: string): Promise<string> {
  const waiting = store.waits.get(name);
  if (waiting) return waiting;
  const had = store.texts.get(name) ?? store.inside?.(name);
  if (had !== undefined) store.texts.set(name, had);
  const wait = had !== undefined ? Promise.resolve(had) : fetched(name);
  store.waits.set(name, wait);
  wait.catch(() => store.waits.delete(name));
  return wait;
}

function fetched(name: string): Promise<string> {
  const path = 'd/' + name + '.js';
  if (window.catalogFile) {
    return window.catalogFile(path).then((body) => {
      const text: string = JSON.parse(body.slice(body.indexOf(',') + 1, body.lastIndexOf(')')));
      store.texts.set(name, text);
      return text;
    });
  }
  return new Promise((done, fail) => {
    const s = document.createElement('script');
    s.src = base + path;
    s.onload = () => {
      s.remove();
      const text = store.texts.get(name);
      if (text === undefined) fail(new Error(path + ' does not hold ' + name));
      else done(text);
    };
    s.onerror = () => {
      s.remove();
      fail(new Error(path + ' cannot be loaded'));
    };
    document.head.append(s);
  });
}

/** script loads another bundle of the site, whose path pages name in data attributes. */
export function script(path: string): Promise<void> {
  if (window.catalogScript) return window.catalogScript(path);
  return new Promise((done, fail) => {
    const s = document.createElement('script');
    s.src = base + path;
    s.onload = () => done();
    s.onerror = () => fail(new Error(path + ' cannot be loaded'));
    document.head.append(s);
  });
}

/** rows splits a text into its lines; the empty text has none. */
export function rows(text: string): string[] { return text === '' ? [] : text.split('\n'); }

/** num reads a number in base 36; the empty text is 0. */
export function num(text: string): number { return text === '' ? 0 : parseInt(text, 36); }

/**
 * deltas reads an ascending list of numbers, the first as it is and each other as its
 * distance from the one before, all in base 36 with a separator between.
 */
export function deltas(text: string, separator = ','): number[] {
  if (text === '') return [];
  let at = 0;
  return text.split(separator).map((t) => (at += num(t)));
}
