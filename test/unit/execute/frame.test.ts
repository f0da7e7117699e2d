/** Frames of commands inside of commands. */

import { describe, expect, it } from 'vitest';
import type { ExecContext } from '../../../src/shard/context/context.js';
import { Frames } from '../../../src/shard/execute/frame.js';
import type { ClientState } from '../../../src/shared/command/client-state.js';

const clientOf = (id: number): ClientState => ({ id, db: 0, proto: 2, flags: 0 });

function contextOf(client: ClientState): ExecContext {
  const ctx = {
    client,
    commandId: 7,
    mayWrite: true,
    db: 3,
    oneShard: true,
    inline: true,
    shard: 1,
    dirty: 5,
    ownEffects: false,
    blocking: { ticket: { io: 2, slot: 0, seq: 0 } },
    setClient(next: ClientState) {
      ctx.client = next;
    },
    useShard(shard: number) {
      ctx.shard = shard;
    },
  };
  return ctx as unknown as ExecContext;
}

describe('frames (#12)', () => {
  it('give the outer command its part of the context back, whatever the inner ones did with it', () => {
    const outer = clientOf(1);
    const ctx = contextOf(outer);
    const frames = new Frames(ctx);
    const before = { ...ctx };
    for (let round = 0; round < 3; round++) {
      for (let depth = 0; depth < 4; depth++) {
        frames.open(clientOf(10 + depth));
        expect([ctx.client.id, ctx.blocking.ticket.io, ctx.inline]).toEqual([10 + depth, -1, false]);
        Object.assign(ctx, { commandId: depth, mayWrite: false, db: 9, oneShard: false, shard: depth, dirty: 1 });
      }
      for (let depth = 0; depth < 4; depth++) {
        ctx.blocking.ticket.io = 8;
        frames.close(1, 1);
      }
      expect(ctx).toMatchObject({ ...before, dirty: 5 + round + 1, ownEffects: true });
      expect(ctx.client).toBe(outer);
      expect(ctx.blocking.ticket.io).toBe(2);
    }
  });
});
