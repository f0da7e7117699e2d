/**
 * The public entry of the package: `import { createServer } from 'sherd'`.
 */
export { SherdError, type SherdErrorCode } from '../shared/errors/sherd-error.js';
export type { ServerOptions } from './config/options.js';
export { createServer, type ServerDebug, type SherdServer } from './server.js';
