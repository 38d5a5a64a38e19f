() => {
  // Texts in drawings that are too pale on what is painted below them, which axe-core cannot judge.
  // WCAG 2.2, 1.4.3: 4.5 to 1, large letters 3 to 1.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const seen = new Map();
  // colour gives red, green, blue from 0 to 255 and alpha from 0 to 1 of any notation of CSS.
  const colour = text => {
    if (!seen.has(text)) {
      canvas.canvas.width = canvas.canvas.height = 1;
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = 'rgba(0,0,0,0)';
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(text, [r, g, b, a / 255]);
    }
    return seen.get(text);
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => { const v = c[i] / 255; return sum + w * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4) }, 0);
  const faded = (c, e, root, opacity) => { let a = c[3] * opacity; for (; e && e !== root; e = e.parentElement) a *= +getComputedStyle(e).opacity; return [c[0], c[1], c[2], a] };
  // ground is the colour behind an element of HTML.
  const ground = e => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(colour(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), colour(getComputedStyle(document.documentElement).colorScheme.includes('dark') && matchMedia('(prefers-color-scheme: dark)').matches ? '#121212' : '#ffffff'));
  };
  const out = [];
  let texts = 0;
  for (const svg of document.querySelectorAll('svg')) {
    if (!svg.checkVisibility({ visibilityProperty: true })) continue;
    const painted = [...svg.querySelectorAll('rect, circle, ellipse, polygon, path, text')];
    for (const text of svg.querySelectorAll('text')) {
      const style = getComputedStyle(text), box = text.getBoundingClientRect();
      if (!text.textContent.trim() || !box.width || style.visibility !== 'visible') continue;
      texts++;
      const x = box.x + box.width / 2, y = box.y + box.height / 2;
      let below = ground(svg);
      for (const shape of painted) {
        if (shape === text) break;
        if (shape.tagName === 'text') continue;
        const s = getComputedStyle(shape), r = shape.getBoundingClientRect();
        if (s.fill === 'none' || s.visibility !== 'visible' || s.display === 'none' || r.left > x || r.right < x || r.top > y || r.bottom < y) continue;
        below = over(faded(colour(s.fill), shape, svg, +s.fillOpacity), below);
      }
      const ink = over(faded(colour(style.fill), text, svg, +style.fillOpacity), below);
      const [a, b] = [light(ink), light(below)].sort((m, n) => n - m);
      const ratio = (a + 0.05) / (b + 0.05), size = parseFloat(style.fontSize);
      const need = size >= 24 || size >= 18.66 && +style.fontWeight >= 700 ? 3 : 4.5;
      if (ratio < need) out.push(`«${text.textContent.trim().slice(0, 40)}» (${text.getAttribute('class') || text.parentElement.getAttribute('class') || 'text'}): ${ratio.toFixed(2)} to 1, ${ink.slice(0, 3).map(Math.round)} on ${below.slice(0, 3).map(Math.round)}, want ${need}`);
    }
  }
  return { Seen: texts, Problems: out };
}
