/**
 * The server's log: pino, one line for an event; pretty on a terminal, JSON otherwise, into `logfile` when there is
 * one.
 *
 * Redis's levels are mapped so: debug -> debug, verbose -> verbose (25), notice -> info, warning -> warn, nothing ->
 * silent; lines carry Redis's words. Main thread only: other threads send their lines over the control bus.
 * Writes are synchronous, so that the last line before an exit is out. A log that cannot be written (full disk, no
 * descriptor left, terminal or reader gone) stops nothing: standard error is told once for each time that it begins.
 */
import { appendFileSync, writeSync } from 'node:fs';
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type Log = Logger<'verbose'>;

/** What `createLog` needs to know. */
export interface LogOptions {
  /** A `loglevel` of redis.conf. */
  readonly loglevel: string;
  /** Absolute path to append to; empty for standard output. */
  readonly logfile: string;
  /** Standard output is a terminal. */
  readonly terminal: boolean;
}

const PINO_LEVELS: Readonly<Record<string, string>> = {
  debug: 'debug',
  verbose: 'verbose',
  notice: 'info',
  warning: 'warn',
  nothing: 'silent',
};
const REDIS_WORDS: Readonly<Record<string, string>> = { info: 'notice', warn: 'warning' };
const VERBOSE = 25;
const STDOUT = 1;
const STDERR = 2;
/** Lines that could not be written are kept, up to this many bytes, and tried again with the next line. */
const KEPT_BYTES_MAX = 64 * 1024;

/** The pino level for a `loglevel` of redis.conf. */
export function pinoLevel(loglevel: string): string {
  return PINO_LEVELS[loglevel] ?? 'info';
}

/** Tells standard error that the log cannot be written; it may be gone too. */
function complain(where: string, error: unknown): void {
  try {
    writeSync(STDERR, `sherd: cannot write the log to ${where}, the server goes on: ${(error as Error).message}\n`);
  } catch {
    // There is no other place.
  }
}

/** Opens the file for each line, as Redis does, so that log rotation needs no signal. */
function fileStream(path: string): DestinationStream {
  let failed = false;
  return {
    write(line: string): void {
      try {
        appendFileSync(path, line);
        failed = false;
      } catch (error) {
        if (!failed) complain(path, error);
        failed = true;
      }
    },
  };
}

function stdoutStream(): ReturnType<typeof destination> {
  const stream = destination({ dest: STDOUT, sync: true, maxLength: KEPT_BYTES_MAX });
  let failed = false;
  stream.on('error', (error: Error) => {
    if (!failed) complain('standard output', error);
    failed = true;
  });
  stream.on('drain', () => {
    failed = false;
  });
  return stream;
}

async function terminalStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: stdoutStream(),
    ignore: 'pid,hostname',
    translateTime: 'SYS:dd mmm yyyy HH:MM:ss.l',
    customLevels: 'verbose:25',
    customColors: 'verbose:gray',
    useOnlyCustomProps: false,
  });
}

function build(level: string, stream?: DestinationStream, pretty = false): Log {
  // pino-pretty wants the numbers, and has its own table of words.
  const inWords = { formatters: { level: (label: string) => ({ level: REDIS_WORDS[label] ?? label }) } };
  const options = {
    ...(pretty ? {} : inWords),
    level,
    customLevels: { verbose: VERBOSE },
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return stream === undefined ? pino(options) : pino(options, stream);
}

/** Opens the log. The file was checked when the configuration was loaded. */
export async function createLog(options: LogOptions): Promise<Log> {
  const { loglevel, logfile, terminal } = options;
  let stream: DestinationStream;
  if (logfile !== '') stream = fileStream(logfile);
  else stream = terminal ? await terminalStream() : stdoutStream();
  return build(pinoLevel(loglevel), stream, terminal && logfile === '');
}

/** A log that says nothing: for servers inside somebody's program. */
export function silentLog(): Log {
  return build('silent');
}
