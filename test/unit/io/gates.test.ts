/** The row of gates on the way of a command: order, bits, and what it takes to add a gate. */
import { afterEach, describe, expect, it } from 'vitest';
import { checkRow, GATES, type Gate } from '../../../src/main/io/request/gates.js';
import { refuseWith } from '../../../src/main/io/request/refuse.js';
import { PASS } from '../../../src/main/io/request/verdict.js';
import { GATE } from '../../../src/main/io/session/gate-bits.js';
import { type Client, FakeServer } from './fake-server.js';

/** A bit behind those of the gates that there are. */
const READ_ONLY_BIT = 64;
const READ_ONLY = Uint8Array.from(Buffer.from("-READONLY You can't write against a read only replica.\r\n"));
const WRITE = 1;

/** What a replica will need: one row. */
const roleGate: Gate = {
  name: 'role',
  bit: READ_ONLY_BIT,
  ask: (io, conn, id, flags) => ((flags & WRITE) === 0 ? PASS : refuseWith(io, conn, id, READ_ONLY)),
};

const servers: FakeServer[] = [];

async function start(options: ConstructorParameters<typeof FakeServer>[0] = {}): Promise<[FakeServer, Client]> {
  const server = await new FakeServer(options).start();
  servers.push(server);
  return [server, await server.connect()];
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function ask(client: Client, command: string, reply: string): Promise<void> {
  client.send(`${command}\r\n`);
  expect(await client.receive(reply.length)).toBe(reply);
}

describe('the row of gates (#12)', () => {
  it('has every bit once, in its order', () => {
    expect(GATES.map((gate) => gate.bit)).toEqual(Object.values(GATE));
    expect(GATES.map((gate) => gate.name)).toEqual(Object.keys(GATE));
    expect(() => checkRow([...GATES, roleGate])).not.toThrow();
    expect(() => checkRow([roleGate, ...GATES])).toThrow(/arity/);
    expect(() => checkRow([{ ...roleGate, bit: 3 }])).toThrow(/role/);
  });

  it('takes a further gate as one more row, asked for every command of a turn', async () => {
    const [server, client] = await start({ inline: true });
    const { io } = server;
    io.gateRow = [...GATES, roleGate];
    await ask(client, 'SET a 1', '+OK\r\n');
    // A replica's thread would set the bit at the beginning of each turn.
    const [conn] = io.connections.byId.values();
    conn!.session.gates |= READ_ONLY_BIT;
    await ask(client, 'SET a 2', "-READONLY You can't write against a read only replica.\r\n");
    await ask(client, 'GET a', '$1\r\n1\r\n');
    conn!.session.gates &= ~READ_ONLY_BIT;
    await ask(client, 'SET a 2', '+OK\r\n');
  });

  it('asks no gate for a usual command, and stops at the first gate that does not let pass', async () => {
    const [server, client] = await start({ inline: true });
    const { io } = server;
    const seen: string[] = [];
    io.gateRow = GATES.map((gate) => ({
      ...gate,
      ask: (...given: Parameters<Gate['ask']>) => {
        seen.push(gate.name);
        return gate.ask(...given);
      },
    }));
    await ask(client, 'SET a 1', '+OK\r\n');
    expect(seen).toEqual([]);
    const [conn] = io.connections.byId.values();
    conn!.session.authenticated = false;
    await ask(client, 'GET', "-ERR wrong number of arguments for 'get' command\r\n");
    await ask(client, 'GET a', '-NOAUTH Authentication required.\r\n');
    await ask(client, 'PING', '+PONG\r\n');
    expect(seen).toEqual(['arity', 'auth', 'auth']);
    conn!.session.authenticated = true;
    await ask(client, 'GET a', '$1\r\n1\r\n');
    expect(seen.length).toBe(3);
  });
});
