/** What the documents promise in numbers, written down a second time: the models hold the server to these. */

/** A stream is not pulled while its unsent bytes exceed this. */
export const HIGH_WATER_BYTES = 64 * 1024;
/** A large piece may be lent, or copied where it was refused: so much of it at once, beyond the mark. */
export const LENT_BYTES_MAX = 256 * 1024;
/** A head, and a short answer behind it. */
export const HEADS_BYTES_MAX = 2048;
/** Dead peers are looked for once a period; before the first retransmissions nobody can tell. */
export const DEATH_GRACE_MS = 5000;
/** What a draining server gives a client that has only connected. */
export const DRAIN_ACCEPTED_MS = 1000;
/** How long a client that sends on after its last answer is heard out. */
export const LINGER_MS_MAX = 30_000;
/** From here on the method is known. */
export const HEAD_METHOD_BYTES = 'HEAD '.length;
