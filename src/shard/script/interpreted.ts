/** Handlers that run Lua: refused while there is no memory for an interpreter (script-engine.ts). Shard threads. */
import type { Handler } from '../../shared/command/spec.js';
import { NO_INTERPRETER } from '../../shared/errors/replies.js';
import type { ExecContext } from '../context/context.js';

/** The handler, which answers with an error when its thread has no interpreter. */
export function interpreted(handler: Handler<ExecContext>): Handler<ExecContext> {
  return (ctx, args, reply) => {
    if (ctx.scripts!.ready) handler(ctx, args, reply);
    else reply.error(NO_INTERPRETER);
  };
}
