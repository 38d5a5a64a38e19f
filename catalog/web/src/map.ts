// The map of the project: what leads into a cell and out of it stands out while a reader
// points at it, or has come to it by the keyboard.
import { byID } from './dom';

function light(map: Element, cell: string | undefined): void {
  map.classList.toggle('lit', cell !== undefined);
  const near = new Set<string>();
  if (cell !== undefined) near.add(cell);
  map.querySelectorAll<SVGElement>('.m-flow').forEach((flow) => {
    const [from, to] = (flow.dataset.e ?? '').split(' ');
    const on = cell !== undefined && (from === cell || to === cell);
    flow.classList.toggle('on', on);
    if (on && from !== undefined && to !== undefined) near.add(from).add(to);
  });
  map.querySelectorAll<SVGElement>('.m-cell').forEach((c) => c.classList.toggle('on', near.has(c.dataset.n ?? '')));
}

/** lighting makes the map of the project follow the reader. */
export function lighting(): void {
  const map = byID('map');
  if (!map) return;
  map.querySelectorAll<SVGElement>('.m-cell').forEach((cell) => {
    const on = (): void => light(map, cell.dataset.n);
    const off = (): void => light(map, undefined);
    cell.addEventListener('pointerenter', on);
    cell.addEventListener('focus', on);
    cell.addEventListener('pointerleave', off);
    cell.addEventListener('blur', off);
  });
}
