// What a reader's browser keeps between pages. It may keep nothing: pages from a file and
// strict settings refuse, and then there is nothing kept.

import { base } from './data';

// All pages that are opened from files share one store: names have the site's place in them.
const site = new URL(base || './', document.baseURI).pathname;

/** kept reads the list that was kept under a name. Others can write there, too: of pages from files every one. */
export function kept<T>(name: string, good: (x: T) => boolean): T[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem('catalog ' + site + ' ' + name) ?? '');
    return Array.isArray(list) ? list.filter(good) : [];
  } catch {
    return [];
  }
}

export const isText = (x: unknown): boolean => typeof x === 'string';
const KINDS = /^(model|source|seed|snapshot|exposure|macro|test|tag|owner|group|tier|customer|folder)\/[^?#]*$/;
export const isPage = (p: Page | null): boolean => KINDS.test(String(p?.page));

/** keep stores a value. */
export function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem('catalog ' + site + ' ' + name, JSON.stringify(value));
  } catch { /* then not */ }
}

/** here is the present page's address below the site's root. */
export function here(): string {
  const path = location.pathname;
  return path.startsWith(site) ? path.slice(site.length) : '';
}

/** How many searches and pages are kept. */
export const RECENT = 6;

/** A page that was looked at. */
export interface Page { title: string; page: string; tone?: string }

/** remember keeps the page among the recent ones, if it is about one thing. */
export function remember(): void {
  const page = here(), h1 = document.querySelector('main h1');
  if (!KINDS.test(page) || !h1) return;
  const title = (document.title.split(' · ')[0] ?? '').trim(), tone = /\bt-([a-z]+)/.exec(document.querySelector('main .dot, main [class*="t-"]')?.getAttribute('class') ?? '')?.[1];
  keep('pages', [{ title, page, tone }, ...kept<Page>('pages', isPage).filter((p) => p.page !== page)].slice(0, RECENT + 1));
}

