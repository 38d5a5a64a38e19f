// The script of searching: loaded when somebody touches the search box, and by the page of
// all results.

import './data';
import { ask, finder, warm } from './ask';
import { palette } from './palette';
import { searchPage } from './searchpage';

declare global {
  interface Window {
    /** The search engine, for other scripts of the page: they need not carry their own. */
    catalogSearch?: { ask: typeof ask; finder: typeof finder; warm: typeof warm };
  }
}

if (!window.catalogSearch) {
  window.catalogSearch = { ask, finder, warm };
  palette();
  searchPage();
}
