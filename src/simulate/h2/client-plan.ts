/**
 * The kinds of HTTP/2 clients, as scripts: what each asks and how it sends, which windows it opens, what it breaks off and
 * how it leaves. A script says nothing about right or wrong; that is the oracle's.
 */
import type { SeededRandom } from '../../base/random.ts';
import { CANCEL, ENHANCE_YOUR_CALM, NO_ERROR } from '../../protocol/h2/error-codes.ts';
import * as frame from '../../protocol/h2/frames.ts';
import { drawFile } from '../file-plan.ts';
import { drawPlan, drawSize, NEEDS_BODY, type RequestPlan } from '../request-plan.ts';
import type { H2ClientKind, HandlerKind, Swarm } from '../swarm.ts';
import { BAD_FIELDS, floodsOf, NOTHING, OFFENCES, type RawFrame, raw } from './offences.ts';
import type { H2Request } from './request.ts';
import { attack, honestCancels, type ResetStep } from './resetting.ts';
import { drawParts, type Flood } from './sent-frames.ts';

export type H2Step =
  /** Sends a head; content follows as the windows allow. Waits for a place, if the server has said how many there are. */
  | { readonly type: 'open'; readonly request: H2Request }
  | { readonly type: 'wait'; readonly ms: number }
  /** Until no stream is open, or the connection has ended. */
  | { readonly type: 'await' }
  | { readonly type: 'settings'; readonly settings: readonly number[] }
  | { readonly type: 'ping'; readonly value: number }
  /** Resets the stream that was opened as the `nth`. */
  | { readonly type: 'break'; readonly nth: number; readonly errorCode: number }
  | { readonly type: 'say-goaway' | 'priority' }
  | ResetStep
  | { readonly type: 'flood'; readonly flood: Flood; readonly frames: number }
  /** A frame that breaks a rule; the connection ends with `errorCode`. */
  | { readonly type: 'offend'; readonly frame: RawFrame; readonly errorCode: number }
  /** The beginning of a frame, and a drip of its next bytes. */
  | {
      readonly type: 'begin';
      readonly frame: RawFrame;
      readonly comes: number;
      readonly drips: number;
      readonly gapMs: number;
    }
  | { readonly type: 'fin' | 'reset' | 'vanish' | 'destroy' }
  /** Until the server ends the connection. */
  | { readonly type: 'stay' };

/** What the client lets the server send. */
export interface WindowPlan {
  readonly initial: number;
  /** By the first WINDOW_UPDATE of the connection, beyond what holds anyway. */
  readonly more: number;
  /** What is given at once to a stream and to the connection, when less than that is left; 0 for never. */
  readonly streamGrant: number;
  readonly connectionGrant: number;
  readonly grantMs: number;
}

export interface H2ClientPlan {
  readonly kind: H2ClientKind;
  readonly requests: readonly RequestPlan[];
  readonly steps: readonly H2Step[];
  readonly windows: WindowPlan;
  readonly settings: readonly number[];
  /** Asked in HTTP/1.1, with an upgrade; undefined for prior knowledge. */
  readonly upgrade: H2Request | undefined;
  /** So much of the preface is sent. */
  readonly prefaceBytes: number;
  /** How late it acknowledges settings; Infinity for never. */
  readonly ackMs: number;
  /** Goes on with the content of a request that is answered already. */
  readonly finishesUploads: boolean;
  /** Sends content without a look at the server's windows. */
  readonly ignoresWindows: boolean;
  readonly readBytes: number;
  readonly readGapMs: number;
  readonly receiveBufferBytes: number;
  readonly connectAtMs: number;
  /** For what is decided while it runs. */
  readonly random: SeededRandom;
}

const NEVER = Number.POSITIVE_INFINITY;
const PREFACE_BYTES = 24;
const TALKATIVE: readonly HandlerKind[] = ['long-text', 'bytes', 'stream', 'slow-stream', 'file'];
/** Each answer costs little, and some come late or never. */
const RESETTABLE: readonly HandlerKind[] = ['text', 'async-text', 'slow-stream', 'no-content', 'never'];
const WAITING: readonly HandlerKind[] = ['echo', 'drink', 'never'];
/** Kinds of which a repeated head tells no more than its bytes. */
const REPEATABLE: readonly HandlerKind[] = ['text', 'long-text', 'bytes'];
export function planH2Client(
  random: SeededRandom,
  swarm: Swarm,
  kind: H2ClientKind,
  nextId: () => number,
): H2ClientPlan {
  const script = new H2Script(random, swarm, nextId);
  script.write(kind);
  return {
    kind,
    requests: script.plans,
    steps: script.steps,
    windows: script.windows,
    settings: script.settings(),
    upgrade: script.upgrade,
    prefaceBytes: script.prefaceBytes,
    ackMs: script.ackMs,
    finishesUploads: random.chance(0.5),
    ignoresWindows: kind === 'h2-overrun',
    readBytes: script.readBytes,
    readGapMs: script.readGapMs,
    receiveBufferBytes: random.pick([4096, 65_536]),
    connectAtMs: random.nextUnit() * swarm.arrivalMsMax,
    random: random.fork(),
  };
}

interface H2Wish {
  readonly kind?: HandlerKind;
  readonly bodyBytes?: number;
  readonly hasNoBody?: boolean;
  readonly responseBytes?: number;
  readonly delayMs?: number;
  readonly isStalled?: boolean;
  readonly padding?: number;
  readonly refusal?: number;
  readonly badField?: readonly [string, string];
  readonly namesLength?: boolean;
  readonly wrongLength?: number;
  readonly bodyBytesSent?: number;
}

class H2Script {
  readonly plans: RequestPlan[] = [];
  readonly steps: H2Step[] = [];
  upgrade: H2Request | undefined = undefined;
  prefaceBytes = PREFACE_BYTES;
  ackMs = 0;
  readBytes = 0;
  readGapMs = 0;
  windows: WindowPlan;
  readonly #random: SeededRandom;
  readonly #swarm: Swarm;
  readonly #nextId: () => number;
  #opened = 0;

  constructor(random: SeededRandom, swarm: Swarm, nextId: () => number) {
    this.#random = random;
    this.#swarm = swarm;
    this.#nextId = nextId;
    this.windows = {
      initial: random.pick([frame.DEFAULT_WINDOW_BYTES, frame.DEFAULT_WINDOW_BYTES, 20_000, 1 << 20]),
      more: random.pick([0, 0, 1 << 20]),
      streamGrant: random.pick([10_000, 32_000]),
      connectionGrant: random.pick([15_000, 40_000]),
      grantMs: random.pick([0, 0, 20]),
    };
  }

  /** What the first SETTINGS say. */
  settings(): number[] {
    const random = this.#random;
    const { initial } = this.windows;
    const list: number[] = [];
    if (initial !== frame.DEFAULT_WINDOW_BYTES) list.push(frame.SETTINGS_INITIAL_WINDOW_SIZE, initial);
    if (random.chance(0.3)) list.push(frame.SETTINGS_ENABLE_PUSH, 0);
    if (random.chance(0.3)) list.push(...this.#otherSetting());
    return list;
  }

  write(kind: H2ClientKind): void {
    const random = this.#random;
    const { steps } = this;
    const { timeouts } = this.#swarm.settings;
    switch (kind) {
      case 'h2-requests':
        for (let waves = random.between(1, 3); waves > 0; waves--) {
          for (let i = random.between(1, 6); i > 0; i--) this.#open({});
          if (random.chance(0.2)) steps.push({ type: random.pick(['say-goaway', 'priority'] as const) });
          if (random.chance(0.7)) steps.push({ type: 'await' });
          // Sometimes as long as the server waits, sometimes a little longer.
          const share = random.pick([0, 0, 0.5, 0.99, 1.01]);
          steps.push({ type: 'wait', ms: timeouts.idleMs * share });
        }
        this.#leave();
        break;
      case 'h2-upgrade':
        this.upgrade = this.#request({ hasNoBody: true });
        for (let i = random.int(4); i > 0; i--) this.#open({});
        steps.push({ type: 'await' });
        this.#leave();
        break;
      case 'h2-uploads':
        this.#opensUploads(random.between(1, 5));
        steps.push({ type: 'await' });
        this.#leave();
        break;
      case 'h2-windows':
        this.#smallWindows();
        for (let i = random.between(2, 5); i > 0; i--) {
          this.#open({ kind: random.pick(TALKATIVE) });
          this.#change();
        }
        for (let i = random.int(5); i > 0; i--) this.#change();
        steps.push({ type: 'await' });
        this.#leave();
        break;
      case 'h2-stalled':
        this.windows = { ...this.windows, initial: random.pick([0, 1, 5000]) };
        for (let i = random.between(2, 7); i > 0; i--)
          this.#open({ kind: random.pick(TALKATIVE), isStalled: random.chance(0.6) });
        steps.push({ type: 'wait', ms: random.pick([100, 3000]) });
        for (let i = random.int(3); i > 0; i--) this.#open({ responseBytes: 30_000 });
        steps.push({ type: random.chance(0.5) ? 'stay' : 'await' });
        this.#leave();
        break;
      case 'h2-zero-window':
        this.windows = { ...this.windows, initial: 0, streamGrant: 0 };
        for (let i = random.pick([1, 3, 14]); i > 0; i--) this.#open({ kind: random.pick(TALKATIVE) });
        steps.push({ type: 'stay' });
        break;
      case 'h2-resets':
        for (let i = random.between(2, 6); i > 0; i--) {
          this.#open({});
          if (random.chance(0.5))
            steps.push({ type: 'wait', ms: random.nextUnit() * random.pick([1, 100, 1000]) });
          if (random.chance(0.7))
            steps.push({
              type: 'break',
              nth: random.int(this.#opened),
              errorCode: random.pick([CANCEL, CANCEL, NO_ERROR]),
            });
        }
        steps.push({ type: 'await' });
        this.#leave();
        break;
      case 'h2-canceller':
        this.#haveReset(honestCancels(random, this.#swarm.settings.limits.http2.bounds.resets));
        steps.push({ type: 'await' });
        this.#leave();
        break;
      case 'h2-leaver':
        for (let i = random.between(1, 4); i > 0; i--) this.#open({});
        steps.push({ type: 'wait', ms: random.nextUnit() * random.pick([1, 100, 3000]) });
        steps.push({ type: random.pick(['reset', 'vanish', 'destroy'] as const) });
        break;
      case 'h2-half-closer':
        // FIN comes behind bytes that the server does not read, as long as its own wait for a slow reader.
        if (random.chance(0.4)) this.#readSlowly(random.pick([20, 400]));
        for (let i = random.between(1, 4); i > 0; i--) this.#open({});
        if (random.chance(0.6))
          this.#open({
            kind: 'slow-stream',
            delayMs: random.nextUnit() * 8 * timeouts.lingerMs,
            bodyBytes: 0,
          });
        steps.push({ type: 'wait', ms: random.nextUnit() * random.pick([1, 300]) });
        steps.push({ type: 'fin' }, { type: 'stay' });
        break;
      case 'h2-slow-reader':
        this.#readSlowly(random.pick([20, 400, timeouts.idleMs * 0.4]));
        for (let i = random.between(1, 4); i > 0; i--) this.#open({ kind: random.pick(TALKATIVE) });
        for (let i = random.int(3); i > 0; i--) this.#open({});
        steps.push({ type: 'await' });
        this.#leave();
        break;
      default:
        this.#misbehave(kind);
    }
  }

  #misbehave(kind: H2ClientKind): void {
    const random = this.#random;
    const { steps } = this;
    const { timeouts, limits } = this.#swarm.settings;
    for (let i = random.int(3); i > 0; i--) this.#open({});
    switch (kind) {
      case 'h2-silent':
        this.ackMs = random.pick([NEVER, timeouts.headerMs * 0.9]);
        break;
      case 'h2-half-preface':
        steps.length = 0;
        this.prefaceBytes = random.between(1, PREFACE_BYTES - 1);
        break;
      case 'h2-slowloris': {
        const payload = new Uint8Array(random.between(20, 90));
        const type = random.pick([frame.FRAME_HEADERS, frame.FRAME_PRIORITY_UPDATE, 0xbb]);
        const streamId = type === frame.FRAME_HEADERS ? 1_000_001 : 0;
        const comes = random.between(1, frame.FRAME_HEADER_BYTES + payload.length - 10);
        const drips = random.int(9);
        const gapMs = timeouts.headerMs / random.between(3, 9);
        steps.push({ type: 'begin', frame: raw(type, 0, streamId, payload), comes, drips, gapMs });
        break;
      }
      case 'h2-flood': {
        const floods = floodsOf(limits.http2.bounds);
        let flood = random.pick(floods);
        // An upload that goes on until it is answered, and is answered when it is over.
        const [upload] = WAITING.filter((each) => this.#swarm.handlerKinds.includes(each));
        if (flood.kind === 'empty' && upload === undefined) flood = floods[0]!;
        if (flood.kind === 'empty') this.#open({ kind: upload!, bodyBytes: 500, bodyBytesSent: 10 });
        const seconds = 3;
        const frames = flood.burst + flood.perSecond * seconds + 200;
        steps.push({ type: 'flood', flood, frames });
        break;
      }
      case 'h2-offender': {
        if (random.chance(0.5)) steps.push({ type: 'await' });
        const [bad, errorCode] = random.pick(OFFENCES);
        steps.push({ type: 'offend', frame: bad, errorCode });
        break;
      }
      case 'h2-endless-block': {
        // A block that goes on for ever: the server reads eight frames of it.
        steps.push({
          type: 'offend',
          frame: raw(frame.FRAME_HEADERS, 0, 1_000_001, NOTHING),
          errorCode: ENHANCE_YOUR_CALM,
        });
        break;
      }
      case 'h2-malformed':
        this.#open({ badField: random.pick(BAD_FIELDS) });
        this.#open({ padding: 2500, refusal: 431, bodyBytes: 0 });
        {
          const bodyBytes = random.between(10, 900);
          this.#open({ bodyBytes, namesLength: true, wrongLength: bodyBytes + random.pick([-5, 5]) });
          const tooMany = limits.bodyBytesMax + random.between(1, 2000);
          this.#open({ bodyBytes: tooMany });
        }
        for (let i = random.int(3); i > 0; i--) this.#open({});
        steps.push({ type: 'await' });
        this.#leave();
        return;
      case 'h2-rapid-reset':
        this.#haveReset(attack(random, this.#swarm.settings.limits.http2.bounds.resets));
        break;
      case 'h2-overrun':
        this.#open({
          kind: this.#kindOf(['never', 'async-text', 'slow-stream', 'drink']),
          bodyBytes: Math.min(limits.bodyBytesMax, random.pick([70_000, 150_000])),
        });
        break;
    }
    steps.push({ type: 'stay' });
  }

  /** One of `kinds` that the world has. */
  #kindOf(kinds: readonly HandlerKind[]): HandlerKind {
    const possible = kinds.filter((kind) => this.#swarm.handlerKinds.includes(kind));
    return possible.length === 0 ? this.#random.pick(this.#swarm.handlerKinds) : this.#random.pick(possible);
  }

  #haveReset(schedule: Omit<ResetStep, 'type' | 'requests'>): void {
    const wish = {
      hasNoBody: true,
      responseBytes: this.#random.int(200),
      delayMs: this.#random.pick([1, 50, 500]),
    };
    const requests = [1, 2, 3].map(() => this.#request({ ...wish, kind: this.#resettable() }));
    this.steps.push({ type: 'have-reset', requests, ...schedule });
  }

  /** Its answer leaves the window open, so that an update can overrun it. */
  #resettable(): HandlerKind {
    const possible = RESETTABLE.filter((kind) => this.#swarm.handlerKinds.includes(kind));
    return possible.length === 0 ? 'text' : this.#random.pick(possible);
  }

  #opensUploads(count: number): void {
    const random = this.#random;
    const { bodyBytesMax } = this.#swarm.settings.limits;
    for (let i = count; i > 0; i--) {
      const bodyBytes = random.pick([random.int(2000), random.int(bodyBytesMax), bodyBytesMax]);
      const isCut = random.chance(0.1) && bodyBytes > 0;
      this.#open({ bodyBytes, ...(isCut ? { bodyBytesSent: random.int(bodyBytes) } : {}) });
    }
  }

  #readSlowly(gapMs: number): void {
    this.windows = { ...this.windows, initial: 1 << 20, more: 1 << 20 };
    this.readBytes = this.#random.between(4000, 40_000);
    this.readGapMs = gapMs;
  }

  #smallWindows(): void {
    const random = this.#random;
    this.windows = {
      initial: random.pick([0, 1, 100, 5000, 16_384]),
      more: 0,
      streamGrant: random.pick([2000, 5000, 16_385]),
      connectionGrant: random.pick([3000, 20_000, 40_000]),
      grantMs: random.pick([0, 3, 100]),
    };
  }

  /** While streams are open. */
  #change(): void {
    const random = this.#random;
    const { steps } = this;
    if (random.chance(0.5)) steps.push({ type: 'wait', ms: random.nextUnit() * random.pick([1, 30, 400]) });
    if (random.chance(0.5)) {
      const settings = [frame.SETTINGS_INITIAL_WINDOW_SIZE, random.pick([0, 1, 500, 5000, 65_535, 200_000])];
      // Where a value is set twice the last holds.
      if (random.chance(0.2)) settings.unshift(frame.SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20);
      steps.push({ type: 'settings', settings });
    } else if (random.chance(0.4)) steps.push({ type: 'settings', settings: this.#otherSetting() });
    else steps.push({ type: 'ping', value: random.nextU32() });
  }

  #otherSetting(): number[] {
    const random = this.#random;
    return random.pick([
      [frame.SETTINGS_MAX_FRAME_SIZE, random.pick([16_384, 100_000, 2 ** 24 - 1])],
      [frame.SETTINGS_HEADER_TABLE_SIZE, random.pick([0, 100, 4096, 65_536])],
      [frame.SETTINGS_MAX_CONCURRENT_STREAMS, random.int(200)],
      [0xf0f0, 7],
    ]);
  }

  #open(wish: H2Wish): void {
    const last = this.#lastRequest;
    const repeats =
      Object.keys(wish).length === 0 &&
      last !== undefined &&
      !last.hasBody &&
      REPEATABLE.includes(last.plan.kind);
    const request = repeats && this.#random.chance(0.5) ? last : this.#request(wish);
    this.#opened++;
    this.steps.push({ type: 'open', request });
  }

  get #lastRequest(): H2Request | undefined {
    const last = this.steps.at(-1);
    return last?.type === 'open' &&
      last.request.badField === undefined &&
      last.request.plan.refusal === undefined
      ? last.request
      : undefined;
  }

  #request(wish: H2Wish): H2Request {
    const random = this.#random;
    const { bodyBytesMax } = this.#swarm.settings.limits;
    const kind = wish.kind ?? random.pick(this.#swarm.handlerKinds);
    const hasBody =
      wish.hasNoBody !== true &&
      ((wish.bodyBytes ?? 0) > 0 ||
        NEEDS_BODY.includes(kind) ||
        (wish.bodyBytes === undefined && random.chance(0.15)));
    const method = hasBody
      ? random.pick(['POST', 'PUT'])
      : random.pick(['GET', 'GET', 'GET', 'HEAD', 'DELETE']);
    const bodyBytes = hasBody ? (wish.bodyBytes ?? drawSize(random, Math.min(bodyBytesMax, 60_000))) : 0;
    const hasTrailers = hasBody && wish.wrongLength === undefined && random.chance(0.2);
    const namesLength = wish.namesLength ?? random.chance(0.5);
    const plan = drawPlan(random, {
      id: this.#nextId(),
      kind,
      method,
      bodyBytes,
      expectsContinue: hasBody && random.chance(0.1),
      start: 0,
      lineStart: 0,
      headEnd: 0,
      refusal: wish.refusal ?? (namesLength && bodyBytes > bodyBytesMax ? 413 : undefined),
      responseBytes: wish.responseBytes,
      delayMs: wish.delayMs,
      file: kind === 'file' ? drawFile(random, method) : undefined,
      hasTrailers,
      sendsTrailers: random.chance(0.15),
    });
    this.plans.push(plan);
    return {
      plan,
      hasBody,
      namesLength,
      frameBytes: Math.max(random.pick([100, 3000, 16_384]), Math.ceil(bodyBytes / 40)),
      gapMs: random.pick([0, 0, 0, 1, 30]),
      pads: random.chance(0.15),
      hasTrailers,
      headParts: drawParts(random),
      padding: wish.padding ?? (random.chance(0.3) ? random.int(500) : 0),
      priority: random.chance(0.3) ? random.pick(['u=0', 'u=7, i', 'i', 'u=3']) : undefined,
      isStalled: wish.isStalled ?? false,
      bodyBytesSent: wish.bodyBytesSent ?? bodyBytes,
      wrongLength: wish.wrongLength,
      badField: wish.badField,
    };
  }

  #leave(): void {
    const random = this.#random;
    const type = random.pick(['fin', 'fin', 'destroy', 'stay', 'stay', 'reset'] as const);
    this.steps.push({ type });
    if (type === 'fin' && random.chance(0.5)) this.steps.push({ type: 'stay' });
  }
}
