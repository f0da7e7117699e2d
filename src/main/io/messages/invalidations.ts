/** The bytes of invalidation messages: what RESP3 clients get as a push, and RESP2 clients on a channel. */

const PUSH_HEAD = Buffer.from('>2\r\n$10\r\ninvalidate\r\n', 'latin1');
const CHANNEL = '__redis__:invalidate';
const CHANNEL_HEAD = Buffer.from(`*3\r\n$7\r\nmessage\r\n$${CHANNEL.length}\r\n${CHANNEL}\r\n`, 'latin1');
const NULL3 = Uint8Array.from(Buffer.from('_\r\n', 'latin1'));
const NULL2 = Uint8Array.from(Buffer.from('$-1\r\n', 'latin1'));

/** A RESP array of key names (one char a byte). */
export function keyArray(keys: readonly string[]): Uint8Array {
  let text = `*${keys.length}\r\n`;
  for (const key of keys) text += `$${key.length}\r\n${key}\r\n`;
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** The messages made last: one set of keys goes to many clients, who share its bytes. */
const made: { [part in 'push' | 'pushKeys' | 'message' | 'messageKeys']: Uint8Array } = {
  push: NULL3,
  pushKeys: NULL3,
  message: NULL2,
  messageKeys: NULL2,
};

/** The message for a RESP3 client. `keys`: from keyArray; null: all keys. The bytes must not be changed. */
export function invalidationPush(keys: Uint8Array | null): Uint8Array {
  const wanted = keys ?? NULL3;
  if (made.pushKeys !== wanted || made.push === NULL3) {
    made.push = join(PUSH_HEAD, wanted);
    made.pushKeys = wanted;
  }
  return made.push;
}

/**
 * The message for a RESP2 client to which the notifications of another client are redirected. The bytes must not be
 * changed.
 */
export function invalidationMessage(keys: Uint8Array | null): Uint8Array {
  const wanted = keys ?? NULL2;
  if (made.messageKeys !== wanted || made.message === NULL2) {
    made.message = join(CHANNEL_HEAD, wanted);
    made.messageKeys = wanted;
  }
  return made.message;
}

/** Tells a RESP3 client that the client to which its notifications were redirected is gone. */
export function redirectGonePush(redirectId: number): Uint8Array {
  return Uint8Array.from(Buffer.from(`>2\r\n$21\r\ntracking-redir-broken\r\n:${redirectId}\r\n`, 'latin1'));
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
