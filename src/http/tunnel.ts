/**
 * A stream of HTTP/2 that has become a tunnel (RFC 8441 §5): what the protocol in it asks of the stream, and what it is
 * told. Its own head was answered by 200, and DATA is its bytes in both directions.
 */
import type { EngineConnection } from '../engine/engine.ts';

export interface TunnelStream {
  /** No other of its thread has it at the same time; spread evenly, no more. */
  readonly number: number;
  readonly engine: EngineConnection;
  /** How many bytes may be written now; where it is 0, `drained` follows. */
  readonly room: number;
  /** @param end at most `room` behind `start` */
  write(bytes: Uint8Array, start: number, end: number): void;
  /** Bytes that came have been read, and as many more may come. */
  consumed(bytes: number): void;
  /** `due` is called at this moment or soon after; Infinity clears it. */
  wakeAt(atMs: number): void;
  /** END_STREAM: nothing follows, and nothing more is told. */
  end(): void;
  /** RST_STREAM: nothing more is told. */
  cancel(): void;
}

export interface Tunnel {
  /** The stream is its own now: called once, before anything else. */
  begin(): void;
  /** Borrowed until return; `consumed` is owed for each byte. */
  receive(bytes: Uint8Array, start: number, end: number): void;
  /** END_STREAM has come, or the connection's FIN. */
  peerEnded(): void;
  drained(): void;
  due(): void;
  /** The stream is over, by whoever's wish but ours. */
  over(): void;
  /** The server is going down. */
  drain(): void;
}
