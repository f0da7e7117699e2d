/** Deadlines that the engine has made, and the timers of an I/O thread, when the server's clock was moved by a test. */
import { afterEach, describe, expect, test } from 'vitest';
import { BARRIER } from '../../../src/main/io/session/connection.js';
import { waitsUntil } from '../../../src/main/io/waiting/blocking.js';
import { openClaim } from '../../../src/shared/sync/claims.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { FakeServer } from './fake-server.js';

let server: FakeServer | null = null;

afterEach(async () => {
  await server?.stop();
  server = null;
});

describe('#12 under a clock that a test has moved', () => {
  test.each([
    ['ahead', 3_600_000],
    ['back', -3_600_000],
  ])('%s, a blocked client is answered when its time is up, not before', async (_, offsetMs) => {
    server = await new FakeServer({ manual: true }).start();
    const { io } = server;
    io.control.f64[CONTROL_F64.clockOffsetMs] = offsetMs;
    const client = await server.connect();
    client.send('PING\r\n');
    expect(await client.receive(7)).toBe('+PONG\r\n');
    const [conn] = io.connections.byId.values();
    // What the shards are told then, nobody reads here.
    (io.registry as { idOf(name: string): number }).idOf = () => 0;
    const seq = conn!.nextSeq;
    conn!.blocked = { seq, command: 0, db: 0, keys: [], wantsAbsent: false, waits: false, deadlineMs: 0, timer: null };
    openClaim(io.connections.claims, conn!.slot, seq);
    conn!.nextSeq = (seq + 1) >>> 0;
    conn!.barrier |= BARRIER.ring;
    const startMs = performance.now();
    waitsUntil(io, conn!, io.control.nowMs() + 50);
    expect(await client.receive(5)).toBe('*-1\r\n');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(49);
  });
});
