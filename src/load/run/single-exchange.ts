/**
 * One request and its answer, whole, over the client and an engine that a load would use: to look at what a
 * server answers before it is loaded. The addresses of a name are tried in turn until one connects.
 */
import type { ConnectTarget, Engine, EngineConnection, EngineHandler } from '../../engine/engine.ts';
import type { AnswerContent, AnswerHandler, ClientLink } from '../client/client.ts';
import { FAILURE_NAMES, failureName } from '../client/failure-names.ts';
import { H1Client } from '../client/h1-client.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { selectLoadEngine } from './load-engine.ts';

/** There was no answer; the message is the failure's name. */
class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
}

/** @param plan whose first request is made @throws ExchangeError */
export async function exchangeOnce(plan: LoadPlan): Promise<AnswerContent> {
  const selection = await selectLoadEngine(plan);
  const request = plan.requests[0]!;
  const { connects } = plan.targets[request.target]!;
  let failure: unknown;
  for (const target of connects) {
    const exchange = new Exchange(plan);
    const engine = await selection.create(exchange);
    try {
      return await exchange.run(engine, target);
    } catch (error) {
      failure = error;
      if (exchange.hasConnected) break;
    } finally {
      await engine.close();
    }
  }
  throw failure;
}

class Exchange implements EngineHandler, AnswerHandler {
  hasConnected = false;
  readonly #plan: LoadPlan;
  readonly #link: ClientLink;
  #settle: { resolve(content: AnswerContent): void; reject(error: Error): void } | undefined;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#link = new H1Client(this, { depth: 1, keepsContent: true }).createLink(0);
  }

  run(engine: Engine, target: ConnectTarget): Promise<AnswerContent> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      let conn: EngineConnection;
      try {
        conn = engine.connect(target);
      } catch (error) {
        reject(error as Error);
        return;
      }
      conn.setDeadline(engine.nowMs + this.#plan.timeoutMs);
      this.#link.attach(conn);
      this.#link.start(this.#plan.requests[0]!);
    });
  }

  onAccept(conn: EngineConnection): void {
    conn.reset('unexpected');
  }

  onConnect(): void {
    this.hasConnected = true;
  }

  onReceive(_conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    this.#link.receive(bytes, start, end);
  }

  onDrained(): void {
    this.#link.drained();
  }

  onPeerEnd(conn: EngineConnection): void {
    this.#link.peerEnded();
    this.#fail(FAILURE_NAMES.closedEarly);
    conn.close('server closed');
  }

  onDeadline(conn: EngineConnection): void {
    this.#fail(FAILURE_NAMES.timeout);
    conn.reset('timeout');
  }

  onClosed(conn: EngineConnection, reason: string): void {
    this.#fail(failureName(conn.errorCode, reason));
  }

  onAnswer(_link: ClientLink, _ticket: number, _status: number, content: AnswerContent | undefined): void {
    if (content !== undefined) this.#settle?.resolve(content);
  }

  onBroken(_link: ClientLink, error: string): void {
    this.#fail(error);
  }

  onFailed(link: ClientLink, _ticket: number, error: string): void {
    this.onBroken(link, error);
  }

  /** Does nothing once there is an answer. */
  #fail(name: string): void {
    this.#settle?.reject(new ExchangeError(name));
  }
}
