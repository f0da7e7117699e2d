/** A request that may block, from the moment it is sent. */
export interface BlockedRequest {
  readonly seq: number;
  /** Id of the command. */
  readonly command: number;
  readonly db: number;
  /** The keys that it waits for. */
  readonly keys: readonly Uint8Array[];
  /** It is also carried out when a key is gone (XREADGROUP). */
  readonly wantsAbsent: boolean;
  /** The shard has said that the client waits. */
  waits: boolean;
  deadlineMs: number;
  timer: NodeJS.Timeout | null;
}
