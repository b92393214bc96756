/**
 * The contents that an HTTP/2 client sends: several at once, each in frames with pauses between them, as far as the server's
 * windows allow. RFC 9113 §6.9
 */
import type { SeededRandom } from '../../base/random.ts';
import { PROTOCOL_ERROR } from '../../protocol/h2/error-codes.ts';
import * as frame from '../../protocol/h2/frames.ts';
import { contentBytes } from '../content.ts';
import type { FieldEncoder, H2Request } from './request.ts';
import type { SentFrames } from './sent-frames.ts';

const PADDING_MAX = 200;

interface Upload {
  readonly id: number;
  readonly request: H2Request;
  at: number;
  window: number;
  isPausing: boolean;
}

export class Uploads {
  readonly #sent: SentFrames;
  readonly #encoder: FieldEncoder;
  readonly #random: SeededRandom;
  readonly #ignoresWindows: boolean;
  readonly #after: (delayMs: number, run: () => void) => void;
  readonly #open = new Map<number, Upload>();
  #isStarted = false;
  #window: number = frame.DEFAULT_WINDOW_BYTES;
  #initial: number = frame.DEFAULT_WINDOW_BYTES;

  constructor(
    sent: SentFrames,
    encoder: FieldEncoder,
    random: SeededRandom,
    ignoresWindows: boolean,
    after: (delayMs: number, run: () => void) => void,
  ) {
    this.#sent = sent;
    this.#encoder = encoder;
    this.#random = random;
    this.#ignoresWindows = ignoresWindows;
    this.#after = after;
  }

  /**
   * From now on content goes out. Where the server's window is smaller than the one that holds before its SETTINGS have come,
   * they are waited for, as prudent clients do: what is under way meanwhile would be too much. RFC 9113 §6.9.2
   */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#goAll();
  }

  begin(id: number, request: H2Request): void {
    const upload = { id, request, at: 0, window: this.#initial, isPausing: false };
    this.#open.set(id, upload);
    this.#go(upload);
  }

  has(id: number): boolean {
    return this.#open.has(id);
  }

  forget(id: number): void {
    this.#open.delete(id);
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE of the server. */
  initialWindow(bytes: number): void {
    for (const upload of this.#open.values()) upload.window += bytes - this.#initial;
    this.#initial = bytes;
    this.#goAll();
  }

  windowGrows(id: number, bytes: number): void {
    if (id === 0) {
      this.#window += bytes;
      this.#goAll();
      return;
    }
    const upload = this.#open.get(id);
    if (upload === undefined) return;
    upload.window += bytes;
    this.#go(upload);
  }

  #goAll(): void {
    for (const upload of [...this.#open.values()]) this.#go(upload);
  }

  #go(upload: Upload): void {
    while (
      this.#isStarted &&
      !upload.isPausing &&
      this.#open.get(upload.id) === upload &&
      this.#sendFrame(upload)
    );
  }

  /** @returns whether to go on at once */
  #sendFrame(upload: Upload): boolean {
    const { request, id } = upload;
    const { plan } = request;
    const left = request.bodyBytesSent - upload.at;
    const isCut = request.bodyBytesSent < plan.bodyBytes;
    if (left === 0 && isCut) return false;
    const random = this.#random;
    const padding = request.pads && random.chance(0.5) ? random.int(PADDING_MAX) : undefined;
    const overhead = padding === undefined ? 0 : 1 + padding;
    const allowed = this.#ignoresWindows ? Number.POSITIVE_INFINITY : Math.min(upload.window, this.#window);
    let size = Math.min(left, request.frameBytes, frame.DEFAULT_FRAME_BYTES_MAX - overhead);
    if (size + overhead > allowed) size = allowed - overhead;
    if (size < 0 || (size === 0 && left > 0)) {
      // Padding may be what does not fit.
      if (padding === undefined || allowed <= 0) return false;
      return true;
    }
    const isEnd = size === left && !isCut;
    const from = this.#sent.length;
    const content = contentBytes(plan.id, plan.bodyBytes).subarray(upload.at, upload.at + size);
    const isLast = isEnd && !request.hasTrailers;
    this.#sent.data(id, content, isLast, padding, request);
    upload.at += size;
    upload.window -= size + overhead;
    this.#window -= size + overhead;
    if (request.wrongLength !== undefined && (upload.at > request.wrongLength || isEnd))
      this.#sent.offends(PROTOCOL_ERROR, id, from);
    if (isEnd) {
      if (request.hasTrailers) {
        const block = this.#encoder.block([['x-last', String(plan.id)]]);
        this.#sent.block('trailers', id, block, true, 1, request);
      }
      this.#open.delete(id);
      return false;
    }
    if (request.gapMs === 0) return true;
    upload.isPausing = true;
    this.#after(request.gapMs, () => {
      upload.isPausing = false;
      this.#go(upload);
    });
    return false;
  }
}
