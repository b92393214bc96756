/** What publishers and subscribers are told when they have come to a bound. */

/** A bound of publish and subscribe has been reached. */
export class PubsubLimitError extends Error {
  override readonly name = 'PubsubLimitError';
  readonly code = 'HOLDFAST_PUBSUB_LIMIT';
  /** The option that sets it, as `pubsub.topics`; undefined for one that is fixed. */
  readonly option: string | undefined;

  constructor(option: string | undefined, text: string) {
    super(option === undefined ? text : `${text} (${option})`);
    this.option = option;
  }
}
