/**
 * PrefixTree: names, each with a value, in a radix tree. It tells which of the names a text begins with, in time that
 * grows with the text and not with the number of names. It also tells whether a name overlaps with a name in the tree:
 * whether one is a prefix of the other.
 *
 *     user: , user:1: , job:          ''
 *                                    /  \
 *                            'user:' *   'job:' *            * has a value
 *                                    |
 *                                '1:' *
 *
 * Invariants: (1) children of a node differ in the first char of their labels; (2) every node but the root has a value
 * or at least two children; (3) nothing recurses: names may be nested as deeply as they are long.
 */

interface Node<T> {
  label: string;
  children: Map<number, Node<T>> | null;
  value: T | undefined;
}

export class PrefixTree<T> {
  size = 0;
  private root: Node<T> = { label: '', children: null, value: undefined };

  /** The value of a name. */
  get(name: string): T | undefined {
    let node = this.root;
    let at = 0;
    while (at < name.length) {
      const next = node.children?.get(name.charCodeAt(at));
      if (next === undefined || !name.startsWith(next.label, at)) return undefined;
      at += next.label.length;
      node = next;
    }
    return node.value;
  }

  /** Gives a name a value. */
  set(name: string, value: T): void {
    let node = this.root;
    let at = 0;
    while (at < name.length) {
      const next = node.children?.get(name.charCodeAt(at));
      if (next === undefined) {
        const leaf: Node<T> = { label: name.slice(at), children: null, value: undefined };
        node.children ??= new Map();
        node.children.set(name.charCodeAt(at), leaf);
        node = leaf;
        break;
      }
      const shared = sharedLength(next.label, name, at);
      if (shared < next.label.length) split(next, shared);
      at += shared;
      node = next;
    }
    if (node.value === undefined) this.size++;
    node.value = value;
  }

  /** Takes a name out; nothing when it is not there. */
  delete(name: string): void {
    let grand: Node<T> | null = null;
    let parent: Node<T> | null = null;
    let node = this.root;
    let at = 0;
    while (at < name.length) {
      const next = node.children?.get(name.charCodeAt(at));
      if (next === undefined || !name.startsWith(next.label, at)) return;
      at += next.label.length;
      grand = parent;
      parent = node;
      node = next;
    }
    if (node.value === undefined) return;
    node.value = undefined;
    this.size--;
    if (parent === null) return;
    if (node.children === null) {
      parent.children!.delete(node.label.charCodeAt(0));
      if (parent.children!.size === 0) parent.children = null;
      if (grand !== null) join(parent);
    } else join(node);
  }

  /** The values of all names with which `text` begins, the shortest name first. */
  prefixesOf(text: string): T[] {
    const found: T[] = [];
    let node = this.root;
    let at = 0;
    for (;;) {
      if (node.value !== undefined) found.push(node.value);
      const next = at < text.length ? node.children?.get(text.charCodeAt(at)) : undefined;
      if (next === undefined || !text.startsWith(next.label, at)) return found;
      at += next.label.length;
      node = next;
    }
  }

  /** The first name, in their order, with which `text` begins or that begins with `text`; null when there is none. */
  overlapping(text: string): string | null {
    let node = this.root;
    let at = 0;
    while (at < text.length) {
      if (node.value !== undefined) return text.slice(0, at);
      const next = node.children?.get(text.charCodeAt(at));
      if (next === undefined) return null;
      if (sharedLength(next.label, text, at) < Math.min(next.label.length, text.length - at)) return null;
      at += next.label.length;
      node = next;
    }
    if (this.size === 0) return null;
    // The text may end inside of the last label.
    const labels = [text, node.label.slice(node.label.length - (at - text.length))];
    while (node.value === undefined) {
      node = node.children!.get(Math.min(...node.children!.keys()))!;
      labels.push(node.label);
    }
    return labels.join('');
  }
}

/** How many chars of `label` stand in `text` from `at` on. */
function sharedLength(label: string, text: string, at: number): number {
  const end = Math.min(label.length, text.length - at);
  let n = 0;
  while (n < end && label.charCodeAt(n) === text.charCodeAt(at + n)) n++;
  return n;
}

/** Cuts a node's label: what is behind `at` becomes a child with all that the node had. */
function split<T>(node: Node<T>, at: number): void {
  const rest: Node<T> = { label: node.label.slice(at), children: node.children, value: node.value };
  node.label = node.label.slice(0, at);
  node.children = new Map([[rest.label.charCodeAt(0), rest]]);
  node.value = undefined;
}

/** A node that has neither value nor two children becomes one with its child. */
function join<T>(node: Node<T>): void {
  if (node.value !== undefined || node.children === null || node.children.size !== 1) return;
  for (const child of node.children.values()) {
    node.label += child.label;
    node.value = child.value;
    node.children = child.children;
    return;
  }
}
