/**
 * What an HTTP/2 client sends: frames written into the memory that an engine sends from, contents as far as the two
 * windows and the reader of the connection allow. Streams whose content waits take turns, a frame each.
 */
import { type EngineConnection, SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';
import { FlowWindow } from '../../protocol/h2/flow-window.ts';
import * as frame from '../../protocol/h2/frames.ts';
import { BLOCK_START, blockEnd } from './h2-request-encoder.ts';

/** HTTP/1's writer has the same: uploads should not wait for us. */
const UNSENT_BYTES_MAX = 4 * SEND_RESERVE_BYTES_MAX;
const FRAME_BYTES_MAX = frame.DEFAULT_FRAME_BYTES_MAX;

/** A request whose content is not through. */
interface Upload {
  readonly streamId: number;
  readonly bytes: Uint8Array;
  at: number;
  readonly window: FlowWindow;
}

export class H2Sender {
  #conn: EngineConnection | undefined = undefined;
  #window = new FlowWindow(frame.DEFAULT_WINDOW_BYTES);
  #initialWindowBytes = frame.DEFAULT_WINDOW_BYTES;
  /** In the order in which they take turns. */
  #uploads: Upload[] = [];

  begin(conn: EngineConnection): void {
    this.#conn = conn;
    this.#window = new FlowWindow(frame.DEFAULT_WINDOW_BYTES);
    this.#initialWindowBytes = frame.DEFAULT_WINDOW_BYTES;
    this.#uploads = [];
  }

  end(): void {
    this.#conn = undefined;
    this.#uploads = [];
  }

  write(bytes: Uint8Array): void {
    this.#commit(bytes.length, (out, at) => {
      out.set(bytes, at);
    });
  }

  settings(settings: readonly number[]): void {
    const size = frame.FRAME_HEADER_BYTES + (settings.length / 2) * frame.SETTING_BYTES;
    this.#commit(size, (out, at) => void frame.settingsInto(out, at, settings));
  }

  settingsAck(): void {
    this.#commit(frame.FRAME_HEADER_BYTES, (out, at) => void frame.settingsAckInto(out, at));
  }

  pingAck(bytes: Uint8Array, start: number): void {
    this.#commit(frame.PING_FRAME_BYTES, (out, at) => void frame.pingInto(out, at, true, bytes, start));
  }

  /** @param streamId 0 for the connection's window */
  windowUpdate(streamId: number, increment: number): void {
    this.#commit(
      frame.WINDOW_UPDATE_BYTES,
      (out, at) => void frame.windowUpdateInto(out, at, streamId, increment),
    );
  }

  reset(streamId: number, errorCode: number): void {
    this.forget(streamId);
    this.#commit(
      frame.RST_STREAM_BYTES,
      (out, at) => void frame.resetStreamInto(out, at, streamId, errorCode),
    );
  }

  /** The server has opened no stream: its last is 0. */
  goAway(errorCode: number): void {
    this.#commit(frame.GOAWAY_BYTES, (out, at) => void frame.goAwayInto(out, at, 0, errorCode));
  }

  /** @param bytes as `encodeH2Request` makes them @hot */
  request(streamId: number, bytes: Uint8Array): void {
    const conn = this.#conn;
    if (conn === undefined) return;
    const end = blockEnd(bytes);
    const hasContent = end < bytes.length;
    let type = frame.FRAME_HEADERS;
    for (let at = BLOCK_START; at === BLOCK_START || at < end; at += FRAME_BYTES_MAX) {
      const size = Math.min(FRAME_BYTES_MAX, end - at);
      const isLast = at + size === end;
      const flags =
        (isLast ? frame.FLAG_END_HEADERS : 0) |
        (type === frame.FRAME_HEADERS && !hasContent ? frame.FLAG_END_STREAM : 0);
      const start = conn.reserve(frame.FRAME_HEADER_BYTES + size);
      const { out } = conn;
      const p = frame.frameHeaderInto(out, start, size, type, flags, streamId);
      for (let i = 0; i < size; i++) out[p + i] = bytes[at + i]!;
      conn.commit(frame.FRAME_HEADER_BYTES + size);
      type = frame.FRAME_CONTINUATION;
    }
    if (!hasContent) return;
    const window = new FlowWindow(this.#initialWindowBytes);
    this.#uploads.push({ streamId, bytes, at: end, window });
    this.drained();
  }

  isSending(streamId: number): boolean {
    return this.#uploads.some((upload) => upload.streamId === streamId);
  }

  forget(streamId: number): void {
    if (this.isSending(streamId))
      this.#uploads = this.#uploads.filter((upload) => upload.streamId !== streamId);
  }

  /** @returns false when a window is beyond 2^31-1 then */
  setInitialWindow(bytes: number): boolean {
    const change = bytes - this.#initialWindowBytes;
    this.#initialWindowBytes = bytes;
    const isLegal = this.#uploads.every(({ window }) => window.shift(change));
    this.drained();
    return isLegal;
  }

  /** @returns as `setInitialWindow` */
  windowGrows(streamId: number, increment: number): boolean {
    const window =
      streamId === 0 ? this.#window : this.#uploads.find((upload) => upload.streamId === streamId)?.window;
    const isLegal = window?.give(increment) ?? true;
    this.drained();
    return isLegal;
  }

  /** Writes on with the contents that wait. */
  drained(): void {
    const conn = this.#conn;
    if (conn === undefined) return;
    // An upload that cannot go on goes to the end of the list; once all have done so in a row, none can.
    for (let idle = 0; idle < this.#uploads.length; ) {
      if (this.#window.available === 0 || !conn.isOpen || conn.unsentBytes >= UNSENT_BYTES_MAX) return;
      const upload = this.#uploads.shift()!; // there is one, by the loop's condition
      const size = Math.min(
        FRAME_BYTES_MAX,
        upload.bytes.length - upload.at,
        upload.window.available,
        this.#window.available,
      );
      if (size === 0) {
        this.#uploads.push(upload);
        idle++;
        continue;
      }
      idle = 0;
      this.#data(conn, upload, size);
      if (upload.at < upload.bytes.length) this.#uploads.push(upload);
    }
  }

  #data(conn: EngineConnection, upload: Upload, size: number): void {
    const { bytes, at, streamId, window } = upload;
    const flags = at + size === bytes.length ? frame.FLAG_END_STREAM : 0;
    const start = conn.reserve(frame.FRAME_HEADER_BYTES + size);
    const p = frame.frameHeaderInto(conn.out, start, size, frame.FRAME_DATA, flags, streamId);
    conn.out.set(bytes.subarray(at, at + size), p);
    conn.commit(frame.FRAME_HEADER_BYTES + size);
    upload.at += size;
    window.take(size);
    this.#window.take(size);
  }

  #commit(size: number, fill: (out: Uint8Array, at: number) => void): void {
    const conn = this.#conn;
    if (conn === undefined) return;
    const at = conn.reserve(size);
    fill(conn.out, at);
    conn.commit(size);
  }
}
