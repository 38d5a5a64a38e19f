// The layout of drawings, which the explorer and the viewer of materials have in common: it is in
// neither of them, and comes before both.

import { layered } from './layout';

window.catalog.layered = layered;
