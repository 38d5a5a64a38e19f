// How texts and questions are taken apart. catalog/search/words.go does the same for the
// index, and must be changed with it.

const MARK = /\p{Mn}/gu, WORD = /^[\p{L}\p{N}\p{M}]/u, ALONE = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

const ASCII = /^[\0-\x7f]*$/;

/** The length in letters at which words are cut. */
const LONGEST = 40;

/** letter folds one code point: small, without accents. */
function letter(c: string): string {
  let low = Array.from(c.toLowerCase())[0] ?? '';
  if (low === 'ς') low = 'σ';
  return low.normalize('NFD').replace(MARK, '');
}

/** fold makes a text small and takes its accents off. */
export function fold(s: string): string {
  if (ASCII.test(s)) return s.toLowerCase();
  let out = '';
  for (const c of s) out += letter(c);
  return out;
}

/** foldAll folds many names, none of which has a line break in it: at once, if none has accents. */
export function foldAll(names: string[]): string[] {
  const text = names.join('\n');
  return names.length && ASCII.test(text) ? text.toLowerCase().split('\n') : names.map(fold);
}

/** words lists the words of a text as the index has them, parts between underscores not. */
export function words(s: string): string[] {
  const out: string[] = [];
  let word = '', length = 0;
  const flush = () => {
    if (length > 1 || word > '\x7f') out.push(word);
    word = '';
    length = 0;
  };
  for (const c of s) {
    if (c > '\u2e7f' && ALONE.test(c)) {
      flush();
      out.push(c);
    } else if (c === '_' || WORD.test(c)) {
      for (const l of letter(c)) {
        if (length < LONGEST) { word += l; length++; }
      }
    } else {
      flush();
    }
  }
  flush();
  return out;
}

/** spans finds where words occur in a text, however it is written: [from, to), in order, apart. */
export function spans(text: string, list: string[]): [number, number][] {
  let low = text, at: number[] | null = null; // places of folded letters in the text
  if (ASCII.test(text)) {
    low = text.toLowerCase();
  } else {
    at = [];
    low = '';
    let i = 0;
    for (const c of text) {
      const f = letter(c);
      for (let k = 0; k < f.length; k++) at.push(i);
      low += f;
      i += c.length;
    }
    at.push(i);
  }
  const found: [number, number][] = [];
  for (const w of list) {
    if (w === '') continue;
    for (let i = low.indexOf(w), n = 0; i >= 0 && n < 20; i = low.indexOf(w, i + w.length), n++) {
      found.push(at ? [at[i]!, at[i + w.length]!] : [i, i + w.length]);
    }
  }
  found.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const out: [number, number][] = [];
  for (const f of found) {
    const last = out[out.length - 1];
    if (last && f[0] < last[1]) last[1] = Math.max(last[1], f[1]);
    else out.push(f);
  }
  return out;
}

/** marked fills an element with a text in which the words are marked. */
export function marked<E extends Element>(parent: E, text: string, list: string[]): E {
  let from = 0;
  for (const [a, b] of spans(text, list)) {
    const m = document.createElement('mark');
    m.textContent = text.slice(a, b);
    parent.append(text.slice(from, a), m);
    from = b;
  }
  parent.append(text.slice(from));
  return parent;
}
