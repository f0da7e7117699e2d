/** A client of the fault lab: each command gets an answer or the end of its connection, within a time. */
import { type Arg, RespClient, type Value } from '../harness/resp-client.js';
import { until } from '../harness/waiting.js';

/** Longer than any delay that is injected, on a loaded machine. */
const ANSWER_MS = 20_000;

/** The connection ended before the answer: nobody knows whether the command was carried out. */
export const CLOSED: unique symbol = Symbol('closed');

/** The server that a client of the lab talks to. */
interface Served {
  readonly server: { readonly port: number };
  /** It has stopped. */
  readonly ended: string | null;
}

/** Connects; tries again while the only I/O thread is being started again, as long as the server has not stopped. */
export async function connectSoon(lab: Served): Promise<RespClient> {
  let client: RespClient | undefined;
  const connects = async (): Promise<boolean> => {
    client = await RespClient.connect(lab.server.port).catch(() => undefined);
    return client !== undefined || lab.ended !== null;
  };
  await until('a connection', connects, ANSWER_MS);
  if (client === undefined) throw new Error('the server has stopped');
  return client;
}

export class LabClient {
  /** Connections that ended under a command. */
  closed = 0;
  readonly #lab: Served;
  #connection: RespClient | null = null;

  constructor(lab: Served) {
    this.#lab = lab;
  }

  async ask(...args: Arg[]): Promise<Value | typeof CLOSED> {
    const replies = await this.askAll([args]);
    return replies === CLOSED ? CLOSED : replies[0]!;
  }

  /** A pipeline; CLOSED when not all answers came. */
  async askAll(commands: readonly (readonly Arg[])[]): Promise<Value[] | typeof CLOSED> {
    this.#connection ??= await connectSoon(this.#lab);
    const connection = this.#connection;
    const replies = connection.pipeline(commands).catch(() => CLOSED);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, ANSWER_MS, 'late');
    });
    const got = await Promise.race([replies, late]);
    clearTimeout(timer);
    if (got === 'late') {
      throw new Error(`no answer and no end: ${commands.map((words) => words.join(' ').slice(0, 80)).join('; ')}`);
    }
    if (got !== CLOSED) return got as Value[];
    this.closed++;
    await this.close();
    return CLOSED;
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }
}
