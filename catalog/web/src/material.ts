// The viewer of lots and runs: a search, a drawing to walk through, and the same as a table.
// Addresses hold the whole state, by names and not by numbers.

import "./data";
import { all, byID, el, svg, typing, type Child } from './dom';
import { fragment, onFragment, setFragment } from './place';
import { layered } from './layout';
import { Rebuilt, Store, fold, type Flow, type Lot, type Run, type Thing } from './materialstore';
import { balance, behind, edges, hidden, keyOf, round, shares, tag, walk, type Cone, type Edge, type Node, type Share, type Way } from './materialtrace';

const DRAWN = 400;
// Lots that a walk reads: at first, since each may lie in a file of its own, and when asked to go on.
const FIRST = 1_000;
const MOST = 50_000;
const ROWS = 500;
const PAGE = 25;

interface State {
  lot: string;
  dir: Way | 'both';
  depth: number;
  view: 'graph' | 'table';
  open: Set<string>;
  shut: Set<string>;
  sel: string;
  search: Record<string, string>;
}

const box = byID('materials');
if (box) void start(box);

async function start(root: HTMLElement): Promise<void> {
  inside();
  root.replaceChildren(el('p', { class: 'mt-note', role: 'status' }, 'Loading…'));
  try {
    const store = await Store.open();
    new Viewer(root, store).show();
  } catch (e) {
    failed(root, e);
  }
}

/** inside gives the files that stand in the page itself, where it is one file of one trace. */
function inside(): void {
  const blocks = new Map(all<HTMLScriptElement>('script[data-file]').map((s) => [s.dataset.file ?? '', s]));
  if (blocks.size === 0) return;
  window.catalogFile = async (path) => {
    const block = blocks.get(path);
    if (!block) throw new Error(path + ' is not in this page');
    return block.textContent ?? '';
  };
}

function failed(root: HTMLElement, e: unknown): void {
  const why = e instanceof Rebuilt ? e.message : 'A file of the genealogy cannot be read: ' + (e instanceof Error ? e.message : String(e)) + '. If the site was made anew, reload the page.';
  root.replaceChildren(el('p', { class: 'mt-note bad', role: 'alert' }, why));
}

// Words and numbers.

const count = (n: number, one: string, many = one + 's'): string => n.toLocaleString('en') + ' ' + (n === 1 ? one : many);
const number = (n: number): string => (Math.abs(n) >= 1e15 ? String(n) : Number(n.toPrecision(7)).toLocaleString('en', { maximumFractionDigits: 6 }));
const amount = (q: number | null, unit: string): string => (q === null ? '' : number(q) + (unit ? '\u00a0' + unit : ''));
const moment = (t: number | null): string => {
  if (t === null) return '';
  const d = new Date(t * 1000);
  if (isNaN(d.getTime())) return '';
  const text = d.toISOString();
  return text.slice(11, 19) === '00:00:00' ? text.slice(0, 10) : text.slice(0, 10) + ' ' + text.slice(11, 16);
};
const percent = (s: Share | undefined): string => {
  if (!s) return '';
  const p = s.part * 100;
  const text = p > 0 && p < 0.01 ? '< 0.01' : p.toLocaleString('en', { maximumFractionDigits: 2 });
  return (s.atLeast ? '≥ ' : '') + (s.estimated ? '≈ ' : '') + text + ' %';
};

/** runWord is what a run is, for people: its step and whether it splits, merges or works again. */
function runWord(r: Run): string {
  if (r.joint) return 'made of';
  return r.step || r.word || 'run';
}

function shape(r: Run): string {
  const ins = new Set(r.ins.map((f) => f.lot)).size, outs = new Set(r.outs.map((f) => f.lot)).size;
  const words: string[] = [];
  if (r.rework || r.ins.some((i) => r.outs.some((o) => o.lot === i.lot))) words.push('rework');
  if (ins > 1 && outs > 1) words.push('mix');
  else if (ins > 1) words.push('merge');
  else if (outs > 1) words.push('split');
  return words.join(', ');
}

const runName = (r: Run): string => (r.joint ? 'edge to ' + r.id : (r.word ? r.word + ' ' : '') + r.id);

/** flowsText adds up what flows say, by unit. */
function flowsText(flows: Flow[]): string {
  return flows.map((f) => (f.quantity !== null ? (f.estimated ? '≈ ' : '') + amount(f.quantity, f.unit) : f.share !== null ? percent({ part: f.share, estimated: f.estimated, atLeast: false }) : '')).filter(Boolean).join(' + ');
}

class Viewer {
  private state: State;
  private cone: Cone | null = null;
  private shown = new Map<string, Node>();
  private share = new Map<string, Share>();
  private focus = '';
  private turn = 0;
  private rows = ROWS;
  private most = FIRST;

  constructor(private readonly root: HTMLElement, private readonly store: Store) {
    this.state = this.read();
    onFragment(() => {
      if ('#' + fragment() === this.hash(this.state)) return;
      this.state = this.read();
      this.show();
    });
    document.addEventListener('keydown', (e) => {
      if (e.key === 'Escape' && !typing(e) && this.state.sel) this.unselect();
    });
  }

  private read(): State {
    const p = new URLSearchParams(fragment());
    const search: Record<string, string> = {};
    for (const k of ['q', 'material', 'machine', 'step', 'site', 'tenant', 'from', 'to', 'n']) if (p.get(k)) search[k] = p.get(k)!;
    const dir = p.get('dir'), single = this.root.dataset.lot ?? '';
    const depth = Number(p.get('depth') ?? (single ? 0 : 3));
    return {
      lot: p.get('lot') ?? (fragment() ? '' : single), dir: dir === 'back' || dir === 'forward' ? dir : (dir === null && (this.root.dataset.dir as Way)) || 'both',
      depth: Number.isInteger(depth) && depth >= 0 ? depth : 3, view: p.get('view') === 'table' ? 'table' : 'graph',
      open: new Set(p.getAll('open')), shut: new Set(p.getAll('shut')), sel: p.get('sel') ?? '', search,
    };
  }

  private hash(s: State): string {
    const p = new URLSearchParams();
    if (s.lot) {
      p.set('lot', s.lot);
      p.set('dir', s.dir);
      p.set('depth', String(s.depth));
      if (s.view !== 'graph') p.set('view', s.view);
      for (const o of s.open) p.append('open', o);
      for (const o of s.shut) p.append('shut', o);
      if (s.sel) p.set('sel', s.sel);
    } else {
      for (const k in s.search) if (s.search[k]) p.set(k, s.search[k]);
    }
    return '#' + p.toString();
  }

  /** go shows the state and writes it into the address; a step of its own unless told otherwise. */
  private go(replace = false): void {
    setFragment(this.hash(this.state).slice(1), { replace });
    this.show();
  }

  show(): void {
    const turn = ++this.turn;
    this.root.setAttribute('aria-busy', 'true');
    (this.state.lot ? this.trace(turn) : this.search(turn)).then(() => {
      if (turn === this.turn) this.root.removeAttribute('aria-busy');
    }, (e) => { if (turn === this.turn) { failed(this.root, e); this.root.removeAttribute('aria-busy'); } });
  }

  // The search.

  private async search(turn: number): Promise<void> {
    const { index } = this.store, s = this.state.search;
    const field = (label: string, input: HTMLElement): HTMLElement => el('label', { class: 'mt-field' }, el('span', {}, label), input);
    const form = el('form', { class: 'mt-search', role: 'search', 'aria-label': 'Find a lot' },
      field('Id or label begins with', el('input', { name: 'q', type: 'search', value: s.q, autocomplete: 'off', spellcheck: 'false' })));
    for (const f of index.facets) {
      const words = (index.words as unknown as Record<string, string[]>)[f.name];
      const list = words.map((w, i) => [w, f.counts[i]] as const).filter(([w, n]) => w && n > 0);
      if (list.length > 500) {
        const id = 'm-' + f.name;
        form.append(field(f.name, el('input', { name: f.name, list: id, value: s[f.name] })), el('datalist', { id }, ...list.slice(0, 5000).map(([w]) => el('option', { value: w }))));
      } else {
        const select = el('select', { name: f.name }, el('option', { value: '' }, 'any'), ...list.map(([w, n]) => el('option', { value: w, selected: s[f.name] === w }, w + ' (' + n.toLocaleString('en') + ')')));
        form.append(field(f.name, select));
      }
    }
    form.append(field('From', el('input', { name: 'from', type: 'date', value: s.from })), field('To', el('input', { name: 'to', type: 'date', value: s.to })),
      el('button', { type: 'submit', class: 'mt-main' }, 'Search'));
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      this.state.search = {};
      for (const [k, v] of new FormData(form)) if (String(v).trim()) this.state.search[k] = String(v).trim();
      this.go();
    });
    const list = el('div', { class: 'mt-hits' });
    this.root.replaceChildren(form, list);
    const [lots, total] = await this.hits(Number(s.n ?? PAGE));
    if (turn !== this.turn) return;
    const asked = Object.keys(s).some((k) => k !== 'n');
    const head = !asked ? 'Newest of ' + count(index.lots, 'lot') : total < 0 ? 'More than ' + count(lots.length, 'lot') : count(total, 'lot');
    const table = el('table', { class: 'mt-table' }, el('thead', {}, el('tr', {}, ...['Lot', 'Label', 'Material', 'Quantity', 'Time', 'Site', 'Tenant'].map((t) => el('th', { scope: 'col', class: t === 'Quantity' && 'n' }, t)))),
      el('tbody', {}, ...lots.map((l) => el('tr', {}, el('td', {}, this.lotLink(l)), el('td', {}, l.label), el('td', {}, l.material), el('td', { class: 'n' }, amount(l.quantity, l.unit)), el('td', {}, moment(l.at)), el('td', {}, l.site), el('td', {}, l.tenant)))));
    list.replaceChildren(el('h2', { 'aria-live': 'polite' }, head),
      lots.length > 0 ? el('div', { class: 'mt-scroll', tabindex: 0, role: 'region', 'aria-label': 'Lots found' }, table) : el('p', { class: 'mt-note' }, 'No lot is like that. Ids are found by how they begin; leave a field empty to count all.'));
    if (total < 0 || total > lots.length) {
      const more = el('button', { type: 'button' }, 'Show more');
      more.addEventListener('click', () => { this.state.search.n = String(Number(s.n ?? PAGE) + 2 * PAGE); this.go(true); });
      list.append(more);
    }
    dropEmpty(table, 1);
  }

  private lotLink(l: Lot): HTMLElement {
    const a = el('a', { href: this.hash({ ...this.state, lot: l.id, sel: '', open: new Set(), shut: new Set() }) }, l.id || '(no id)');
    return a;
  }

  /** hits are lots for what is asked, newest first, and how many there are; -1: more than these. */
  private async hits(most: number): Promise<[Lot[], number]> {
    const { index } = this.store, s = this.state.search;
    const day = (text: string | undefined): number | null => { const t = text ? Date.parse(text + 'T00:00:00Z') : NaN; return isNaN(t) ? null : t / 1000; };
    const from = day(s.from), to = day(s.to);
    const low = from === null ? 0 : await this.store.since(from);
    const high = to === null ? index.lots : await this.store.since(to + 86400);
    let lists: number[][] = [];
    for (const f of index.facets) if (s[f.name]) lists.push(await this.store.posts(f.name, s[f.name]));
    if (s.q) {
      const keys = await this.store.keys(fold(s.q), 5000);
      const exact = keys.filter(([k]) => k === s.q).map(([, n]) => n);
      const named = Array.from(new Set(keys.map(([, n]) => n))).sort((a, b) => a - b);
      lists = [named, ...lists];
      const ns = meet(lists).filter((n) => n >= low && n < high);
      const first = ns.filter((n) => exact.includes(n)), rest = ns.filter((n) => !exact.includes(n));
      return [await this.store.readLots([...first, ...rest].slice(0, most)), keys.length >= 5000 ? -1 : ns.length];
    }
    if (lists.length === 0) {
      const ns = Array.from({ length: Math.min(most, Math.max(0, high - low)) }, (_, i) => high - 1 - i);
      return [await this.store.readLots(ns), Math.max(0, high - low)];
    }
    const ns = meet(lists).filter((n) => n >= low && n < high);
    return [await this.store.readLots(ns.slice(-most).reverse()), ns.length];
  }

  // The trace.

  private async trace(turn: number): Promise<void> {
    const s = this.state;
    if (this.cone?.root.id !== s.lot) this.most = FIRST;
    const lot = this.cone?.root.id === s.lot ? this.cone.root : await this.store.find(s.lot);
    if (turn !== this.turn) return;
    if (!lot) {
      this.root.replaceChildren(this.back(), el('p', { class: 'mt-note', role: 'status' }, 'There is no lot ' + s.lot + ' here. It may have another id, or lie outside of what this site holds.'));
      return;
    }
    const ways: Way[] = s.dir === 'both' ? ['back', 'forward'] : [s.dir];
    const cone = await walk(this.store, { root: lot, ways, depth: s.depth, open: s.open, shut: s.shut, most: this.most });
    if (turn !== this.turn) return;
    this.cone = cone;
    this.shown = new Map(Array.from(cone.nodes).slice(0, DRAWN));
    this.share = new Map([...(ways.includes('forward') ? shares(cone, 'forward') : []), ...(ways.includes('back') ? shares(cone, 'back') : [])]);
    const lots = Array.from(cone.nodes.values()).filter((n) => n.thing.kind === 'lot').length;
    const runs = cone.nodes.size - lots;
    const body = el('div', { class: 'mt-body' });
    const summary = el('div', { class: 'mt-summary', role: 'status' }, 'Counting what it was made of and what became of it…');
    const note = cone.capped ? 'Only the nearest ' + count(lots, 'lot') + ' were read: there are more, which are neither drawn nor listed.' : cone.nodes.size > DRAWN ? 'The nearest ' + count(this.shown.size, 'box', 'boxes') + ' of ' + count(cone.nodes.size, 'box', 'boxes') + ' are drawn; the table has all ' + count(lots, 'lot') + '.' : '';
    const hadFocus = !!document.activeElement && this.root.contains(document.activeElement) && !!document.activeElement.closest('.mt-graph');
    this.root.replaceChildren(this.back(), this.head(lot), summary, this.controls(lots, runs), el('p', { class: 'mt-note' }, note, cone.capped && this.most < MOST && this.onward()), body);
    if (s.view === 'table') this.table(body); else this.graph(body, hadFocus);
    this.card(body);
    void this.recall(lot, summary, turn);
  }

  private back(): HTMLElement {
    const a = el('a', { class: 'mt-back', href: '#' }, 'All lots');
    a.addEventListener('click', (e) => { e.preventDefault(); this.state = { ...this.state, lot: '', sel: '', open: new Set(), shut: new Set() }; this.go(); });
    return el('p', {}, a);
  }

  private head(lot: Lot): HTMLElement {
    const facts = [lot.label, lot.material, amount(lot.quantity, lot.unit), moment(lot.at), lot.site && 'site ' + lot.site, lot.tenant && 'tenant ' + lot.tenant].filter(Boolean).join(' · ');
    return el('div', { class: 'mt-head' }, el('h2', {}, lot.id || '(no id)'), el('p', {}, facts));
  }

  private controls(lots: number, runs: number): HTMLElement {
    const s = this.state;
    const pick = (label: string, options: [string, string][], value: string, set: (v: string) => void): HTMLElement => {
      const g = el('div', { class: 'mt-pick', role: 'group', 'aria-label': label });
      for (const [v, text] of options) {
        const b = el('button', { type: 'button', 'aria-pressed': v === value ? 'true' : 'false' }, text);
        b.addEventListener('click', () => { set(v); this.go(); this.root.querySelector<HTMLElement>('[aria-label="' + label + '"] [aria-pressed=true]')?.focus(); });
        g.append(b);
      }
      return g;
    };
    const depth = el('select', { 'aria-label': 'Hops to follow' }, ...['1', '2', '3', '5', '8', '12', '0'].map((d) => el('option', { value: d, selected: String(s.depth) === d }, d === '0' ? 'all hops' : count(Number(d), 'hop'))));
    depth.addEventListener('change', () => { s.depth = Number(depth.value); this.go(); });
    if (!Array.from(depth.options).some((o) => o.selected && o.value === String(s.depth))) depth.append(el('option', { value: s.depth, selected: true }, count(s.depth, 'hop')));
    const csv = el('button', { type: 'button' }, 'CSV');
    csv.addEventListener('click', () => this.csv());
    return el('div', { class: 'mt-controls' },
      pick('Direction', [['back', '← Trace back'], ['both', 'Both'], ['forward', 'Trace forward →']], s.dir, (v) => { s.dir = v as State['dir']; s.open.clear(); s.shut.clear(); }),
      depth, pick('View', [['graph', 'Graph'], ['table', 'Table']], s.view, (v) => { s.view = v as State['view']; }), csv,
      el('span', { class: 'mt-count' }, count(lots, 'lot') + ', ' + count(runs, 'run')));
  }

  /** onward is the button that reads on. */
  private onward(): HTMLElement {
    const b = el('button', { type: 'button', class: 'mt-onward' }, 'Read on');
    b.addEventListener('click', () => { this.most = MOST; this.show(); });
    return b;
  }

  /** recall counts the whole of both directions, whatever is shown. */
  private async recall(lot: Lot, into: HTMLElement, turn: number): Promise<void> {
    const full = (way: Way): Promise<Cone> => walk(this.store, { root: lot, ways: [way], depth: 0, open: new Set(), shut: new Set(), most: this.most });
    const [up, down] = await Promise.all([full('back'), full('forward')]);
    if (turn !== this.turn) return;
    const lots = (c: Cone): Lot[] => Array.from(c.nodes.values()).map((n) => n.thing).filter((t): t is Lot => t.kind === 'lot');
    const above = lots(up).filter((l) => l !== lot && l.n !== lot.n), below = lots(down).filter((l) => l.n !== lot.n);
    const raw = above.filter((l) => l.made.length === 0), ends = below.filter((l) => l.used.length === 0);
    const least = (c: Cone): string => (c.capped ? 'at least ' : '');
    const withheld = Array.from(up.nodes.values()).some((n) => n.thing.kind === 'run' && n.thing.withheld);
    const parts: Child[] = [];
    const add = (...words: Child[]): void => { if (parts.length > 0) parts.push(el('span', { class: 'mt-arrow', 'aria-hidden': 'true' }, ' → ')); parts.push(...words); };
    if (above.length > 0) add(el('b', {}, least(up) + count(raw.length, 'raw lot')), above.length > raw.length ? ' (' + least(up) + count(above.length, 'lot') + ' in all)' : '');
    add(el('b', {}, 'this lot'));
    if (below.length > 0) {
      if (down.capped && ends.length === 0) add(el('b', {}, 'at least ' + count(below.length, 'lot')));
      else add(el('b', {}, least(down) + count(ends.length, 'finished lot')), below.length > ends.length ? ' (' + least(down) + count(below.length, 'lot') + ' in all)' : '');
    }
    const out: Child[] = [el('p', { class: 'mt-line' }, ...parts)];
    if (this.store.index.shipments > 0) {
      const shipped = [lot, ...below].flatMap((l) => l.shipments.map((x) => ({ ...x, lot: l })));
      const numbers = new Set(shipped.map((x) => x.id || x.lot.id)), who = new Set(shipped.map((x) => x.customer).filter(Boolean));
      if (!down.capped || numbers.size > 0) add(el('b', {}, least(down) + count(numbers.size, 'shipment')), who.size > 0 ? ', ' : '', who.size > 0 && el('b', {}, count(who.size, 'customer')));
      out[0] = el('p', { class: 'mt-line' }, ...parts);
      if (shipped.length > 0) {
        const table = el('table', { class: 'mt-table' }, el('thead', {}, el('tr', {}, ...['Customer', 'Shipment', 'Lot', 'Material', 'Quantity', 'Time'].map((t) => el('th', { scope: 'col', class: t === 'Quantity' && 'n' }, t)))),
          el('tbody', {}, ...shipped.sort((a, b) => (a.customer < b.customer ? -1 : a.customer > b.customer ? 1 : 0) || (a.at ?? 0) - (b.at ?? 0)).slice(0, ROWS).map((x) => el('tr', {}, el('td', {}, x.customer), el('td', {}, x.id), el('td', {}, this.lotLink(x.lot)), el('td', {}, x.lot.material), el('td', { class: 'n' }, amount(x.quantity, x.unit)), el('td', {}, moment(x.at))))));
        const csv = el('button', { type: 'button' }, 'CSV of shipments');
        csv.addEventListener('click', () => save('shipments-of-' + lot.id, [['customer', 'shipment', 'lot', 'label', 'material', 'quantity', 'unit', 'time'], ...shipped.map((x) => [x.customer, x.id, x.lot.id, x.lot.label, x.lot.material, x.quantity, x.unit, moment(x.at)])]));
        out.push(el('details', { class: 'mt-ships' }, el('summary', {}, 'Who got it'), el('div', { class: 'mt-scroll', tabindex: 0, role: 'region', 'aria-label': 'Shipments' }, table), shipped.length > ROWS && el('p', { class: 'mt-note' }, 'The first ' + ROWS + ' of ' + count(shipped.length, 'row') + '; the CSV has all.'), csv));
      }
    }
    if ((up.capped || down.capped) && this.most < MOST) out.push(el('p', { class: 'mt-note' }, 'Counted as far as the nearest ' + count(this.most, 'lot') + '. ', this.onward()));
    if (withheld) out.push(el('p', { class: 'mt-note' }, 'Some of its origin is not shared here.'));
    if (above.length === 0 && !withheld) out.push(el('p', { class: 'mt-note' }, 'Nothing is known that it was made of.'));
    if (below.length === 0) out.push(el('p', { class: 'mt-note' }, 'Nothing is known that was made of it.'));
    into.replaceChildren(...out.filter((x): x is HTMLElement => x instanceof HTMLElement));
  }

  // The drawing.

  private graph(body: HTMLElement, focus: boolean): void {
    const nodes = Array.from(this.shown.values());
    const at = new Map(nodes.map((n, i) => [n.key, i]));
    const links = edges(this.shown);
    const size = (n: Node): readonly [number, number] => {
      if (n.thing.kind === 'run' && n.thing.joint) return [26, 26];
      const [a, b] = lines(n.thing);
      return [Math.max(cells(a) * 7.4, cells(b) * 6.4) + 26, 44];
    };
    const d = layered({
      boxes: nodes.map(size), rankGap: 104, rowGap: 22,
      edges: links.map((e): [number, number] => (e.back ? [at.get(e.to.key)!, at.get(e.from.key)!] : [at.get(e.from.key)!, at.get(e.to.key)!])),
    });
    const pad = 44;
    const g = svg('svg', { class: 'mt-graph', width: Math.ceil(d.w + 2 * pad), height: Math.ceil(d.h + 2 * pad), viewBox: [-pad, -pad, d.w + 2 * pad, d.h + 2 * pad].map((n) => n.toFixed(1)).join(' '), role: 'application', 'aria-label': 'Genealogy of ' + this.state.lot + '. Arrow keys move, Enter shows details, plus and minus open and close. The table has the same.' });
    const below = svg('g', {}), texts = svg('g', {}), above = svg('g', {});
    links.forEach((e, i) => {
      const route = d.routes[i];
      if (!route) return;
      const points = e.back ? reversed(route) : route;
      const unsure = e.flows.some((f) => f.estimated);
      const path = svg('path', { class: 'mt-edge' + (e.back ? ' mt-round' : unsure ? ' mt-unsure' : ''), d: curve(points), 'data-from': e.from.key, 'data-to': e.to.key });
      path.append(svg('title', {}, this.edgeTitle(e)));
      below.append(path, svg('path', { class: 'mt-tip' + (e.back ? ' mt-round' : ''), d: tip(points) }));
      const label = flowsText(e.flows);
      if (label && links.length <= 120) {
        const [x, y] = middle(points);
        texts.append(svg('text', { class: 'mt-qty', x: x.toFixed(1), y: (y - 7).toFixed(1), 'text-anchor': 'middle' }, (e.back ? '↺ ' : '') + label));
      }
    });
    nodes.forEach((n, i) => above.append(this.node(n, d.boxes[i])));
    g.append(below, texts, above);
    g.addEventListener('keydown', (e) => this.key(e, links));
    g.addEventListener('focusin', (e) => { const n = (e.target as Element).closest<SVGGElement>('[data-key]'); if (n) this.light(n.dataset.key!, links); });
    g.addEventListener('pointerover', (e) => { const n = (e.target as Element).closest<SVGGElement>('[data-key]'); this.light(n ? n.dataset.key! : '', links); });
    g.addEventListener('pointerleave', () => this.light('', links));
    const scroll = el('div', { class: 'mt-scroll mt-canvas' }, g as unknown as globalThis.Node);
    body.replaceChildren(scroll, this.legend(links));
    const rootBox = d.boxes[0];
    if (!this.shown.has(this.focus)) this.focus = keyOf(this.cone!.root);
    this.tabStop();
    const mark = d.boxes[at.get(this.focus) ?? 0] ?? rootBox;
    scroll.scrollLeft = mark.x + pad + mark.w / 2 - scroll.clientWidth / 2;
    scroll.scrollTop = mark.y + pad + mark.h / 2 - scroll.clientHeight / 2;
    if (focus) this.element(this.focus)?.focus({ preventScroll: true });
  }

  private legend(links: Edge[]): HTMLElement {
    const items: Child[] = [el('li', {}, el('i', { class: 'mt-k-lot' }), 'lot'), el('li', {}, el('i', { class: 'mt-k-run' }), 'run')];
    if (links.some((e) => e.flows.some((f) => f.estimated))) items.push(el('li', {}, el('i', { class: 'mt-k-unsure' }), 'dashed: estimated'));
    if (links.some((e) => e.back)) items.push(el('li', {}, el('i', { class: 'mt-k-round' }), '↺ leads back in time: a cycle'));
    items.push(el('li', {}, '+n: show n more  ·  «n, n»: siblings that are not shown  ·  −: hide'));
    return el('ul', { class: 'mt-legend' }, ...items);
  }

  private edgeTitle(e: Edge): string {
    const text = (n: Node): string => (n.thing.kind === 'lot' ? n.thing.id : runName(n.thing));
    return [text(e.from) + ' → ' + text(e.to), flowsText(e.flows), e.back ? 'leads back in time' : ''].filter(Boolean).join(': ');
  }

  private node(n: Node, b: { x: number; y: number; w: number; h: number }): SVGGElement {
    const t = n.thing, isRoot = n.key === keyOf(this.cone!.root);
    const lot = t.kind === 'lot';
    const place = svg('g', { transform: 'translate(' + b.x.toFixed(1) + ' ' + b.y.toFixed(1) + ')' });
    const g = svg('g', {
      class: 'mt-node ' + (lot ? 'mt-lot' : t.joint ? 'mt-joint' : 'mt-run') + (isRoot ? ' mt-root' : '') + (this.state.sel === selName(t) ? ' mt-sel' : ''), 'data-key': n.key, role: 'button', tabindex: -1, 'aria-label': this.label(n),
    });
    g.append(svg('rect', { width: b.w.toFixed(1), height: b.h, rx: lot ? 12 : t.joint ? 13 : 0 }));
    if (t.kind === 'run' && t.joint) g.append(svg('circle', { cx: b.w / 2, cy: b.h / 2, r: 3 }));
    else {
      const [a, second] = lines(t);
      // One text, so that its words are read apart.
      g.append(svg('text', {}, svg('tspan', { class: 'mt-name', x: 13, y: 19 }, a), ' ', svg('tspan', { class: 'mt-sub', x: 13, y: 35 }, second)));
    }
    g.append(svg('title', {}, this.label(n)));
    g.addEventListener('click', () => {
      this.focus = n.key;
      this.select(t);
    });
    place.append(g);
    for (const way of ['back', 'forward'] as Way[]) this.more(place, n, way, b);
    return place;
  }

  /** more puts the button on a side of a node: what is hidden there, or what can be. */
  private more(g: SVGGElement, n: Node, way: Way, b: { w: number; h: number }): void {
    const t = n.thing, left = way === 'back';
    const away = hidden(this.shown, t, way);
    const goes = behind(t, way).length > 0;
    const isRoot = n.key === keyOf(this.cone!.root);
    const onWay = n.ways.has(way);
    let text = '', label = '';
    if (away > 0) {
      text = onWay ? '+' + away : left ? '«' + away : away + '»';
      const what = t.kind === 'lot' ? count(away, 'run') : count(away, 'lot');
      label = (onWay ? 'Show ' + what : 'Show ' + what + ' that are not on the way') + (left ? ' before' : ' after') + ' ' + short(t);
    } else if (goes && n.followed.has(way) && (t.kind === 'lot') && (this.state.open.has(tag(t, way)) || onWay) && (!isRoot || this.state.dir === 'both')) {
      text = '−';
      label = 'Hide what is ' + (left ? 'before ' : 'after ') + short(t);
    }
    if (!text) return;
    const w = Math.max(20, 8 * text.length + 8);
    const x = left ? -w - 3 : b.w + 3;
    const button = svg('g', { 'aria-hidden': 'true', class: 'mt-more' + (away > 0 && !onWay ? ' mt-side' : ''), transform: 'translate(' + x.toFixed(1) + ' ' + (b.h / 2 - 10) + ')', 'data-way': way },
      svg('rect', { width: w, height: 20, rx: 6 }), svg('text', { x: w / 2, y: 14, 'text-anchor': 'middle' }, text), svg('title', {}, label));
    button.addEventListener('click', (e) => { e.stopPropagation(); this.toggle(n, way); });
    g.append(button);
  }

  private toggle(n: Node, way: Way): void {
    const name = tag(n.thing, way), s = this.state;
    this.focus = n.key;
    if (hidden(this.shown, n.thing, way) > 0) {
      // What was closed by hand goes on as it did before.
      if (!s.shut.delete(name) && !(n.followed.has(way) && this.cone!.nodes.size > this.shown.size)) s.open.add(name);
    } else if (s.open.has(name)) s.open.delete(name);
    else s.shut.add(name);
    this.go();
  }

  private label(n: Node): string {
    const t = n.thing;
    // What the box says comes first, as it is said.
    const visible = t.kind === 'run' && t.joint ? '' : lines(t).filter(Boolean).join(' ');
    const words = t.kind === 'lot'
      ? [visible, 'lot ' + t.id, t.label, moment(t.at), t.site]
      : [visible, t.joint ? 'edge to ' + t.id : 'run ' + runName(t), t.order];
    const hop = n.hop === 0 ? '' : count(Math.abs(n.hop), 'hop') + (n.hop < 0 ? ' before' : ' after');
    return [...words, hop].filter(Boolean).join(', ').replace(/\u00a0/g, ' ');
  }

  private element(key: string): SVGGElement | null { return this.root.querySelector<SVGGElement>('.mt-graph [data-key="' + key + '"]'); }

  private tabStop(): void {
    for (const g of all<SVGGElement>('.mt-node', this.root)) g.setAttribute('tabindex', g.dataset.key === this.focus ? '0' : '-1');
  }

  /** light dims what is not next to a node. */
  private light(key: string, links: Edge[]): void {
    const g = this.root.querySelector('.mt-graph');
    if (!g) return;
    g.classList.toggle('mt-dim', key !== '');
    const near = new Set([key]);
    for (const e of links) { if (e.from.key === key) near.add(e.to.key); if (e.to.key === key) near.add(e.from.key); }
    for (const n of all<SVGGElement>('.mt-node', g)) n.classList.toggle('mt-near', near.has(n.dataset.key!));
    for (const p of all<SVGPathElement>('.mt-edge', g)) p.classList.toggle('mt-near', p.dataset.from === key || p.dataset.to === key);
  }

  private key(e: KeyboardEvent, links: Edge[]): void {
    const g = (e.target as Element).closest<SVGGElement>('[data-key]');
    if (!g || e.ctrlKey || e.metaKey || e.altKey) return;
    const node = this.shown.get(g.dataset.key!)!;
    const to = (key: string | undefined): void => {
      if (!key) return;
      this.focus = key;
      this.tabStop();
      const next = this.element(key);
      next?.focus();
      next?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    };
    const place = (key: string): DOMRect => this.element(key)!.querySelector('rect')!.getBoundingClientRect();
    const here = place(node.key);
    const nearest = (keys: string[]): string | undefined => keys.sort((a, b) => Math.abs(place(a).top - here.top) - Math.abs(place(b).top - here.top))[0];
    const s = this.state.dir === 'forward' ? 'forward' : this.state.dir === 'back' ? 'back' : node.hop > 0 ? 'forward' : 'back';
    switch (e.key) {
      case 'ArrowLeft': to(nearest(links.filter((l) => l.to.key === node.key).map((l) => l.from.key))); break;
      case 'ArrowRight': to(nearest(links.filter((l) => l.from.key === node.key).map((l) => l.to.key))); break;
      case 'ArrowUp': case 'ArrowDown': {
        const down = e.key === 'ArrowDown';
        const same = Array.from(this.shown.keys()).filter((k) => { const p = place(k); return k !== node.key && Math.abs(p.left - here.left) < 4 && (down ? p.top > here.top : p.top < here.top); });
        to(nearest(same));
        break;
      }
      case 'Home': to(keyOf(this.cone!.root)); break;
      case 'Enter': case ' ': this.select(node.thing); break;
      case '+': case '-': {
        const ways: Way[] = s === 'back' ? ['back', 'forward'] : ['forward', 'back'];
        for (const way of ways) {
          const away = hidden(this.shown, node.thing, way);
          if (e.key === '+' ? away > 0 : away === 0 && this.root.querySelector('[data-key="' + node.key + '"] ~ [data-way="' + way + '"]')) { this.toggle(node, way); break; }
        }
        break;
      }
      default: return;
    }
    e.preventDefault();
  }

  // Details.

  private unselect(): void {
    this.state.sel = '';
    setFragment(this.hash(this.state).slice(1), { replace: true });
    for (const g of all<SVGGElement>('.mt-sel', this.root)) g.classList.remove('mt-sel');
    const card = this.root.querySelector('.mt-card');
    const inside = !!card && card.contains(document.activeElement);
    card?.remove();
    this.root.querySelector('.mt-body')?.classList.remove('mt-with');
    if (inside) this.element(this.focus)?.focus();
  }

  private select(t: Thing): void {
    this.state.sel = this.state.sel === selName(t) ? '' : selName(t);
    setFragment(this.hash(this.state).slice(1), { replace: true });
    for (const g of all<SVGGElement>('.mt-node', this.root)) g.classList.toggle('mt-sel', this.state.sel !== '' && g.dataset.key === keyOf(t));
    const body = this.root.querySelector<HTMLElement>('.mt-body');
    if (body) this.card(body);
  }

  private card(body: HTMLElement): void {
    body.querySelector('.mt-card')?.remove();
    const node = this.state.sel ? Array.from(this.cone!.nodes.values()).find((n) => selName(n.thing) === this.state.sel) : undefined;
    body.classList.toggle('mt-with', !!node);
    if (!node) return;
    const t = node.thing;
    const close = el('button', { type: 'button', class: 'mt-close', 'aria-label': 'Close' }, '×');
    close.addEventListener('click', () => this.unselect());
    const card = el('section', { class: 'mt-card', 'aria-label': 'Details of ' + short(t), 'aria-live': 'polite' }, close, el('h3', {}, t.kind === 'lot' ? t.id || '(no id)' : runName(t)));
    const facts = el('dl', {});
    const fact = (name: string, value: string): void => { if (value) facts.append(el('dt', {}, name), el('dd', {}, value)); };
    if (t.kind === 'lot') {
      fact('Label', t.label); fact('Material', t.material); fact('Quantity', amount(t.quantity, t.unit)); fact('Time', moment(t.at)); fact('Site', t.site); fact('Tenant', t.tenant);
      fact(this.state.dir === 'forward' ? 'Part from ' + this.state.lot : 'Share', percent(this.share.get(node.key)));
      fact('Made by', t.made.length ? count(t.made.length, 'run') : 'nothing that is known'); fact('Used by', t.used.length ? count(t.used.length, 'run') : 'nothing that is known');
      card.append(facts);
      if (t.shipments.length > 0) card.append(el('h4', {}, count(t.shipments.length, 'shipment')), el('ul', {}, ...t.shipments.slice(0, 50).map((x) => el('li', {}, [x.customer, x.id, amount(x.quantity, x.unit), moment(x.at)].filter(Boolean).join(' · ')))), el('p', { class: 'mt-note' }, t.shipments.length > 50 ? 'and ' + (t.shipments.length - 50) + ' more' : ''));
      if (t.n !== this.cone!.root.n) {
        const a = el('a', { class: 'mt-main', href: this.hash({ ...this.state, lot: t.id, sel: '', open: new Set(), shut: new Set() }) }, 'Trace this lot');
        card.append(el('p', {}, a));
      }
    } else {
      fact('Step', runWord(t)); fact('Shape', shape(t)); fact('Machine', t.machine); fact('Order', t.order); fact('Started', moment(t.started)); fact('Ended', moment(t.ended));
      card.append(facts, this.balanceTable(t));
      void this.flows(card, 'In', t.ins);
      void this.flows(card, 'Out', t.outs);
      if (t.withheld) card.append(el('p', { class: 'mt-note' }, 'It had more lots, which are not shared here.'));
    }
    body.append(card);
  }

  private balanceTable(r: Run): HTMLElement {
    const rows = balance(r);
    if (rows.every((b) => b.input === null && b.output === null && b.scrap === null)) return el('p', { class: 'mt-note' }, 'No balance: its flows have no quantities.');
    const cell = (n: number | null): HTMLElement => el('td', { class: 'n' }, n === null ? 'not known' : number(n));
    const off = rows.some((b) => b.difference !== null && b.difference !== 0);
    return el('div', {}, el('table', { class: 'mt-table mt-balance' }, el('caption', {}, 'Balance'), el('thead', {}, el('tr', {}, ...['Unit', 'In', 'Out', 'Scrap', 'Difference'].map((t) => el('th', { scope: 'col', class: t !== 'Unit' && 'n' }, t)))),
      el('tbody', {}, ...rows.map((b) => el('tr', {}, el('td', {}, b.unit || '–'), cell(b.input), cell(b.output), el('td', { class: 'n' }, b.scrap === null ? '' : number(b.scrap)), el('td', { class: 'n' + (b.difference ? ' mt-off' : '') }, b.difference === null ? 'not known' : (b.difference > 0 ? '+' : '') + number(b.difference)))))),
      off && el('p', { class: 'mt-note' }, rows.length > 1 ? 'Units are kept apart: what changed its unit shows as a difference.' : 'In, out and scrap do not agree.'));
  }

  private async flows(card: HTMLElement, title: string, flows: Flow[]): Promise<void> {
    if (flows.length === 0) return;
    const list = el('ul', { class: 'mt-flows' });
    card.append(el('h4', {}, title + ': ' + count(new Set(flows.map((f) => f.lot)).size, 'lot')), list);
    const lots = await this.store.readLots(flows.slice(0, 100).map((f) => f.lot));
    lots.forEach((l, i) => list.append(el('li', {}, this.lotLink(l), ' ', [l.material, flowsText([flows[i]])].filter(Boolean).join(' · '))));
    if (flows.length > 100) list.append(el('li', {}, 'and ' + (flows.length - 100) + ' more'));
  }

  // The table, and the same as CSV.

  /** listed are the lots of the whole trace, by hop, with the runs that lead to them. */
  private listed(): { node: Node; lot: Lot; runs: Run[]; flows: Flow[] }[] {
    const runs = Array.from(this.cone!.nodes.values()).map((n) => n.thing).filter((t): t is Run => t.kind === 'run');
    const takes = new Map<number, Run[]>(), makes = new Map<number, Run[]>();
    for (const r of runs) {
      for (const n of new Set(r.ins.map((f) => f.lot))) takes.set(n, [...(takes.get(n) ?? []), r]);
      for (const n of new Set(r.outs.map((f) => f.lot))) makes.set(n, [...(makes.get(n) ?? []), r]);
    }
    return Array.from(this.cone!.nodes.values()).filter((n) => n.thing.kind === 'lot').map((node) => {
      const lot = node.thing as Lot;
      const own = node.hop < 0 ? takes.get(lot.n) ?? [] : node.hop > 0 ? makes.get(lot.n) ?? [] : [];
      return { node, lot, runs: own, flows: own.flatMap((r) => (node.hop < 0 ? r.ins : r.outs).filter((f) => f.lot === lot.n)) };
    }).sort((a, b) => a.node.hop - b.node.hop || a.lot.n - b.lot.n);
  }

  private table(body: HTMLElement): void {
    const rows = this.listed();
    const heads = ['Hop', 'Lot', 'Label', 'Material', 'Quantity', 'In the run', 'Share', 'Run', 'Step', 'Machine', 'Time', 'Site', 'Tenant'];
    const table = el('table', { class: 'mt-table mt-all' }, el('caption', { class: 'sr' }, 'Lots of the genealogy of ' + this.state.lot), el('thead', {}, el('tr', {}, ...heads.map((t) => el('th', { scope: 'col', class: /^(Hop|Quantity|In the run|Share)$/.test(t) && 'n' }, t)))),
      el('tbody', {}, ...rows.slice(0, this.rows).map(({ node, lot, runs, flows }) => el('tr', { class: node.hop === 0 && lot.n === this.cone!.root.n && 'mt-root', 'data-lot': lot.id },
        el('td', { class: 'n' }, (node.hop > 0 ? '+' : node.hop < 0 ? '−' : '') + Math.abs(node.hop)), el('td', {}, this.lotLink(lot)), el('td', {}, lot.label), el('td', {}, lot.material), el('td', { class: 'n' }, amount(lot.quantity, lot.unit)),
        el('td', { class: 'n' }, flowsText(flows)), el('td', { class: 'n' }, percent(this.share.get(node.key))), el('td', {}, clipped(runs.map(runName))), el('td', {}, clipped(runs.map(runWord))), el('td', {}, clipped(runs.map((r) => r.machine))), el('td', {}, moment(runs[0]?.ended ?? runs[0]?.started ?? lot.at)), el('td', {}, lot.site), el('td', {}, lot.tenant)))));
    dropEmpty(table, 2);
    body.replaceChildren(el('div', { class: 'mt-scroll', tabindex: 0, role: 'region', 'aria-label': 'Lots' }, table));
    if (rows.length > this.rows) {
      const more = el('button', { type: 'button' }, 'Show ' + Math.min(ROWS, rows.length - this.rows) + ' more of ' + count(rows.length, 'lot'));
      more.addEventListener('click', () => { this.rows += ROWS; this.table(body); });
      body.append(more);
    }
    if (rows.some((r) => this.share.get(r.node.key)?.estimated)) body.append(el('p', { class: 'mt-note' }, '≈: reckoned as if what was mixed had been mixed evenly. Without a share: quantities are not known, have several units, or lie behind a cycle.'));
  }

  private csv(): void {
    const rows: (string | number | null)[][] = [['hop', 'lot', 'label', 'material', 'quantity', 'unit', 'flow', 'share', 'share_is', 'runs', 'steps', 'machines', 'time', 'site', 'tenant']];
    for (const { node, lot, runs, flows } of this.listed()) {
      const s = this.share.get(node.key);
      rows.push([node.hop, lot.id, lot.label, lot.material, lot.quantity, lot.unit, flowsText(flows).replace(/\u00a0/g, ' '), s ? round(s.part) : null, s ? (s.atLeast ? 'at least' : s.estimated ? 'estimated' : 'measured') : null,
        runs.map(runName).join('; '), runs.map(runWord).join('; '), runs.map((r) => r.machine).filter(Boolean).join('; '), moment(runs[0]?.ended ?? runs[0]?.started ?? lot.at), lot.site, lot.tenant]);
    }
    save('genealogy-of-' + this.state.lot, rows);
  }
}

/** meet are the numbers that are in all lists; lists ascend. */
function meet(lists: number[][]): number[] {
  const [first, ...rest] = [...lists].sort((a, b) => a.length - b.length);
  return rest.reduce((out, l) => { const has = new Set(l); return out.filter((n) => has.has(n)); }, first);
}

const short = (t: Thing): string => (t.kind === 'lot' ? t.id : runName(t));
const selName = (t: Thing): string => tag(t, 'back').slice(1);
const clipped = (words: string[]): string => { const w = Array.from(new Set(words.filter(Boolean))); return w.slice(0, 3).join(', ') + (w.length > 3 ? ' and ' + (w.length - 3) + ' more' : ''); };

/** lines are the two of a box. */
function lines(t: Thing): [string, string] {
  const clip = (s: string, n: number): string => { const c = Array.from(s.replace(/\u00a0/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '·')); return c.length > n ? c.slice(0, n - 1).join('') + '…' : c.join(''); };
  if (t.kind === 'lot') return [clip(t.id || '(no id)', 26), clip([t.material, amount(t.quantity, t.unit)].filter(Boolean).join(' · '), 32)];
  const form = shape(t);
  return [clip(runWord(t) + (form ? ' (' + form + ')' : ''), 26), clip([t.machine, moment(t.ended ?? t.started)].filter(Boolean).join(' · ') || runName(t), 32)];
}

/** cells is how wide a text is in a font of equal widths: East Asian characters take two. */
function cells(s: string): number {
  let n = 0;
  for (const c of s) n += c.codePointAt(0)! >= 0x1100 ? 2 : 1;
  return n;
}

function reversed(route: number[]): number[] {
  const out: number[] = [];
  for (let i = route.length - 2; i >= 0; i -= 2) out.push(route[i], route[i + 1]);
  return out;
}

/** curve is a path through points, level at each. */
function curve(p: number[]): string {
  let d = 'M' + p[0].toFixed(1) + ' ' + p[1].toFixed(1);
  for (let i = 2; i < p.length; i += 2) {
    const mid = ((p[i - 2] + p[i]) / 2).toFixed(1);
    d += 'C' + mid + ' ' + p[i - 1].toFixed(1) + ' ' + mid + ' ' + p[i + 1].toFixed(1) + ' ' + p[i].toFixed(1) + ' ' + p[i + 1].toFixed(1);
  }
  return d;
}

/** tip is the arrow head at the end of a route. */
function tip(p: number[]): string {
  const x = p[p.length - 2], y = p[p.length - 1], way = x >= p[p.length - 4] ? 1 : -1;
  return 'M' + x.toFixed(1) + ' ' + y.toFixed(1) + 'l' + -7 * way + ' -4v8z';
}

function middle(p: number[]): [number, number] {
  const k = Math.floor((p.length / 2 - 1) / 2) * 2;
  return [(p[k] + p[k + 2]) / 2, (p[k + 1] + p[k + 3]) / 2];
}

/** dropEmpty takes away columns, after the first ones, that say nothing in any row. */
function dropEmpty(table: HTMLTableElement, keep: number): void {
  const rows = Array.from(table.rows);
  if (rows.length < 2) return;
  for (let c = rows[0].cells.length - 1; c >= keep; c--) {
    if (rows.slice(1).every((r) => r.cells[c].textContent === '')) for (const r of rows) r.deleteCell(c);
  }
}

/** save hands rows to the reader as a file. Texts that a spreadsheet would run stay texts. */
function save(name: string, rows: (string | number | null)[][]): void {
  const cell = (v: string | number | null): string => {
    if (v === null) return '';
    if (typeof v === 'number') return String(v);
    const safe = /^[=+\-@\t\r]/.test(v) ? "'" + v : v;
    return /[",\r\n]/.test(safe) || safe !== safe.trim() ? '"' + safe.replace(/"/g, '""') + '"' : safe;
  };
  const body = '\ufeff' + rows.map((r) => r.map(cell).join(',')).join('\r\n') + '\r\n';
  const a = el('a', { href: URL.createObjectURL(new Blob([body], { type: 'text/csv;charset=utf-8' })), download: name.replace(/[^\p{L}\p{N}._-]+/gu, '_').slice(0, 100) + '.csv' });
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}

