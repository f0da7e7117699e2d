/** Replies that are always the same bytes, and what a writer without a buffer has. */

/** The bytes of a text, one char a byte. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

export const OK: Uint8Array = ascii('+OK\r\n');
export const PONG: Uint8Array = ascii('+PONG\r\n');
export const QUEUED: Uint8Array = ascii('+QUEUED\r\n');
export const NIL2: Uint8Array = ascii('$-1\r\n');
export const NIL3: Uint8Array = ascii('_\r\n');
export const NULL_ARRAY2: Uint8Array = ascii('*-1\r\n');
export const TRUE3: Uint8Array = ascii('#t\r\n');
export const FALSE3: Uint8Array = ascii('#f\r\n');

export const NO_ROOM: Uint8Array = new Uint8Array(0);
export const NO_ROOM_VIEW: DataView = new DataView(NO_ROOM.buffer);
