// Buttons that copy the text of an element.

import { all, byID } from './dom';

export function copying(): void {
  for (const button of all<HTMLButtonElement>('[data-copy]')) {
    button.hidden = false;
    const word = button.textContent;
    let back = 0;
    button.addEventListener('click', () => {
      const from = byID(button.dataset.copy!);
      if (!from) return;
      void copy(from).then((done) => {
        button.textContent = done ? 'Copied' : 'Press Ctrl C';
        clearTimeout(back);
        back = window.setTimeout(() => { button.textContent = word; }, 1500);
      });
    });
  }
}

/** copy tries; where the browser does not let us, the text is selected for the reader to copy. */
async function copy(from: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(from.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(from);
    return false;
  }
}
