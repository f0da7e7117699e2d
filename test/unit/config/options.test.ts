import { describe, expect, it } from 'vitest';
import { configFromOptions, type ServerOptions } from '../../../src/main/config/options.js';
import { SherdError } from '../../../src/shared/errors/sherd-error.js';

function refusal(options: ServerOptions): { code: string; directive: string | null; message: string } {
  try {
    configFromOptions(options);
  } catch (error) {
    if (error instanceof SherdError) return { code: error.code, directive: error.directive, message: error.message };
  }
  throw new Error('no SherdError');
}

describe('options of createServer', () => {
  it('default to the port 6379 on loopback, nothing saved', () => {
    const config = configFromOptions();
    expect(config.tcpPort()).toBe(6379);
    expect(config.bindAddresses().map((address) => address.host)).toEqual(['127.0.0.1', '::1']);
    expect(config.raw('save')).toBe('');
    expect(config.given.size).toBe(0);
  });

  it('take directives by name or in camel case, with values of any plain type', () => {
    const config = configFromOptions({
      port: 0,
      shards: 2,
      ioThreads: 3,
      'tcp-keepalive': 5,
      protoMaxBulkLen: '64mb',
      enableDebugCommand: true,
      protectedMode: false,
      bind: ['127.0.0.1', '::1'],
      save: [
        [900, 1],
        [60, 10],
      ],
      notifyKeyspaceEvents: undefined,
      requirepass: 'pä ss',
    });
    expect(config.tcpPort()).toBe(0);
    expect(config.int('shards')).toBe(2);
    expect(config.int('io-threads')).toBe(3);
    expect(config.int('tcp-keepalive')).toBe(5);
    expect(config.int('proto-max-bulk-len')).toBe(64 * 2 ** 20);
    expect(config.str('enable-debug-command')).toBe('yes');
    expect(config.bool('protected-mode')).toBe(false);
    expect(config.list('bind')).toEqual(['127.0.0.1', '::1']);
    expect(config.raw('save')).toBe('900 1 60 10');
    expect(config.str('requirepass')).toBe('pä ss');
    expect(configFromOptions({ save: '900 1' }).raw('save')).toBe('900 1');
    expect(configFromOptions({ bind: [] }).bindAddresses()).toEqual([]);
  });

  it('are refused with a code and the directive named', () => {
    expect(refusal({ port: 70000 })).toEqual({
      code: 'SHERD_CONFIG_INVALID',
      directive: 'port',
      message: "option 'port' (directive 'port'): argument must be between 0 and 65535 inclusive",
    });
    expect(refusal({ ioThreads: 1.5 })).toMatchObject({ code: 'SHERD_CONFIG_INVALID', directive: 'io-threads' });
    expect(refusal({ ioThreds: 1 })).toMatchObject({
      code: 'SHERD_CONFIG_UNKNOWN',
      message: "unknown option 'ioThreds' (did you mean 'io-threads'?)",
    });
    expect(refusal({ shards: null as unknown as number })).toMatchObject({ code: 'SHERD_CONFIG_INVALID' });
    expect(refusal({ dispatch: {} as 'auto' })).toMatchObject({ directive: 'dispatch' });
  });
});
