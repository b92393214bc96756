/**
 * Good clients beside a fault, a few of them, each asking again as soon as it was answered: half on kept connections, half on
 * new ones. Every request is remembered with its moments, since what counts is which were asked when, and when answers came again.
 */
import type { Target } from '../target/target.ts';
import { Wire } from '../wire/wire.ts';

export interface Visit {
  readonly askedAtMs: number;
  readonly endedAtMs: number;
  /** Why it was not answered; undefined where it was. */
  readonly failure: string | undefined;
}

const COUNT = 4;
const PAUSE_MS = 15;
/** Longer than any fault here lasts: what was asked in the middle of one is answered after it. */
const VISIT_MS_MAX = 15_000;
const REQUESTS_A_CONNECTION = 100;

export class Visitors {
  readonly visits: Visit[] = [];
  readonly #target: Target;
  readonly #wires = new Set<Wire>();
  #isOver = false;
  readonly #running: Promise<unknown>;

  constructor(target: Target) {
    this.#target = target;
    this.#running = Promise.all(Array.from({ length: COUNT }, (_, n) => this.#ask(n % 2 === 0)));
  }

  /** Lets what is under way be answered. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #ask(isKept: boolean): Promise<void> {
    const { authority, paths } = this.#target;
    const request = `GET ${paths.small} HTTP/1.1\r\nHost: ${authority}\r\n${isKept ? '' : 'Connection: close\r\n'}\r\n`;
    while (!this.#isOver) {
      const wire = new Wire(this.#target);
      this.#wires.add(wire);
      for (let index = 0; index < (isKept ? REQUESTS_A_CONNECTION : 1) && !this.#isOver; index++) {
        if (index > 0 && wire.isEnded) break;
        const visit = await visitOn(wire, index, request);
        if (visit !== undefined) this.visits.push(visit);
        if (visit === undefined || visit.failure !== undefined) break;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      wire.destroy();
      this.#wires.delete(wire);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** @returns undefined where a kept connection had ended, which a server may do between two requests (RFC 9112 §9.5) */
async function visitOn(wire: Wire, index: number, request: string): Promise<Visit | undefined> {
  const askedAtMs = performance.now();
  await wire.until(() => wire.isConnected || wire.isEnded || wire.isClosed, VISIT_MS_MAX);
  wire.write(request);
  const leftMs = VISIT_MS_MAX - (performance.now() - askedAtMs);
  await wire.until(() => wire.answers.wholeCount > index || wire.isEnded || wire.isClosed, leftMs);
  const answer = wire.answers.all[index];
  const visit = { askedAtMs, endedAtMs: performance.now() };
  if (answer?.isWhole !== true) {
    if (index > 0 && wire.isEnded && answer === undefined) return undefined;
    return { ...visit, failure: failureOf(wire) };
  }
  return { ...visit, failure: answer.status >= 500 ? `status ${answer.status}` : undefined };
}

function failureOf({ error, wasReset, isEnded, isConnected }: Wire): string {
  if (!isConnected) return `no connection (${error ?? 'no answer'})`;
  return wasReset ? 'reset' : isEnded ? 'ended without an answer' : `no answer in ${VISIT_MS_MAX / 1000} s`;
}
