/** The settings of WebSocket connections, checked, with what argues for each default. */
import type { WebSocketHooks } from '../../web/websocket.ts';
import type { WebSocketOptions } from '../../web/websocket-options.ts';

export interface WebSocketSettings {
  /** The option was given: HTTP/2 clients are told that they may open WebSockets in streams. RFC 8441 §3 */
  readonly isOffered: boolean;
  readonly hooks: WebSocketHooks;
  /** Asked before `fetch`; undefined where `fetch` decides. */
  readonly upgrade: WebSocketOptions['upgrade'];
  readonly payloadBytesMax: number;
  readonly backpressureBytesMax: number;
  readonly onBackpressure: 'drop' | 'close' | 'wait';
  readonly idleMs: number;
  readonly pingIntervalMs: number;
  readonly pongMs: number;
  readonly closeMs: number;
  readonly handoverMs: number;
  readonly compresses: boolean;
}

export const DEFAULT_WEBSOCKET_SETTINGS: WebSocketSettings = Object.freeze({
  isOffered: false,
  hooks: Object.freeze({}),
  upgrade: undefined,
  payloadBytesMax: 1024 * 1024, // Socket.IO 1 MB, Bun 16 MB, ws 100 MiB: held in memory whole, once a connection
  backpressureBytesMax: 16 * 1024 * 1024, // Bun 16 MB
  onBackpressure: 'close',
  idleMs: Number.POSITIVE_INFINITY,
  pingIntervalMs: 30_000, // nginx, ELB and Envoy cut what is silent for 60 s; Socket.IO pings each 25 s
  pongMs: 20_000, // Socket.IO 20 s
  closeMs: 5000, // ws 30 s; there is nothing to wait for but a round trip
  handoverMs: 1000,
  compresses: false,
});
