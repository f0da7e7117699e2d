/** Reads the command specifications of a real redis-server out of its COMMAND reply. */
import type { CommandDef, KeyFlag, KeySpec } from '../../../src/shared/command/spec.js';
import type { RespClient, Value } from '../../harness/resp-client.js';

function fields(value: Value): Map<string, Value> {
  return value as Map<string, Value>;
}

function keySpec(value: Value): KeySpec {
  const spec = fields(value);
  const part = (name: string): [string, Map<string, Value>] => {
    const map = fields(spec.get(name)!);
    return [map.get('type') as string, fields(map.get('spec')!)];
  };
  const [beginType, begin] = part('begin_search');
  const [findType, find] = part('find_keys');
  const number = (map: Map<string, Value>, name: string): number => map.get(name) as number;
  return {
    flags: [...(spec.get('flags') as Set<Value>)] as KeyFlag[],
    begin:
      beginType === 'index'
        ? { index: number(begin, 'index') }
        : beginType === 'keyword'
          ? { keyword: begin.get('keyword') as string, startFrom: number(begin, 'startfrom') }
          : { unknown: true },
    find:
      findType === 'range'
        ? { lastKey: number(find, 'lastkey'), step: number(find, 'keystep'), limit: number(find, 'limit') }
        : findType === 'keynum'
          ? {
              keyNumIndex: number(find, 'keynumidx'),
              firstKey: number(find, 'firstkey'),
              step: number(find, 'keystep'),
            }
          : { unknown: true },
  };
}

function definition(value: Value): CommandDef {
  const row = value as Value[];
  return {
    name: row[0] as string,
    arity: row[1] as number,
    flags: ([...(row[2] as Set<Value>)] as CommandDef['flags']).filter((flag) => flag !== 'movablekeys'),
    acl: [...(row[6] as Set<Value>)] as string[],
    group: 'redis',
    since: '1.0.0',
    complexity: '',
    summary: 'A command of redis-server.',
    keys: [...(row[8] as Iterable<Value>)].map(keySpec),
    route: 'local',
    subcommands: [...((row[9] ?? []) as Iterable<Value>)].map(definition),
  };
}

export interface RedisSpec {
  readonly def: CommandDef;
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly movable: boolean;
}

/** All commands of the server. Switches the connection to RESP3. */
export async function readRedisSpecs(client: RespClient): Promise<RedisSpec[]> {
  await client.ok('HELLO', 3);
  const rows = (await client.ok('COMMAND')) as Value[][];
  return rows.map((row) => ({
    def: definition(row),
    firstKey: row[3] as number,
    lastKey: row[4] as number,
    keyStep: row[5] as number,
    movable: (row[2] as Set<Value>).has('movablekeys'),
  }));
}
