// Light, dark, or as the system says. theme.ts puts it on before anything is painted.

import { byID } from './dom';

const MODES = ['auto', 'light', 'dark'] as const;
const SIGNS = { auto: '◐', light: '☀', dark: '☾' };
const WORDS = { auto: 'as the system', light: 'light', dark: 'dark' };

export function look(): void {
  const button = byID<HTMLButtonElement>('theme');
  if (!button) return;
  const root = document.documentElement;
  let mode: (typeof MODES)[number] = root.dataset.theme === 'light' || root.dataset.theme === 'dark' ? root.dataset.theme : 'auto';
  const show = () => {
    button.textContent = SIGNS[mode];
    button.title = 'Theme: ' + WORDS[mode];
    button.setAttribute('aria-label', 'Theme: ' + WORDS[mode]);
  };
  button.hidden = false;
  show();
  button.addEventListener('click', () => {
    mode = MODES[(MODES.indexOf(mode) + 1) % MODES.length]!;
    if (mode === 'auto') delete root.dataset.theme;
    else root.dataset.theme = mode;
    show();
    try {
      if (mode === 'auto') localStorage.removeItem('theme');
      else localStorage.setItem('theme', mode);
    } catch { /* then for this page alone */ }
  });
}
