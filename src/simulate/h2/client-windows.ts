/**
 * What an HTTP/2 client lets the server send, as the client keeps it: it gives more when little is left, as its plan says,
 * late or never. It holds every DATA frame that it reads against what it has given, as any client would.
 */
import * as frame from '../../protocol/h2/frames.ts';
import type { WindowPlan } from './client-plan.ts';
import type { SentFrames } from './sent-frames.ts';

/** What is left of one window. */
interface Left {
  bytes: number;
  isGrantUnderWay: boolean;
}

export class ClientWindows {
  readonly #plan: WindowPlan;
  readonly #sent: SentFrames;
  readonly #after: (delayMs: number, run: () => void) => void;
  readonly #connection: Left;
  readonly #streams = new Map<number, Left>();
  /** Streams that are given nothing beyond their first window. */
  readonly #stalled = new Set<number>();
  #initial: number = frame.DEFAULT_WINDOW_BYTES;
  /** SETTINGS that the server has not acknowledged: the windows that they make hold from then on. */
  readonly #unacknowledged: (number | undefined)[] = [];

  constructor(plan: WindowPlan, sent: SentFrames, after: (delayMs: number, run: () => void) => void) {
    this.#plan = plan;
    this.#sent = sent;
    this.#after = after;
    this.#connection = { bytes: frame.DEFAULT_WINDOW_BYTES, isGrantUnderWay: false };
  }

  /** Says so at the beginning. */
  begin(): void {
    const { more } = this.#plan;
    if (more > 0) this.#give(0, this.#connection, more);
  }

  /** `settings` go out, or have gone with an upgrade. */
  settings(settings: readonly number[], holdsAtOnce = false): void {
    let window: number | undefined;
    for (let i = 0; i < settings.length; i += 2)
      if (settings[i] === frame.SETTINGS_INITIAL_WINDOW_SIZE) window = settings[i + 1];
    this.#unacknowledged.push(window);
    if (holdsAtOnce) this.acknowledged();
  }

  acknowledged(): void {
    const window = this.#unacknowledged.shift();
    if (window === undefined) return;
    const change = window - this.#initial;
    this.#initial = window;
    for (const [id, left] of this.#streams) {
      left.bytes += change;
      this.#look(id, left);
    }
  }

  /** The connection's window grows, though there is no need. */
  add(bytes: number): void {
    this.#give(0, this.#connection, bytes);
  }

  opened(id: number, isStalled: boolean): void {
    const left = { bytes: this.#initial, isGrantUnderWay: false };
    this.#streams.set(id, left);
    if (isStalled) this.#stalled.add(id);
    this.#look(id, left);
  }

  over(id: number): void {
    this.#streams.delete(id);
  }

  /** @returns what is wrong with DATA of so many bytes */
  take(id: number, bytes: number): string | undefined {
    const left = this.#streams.get(id);
    this.#connection.bytes -= bytes;
    this.#look(0, this.#connection);
    if (this.#connection.bytes < 0) return 'more than the window of the connection';
    if (left === undefined) return undefined;
    left.bytes -= bytes;
    this.#look(id, left);
    // A smaller window holds from the server's acknowledgement on, which comes behind what it sent before.
    return left.bytes < 0 && bytes > 0 ? `more than the window of stream ${id}` : undefined;
  }

  #look(id: number, left: Left): void {
    const grant = id === 0 ? this.#plan.connectionGrant : this.#plan.streamGrant;
    if (left.isGrantUnderWay || grant === 0 || left.bytes >= grant || this.#stalled.has(id)) return;
    left.isGrantUnderWay = true;
    const give = (): void => {
      left.isGrantUnderWay = false;
      if (id !== 0 && this.#streams.get(id) !== left) return;
      this.#give(id, left, grant);
      this.#look(id, left);
    };
    this.#after(this.#plan.grantMs, give);
  }

  #give(id: number, left: Left, bytes: number): void {
    left.bytes += bytes;
    this.#sent.window(id, bytes);
  }
}
