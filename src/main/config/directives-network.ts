/** Directives about listeners and clients. Names, bounds and defaults are those of Redis 7.2. */
import { CONTROL, CONTROL_F64 } from '../../shared/sync/control-block.js';
import {
  bool,
  type Directive,
  EVERY,
  float64,
  IMMUTABLE,
  INT_MAX,
  IO,
  int32,
  integer,
  LONG_MAX,
  memory,
  memoryOrPercent,
  octal,
  optionalText,
  special,
  UINT_MAX,
} from './directive.js';
import { BIND_DEFAULT, bindAddresses, OUTPUT_BUFFER_LIMITS_DEFAULT, outputBufferLimits } from './special-values.js';

const MIB = 1024 * 1024;

export const NETWORK: readonly Directive[] = [
  special('bind', BIND_DEFAULT, bindAddresses, 'Addresses to listen on; a leading - makes one optional.', {
    multiArg: true,
    reader: IO,
  }),
  integer('port', 6379, 0, 65535, 'TCP port; 0: no TCP.', { reader: IO }),
  optionalText('bind-source-addr', 'Address from which connections to other servers come.'),
  optionalText('unixsocket', 'Path of a unix socket to listen on as well.', { immutable: true, reader: IO }),
  octal('unixsocketperm', '0', 0o777, 'Permissions of the unix socket; 0: those of the umask.', {
    immutable: true,
    reader: IO,
  }),
  integer('tcp-backlog', 511, 0, INT_MAX, 'Connections that may wait to be accepted.', { immutable: true, reader: IO }),
  integer(
    'tcp-keepalive',
    300,
    0,
    INT_MAX,
    'Seconds without traffic after which the system asks whether a client is still there; 0: never.',
    { reader: IO },
  ),
  integer('timeout', 0, 0, INT_MAX, 'Seconds after which an idle client is closed; 0: never.', { reader: IO }),
  integer('socket-mark-id', 0, 0, UINT_MAX, 'Mark of the packets of all sockets.', IMMUTABLE),
  bool('protected-mode', 'yes', 'Refuses clients from other machines while there is no password and no `bind`.', {
    reader: IO,
  }),
];

export const CLIENTS: readonly Directive[] = [
  integer('maxclients', 10000, 1, UINT_MAX, 'Connections at a time.', { reader: IO, word: int32(CONTROL.maxclients) }),
  memoryOrPercent(
    'maxmemory-clients',
    '0',
    -100n,
    LONG_MAX,
    'Memory that all clients together may take for their buffers; 0: as much as they want.',
    { asksNothing: '0' },
  ),
  memory('proto-max-bulk-len', 512 * MIB, MIB, LONG_MAX, 'Longest argument of a command, and longest string.', {
    debug: true,
    reader: EVERY,
    word: float64(CONTROL_F64.protoMaxBulkLen),
  }),
  memory(
    'client-query-buffer-limit',
    1024 * MIB,
    MIB,
    LONG_MAX,
    'Bytes of a request that one client may leave unfinished.',
    { debug: true, reader: IO },
  ),
  special(
    'client-output-buffer-limit',
    OUTPUT_BUFFER_LIMITS_DEFAULT,
    outputBufferLimits,
    'For each class of clients: unread replies that close it at once, or after some seconds.',
    { multiArg: true, reader: IO },
  ),
  integer(
    'tracking-table-max-keys',
    1000000,
    0,
    LONG_MAX,
    'Keys that an I/O thread remembers for clients with tracking; 0: no limit.',
    { reader: IO },
  ),
  integer('client-default-resp', 2, 2, 3, 'Protocol of a new client.', { immutable: true, hidden: true }),
];
