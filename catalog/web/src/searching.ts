// The search box before anybody searches: the engine is a script of its own, which comes when
// the box is touched.

import { data, script } from './data';
import { byID } from './dom';

/** Where the script is in the site, put in when it is bundled. */
declare const SEARCH_PATH: string;

let coming: Promise<void> | undefined;

/** engine loads the search engine, which then takes the box, or the page of results, over. */
export function engine(): Promise<void> {
  // What every search begins with comes beside it.
  if (!coming) data('find-names').catch(() => {});
  coming ??= script(SEARCH_PATH);
  coming.catch(() => { coming = undefined; });
  return coming;
}

export function searching(): void {
  const input = byID<HTMLInputElement>('q');
  const load = () => { engine().catch(() => { if (input) input.placeholder = 'Search cannot be loaded'; }); };
  if (input) {
    input.spellcheck = false;
    input.addEventListener('pointerenter', load, { once: true });
    input.addEventListener('focus', load);
  }
  if (byID('search-page') || document.activeElement === input) load();
}
