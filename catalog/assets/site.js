// The catalog's one script: search, filters, tabs, SQL colours, and moving around in the
// lineage picture. Pages are complete without it.
(function () {
  'use strict';
  var base = document.currentScript.dataset.base;
  var doc = document.documentElement;
  doc.classList.add('js');
  var $ = function (id) { return document.getElementById(id); };
  var all = function (selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); };

  // ---- Data: classic scripts that call catalog(name, text), the only thing that loads
  // from file:// under our content policy.
  var nodes = null, columns = null, texts = [], textCount = 0, flows = {};
  window.catalog = function (name, text) {
    var lines = text === '' ? [] : text.split('\n');
    if (name === 'nodes') {
      textCount = +lines[0];
      nodes = lines.slice(1).map(function (l) {
        var f = l.split('\t');
        return { name: f[0], low: f[0].toLowerCase(), kind: f[1], tone: f[2], page: f[3] || f[1] + '/' + f[0] + '.html', about: f[4] };
      });
    } else if (name === 'columns') {
      columns = lines.map(function (l) {
        var f = l.split('\t');
        return { name: f[0], low: f[0].toLowerCase(), at: f[1] };
      });
    } else if (name === 'text') {
      texts.push(lines.map(function (l) {
        var i = l.indexOf('\t');
        return { node: parseInt(l.slice(0, i), 36), text: l.slice(i + 1), low: l.slice(i + 1).toLowerCase() };
      }));
    } else if (name.slice(0, 5) === 'flow-') {
      flows[name.slice(5)] = lines.map(function (l) { return l.split('\t'); });
    }
  };
  var load = function (file, then) {
    var s = document.createElement('script');
    s.src = base + file;
    s.onload = then;
    s.onerror = then;
    document.head.appendChild(s);
  };
  var loading = false;
  function loadAll() {
    if (loading) return;
    loading = true;
    load('d/nodes.js', function () {
      search();
      load('d/columns.js', function () {
        search();
        var next = function (i) {
          if (i < textCount) load('d/text-' + i + '.js', function () { search(); next(i + 1); });
        };
        next(0);
      });
    });
  }

  // ---- Search
  var input = $('q'), list = $('hits'), hits = [], chosen = -1;
  var LIMIT = 40;

  // score ranks a name: exact, prefix, start of a word, anywhere.
  function score(low, q) {
    var i = low.indexOf(q);
    if (i < 0) return -1;
    if (low === q) return 0;
    if (i === 0) return 1;
    return /[^a-z0-9]/.test(low[i - 1]) ? 2 : 3;
  }
  function find(q) {
    var out = [], seen = {}, i;
    if (!nodes) return out;
    nodes.forEach(function (n, at) {
      var s = score(n.low, q);
      if (s >= 0) { out.push({ n: n, rank: s, part: n.about }); seen[at] = true; }
    });
    out.sort(function (a, b) { return a.rank - b.rank || a.n.name.length - b.n.name.length || (a.n.low < b.n.low ? -1 : 1); });
    if (out.length < LIMIT && columns) {
      var cols = [];
      columns.forEach(function (c) {
        var s = score(c.low, q);
        if (s >= 0) cols.push({ c: c, rank: s });
      });
      cols.sort(function (a, b) { return a.rank - b.rank || a.c.name.length - b.c.name.length; });
      for (i = 0; i < cols.length && out.length < LIMIT; i++) {
        cols[i].c.at.split(',').slice(0, 12).forEach(function (at36) {
          var at = parseInt(at36, 36);
          if (!seen['c' + at]) { seen['c' + at] = true; out.push({ n: nodes[at], column: cols[i].c.name }); }
        });
      }
    }
    for (i = 0; i < texts.length && out.length < LIMIT; i++) {
      for (var k = 0; k < texts[i].length && out.length < LIMIT; k++) {
        var t = texts[i][k], p = t.low.indexOf(q);
        if (p >= 0 && !seen[t.node] && !seen['c' + t.node]) {
          seen[t.node] = true;
          var from = Math.max(0, p - 40);
          out.push({ n: nodes[t.node], part: (from ? '…' : '') + t.text.slice(from, p + 100) });
        }
      }
    }
    return out.slice(0, LIMIT);
  }
  function marked(parent, text, q) {
    var low = text.toLowerCase(), i = low.length === text.length ? low.indexOf(q) : -1;
    if (i < 0) { parent.textContent = text; return; }
    parent.append(text.slice(0, i));
    var m = document.createElement('mark');
    m.textContent = text.slice(i, i + q.length);
    parent.append(m, text.slice(i + q.length));
  }
  function el(tag, cls) {
    var e = document.createElement(tag);
    if (cls) e.className = cls;
    return e;
  }
  function search() {
    var q = input.value.trim().toLowerCase();
    if (q === '' || document.activeElement !== input) { close(); return; }
    hits = find(q);
    list.textContent = '';
    hits.forEach(function (h, i) {
      var a = el('a');
      a.href = base + h.n.page + (h.column ? '#columns' : '');
      a.id = 'hit' + i;
      a.setAttribute('role', 'option');
      a.tabIndex = -1;
      a.append(el('i', 'dot t-' + h.n.tone));
      var b = el('b');
      marked(b, h.column ? h.n.name + '.' + h.column : h.n.name, q);
      var kind = el('small');
      kind.textContent = h.column ? 'column' : h.n.kind;
      a.append(b, kind);
      if (h.part) { var em = el('em'); marked(em, h.part, q); a.append(em); }
      list.append(a);
    });
    if (!hits.length) {
      var p = el('p');
      p.textContent = nodes ? 'Nothing matches “' + input.value.trim() + '”.' : 'Loading…';
      list.append(p);
    }
    list.hidden = false;
    input.setAttribute('aria-expanded', 'true');
    $('hit-count').textContent = hits.length + (hits.length === LIMIT ? ' or more' : '') + ' results';
    choose(hits.length ? 0 : -1);
  }
  function choose(i) {
    chosen = i;
    all('[role=option]', list).forEach(function (a, k) {
      a.setAttribute('aria-selected', k === i);
      if (k === i) a.scrollIntoView({ block: 'nearest' });
    });
    if (i < 0) input.removeAttribute('aria-activedescendant');
    else input.setAttribute('aria-activedescendant', 'hit' + i);
  }
  function close() {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    choose(-1);
  }
  input.addEventListener('focus', function () { loadAll(); search(); });
  input.addEventListener('input', search);
  input.addEventListener('blur', function () { setTimeout(function () { if (document.activeElement !== input) close(); }, 150); });
  list.addEventListener('mousedown', function (e) { e.preventDefault(); });
  input.addEventListener('keydown', function (e) {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      if (hits.length) choose((chosen + (e.key === 'ArrowDown' ? 1 : hits.length - 1)) % hits.length);
    } else if (e.key === 'Enter' && chosen >= 0) {
      e.preventDefault();
      $('hit' + chosen).click();
      input.blur();
    } else if (e.key === 'Escape') {
      input.value = '';
      input.blur();
      close();
    }
  });
  document.addEventListener('keydown', function (e) {
    var typing = /^(input|textarea|select)$/i.test(e.target.tagName);
    if (e.key === '/' && !typing && !e.ctrlKey && !e.metaKey && !e.altKey || e.key.toLowerCase() === 'k' && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      input.focus();
      input.select();
    }
  });

  // ---- Filters of lists
  all('[data-filter]').forEach(function (box) {
    var scope = box.closest('.' + box.dataset.filter);
    box.addEventListener('input', function () {
      var q = box.value.trim().toLowerCase();
      all('tbody tr', scope).forEach(function (tr) { tr.hidden = q !== '' && tr.textContent.toLowerCase().indexOf(q) < 0; });
      all('[data-group]', scope).forEach(function (g) { g.hidden = !g.querySelector('tbody tr:not([hidden])'); });
    });
  });

  // ---- Column lineage: any number of steps, read when they are asked for
  var FLOW = 4096, waiting = {};
  var WORDS = { i: '', c: 'condition', t: 'transformed', a: 'aggregated', F: 'filter', J: 'join', U: 'unnest', G: 'group', O: 'order', W: 'window', N: 'unused' };
  function ready(file, have, then) {
    if (have()) { then(); return; }
    if (waiting[file]) { waiting[file].push(then); return; }
    waiting[file] = [then];
    load(file, function () {
      var all = waiting[file];
      delete waiting[file];
      all.forEach(function (f) { f(); });
    });
  }
  function flowOf(n, then) {
    var k = Math.floor(n / FLOW);
    ready('d/flow-' + k + '.js', function () { return flows[k]; }, function () { if (flows[k]) then(flows[k][n % FLOW]); });
  }
  // steps lists what is next to column n; above are the columns on the way to it.
  function steps(parent, n, side, above) {
    flowOf(n, function (line) {
      var list = line[side] ? line[side].split(',') : [];
      if (!list.length) return;
      var ul = el('ul');
      parent.append(ul);
      list.forEach(function (item) {
        var word = item[0], rows = item[1] === 'r', at = parseInt(item.slice(rows ? 2 : 1), 36);
        var li = el('li'), a = el('a'), small = el('small');
        small.textContent = WORDS[word];
        li.append(a, ' ', small);
        ul.append(li);
        if (rows) {
          a.href = base + nodes[at].page;
          a.textContent = nodes[at].name + ' (rows)';
          return;
        }
        flowOf(at, function (l) {
          var node = nodes[parseInt(l[1], 36)];
          a.href = base + node.page + '#' + encodeURIComponent(l[4] || 'c-' + l[0]);
          a.textContent = node.name + '.' + l[0];
          if (word === word.toLowerCase() && l[side] && above.indexOf(at) < 0) toggle(li, at, side, above.concat(at));
        });
      });
    });
  }
  function toggle(parent, n, side, above) {
    var button = el('button');
    button.type = 'button';
    button.setAttribute('aria-expanded', 'false');
    button.textContent = 'follow';
    parent.append(' ', button);
    button.addEventListener('click', function () {
      var open = button.getAttribute('aria-expanded') === 'true', ul = parent.querySelector('ul');
      button.setAttribute('aria-expanded', String(!open));
      button.textContent = open ? 'follow' : 'close';
      if (ul) ul.hidden = open;
      else ready('d/nodes.js', function () { return nodes; }, function () { if (nodes) steps(parent, n, side, above); });
    });
  }
  all('.flow[data-flow]').forEach(function (box) {
    var n = parseInt(box.dataset.flow, 36);
    all('p', box).forEach(function (p) {
      var part = el('div');
      p.replaceWith(part);
      part.append(p);
      toggle(part, n, p.dataset.side === 'up' ? 2 : 3, [n]);
      p.append(' ', part.querySelector('button'));
    });
  });

  // ---- Copy buttons
  all('[data-copy]').forEach(function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener('click', function () {
      navigator.clipboard.writeText($(button.dataset.copy).textContent).then(function () {
        button.textContent = 'Copied';
        setTimeout(function () { button.textContent = 'Copy'; }, 1500);
      });
    });
  });

  // ---- Tabs: sections below each other become panels of which one shows
  all('.tabs').forEach(function (group) {
    var panels = all('.tab', group);
    if (panels.length < 2) return;
    var bar = el('div'), tabs = [];
    bar.setAttribute('role', 'tablist');
    function show(i, focus) {
      panels.forEach(function (p, k) {
        p.hidden = k !== i;
        tabs[k].setAttribute('aria-selected', k === i);
        tabs[k].tabIndex = k === i ? 0 : -1;
      });
      if (focus) tabs[i].focus();
    }
    panels.forEach(function (p, i) {
      var t = el('button');
      t.type = 'button';
      t.textContent = p.querySelector('h3').textContent;
      t.id = 'tab' + i;
      t.setAttribute('role', 'tab');
      p.setAttribute('role', 'tabpanel');
      t.setAttribute('aria-controls', p.id = 'panel' + i);
      t.addEventListener('click', function () { show(i); });
      t.addEventListener('keydown', function (e) {
        if (e.key === 'ArrowRight') show((i + 1) % panels.length, true);
        if (e.key === 'ArrowLeft') show((i + panels.length - 1) % panels.length, true);
      });
      tabs.push(t);
      bar.append(t);
    });
    group.prepend(bar);
    group.classList.add('live');
    show(0);
  });

  // ---- SQL colours without markup: ranges of plain text get a highlight
  function colour() {
    if (!window.CSS || !CSS.highlights || !window.Highlight) return;
    var words = 'all and any array as asc asof between by case cast cross current date desc distinct else end escape except exclude exists extract false filter first following from full group grouping having if ignore in inner intersect interval into is join last lateral left like limit natural not null nulls offset on or order outer over partition pivot preceding qualify range recursive replace respect right row rows safe_cast select semi set struct tablesample then true unbounded union unnest unpivot using values when where window with within'.split(' ');
    var keyword = {}, marks = { kw: [], str: [], com: [], num: [], tpl: [] };
    words.forEach(function (w) { keyword[w] = true; });
    var token = /(--[^\n]*|\/\*[\s\S]*?\*\/)|('(?:[^'\\]|\\.|'')*'|"(?:[^"\\\n]|\\.)*")|(\{\{-?|-?\}\})|\b(\d+(?:\.\d+)?)\b|([A-Za-z_]\w*)/g;
    all('pre.sql code').forEach(function (code) {
      var walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT), n, total = code.textContent.length;
      if (total > 200000) return;
      while ((n = walk.nextNode())) {
        var m;
        token.lastIndex = 0;
        while ((m = token.exec(n.data))) {
          var kind = m[1] ? 'com' : m[2] ? 'str' : m[3] ? 'tpl' : m[4] ? 'num' : keyword[m[5].toLowerCase()] ? 'kw' : '';
          if (!kind) continue;
          var r = document.createRange();
          r.setStart(n, m.index);
          r.setEnd(n, m.index + m[0].length);
          marks[kind].push(r);
        }
      }
    });
    Object.keys(marks).forEach(function (k) {
      var h = new Highlight();
      marks[k].forEach(function (r) { h.add(r); });
      CSS.highlights.set('sql-' + k, h);
    });
  }
  colour();

  // ---- Small pictures: show the focus
  all('.canvas:not(.whole)').forEach(function (c) {
    var f = c.querySelector('.focus');
    if (!f) return;
    var box = f.getBoundingClientRect(), frame = c.getBoundingClientRect();
    c.scrollLeft = box.left - frame.left - (frame.width - box.width) / 2;
  });

  // ---- The whole picture: move, zoom, find, and follow the flow
  var whole = $('whole');
  if (!whole) return;
  var svg = whole.querySelector('svg');
  var full = svg.viewBox.baseVal, W = full.width, H = full.height;
  svg.removeAttribute('width');
  svg.removeAttribute('height');
  whole.classList.add('live');
  document.querySelector('.zoom').hidden = false;
  var view = { x: 0, y: 0, w: W, h: H };
  function frame() { var r = whole.getBoundingClientRect(); return { w: r.width, h: r.height, left: r.left, top: r.top }; }
  function apply() { svg.setAttribute('viewBox', [view.x, view.y, view.w, view.h].join(' ')); }
  function fit() {
    // Never larger than life: small projects keep readable proportions.
    var f = frame(), k = Math.max(W / f.w, H / f.h, 0.8);
    view = { w: f.w * k, h: f.h * k };
    view.x = (W - view.w) / 2;
    view.y = (H - view.h) / 2;
    apply();
  }
  // entrance shows readable boxes: the whole picture where that works, its left side else.
  function entrance() {
    fit();
    var f = frame();
    if (view.w / f.w > 2.2) {
      var k = 1.4;
      view = { x: -10, y: Math.max(-10, (H - f.h * k) / 2), w: f.w * k, h: f.h * k };
      apply();
    }
  }
  function zoom(by, px, py) {
    var f = frame(), k = Math.min(Math.max(view.w * by, 200), 6 * Math.max(W, H * f.w / f.h)) / view.w;
    var cx = view.x + view.w * px, cy = view.y + view.h * py;
    view = { x: cx - view.w * k * px, y: cy - view.h * k * py, w: view.w * k, h: view.h * k };
    apply();
  }
  whole.addEventListener('wheel', function (e) {
    e.preventDefault();
    var f = frame();
    zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * 0.0035), (e.clientX - f.left) / f.w, (e.clientY - f.top) / f.h);
  }, { passive: false });
  var grip = null, moved = false;
  whole.addEventListener('pointerdown', function (e) {
    if (e.button) return;
    grip = { x: e.clientX, y: e.clientY, vx: view.x, vy: view.y, id: e.pointerId };
    moved = false;
  });
  whole.addEventListener('pointermove', function (e) {
    if (!grip) return;
    var dx = e.clientX - grip.x, dy = e.clientY - grip.y;
    if (!moved && Math.abs(dx) + Math.abs(dy) < 5) return;
    if (!moved) { moved = true; whole.setPointerCapture(grip.id); whole.classList.add('drag'); }
    var f = frame();
    view.x = grip.vx - dx * view.w / f.w;
    view.y = grip.vy - dy * view.h / f.h;
    apply();
  });
  ['pointerup', 'pointercancel'].forEach(function (n) {
    whole.addEventListener(n, function () { grip = null; whole.classList.remove('drag'); });
  });
  whole.addEventListener('click', function (e) { if (moved) { e.preventDefault(); e.stopPropagation(); moved = false; } }, true);
  whole.addEventListener('dragstart', function (e) { e.preventDefault(); });
  whole.addEventListener('keydown', function (e) {
    var step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (step) { e.preventDefault(); view.x += step[0] * view.w / 10; view.y += step[1] * view.h / 10; apply(); }
    if (e.key === '+') zoom(0.8, 0.5, 0.5);
    if (e.key === '-') zoom(1.25, 0.5, 0.5);
    if (e.key === '0') fit();
  });
  $('zoom-in').addEventListener('click', function () { zoom(0.75, 0.5, 0.5); });
  $('zoom-out').addEventListener('click', function () { zoom(1.33, 0.5, 0.5); });
  $('zoom-fit').addEventListener('click', fit);

  var boxes = all('.g-node', svg), edges = [], up = [], down = [];
  boxes.forEach(function (b, i) { up[i] = []; down[i] = []; });
  all('.g-edge', svg).forEach(function (p) {
    var ends = p.dataset.e.split(' ').map(Number), at = edges.length;
    edges.push({ el: p, a: ends[0], b: ends[1] });
    down[ends[0]].push(at);
    up[ends[1]].push(at);
  });
  var pinned = null;
  function cone(start) {
    var keep = {}, lines = {};
    [[up, 'a'], [down, 'b']].forEach(function (side) {
      var stack = [start], seen = {};
      while (stack.length) {
        var i = stack.pop();
        if (seen[i]) continue;
        seen[i] = keep[i] = true;
        side[0][i].forEach(function (at) { lines[at] = true; stack.push(edges[at][side[1]]); });
      }
    });
    return { keep: keep, lines: lines };
  }
  function light(keep, lines, hit) {
    svg.classList.toggle('dim', !!keep);
    boxes.forEach(function (b, i) {
      b.classList.toggle('on', !!keep && !!keep[i]);
      b.classList.toggle('hit', !!hit && !!hit[i]);
    });
    edges.forEach(function (e, i) { e.el.classList.toggle('on', !!lines && !!lines[i]); });
  }
  function rest() {
    if (pinned) light(pinned.keep, pinned.lines, pinned.hit);
    else light(null);
  }
  boxes.forEach(function (b, i) {
    var on = function () { var c = cone(i), h = {}; h[i] = true; light(c.keep, c.lines, h); };
    b.addEventListener('pointerenter', on);
    b.addEventListener('focus', on);
    b.addEventListener('pointerleave', rest);
    b.addEventListener('blur', rest);
  });
  var titles = boxes.map(function (b) { return b.querySelector('title').textContent; });
  var names = titles.map(function (t) { return t.toLowerCase(); });
  function centre(i, zoomed) {
    var t = boxes[i].transform.baseVal.consolidate().matrix, f = frame();
    if (zoomed) { view.w = f.w * 1.05; view.h = f.h * 1.05; }
    view.x = t.e + 90 - view.w / 2;
    view.y = t.f + 30 - view.h / 2;
    apply();
  }
  var box = $('find');
  box.addEventListener('input', function () {
    var q = box.value.trim().toLowerCase(), hit = {}, first = -1, n = 0;
    pinned = null;
    if (q !== '') {
      names.forEach(function (name, i) {
        if (name.indexOf(q) >= 0) { hit[i] = true; n++; if (first < 0) first = i; }
      });
      pinned = { keep: hit, lines: {}, hit: hit };
    }
    $('found').textContent = q === '' ? '' : n + ' of ' + boxes.length;
    rest();
    if (n === 1) centre(first);
  });
  box.addEventListener('keydown', function (e) {
    if (e.key === 'Escape') { box.value = ''; box.dispatchEvent(new Event('input')); }
  });
  function fromHash() {
    var want;
    try { want = decodeURIComponent(location.hash.slice(1)); } catch (e) { return false; }
    var dot = want.indexOf('.');
    if (dot < 0) return false;
    var start = want.slice(0, dot).replace('_', ' ') + ' ' + want.slice(dot + 1);
    for (var i = 0; i < titles.length; i++) {
      if (titles[i] === start || titles[i].indexOf(start + ' (') === 0) {
        var c = cone(i), hit = {};
        hit[i] = true;
        pinned = { keep: c.keep, lines: c.lines, hit: hit };
        rest();
        centre(i, true);
        return true;
      }
    }
    return false;
  }
  entrance();
  fromHash();
  window.addEventListener('hashchange', fromHash);
  window.addEventListener('keydown', function (e) {
    if (e.key === 'Escape' && pinned && document.activeElement !== box) { pinned = null; rest(); }
  });
})();
