// Sections below each other become tabs of which one shows. In print all of them do.

import { all, el } from './dom';
import { fragment, onFragment } from './place';

let count = 0;

export function tabs(): void {
  for (const group of all('.tabs')) {
    const panels = all('.tab', group);
    if (panels.length < 2) continue;
    const bar = el('div', { role: 'tablist', 'aria-label': 'Views' }), buttons: HTMLButtonElement[] = [];
    const show = (i: number, focus = false) => {
      panels.forEach((p, k) => {
        p.hidden = k !== i;
        buttons[k]!.setAttribute('aria-selected', String(k === i));
        buttons[k]!.tabIndex = k === i ? 0 : -1;
      });
      if (focus) buttons[i]!.focus();
    };
    panels.forEach((p, i) => {
      const id = ++count, n = panels.length;
      p.id ||= 'panel-' + id;
      const b = el('button', { type: 'button', id: 'tab-' + id, role: 'tab', 'aria-controls': p.id }, p.querySelector('h3')?.textContent ?? String(id));
      p.setAttribute('role', 'tabpanel');
      p.setAttribute('aria-labelledby', b.id);
      b.addEventListener('click', () => show(i));
      b.addEventListener('keydown', (e) => {
        const to = { ArrowRight: (i + 1) % n, ArrowLeft: (i + n - 1) % n, Home: 0, End: n - 1 }[e.key];
        if (to === undefined) return;
        e.preventDefault();
        show(to, true);
      });
      buttons.push(b);
      bar.append(b);
    });
    group.prepend(bar);
    group.classList.add('live');
    show(0);
    let was = 0;
    window.addEventListener('beforeprint', () => {
      was = panels.findIndex((p) => !p.hidden);
      for (const p of panels) p.hidden = false;
    });
    window.addEventListener('afterprint', () => show(was));
  }
}

/** details opens what an address leads into, and everything for print. */
export function details(): void {
  const reach = () => {
    const id = decode(fragment()), at = id ? document.getElementById(id) : null;
    for (let d = at?.closest('details'); d; d = d.parentElement?.closest('details')) d.open = true;
  };
  reach();
  onFragment(reach);
  let closed: HTMLDetailsElement[] = [];
  window.addEventListener('beforeprint', () => {
    closed = all<HTMLDetailsElement>('main details:not([open])');
    for (const d of closed) d.open = true;
  });
  window.addEventListener('afterprint', () => { for (const d of closed) d.open = false; });
}

function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}
