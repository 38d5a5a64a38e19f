// Runs before anything is painted: the theme that the reader chose, if one was.
try {
  const t = localStorage.getItem('theme');
  if (t === 'light' || t === 'dark') document.documentElement.dataset.theme = t;
} catch { /* no storage: the system's theme */ }
