/** How many clients the system's limit of descriptors leaves room for. */
import { describe, expect, it } from 'vitest';
import { Config } from '../../../src/main/config/config.js';
import { ClientCapacity, descriptorLimit, limitIn } from '../../../src/main/threads/descriptors.js';

const THREADS = { shards: 2, ioThreads: 1, listeners: 1 };
/** 3 threads of 6, 3 more for the I/O thread, 20 open, 32 in reserve. */
const OVERHEAD = 18 + 3 + 20 + 32;

describe('#11: the capacity for clients', () => {
  it('reads the soft limit, and takes what it cannot read for no limit', () => {
    const limits = (soft: string): string => `Limit  Soft Limit\nMax open files            ${soft}    4096    files\n`;
    expect(limitIn(limits('1024'))).toBe(1024);
    expect(limitIn(limits('unlimited'))).toBe(Number.POSITIVE_INFINITY);
    expect(limitIn('')).toBe(Number.POSITIVE_INFINITY);
    expect(descriptorLimit()).toBeGreaterThan(10);
  });

  it('lowers maxclients and says why, or leaves it alone', () => {
    const warnings: string[] = [];
    const config = new Config();
    new ClientCapacity(THREADS, () => 10_000 + OVERHEAD, 20).lower(config, (line) => warnings.push(line));
    expect([config.int('maxclients'), warnings.length]).toEqual([10_000, 0]);
    new ClientCapacity(THREADS, () => 1024, 20).lower(config, (line) => warnings.push(line));
    expect(config.int('maxclients')).toBe(1024 - OVERHEAD);
    expect(warnings[0]).toBe(
      `You requested maxclients of 10000 requiring at least ${10_000 + OVERHEAD} max file descriptors.`,
    );
    expect(warnings[1]).toContain(`maxclients has been reduced to ${1024 - OVERHEAD}`);
  });

  it('refuses to start without room for one client', () => {
    const capacity = new ClientCapacity(THREADS, () => OVERHEAD, 20);
    expect(() => capacity.lower(new Config(), () => {})).toThrow(/'ulimit -n' of \d+ is not enough/);
    new ClientCapacity(THREADS, () => OVERHEAD + 1, 20).lower(new Config(), () => {});
  });

  it('follows a limit that changes, and knows none where there is none', () => {
    let limit = 200;
    const capacity = new ClientCapacity(THREADS, () => limit, 20);
    expect(capacity.refuse(200 - OVERHEAD)).toBeNull();
    expect(capacity.refuse(200 - OVERHEAD + 1)).toMatch(new RegExp(`, try with ${200 - OVERHEAD}$`));
    expect(capacity.refusedFrom()).toBe(184);
    limit = Number.POSITIVE_INFINITY;
    expect(capacity.refuse(2 ** 32 - 1)).toBeNull();
    expect(capacity.refusedFrom()).toBe(0);
  });
});
