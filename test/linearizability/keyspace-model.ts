/**
 * A small keyspace as a value: what the commands of the model read and change. A state never changes; a draft is made
 * from it, changed by one action, and frozen into the next state.
 *
 * Watches are part of the state, as in Redis: who changes a key marks those who watch it, and EXEC looks at the mark.
 */

export type Value =
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  /** Sorted. */
  | { readonly kind: 'set'; readonly members: readonly string[] }
  /** Sorted by field. */
  | { readonly kind: 'hash'; readonly fields: readonly (readonly [string, string])[] };

interface Watch {
  readonly keys: readonly string[];
  readonly isDirty: boolean;
}

export class KeyspaceState {
  readonly values: ReadonlyMap<string, Value>;
  readonly watches: ReadonlyMap<string, Watch>;
  #text: string | null = null;

  constructor(values: ReadonlyMap<string, Value> = new Map(), watches: ReadonlyMap<string, Watch> = new Map()) {
    this.values = values;
    this.watches = watches;
  }

  /** The same for equal states, and for them alone. */
  get text(): string {
    this.#text ??= this.#compose();
    return this.#text;
  }

  #compose(): string {
    const values = [...this.values].map(([key, value]) => `${key}=${valueText(value)}`).sort();
    if (this.watches.size === 0) return values.join(' ');
    const watches = [...this.watches].map(([client, { keys, isDirty }]) => `${client}:${keys}${isDirty ? '!' : ''}`);
    return `${values.join(' ')} | ${watches.sort().join(' ')}`;
  }

  /** The part of the state that concerns the keys. */
  only(keys: ReadonlySet<string>): KeyspaceState {
    return new KeyspaceState(new Map([...this.values].filter(([key]) => keys.has(key))));
  }
}

/** A value as a person would write it. */
export function valueText(value: Value): string {
  if (value.kind === 'string') return JSON.stringify(value.text);
  if (value.kind === 'list') return `[${value.items}]`;
  if (value.kind === 'set') return `{${value.members}}`;
  return `{${value.fields.map(([field, text]) => `${field}:${text}`)}}`;
}

/** Whether the value has no elements: such a key does not exist. */
function isEmpty(value: Value): boolean {
  if (value.kind === 'list') return value.items.length === 0;
  if (value.kind === 'set') return value.members.length === 0;
  return value.kind === 'hash' && value.fields.length === 0;
}

export class Draft {
  readonly #base: KeyspaceState;
  #values: Map<string, Value> | null = null;
  #watches: Map<string, Watch> | null = null;

  constructor(base: KeyspaceState) {
    this.#base = base;
  }

  get(key: string): Value | undefined {
    return (this.#values ?? this.#base.values).get(key);
  }

  /** Gives a key a value; without one, or with one that has no elements, the key ends. */
  put(key: string, value: Value | undefined): void {
    this.#values ??= new Map(this.#base.values);
    if (value === undefined || isEmpty(value)) this.#values.delete(key);
    else this.#values.set(key, value);
    for (const [client, watch] of this.#watches ?? this.#base.watches) {
      if (watch.isDirty || !watch.keys.includes(key)) continue;
      this.#watches ??= new Map(this.#base.watches);
      this.#watches.set(client, { keys: watch.keys, isDirty: true });
    }
  }

  watch(client: string, keys: readonly string[]): void {
    this.#watches ??= new Map(this.#base.watches);
    const known = this.#watches.get(client);
    const all = [...new Set([...(known?.keys ?? []), ...keys])].sort();
    this.#watches.set(client, { keys: all, isDirty: known?.isDirty ?? false });
  }

  /** Ends the client's watches. Returns whether one of its keys has changed since. */
  unwatch(client: string): boolean {
    const known = (this.#watches ?? this.#base.watches).get(client);
    if (known === undefined) return false;
    this.#watches ??= new Map(this.#base.watches);
    this.#watches.delete(client);
    return known.isDirty;
  }

  freeze(): KeyspaceState {
    if (this.#values === null && this.#watches === null) return this.#base;
    return new KeyspaceState(this.#values ?? this.#base.values, this.#watches ?? this.#base.watches);
  }
}
