// Keys that work on every page, and the list of them.

import { base } from './data';
import { all, byID, el, typing } from './dom';
import { go } from './place';

/** Pages that «g» and another key open. */
const PLACES: Record<string, [string, string]> = {
  h: ['index.html', 'overview'],
  l: ['lineage.html', 'lineage'],
  t: ['tests.html', 'tests'],
  c: ['columns.html', 'columns'],
  s: ['search.html', 'all results of a search'],
};

/** How long «g» waits for the other key, in milliseconds. */
const WAIT = 1500;

export function keys(): void {
  let g = 0, swallow = false;
  const input = byID<HTMLInputElement>('q');
  document.addEventListener('keydown', (e) => {
    const mod = e.ctrlKey || e.metaKey;
    if (mod && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') {
      e.preventDefault();
      find();
      return;
    }
    if (mod || e.altKey || e.isComposing || typing(e) || document.querySelector('dialog[open]')) return;
    if (g && e.timeStamp - g < WAIT) {
      g = 0;
      const place = PLACES[e.key];
      // Only what the menu leads to is there for these readers.
      if (place && known(place[0])) { e.preventDefault(); go(base + place[0]); }
      return;
    }
    g = 0;
    if (e.key === '/') { e.preventDefault(); swallow = true; find(); } else if (e.key === 'g') g = e.timeStamp;
    else if (e.key === '?') { e.preventDefault(); help(); }
  });
  // Some send the character of a key on its own: it must not be typed into the box.
  document.addEventListener('keypress', (e) => { if (swallow && e.key === '/') e.preventDefault(); });
  document.addEventListener('keyup', () => { swallow = false; });
  const button = byID('keys');
  if (button) {
    button.hidden = false;
    button.addEventListener('click', help);
  }

  function find(): void {
    const page = byID<HTMLInputElement>('sq');
    (input ?? page)?.focus();
    (input ?? page)?.select();
  }
}

/** known says whether a page of the site is there: overview and search always are. */
function known(page: string): boolean {
  return page === 'index.html' || page === 'search.html' || all<HTMLAnchorElement>('header a, nav a, footer a').some((a) => a.getAttribute('href') === base + page);
}

let dialog: HTMLDialogElement | undefined;

function help(): void {
  if (!dialog) {
    const rows: [string[], string][] = [
      [['/', 'Ctrl K'], 'search'],
      [['↑', '↓'], 'walk among results, Enter opens one, Ctrl Enter in a new tab'],
      [['Esc'], 'close what is open'],
    ];
    for (const k in PLACES) if (known(PLACES[k]![0])) rows.push([['g ' + k], PLACES[k]![1]]);
    if (document.querySelector('[data-explore]')) {
      rows.push([['←', '→'], 'in the lineage: upstream, downstream'], [['+', '-'], 'in the lineage: show more, show less'], [['Enter'], 'in the lineage: open the page']);
    }
    rows.push([['?'], 'this list']);
    const list = el('dl', { class: 'keys' });
    for (const [k, what] of rows) list.append(el('div', {}, el('dt', {}, ...k.flatMap((x, i) => [i > 0 && ' ', ...x.split(' ').map((y) => el('kbd', {}, y))])), el('dd', {}, what)));
    const close = el('button', { type: 'button' }, 'Close');
    dialog = el('dialog', { id: 'key-help', 'aria-labelledby': 'key-title' }, el('h2', { id: 'key-title' }, 'Keys'), list, close);
    const d = dialog;
    close.addEventListener('click', () => d.close());
    d.addEventListener('click', (e) => { if (e.target === d) d.close(); });
    document.body.append(d);
  }
  if (!dialog.open) dialog.showModal();
}
