/**
 * OBJECT, without HELP, which an I/O thread answers itself (main/io/commands/object-help.ts) and which is attached to
 * this container by its name. All of them look without a trace: no access clock, no event for a miss.
 */
import { container, key, keyAt } from '../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../shared/command/spec.js';
import { FREQ_NOT_TRACKED, IDLETIME_NOT_TRACKED } from '../../shared/errors/replies.js';
import type { Arena } from '../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { int64 } from '../../shared/numbers/int64.js';
import type { Args } from '../../shared/resp/args.js';
import type { Handler } from '../../shared/command/spec.js';
import type { Reply } from '../../shared/resp/reply.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import { CONTROL, CONTROL_F64 } from '../../shared/sync/control-block.js';
import type { ExecContext } from '../context.js';
import { idleMs, lfuCounter } from '../keyspace/access-clock.js';
import { ENC_INT, entryEncoding, entryType, TYPE_STRING } from '../keyspace/entry.js';
import { stringEncodingName, stringInt64 } from '../types/string-value.js';

/** Redis keeps one object for each integer below this, and reports this many references to it. */
const SHARED_INTEGERS = 10_000;
const SHARED_REFERENCES = 2_147_483_647;
