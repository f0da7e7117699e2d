/** A session is what a client is to its commands; it needs no socket. */
import { describe, expect, test } from 'vitest';
import { GATE } from '../../../src/main/io/session/gate-bits.js';
import { MODE, Session } from '../../../src/main/io/session/session.js';
import { CLIENT_FLAG, CLIENT_IO_SHIFT } from '../../../src/shared/command/client-state.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { TestEngine, type Word, wordsToArgs } from '../engine-harness.js';

function run(engine: TestEngine, session: Session, ...words: Word[]): string {
  const args = wordsToArgs(words);
  const id = engine.registry.idOf(String(words[0]).toLowerCase());
  const reply = new Reply();
  reply.proto = session.proto;
  engine.executor.beginBatch();
  engine.executor.executeBlocking(id, args, reply, session);
  engine.executor.endBatch();
  return Buffer.concat(reply.takeChunks()).toString('latin1');
}

describe('#12 a session without a socket', () => {
  test('runs commands in its database, with its protocol and its flags', () => {
    const engine = new TestEngine(2);
    const loader = new Session(7, 0);
    const reader = new Session(8, 0);
    loader.db = 3;
    expect(run(engine, loader, 'MSET', 'a', '1', 'b', '2')).toBe('+OK\r\n');
    expect(run(engine, loader, 'HSET', 'h', 'f', 'v')).toBe(':1\r\n');
    expect(run(engine, reader, 'EXISTS', 'a', 'b', 'h')).toBe(':0\r\n');
    reader.db = 3;
    reader.proto = 3;
    expect(run(engine, reader, 'MGET', 'a', 'b')).toBe('*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
    expect(run(engine, reader, 'HGETALL', 'h')).toBe('%1\r\n$1\r\nf\r\n$1\r\nv\r\n');
    expect(run(engine, loader, 'HGETALL', 'h')).toBe('*2\r\n$1\r\nf\r\n$1\r\nv\r\n');
  });

  test('that does not touch leaves the access clock of keys alone', () => {
    const engine = new TestEngine(1);
    const session = new Session(7, 0);
    run(engine, session, 'SET', 'k', 'v');
    engine.advance(100_000);
    session.noTouch = true;
    run(engine, session, 'GET', 'k');
    expect(engine.call('OBJECT', 'IDLETIME', 'k')).toBe(100);
    session.noTouch = false;
    run(engine, session, 'GET', 'k');
    expect(engine.call('OBJECT', 'IDLETIME', 'k')).toBe(0);
  });

  test('says at which gates its commands are asked', () => {
    const session = new Session(7, 5);
    expect([session.gates, session.authenticated, session.flags >>> CLIENT_IO_SHIFT]).toEqual([0, true, 5]);
    session.authenticated = false;
    session.modes |= MODE.monitor;
    expect(session.gates).toBe(GATE.auth | GATE.modes);
    session.modes = 0;
    session.authenticated = true;
    session.noEvict = true;
    expect([session.gates, session.flags & 0xffff]).toEqual([0, CLIENT_FLAG.noEvict]);
  });
});
