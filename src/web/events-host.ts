/** What a request's server has for streams of events. */
import type { Hub } from '../pubsub/hub.ts';

export interface EventsHost {
  readonly hub: Hub;
  /** Calls back when the server begins to drain, or at once where it does already; what `listen` gives stops that. */
  readonly closingSignals: { listen(call: () => void): () => void };
  /** @param exchange the port */
  logError(what: string, error: unknown, exchange: object): void;
}
