// The lineage explorer: lineage.html with what its address says. Everything shown follows
// from the state in the address, so that any view is a link.
import { all, byID, Child, combobox, el, typing } from './dom';
import { arrange, entitle, HEIGHT, picture, Picture, Sheet, SheetBox, Window } from './draw';
import { Drawing } from './layout';
import { fragment, go, onFragment, setFragment } from './place';
import { Columns, places, Project, WIDE } from './project';
import { details, rowsOf, Table, tableOf } from './tables';
import { build, format, fresh, parse, State, SVG_CAP, View } from './view';

class Explorer {
  #project!: Project;
  #columns: Columns | undefined;
  #state = fresh(-1);
  #view: View | undefined;
  #drawing: Drawing | undefined;
  #shown: Picture | undefined;
  #sheet: Sheet | undefined;
  #win: Window = { x: 0, y: 0, k: 1 };
  #turn = 0;
  #written = '';
  #current = -1;
  readonly #stage = el('div', { class: 'x-stage canvas', role: 'region', 'aria-label': 'Picture of the lineage' });
  readonly #notice = el('div', { class: 'x-notice' });
  readonly #map = el('canvas', { class: 'x-mini', 'aria-hidden': 'true', hidden: true });
  readonly #panel = el('aside', { class: 'x-panel', 'aria-label': 'Details' });
  readonly #legend = el('ul', { class: 'legend x-legend' });
  readonly #list = el('div', { class: 'x-table', hidden: true });
  readonly #main = byID('x-view')!;
  readonly #overview = byID('x-map')!;
  readonly #tools = byID('x-tools')!;
  readonly #said = byID('x-said')!;

  constructor() {
    const zoom = el('div', { class: 'zoom x-zoom', role: 'group', 'aria-label': 'Zoom' },
      button('−', () => this.#zoom(1 / 1.33), { 'aria-label': 'Zoom out' }), button('Fit', () => this.#fit()), button('+', () => this.#zoom(1.33), { 'aria-label': 'Zoom in' }));
    this.#main.append(el('div', { class: 'x-main' }, el('div', { class: 'x-frame' }, this.#stage, zoom, this.#map), this.#list, this.#notice, this.#legend), this.#panel);
    this.#listen();
  }

  /** open loads what is needed and shows what the address says. */
  async open(): Promise<void> {
    finder(byID('x-find')!, () => this.#need(), (i) => this.#change({ ...fresh(i) }));
    onFragment(() => { if (fragment() !== this.#written) void this.#read(); });
    await this.#read();
  }

  #loading: Promise<Project> | undefined;

  async #need(): Promise<Project> {
    this.#project = await (this.#loading ??= Project.load());
    return this.#project;
  }

  async #read(): Promise<void> {
    this.#written = fragment();
    if (this.#written === '') {
      this.#state = fresh(-1);
      this.#overview.hidden = false;
      this.#main.hidden = true;
      this.#measured = false;
      this.#tools.replaceChildren(button('Whole project', async () => { await this.#need(); this.#change({ ...fresh(-1), view: 'all' }); }, { class: 'button small' }));
      return;
    }
    try {
      await this.#need();
    } catch (e) {
      this.#fail(e);
      return;
    }
    const { state, lost } = parse(this.#written, this.#project);
    const anew = this.#elsewhere(state) || !this.#view;
    this.#state = state;
    if (lost.length) this.#lost(lost);
    else await this.#render(anew);
  }

  /** change goes to another state, as a new entry of the history unless told otherwise. */
  #change(to: Partial<State>, o: { replace?: boolean; anchor?: number } = {}): void {
    const before = this.#state;
    this.#state = { ...before, ...to };
    this.#written = format(this.#state, this.#project);
    setFragment(this.#written, o);
    void this.#render(this.#elsewhere(before), o.anchor);
  }

  /** elsewhere says whether a state shows so much else that it is fitted anew. */
  #elsewhere(s: State): boolean {
    const t = this.#state;
    return s.node !== t.node || s.column !== t.column || s.view !== t.view || s.to !== t.to || s.lanes !== t.lanes;
  }

  #fail(e: unknown): void {
    this.#overview.hidden = true;
    this.#main.hidden = false;
    this.#empty('The data of the explorer cannot be loaded (' + (e instanceof Error ? e.message : String(e)) + '). The site is not complete: write it again with engine docs generate.');
  }

  #lost(names: string[]): void {
    this.#overview.hidden = this.#state.node >= 0 || this.#state.view === 'all';
    this.#main.hidden = false;
    this.#toolbar();
    this.#empty('There is no ' + names.join(', no ') + ' in this catalog. It may have been renamed or removed; look for it in the field above.');
  }

  #empty(text: string): void {
    this.#view = undefined;
    this.#shown = undefined;
    this.#sheet = undefined;
    this.#stage.replaceChildren(el('p', { class: 'x-empty' }, text));
    this.#notice.replaceChildren();
    this.#legend.replaceChildren();
    this.#panel.replaceChildren();
    this.#list.hidden = true;
    this.#map.hidden = true;
    this.#frame().hidden = false;
    this.#said.textContent = text;
    this.#tell('ready');
  }

  #frame(): HTMLElement { return this.#stage.parentElement!; }

  /** render shows the state. A view that is new is fitted; else the anchor stays in place. */
  async #render(anew: boolean, anchor = -1): Promise<void> {
    const turn = ++this.#turn, s = this.#state, p = this.#project;
    this.#tell('busy');
    if (s.node < 0 && s.view !== 'all') {
      this.#written = '';
      setFragment('');
      await this.#read();
      return;
    }
    this.#overview.hidden = true;
    this.#main.hidden = false;
    // They come while the picture is made.
    if (s.node >= 0 && p.columns(s.node)) this.#names(s.node).catch(() => {});
    let view: View;
    try {
      if (s.column) {
        const c = (this.#columns ??= new Columns(p));
        await Promise.all([c.loadSteps(), c.loadNames([s.node]), s.uses ? c.loadUses() : undefined]);
      }
      view = s.view === 'all' ? whole(s, p) : build(s, p, this.#columns);
      if (view.columns.length || (s.column && view.spots.length)) {
        const into = new Set(view.columns.map((x) => x.node));
        await Promise.all([this.#columns!.loadNames(view.spots.map((x) => x.node)), this.#columns!.loadTexts(into)]);
      }
    } catch (e) {
      if (turn === this.#turn) this.#fail(e);
      return;
    }
    if (turn !== this.#turn) return;
    this.#toolbar();
    if (view.note) {
      this.#empty(view.note);
      return;
    }
    const fixed = anchor >= 0 ? anchor : s.pin >= 0 ? s.pin : s.node, before = this.#where(fixed), focused = this.#focused();
    this.#view = view;
    if ((this.#frame().hidden = s.view === 'table')) this.#measured = false;
    this.#list.hidden = s.view !== 'table';
    if (!this.#measured) this.#measure(); // from then on it is told of changes
    this.#sheet = undefined;
    this.#shown = undefined;
    if (s.view === 'table') this.#table();
    else if (s.view === 'all') await this.#everything(anew);
    else {
      this.#drawing = arrange(view, s, p, this.#columns);
      if (view.spots.length > SVG_CAP) this.#onSheet(anew);
      else this.#draw(anew, fixed, before, focused);
    }
    if (turn !== this.#turn) return;
    this.#cutNotice();
    this.#explain();
    this.#said.textContent = this.#summary();
    this.#minimap();
    await this.#detail();
  }

  #summary(): string {
    const v = this.#view!, up = v.spots.filter((x) => x.hop < 0).length, down = v.spots.filter((x) => x.hop > 0).length;
    if (this.#state.view === 'all') return this.#project.size + ' nodes';
    return v.spots.length + ' nodes shown, ' + up + ' upstream, ' + down + ' downstream';
  }

  #draw(anew: boolean, fixed: number, before: [number, number] | undefined, focused: number): void {
    const pic = picture(this.#view!, this.#drawing!, this.#state, this.#project, this.#columns);
    this.#shown = pic;
    pic.svg.setAttribute('width', '100%');
    pic.svg.setAttribute('height', '100%');
    pic.svg.setAttribute('aria-label', 'Lineage of ' + this.#project.label(this.#state.node) + ': ' + this.#view!.spots.length + ' nodes. Arrow keys move, Enter opens, plus and minus open and close.');
    this.#stage.replaceChildren(pic.svg);
    const first = this.#view!.at.get(focused >= 0 ? focused : this.#state.pin >= 0 ? this.#state.pin : this.#state.node) ?? 0;
    this.#tabStop(first);
    const now = this.#where(fixed);
    if (anew || !before || !now) this.#fit();
    else {
      this.#win.x += now[0] - before[0];
      this.#win.y += now[1] - before[1];
      this.#apply();
    }
    if (focused >= 0) pic.links[first]?.focus({ preventScroll: true });
    this.#light(this.#state.pin >= 0 ? this.#state.pin : -1);
  }

  /** where is the corner of a node in the drawing, if it is drawn. */
  #where(node: number): [number, number] | undefined {
    const k = this.#view?.at.get(node), b = k === undefined ? undefined : this.#drawing?.boxes[k];
    return b && [b.x, b.y];
  }

  #focused(): number {
    const link = document.activeElement?.closest?.('.x-stage [data-k]');
    return link && this.#view ? this.#view.spots[Number(link.getAttribute('data-k'))].node : -1;
  }

  // ---- Moving and zooming

  #size(): [number, number] { return this.#sheet ? this.#sheetSize : [this.#drawing!.w + 92, this.#drawing!.h + 32]; }

  #sheetSize: [number, number] = [1, 1];

  /** The size of the stage, taken before a drawing is put in, so that nothing is laid out twice. */
  #room: [number, number] = [800, 500];
  #measured = false;
  /** Colours of the small map, which to ask for is to have all styles worked out. */
  #inks: [string, string] | undefined;

  #measure(): void {
    const { clientWidth, clientHeight } = this.#stage;
    if (!clientWidth) return;
    this.#room = [clientWidth, clientHeight];
    this.#measured = true;
  }

  #fit(): void {
    if (!this.#shown && !this.#sheet) return;
    const [W, H] = this.#room, [w, h] = this.#size();
    const least = this.#state.view === 'all' ? 0 : 0.72;
    const k = Math.max(Math.min(W / w, H / h, 1.1), least);
    this.#win = { k, x: (w - W / k) / 2, y: (h - H / k) / 2 };
    if (least && (w * k > W || h * k > H)) { // Not all of it can be read: the middle is shown.
      const at = this.#view!.at.get(this.#state.node), b = at === undefined ? undefined : this.#drawing?.boxes[at];
      if (b) {
        // As near to it as there is something to show on all sides.
        if (w * k > W) this.#win.x = Math.min(Math.max(0, b.x + 46 + b.w / 2 - W / k / 2), w - W / k);
        if (h * k > H) this.#win.y = Math.min(Math.max(0, b.y + 16 + b.h / 2 - H / k / 2), h - H / k);
      }
    }
    this.#apply();
  }

  #apply(): void {
    const [W, H] = this.#room, { x, y, k } = this.#win;
    if (this.#sheet) this.#sheet.draw(this.#win);
    else this.#shown?.svg.setAttribute('viewBox', [x, y, W / k, H / k].map((v) => Math.round(v * 100) / 100).join(' '));
    this.#minimap();
  }

  #zoom(by: number, px = 0.5, py = 0.5): void {
    const [W, H] = this.#room, { x, y, k } = this.#win, next = Math.min(4, Math.max(0.01, k * by));
    this.#win = { k: next, x: x + (W / k - W / next) * px, y: y + (H / k - H / next) * py };
    this.#apply();
  }

  /** reveal moves a node into sight. */
  #reveal(k: number): void {
    const b = this.#drawing?.boxes[k];
    if (!b || this.#sheet) return;
    const W = this.#room[0] / this.#win.k, H = this.#room[1] / this.#win.k, x = b.x + 46, y = b.y + 16;
    let moved = false;
    if (x < this.#win.x + 10) { this.#win.x = x - 40; moved = true; }
    if (x + b.w > this.#win.x + W - 10) { this.#win.x = x + b.w + 40 - W; moved = true; }
    if (y < this.#win.y + 10) { this.#win.y = y - 40; moved = true; }
    if (y + b.h > this.#win.y + H - 10) { this.#win.y = y + b.h + 40 - H; moved = true; }
    if (moved) this.#apply();
  }

  #minimap(): void {
    const boxes = this.#sheet ? this.#sheet.boxes : this.#drawing && this.#view && this.#state.view === 'graph' ? this.#drawing.boxes : [];
    this.#map.hidden = boxes.length <= 60 || this.#frame().hidden;
    if (this.#map.hidden) return;
    const [w, h] = this.#size(), scale = Math.min(168 / w, 110 / h), W = Math.max(24, Math.round(w * scale)), H = Math.max(16, Math.round(h * scale));
    this.#map.width = W * 2;
    this.#map.height = H * 2;
    const g = this.#map.getContext('2d')!, dx = this.#sheet && this.#state.view === 'all' ? 0 : 46, dy = dx ? 16 : 0;
    if (!this.#inks) {
      const css = getComputedStyle(this.#map);
      this.#inks = [css.getPropertyValue('--faint').trim() || '#888', css.getPropertyValue('--accent').trim() || '#36c'];
    }
    g.scale(2, 2);
    g.fillStyle = this.#inks[0];
    for (const b of boxes) g.fillRect((b.x + dx) * scale, (b.y + dy) * scale, Math.max(1, b.w * scale), Math.max(1, b.h * scale));
    g.strokeStyle = this.#inks[1];
    g.lineWidth = 1.5;
    g.strokeRect(this.#win.x * scale, this.#win.y * scale, this.#room[0] / this.#win.k * scale, this.#room[1] / this.#win.k * scale);
  }

  // ---- The canvas

  async #everything(anew: boolean): Promise<void> {
    const at = await places(), p = this.#project;
    const boxes = p.names.map((_, i): SheetBox => ({ x: at.x[i], y: at.y[i], w: at.wide[i], h: HEIGHT, tone: p.tone(i), label: p.label(i) }));
    this.#sheetSize = [at.w, at.h];
    const lines = p.parents.flatMap((list, to) => list.map((from) => ({ from, to, dashed: false })));
    this.#paint(boxes, lines, anew);
  }

  #onSheet(anew: boolean): void {
    const d = this.#drawing!, p = this.#project;
    const boxes = this.#view!.spots.map((s, k): SheetBox => ({ ...d.boxes[k], x: d.boxes[k].x + 46, y: d.boxes[k].y + 16, tone: p.tone(s.node), label: p.label(s.node) }));
    this.#sheetSize = [d.w + 92, d.h + 32];
    this.#paint(boxes, this.#view!.lines, anew);
  }

  #paint(boxes: SheetBox[], lines: { from: number; to: number; dashed: boolean }[], anew: boolean): void {
    const canvas = el('canvas', { class: 'x-sheet', tabindex: 0, role: 'img', 'aria-label': 'Picture of ' + boxes.length + ' nodes. Arrow keys move it, plus and minus zoom; the table has the same as a list.' });
    this.#stage.replaceChildren(canvas);
    this.#sheet = new Sheet(canvas, boxes, lines);
    this.#light(this.#state.pin);
    if (anew) this.#fit();
    else this.#apply();
  }

  // ---- Light and the held node

  /** light tells apart what a node reads and feeds; -1: nothing is told apart. */
  #light(node: number, column = -1): void {
    const k = node < 0 ? undefined : this.#view?.at.get(node);
    const lines = this.#sheet ? this.#sheet.lines : this.#shown?.lines ?? [];
    let lit: Set<number> | undefined, on: Set<unknown> | undefined;
    if (k !== undefined) {
      lit = new Set([k]);
      on = new Set();
      for (const up of [true, false]) {
        if (column >= 0) this.#columnCone(column, up, lit, on);
        else {
          const seen = new Set([k]), next = new Map<number, typeof lines[number][]>();
          for (const l of lines) {
            const from = up ? l.to : l.from, have = next.get(from);
            if (have) have.push(l);
            else next.set(from, [l]);
          }
          for (const stack = [k]; stack.length;) {
            for (const l of next.get(stack.pop()!) ?? []) {
              on.add(l);
              const j = up ? l.from : l.to;
              if (!seen.has(j)) { seen.add(j); lit.add(j); stack.push(j); }
            }
          }
        }
      }
    }
    if (this.#sheet) {
      this.#sheet.lit = lit;
      this.#sheet.held = k ?? -1;
      this.#sheet.draw(this.#win);
      return;
    }
    if (!this.#shown || (!lit && !this.#shown.svg.classList.contains('dim'))) return;
    this.#shown.svg.classList.toggle('dim', !!lit);
    this.#shown.spots.forEach((parts, i) => {
      for (const e of parts) e.classList.toggle('on', !!lit?.has(i));
      this.#shown!.links[i].classList.toggle('hit', i === this.#view!.at.get(this.#state.pin));
    });
    for (const l of this.#shown.lines) l.el.classList.toggle('on', !!on?.has(l));
  }

  #columnCone(column: number, up: boolean, lit: Set<number>, on: Set<unknown>): void {
    const seen = new Set([column]);
    for (const stack = [column]; stack.length;) {
      const c = stack.pop()!;
      for (const l of this.#shown!.lines) {
        if (!l.columns || l.columns[up ? 1 : 0] !== c) continue;
        on.add(l);
        lit.add(up ? l.from : l.to);
        const j = l.columns[up ? 0 : 1];
        if (!seen.has(j)) { seen.add(j); stack.push(j); }
      }
    }
  }

  #hold(node: number): void {
    this.#state.pin = node;
    this.#written = format(this.#state, this.#project);
    setFragment(this.#written, { replace: true });
    this.#light(node);
    void this.#detail();
  }

  // ---- Opening and closing sides

  #openSide(side: string, node: number): void {
    const key = side + node, open = new Map(this.#state.open), shut = new Set(this.#state.shut);
    if (!shut.delete(key)) open.set(key, (open.get(key) ?? 0) + 1);
    this.#change({ open, shut }, { anchor: node });
  }

  #closeSide(side: string, node: number): void {
    const key = side + node, open = new Map(this.#state.open), shut = new Set(this.#state.shut);
    if (!open.delete(key)) shut.add(key);
    this.#change({ open, shut }, { anchor: node });
  }

  // ---- Events

  #listen(): void {
    let grip: { x: number; y: number; at: Window; id: number } | undefined, moved = false;
    const stage = this.#stage, fingers = new Map<number, PointerEvent>();
    stage.addEventListener('wheel', (e) => {
      if (!this.#view) return;
      e.preventDefault();
      const r = stage.getBoundingClientRect();
      this.#zoom(Math.exp(-Math.max(-60, Math.min(60, e.deltaY)) * 0.0035), (e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height);
    }, { passive: false });
    stage.addEventListener('pointerdown', (e) => {
      if (e.button || !this.#view) return;
      fingers.set(e.pointerId, e);
      grip = { x: e.clientX, y: e.clientY, at: { ...this.#win }, id: e.pointerId };
      moved = false;
    });
    stage.addEventListener('pointermove', (e) => {
      if (!grip) return;
      if (fingers.size === 2 && fingers.has(e.pointerId)) { // Two fingers zoom.
        const [a, b] = [...fingers.values()], before = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        fingers.set(e.pointerId, e);
        const [c, d] = [...fingers.values()], r = stage.getBoundingClientRect();
        moved = true;
        this.#zoom(Math.hypot(c.clientX - d.clientX, c.clientY - d.clientY) / Math.max(1, before), ((c.clientX + d.clientX) / 2 - r.left) / r.width, ((c.clientY + d.clientY) / 2 - r.top) / r.height);
        return;
      }
      const dx = e.clientX - grip.x, dy = e.clientY - grip.y;
      if (!moved && Math.abs(dx) + Math.abs(dy) < 5) return;
      if (!moved) { moved = true; stage.setPointerCapture(grip.id); stage.classList.add('drag'); }
      this.#win.x = grip.at.x - dx / this.#win.k;
      this.#win.y = grip.at.y - dy / this.#win.k;
      this.#apply();
    });
    for (const name of ['pointerup', 'pointercancel'] as const) {
      stage.addEventListener(name, (e) => { fingers.delete(e.pointerId); grip = undefined; stage.classList.remove('drag'); });
    }
    stage.addEventListener('dragstart', (e) => e.preventDefault());
    stage.addEventListener('click', (e) => {
      if (moved) {
        moved = false;
        e.preventDefault();
        return;
      }
      this.#clicked(e);
    });
    stage.addEventListener('dblclick', (e) => {
      const node = this.#nodeAt(e);
      if (node < 0) return;
      const page = this.#project.page(node);
      if (this.#sheet) this.#change({ ...fresh(node) });
      else if (page) go(page);
    });
    stage.addEventListener('pointerover', (e) => {
      const t = e.target as Element, link = t.closest?.('[data-k]');
      if (!this.#shown || !this.#view || !link || grip) return;
      const spot = this.#view.spots[Number(link.getAttribute('data-k'))], { node } = spot, col = t.getAttribute('data-col');
      entitle(link, spot, this.#project);
      this.#light(node, col === null ? -1 : node * WIDE + Number(col));
    });
    stage.addEventListener('pointerout', (e) => {
      if (this.#shown && !grip && !(e.relatedTarget as Element | null)?.closest?.('.x-stage [data-k]')) this.#light(this.#state.pin);
    });
    stage.addEventListener('focusin', (e) => {
      const link = (e.target as Element).closest?.('a[data-k]');
      if (!this.#shown || !this.#view || !link) return;
      const k = Number(link.getAttribute('data-k'));
      entitle(link, this.#view.spots[k], this.#project);
      this.#tabStop(k);
      this.#reveal(k);
      if (link.matches(':focus-visible')) this.#light(this.#view.spots[k].node);
    });
    stage.addEventListener('focusout', (e) => {
      if (this.#shown && !stage.contains(e.relatedTarget as Node | null)) this.#light(this.#state.pin);
    });
    stage.addEventListener('keydown', (e) => this.#key(e));
    this.#map.addEventListener('pointerdown', (e) => {
      const r = this.#map.getBoundingClientRect(), [w, h] = this.#size();
      this.#win.x = (e.clientX - r.left) / r.width * w - this.#room[0] / this.#win.k / 2;
      this.#win.y = (e.clientY - r.top) / r.height * h - this.#room[1] / this.#win.k / 2;
      this.#apply();
    });
    window.addEventListener('keydown', (e) => {
      if (e.key === 'Escape' && !typing(e) && this.#state.pin >= 0 && this.#view) this.#hold(-1);
    });
    const repaint = (): void => {
      this.#measure();
      this.#inks = undefined;
      this.#sheet?.recolour();
      if (this.#view) this.#apply();
    };
    new ResizeObserver(() => {
      const [w, h] = this.#room;
      if (stage.clientWidth && (stage.clientWidth !== w || stage.clientHeight !== h)) repaint();
    }).observe(stage);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
    new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ['data-theme', 'class'] });
  }

  #nodeAt(e: MouseEvent): number {
    if (!this.#view) return -1;
    if (this.#sheet) {
      const r = this.#stage.getBoundingClientRect();
      const i = this.#sheet.hit(this.#win.x + (e.clientX - r.left) / this.#win.k, this.#win.y + (e.clientY - r.top) / this.#win.k);
      return i < 0 ? -1 : this.#view.spots[i].node;
    }
    const k = (e.target as Element).closest?.('[data-k]')?.getAttribute('data-k');
    return k === null || k === undefined ? -1 : this.#view.spots[Number(k)].node;
  }

  #clicked(e: MouseEvent): void {
    const t = e.target as Element, pill = t.closest?.('.x-more'), node = this.#nodeAt(e);
    if (pill) {
      this.#openSide(pill.getAttribute('data-side')!, node);
      return;
    }
    // A key, or the wish for another tab, follows the link.
    if (node >= 0 && !this.#sheet && (e.detail === 0 || e.ctrlKey || e.metaKey || e.shiftKey)) return;
    e.preventDefault();
    const col = t.getAttribute('data-col');
    if (col !== null && this.#columns) this.#change({ node, column: this.#columns.name(node * WIDE + Number(col)), pin: -1, more: 0 });
    else this.#hold(node);
  }

  #tabStop(k: number): void {
    if (!this.#shown) return;
    this.#shown.links[this.#current]?.setAttribute('tabindex', '-1');
    this.#current = k;
    this.#shown.links[k]?.setAttribute('tabindex', '0');
  }

  #key(e: KeyboardEvent): void {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.#view) return;
    if (this.#sheet) {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (step) {
        this.#win.x += step[0] * 80 / this.#win.k;
        this.#win.y += step[1] * 80 / this.#win.k;
        this.#apply();
      } else if (e.key === '+') this.#zoom(1.33);
      else if (e.key === '-') this.#zoom(1 / 1.33);
      else if (e.key === '0') this.#fit();
      else if (e.key === 'Enter' && this.#state.pin >= 0) this.#change({ ...fresh(this.#state.pin) });
      else return;
      e.preventDefault();
      return;
    }
    const d = this.#drawing, k = this.#current, spot = this.#view.spots[k];
    if (!d || !spot) return;
    const move = (to: number | undefined): void => { if (to !== undefined) this.#shown!.links[to].focus(); };
    const nearest = (list: number[]): number | undefined => list.sort((a, b) => Math.abs(d.boxes[a].y - d.boxes[k].y) - Math.abs(d.boxes[b].y - d.boxes[k].y) || a - b)[0];
    switch (e.key) {
      case 'ArrowLeft': move(nearest(this.#view.lines.filter((l) => l.to === k).map((l) => l.from))); break;
      case 'ArrowRight': move(nearest(this.#view.lines.filter((l) => l.from === k).map((l) => l.to))); break;
      case 'ArrowUp':
      case 'ArrowDown': {
        const column = this.#view.spots.map((_, i) => i).filter((i) => d.boxes[i].rank === d.boxes[k].rank).sort((a, b) => d.boxes[a].y - d.boxes[b].y);
        move(column[column.indexOf(k) + (e.key === 'ArrowUp' ? -1 : 1)]);
        break;
      }
      case 'Home': move(this.#view.at.get(this.#state.node)); break;
      case ' ': this.#hold(this.#state.pin === spot.node ? -1 : spot.node); break;
      case '+':
      case '-': {
        if (this.#state.column || this.#state.to >= 0) return;
        const sides = spot.hop < 0 ? ['u'] : spot.hop > 0 ? ['d'] : ['u', 'd'];
        if (e.key === '+') {
          const side = sides.find((x) => (x === 'u' ? spot.up : spot.down) > 0);
          if (side) this.#openSide(side, spot.node);
        } else {
          const side = sides.find((x) => this.#view!.lines.some((l) => (x === 'u' ? l.to === k : l.from === k)));
          if (side) this.#closeSide(side, spot.node);
        }
        break;
      }
      default: return;
    }
    e.preventDefault();
  }

  // ---- Tools

  #toolbar(): void {
    const s = this.#state, p = this.#project, parts: Child[] = [];
    const near = s.view !== 'all' && s.node >= 0;
    if (near && !s.column && s.to < 0) {
      parts.push(stepper('Upstream', s.up, (up) => this.#change({ up })), stepper('Downstream', s.down, (down) => this.#change({ down })));
    }
    if (near && s.column) {
      const select = el('select', { 'aria-label': 'Which way the column is followed' },
        ...[['both', 'Both ways'], ['up', 'Where it comes from'], ['down', 'What it reaches']].map(([v, t]) => el('option', { value: v, selected: v === s.way }, t)));
      select.addEventListener('change', () => this.#change({ way: select.value }));
      parts.push(select, toggle('Filters and joins', s.uses, (uses) => this.#change({ uses })), button('Close the column', () => this.#change({ column: '', uses: false, way: 'both', more: 0 }), { class: 'button small' }));
    }
    if (near && s.to >= 0) parts.push(button('Close the path', () => this.#change({ to: -1 }), { class: 'button small' }));
    if (near) {
      if (s.view === 'graph') parts.push(toggle('Lanes', s.lanes, (lanes) => this.#change({ lanes })));
      if (!s.column) parts.push(this.#hideMenu());
      parts.push(el('div', { class: 'x-switch', role: 'group', 'aria-label': 'View' },
        ...[['graph', 'Picture'], ['table', 'Table']].map(([v, t]) => button(t, () => { if (s.view !== v) this.#change({ view: v }); }, { 'aria-pressed': String(s.view === v) }))));
    }
    if (s.view === 'all') parts.push(button(s.node >= 0 ? 'Back to ' + p.label(s.node) : 'Map', () => this.#change({ view: 'graph' }), { class: 'button small' }));
    else parts.push(button('Whole project', () => this.#change({ view: 'all' }), { class: 'button small' }));
    const copy = button('Copy link', () => {
      void navigator.clipboard.writeText(location.href).then(() => {
        copy.textContent = 'Copied';
        setTimeout(() => { copy.textContent = 'Copy link'; }, 1500);
      });
    }, { class: 'button small', hidden: !navigator.clipboard });
    parts.push(copy);
    if (near) {
      parts.push(button('SVG', () => this.#saveSVG(), { class: 'button small', 'aria-label': 'Download the picture as SVG' }),
        button('CSV', () => this.#saveCSV(), { class: 'button small', 'aria-label': 'Download the table as CSV' }));
    }
    const had = (document.activeElement as HTMLElement | null)?.closest?.('#x-tools') ? document.activeElement!.getAttribute('aria-label') ?? document.activeElement!.textContent : null;
    this.#tools.replaceChildren(...(parts.filter(Boolean) as Node[]));
    if (had !== null) all<HTMLElement>('button,select,input,summary', this.#tools).find((x) => (x.getAttribute('aria-label') ?? x.textContent) === had)?.focus();
  }

  #hideOpen = false;

  #hideMenu(): HTMLElement {
    const s = this.#state, p = this.#project;
    const box = (key: string, text: string): HTMLElement => toggle(text, s.hide.has(key), (on) => {
      const hide = new Set(s.hide);
      if (on) hide.add(key);
      else hide.delete(key);
      this.#change({ hide });
    });
    const drop = el('div', { class: 'x-drop' });
    const filled = (): void => {
      const kinds = ['source', 'seed', 'snapshot', 'exposure'].map((k) => box(k, k + 's'));
      const tags = p.tags().slice().sort((a, b) => b[1].length - a[1].length).slice(0, 24).map(([tag]) => box('tag:' + tag, tag));
      drop.replaceChildren(el('p', undefined, 'Kinds'), ...kinds, ...(tags.length > 0 ? [el('p', undefined, 'Tags'), ...tags] : []));
    };
    const menu = el('details', { class: 'x-menu', open: this.#hideOpen }, el('summary', { class: 'button small' }, 'Leave out' + (s.hide.size ? ' (' + s.hide.size + ')' : '')), drop);
    if (this.#hideOpen) filled();
    menu.addEventListener('toggle', () => {
      this.#hideOpen = menu.open;
      if (menu.open && !drop.firstChild) filled();
    });
    menu.addEventListener('keydown', (e) => {
      if (e.key === 'Escape') { menu.open = false; menu.querySelector('summary')!.focus(); e.stopPropagation(); }
    });
    return menu;
  }

  #cutNotice(): void {
    const v = this.#view!, s = this.#state, room = v.spots.length < SVG_CAP;
    this.#notice.replaceChildren();
    if (v.cut <= 0) return;
    this.#notice.append('Showing ' + v.spots.length + ' of ' + (v.spots.length + v.cut) + ', those first that most is built on. ');
    if (room) this.#notice.append(button('Show 40 more', () => this.#change({ more: s.more + 1 }), { class: 'button small' }));
  }

  /** explain says what colours and lines stand for. */
  #explain(): void {
    const tones = new Set(this.#view!.spots.map((x) => this.#project.tone(x.node)));
    this.#legend.replaceChildren(...TONES.filter(([tone]) => tones.has(tone)).map(([tone, word]) => el('li', { class: 't-' + tone }, el('i', { class: 'dot' }), word)));
    if (this.#state.view !== 'graph') return;
    const lines = this.#state.column ? ['solid: copied', 'dashed: made of it', this.#state.uses && 'dotted: filter or join'] : [this.#view!.lines.some((l) => l.dashed) && 'dashed: by way of what is left out', '» more that is not on the way'];
    this.#legend.append(...lines.filter(Boolean).map((text) => el('li', undefined, text)));
  }

  #tableRows(): Table { return rowsOf(this.#view!, this.#state, this.#project, this.#columns); }

  #table(): void {
    this.#list.replaceChildren(tableOf(this.#tableRows(), (i) => this.#change({ ...fresh(i), view: 'table' })));
  }

  /** names loads the names of a node's columns, which the panel has. */
  #names(node: number): Promise<void> { return (this.#columns ??= new Columns(this.#project)).loadNames([node]); }

  /** detail shows what there is to know of the held node, or of the one in the middle. */
  async #detail(): Promise<void> {
    const s = this.#state, p = this.#project, turn = this.#turn, node = s.pin >= 0 ? s.pin : s.node;
    if (node < 0) {
      this.#panel.replaceChildren(el('p', { class: 'more' }, p.size + ' nodes. Click one to see what it reads and feeds; a double click puts it in the middle.'));
    } else {
      if (p.columns(node)) {
        await this.#names(node);
      }
      if (turn !== this.#turn || !this.#view) return;
      this.#panel.replaceChildren(details(node, this.#view, s, p, this.#columns, {
        middle: (i) => this.#change({ ...fresh(i) }),
        path: (i) => this.#change({ to: i, pin: -1, column: '' }),
        follow: (i, name) => this.#change({ ...fresh(i), column: name, uses: s.uses, way: s.column ? s.way : 'both' }),
        open: (side, i) => this.#openSide(side, i),
        close: (side, i) => this.#closeSide(side, i),
      }));
    }
    this.#main.dataset.shown = this.#written; // all is there that the address asks for
    this.#tell('ready');
  }

  /** tell says, for tests and measurements, how far it is. */
  #tell(state: string): void {
    const d = this.#main.parentElement!.dataset;
    d.state = state;
    d.nodes = String(this.#view?.spots.length ?? 0);
    d.edges = String(this.#sheet?.lines.length ?? this.#shown?.lines.length ?? 0);
  }

  // ---- Files

  #saveCSV(): void {
    const { head, rows } = this.#tableRows();
    const cell = (text: string): string => {
      // What a spreadsheet would take for a formula becomes a text.
      const t = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
      return /[",\n\r]/.test(t) ? '"' + t.replaceAll('"', '""') + '"' : t;
    };
    save('lineage.csv', 'text/csv', [head, ...rows.map((r) => r.cells.map((c) => c.text))].map((r) => r.map(cell).join(',')).join('\r\n') + '\r\n');
  }

  #saveSVG(): void {
    const view = this.#state.view === 'table' || this.#sheet ? build(this.#state, this.#project, this.#columns) : this.#view!;
    const d = arrange(view, this.#state, this.#project, this.#columns), pic = picture(view, d, this.#state, this.#project, this.#columns);
    const css = getComputedStyle(this.#stage), get = (name: string): string => css.getPropertyValue(name).trim();
    const probe = el('i', { hidden: true });
    this.#stage.append(probe);
    let sheet = 'text{font:12px ' + get('--mono') + ';fill:' + get('--ink') + '}.x-col{font-size:11px}.g-box{fill:' + get('--card') + ';stroke:' + get('--line-strong') + '}.g-edge{fill:none;stroke:' + get('--edge') + ';stroke-width:1.4}.dashed,.x-made{stroke-dasharray:5 4}.x-use{stroke-dasharray:1.5 3.5}.focus .g-box{stroke-width:2}.focus text{font-weight:700}';
    for (const tone of new Set(view.spots.map((x) => this.#project.tone(x.node)))) {
      probe.className = 't-' + tone;
      sheet += '.t-' + tone + ' .g-bar{fill:' + getComputedStyle(probe).getPropertyValue('--tone').trim() + '}';
    }
    probe.remove();
    for (const x of all('.x-more', pic.svg)) x.remove();
    pic.links.forEach((link, k) => entitle(link, view.spots[k], this.#project));
    const text = new XMLSerializer().serializeToString(pic.svg), end = text.indexOf('>') + 1;
    save('lineage.svg', 'image/svg+xml', text.slice(0, end) + '<style>' + sheet.replaceAll('&', '&amp;').replaceAll('<', '&lt;') + '</style><rect width="100%" height="100%" fill="' + get('--page').replaceAll('"', '') + '"/>' + text.slice(end));
  }
}

/** The tones in the order of the data's way, with their words. */
const TONES = [['source', 'source'], ['seed', 'seed'], ['stg', 'staging'], ['int', 'intermediate'], ['model', 'model'], ['dim', 'dimension'], ['fct', 'fact'], ['mart', 'mart'], ['report', 'report'], ['snapshot', 'snapshot'], ['exposure', 'exposure']];

/** whole is the view of everything: each node is its own spot. */
function whole(s: State, p: Project): View {
  const middle = s.node < 0 ? undefined : p.cone(s.node, true);
  const at = new Map(p.names.map((_, i) => [i, i]));
  return {
    spots: p.names.map((_, i) => ({ node: i, hop: middle?.has(i) ? -1 : 0, up: 0, down: 0, rows: [], moreRows: 0 })),
    lines: [], columns: [], at, cut: 0, note: '',
  };
}

function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type })), a = el('a', { href: url, download: name, hidden: true });
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function button(text: string, f: () => void, attributes: Record<string, string | number | boolean | undefined> = {}): HTMLButtonElement {
  const b = el('button', { type: 'button', ...attributes }, text);
  b.addEventListener('click', f);
  return b;
}

function toggle(text: string, on: boolean, f: (on: boolean) => void): HTMLElement {
  const box = el('input', { type: 'checkbox', checked: on, 'aria-label': text });
  box.addEventListener('change', () => f(box.checked));
  return el('label', { class: 'x-toggle' }, box, text);
}

function stepper(text: string, n: number, f: (n: number) => void): HTMLElement {
  return el('div', { class: 'x-steps', role: 'group', 'aria-label': text + ' steps' }, el('span', undefined, text),
    button('−', () => f(Math.max(0, n - 1)), { 'aria-label': 'One step less ' + text.toLowerCase(), disabled: n === 0 }),
    el('b', undefined, n),
    button('+', () => f(n + 1), { 'aria-label': 'One step more ' + text.toLowerCase() }));
}

/** finder is the field that finds a node by its name. */
function finder(parent: HTMLElement, load: () => Promise<Project>, choose: (node: number) => void): void {
  const input = el('input', { type: 'search', id: 'x-q', placeholder: 'Go to a model or source', 'aria-label': 'Go to a model or source', autocomplete: 'off', spellcheck: 'false' });
  combobox(input, 'x-hits');
  const hits = el('div', { id: 'x-hits', role: 'listbox', 'aria-label': 'Nodes', hidden: true });
  parent.append(el('div', { class: 'x-find' }, input, hits));
  let found: number[] = [], at = 0, project: Project | undefined, low: string[] = [];
  const close = (): void => { hits.hidden = true; input.setAttribute('aria-expanded', 'false'); input.removeAttribute('aria-activedescendant'); };
  const take = (i: number): void => { input.value = ''; close(); input.blur(); choose(i); };
  const mark = (): void => {
    all('[role=option]', hits).forEach((o, k) => o.setAttribute('aria-selected', String(k === at)));
    input.setAttribute('aria-activedescendant', 'x-hit' + at);
  };
  const look = async (): Promise<void> => {
    if (!project) {
      try { project = await load(); } catch { return; }
      const p = project;
      low = p.names.map((n, i) => (p.label(i) === n ? n : n + ' ' + p.label(i)).toLowerCase());
    }
    const q = input.value.trim().toLowerCase(), p = project;
    if (q === '') { close(); return; }
    const score = (i: number): number => (low[i] === q ? 0 : low[i].startsWith(q) ? 1 : 2);
    found = low.map((_, i) => i).filter((i) => low[i].includes(q)).sort((a, b) => score(a) - score(b) || p.weight(b) - p.weight(a) || low[a].length - low[b].length || a - b).slice(0, 12);
    at = 0;
    hits.replaceChildren(...found.map((i, k) => {
      const o = el('div', { role: 'option', id: 'x-hit' + k, class: 't-' + p.tone(i) }, el('i', { class: 'dot' }), el('b', undefined, p.label(i)), el('small', undefined, p.kind(i)));
      o.addEventListener('mousedown', (e) => { e.preventDefault(); take(i); });
      return o;
    }));
    if (!found.length) hits.append(el('p', undefined, 'No name has “' + input.value.trim() + '” in it.'));
    hits.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    if (found.length) mark();
  };
  input.addEventListener('input', () => void look());
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') { input.value = ''; close(); }
    else if (e.key === 'Enter' && !hits.hidden && found.length) take(found[at]);
    else if ((e.key === 'ArrowDown' || e.key === 'ArrowUp') && found.length) {
      at = (at + (e.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length;
      mark();
    } else return;
    e.preventDefault();
  });
}

if (byID('explorer')) void new Explorer().open();
