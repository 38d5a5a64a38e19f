// On pages of nodes the names of columns lead to the explorer, on the way of the column.

import { all, el } from './dom';

/**
 * following makes links of the names of columns whose way is known. The explorer needs scripts, so
 * pages without them have no such links; nothing on the page moves when they come.
 */
export function following(): void {
  for (const table of all<HTMLTableElement>('table[data-explore]')) {
    for (const th of all('tbody th', table)) {
      const name = th.textContent ?? '';
      if (!th.parentElement?.querySelector('.flow') || th.querySelector('a')) continue;
      const link = el('a', { href: table.dataset.explore + encodeURIComponent(name), title: 'Follow this column' });
      link.append(...th.childNodes);
      th.append(link);
    }
  }
}
