/** PFDEBUG and PFSELFTEST: a look into HyperLogLogs, for tests. */
import { key, keyAt, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import {
  HLL_CORRUPT,
  HLL_NOT_SPARSE,
  HLL_WRONGTYPE,
  NO_SPECIFIED_KEY,
  WRONGTYPE,
} from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { denseGet } from '../../types/hyperloglog/hll-dense.js';
import { REGISTERS } from '../../types/hyperloglog/hll-hash.js';
import { HEADER_BYTES, SPARSE } from '../../types/hyperloglog/hll-layout.js';
import { selfTest } from '../../types/hyperloglog/hll-self-test.js';
import { denseBytes, HllString, markRaw, storeDense } from '../../types/hyperloglog/hll-string.js';
import { isString } from '../../types/string/string-value.js';

const KEY = 2;
const HLL = new HllString();

function pfdebug(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupWrite(args, KEY);
  if (e === NULL) {
    reply.error(NO_SPECIFIED_KEY);
    return;
  }
  if (!isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return;
  }
  if (!HLL.open(ctx.arena, e)) {
    reply.error(HLL_WRONGTYPE);
    return;
  }
  markRaw(ctx.arena, e);
  if (args.is(1, 'getreg')) {
    if (toDense(ctx, args, e, reply)) replyRegisters(reply);
  } else if (args.is(1, 'decode')) {
    if (HLL.encoding === SPARSE) reply.bulkText(HLL.text());
    else reply.error(HLL_NOT_SPARSE);
  } else if (args.is(1, 'encoding')) reply.simple(HLL.encoding === SPARSE ? 'sparse' : 'dense');
  else if (args.is(1, 'todense')) {
    const sparse = HLL.encoding === SPARSE;
    if (toDense(ctx, args, e, reply)) reply.int(sparse ? 1 : 0);
  } else reply.errorLatin1(`ERR Unknown PFDEBUG subcommand '${args.latin1(1)}'`);
}

/** Makes the key dense, its registers in `denseBytes`; false when it is corrupt and the error has been written. */
function toDense(ctx: ExecContext, args: Args, e: Ptr, reply: Reply): boolean {
  if (!HLL.copyDense()) {
    reply.error(HLL_CORRUPT);
    return false;
  }
  if (HLL.encoding !== SPARSE) return true;
  storeDense(ctx, e, args, KEY);
  ctx.dirty++;
  return true;
}

function replyRegisters(reply: Reply): void {
  reply.array(REGISTERS);
  for (let i = 0; i < REGISTERS; i++) reply.int(denseGet(denseBytes, HEADER_BYTES, i));
}

function* pfselftest(ctx: ExecContext, _args: Args, reply: Reply): Generator<void, void, void> {
  const failure = yield* selfTest(ctx.control.f64[CONTROL_F64.hllSparseMaxBytes]!);
  if (failure === null) reply.ok();
  else reply.errorText(`TESTFAILED ${failure}`);
}

/** PFDEBUG and PFSELFTEST. */
export const pfdebugCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'pfdebug',
    arity: 3,
    flags: ['write', 'denyoom', 'admin'],
    acl: ['@hyperloglog'],
    group: 'hyperloglog',
    since: '2.8.9',
    longWork: 'value',
    complexity: 'N/A',
    summary: 'Shows the registers or the runs of a HyperLogLog or its encoding, or makes it dense. For tests.',
    docFlags: ['syscmd'],
    keys: [keyAt(KEY, ['RW', 'access'])],
    args: [str('subcommand'), key()],
    route: 'key',
    handler: pfdebug,
  }),
  defineCommand<ExecContext>({
    name: 'pfselftest',
    arity: 1,
    flags: ['admin'],
    acl: ['@hyperloglog'],
    group: 'hyperloglog',
    since: '2.8.9',
    longWork: 'value',
    complexity: 'N/A',
    summary: 'Tests the registers and the estimate of HyperLogLogs. Touches no key.',
    docFlags: ['syscmd'],
    route: 'job',
    job: pfselftest,
  }),
];
