/**
 * Frames: a frame keeps the part of the context that belongs to one running command while an inner command runs (a
 * queued command of a transaction, redis.call, the request of a blocked client).
 *
 *     outer command -> open() -> inner command, in the same context -> close() -> outer command goes on
 *
 * Invariants: (1) frames are opened and closed like brackets; (2) `dirty` is kept apart: the changes of the inner
 * command are added to those of the outer command; (3) a frame is allocated only when a depth of nesting is reached for
 * the first time.
 */
import type { ClientState } from '../../shared/command/client-state.js';
import type { ExecContext } from '../context/context.js';

class Frame {
  client: ClientState | null = null;
  commandId = 0;
  mayWrite = false;
  db = 0;
  oneShard = false;
  inline = false;
  dirty = 0;
  /** Where the reply of the outer command goes (Ticket.io): inside of it nothing waits. */
  waitsAt = 0;
}

export class Frames {
  private readonly ctx: ExecContext;
  private readonly kept: Frame[] = [];
  private depth = 0;

  constructor(ctx: ExecContext) {
    this.ctx = ctx;
  }

  /** Keeps the running command's part of the context. Commands inside of it run for `client` and do not wait. */
  // hot: every redis.call, MULTI ... EXEC
  open(client: ClientState): void {
    const { ctx, kept, depth } = this;
    if (depth === kept.length) kept.push(new Frame());
    const frame = kept[depth]!;
    this.depth = depth + 1;
    const { ticket } = ctx.blocking;
    frame.client = ctx.client;
    frame.commandId = ctx.commandId;
    frame.mayWrite = ctx.mayWrite;
    frame.db = ctx.db;
    frame.oneShard = ctx.oneShard;
    frame.inline = ctx.inline;
    frame.dirty = ctx.dirty;
    frame.waitsAt = ticket.io;
    ticket.io = -1;
    ctx.setClient(client);
    // An outer command that has begun must not be given up in its middle.
    ctx.inline = false;
  }

  /**
   * Goes back to the command that was running at the last `open`, in its shard `home`. `changes`: what the commands
   * inside of it changed, which have written their own effects.
   */
  // hot: every redis.call, MULTI ... EXEC
  close(home: number, changes: number): void {
    const { ctx } = this;
    const depth = this.depth - 1;
    this.depth = depth;
    const frame = this.kept[depth]!;
    ctx.setClient(frame.client!);
    frame.client = null;
    ctx.commandId = frame.commandId;
    ctx.mayWrite = frame.mayWrite;
    ctx.db = frame.db;
    ctx.oneShard = frame.oneShard;
    ctx.inline = frame.inline;
    ctx.useShard(home);
    ctx.dirty = frame.dirty + changes;
    ctx.ownEffects = true;
    ctx.blocking.ticket.io = frame.waitsAt;
  }
}
