/** Reply buffers that an I/O thread keeps for its next turn. */
import { Reply } from '../../../shared/resp/reply.js';

/** Reply buffers kept for the next turn. */
const POOL_MAX = 128;
/** First size of a buffer for messages. */
const SMALL_BYTES = 1024;

export class ReplyPool {
  private readonly free: Reply[] = [];

  take(proto: 2 | 3): Reply {
    const reply = this.free.pop() ?? new Reply();
    reply.slabs = true;
    reply.isOwn = true;
    reply.proto = proto;
    return reply;
  }

  /** @requires its buffer is not read any more, or `replaceBuffer` was called */
  give(reply: Reply): void {
    reply.reset();
    if (this.free.length < POOL_MAX) this.free.push(reply);
  }

  /** A buffer that begins small, for messages to many at once. */
  takeSmall(proto: 2 | 3): Reply {
    const reply = this.free.pop() ?? new Reply(SMALL_BYTES);
    reply.slabs = true;
    reply.isOwn = true;
    reply.proto = proto;
    return reply;
  }
}
