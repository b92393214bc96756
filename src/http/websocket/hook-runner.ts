/**
 * Calls the hooks of one connection, each in an async context of its own, and catches what they throw: `error` is told of it, or
 * the log where there is none, and the connection closes with 1011. No closure and no promise is made for a call.
 */
import { copyBytes } from '../../base/bytes.ts';
import type { WebSocketClose, WebSocketHooks, WebSocketMessage, WebSocketPeer } from '../../web/websocket.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import { promised, whenSettled } from '../promised.ts';

export class HookRunner {
  readonly #host: ExchangeHost;
  readonly #record: ExchangeRecord;
  readonly #peer: WebSocketPeer;
  readonly #hooks: WebSocketHooks;
  readonly #onFailure: () => void;
  // What the call that is about to be made is given: taken before the hook runs, so that it may bring about another.
  #message: WebSocketMessage | undefined = undefined;
  #details: WebSocketClose | undefined = undefined;
  #bytes: Uint8Array<ArrayBuffer> | undefined = undefined;
  #error: unknown = undefined;

  /** @param onFailure a hook has failed, and somebody has been told */
  constructor(
    host: ExchangeHost,
    record: ExchangeRecord,
    peer: WebSocketPeer,
    hooks: WebSocketHooks,
    onFailure: () => void,
  ) {
    this.#host = host;
    this.#record = record;
    this.#peer = peer;
    this.#hooks = hooks;
    this.#onFailure = onFailure;
  }

  open(): void {
    if (this.#hooks.open !== undefined) this.#host.scope.run(this.callOpen, this);
  }

  /** @hot */
  message(message: WebSocketMessage): void {
    if (this.#hooks.message === undefined) return;
    this.#message = message;
    this.#host.scope.run(this.callMessage, this);
  }

  drain(): void {
    if (this.#hooks.drain !== undefined) this.#host.scope.run(this.callDrain, this);
  }

  ping(bytes: Uint8Array, start: number, end: number): void {
    if (this.#hooks.ping === undefined) return;
    this.#bytes = copyBytes(bytes, start, end) as Uint8Array<ArrayBuffer>;
    this.#host.scope.run(this.callPing, this);
  }

  pong(bytes: Uint8Array, start: number, end: number): void {
    if (this.#hooks.pong === undefined) return;
    this.#bytes = copyBytes(bytes, start, end) as Uint8Array<ArrayBuffer>;
    this.#host.scope.run(this.callPong, this);
  }

  close(details: WebSocketClose): void {
    if (this.#hooks.close === undefined) return;
    this.#details = details;
    this.#host.scope.run(this.callClose, this);
  }

  /** @internal */
  callOpen(): void {
    try {
      this.#follow(this.#hooks.open!(this.#peer));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @internal @hot */
  callMessage(): void {
    const message = this.#message!;
    this.#message = undefined;
    try {
      const result: unknown = this.#hooks.message!(this.#peer, message);
      if (result !== undefined) this.#follow(result);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @internal */
  callDrain(): void {
    try {
      this.#follow(this.#hooks.drain!(this.#peer));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @internal */
  callPing(): void {
    this.#withBytes(this.#hooks.ping);
  }

  /** @internal */
  callPong(): void {
    this.#withBytes(this.#hooks.pong);
  }

  #withBytes(hook: WebSocketHooks['ping']): void {
    const bytes = this.#bytes!;
    this.#bytes = undefined;
    try {
      this.#follow(hook!.call(this.#hooks, this.#peer, bytes));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @internal */
  callClose(): void {
    const details = this.#details!;
    this.#details = undefined;
    try {
      this.#follow(this.#hooks.close!(this.#peer, details));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** What a hook returned may still fail. @throws what reading `then` throws */
  #follow(result: unknown): void {
    const promise = promised(result);
    if (promise !== undefined) whenSettled(promise, nothing, (error) => this.#failed(error));
  }

  #failed(error: unknown): void {
    if (this.#hooks.error === undefined) this.#host.logError('WebSocket hook failed', error, this.#record);
    else {
      this.#error = error;
      this.#host.scope.run(this.callError, this);
    }
    this.#onFailure();
  }

  /** @internal */
  callError(): void {
    const error = this.#error;
    this.#error = undefined;
    const tell = (second: unknown) => this.#host.logHookError(second, error, this.#record);
    try {
      const promise = promised(this.#hooks.error!(this.#peer, error));
      if (promise !== undefined) whenSettled(promise, nothing, tell);
    } catch (second) {
      tell(second);
    }
  }
}

function nothing(): void {}
