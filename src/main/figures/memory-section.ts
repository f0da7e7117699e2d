/** INFO memory as a table of figures. */
import { totalmem } from 'node:os';
import { STAT } from '../../shared/stats/stats-layout.js';
import {
  constant,
  counter,
  directive,
  type Figure,
  type FigureRow,
  type FigureSource,
  gauge,
  text,
  twoDecimals,
  zeros,
} from './figure.js';
import { humanBytes, ratio } from './info-text.js';

type ReadNumber = (source: FigureSource) => number;

function bytes(name: string, read: ReadNumber): Figure {
  return gauge(name, read, 'bytes');
}

/** The same figure for people: `<name>_human`. */
function human(name: string, read: ReadNumber): Figure {
  return text(`${name}_human`, (source) => humanBytes(read(source)));
}

function both(name: string, read: ReadNumber): Figure[] {
  return [bytes(name, read), human(name, read)];
}

function percent(name: string, part: ReadNumber, whole: ReadNumber): Figure {
  return text(name, (source) => `${(ratio(part(source), whole(source)) * 100).toFixed(2)}%`);
}

function quotient(name: string, a: ReadNumber, b: ReadNumber): Figure {
  return gauge(name, (source) => ratio(a(source), b(source)), 'ratio', twoDecimals);
}

const used: ReadNumber = ({ memory }) => memory.used;
const resident: ReadNumber = ({ memory }) => memory.resident;
const allocated: ReadNumber = ({ memory }) => memory.allocated;
const active: ReadNumber = ({ memory }) => memory.active;
const interpreters: ReadNumber = ({ view }) => view.stats.sum(STAT.scriptBytes);
const scriptBytes: ReadNumber = ({ scripts }) => scripts.scriptBytes + scripts.libraryBytes;

export const MEMORY_ROWS: readonly FigureRow[] = [
  ...both('used_memory', used),
  ...both('used_memory_rss', resident),
  ...both('used_memory_peak', ({ memory }) => memory.peak),
  percent('used_memory_peak_perc', used, ({ memory }) => memory.peak),
  bytes('used_memory_overhead', ({ memory }) => memory.overhead),
  bytes('used_memory_startup', ({ memory }) => memory.startup),
  bytes('used_memory_dataset', ({ memory }) => memory.dataset),
  percent(
    'used_memory_dataset_perc',
    ({ memory }) => memory.dataset,
    ({ memory }) => memory.used - memory.startup,
  ),
  bytes('allocator_allocated', allocated),
  bytes('allocator_active', active),
  bytes('allocator_resident', resident),
  ...zeros('allocator_muzzy'),
  ...both('total_system_memory', totalmem),
  bytes('used_memory_lua', interpreters),
  bytes('used_memory_vm_eval', interpreters),
  human('used_memory_lua', interpreters),
  bytes('used_memory_scripts_eval', ({ scripts }) => scripts.scriptBytes),
  gauge('number_of_cached_scripts', ({ scripts }) => scripts.scripts),
  gauge('number_of_functions', ({ scripts }) => scripts.functions),
  gauge('number_of_libraries', ({ scripts }) => scripts.libraries),
  ...zeros('used_memory_vm_functions'),
  ...both('used_memory_vm_total', interpreters),
  bytes('used_memory_functions', ({ scripts }) => scripts.libraryBytes),
  ...both('used_memory_scripts', scriptBytes),
  ...both('maxmemory', ({ config }) => config.int('maxmemory')),
  directive('maxmemory_policy', 'maxmemory-policy'),
  quotient('allocator_frag_ratio', active, allocated),
  bytes('allocator_frag_bytes', ({ memory }) => memory.active - memory.allocated),
  quotient('allocator_rss_ratio', resident, active),
  bytes('allocator_rss_bytes', ({ memory }) => memory.resident - memory.active),
  constant('rss_overhead_ratio', '1.00'),
  ...zeros('rss_overhead_bytes'),
  quotient('mem_fragmentation_ratio', resident, allocated),
  bytes('mem_fragmentation_bytes', ({ memory }) => memory.resident - memory.allocated),
  ...zeros(
    'mem_not_counted_for_evict',
    'mem_replication_backlog',
    'mem_total_replication_buffers',
    'mem_clients_slaves',
  ),
  bytes('mem_clients_normal', ({ memory }) => memory.clientBytes),
  ...zeros('mem_cluster_links', 'mem_aof_buffer'),
  constant('mem_allocator', 'sherd-slab'),
  ...zeros('mem_overhead_db_hashtable_rehashing', 'active_defrag_running'),
  gauge('lazyfree_pending_objects', ({ view }) => view.pendingFrees()),
  counter('lazyfreed_objects', ({ view }) => view.stats.sum(STAT.lazyFreed)),
  bytes('v8_heap_used', ({ memory }) => memory.heapUsed),
  bytes('v8_heap_total', ({ memory }) => memory.heapTotal),
  bytes('segment_bytes', ({ memory }) => memory.segmentBytes),
];
