/** What a script has taken comes back. */
import { expect, test } from 'vitest';
import { fsck } from '../../harness/fsck.js';
import { startSherd } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const MB = 1 << 20;

test('#11 the memory of a script that held a giant string goes back to the system', async () => {
  const server = await startSherd({ shards: 1 });
  try {
    const client = await server.client();
    expect(await client.call('EVAL', 'return 1', '0')).toBe(1);
    const before = server.rssBytes();
    // The first interpreter and one that was made later.
    for (let round = 0; round < 2; round++) {
      expect(await client.call('EVAL', "local s = ('x'):rep(70 * 2^20) return #s", '0')).toBe(70 * MB);
      await until('the memory is back', async () => server.rssBytes() < before + 60 * MB, 20_000);
      expect(await client.call('EVAL', 'return 2', '0')).toBe(2);
    }
    await fsck(client);
  } finally {
    await server.stop();
  }
});
