/** A thread's copy of the configuration, for unit tests. */
import { Config } from '../../src/main/config/config.js';
import { findDirective } from '../../src/main/config/directives.js';
import { ThreadConfig } from '../../src/main/config/thread-config.js';

/** The configuration of an I/O thread in which these directives were given at the start. */
export function threadConfig(given: readonly (readonly [name: string, value: string])[]): ThreadConfig {
  const config = new Config();
  for (const [name, value] of given) {
    const directive = findDirective(name)!;
    const error = config.load(directive, directive.multiArg ? value.split(' ') : [value]);
    if (error !== null) throw new Error(`${name}: ${error}`);
  }
  return new ThreadConfig(config.toEntries());
}
