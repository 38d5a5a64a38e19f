// Small means to make elements. Texts of users go in as texts, never as markup.

/** Attributes of an element; false, undefined and null leave one out, true sets it empty. */
export type Attributes = Record<string, string | number | boolean | undefined | null>;

/** Child is what an element holds; false, undefined and null are nothing. */
export type Child = Node | string | number | false | undefined | null;

function fill<E extends Element>(e: E, attributes: Attributes | undefined, children: Child[]): E {
  for (const name in attributes) {
    const v = attributes[name];
    if (v !== false && v !== undefined && v !== null) e.setAttribute(name, v === true ? '' : String(v));
  }
  for (const c of children) {
    if (c !== false && c !== undefined && c !== null) e.append(typeof c === 'number' ? String(c) : c);
  }
  return e;
}

/** el makes an HTML element. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes?: Attributes, ...children: Child[]): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** svg makes an SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes?: Attributes, ...children: Child[]): SVGElementTagNameMap[K] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** byID finds an element of the page. */
export function byID<E extends Element = HTMLElement>(id: string): E | null {
  return document.getElementById(id) as unknown as E | null;
}

/** all finds the elements that a selector names. */
export function all<E extends Element = HTMLElement>(selector: string, root: ParentNode = document): E[] {
  return Array.from(root.querySelectorAll<E>(selector));
}

/** typing says whether a key belongs to a field that somebody writes in. */
export function typing(e: Event): boolean {
  const t = e.target as HTMLElement | null;
  return !!t && (/^(input|textarea|select)$/i.test(t.tagName) || t.isContentEditable);
}

/** combobox tells assistive technology that a field chooses from a list. */
export function combobox(input: HTMLInputElement, list: string): void {
  fill(input, { role: 'combobox', 'aria-expanded': 'false', 'aria-controls': list, 'aria-autocomplete': 'list' }, []);
}
