/** The other end of a WebSocket as hooks see it. It checks what a program gives, and keeps what belongs to the program. */
import { show } from '../../base/errors.ts';
import type { RemoteAddress } from '../../engine/engine.ts';
import { CLOSE_NORMAL, isCloseCode } from '../../protocol/websocket/close-codes.ts';
import { CONTROL_BYTES_MAX } from '../../protocol/websocket/frames.ts';
import type { Hub } from '../../pubsub/hub.ts';
import type { Subscriber } from '../../pubsub/topic.ts';
import type { HandlerRequest } from '../../web/context.ts';
import type { SendOptions, WebSocketData, WebSocketPeer } from '../../web/websocket.ts';
import type { ExchangeHost } from '../exchange-host.ts';
import type { Wire } from './wire.ts';

/** What is behind it. */
interface PeerLink extends Subscriber {
  readonly host: ExchangeHost;
  readonly wire: Wire;
  readonly readyState: number;
  sendText(text: string, compress: boolean | undefined): number;
  sendBytes(bytes: Uint8Array, compress: boolean | undefined): number;
  ping(bytes: Uint8Array): number;
  close(code: number, reason: Uint8Array): void;
  terminate(): void;
}

/** What a peer begins with. */
export interface PeerStart {
  readonly data: unknown;
  readonly context: Record<string, unknown> | undefined;
  readonly protocol: string;
  /** In which window it takes compressed messages; 0 for none. */
  readonly windowBits: number;
  /** The number of its connection or stream, counted one after the other. */
  readonly number: number;
}

/** What a close frame has left for its reason beside the code. RFC 6455 §5.5 */
const REASON_BYTES_MAX = CONTROL_BYTES_MAX - 2;

const NO_TOPICS: ReadonlySet<string> = new Set();

export class Peer implements WebSocketPeer {
  readonly request: HandlerRequest;
  readonly protocol: string;
  data: unknown;
  /** @internal */
  readonly number: number;
  readonly #link: PeerLink;
  #context: Record<string, unknown> | undefined;
  #id: string | undefined = undefined;
  #membership: ReturnType<Hub['join']> | undefined = undefined;

  constructor(link: PeerLink, request: HandlerRequest, start: PeerStart) {
    this.#link = link;
    this.request = request;
    this.protocol = start.protocol;
    this.data = start.data;
    this.number = start.number;
    this.#context = start.context;
  }

  get id(): string {
    return (this.#id ??= crypto.randomUUID());
  }

  get context(): Record<string, unknown> {
    return (this.#context ??= {});
  }

  get remoteAddress(): RemoteAddress | undefined {
    return this.#link.wire.remoteAddress();
  }

  get ip(): string | undefined {
    return this.request.ip;
  }

  get readyState(): number {
    return this.#link.readyState;
  }

  get bufferedAmount(): number {
    return this.#link.wire.unsentBytes;
  }

  get topics(): ReadonlySet<string> {
    return this.#membership === undefined ? NO_TOPICS : new Set(this.#membership.topics);
  }

  /** @hot */
  send(data: WebSocketData, options?: SendOptions): number {
    if (typeof data === 'string') return this.#link.sendText(data, options?.compress);
    return this.#link.sendBytes(bytesOf('send', data), options?.compress);
  }

  publish(topic: string, data: WebSocketData): number {
    return this.#joined.publish(topic, data);
  }

  subscribe(topic: string): boolean {
    if (this.readyState > 1) return false;
    return this.#joined.subscribe(topic);
  }

  unsubscribe(topic: string): boolean {
    return this.#membership?.unsubscribe(topic) ?? false;
  }

  isSubscribed(topic: string): boolean {
    return this.#membership?.topics.includes(topic) ?? false;
  }

  get #joined(): ReturnType<Hub['join']> {
    return (this.#membership ??= this.#link.host.hub.join(this.#link));
  }

  close(code: number = CLOSE_NORMAL, reason: string = ''): void {
    if (!isCloseCode(code))
      throw new RangeError(
        `close: ${show(code)} cannot be sent as a close code; allowed are 1000 to 1003, 1007 to 1014 and 3000 to 4999`,
      );
    const bytes = Buffer.from(String(reason), 'utf8');
    if (bytes.length > REASON_BYTES_MAX)
      throw new RangeError(
        `close: the reason takes ${bytes.length} bytes in UTF-8; allowed are ${REASON_BYTES_MAX}`,
      );
    this.#link.close(code, bytes);
  }

  terminate(): void {
    this.#link.terminate();
  }

  ping(data: WebSocketData = ''): number {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : bytesOf('ping', data);
    if (bytes.length > CONTROL_BYTES_MAX)
      throw new RangeError(`ping: the payload takes ${bytes.length} bytes; allowed are ${CONTROL_BYTES_MAX}`);
    return this.#link.ping(bytes);
  }

  /** @internal The connection is over: nothing that is published comes here any more. */
  left(): void {
    this.#membership?.leave();
  }
}

function bytesOf(call: string, data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError(
    `${call}: ${show(data)} is no message; allowed are a string, an ArrayBuffer and its views`,
  );
}
