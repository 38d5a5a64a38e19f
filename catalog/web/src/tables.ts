// The explorer in words: the table that says the same as the picture, and the details of a
// node beside it.
import { Child, el } from './dom';
import { Columns, Project, WIDE } from './project';
import { hopWord, State, View, wordOf } from './view';

/** Cell is a text that may lead to a page, and to a node in the explorer. */
export interface Cell { text: string; href?: string; tone?: string; code?: boolean }
export interface Row { cells: Cell[]; node: number }
export interface Table { head: string[]; rows: Row[] }

const plain = (text: string): Cell => ({ text });

/** rowsOf says a view as rows: all that the picture shows, by steps from the middle. */
export function rowsOf(v: View, s: State, p: Project, columns?: Columns): Table {
  if (s.column && columns) {
    const cell = (column: number): Cell => {
      const node = Math.floor(column / WIDE);
      return { text: p.label(node) + '.' + columns.name(column), href: columns.page(column), tone: p.tone(node) };
    };
    return {
      head: ['Steps', 'From', 'To', 'How', 'Expression'],
      rows: v.columns.map((x) => ({
        node: x.node,
        cells: [plain(hopWord(x.hop)), cell(x.from), x.to < 0 ? { text: p.label(x.node) + ' (all rows)', href: p.page(x.node), tone: p.tone(x.node) } : cell(x.to), plain(wordOf(x.step)), { text: columns.text(x.step), code: true }],
      })),
    };
  }
  const name = (i: number): string => p.label(i);
  const reads = v.spots.map((): string[] => []), feeds = v.spots.map((): string[] => []);
  for (const l of v.lines) {
    reads[l.to].push(name(v.spots[l.from].node));
    feeds[l.from].push(name(v.spots[l.to].node));
  }
  const order = v.spots.map((_, k) => k).sort((a, b) => v.spots[a].hop - v.spots[b].hop || v.spots[a].node - v.spots[b].node);
  const more = (list: string[], n: number): string => list.join(', ') + (n ? (list.length ? ' and ' : '') + n + ' not shown' : '');
  return {
    head: ['Steps', 'Name', 'Kind', 'Tier', 'Reads', 'Feeds'],
    rows: order.map((k) => {
      const x = v.spots[k], i = x.node;
      return { node: i, cells: [plain(hopWord(x.hop)), { text: name(i), href: p.page(i), tone: p.tone(i) }, plain(p.kind(i)), plain(p.tier(i)), plain(more(reads[k], x.up)), plain(more(feeds[k], x.down))] };
    }),
  };
}

/** tableOf makes the rows an element. */
export function tableOf(t: Table, middle: (node: number) => void): HTMLElement {
  const body = el('tbody');
  for (const r of t.rows) {
    body.append(el('tr', undefined, ...r.cells.map((c) => {
      const td = el('td', { class: c.tone ? 'name t-' + c.tone : undefined }, c.tone && el('i', { class: 'dot' }));
      if (c.href) td.append(el('a', { href: c.href }, c.text));
      else if (c.code && c.text) td.append(el('code', undefined, c.text));
      else td.append(c.text);
      return td;
    }), el('td', undefined, small('Explore', 'Explore ' + r.cells[1].text, () => middle(r.node)))));
  }
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Lineage as a table' }, el('table', undefined,
    el('thead', undefined, el('tr', undefined, ...t.head.map((h) => el('th', { scope: 'col' }, h)), el('th', { scope: 'col' }, el('span', { class: 'sr' }, 'Explore')))), body));
}

function small(text: string, label: string, f: () => void): HTMLElement {
  const b = el('button', { type: 'button', class: 'button small', 'aria-label': label || undefined }, text);
  b.addEventListener('click', f);
  return b;
}

/** Actions are what the buttons beside the picture do. */
export interface Actions {
  middle(node: number): void;
  path(node: number): void;
  follow(node: number, column: string): void;
  open(side: string, node: number): void;
  close(side: string, node: number): void;
}

const many = (n: number, one: string, more = one + 's'): string => n.toLocaleString('en') + ' ' + (n === 1 ? one : more);

/** details says what there is to know of a node. */
export function details(node: number, v: View, s: State, p: Project, columns: Columns | undefined, act: Actions): HTMLElement {
  const page = p.page(node), above = p.cone(node, true), below = p.cone(node, false), out: Child[] = [];
  const k = v.at.get(node), spot = k === undefined || s.view === 'all' ? undefined : v.spots[k];
  out.push(el('h2', { class: 't-' + p.tone(node) }, el('i', { class: 'dot' }), page ? el('a', { href: page }, p.label(node)) : p.label(node)));
  out.push(el('p', { class: 'x-kind' }, [p.kind(node), p.tier(node), p.folder(node)].filter((x, i, a) => x && a.indexOf(x) === i).join(' · ')));
  if (p.deprecated(node)) out.push(el('p', { class: 'note' }, 'Deprecated: its page says until when, and what to read instead.'));
  if (p.restricted(node)) out.push(el('p', { class: 'note' }, 'Private: only its own group may read it.'));
  if (p.withheld(node)) out.push(el('p', { class: 'note' }, 'It also reads what is not shared here.'));
  const state = { o: 'good', w: 'with a warning', b: 'failed' }[p.state(node)];
  out.push(el('dl', undefined,
    el('dt', undefined, 'Reads'), el('dd', undefined, p.parents[node].length + ', ' + above.size + ' with all before'),
    el('dt', undefined, 'Feeds'), el('dd', undefined, p.children[node].length + ', ' + below.size + ' with all after'),
    el('dt', undefined, 'Tests'), el('dd', undefined, p.tests(node)),
    state && el('dt', undefined, 'Last run'), state && el('dd', { class: 'x-' + p.state(node) }, state)));
  const buttons: Child[] = [];
  if (page) buttons.push(el('a', { class: 'button small', href: page }, 'Open page'));
  if (node !== s.node || s.view === 'all') buttons.push(small('Put in the middle', '', () => act.middle(node)));
  if (s.node >= 0 && node !== s.node && (below.has(s.node) || above.has(s.node))) buttons.push(small('Path to ' + p.label(s.node), '', () => act.path(node)));
  if (spot && !s.column && s.to < 0) {
    for (const [side, word, n, list] of [['u', 'upstream', spot.up, p.parents[node]], ['d', 'downstream', spot.down, p.children[node]]] as const) {
      if (n) buttons.push(small('Show ' + n + ' more ' + word, '', () => act.open(side, node)));
      else if (list.length && (side === 'u' ? spot.hop <= 0 : spot.hop >= 0)) buttons.push(small('Close ' + word, '', () => act.close(side, node)));
    }
  }
  out.push(el('p', { class: 'x-buttons' }, ...buttons));
  if (s.column && columns && v.spots.length && node === s.node) out.push(...trace(v, s, p, columns));
  if (columns && p.columns(node)) out.push(...columnList(node, s, p, columns, act));
  else if (!p.flow && p.columns(node)) out.push(el('p', { class: 'more' }, 'Lineage of columns is not known: the queries were not analyzed.'));
  return el('div', undefined, ...out);
}

function columnList(node: number, s: State, p: Project, columns: Columns, act: Actions): Child[] {
  const names = columns.list(node);
  if (!p.flow) return [el('h3', undefined, 'Columns'), el('p', { class: 'more' }, many(names.length, 'column') + '. Where they come from is not known: lineage of columns was not read when this site was made.')];
  const list = el('ul', { class: 'x-columns' }, ...names.map((name) => {
    const b = el('button', { type: 'button', 'aria-pressed': String(node === s.node && name.toLowerCase() === s.column.toLowerCase()) }, name);
    b.addEventListener('click', () => act.follow(node, name));
    return el('li', undefined, b);
  }));
  const out: Child[] = [el('h3', undefined, 'Follow a column')];
  if (names.length > 15) {
    const box = el('input', { type: 'search', placeholder: 'Find a column', 'aria-label': 'Find a column', autocomplete: 'off', spellcheck: 'false' });
    box.addEventListener('input', () => {
      const q = box.value.trim().toLowerCase();
      for (const li of Array.from(list.children) as HTMLElement[]) li.hidden = !li.textContent!.toLowerCase().includes(q);
    });
    out.push(el('div', { class: 'x-filter' }, box));
  }
  return [...out, list];
}

const MOST = 80;

/** trace says where the column comes from and what it reaches, step by step. */
function trace(v: View, s: State, p: Project, columns: Columns): Child[] {
  const out: Child[] = [el('h3', undefined, 'Column ' + s.column)];
  if (v.impact) {
    const { columns: n, nodes, exposures, customers } = v.impact;
    out.push(el('p', { class: 'x-impact' }, n === 0 && exposures.length === 0 ? 'No column is made of it further on.' :
      'A change of it reaches ' + many(n, 'column') + ' in ' + many(nodes.size, 'model') + (exposures.length ? ', ' + many(exposures.length, 'exposure') : '') + (customers.length ? ', and ' + many(customers.length, 'customer') : '') + '.'));
    if (exposures.length) out.push(el('p', { class: 'more' }, 'Exposures: ', ...exposures.slice(0, 12).flatMap((i, k): Child[] => [k > 0 && ', ', p.page(i) ? el('a', { href: p.page(i) }, p.label(i)) : p.label(i)]), exposures.length > 12 && ' and ' + (exposures.length - 12) + ' more'));
    if (customers.length) out.push(el('p', { class: 'more' }, 'Customers: ' + customers.slice(0, 12).join(', ') + (customers.length > 12 ? ' and ' + (customers.length - 12) + ' more' : '')));
  }
  if (v.columns.length === 0 && s.way !== 'down') out.push(el('p', { class: 'more' }, 'It comes from no other column: ' + (p.kind(s.node) === 'source' || p.kind(s.node) === 'seed' ? 'this is where the data enters.' : 'it is a constant or a computed value, or its query could not be read.')));
  let hop = NaN, list: HTMLElement | undefined;
  for (const x of v.columns.slice(0, MOST)) {
    if (x.hop !== hop) {
      hop = x.hop;
      list = el('ul', { class: 'x-trace' });
      out.push(el('h4', undefined, hopWord(hop)), list);
    }
    const other = hop < 0 ? x.from : x.to, node = hop < 0 ? Math.floor(x.from / WIDE) : x.node, text = columns.text(x.step);
    const name = other < 0 ? p.label(node) + ' (all rows)' : p.label(node) + '.' + columns.name(other);
    const page = other < 0 ? p.page(node) : columns.page(other);
    list!.append(el('li', { class: 't-' + p.tone(node) }, el('i', { class: 'dot' }), page ? el('a', { href: page }, name) : name, ' ', el('small', undefined, wordOf(x.step)), text && el('code', undefined, text)));
  }
  if (v.columns.length > MOST) out.push(el('p', { class: 'more' }, 'And ' + (v.columns.length - MOST) + ' more: the table has all.'));
  return out;
}
