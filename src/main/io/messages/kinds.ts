/** Kinds of subscriptions; those of channels are the kinds of their bulletins. */
export { KIND_CHANNEL, KIND_SHARD_CHANNEL } from '../../../shared/pubsub/bulletin.js';

export const KIND_PATTERN = 100;
