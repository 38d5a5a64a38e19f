// Buttons that copy a text: the name of a relation, SQL.

import { all, el } from './dom';

export function copying(): void {
  for (const from of all('.relation code, .code .sql code')) {
    const word = 'Copy', button = el('button', { class: 'copy' }, word);
    let back = 0;
    (from.closest('pre') ?? from).after(button);
    button.addEventListener('click', () => {
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
