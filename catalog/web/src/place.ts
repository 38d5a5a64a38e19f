// Where the reader is. Pages go through this module and never to location or history, since
// a site in a single file keeps its own pages behind one address: «#!page#fragment».

/** parts are what stands before a page's own fragment, and the fragment. */
function parts(): [string, string] {
  const h = location.hash.slice(1);
  if (!h.startsWith('!')) return ['', h];
  const i = h.indexOf('#');
  return i < 0 ? [h + '#', ''] : [h.slice(0, i + 1), h.slice(i + 1)];
}

/** fragment is what follows the page's own #. */
export function fragment(): string { return parts()[1]; }

/**
 * setFragment changes it: with a new entry in the history, or instead of the present one.
 * Those who wait for changes are told by the browser, later; they see that they know it.
 */
export function setFragment(s: string, o: { replace?: boolean } = {}): void {
  const [before, now] = parts();
  if (s === now) return;
  if (o.replace) location.replace('#' + before + s);
  else location.hash = before + s;
}

/** onFragment calls f after each change. */
export function onFragment(f: () => void): void { window.addEventListener('hashchange', f); }

/** go opens an address relative to the page. */
export function go(href: string, newTab = false): void {
  if (newTab) window.open(href, '_blank', 'noopener');
  else location.assign(href);
}
