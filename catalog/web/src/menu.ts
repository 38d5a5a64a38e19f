// The project's folders beside a page, which narrow screens show on demand.

import { byID } from './dom';

export function menu(): void {
  const button = byID<HTMLButtonElement>('menu');
  if (!button) return;
  const root = document.documentElement;
  button.hidden = false;
  const show = (on: boolean) => {
    root.classList.toggle('menu-open', on);
    button.setAttribute('aria-expanded', String(on));
  };
  show(false);
  button.addEventListener('click', () => show(!root.classList.contains('menu-open')));
  document.addEventListener('keydown', (e) => {
    if (e.key !== 'Escape' || !root.classList.contains('menu-open')) return;
    show(false);
    button.focus();
  });
}
