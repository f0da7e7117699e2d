/** Commands that only some may use: DEBUG and MODULE, by `enable-debug-command` and `enable-module-command`. */

/** Bit of the client's flags: it is connected from this machine. */
const LOCAL_CLIENT = 8;

/** Redis's error if a client with these flags may not use the command, else null. `config`: as CONFIG GET shows it. */
export function refusesProtected(
  command: 'DEBUG' | 'MODULE',
  config: ReadonlyMap<string, string>,
  clientFlags: number,
): string | null {
  const directive = `enable-${command.toLowerCase()}-command`;
  const allowed = config.get(directive) ?? 'no';
  if (allowed === 'yes' || (allowed === 'local' && (clientFlags & LOCAL_CLIENT) !== 0)) return null;
  return (
    `ERR ${command} command not allowed. If the ${directive} option is set to "local", you can run it from a local ` +
    'connection, otherwise you need to set this option in the configuration file, and then restart the server.'
  );
}
