/**
 * The kinds of clients, as scripts: what each sends, when it waits, how it reads and how it leaves. A
 * script says nothing about right or wrong; that is the oracle's.
 */
import type { SeededRandom } from '../base/random.ts';
import { type H2ClientPlan, planH2Client } from './h2/client-plan.ts';
import { CHUNK_REFUSALS, HEAD_REFUSALS, HTTP2_PREFACE_TEXT, OVERLONG_CHUNK_BYTES } from './refusals.ts';
import { type RequestPlan, StreamPlan } from './request-plan.ts';
import {
  type ClientKind,
  type H1ClientKind,
  H2_CLIENT_KINDS,
  type H2ClientKind,
  type HandlerKind,
  type Swarm,
  WEBSOCKET_CLIENT_KINDS,
  type WebSocketClientKind,
} from './swarm.ts';
import { planWebSocketClient, type WebSocketClientPlan } from './websocket/client-plan.ts';

export type ClientStep =
  /** Sends the stream up to `toBytes`, in pieces with a pause before each but the first. */
  | { readonly type: 'send'; readonly toBytes: number; readonly pieceBytes: number; readonly gapMs: number }
  | { readonly type: 'wait'; readonly ms: number }
  /** Until so many final responses have been read, or the connection has ended. */
  | { readonly type: 'await'; readonly responses: number }
  /** Until 100 has been read, or a final response, or for `ms`. */
  | { readonly type: 'continue'; readonly ms: number }
  | { readonly type: 'fin' | 'reset' | 'vanish' | 'destroy' }
  /** Until the server ends the connection. */
  | { readonly type: 'stay' };

export interface ClientPlan {
  readonly kind: H1ClientKind;
  readonly requests: readonly RequestPlan[];
  readonly bytes: Uint8Array;
  readonly steps: readonly ClientStep[];
  /** Bytes that a slow reader reads at once, and how long it then pauses. 0 reads all at once. */
  readonly readBytes: number;
  readonly readGapMs: number;
  readonly receiveBufferBytes: number;
  readonly connectAtMs: number;
}

/** Makes clients, one after the other. */
export class ClientPlanner {
  readonly #random: SeededRandom;
  readonly #swarm: Swarm;
  #lastId = 0;

  constructor(random: SeededRandom, swarm: Swarm) {
    this.#random = random;
    this.#swarm = swarm;
  }

  next(): ClientPlan | H2ClientPlan | WebSocketClientPlan {
    const random = this.#random;
    const swarm = this.#swarm;
    const kind = random.pick(swarm.clientKinds);
    const nextId = (): number => ++this.#lastId;
    if (speaksWebSocket(kind)) return planWebSocketClient(random.fork(), swarm, kind, nextId);
    if (speaksHttp2(kind)) return planH2Client(random.fork(), swarm, kind, nextId);
    const stream = new StreamPlan(random, swarm.handlerKinds, swarm.settings.limits.bodyBytesMax, nextId);
    const script = new Script(random, swarm, stream);
    script.write(kind);
    return {
      kind,
      requests: stream.requests,
      bytes: stream.bytes(),
      steps: script.steps,
      readBytes: script.readBytes,
      readGapMs: script.readGapMs,
      receiveBufferBytes: script.receiveBufferBytes,
      connectAtMs: random.nextUnit() * swarm.arrivalMsMax,
    };
  }
}

function speaksWebSocket(kind: ClientKind): kind is WebSocketClientKind {
  return (WEBSOCKET_CLIENT_KINDS as readonly ClientKind[]).includes(kind);
}

function speaksHttp2(kind: ClientKind): kind is H2ClientKind {
  return (H2_CLIENT_KINDS as readonly ClientKind[]).includes(kind);
}

class Script {
  readonly steps: ClientStep[] = [];
  readBytes = 0;
  readGapMs = 0;
  receiveBufferBytes: number;
  readonly #random: SeededRandom;
  readonly #swarm: Swarm;
  readonly #stream: StreamPlan;

  constructor(random: SeededRandom, swarm: Swarm, stream: StreamPlan) {
    this.#random = random;
    this.#swarm = swarm;
    this.#stream = stream;
    this.receiveBufferBytes = random.pick([4096, 65_536]);
  }

  write(kind: H1ClientKind): void {
    const random = this.#random;
    const stream = this.#stream;
    const { timeouts, limits } = this.#swarm.settings;
    switch (kind) {
      case 'keep-alive':
        this.#exchanges(random.between(1, 5));
        this.#leave();
        break;
      case 'http10':
        for (let i = random.between(1, 3); i > 0; i--) {
          this.#exchange({ minor: 0, persists: random.chance(0.6) });
        }
        this.#leave();
        break;
      case 'pipeline': {
        const count = random.between(2, 12);
        for (let i = 0; i < count; i++) stream.add();
        this.#send(this.#gap());
        this.steps.push({ type: 'await', responses: count });
        this.#leave();
        break;
      }
      case 'flood': {
        // Many short requests and nobody who reads: what a slow reader may cost is bounded all the same.
        const count = random.between(8, 24);
        for (let i = 0; i < count; i++)
          stream.add({
            method: 'GET',
            kind: 'text',
            responseBytes: random.pick([200, 30_000]),
            persists: true,
          });
        this.#read(random.between(20_000, 60_000), 20 + random.nextUnit() * 100);
        this.#send(0);
        this.steps.push({ type: 'await', responses: count });
        this.#leave();
        break;
      }
      case 'slow-reader':
        for (let i = random.between(1, 3); i > 0; i--)
          stream.add({
            responseBytes: random.between(1000, random.pick([20_000, 20_000, 120_000])),
            kind: this.#talkative(),
          });
        this.receiveBufferBytes = random.pick([4096, 16_384]);
        this.#read(random.between(4000, 40_000), this.#longPause());
        this.#send(0);
        this.steps.push({ type: 'await', responses: stream.requests.length });
        this.#leave();
        break;
      case 'silent':
        this.steps.push({ type: 'stay' });
        break;
      case 'drip':
        this.#unfinished('GET /drip HTTP/1.1\r\nHost: sim\r\nX-Slow: ');
        this.#drip();
        break;
      case 'endless-head':
        this.#unfinished('GET /endless HTTP/1.1\r\nHost: sim\r\nX-Complete: yes\r\n');
        this.#send(0);
        this.steps.push({ type: 'stay' });
        break;
      case 'drip-second':
        this.#exchange({ persists: true });
        this.steps.push({ type: 'wait', ms: random.nextUnit() * timeouts.idleMs * 0.9 });
        this.#unfinished('GET /second HTTP/1.1\r\nHost: sim\r\nX-Slow: ');
        this.#drip();
        break;
      case 'drip-behind':
        for (let i = random.between(1, 3); i > 0; i--) stream.add({ persists: true });
        this.#unfinished('GET /behind HTTP/1.1\r\nHost');
        this.#send(0);
        stream.addNoise(`: sim\r\nX-Slow: ${'s'.repeat(30)}`);
        this.#drip();
        break;
      case 'malformed': {
        this.#exchanges(random.int(3));
        const { http2 } = this.#swarm.settings;
        const refusals = HEAD_REFUSALS.filter((each) => !http2 || each.text !== HTTP2_PREFACE_TEXT);
        const { text, status } = random.pick(refusals);
        stream.addHead(text, status);
        if (random.chance(0.5)) stream.addNoise('x'.repeat(random.int(3000)));
        this.#send(this.#gap());
        this.steps.push({ type: 'await', responses: stream.requests.length });
        this.#leave();
        break;
      }
      case 'half-closer':
        for (let i = random.between(1, 3); i > 0; i--) stream.add();
        // A stream that is quiet for longer than the server waits after FIN, or nearly so.
        if (random.chance(0.5))
          stream.add({
            method: 'GET',
            kind: 'slow-stream',
            delayMs: random.nextUnit() * 8 * timeouts.lingerMs,
          });
        if (random.chance(0.2)) this.#unfinished('GET /half HT');
        this.#send(this.#gap());
        this.steps.push({ type: 'fin' }, { type: 'stay' });
        break;
      case 'resetter':
      case 'vanisher':
      case 'quitter': {
        this.#exchanges(random.int(3));
        stream.add();
        const end = stream.length;
        const toBytes = random.chance(0.5) ? end : random.between(stream.requests.at(-1)!.start, end);
        this.steps.push({ type: 'send', toBytes, pieceBytes: this.#pieceBytes(), gapMs: this.#gap() });
        this.steps.push({ type: 'wait', ms: random.nextUnit() * random.pick([1, 100, 3000]) });
        this.steps.push({ type: kind === 'resetter' ? 'reset' : kind === 'vanisher' ? 'vanish' : 'destroy' });
        break;
      }
      case 'uploader':
        for (let i = random.between(1, 3); i > 0; i--) {
          this.#exchange(
            { bodyBytes: random.between(1, limits.bodyBytesMax) % 60_000 },
            random.nextUnit() * timeouts.bodyMs * random.pick([0, 0.3, 1.05]),
          );
        }
        this.#leave();
        break;
      case 'stalled-upload': {
        this.#exchanges(random.int(2));
        const { headEnd, bodyEnd } = stream.add({
          bodyBytes: random.between(10, Math.min(5000, limits.bodyBytesMax)),
        });
        this.steps.push({
          type: 'send',
          toBytes: random.between(headEnd, bodyEnd - 1),
          pieceBytes: this.#pieceBytes(),
          gapMs: this.#gap(),
        });
        this.steps.push({ type: 'stay' });
        break;
      }
      case 'bad-chunks':
        this.#exchanges(random.int(2));
        stream.add({
          // What a bad chunk announces must not be too much as well: it is bad, or too large, not both.
          bodyBytes: random.int(Math.min(3000, limits.bodyBytesMax - OVERLONG_CHUNK_BYTES)),
          chunked: true,
          badChunk: random.pick(CHUNK_REFUSALS),
        });
        if (random.chance(0.3)) stream.addNoise('y'.repeat(random.int(2000)));
        this.#send(this.#gap());
        this.steps.push({ type: 'await', responses: stream.requests.length });
        this.#leave();
        break;
      case 'continuer': {
        this.#exchanges(random.int(2));
        const request = stream.add({
          bodyBytes: random.between(1, 3000) % limits.bodyBytesMax || 1,
          expectsContinue: true,
        });
        this.steps.push({ type: 'send', toBytes: request.headEnd, pieceBytes: this.#pieceBytes(), gapMs: 0 });
        this.steps.push({ type: 'continue', ms: random.nextUnit() * 3000 });
        this.#send(this.#gap());
        this.steps.push({ type: 'await', responses: stream.requests.length });
        this.#leave();
        break;
      }
      case 'over-limit': {
        this.#exchanges(random.int(2));
        const bodyBytes = limits.bodyBytesMax + random.between(1, 2000);
        const chunked = random.chance(0.5);
        stream.add({ bodyBytes, chunked, ...(chunked ? {} : { refusal: 413 }) });
        // A rude one sends it all the same.
        if (!chunked && random.chance(0.5)) stream.addNoise('z'.repeat(random.int(5000)));
        this.#send(0);
        this.steps.push({ type: 'await', responses: stream.requests.length });
        this.#leave();
        break;
      }
    }
  }

  #exchanges(count: number): void {
    const { idleMs } = this.#swarm.settings.timeouts;
    const random = this.#random;
    for (let i = 0; i < count; i++) {
      this.#exchange({});
      // Sometimes as long as the server waits, sometimes a little longer.
      const share = random.pick([0, 0, 0.5, 0.99, 1.01]);
      this.steps.push({ type: 'wait', ms: idleMs * share * (share < 0.6 ? random.nextUnit() : 1) });
    }
  }

  #exchange(wish: Parameters<StreamPlan['add']>[0], gapMs = this.#gap()): void {
    this.#stream.add(wish);
    this.#send(gapMs);
    this.steps.push({ type: 'await', responses: this.#stream.requests.length });
  }

  #send(gapMs: number): void {
    this.steps.push({ type: 'send', toBytes: this.#stream.length, pieceBytes: this.#pieceBytes(), gapMs });
  }

  #unfinished(text: string): void {
    this.#stream.addHead(text, undefined);
  }

  /** Byte by byte, until the server has had enough. */
  #drip(): void {
    const { headerMs } = this.#swarm.settings.timeouts;
    this.#stream.addNoise('d'.repeat(40));
    this.steps.push({
      type: 'send',
      toBytes: this.#stream.length,
      pieceBytes: 4,
      gapMs: headerMs / this.#random.between(5, 20),
    });
    this.steps.push({ type: 'stay' });
  }

  #leave(): void {
    const random = this.#random;
    const type = random.pick(['fin', 'fin', 'destroy', 'stay', 'reset'] as const);
    this.steps.push({ type });
    if (type === 'fin' && random.chance(0.5)) this.steps.push({ type: 'stay' });
  }

  #read(bytes: number, gapMs: number): void {
    this.readBytes = bytes;
    this.readGapMs = gapMs;
  }

  /** Longer than every deadline that might be charged to it. */
  #longPause(): number {
    const { headerMs, idleMs, bodyMs, lingerMs } = this.#swarm.settings.timeouts;
    const longest = Math.max(headerMs, idleMs, bodyMs, lingerMs);
    return this.#random.pick([20, longest * 0.4, longest * 1.2]);
  }

  #talkative(): HandlerKind {
    return this.#random.pick(['long-text', 'bytes', 'stream', 'slow-stream', 'file']);
  }

  #gap(): number {
    return this.#random.pick([0, 0, 0, 1, 30]);
  }

  #pieceBytes(): number {
    return this.#random.pick([1e9, 1e9, 16_000, 1000, 300]);
  }
}
