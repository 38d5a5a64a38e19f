() => {
  // What makes a page wider than the window.
  const wide = document.documentElement.clientWidth, out = [];
  const page = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
  if (page > wide) {
    const held = e => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) { const o = getComputedStyle(p).overflowX; if (o !== 'visible') return true } return false };
    for (const e of document.body.querySelectorAll('*')) {
      const r = e.getBoundingClientRect();
      if (r.width && r.right + scrollX > wide + 1 && !held(e)) out.push(`${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''}${e.getAttribute('class') ? '.' + e.getAttribute('class').replaceAll(' ', '.') : ''} ends at ${Math.round(r.right)} of ${wide}: ${(e.textContent || '').trim().slice(0, 40)}`);
      if (out.length > 5) break;
    }
    if (!out.length) out.push(`the page is ${page} wide in a window of ${wide}`);
  }
  // What begins left of a box that scrolls cannot be scrolled to.
  for (const e of document.body.querySelectorAll('*')) {
    if (!['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || !e.clientWidth) continue;
    const left = e.getBoundingClientRect().left + e.clientLeft - e.scrollLeft;
    for (const c of e.children) {
      const r = c.getBoundingClientRect();
      if (r.width > 1 && r.left < left - 1 && getComputedStyle(c).position === 'static') out.push(`${c.tagName.toLowerCase()}.${c.getAttribute('class')} begins ${Math.round(left - r.left)} pixels left of what can be scrolled to`);
    }
  }
  return { Seen: 1, Problems: out };
}
