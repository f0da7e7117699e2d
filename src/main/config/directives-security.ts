/** Directives about who may do what, and about TLS. Names, bounds and defaults are those of Redis 7.2. */
import { CONTROL } from '../../shared/sync/control-block.js';
import {
  bool,
  type Directive,
  INT_MAX,
  IO,
  int32,
  integer,
  LONG_MAX,
  MAIN,
  oneOf,
  optionalText,
  SHARD,
  text,
} from './directive.js';

/** In the order of their numbers in the control words. */
const PROTECTED_ACTION = ['no', 'yes', 'local'];
export const SECURITY: readonly Directive[] = [
  optionalText('requirepass', 'Password of the default user.', { sensitive: true, reader: IO }),
  text('aclfile', '', 'File of the users and their permissions.', { immutable: true, protects: true }),
  oneOf('acl-pubsub-default', 'resetchannels', ['allchannels', 'resetchannels'], 'Channels of a new user.'),
  integer('acllog-max-len', 128, 0, LONG_MAX, 'Entries of ACL LOG.'),
  oneOf('enable-protected-configs', 'no', PROTECTED_ACTION, 'Who may set protected directives: no, yes or local.', {
    immutable: true,
    reader: MAIN,
  }),
  oneOf('enable-debug-command', 'no', PROTECTED_ACTION, 'Who may use DEBUG: no, yes or local.', {
    immutable: true,
    reader: SHARD,
    word: int32(CONTROL.debugCommand),
  }),
  oneOf('enable-module-command', 'no', PROTECTED_ACTION, 'Who may use MODULE: no, yes or local.', {
    immutable: true,
    reader: IO,
    word: int32(CONTROL.moduleCommand),
  }),
];

export const TLS: readonly Directive[] = [
  integer('tls-port', 0, 0, 65535, 'TCP port for TLS.', { asksNothing: '0', protects: true }),
  integer('tls-session-cache-size', 20 * 1024, 0, INT_MAX, 'TLS sessions that are kept.'),
  integer('tls-session-cache-timeout', 300, 0, INT_MAX, 'Seconds for which TLS sessions are kept.'),
  bool('tls-cluster', 'no', 'TLS between the nodes of a cluster.'),
  bool('tls-replication', 'no', 'TLS between master and replicas.'),
  oneOf('tls-auth-clients', 'yes', ['no', 'yes', 'optional'], 'Whether clients must show a certificate.'),
  bool('tls-prefer-server-ciphers', 'no', "Takes the server's choice of ciphers."),
  bool('tls-session-caching', 'yes', 'Keeps TLS sessions.'),
  optionalText('tls-cert-file', 'Certificate of the server.'),
  optionalText('tls-key-file', "Key of the server's certificate."),
  optionalText('tls-key-file-pass', 'Password of that key.', { sensitive: true }),
  optionalText('tls-client-cert-file', 'Certificate shown to other servers.'),
  optionalText('tls-client-key-file', 'Key of that certificate.'),
  optionalText('tls-client-key-file-pass', 'Password of that key.', { sensitive: true }),
  optionalText('tls-dh-params-file', 'Parameters for Diffie-Hellman.'),
  optionalText('tls-ca-cert-file', 'Certificates of the authorities that are trusted.'),
  optionalText('tls-ca-cert-dir', 'Directory of such certificates.'),
  optionalText('tls-protocols', 'Versions of TLS.'),
  optionalText('tls-ciphers', 'Ciphers up to TLS 1.2.'),
  optionalText('tls-ciphersuites', 'Ciphers of TLS 1.3.'),
];
