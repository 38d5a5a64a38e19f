// The viewer of materials where it is all there is: in the single file of a trace, which has no
// script of every page to take anything from.

import './material';
