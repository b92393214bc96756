/**
 * WebSocket as programs see it: hooks and peers. Types only: the server implements them. Hooks have the names of crossws, `send` returns
 * what Bun's does, and `data` is what Bun's peers carry. docs/websocket.md is the page for users.
 */
import type { ClientAddress, HandlerRequest, InterimFields } from './handler-request.ts';

/** What can be sent: text as a string, bytes as anything that holds bytes. */
export type WebSocketData = string | ArrayBuffer | ArrayBufferView;

/** A message that has come. It is the receiver's: nobody changes it afterwards. */
export interface WebSocketMessage {
  /** A string for text, a Uint8Array for bytes. */
  readonly data: string | Uint8Array<ArrayBuffer>;
  /** The same: crossws and ws call it so. */
  readonly rawData: string | Uint8Array<ArrayBuffer>;
  readonly isText: boolean;
  /** Bytes are read as UTF-8. */
  text(): string;
  /** The text, parsed. @throws SyntaxError when it is no JSON */
  json<T = unknown>(): T;
  uint8Array(): Uint8Array<ArrayBuffer>;
  arrayBuffer(): ArrayBuffer;
  toString(): string;
}

export interface SendOptions {
  /** Whether to compress it, where that was agreed on with the client. @default true for messages of 1 KiB and more */
  readonly compress?: boolean | undefined;
}

/** How a connection has ended. */
export interface WebSocketClose {
  /** That the peer sent, or was sent where it broke a rule: 1005 for a close without one, 1006 where there was none. */
  readonly code: number;
  readonly reason: string;
  /** Both sides have said that they close. */
  readonly wasClean: boolean;
}

export interface WebSocketPeer {
  /** A UUID, made when it is asked for. */
  readonly id: string;
  /** The request that it began with. */
  readonly request: HandlerRequest;
  readonly remoteAddress: ClientAddress | undefined;
  /** The client's address as text, as `context.ip` has it. */
  readonly ip: string | undefined;
  /** The subprotocol that was agreed on; empty for none. */
  readonly protocol: string;
  /** What `context.upgrade({ data })` was given: the program's own. */
  // biome-ignore lint/suspicious/noExplicitAny: only the program knows what it has put there
  data: any;
  /** An object for whatever belongs to this peer: what `upgrade` gave as `context`, else an empty one. */
  readonly context: Record<string, unknown>;
  /** 1 open, 2 closing, 3 closed, as a browser's WebSocket has them. */
  readonly readyState: number;
  /** Bytes that wait to be sent: what the kernel has not taken yet. */
  readonly bufferedAmount: number;
  /** Those that it is subscribed to. */
  readonly topics: ReadonlySet<string>;
  /**
   * Sends a message. A no-op once it closes.
   * @returns bytes of the frame; -1 when it was taken and its reader lags (`drain` is called when that is over); 0 when it was
   *   not sent: the peer is closing, or has `backpressureBytesMax` waiting
   * @throws TypeError for what is no message
   */
  send(data: WebSocketData, options?: SendOptions): number;
  /** To all others that are subscribed to `topic`, in all threads. @returns how many of this thread it was handed to */
  publish(topic: string, data: WebSocketData): number;
  /** @returns false where it was subscribed before @throws PubsubLimitError */
  subscribe(topic: string): boolean;
  unsubscribe(topic: string): boolean;
  isSubscribed(topic: string): boolean;
  /**
   * Closes in order: what was sent before is sent, and the peer has `closeTimeout` to answer.
   * @throws RangeError for a code that may not be sent (1000 to 1014 without 1004 to 1006, 3000 to 4999), or a reason of more than 123 bytes
   */
  close(code?: number, reason?: string): void;
  /** Ends the connection at once: what was not sent is lost. */
  terminate(): void;
  /** Sends a ping, with 125 bytes at most. The answer comes to the `pong` hook. @returns as `send` does */
  ping(data?: WebSocketData): number;
}

/** What `upgrade` may say beside a Response. */
export interface UpgradeAnswer {
  /** Fields of the 101. */
  readonly headers?: InterimFields | undefined;
  readonly context?: Record<string, unknown> | undefined;
  readonly data?: unknown;
  /** One that the client has offered; null for none. @default the first that it has offered */
  readonly protocol?: string | null | undefined;
}

export type Maybe<T> = T | Promise<T>;

/** All are optional. What one throws, or rejects with, goes to `error`, and its connection closes with 1011. */
export interface WebSocketHooks {
  open?(peer: WebSocketPeer): Maybe<void>;
  message?(peer: WebSocketPeer, message: WebSocketMessage): Maybe<void>;
  /** Called once for each peer that was opened, however it ended. */
  close?(peer: WebSocketPeer, details: WebSocketClose): Maybe<void>;
  /** Another hook has failed. It takes the place of the log. */
  error?(peer: WebSocketPeer, error: unknown): Maybe<void>;
  /** A reader that lagged, so that `send` returned -1 or 0, has caught up. */
  drain?(peer: WebSocketPeer): Maybe<void>;
  /** A ping has come, and is answered. */
  ping?(peer: WebSocketPeer, data: Uint8Array<ArrayBuffer>): Maybe<void>;
  pong?(peer: WebSocketPeer, data: Uint8Array<ArrayBuffer>): Maybe<void>;
}

/** What `context.upgrade` takes. */
export interface UpgradeOptions extends UpgradeAnswer {
  /** For this connection, in place of those of the option `websocket`. */
  readonly hooks?: WebSocketHooks | undefined;
}
