/** Runs local commands without sockets or threads: what a test sends and the very bytes of the reply. */

import { ServerView } from '../../../src/main/figures/server-view.js';
import { localCommands } from '../../../src/main/io/commands/local-commands.js';
import type { Connection } from '../../../src/main/io/session/connection.js';
import { Session } from '../../../src/main/io/session/session.js';
import type { IoThread } from '../../../src/main/io/thread/io-thread.js';
import { Turn } from '../../../src/main/io/thread/turn.js';
import { CLIENT_FLAG } from '../../../src/shared/command/client-state.js';
import { buildRegistry, type Registry } from '../../../src/shared/command/registry.js';
import type { CommandDef } from '../../../src/shared/command/spec.js';
import { formatShard } from '../../../src/shared/memory/arena.js';
import { SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';
import { Args } from '../../../src/shared/resp/args.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { SlowWatch } from '../../../src/shared/stats/slow-watch.js';
import { StatsBlock } from '../../../src/shared/stats/stats-block.js';
import { CONTROL, ControlBlock } from '../../../src/shared/sync/control-block.js';
import { parseReply, type Value } from '../../harness/resp-client.js';
import { threadConfig } from '../thread-config.js';

/** Arguments over one buffer, as the parser leaves them. */
export function makeArgs(words: readonly string[]): Args {
  const args = new Args(Math.max(words.length, 1));
  const bytes = Uint8Array.from(Buffer.from(words.join(''), 'latin1'));
  args.setBuffer(bytes, new DataView(bytes.buffer));
  args.argc = words.length;
  let at = 0;
  words.forEach((word, i) => {
    args.off[i] = at;
    args.len[i] = word.length;
    at += word.length;
  });
  return args;
}

/** A connection's fields as the handlers use them. */
export function fakeConnection(id: number): Connection {
  const session = new Session(id, 0);
  session.flags |= CLIENT_FLAG.local;
  return {
    session,
    addr: `127.0.0.1:${50000 + id}`,
    laddr: '127.0.0.1:6379',
    fd: 10 + id,
    createdMs: Date.now(),
    lastActiveMs: Date.now(),
    replyMode: 0,
    closeAfterReply: false,
    barrier: 0,
    out: null,
    inFlightBytes: 0,
    outputBytes: 0,
    inputBytes: 0,
    input: { bytes: 0, capacity: 0 },
    runningBytes: 0,
    argvBytes: 0,
    outputPeakBytes: 0,
    readStopped: false,
    writing: false,
    closed: false,
    blocked: null,
    io: { index: 0 },
    close(): void {
      (this as { closed: boolean }).closed = true;
    },
  } as unknown as Connection;
}

export class LocalRunner {
  readonly registry: Registry;
  readonly io: IoThread;
  readonly conn: Connection = fakeConnection(1);

  constructor(defs: readonly CommandDef[] = localCommands) {
    this.registry = buildRegistry(defs);
    const control = ControlBlock.create(1, 1);
    control.i32[CONTROL.databases] = 16;
    const segment = new SharedArrayBuffer(SEGMENT_BYTES);
    formatShard(segment, 1, 2);
    const threadId = 2;
    const config = threadConfig([]);
    this.io = {
      registry: this.registry,
      control,
      port: null,
      threadId,
      stats: new StatsBlock(control.sab, control.statsOffset(threadId)),
      config,
      limits: config.values,
      connections: { byId: new Map([[1, this.conn]]) },
      index: 0,
      slow: new SlowWatch(control, this.registry),
      turn: new Turn(control),
      server: new ServerView({
        control,
        threadId,
        firstSegments: [segment],
        runId: 'a'.repeat(40),
        configFile: '',
        executable: '/usr/bin/node',
      }),
    } as unknown as IoThread;
  }

  /** The bytes of the reply. */
  async raw(words: readonly string[]): Promise<Buffer> {
    const reply = new Reply();
    reply.proto = this.conn.session.proto;
    const args = makeArgs(words);
    const id = this.registry.resolve(args, 0);
    if (id < 0) throw new Error(`no command ${words.join(' ')}`);
    const def = this.registry.defs[id]!;
    if (!this.registry.arityOk(id, args.argc)) reply.wrongArity(def.name);
    else {
      this.conn.session.lastCommandId = id;
      await def.local!(this.io, this.conn, args, reply);
    }
    return Buffer.concat(reply.takeChunks());
  }

  /** The typed reply. */
  async call(...words: string[]): Promise<Value> {
    return parseReply(await this.raw(words));
  }
}
