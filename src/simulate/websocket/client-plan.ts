/** The kinds of WebSocket clients, as scripts: what each says, and how it leaves. What has to come back is the oracle's to say. */
import type { SeededRandom } from '../../base/random.ts';
import { contentBytes } from '../content.ts';
import { drawPlan, type RequestPlan } from '../request-plan.ts';
import type { Swarm, WebSocketClientKind } from '../swarm.ts';
import { BINARY, CLOSE, closePayload, type FrameToSend, PING, TEXT } from './sent-frames.ts';

export type WebSocketStep =
  /** Until the handshake has been answered. */
  | { readonly type: 'opened' }
  | { readonly type: 'say'; readonly frame: FrameToSend }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'fin' | 'reset' | 'vanish' | 'destroy' }
  /** Until the server ends the connection. */
  | { readonly type: 'stay' };

export interface WebSocketClientPlan {
  readonly kind: WebSocketClientKind;
  readonly requests: readonly RequestPlan[];
  readonly steps: readonly WebSocketStep[];
  /** It answers neither pings nor close frames. */
  readonly isDeaf: boolean;
  readonly readBytes: number;
  readonly readGapMs: number;
  readonly receiveBufferBytes: number;
  readonly connectAtMs: number;
  readonly random: SeededRandom;
}

/** What asks the handler to close, in place of an echo. */
export const BYE = 'bye';
export const BYE_CODE = 4001;
/** All that a client says stays below what a server may have unsent before it holds answers back. */
const MESSAGE_BYTES_MAX = 6000;
const PONG_WAIT_MS = 60_000;

const OFFENCES: readonly FrameToSend[] = [
  { opcode: TEXT, isFinal: true, payload: Uint8Array.of(0x61), isUnmasked: true, offence: 1002 },
  { opcode: TEXT, isFinal: true, payload: Uint8Array.of(0x61), reserved: 0x20, offence: 1002 },
  { opcode: 3, isFinal: true, payload: Uint8Array.of(0x61), offence: 1002 },
  { opcode: PING, isFinal: false, payload: Uint8Array.of(0x61), offence: 1002 },
  { opcode: PING, isFinal: true, payload: new Uint8Array(126), offence: 1002 },
  { opcode: 0, isFinal: true, payload: Uint8Array.of(0x61), offence: 1002 },
  { opcode: TEXT, isFinal: true, payload: Uint8Array.of(0xc3, 0x28), offence: 1007 },
  { opcode: CLOSE, isFinal: true, payload: closePayload(1005), offence: 1002 },
];

export function planWebSocketClient(
  random: SeededRandom,
  swarm: Swarm,
  kind: WebSocketClientKind,
  nextId: () => number,
): WebSocketClientPlan {
  const known = { id: nextId(), kind: 'websocket', start: 0, lineStart: 0, headEnd: 0 } as const;
  return {
    kind,
    requests: [{ ...drawPlan(random, known), hints: false, watchesSignal: false, leavesWork: false }],
    steps: script(random, kind),
    isDeaf: kind === 'ws-deaf',
    readBytes: 0,
    readGapMs: 0,
    receiveBufferBytes: random.pick([4096, 65_536]),
    connectAtMs: random.nextUnit() * swarm.arrivalMsMax,
    random: random.fork(),
  };
}

function script(random: SeededRandom, kind: WebSocketClientKind): WebSocketStep[] {
  const steps: WebSocketStep[] = [{ type: 'opened' }];
  for (let i = random.between(0, 5); i > 0; i--) {
    steps.push(...message(random));
    if (random.chance(0.3))
      steps.push({ type: 'wait', ms: random.nextUnit() * random.pick([1, 100, 40_000]) });
  }
  switch (kind) {
    case 'ws-talker': {
      const code = random.pick([undefined, 1000, 1001, 3000, 4999]);
      const bye = random.chance(0.3)
        ? text(BYE)
        : { opcode: CLOSE, isFinal: true, payload: closePayload(code) };
      steps.push({ type: 'say', frame: bye });
      break;
    }
    case 'ws-deaf':
      if (random.chance(0.5)) steps.push({ type: 'say', frame: text(BYE) });
      else steps.push({ type: 'wait', ms: PONG_WAIT_MS });
      break;
    case 'ws-offender':
      steps.push({ type: 'say', frame: random.pick(OFFENCES) });
      break;
    case 'ws-leaver':
      steps.push({ type: random.pick(['fin', 'reset', 'vanish', 'destroy'] as const) });
      break;
  }
  steps.push({ type: 'stay' });
  return steps;
}

function text(content: string): FrameToSend {
  return { opcode: TEXT, isFinal: true, payload: Buffer.from(content) };
}

/** One message, in one frame or in some, with a ping between them now and then. RFC 6455 §5.4 */
function message(random: SeededRandom): WebSocketStep[] {
  const opcode = random.pick([TEXT, BINARY]);
  const size = random.int(random.pick([10, 126, 2000, MESSAGE_BYTES_MAX]));
  const payload = contentBytes(random.int(1000), size);
  const steps: WebSocketStep[] = [];
  const parts = random.chance(0.5) ? 1 : random.between(2, 4);
  for (let part = 0; part < parts; part++) {
    const from = Math.floor((size * part) / parts);
    const to = Math.floor((size * (part + 1)) / parts);
    const isFinal = part === parts - 1;
    const frame = { opcode: part === 0 ? opcode : 0, isFinal, payload: payload.subarray(from, to) };
    steps.push({ type: 'say', frame });
    if (random.chance(0.15))
      steps.push({
        type: 'say',
        frame: { opcode: PING, isFinal: true, payload: contentBytes(7, random.int(126)) },
      });
  }
  return steps;
}
