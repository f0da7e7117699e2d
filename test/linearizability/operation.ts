/**
 * A history: what clients asked of the server, when, and what they heard. Times are the numbers of events in the one
 * thread that drives all clients, so they are all different and their order is real.
 *
 * An operation without an answer (its connection died) has no end: it may take effect at any time after its call, or
 * never.
 */

/** A reply as far as it is compared: status and bulk strings alike, of an error the first word. */
export type Reply = string | number | null | { readonly error: string } | readonly Reply[];

/** What a client does in one atomic step. */
export type Action =
  | { readonly type: 'command'; readonly args: readonly string[] }
  /** MULTI ... EXEC; `watched`: the keys under WATCH at that time. */
  | {
      readonly type: 'transaction';
      readonly commands: readonly (readonly string[])[];
      readonly watched: readonly string[];
    }
  | {
      readonly type: 'script';
      readonly script: string;
      readonly keys: readonly string[];
      readonly args: readonly string[];
    };

export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly action: Action;
  readonly call: number;
  /** Infinity: nothing was heard, `reply` means nothing. */
  readonly end: number;
  readonly reply: Reply;
  /** Operations of the same pipeline that the server carries out before this one. */
  readonly after: readonly number[];
}

/** Whether the client has heard the answer. */
export function isAnswered(operation: Operation): boolean {
  return operation.end !== Number.POSITIVE_INFINITY;
}

/** The one text of a reply, to compare it. */
export function replyText(reply: Reply): string {
  return JSON.stringify(reply);
}

/** An action as a person would type it. */
export function actionText(action: Action): string {
  if (action.type === 'command') return action.args.join(' ');
  if (action.type === 'script') return `EVAL <${action.script}> ${action.keys.join(' ')} , ${action.args.join(' ')}`;
  const watched = action.watched.length === 0 ? '' : ` (watching ${action.watched.join(' ')})`;
  return `MULTI { ${action.commands.map((args) => args.join(' ')).join(' ; ')} } EXEC${watched}`;
}
