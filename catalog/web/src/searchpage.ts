// The page of all results: search.html#q=… can be linked to, and facets narrow it.

import { base } from './data';
import { byID, el } from './dom';
import { abouts, ask, Progress } from './ask';
import { Answer, Count, Group, Hit } from './find';
import { fragment, onFragment, setFragment } from './place';
import { parse, quoted } from './query';
import { describe, fill, list, times, total } from './results';

const PAGE = 50, ALL = 2000;

const wideScreen = matchMedia('(min-width: 801px)');

const NAMES: Record<string, string> = { kind: 'Kind', tier: 'Tier', owner: 'Owner', folder: 'Folder', tag: 'Tag' };

function asked(): string {
  const m = /(?:^|&)q=([^&]*)/.exec(fragment());
  if (!m) return '';
  try {
    return decodeURIComponent(m[1]!.replace(/\+/g, ' '));
  } catch {
    return m[1]!; // a link that somebody cut in two
  }
}

export function searchPage(): void {
  const root = byID('search-page');
  if (!root) return;
  const input = el('input', { type: 'search', id: 'sq', 'aria-label': 'Search', autocomplete: 'off', spellcheck: 'false', placeholder: 'Names, columns, words, or filters like tier:fct' });
  const said = el('p', { role: 'status', class: 'said' }), facets = el('aside', { class: 'facets', 'aria-label': 'Narrow the results' }), found = el('div', { class: 'found' });
  root.textContent = '';
  root.append(el('div', { class: 'ask' }, input), said, el('div', { class: 'both' }, facets, found));
  let stop: (() => void) | undefined, wide = false, typed = 0, now = '';

  function search(): void {
    stop?.();
    const text = now;
    if (input.value !== text) input.value = text;
    document.title = document.title.replace(/^.*? · /, (text.trim() === '' ? 'Search' : text.trim() + ' · Search') + ' · ').replace(/ · Search(?: · Search)+/, ' · Search');
    if (text.trim() === '') {
      said.textContent = 'Type a name, a column or a word of a description. Filters are tier:, owner:, tag:, kind:, folder:, group:, customer:, col:, sql:, is: and has:, with - before them for what is not wanted.';
      facets.textContent = found.textContent = '';
      root!.dataset.query = '';
      return;
    }
    stop = ask(text, { limit: wide ? ALL : PAGE, facets: true, sql: true }, (a, p) => draw(text, a, p));
  }

  function ask1(text: string, replace: boolean): void {
    now = text;
    wide = false;
    setFragment('q=' + encodeURIComponent(text), { replace });
    search();
  }

  function draw(text: string, a: Answer, p: Progress): void {
    const out: string[] = [];
    if (a.total === 0) out.push(p.more ? 'Searching …' : 'Nothing matches “' + text.trim() + '”.' + (a.query.filters.length ? ' Fewer filters find more.' : ''));
    else out.push(total(a) + (a.near ? ' spelled like it: nothing matches exactly' : '') + (p.more ? ', searching on …' : '.'));
    if (a.query.unknown.length) out.push('There is no filter ' + list(a.query.unknown.map((k) => k + ':')) + '.');
    if (a.ignored.length) out.push(list(a.ignored.map((w) => '“' + w + '”')) + (a.ignored.length === 1 ? ' is' : ' are') + ' in too many descriptions to tell anything: looked for in names.');
    if (!p.more && p.broken) out.push('Some of the index cannot be loaded: there may be more.');
    said.textContent = out.join(' ');

    found.textContent = '';
    const groups = new Map<Group, Hit[]>();
    for (const h of a.hits) groups.set(h.group, [...(groups.get(h.group) ?? []), h]);
    const shown: [HTMLElement, Hit][] = [];
    for (const [name, hits] of groups) {
      const n = a.counts.get(name)!, ul = el('ul');
      for (const h of hits) {
        const link = el('a', { href: base + h.page });
        fill(link, h, a.query.words);
        ul.append(el('li', {}, link));
        shown.push([link, h]);
      }
      const title = el('h2', {}, name, ' ', el('small', {}, n.toLocaleString('en')));
      const section = name === 'SQL' && groups.size > 1 ? el('details', {}, el('summary', {}, title), ul) : el('section', {}, title, ul);
      if (n > hits.length && !wide) {
        const more = el('button', { type: 'button', class: 'more' }, 'Show more of ' + times(n - hits.length, 'other'));
        more.addEventListener('click', () => { wide = true; search(); });
        section.append(more);
      } else if (n > hits.length) {
        section.append(el('p', { class: 'said' }, times(n - hits.length, 'other') + ' are not listed: another word or a filter narrows it.'));
      }
      found.append(section);
    }
    drawFacets(text, a);
    const put = () => { for (const [link, h] of shown) describe(link, h, a.query.words); };
    put();
    if (!p.more) {
      abouts(shown.flatMap(([, h]) => (h.thing === undefined || h.about ? [] : [h.thing])), put);
      root!.dataset.query = text;
    }
  }

  function drawFacets(text: string, a: Answer): void {
    const open = new Set(Array.from(facets.querySelectorAll('details[open]'), (d) => d.id)), first = facets.childElementCount === 0;
    const focus = (document.activeElement as HTMLElement | null)?.dataset.filter;
    facets.textContent = '';
    const has = (key: string, value: string) => a.query.filters.some((f) => f.key === key && !f.not && f.value === value.toLowerCase());
    for (const [key, counts] of a.facets ?? []) {
      const active = counts.filter((c) => has(key, c.value));
      if (counts.length < 2 && active.length === 0) continue;
      const ul = el('ul');
      for (const c of counts.slice(0, 12)) ul.append(el('li', {}, toggle(text, key, c, has(key, c.value))));
      const d = el('details', { id: 'facet-' + key, open: first ? wideScreen.matches && key !== 'folder' && key !== 'tag' : open.has('facet-' + key) }, el('summary', {}, NAMES[key] ?? key), ul);
      if (counts.length > 12) ul.append(el('li', { class: 'said' }, 'and ' + (counts.length - 12).toLocaleString('en') + ' more'));
      facets.append(d);
    }
    if (focus) facets.querySelector<HTMLElement>('[data-filter="' + CSS.escape(focus) + '"]')?.focus();
  }

  function toggle(text: string, key: string, c: Count, on: boolean): HTMLElement {
    const b = el('button', { type: 'button', 'aria-pressed': String(on), 'data-filter': key + ':' + c.value }, el('span', {}, c.value), el('small', {}, c.count.toLocaleString('en')));
    b.addEventListener('click', () => {
      const filter = quoted(key, c.value);
      ask1(on ? without(text, key, c.value) : text.trim() + ' ' + filter, false);
    });
    return b;
  }

  // without takes a filter out of a question, however it is written there.
  function without(text: string, key: string, value: string): string {
    return text.replace(/-?[a-z]+:(?:"[^"]*"?|[^\s"]*)/gi, (t) => {
      const f = parse(t).filters[0];
      return f && f.key === key && !f.not && f.value === value.toLowerCase() ? '' : t;
    }).replace(/\s+/g, ' ').trim();
  }

  input.addEventListener('input', () => {
    now = input.value;
    wide = false;
    search();
    clearTimeout(typed);
    typed = window.setTimeout(() => setFragment('q=' + encodeURIComponent(now), { replace: true }), 400);
  });
  onFragment(() => {
    const q = asked();
    if (q === now) return;
    now = q;
    wide = false;
    search();
  });
  now = asked();
  search();
  if (now === '') input.focus();
}
