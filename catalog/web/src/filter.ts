// Lists that are narrowed by what is typed, and tables that are sorted by a column.

import { all, el } from './dom';
import { fold } from './words';

export function filters(): void {
  for (const box of all<HTMLInputElement>('[data-filter]')) {
    if (!(box instanceof HTMLInputElement)) continue;
    const scope = box.closest('.' + box.dataset.filter);
    if (!scope) continue;
    const none = el('p', { class: 'said', role: 'status', hidden: true });
    let rows: { row: HTMLElement; text: string }[] | undefined;
    const narrow = () => {
      rows ??= all('tbody tr, ul.filtered > li', scope).map((row) => ({ row, text: fold(row.textContent ?? '') }));
      const words = fold(box.value).split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const r of rows) {
        r.row.hidden = !words.every((w) => r.text.includes(w));
        if (!r.row.hidden) shown++;
      }
      for (const g of all('[data-group]', scope)) g.hidden = words.length > 0 && !g.querySelector('tbody tr:not([hidden]), li:not([hidden])');
      scope.classList.toggle('narrowed', words.length > 0);
      none.hidden = words.length === 0;
      none.textContent = shown === 0 ? 'Nothing in this list has “' + box.value.trim() + '”.' : shown.toLocaleString('en') + ' of ' + rows.length.toLocaleString('en');
    };
    (box.closest('label') ?? box).after(none);
    box.addEventListener('input', narrow);
    box.addEventListener('keydown', (e) => { if (e.key === 'Escape' && box.value !== '') { e.preventDefault(); box.value = ''; narrow(); } });
    if (box.value !== '') narrow(); // the browser kept it when going back
  }
}

/** Units of numbers as pages write them, in bytes, seconds or nothing. */
const UNITS: Record<string, number> = {
  '': 1, '%': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 1024, mib: 1048576, gib: 2 ** 30, tib: 2 ** 40, k: 1e3, m: 60, g: 1e9,
  ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400, day: 86400, days: 86400,
};

/** value is what a number in a cell stands for: 1,200; 3.5 MB; 2 m 5 s. Cells without one are below all. */
function value(cell: string): number {
  let sum = 0, any = false;
  for (const m of cell.replace(/(\d)[,\u202f\u2009\u00a0 ](?=\d{3}\b)/g, '$1').matchAll(/([+\-−]?\d+(?:\.\d+)?)\s*([a-zA-Z%]*)/g)) {
    const unit = UNITS[m[2]!.toLowerCase()];
    if (unit === undefined) { if (!any) { sum = +m[1]!.replace('−', '-'); any = true; } break; }
    sum += +m[1]!.replace('−', '-') * unit;
    any = true;
  }
  return any ? sum : -Infinity;
}

const collate = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

export function sorting(): void {
  for (const table of all<HTMLTableElement>('.listing table')) {
    const head = table.tHead?.rows[0], bodies = Array.from(table.tBodies), long = bodies.map((b) => b.rows.length);
    if (!head || !((long[0] ?? 0) > 2) || table.querySelector('td[rowspan], td[colspan]')) continue;
    const heads = Array.from(head.cells);
    heads.forEach((th, i) => {
      const name = th.textContent?.trim();
      if (!name) return;
      const number = th.classList.contains('num') || th.hasAttribute('data-number');
      const button = el('button', { type: 'button', class: 'sort' });
      button.append(...Array.from(th.childNodes));
      th.append(button);
      button.addEventListener('click', () => {
        const down = th.getAttribute('aria-sort') === (number ? null : 'ascending') || th.getAttribute('aria-sort') === 'ascending';
        for (const h of heads) h.removeAttribute('aria-sort');
        th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        const text = (r: HTMLTableRowElement) => r.cells[i]?.dataset.sort ?? r.cells[i]?.textContent?.trim() ?? '';
        const rows = bodies.flatMap((b) => Array.from(b.rows)).map((row) => ({ row, text: text(row), n: number ? value(text(row)) : 0 }));
        rows.sort((a, b) => (number ? a.n - b.n || collate.compare(a.text, b.text) : collate.compare(a.text, b.text)) * (down ? -1 : 1));
        // Groups keep their lengths.
        bodies.forEach((b, k) => b.append(...rows.splice(0, long[k]).map((r) => r.row)));
      });
    });
  }
}
