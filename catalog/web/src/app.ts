// The script of every page. Pages are complete without it. It is loaded in the head and blocks,
// so that the theme stands before anything is painted; the rest waits for the page.

import './theme';
import { base, data, deltas, have, num, rows, script } from './data';
import { all, byID, combobox, el, svg, typing } from './dom';
import { fragment, go, onFragment, setFragment } from './place';
import { copying } from './copy';
import { filters, sorting } from './filter';
import { following } from './follow';
import { keys } from './keys';
import { look } from './look';
import { lighting } from './map';
import { menu } from './menu';
import { searching } from './searching';
import { colours } from './sqlcolour';
import { here, isPage, isText, keep, kept, RECENT, remember } from './store';
import { details, tabs } from './tabs';

// All that other bundles may want of modules that this one has anyway, see command bundle.
window.catalog.kit = { base, data, deltas, have, num, rows, script, all, byID, combobox, el, svg, typing, fragment, go, onFragment, setFragment, here, isPage, isText, keep, kept, RECENT };
document.documentElement.classList.add('js');

const parts = [look, searching, keys, menu, tabs, details, focus, filters, sorting, following, copying, remember, colours, lighting];

/** How long parts may go on, in milliseconds, before the page gets its turn: to be painted, or to answer. */
const TURN = 12;

function start(): void {
  for (const begin = performance.now(); parts.length;) {
    // One part that fails leaves the others working.
    try {
      parts.shift()!();
    } catch (e) {
      console.error(e);
    }
    if (performance.now() - begin > TURN) {
      setTimeout(start);
      return;
    }
  }
}

// Pages have this script in their head, before anything is painted.
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
else start();

/** focus scrolls small pictures to what they are about. */
function focus(): void {
  for (const canvas of document.querySelectorAll<HTMLElement>('.canvas:not(.whole)')) {
    const at = canvas.querySelector('.focus');
    if (!at) continue;
    const box = at.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
    canvas.scrollLeft = box.left - frame.left - (frame.width - box.width) / 2;
  }
}
