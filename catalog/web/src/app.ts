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

function start(): void {
  // One part that fails leaves the others working.
  for (const part of [look, searching, keys, menu, tabs, details, filters, sorting, following, copying, remember, colours, lighting, focus]) {
    try {
      part();
    } catch (e) {
      console.error(e);
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
