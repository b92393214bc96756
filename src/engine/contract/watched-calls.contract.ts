/** Tells what is asked of a connection, by standing before its methods. The connection does what it did. */
import type { EngineConnection } from '../engine.ts';
import type { Asked } from './event-rules.contract.ts';

/** Calls, and what they ask. */
const CALLS: { readonly [name: string]: (argument: never) => Asked } = {
  commit: (bytes: number) => ({ what: 'commit', bytes }),
  commitBorrowed: ({ length }: Uint8Array) => ({ what: 'commit', bytes: length }),
  commitFile: ({ length }: { readonly length: number }) => ({ what: 'commit', bytes: length }),
  settle: () => ({ what: 'settle' }),
  pauseReading: () => ({ what: 'pause' }),
  resumeReading: () => ({ what: 'resume' }),
  shutdownWrite: () => ({ what: 'shutdown' }),
  close: (reason: string) => ({ what: 'close', reason }),
  reset: (reason: string) => ({ what: 'reset', reason }),
  setDeadline: (atMs: number) => ({ what: 'set-deadline', atMs }),
};

interface Listener {
  /** Before the call. */
  asked(what: Asked): void;
  /** It has returned. */
  done(): void;
}

export function watchCalls(conn: EngineConnection, listener: Listener): void {
  const methods = conn as unknown as Record<string, (...given: unknown[]) => unknown>;
  for (const [name, asks] of Object.entries(CALLS)) {
    const method = methods[name]!.bind(conn);
    methods[name] = (...given) => {
      listener.asked(asks(given[0] as never));
      try {
        return method(...given);
      } finally {
        listener.done();
      }
    };
  }
}
