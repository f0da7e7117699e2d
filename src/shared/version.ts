/** The versions that the server tells: clients switch features on by `REDIS_VERSION`. */
export const REDIS_VERSION = '7.4.2';
/** Our own; the package's. */
export const SHERD_VERSION = '0.1.0';
