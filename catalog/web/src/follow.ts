// On pages of nodes the names of columns lead to the explorer, on the way of the column.

import { all, el } from './dom';

/**
 * following makes links of the names of columns whose way is known. The explorer needs scripts, so
 * pages without them have no such links; nothing on the page moves when they come.
 */
export function following(): void {
  for (const table of all<HTMLTableElement>('table[data-explore]')) {
    const flows = all('tbody .flow', table);
    // Some at a time, so that the page answers in between.
    const some = (): void => {
      for (const flow of flows.splice(0, 50)) {
        const th = flow.closest('tr')?.querySelector('th');
        if (!th || th.querySelector('a')) continue;
        const link = el('a', { href: table.dataset.explore + encodeURIComponent(th.textContent ?? ''), title: 'Follow this column' });
        link.append(...th.childNodes);
        th.append(link);
      }
      if (flows.length) setTimeout(some);
    };
    some();
  }
}
