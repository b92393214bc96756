/**
 * The attacks on HTTP/2 of `holdfast prove`, and what our own server has to make of each: which codes of GOAWAY are right,
 * which bound is counted, and after how many frames at most.
 */
import { attackH2, H2_ATTACKS, type H2Attack } from '#src/prove/h2/attacks.ts';
import type { Target as Attacked } from '#src/prove/target/target.ts';

const BATCH = 50;
/** What may be on its way when the end comes. */
const UNDER_WAY = 20 * BATCH;
const CALM = 0xb;
const PROTOCOL = 0x1;
const FLOW = 0x3;

interface Bound {
  /** The codes of GOAWAY that are right for any server. */
  readonly codes: readonly number[];
  /** Ours: one of these is counted. */
  readonly faults: readonly string[];
  /** So many frames at once, and so many more a second, at most, by the defaults of our own server. */
  readonly burst: number;
  readonly perSecond?: number;
}

export interface Attack extends H2Attack, Bound {}

export interface Target {
  readonly port: number;
  /** Answers to it come later than the frames behind it, and those to `hung` never, so that streams stay open. */
  readonly late: string;
  readonly hung: string;
  /** Answers with more bytes than there are frames. */
  readonly long: string;
}

export interface Outcome {
  /** So many were sent; Infinity when the server did not end it. */
  readonly frames: number;
  readonly seconds: number;
  /** The code that GOAWAY had; undefined where none came. */
  readonly code: number | undefined;
}

/** Handlers may go on behind a reset and keep their place: what comes then is refused, and its reset hits no stream. */
const RESETS = { faults: ['h2-reset-flood'], burst: 1000, perSecond: 200 };

const BOUNDS: Readonly<Record<string, Bound>> = {
  'rapid-reset': { codes: [CALM], ...RESETS },
  'reset-by-zero': { codes: [CALM, PROTOCOL], ...RESETS },
  'reset-by-overflow': { codes: [CALM, FLOW], ...RESETS },
  continuation: { codes: [CALM], faults: ['h2-field-block-too-large'], burst: 8 },
  'empty-continuation': { codes: [CALM], faults: ['h2-continuation-flood'], burst: 8 },
  settings: { codes: [CALM], faults: ['h2-settings-flood'], burst: 100, perSecond: 10 },
  ping: { codes: [CALM], faults: ['h2-ping-flood'], burst: 500, perSecond: 50 },
  'empty-data': { codes: [CALM], faults: ['h2-empty-data-flood'], burst: 100, perSecond: 1 },
  'tiny-data': { codes: [CALM], faults: ['h2-tiny-data-flood'], burst: 2000 },
  priority: { codes: [CALM], faults: ['h2-priority-flood'], burst: 400, perSecond: 20 },
  'field-bomb': { codes: [CALM], faults: ['h2-field-bomb'], burst: 1 },
  'closed-window': { codes: [CALM], faults: ['h2-stall-flood'], burst: 100 },
  'byte-windows': { codes: [CALM], faults: ['h2-window-update-flood'], burst: 2000, perSecond: 500 },
};

export const ATTACKS: readonly Attack[] = H2_ATTACKS.map((attack) => ({ ...attack, ...BOUNDS[attack.id]! }));

/** The most frames that our server may let come in that time. */
export function framesAllowed({ burst, perSecond = 0 }: Attack, seconds: number): number {
  return burst + perSecond * seconds + UNDER_WAY;
}

/** @param waitMs for the end, when all frames have been sent */
export function attack({ port, late, hung, long }: Target, what: Attack, waitMs: number): Promise<Outcome> {
  const target: Attacked = {
    ...{
      name: 'ours',
      url: `http://127.0.0.1:${port}`,
      again: `http://127.0.0.1:${port}`,
      address: '127.0.0.1',
      port,
      authority: `127.0.0.1:${port}`,
    },
    ...{
      isSecure: false,
      paths: {
        small: '/',
        large: undefined,
        upload: undefined,
        hung,
        websocket: undefined,
        events: undefined,
      },
      pids: [],
    },
    ...{ adminUrl: undefined, isOurs: true },
  };
  return attackH2({ target, late, hung, long }, what, { waitMs });
}
