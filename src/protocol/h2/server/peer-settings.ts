/**
 * The settings of a client: RFC 9113 §6.5. What a frame sets holds when the frame is whole, and of a value that it sets
 * twice the last holds; so a frame full of windows costs no more than one.
 */
import * as fault from '../error-codes.ts';
import * as frame from '../frames.ts';

const UNCHANGED = -1;

export class PeerSettings {
  /** What a frame has set, to be taken with `takeInitialWindow`. */
  #initialWindow = UNCHANGED;
  #count = 0;
  #tableBytes = frame.DEFAULT_TABLE_BYTES;
  #hasShrunkTable = false;
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** @returns the fault that ends the connection */
  set(identifier: number, value: number): fault.Http2Fault | undefined {
    if (++this.#count > this.#countMax) return fault.FAULT_SETTINGS_FLOOD;
    switch (identifier) {
      case frame.SETTINGS_HEADER_TABLE_SIZE:
        // RFC 7541 §4.2: what becomes smaller, and be it for a moment, has to be acknowledged by our next block.
        if (value < this.#tableBytes) this.#hasShrunkTable = true;
        this.#tableBytes = value;
        return undefined;
      case frame.SETTINGS_ENABLE_PUSH:
      case frame.SETTINGS_NO_RFC7540_PRIORITIES:
        return value > 1 ? fault.FAULT_SETTING : undefined;
      case frame.SETTINGS_INITIAL_WINDOW_SIZE:
        if (value > frame.WINDOW_BYTES_MAX) return fault.FAULT_WINDOW_SETTING;
        this.#initialWindow = value;
        return undefined;
      case frame.SETTINGS_MAX_FRAME_SIZE:
        return value < frame.DEFAULT_FRAME_BYTES_MAX || value > frame.FRAME_BYTES_LIMIT
          ? fault.FAULT_SETTING
          : undefined;
      default:
        return undefined;
    }
  }

  /** The payload of a frame, as HTTP2-Settings carries it. RFC 7540 §3.2.1 */
  setAll(payload: Uint8Array): fault.Http2Fault | undefined {
    if (payload.length % frame.SETTING_BYTES !== 0) return fault.FAULT_FRAME_SIZE;
    for (let at = 0; at < payload.length; at += frame.SETTING_BYTES) {
      const wrong = this.set((payload[at]! << 8) | payload[at + 1]!, frame.readUint32(payload, at + 2));
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  /** The frame is whole. @returns the window of streams, or `current` when the frame has not set it */
  takeInitialWindow(current: number): number {
    this.#count = 0;
    const window = this.#initialWindow;
    this.#initialWindow = UNCHANGED;
    return window === UNCHANGED ? current : window;
  }

  /** @returns whether the table that the client keeps for us has become smaller since the last call */
  takeShrunkTable(): boolean {
    const hasShrunk = this.#hasShrunkTable;
    this.#hasShrunkTable = false;
    return hasShrunk;
  }
}
