/**
 * The program `sherd` behind cli.ts: reads the command line and redis.conf, starts the log and the server, waits for
 * its end.
 *
 * Exit codes: 0 after SIGTERM, SIGINT, SHUTDOWN, --help, --version; 1 when it cannot start, with exactly one line on
 * standard error, when the server cannot go on, or when a second SIGINT does not want to wait.
 * Only here, never in the library, are the working directory, signals and the process's exit touched.
 */
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SherdError } from '../shared/errors/sherd-error.js';
import { REDIS_VERSION, SHERD_VERSION } from '../shared/version.js';
import { readCommandLine } from './config/command-line.js';
import type { Config } from './config/config.js';
import { loadConfig } from './config/load.js';
import { describeStartError } from './config/start-error.js';
import { createLog, type Log } from './log.js';

const STDIN = 0;

/** Writes the one line that says why the program ends; a log file gets it too. */
function fail(message: string, log: Log | null): number {
  process.stderr.write(`sherd: ${message}\n`);
  log?.fatal(message);
  return 1;
}

/** Writes the pid file; like Redis, goes on without it when that fails. Returns what removes it. */
function writePidFile(config: Config, log: Log): () => void {
  const name = config.str('pidfile');
  if (name === '') return () => {};
  const path = resolve(name);
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    log.warn(`cannot write the pid file ${path}: ${(error as Error).message}`);
    return () => {};
  }
  return () => {
    try {
      unlinkSync(path);
    } catch {
      // Somebody was faster.
    }
  };
}

/**
 * Takes SIGTERM and SIGINT from now on: the first one calls `stop` as soon as there is something to stop, a second
 * SIGINT leaves at once.
 *
 * @returns to be called with `stop`
 */
function watchSignals(log: Log): (stop: () => void) => void {
  let stop: (() => void) | null = null;
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) {
      if (signal !== 'SIGINT') return;
      log.warn('second SIGINT: leaving at once');
      process.exit(1);
    }
    isStopping = true;
    log.info(`received ${signal}, shutting down`);
    stop?.();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // A terminal that hangs up does not end a server.
  process.on('SIGHUP', () => {});
  process.on('SIGUSR1', () => log.info('received SIGUSR1, which does nothing here'));
  return (how) => {
    stop = how;
    if (isStopping) stop();
  };
}

/** Runs the server until it ends; resolves to the exit code. */
async function serve(config: Config, warnings: readonly string[], log: Log): Promise<number> {
  // A user who has read the first log line may already send a signal.
  const onStop = watchSignals(log);
  log.info(`sherd ${SHERD_VERSION} (Redis ${REDIS_VERSION}) on Node ${process.version}, pid ${process.pid}, starting`);
  for (const warning of warnings) log.warn(warning);
  if (config.tcpPort() === null && config.str('unixsocket') === '') {
    throw new SherdError('SHERD_LISTEN', "nowhere to listen: set 'port' or 'unixsocket'", { directive: 'port' });
  }
  const { SherdServer } = await import('./server.js');
  const server = new SherdServer(config, log);
  // The outcome of close() is that of `closed`.
  onStop(() => void server.close());
  try {
    await server.start();
  } catch (error) {
    if (!(error instanceof SherdError) || error.code !== 'SHERD_CLOSED') throw error;
  }
  const removePidFile = writePidFile(config, log);
  try {
    await server.closed;
  } finally {
    removePidFile();
  }
  log.info('bye bye');
  return 0;
}

/**
 * Runs the program.
 *
 * @param argv the arguments behind the program's name
 * @returns the exit code
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let config: Config | null = null;
  let log: Log | null = null;
  try {
    const command = readCommandLine(argv);
    if (command.kind === 'print') {
      process.stdout.write(command.text);
      return 0;
    }
    const stdin = command.stdin ? readFileSync(STDIN, 'latin1') : null;
    const loaded = loadConfig({ file: command.file, stdin, flags: command.flags });
    config = loaded.config;
    process.chdir(config.str('dir'));
    const logfile = config.str('logfile') === '' ? '' : resolve(config.str('logfile'));
    log = await createLog({
      loglevel: config.str('loglevel'),
      logfile,
      terminal: process.stdout.isTTY === true,
    });
    loaded.config.onChange('dir', () => process.chdir(loaded.config.str('dir')));
    return await serve(config, loaded.warnings, log);
  } catch (error) {
    return fail(describeStartError(error), config?.str('logfile') ? log : null);
  }
}
