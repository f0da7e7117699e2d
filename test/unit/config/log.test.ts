import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeStartError } from '../../../src/main/config/start-error.js';
import { createLog, pinoLevel, silentLog } from '../../../src/main/log.js';
import { SherdError } from '../../../src/shared/errors/sherd-error.js';

describe('the log', () => {
  it('writes one JSON line an event into its file, with the words of Redis for levels', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sherd-log-'));
    const logfile = join(dir, 'a.log');
    const log = await createLog({ loglevel: 'verbose', logfile, terminal: false });
    log.debug('not this');
    log.verbose('v');
    log.info('Ready to accept connections tcp');
    log.warn({ directive: 'port' }, 'w');
    log.level = pinoLevel('warning');
    log.info('nor this');
    const lines = readFileSync(logfile, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'verbose', msg: 'v' },
      { level: 'notice', msg: 'Ready to accept connections tcp', pid: process.pid },
      { level: 'warning', msg: 'w', directive: 'port' },
    ]);
    rmSync(dir, { recursive: true });
  });

  it('says nothing at all at the level nothing, and in the silent log', () => {
    expect(pinoLevel('nothing')).toBe('silent');
    expect(silentLog().isLevelEnabled('fatal')).toBe(false);
  });
});

describe('the line that says why the server did not start', () => {
  it('is the message of an error of ours, also after it crossed a thread', () => {
    expect(describeStartError(new SherdError('SHERD_LISTEN', 'port 1 on x is already in use'))).toBe(
      'port 1 on x is already in use',
    );
    const crossed = Object.assign(new Error('port 1\non x'), { code: 'SHERD_LISTEN' });
    expect(describeStartError(crossed)).toBe('port 1 on x');
  });

  it('is one line for anything else', () => {
    expect(describeStartError(new Error('a\n b'))).toBe('cannot start: a b');
    expect(describeStartError('x')).toBe('cannot start: x');
  });
});
