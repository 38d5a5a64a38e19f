// A site in a single file: its pages and data are in blocks of the file, packed, and addresses
// are «#!page#fragment». A page is put in place when the file is opened; following a link to
// another page opens the file again, so that scripts of pages need to know nothing of it.

export {};

interface Index {
  /** Which block has a file. */
  files: Record<string, number>;
  home: string;
  missing: string;
}

const block = (id: string): string => document.getElementById(id)?.textContent ?? '';
const index = JSON.parse(block('index')) as Index;
const packed = new Map<number, string>();
document.querySelectorAll<HTMLElement>('script[data-block]').forEach((s) => packed.set(Number(s.dataset.block), s.textContent ?? ''));
const open = new Map<number, Promise<Record<string, string>>>();

async function unpack(text: string): Promise<Record<string, string>> {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(stream).text()) as Record<string, string>;
}

/** file gives the text of a file of the site. */
async function file(path: string): Promise<string> {
  const n = Object.hasOwn(index.files, path) ? index.files[path] : undefined;
  const text = n === undefined ? undefined : packed.get(n);
  if (n === undefined || text === undefined) throw new Error(path + ' is not in this file');
  let files = open.get(n);
  if (!files) open.set(n, files = unpack(text));
  return (await files)[path]!;
}

/** run puts a script into the page; the policy of the file allows those it came with. */
async function run(path: string): Promise<void> {
  const s = document.createElement('script');
  s.dataset.base = '#!';
  s.textContent = await file(path);
  document.head.append(s);
}

window.catalogFile = file;
window.catalogScript = run;

/** place is the page that the address names, and the fragment behind it. */
function place(): [string, string] {
  const h = location.hash.slice(1);
  if (!h.startsWith('!')) return [index.home, h];
  const i = h.indexOf('#');
  return i < 0 ? [h.slice(1), ''] : [h.slice(1, i), h.slice(i + 1)];
}

/** resolve is an address of a page as an address of the file; undefined where it leads out of it. */
function resolve(from: string, href: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(href) || href.startsWith('#!')) return undefined;
  const hash = href.indexOf('#');
  const fragment = hash < 0 ? '' : href.slice(hash);
  const rest = hash < 0 ? href : href.slice(0, hash);
  if (rest === '') return '#!' + from + fragment;
  const parts = from.split('/').slice(0, -1);
  for (const p of rest.split('/')) {
    if (p === '..') parts.pop();
    else if (p !== '.') parts.push(p);
  }
  return '#!' + parts.join('/') + fragment;
}

function show(fragment: string): void {
  if (fragment === '') return;
  let id = fragment;
  try { id = decodeURIComponent(fragment); } catch { /* as it is */ }
  document.getElementById(id)?.scrollIntoView();
}

async function begin(): Promise<void> {
  const [asked, fragment] = place();
  window.addEventListener('hashchange', () => {
    const [next, part] = place();
    if (next !== asked) location.reload();
    else show(part);
  });
  const path = Object.hasOwn(index.files, asked) ? asked : index.missing;
  if (!location.hash.startsWith('#!')) history.replaceState(null, '', '#!' + path + (fragment === '' ? '' : '#' + fragment));
  const page = new DOMParser().parseFromString(await file(path), 'text/html');
  document.title = page.title;
  page.querySelectorAll('a[href]').forEach((a) => {
    const to = resolve(path, a.getAttribute('href') ?? '');
    if (to !== undefined) a.setAttribute('href', to);
  });
  // Scripts make links of this one.
  page.querySelectorAll('[data-explore]').forEach((e) => {
    const to = resolve(path, e.getAttribute('data-explore') ?? '');
    if (to !== undefined) e.setAttribute('data-explore', to);
  });
  document.body.replaceChildren(...page.body.children);
  for (const s of page.querySelectorAll<HTMLScriptElement>('head script[src]')) {
    await run((s.getAttribute('src') ?? '').replace(/^(\.\.\/)+/, ''));
  }
  show(fragment);
  document.documentElement.dataset.page = path; // all is done
}

begin().catch((e: unknown) => {
  console.error(e);
  const p = document.createElement('p');
  p.textContent = 'This catalog cannot be opened: the browser lacks what it takes to unpack it, or the file is not complete.';
  document.body.replaceChildren(p);
});
