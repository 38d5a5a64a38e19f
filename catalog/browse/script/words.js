() => {
  // The words of the page's content, without what only a script can fill.
  const main = document.querySelector('main').cloneNode(true);
  for (const e of main.querySelectorAll('button:not(th button), [role=status], [role=tablist], [role=toolbar], label.filter, canvas, script, .scripted')) e.remove();
  return main.textContent.replace(/\s+/g, ' ').trim();
}
