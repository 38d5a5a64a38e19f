// How a hit looks, in the list below the search box and on the page of all results.

import { el } from './dom';
import { finder } from './ask';
import { Answer, FLAG, Hit } from './find';
import { marked } from './words';

/** fill puts a hit into an element, with the words marked. */
export function fill(parent: HTMLElement, h: Hit, words: string[]): void {
  parent.append(
    el('i', { class: 'dot' + (h.tone ? ' t-' + h.tone : ' none'), 'aria-hidden': 'true' }),
    marked(el('b'), h.title, words),
    el('small', {}, h.kind),
  );
  const note = el('span', { class: 'note' });
  if (h.flags !== undefined && h.flags & FLAG.failing) note.append(el('span', { class: 'pill bad' }, 'failing'), ' ');
  if (h.flags !== undefined && h.flags & FLAG.deprecated) note.append(el('span', { class: 'pill warn' }, 'deprecated'), ' ');
  if (h.note) note.append(h.note);
  const em = el('em');
  if (h.about) marked(em, h.about, words);
  if (note.childNodes.length) parent.append(note);
  parent.append(em);
}

/** describe fills in what a thing says of itself once that has come. */
export function describe(parent: HTMLElement, h: Hit, words: string[]): void {
  const em = parent.querySelector('em');
  if (!em || em.childNodes.length || h.thing === undefined) return;
  // What is found by its name shows how it is described, anything else where the words are.
  const about = finder.about(h.thing, h.inText ? words : [], h.column);
  if (!about || about.text === '') return;
  if (about.column !== undefined) em.append(el('code', {}, about.column), ' ');
  marked(em, about.text, words);
}

/** list joins words: a, b and c. */
export function list(words: string[]): string {
  return words.length < 2 ? words.join('') : words.slice(0, -1).join(', ') + ' and ' + words[words.length - 1];
}

/** times is a number with its noun. */
export function times(n: number, one: string, many = one + 's'): string {
  return n.toLocaleString('en') + ' ' + (n === 1 ? one : many);
}

/** total is how many results there are. */
export function total(a: Answer): string { return a.rough ? 'more than ' + times(a.total - 1, 'result') : times(a.total, 'result'); }
