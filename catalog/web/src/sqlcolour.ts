// Colours of SQL without markup: ranges of plain text get a highlight, so that pages stay
// small and what is copied is what is written.

import { all } from './dom';

const WORDS = new Set(('all and any array as asc asof between by case cast cross current date desc distinct else end escape except exclude exists extract ' +
  'false filter first following from full group grouping having if ignore in inner intersect interval into is join last lateral left like limit natural not null ' +
  'nulls offset on or order outer over partition pivot preceding qualify range recursive replace respect right row rows safe_cast select semi set struct ' +
  'tablesample then true unbounded union unnest unpivot using values when where window with within').split(' '));

const TOKEN = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\{#[\s\S]*?(?:#\}|$))|('(?:[^'\\]|\\.|'')*'|"(?:[^"\\\n]|\\.)*")|(\{[{%]-?|-?[%}]\})|\b(\d+(?:\.\d+)?)\b|([A-Za-z_]\w*)/g;

/** Longer texts stay plain. */
const LONGEST = 200_000;

export function colours(): void {
  if (!window.CSS || !('highlights' in CSS) || !window.Highlight) return;
  const marks: Record<string, Range[]> = { com: [], str: [], tpl: [], num: [], kw: [] };
  for (const code of all('pre.sql code')) {
    if ((code.textContent ?? '').length > LONGEST) continue;
    const walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    for (let n = walk.nextNode() as Text | null; n; n = walk.nextNode() as Text | null) {
      for (const m of n.data.matchAll(TOKEN)) {
        const kind = m[1] ? 'com' : m[2] ? 'str' : m[3] ? 'tpl' : m[4] ? 'num' : WORDS.has(m[5]!.toLowerCase()) ? 'kw' : '';
        if (!kind) continue;
        const r = document.createRange();
        r.setStart(n, m.index);
        r.setEnd(n, m.index + m[0].length);
        marks[kind]!.push(r);
      }
    }
  }
  for (const kind in marks) {
    const h = new Highlight();
    for (const r of marks[kind]!) h.add(r);
    CSS.highlights.set('sql-' + kind, h);
  }
}
