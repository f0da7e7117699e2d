/**
 * CLUSTER, READONLY, READWRITE and ASKING of a server that is no cluster's node: each of them is known, checked for its
 * number of arguments, and then answered as Redis does with `cluster-enabled no`. Local.
 */
import { block, container, integer, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandFlag, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';

function disabled(_io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.errorText('ERR This instance has cluster support disabled');
}

type SubSpec = Pick<CommandSpec, 'arity' | 'summary'> &
  Partial<
    Pick<
      CommandSpec,
      'since' | 'complexity' | 'args' | 'tips' | 'history' | 'deprecatedSince' | 'replacedBy' | 'docFlags'
    >
  >;

function sub(name: string, flags: readonly CommandFlag[], spec: SubSpec): CommandDef {
  return defineCommand({
    name: `cluster|${name}`,
    group: 'cluster',
    since: '3.0.0',
    complexity: 'O(1)',
    acl: [],
    route: 'local',
    flags,
    ...spec,
    local: disabled,
  });
}

/** Looks at the cluster. */
const LOOK: readonly CommandFlag[] = ['stale'];
const LOOK_LOADING: readonly CommandFlag[] = ['loading', 'stale'];
/** Looks at what concerns an administrator. */
const ADMIN: readonly CommandFlag[] = ['admin', 'stale'];
/** Changes the cluster. */
const CHANGE: readonly CommandFlag[] = ['admin', 'stale', 'no_async_loading'];

const VARYING = ['nondeterministic_output'];
const NODE = [str('node-id')];
const SLOTS = [integer('slot', { multiple: true })];
const RANGES = [block('range', [integer('start-slot'), integer('end-slot')], { multiple: true })];
const PER_NODE = 'O(N) where N is the number of nodes';
const PER_SLOT = 'O(N) where N is the number of slots named';
const PER_REPLICA = 'O(N) where N is the number of replicas';

const subcommands: readonly CommandDef[] = [
  sub('addslots', CHANGE, { arity: -3, complexity: PER_SLOT, summary: 'Gives slots to this node.', args: SLOTS }),
  sub('addslotsrange', CHANGE, {
    arity: -4,
    since: '7.0.0',
    complexity: PER_SLOT,
    summary: 'Gives ranges of slots to this node.',
    args: RANGES,
  }),
  sub('bumpepoch', CHANGE, { arity: 2, summary: "Raises the node's configuration epoch.", tips: VARYING }),
  sub('count-failure-reports', ADMIN, {
    arity: 3,
    complexity: 'O(N) where N is the number of reports',
    summary: 'Counts the reports that a node has failed.',
    tips: VARYING,
    args: NODE,
  }),
  sub('countkeysinslot', LOOK, { arity: 3, summary: 'Counts the keys of a slot.', args: [integer('slot')] }),
  sub('delslots', CHANGE, { arity: -3, complexity: PER_SLOT, summary: 'Takes slots from this node.', args: SLOTS }),
  sub('delslotsrange', CHANGE, {
    arity: -4,
    since: '7.0.0',
    complexity: PER_SLOT,
    summary: 'Takes ranges of slots from this node.',
    args: RANGES,
  }),
  sub('failover', CHANGE, {
    arity: -2,
    summary: 'Makes a replica take the place of its master.',
    args: [oneOf('options', [token('force'), token('takeover')], OPT)],
  }),
  sub('flushslots', CHANGE, { arity: 2, summary: 'Takes all slots from this node.' }),
  sub('forget', CHANGE, { arity: 3, summary: 'Forgets another node.', args: NODE }),
  sub('getkeysinslot', LOOK, {
    arity: 4,
    complexity: 'O(N) where N is the number of keys asked for',
    summary: 'Returns keys of a slot.',
    tips: VARYING,
    args: [integer('slot'), integer('count')],
  }),
  sub('help', LOOK_LOADING, { arity: 2, since: '5.0.0', summary: 'Returns a text about the subcommands.' }),
  sub('info', LOOK, { arity: 2, summary: 'Returns the state of the cluster as this node sees it.', tips: VARYING }),
  sub('keyslot', LOOK, {
    arity: 3,
    complexity: 'O(N) where N is the length of the key',
    summary: 'Returns the slot of a key.',
    args: [str('key')],
  }),
  sub('links', LOOK, {
    arity: 2,
    since: '7.0.0',
    complexity: PER_NODE,
    summary: 'Lists the connections between this node and the others.',
    tips: VARYING,
  }),
  sub('meet', CHANGE, {
    arity: -4,
    summary: 'Introduces another node.',
    history: [['4.0.0', 'The port of the bus.']],
    args: [str('ip'), integer('port'), integer('cluster-bus-port', { optional: true, since: '4.0.0' })],
  }),
  sub('myid', LOOK, { arity: 2, summary: 'Returns the id of this node.' }),
  sub('myshardid', LOOK, { arity: 2, since: '7.2.0', summary: "Returns the id of this node's shard.", tips: VARYING }),
  sub('nodes', LOOK, { arity: 2, complexity: PER_NODE, summary: 'Lists the nodes and their slots.', tips: VARYING }),
  sub('replicas', ADMIN, {
    arity: 3,
    since: '5.0.0',
    complexity: PER_REPLICA,
    summary: 'Lists the replicas of a master.',
    tips: VARYING,
    args: NODE,
  }),
  sub('replicate', CHANGE, { arity: 3, summary: 'Makes this node the replica of another.', args: NODE }),
  sub('reset', ['admin', 'noscript', 'stale'], {
    arity: -2,
    complexity: 'O(N) where N is the number of nodes known; may flush the data',
    summary: 'Makes this node forget the cluster.',
    args: [oneOf('reset-type', [token('hard'), token('soft')], OPT)],
  }),
  sub('saveconfig', CHANGE, { arity: 2, summary: "Writes the cluster's configuration to disk." }),
  sub('set-config-epoch', CHANGE, {
    arity: 3,
    summary: 'Sets the configuration epoch of a new node.',
    args: [integer('config-epoch')],
  }),
  sub('setslot', CHANGE, {
    arity: -4,
    summary: 'Says whose a slot is, or where it moves.',
    args: [
      integer('slot'),
      oneOf('subcommand', [
        str('importing', { token: 'IMPORTING', display: 'node-id' }),
        str('migrating', { token: 'MIGRATING', display: 'node-id' }),
        str('node', { token: 'NODE', display: 'node-id' }),
        token('stable'),
      ]),
    ],
  }),
  sub('shards', LOOK_LOADING, {
    arity: 2,
    since: '7.0.0',
    complexity: PER_NODE,
    summary: 'Lists the shards, their slots and nodes.',
    tips: VARYING,
  }),
  sub('slaves', ADMIN, {
    arity: 3,
    complexity: PER_REPLICA,
    summary: 'Lists the replicas of a master, by the older name.',
    deprecatedSince: '5.0.0',
    replacedBy: '`CLUSTER REPLICAS`',
    docFlags: ['deprecated'],
    tips: VARYING,
    args: NODE,
  }),
  sub('slots', LOOK_LOADING, {
    arity: 2,
    complexity: PER_NODE,
    summary: 'Lists the ranges of slots and their nodes.',
    deprecatedSince: '7.0.0',
    replacedBy: '`CLUSTER SHARDS`',
    docFlags: ['deprecated'],
    tips: VARYING,
    history: [
      ['4.0.0', 'Ids of nodes.'],
      ['7.0.0', 'Further names and addresses of nodes.'],
    ],
  }),
];

function ofConnection(name: string, flags: readonly CommandFlag[], summary: string): CommandDef {
  return defineCommand({
    name,
    arity: 1,
    flags,
    acl: ['@connection'],
    group: 'cluster',
    since: '3.0.0',
    complexity: 'O(1)',
    summary,
    route: 'local',
    local: disabled,
  });
}

/** CLUSTER, READONLY, READWRITE, ASKING. */
export const clusterCommands: readonly CommandDef[] = [
  container(
    'cluster',
    { group: 'cluster', since: '3.0.0', summary: 'A container for commands about the cluster.' },
    subcommands,
  ),
  ofConnection('readonly', ['loading', 'stale', 'fast'], 'Lets the connection read from a replica of a cluster.'),
  ofConnection('readwrite', ['loading', 'stale', 'fast'], 'Sends the connection to the masters of a cluster again.'),
  ofConnection('asking', ['fast'], 'Says that the next command follows an ASK redirection.'),
];
