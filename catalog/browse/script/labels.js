() => {
  // Texts in drawings that do not fit in the box they are in.
  const out = [];
  let texts = 0;
  for (const text of document.querySelectorAll('svg text')) {
    const group = text.closest('a, g');
    if (!group || !text.textContent.trim()) continue;
    const boxes = [...group.querySelectorAll(':scope > rect')].map(r => r.getBoundingClientRect()).sort((a, b) => b.width * b.height - a.width * a.height);
    const length = text.getComputedTextLength(), at = text.getBoundingClientRect();
    if (!boxes.length || !length || !at.width) continue;
    texts++;
    const box = boxes[0];
    if (at.x < box.x - 1 || at.x + at.width > box.x + box.width + 1) out.push(`«${text.textContent.trim().slice(0, 60)}» is ${length.toFixed(1)} wide, from ${at.x.toFixed(1)} to ${(at.x + at.width).toFixed(1)}, its box from ${box.x.toFixed(1)} to ${(box.x + box.width).toFixed(1)}`);
    if (at.y < box.y - 1 || at.y + at.height > box.y + box.height + 1) out.push(`«${text.textContent.trim().slice(0, 60)}» is higher than its box`);
  }
  return { Seen: texts, Problems: out };
}
