/** INFO: the figures of the server (src/main/figures), written by the I/O thread that is asked. */
import { LibraryStore } from '../../../shard/script/library-store.js';
import { ScriptLog } from '../../../shard/script/script-log.js';
import type { Registry } from '../../../shared/command/registry.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { ControlBlock } from '../../../shared/sync/control-block.js';
import type { Config } from '../../config/config.js';
import {
  type ChannelFigures,
  type FigureSection,
  type FigureSource,
  renderSection,
  type ScriptFigures,
} from '../../figures/figure.js';
import { type MemoryFigures, memoryFigures } from '../../figures/memory-figures.js';
import { FIGURE_SECTIONS } from '../../figures/sections.js';
import type { ServerView } from '../../figures/server-view.js';
import { KIND_CHANNEL, KIND_SHARD_CHANNEL } from '../messages/kinds.js';
import type { Connection } from '../session/connection.js';
import { noteEventLoop, noteWatching } from '../session/thread-figures.js';
import type { IoThread } from '../thread/io-thread.js';
import { type WaitedKeys, waitedKeys } from '../waiting/blocking.js';

/** The figures as one I/O thread sees them, for one answer: what is costly is gathered when a row asks, and once. */
class IoFigures implements FigureSource {
  readonly view: ServerView;
  readonly control: ControlBlock;
  readonly config: Config;
  readonly registry: Registry;
  readonly nowMs: number;
  readonly tcpPort: string;
  readonly waitedKeys: number;
  readonly waitedAbsentKeys: number;
  private readonly io: IoThread;
  private gatheredMemory: MemoryFigures | null = null;
  private gatheredScripts: ScriptFigures | null = null;

  constructor(io: IoThread, view: ServerView, conn: Connection, waited: WaitedKeys) {
    this.io = io;
    this.view = view;
    this.control = io.control;
    this.nowMs = io.control.nowMs();
    this.config = io.config.all;
    this.registry = io.registry;
    this.tcpPort = tcpPortOf(io, conn);
    this.waitedKeys = waited.keys.size;
    this.waitedAbsentKeys = waited.absent.size;
  }

  get memory(): MemoryFigures {
    this.gatheredMemory ??= memoryFigures(this.view);
    return this.gatheredMemory;
  }

  get scripts(): ScriptFigures {
    this.gatheredScripts ??= scriptFigures(this.io);
    return this.gatheredScripts;
  }

  /** Each channel counts once, also when several I/O threads have subscribers for it. */
  get channels(): ChannelFigures {
    const { hub } = this.io;
    const { stats } = this.view;
    if (this.control.ioThreads === 1) {
      return {
        channels: stats.sum(STAT.pubsubChannels),
        patterns: stats.sum(STAT.pubsubPatterns),
        shardChannels: stats.sum(STAT.pubsubShardChannels),
      };
    }
    return {
      channels: hub.distinctChannels(KIND_CHANNEL),
      patterns: hub.distinctPatterns(),
      shardChannels: hub.distinctChannels(KIND_SHARD_CHANNEL),
    };
  }
}

function tcpPortOf(io: IoThread, conn: Connection): string {
  const port = io.config.all.raw('port');
  const isTcp = /:\d+$/.test(conn.laddr) && !conn.laddr.endsWith(':0');
  return port === '0' && isTcp ? conn.laddr.slice(conn.laddr.lastIndexOf(':') + 1) : port;
}

function scriptFigures(io: IoThread): ScriptFigures {
  const libraries = new LibraryStore(io.control);
  const scripts = new ScriptLog(io.control, io.threadId);
  return {
    scriptBytes: scripts.usedBytes,
    scripts: scripts.count,
    evicted: scripts.evicted,
    libraryBytes: libraries.usedBytes,
    libraries: libraries.libraryCount,
    functions: libraries.functionCount,
  };
}

/** The sections that the arguments of INFO name, in the order in which they are written. */
function wantedSections(args: Args): readonly FigureSection[] {
  const names = new Set<string>(args.argc === 1 ? ['default'] : []);
  for (let i = 1; i < args.argc; i++) names.add(args.latin1(i).toLowerCase());
  if (names.has('all') || names.has('everything')) return FIGURE_SECTIONS;
  if (names.has('module_list')) names.add('modules');
  return FIGURE_SECTIONS.filter(({ name, isDefault }) => names.has(name) || (isDefault && names.has('default')));
}

/** INFO [section ...] */
export async function info(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> {
  const sections = wantedSections(args);
  const view = io.server;
  if (view === null) {
    reply.errorText('ERR this thread does not see the server yet');
    return;
  }
  const source = new IoFigures(io, view, conn, await waitedKeys(io));
  noteWatching(io.stats, io.connections.byId);
  noteEventLoop(io.stats);
  reply.verbatim('txt', sections.map((section) => renderSection(section, source)).join('\r\n'));
}
