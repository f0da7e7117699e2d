/**
 * Which arguments of commands are secret: passwords of AUTH, HELLO, ACL SETUSER and CONFIG SET. Neither the slow log
 * nor MONITOR shows them. Any thread; cold.
 */

const REDACTED = '(redacted)';
/** Directives whose values nobody shall read. */
const SECRETS = /^(requirepass|masterauth|masteruser|tls-(client-)?key-file-pass)$/;

/** Puts `(redacted)` in the place of secret arguments, in `args` itself. */
export function redactSecrets(args: string[]): void {
  const name = args[0]!.toLowerCase();
  const from = (i: number): void => {
    for (let k = i; k < args.length; k++) args[k] = REDACTED;
  };
  if (name === 'auth') from(1);
  else if (name === 'acl' && args[1]?.toLowerCase() === 'setuser') from(2);
  else if (name === 'hello') {
    const at = args.findIndex((arg, i) => i > 1 && arg.toLowerCase() === 'auth');
    for (let k = at + 1; at > 0 && k <= at + 2 && k < args.length; k++) args[k] = REDACTED;
  } else if (name === 'config' && args[1]?.toLowerCase() === 'set') {
    for (let k = 2; k + 1 < args.length; k += 2) if (SECRETS.test(args[k]!.toLowerCase())) args[k + 1] = REDACTED;
  }
}
