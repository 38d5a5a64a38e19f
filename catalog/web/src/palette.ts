// The search box in the head of every page: a combobox with a list of results below it, as
// the ARIA patterns have it. Focus stays in the box; arrows move among the results.

import { base } from './data';
import { byID, combobox, el } from './dom';
import { abouts, ask, finder, Progress, warm } from './ask';
import { Answer, Hit } from './find';
import { go } from './place';
import { KEYS, last, quoted } from './query';
import { describe, fill, list as joined, times, total } from './results';
import { here, isPage, isText, keep, kept, Page, RECENT } from './store';

/** How many results a group shows. */
const LIMIT = 6;

/** An option of the list: where it leads, or what it puts into the box. */
interface Option { node: HTMLElement; href?: string; text?: string; hit?: Hit }

export function palette(): void {
  const input = byID<HTMLInputElement>('q'), panel = byID('hits');
  if (!input || !panel) return;
  const live = el('p', { id: 'hit-count', class: 'sr', role: 'status' });
  const listbox = el('div', { role: 'listbox', id: 'hit-list', 'aria-label': 'Search results' });
  const said = el('p', { class: 'said' }), preview = el('aside', { class: 'preview', 'aria-hidden': 'true', hidden: true });
  panel.append(listbox, preview, said);
  panel.after(live);
  combobox(input, 'hit-list');

  listbox.addEventListener('scroll', () => { scrolled = true; }, { passive: true });

  let options: Option[] = [], chosen = -1, walked = false, scrolled = false, stop: (() => void) | undefined, shown = '';

  function open(yes: boolean): void {
    panel!.hidden = !yes;
    input!.setAttribute('aria-expanded', String(yes));
    if (!yes) choose(-1);
  }

  function choose(i: number): void {
    options[chosen]?.node.setAttribute('aria-selected', 'false');
    chosen = i;
    const o = options[i];
    if (!o) { input!.removeAttribute('aria-activedescendant'); preview.hidden = true; return; }
    o.node.setAttribute('aria-selected', 'true');
    input!.setAttribute('aria-activedescendant', o.node.id);
    // The first of a list that nobody has scrolled is in sight: to ask where it is would lay out the page.
    if (i > 0 || scrolled) o.node.scrollIntoView({ block: 'nearest' });
    scrolled = scrolled && i > 0;
    show(o.hit);
  }

  // show tells more of the chosen result beside the list, where there is room.
  function show(h: Hit | undefined): void {
    preview.textContent = '';
    preview.hidden = h?.node === undefined;
    if (h?.node === undefined) return;
    const n = h.node, facts = el('dl'), about = finder.about(n, []);
    const fact = (name: string, value: string) => { if (value) facts.append(el('dt', {}, name), el('dd', {}, value)); };
    fact('Kind', finder.kind(n));
    fact('Folder', finder.value(n, 'folder'));
    fact('Tier', finder.value(n, 'tier'));
    fact('Owner', finder.value(n, 'owner'));
    fact('Group', finder.value(n, 'group'));
    preview.append(el('h3', {}, finder.title(n)), el('p', {}, about ? about.text || 'Not described.' : ''), facts);
    if (!about) abouts([n], () => { if (options[chosen]?.hit === h && !preview.hidden && finder.about(n, [])) show(h); });
  }

  function option(parent: HTMLElement, o: Omit<Option, 'node'>, inside: (node: HTMLElement) => void): void {
    const node = o.href !== undefined ? el('a', { href: base + o.href }) : el('div');
    node.id = 'hit-' + options.length;
    node.setAttribute('role', 'option');
    node.setAttribute('aria-selected', 'false');
    node.tabIndex = -1;
    inside(node);
    const i = options.length;
    (node as HTMLElement).addEventListener('click', (e) => {
      if (o.href !== undefined && (e.ctrlKey || e.metaKey || e.shiftKey)) { recall(); return; }
      e.preventDefault();
      take(i, false);
    });
    node.addEventListener('mousemove', () => { if (chosen !== i) choose(i); });
    options.push({ ...o, node });
    parent.append(node);
  }

  function filterRow(g: HTMLElement, text: string, key: string, what: string): void {
    option(g, { text }, (n) => { n.className = 'key'; n.append(el('b', {}, key + ':'), ' ', el('span', {}, what)); });
  }

  function group(name: string, note = ''): HTMLElement {
    const id = 'hit-group-' + listbox.childElementCount;
    const g = el('div', { role: 'group', 'aria-labelledby': id }, el('div', { class: 'head', id, role: 'presentation' }, name, note === '' ? '' : el('small', {}, ' ' + note)));
    listbox.append(g);
    return g;
  }

  function take(i: number, newTab: boolean): void {
    const o = options[i];
    if (!o) return;
    if (o.text !== undefined) {
      input!.value = o.text;
      input!.focus();
      search();
      return;
    }
    recall();
    go(base + o.href!, newTab);
    if (!newTab) { open(false); input!.blur(); }
  }

  // recall keeps what has been searched for, once it has led somewhere.
  function recall(): void {
    const q = input!.value.trim();
    if (q === '') return;
    keep('searches', [q, ...kept<string>('searches', isText).filter((x) => x !== q)].slice(0, RECENT));
  }

  function start(): void {
    clear();
    const searches = kept<string>('searches', isText), pages = kept<Page>('pages', isPage).filter((p) => p.page !== here());
    if (pages.length) {
      const g = group('Recent pages');
      for (const p of pages.slice(0, RECENT)) {
        option(g, { href: String(p.page) }, (n) => n.append(el('i', { class: 'dot' + (/^[a-z]+$/.test(p.tone ?? '') ? ' t-' + p.tone : ' none'), 'aria-hidden': 'true' }), el('b', {}, String(p.title))));
      }
    }
    if (searches.length) {
      const g = group('Recent searches');
      for (const s of searches.slice(0, RECENT)) option(g, { text: s }, (n) => n.append(el('i', { class: 'dot none', 'aria-hidden': 'true' }), el('b', {}, s)));
    }
    const g = group('Filters');
    for (const [key, what] of Object.entries(KEYS)) filterRow(g, key + ':', key, what);
    said.textContent = 'Type a name, a column or a word of a description.';
    live!.textContent = '';
    open(true);
    panel!.dataset.query = '';
  }

  function clear(): void {
    choose(-1);
    options = [];
    walked = false;
    listbox.textContent = '';
  }

  function search(): void {
    stop?.();
    const text = input!.value;
    if (text.trim() === '') { start(); return; }
    if (!finder.ready() && panel!.hidden) {
      clear();
      said.textContent = 'Loading the index …';
      open(true);
    }
    stop = ask(text, { limit: LIMIT }, (a, p) => draw(text, a, p));
  }

  function draw(text: string, a: Answer, p: Progress): void {
    if (!finder.ready()) { if (p.broken && !p.more) said.textContent = 'The index of this site cannot be loaded. The lists in the menu need none.'; return; }
    const before = walked && text === shown ? options[chosen]?.node.dataset.key : undefined;
    shown = text;
    clear();
    completions(text, true);
    let name = '', g: HTMLElement = listbox;
    for (const h of a.hits) {
      if (h.group !== name) {
        name = h.group;
        const n = a.counts.get(h.group)!;
        g = group(name, n > LIMIT ? n.toLocaleString('en') : '');
      }
      option(g, { href: h.page, hit: h }, (n) => { n.dataset.key = h.kind + ' ' + h.title; fill(n, h, a.query.words); });
    }
    if (a.total > 0) {
      g = group('More');
      option(g, { href: 'search.html#q=' + encodeURIComponent(text.trim()) }, (n) =>
        n.append(el('i', { class: 'dot none', 'aria-hidden': 'true' }), el('b', {}, 'All ' + total(a)), el('em', {}, 'on a page, with SQL and what to narrow them by')));
    }
    completions(text, false);
    said.textContent = words(text, a, p);
    said.hidden = said.textContent === '';
    live!.textContent = p.more ? '' : a.total === 0 ? said.textContent! : total(a) + (a.near ? ' for something like it' : '');
    open(document.activeElement === input);
    if (!panel!.hidden && options.length) {
      const again = before === undefined ? -1 : options.findIndex((o) => o.node.dataset.key === before);
      // A filter that is being typed is chosen by arrows only: Enter must not surprise.
      choose(again >= 0 ? again : options.findIndex((o) => o.text === undefined));
      walked = again >= 0;
    }
    tell(a);
    if (!p.more) panel!.dataset.query = text;
  }

  // words says what the list does not.
  function words(text: string, a: Answer, p: Progress): string {
    const out: string[] = [];
    if (a.total === 0) out.push(p.more ? 'Searching …' : 'Nothing matches “' + text.trim() + '”.');
    else if (a.near) out.push('Nothing matches exactly. This is spelled like it.');
    if (a.query.unknown.length) out.push('There is no filter ' + joined(a.query.unknown.map((k) => k + ':')) + '.');
    if (!p.more && p.broken) out.push('Some of the index cannot be loaded: there may be more.');
    return out.join(' ');
  }

  // completions offers values for the filter that is being typed, or filters that begin like
  // the word: the former before all results, the latter after them.
  function completions(text: string, wanted: boolean): void {
    const at = input!.selectionStart ?? text.length, token = last(text.slice(0, at));
    if (!token) return;
    const before = text.slice(0, token.from) + token.not, after = text.slice(at);
    const values = text.slice(token.from, at).includes(':');
    if (values !== wanted) return;
    if (!values) {
      const keys = token.key.length >= 2 ? Object.keys(KEYS).filter((k) => k.startsWith(token.key)) : [];
      if (keys.length === 0) return;
      const g = group('Filters');
      for (const k of keys) filterRow(g, before + k + ':' + after, k, KEYS[k as keyof typeof KEYS]);
      return;
    }
    if (!(token.key in KEYS)) return;
    const found = finder.complete(token.key, token.value, 8);
    if (found.length === 0 || (found.length === 1 && found[0]!.value.toLowerCase() === token.value)) return;
    const g = group('Filters');
    for (const v of found) {
      option(g, { text: before + quoted(token.key, v.value) + ' ' + after.trimStart() }, (n) =>
        n.append(el('i', { class: 'dot none', 'aria-hidden': 'true' }), el('b', {}, token.key + ':' + v.value), v.count >= 0 ? el('small', {}, times(v.count, 'node')) : ''));
    }
  }

  // tell brings the texts of what is listed, once the reader pauses.
  let pause = 0;
  function tell(a: Answer): void {
    const now = options;
    const put = () => {
      if (now !== options) return;
      for (const o of now) if (o.hit) describe(o.node, o.hit, a.query.words);
    };
    put();
    clearTimeout(pause);
    pause = window.setTimeout(() => { if (now !== options) return; put(); abouts(now.flatMap((o) => (o.hit?.thing === undefined || o.hit.about ? [] : [o.hit.thing])), put); }, 120);
  }

  input.addEventListener('focus', () => { warm(); search(); });
  input.addEventListener('pointerenter', warm);
  input.addEventListener('input', search);
  input.addEventListener('blur', () => { stop?.(); open(false); });
  // The box keeps the focus when somebody clicks beside the results.
  panel.addEventListener('mousedown', (e) => e.preventDefault());
  input.addEventListener('keydown', (e) => {
    if (e.isComposing) return;
    const n = options.length;
    switch (e.key) {
      case 'ArrowDown': case 'ArrowUp':
        e.preventDefault();
        if (panel.hidden) { search(); return; }
        if (n) choose(e.key === 'ArrowDown' ? (chosen + 1) % n : (chosen <= 0 ? n : chosen) - 1);
        walked = true;
        return;
      case 'Home': case 'End':
        // They move the caret until somebody walks among the results.
        if (!walked || panel.hidden || e.shiftKey) return;
        e.preventDefault();
        choose(e.key === 'Home' ? 0 : n - 1);
        return;
      case 'Enter':
        if (input.value.trim() === '' && chosen < 0) return;
        e.preventDefault();
        if (chosen >= 0) take(chosen, e.ctrlKey || e.metaKey);
        else { recall(); go(base + 'search.html#q=' + encodeURIComponent(input.value.trim()), e.ctrlKey || e.metaKey); }
        return;
      case 'Escape':
        e.preventDefault();
        if (input.value === '' || panel.hidden) { open(false); input.blur(); }
        input.value = '';
        open(false);
        return;
    }
  });
  // A page that was scripted late may have the box in focus already.
  if (document.activeElement === input) { warm(); search(); }
}
