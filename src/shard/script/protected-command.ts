/** Commands that only some may use: DEBUG and MODULE, by `enable-debug-command` and `enable-module-command`. */
import { CLIENT_FLAG } from '../../shared/command/client-state.js';
import { CONTROL, type ControlBlock } from '../../shared/sync/control-block.js';

/** The value of the control words: PROTECTED_WORDS of the directive's row. */
const ALLOWED = { no: 0, yes: 1, local: 2 } as const;

const GUARDS = {
  DEBUG: { word: CONTROL.debugCommand, directive: 'enable-debug-command' },
  MODULE: { word: CONTROL.moduleCommand, directive: 'enable-module-command' },
} as const;

/** Redis's error if a client with these flags may not use the command, else null. */
export function refusesProtected(
  command: keyof typeof GUARDS,
  control: ControlBlock,
  clientFlags: number,
): string | null {
  const { word, directive } = GUARDS[command];
  const allowed = control.i32[word];
  if (allowed === ALLOWED.yes || (allowed === ALLOWED.local && (clientFlags & CLIENT_FLAG.local) !== 0)) return null;
  return (
    `ERR ${command} command not allowed. If the ${directive} option is set to "local", you can run it from a local ` +
    'connection, otherwise you need to set this option in the configuration file, and then restart the server.'
  );
}
