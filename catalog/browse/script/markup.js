() => {
  // Markup that no page of a site has unless a text of a user became markup.
  const out = [], name = e => e.outerHTML.slice(0, 140);
  const strange = 'iframe, object, embed, form:not(.mt-search:not([action])), base, applet, portal, template, style, frame, frameset, math, video, audio, source, track, marquee, area, image, foreignObject, animate, set, animateTransform, animateMotion, use, handler, listener, discard, img, dialog[open] iframe, meta[http-equiv=refresh], link:not([rel=stylesheet]):not([rel=icon]):not([rel=preload]):not([rel=next]):not([rel=prev]):not([rel=up])';
  // In a site that is a single file, the policy names the scripts and styles in it by their hashes:
  // another one is a complaint of the browser already.
  const single = !!document.querySelector('meta[http-equiv=Content-Security-Policy]')?.content.includes("'sha256-");
  for (const e of document.querySelectorAll(strange)) if (!(single && e.matches('style'))) out.push('an element: ' + name(e));
  const base = new URL(document.querySelector('link[rel=stylesheet]')?.href ?? location.href).href.replace(/#.*/, '').replace(/(a\/)?[^/]*$/, '');
  for (const e of document.querySelectorAll('script')) {
    const inside = !e.src && (single || e.type && e.type !== 'text/javascript' || e.hasAttribute('data-inline'));
    if (!e.src.startsWith(base) && !inside) out.push('a script: ' + name(e));
  }
  for (const e of document.querySelectorAll('*')) {
    for (const a of e.attributes) {
      if (/^on/i.test(a.name)) out.push('a handler: ' + name(e));
      if (/^(style|srcdoc|formaction|background|ping|http-equiv)$/i.test(a.name) && !(e.tagName === 'META')) {
        if (a.name !== 'style' || a.value.match(/url|expression|import/i)) out.push('an attribute ' + a.name + ': ' + name(e));
      }
      if (/^(href|src|xlink:href|action|data|poster|cite|longdesc)$/i.test(a.name)) {
        let u;
        try { u = new URL(a.value, document.baseURI) } catch { out.push('no address: ' + a.value); continue }
        const fine = ['http:', 'https:', 'mailto:', location.protocol];
        if (e.matches('link[rel=icon]')) fine.push('data:');
        if (e.matches('a[download]')) fine.push('blob:');
        if (!fine.includes(u.protocol)) out.push(`an address of ${u.protocol}: ` + name(e));
        if (u.protocol === 'file:' && !u.href.startsWith(base)) out.push('a file elsewhere: ' + name(e));
      }
    }
  }
  for (const k of ['pwned', '__pwned']) if (k in window) out.push('a script of a text has run: window.' + k);
  if (Object.prototype.pwned !== undefined) out.push('Object.prototype was changed');
  return { Seen: document.querySelectorAll('*').length, Problems: [...new Set(out)].slice(0, 20) };
}
