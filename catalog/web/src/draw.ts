// Drawings of a view: as SVG with links, and on a canvas where there is too much for that.
import { svg } from './dom';
import { Drawing, layered } from './layout';
import { Columns, Project, WIDE } from './project';
import { hopWord, Line, Spot, State, View, wordOf } from './view';

// The measures of package lineage/picture.
export const HEIGHT = 30;
const CELL = 7.25, PAD = 14, MOST = 36, LEAST = 84, ROW = 20, RANK_GAP = 84, ROW_GAP = 14;
// Columns stand in smaller letters.
const ROW_CELL = 6.65;

function runeCells(r: number): number {
  if (r < 0x300) return 1;
  if (r < 0x370) return 0;
  const wide = (r >= 0x1100 && r <= 0x115f) || (r >= 0x2e80 && r <= 0xa4cf) || (r >= 0xac00 && r <= 0xd7a3) || (r >= 0xf900 && r <= 0xfaff) ||
    (r >= 0xfe30 && r <= 0xfe6f) || (r >= 0xff00 && r <= 0xff60) || (r >= 0x1f300 && r <= 0x1faff) || (r >= 0x20000 && r <= 0x3fffd);
  return wide ? 2 : 1;
}

/** cells is the width of a text in columns of a monospace face. */
export function cells(s: string): number {
  if (/^[ -~]*$/.test(s)) return s.length;
  let n = 0;
  for (const c of s) n += runeCells(c.codePointAt(0)!);
  return n;
}

/** shorten cuts long names in the middle, where they differ least. */
export function shorten(s: string, most = MOST): string {
  if (cells(s) <= most) return s;
  const r = [...s];
  let head = 0, tail = r.length;
  for (let used = 1; ;) {
    const front = head <= 2 * (r.length - tail), c = front ? r[head] : r[tail - 1];
    used += runeCells(c.codePointAt(0)!);
    if (used > most) return r.slice(0, head).join('') + '…' + r.slice(tail).join('');
    if (front) head++;
    else tail--;
  }
}

export function boxWidth(label: string): number { return Math.max(LEAST, CELL * cells(shorten(label)) + 2 * PAD); }

/** rowAt is the middle of a column's row in its box. */
const rowAt = (k: number): number => HEIGHT + ROW * k + ROW / 2 - 2;

/** arrange lays a view out. */
export function arrange(view: View, state: State, project: Project, columns?: Columns): Drawing {
  const boxes = view.spots.map((s): [number, number] => {
    const mark = 'bw'.includes(project.state(s.node)) ? 12 : 0;
    let w = boxWidth(project.label(s.node)) + mark, rows = s.rows.length;
    for (const c of s.rows) w = Math.max(w, ROW_CELL * cells(shorten(columns!.name(s.node * WIDE + c))) + 2 * PAD);
    if (s.moreRows) rows++;
    return [w, HEIGHT + (rows ? rows * ROW + 4 : 0)];
  });
  return layered({
    boxes, edges: view.lines.map((l) => [l.from, l.to] as const), rankGap: RANK_GAP, rowGap: ROW_GAP,
    lanes: state.lanes ? view.spots.map((s) => laneOf(project, s.node)) : undefined,
  });
}

const LANES = ['source', 'seed', 'stg', 'snapshot', 'int', 'model', 'dim', 'fct', 'mart', 'report', 'exposure'];

function laneOf(project: Project, node: number): number {
  const at = LANES.indexOf(project.tone(node));
  if (at <= 1) return 0;
  return at < 0 ? LANES.indexOf('model') : at;
}

/**
 * routePath draws curves between columns and straight lines through them. Its numbers are distances,
 * of which there are few different ones: making texts of numbers is what a picture's time went into.
 */
export function routePath(points: number[], first = points[1], last = points[points.length - 1]): string {
  const end = points.length - 2;
  let x = points[0], y = first, out = 'M' + x + ' ' + y;
  for (let k = 2; k <= end; k += 2) {
    const dx = points[k] - x, dy = (k === end ? last : points[k + 1]) - y;
    x += dx;
    y += dy;
    if (dy === 0) out += 'h' + dx;
    else if (k % 4 === 0) out += 'l' + dx + ' ' + dy;
    else out += 'c' + dx / 2 + ' 0 ' + dx / 2 + ' ' + dy + ' ' + dx + ' ' + dy;
  }
  return out;
}

export interface Picture {
  svg: SVGSVGElement;
  /** Elements of the spots, of their links, and of the lines; lines know both ends. */
  spots: SVGElement[][];
  links: SVGAElement[];
  lines: { el: SVGPathElement; from: number; to: number; columns?: [number, number] }[];
}

const STATES: Record<string, string> = { o: 'last run good', w: 'last run with a warning', b: 'last run failed', '.': '' };

/** describe says in words what a spot is, but for its name. */
export function describe(project: Project, s: Spot): string {
  const i = s.node, out = [project.kind(i)];
  if (project.tier(i)) out.push('tier ' + project.tier(i));
  if (s.hop) out.push(hopWord(s.hop));
  if (project.deprecated(i)) out.push('deprecated');
  if (STATES[project.state(i)]) out.push(STATES[project.state(i)]);
  return out.join(', ');
}

/** picture draws a view; open and shut sides get buttons with data-side and data-node. */
export function picture(view: View, d: Drawing, state: State, project: Project, columns?: Columns): Picture {
  const margin = 46, w = d.w + 2 * margin, h = d.h + 2 * 16;
  const edges = svg('g', { class: 'g-edges', fill: 'none' }), nodes = svg('g');
  const out: Picture = {
    svg: svg('svg', { class: 'graph', viewBox: '0 0 ' + w + ' ' + h, width: w, height: h, role: 'group' },
      svg('g', { class: 'g-all', transform: 'translate(' + margin + ' 16)' }, edges, nodes)),
    spots: [], links: [], lines: [],
  };
  const middle = view.at.get(state.node);
  if (view.columns.length) columnLines(out, edges, view, d);
  else {
    const line = svg('path', { class: 'g-edge' });
    view.lines.forEach((l, k) => {
      const route = d.routes[k];
      if (!route) return;
      const near = l.from === middle || l.to === middle;
      const el = line.cloneNode() as SVGPathElement;
      if (near || l.dashed) el.setAttribute('class', 'g-edge' + (near ? ' near' : '') + (l.dashed ? ' dashed' : ''));
      el.setAttribute('d', routePath(route));
      edges.append(el);
      out.lines.push({ el, from: l.from, to: l.to });
    });
  }
  // In reading order: rank by rank, from above. What all have in common is copied.
  const order = view.spots.map((_, k) => k).sort((a, b) => d.boxes[a].rank - d.boxes[b].rank || d.boxes[a].y - d.boxes[b].y || a - b);
  const one = svg('a', { tabindex: -1 }, svg('rect', { class: 'g-box', rx: 6 }), svg('path', { class: 'g-bar' }), svg('text', { x: PAD, y: 19.25 }));
  const more = svg('g', { role: 'button' }, svg('rect', { height: 18, rx: 9 }), svg('text', { y: 13, 'text-anchor': 'middle' }));
  for (const k of order) {
    const s = view.spots[k], b = d.boxes[k], label = project.label(s.node), page = project.page(s.node), tone = project.tone(s.node), went = project.state(s.node);
    const visible = [shorten(label), ...s.rows.map((c) => shorten(columns!.name(s.node * WIDE + c))), ...(s.moreRows ? ['+' + s.moreRows + ' more'] : [])];
    const link = one.cloneNode(true) as SVGAElement, [box, bar, text] = link.children;
    link.setAttribute('class', 'x-node g-node t-' + tone + (k === middle ? ' focus' : ''));
    if (page) link.setAttribute('href', page);
    link.setAttribute('transform', 'translate(' + b.x + ' ' + b.y + ')');
    link.setAttribute('aria-label', visible.join(' ') + ', ' + describe(project, s));
    link.setAttribute('data-k', String(k));
    box.setAttribute('width', String(b.w));
    box.setAttribute('height', String(b.h));
    bar.setAttribute('d', 'M6 0h-.5A5.5 5.5 0 0 0 0 5.5v' + (b.h - 11) + 'A5.5 5.5 0 0 0 5.5 ' + b.h + 'H6z');
    text.textContent = visible[0];
    if (went === 'b' || went === 'w') link.append(svg('path', { class: 'x-state ' + (went === 'b' ? 'bad' : 'warn'), d: 'M' + (b.w - 12) + ' 9l6 11h-12z' }));
    s.rows.forEach((c, r) => {
      const name = columns!.name(s.node * WIDE + c), start = k === middle && name.toLowerCase() === state.column.toLowerCase();
      link.append(' ', svg('text', { class: 'x-col' + (start ? ' on' : ''), x: PAD, y: rowAt(r) + 4, 'data-col': c }, visible[r + 1]));
    });
    if (s.moreRows) link.append(' ', svg('text', { class: 'x-col more', x: PAD, y: rowAt(s.rows.length) + 4 }, '+' + s.moreRows + ' more'));
    const parts: SVGElement[] = [link];
    for (const side of ['u', 'd']) {
      const n = side === 'u' ? s.up : s.down;
      if (!n) continue;
      const quiet = side === 'u' ? s.hop > 0 : s.hop < 0, says = quiet ? (side === 'u' ? '«' : '»') : '+' + n, w = 12 + 6.6 * says.length;
      const pill = more.cloneNode(true) as SVGGElement, [back, word] = pill.children;
      pill.setAttribute('class', 'x-node x-more' + (quiet ? ' quiet' : ''));
      pill.setAttribute('aria-label', 'Show ' + n + ' more ' + (side === 'u' ? 'upstream' : 'downstream') + ' of ' + label);
      pill.setAttribute('data-side', side);
      pill.setAttribute('data-k', String(k));
      pill.setAttribute('transform', 'translate(' + (b.x + (side === 'u' ? -10 - w : b.w + 10)) + ' ' + (b.y + HEIGHT / 2 - 9) + ')');
      back.setAttribute('width', String(w));
      word.setAttribute('x', String(w / 2));
      word.textContent = says;
      parts.push(pill);
    }
    nodes.append(...parts);
    out.spots[k] = parts;
    out.links[k] = link;
  }
  return out;
}

/**
 * entitle gives a node, or the button beside it, the title that shows when a reader rests on it.
 * Few are rested on: made with the picture, titles would be a sixth of its elements.
 */
export function entitle(e: Element, s: Spot, project: Project): void {
  if (e.firstElementChild?.tagName === 'title') return;
  e.prepend(svg('title', undefined, e.tagName === 'a' ? project.names[s.node] + ', ' + describe(project, s) : e.getAttribute('aria-label')));
}

function columnLines(out: Picture, parent: SVGGElement, view: View, d: Drawing): void {
  const routes = new Map(view.lines.map((l, k) => [l.from + ' ' + l.to, d.routes[k]]));
  const spotY = (k: number, column: number): number => {
    const s = view.spots[k], at = column < 0 ? -1 : s.rows.indexOf(column % WIDE);
    return d.boxes[k].y + (column < 0 ? HEIGHT / 2 : at >= 0 ? rowAt(at) : rowAt(s.rows.length));
  };
  const seen = new Set<string>();
  for (const c of view.columns) {
    const from = view.at.get(Math.floor(c.from / WIDE))!, to = view.at.get(c.node)!, route = routes.get(from + ' ' + to);
    if (!route) continue;
    const path = routePath(route, spotY(from, c.from), spotY(to, c.to)), use = 'use' in c.step;
    const kind = use ? 'use' : (c.step as { way: string }).way === '=' ? 'copy' : 'made';
    if (seen.has(kind + path)) continue;
    seen.add(kind + path);
    const el = svg('path', { class: 'g-edge x-' + kind, d: path }, svg('title', undefined, wordOf(c.step)));
    parent.append(el);
    out.lines.push({ el, from, to, columns: [c.from, c.to] });
  }
}

/** Sheet draws very many boxes on a canvas, no more of them than can be seen. */
export interface SheetBox { x: number; y: number; w: number; h: number; tone: string; label: string }

export interface Window { x: number; y: number; k: number }

export class Sheet {
  #colours = new Map<string, string>();
  readonly #boxesByX: number[];
  /** Boxes that are told apart; undefined: none. */
  lit: Set<number> | undefined;
  held = -1;

  constructor(readonly canvas: HTMLCanvasElement, readonly boxes: SheetBox[], readonly lines: Line[]) {
    this.#boxesByX = boxes.map((_, i) => i).sort((a, b) => boxes[a].x - boxes[b].x || boxes[a].y - boxes[b].y);
  }

  /** colour is what a class or custom property of the page says. */
  #colour(name: string): string {
    let c = this.#colours.get(name);
    if (c === undefined) {
      const probe = document.createElement('i');
      if (name.startsWith('t-')) probe.className = name;
      this.canvas.parentElement!.append(probe);
      c = getComputedStyle(probe).getPropertyValue(name.startsWith('t-') ? '--tone' : name).trim() || '#888';
      probe.remove();
      this.#colours.set(name, c);
    }
    return c;
  }

  /** recolour is for a change of the theme. */
  recolour(): void { this.#colours.clear(); }

  draw(win: Window): void {
    const dpr = window.devicePixelRatio || 1, W = this.canvas.clientWidth, H = this.canvas.clientHeight;
    if (this.canvas.width !== Math.round(W * dpr) || this.canvas.height !== Math.round(H * dpr)) {
      this.canvas.width = Math.round(W * dpr);
      this.canvas.height = Math.round(H * dpr);
    }
    const g = this.canvas.getContext('2d')!, { k } = win;
    g.setTransform(dpr, 0, 0, dpr, 0, 0);
    g.clearRect(0, 0, W, H);
    g.setTransform(dpr * k, 0, 0, dpr * k, -win.x * k * dpr, -win.y * k * dpr);
    const right = win.x + W / k, bottom = win.y + H / k, { boxes, lit } = this;
    const seen = (i: number): boolean => boxes[i].x <= right && boxes[i].x + boxes[i].w >= win.x && boxes[i].y <= bottom && boxes[i].y + boxes[i].h >= win.y;
    const near = k > 0.45;
    for (const pass of lit ? [false, true] : [false]) {
      g.strokeStyle = this.#colour(pass ? '--accent' : '--edge');
      g.globalAlpha = pass ? 0.9 : lit ? 0.1 : 0.4;
      g.lineWidth = pass ? Math.max(1.4, 1 / k) : Math.max(1.1, 0.5 / k);
      g.beginPath();
      for (const l of this.lines) {
        const a = boxes[l.from], b = boxes[l.to];
        if (lit && pass !== (lit.has(l.from) && lit.has(l.to))) continue;
        const x1 = a.x + a.w, y1 = a.y + a.h / 2, x2 = b.x, y2 = b.y + b.h / 2;
        if (x1 > right && x2 > right || x1 < win.x && x2 < win.x || Math.min(y1, y2) > bottom || Math.max(y1, y2) < win.y) continue;
        // From afar, lines with no end in sight only make the ground grey.
        if (near && !pass && !seen(l.from) && !seen(l.to)) continue;
        g.moveTo(x1, y1);
        if (near) {
          const half = Math.min(60, Math.abs(x2 - x1) / 2);
          g.bezierCurveTo(x1 + half, y1, x2 - half, y2, x2, y2);
        } else g.lineTo(x2, y2);
      }
      g.stroke();
    }
    g.globalAlpha = 1;
    g.font = '12px ' + (this.#colour('--mono') || 'monospace');
    g.textBaseline = 'middle';
    for (const i of this.#boxesByX) {
      if (!seen(i)) continue;
      const b = boxes[i];
      g.globalAlpha = lit && !lit.has(i) ? 0.22 : 1;
      const tone = this.#colour('t-' + b.tone);
      if (k < 0.2) {
        g.fillStyle = tone;
        g.fillRect(b.x, b.y, b.w, b.h);
        continue;
      }
      g.fillStyle = this.#colour('--card');
      g.fillRect(b.x, b.y, b.w, b.h);
      g.strokeStyle = i === this.held ? this.#colour('--accent') : this.#colour('--line-strong');
      g.lineWidth = i === this.held ? 2.5 : 1;
      g.strokeRect(b.x, b.y, b.w, b.h);
      g.fillStyle = tone;
      g.fillRect(b.x, b.y, 6, b.h);
      if (k > 0.42) {
        g.fillStyle = this.#colour('--ink');
        g.fillText(shorten(b.label), b.x + PAD, b.y + HEIGHT / 2 + 1);
      }
    }
    g.globalAlpha = 1;
  }

  /** hit is the box at a place, -1 if there is none. */
  hit(x: number, y: number): number {
    return this.boxes.findIndex((b) => x >= b.x && x <= b.x + b.w && y >= b.y && y <= b.y + b.h);
  }
}
