/** The engine of the tests of DUMP and RESTORE: payloads as buffers, digests, and the memory check. */

import { mixValue } from '../../../src/shard/check/digest.js';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { TestEngine, type Word } from '../engine-harness.js';

export const BAD_DATA = '-ERR Bad data format\r\n';
export const BAD_FOOTER = '-ERR DUMP payload version or checksum are wrong\r\n';

export class RdbEngine extends TestEngine {
  /** The dump of a key, which must exist. */
  dump(name: Word): Buffer {
    const reply = Buffer.from(this.run('DUMP', name), 'latin1');
    const start = reply.indexOf(10) + 1;
    return reply.subarray(start, reply.length - 2);
  }

  /** The raw reply of RESTORE without an expiry. */
  restore(name: Word, bytes: Uint8Array, ...options: Word[]): string {
    return this.run('RESTORE', name, 0, bytes, ...options);
  }

  /** As DEBUG DIGEST-VALUE. */
  digest(name: string): string {
    const bytes = Uint8Array.from(Buffer.from(name, 'latin1'));
    for (const arena of this.arenas) {
      arena.sync();
      const keyspace = openDatabases(arena, TYPES)[this.db]!;
      const e = keyspace.find(bytes, new DataView(bytes.buffer), 0, bytes.length);
      if (e === 0) continue;
      const digest = new Uint8Array(20);
      mixValue(TYPES, arena, e, digest);
      return Buffer.from(digest).toString('hex');
    }
    return '0'.repeat(40);
  }

  /** What fsck finds wrong, and stores without an announcement. */
  findings(): string[] {
    const found = this.arenas.flatMap((arena) => {
      arena.sync();
      return fsckShard(arena, openDatabases(arena, TYPES));
    });
    return [...found, ...this.unannounced()];
  }
}
