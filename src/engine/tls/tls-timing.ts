/** Time, as the TLS layer asks for it: the machine's, unless it runs over an engine that has one of its own. */

export interface TlsTiming {
  /** The clock of the engine's deadlines, and what arithmetic is measured by. */
  nowMs(): number;
  /** Calls back when connections that stand have had their turn. */
  later(call: () => void): void;
}

export const MACHINE_TIMING: TlsTiming = {
  nowMs: () => performance.now(),
  later: (call) => void setImmediate(call),
};
