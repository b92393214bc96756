/**
 * A simulated client of HTTP/2: walks through its script in virtual time, answers what the server's frames ask, opens
 * windows and sends content as its plan says. What it reads it holds against what the server wrote and against the windows that
 * it gave; what that should have been is the oracle's.
 */
import { assert } from '../../base/assert.ts';
import type { SimConnection } from '../../engine/sim/connection.ts';
import { HTTP2_PREFACE } from '../../protocol/detect.ts';
import { CANCEL, FLOW_CONTROL_ERROR, NO_ERROR, PROTOCOL_ERROR } from '../../protocol/h2/error-codes.ts';
import * as frame from '../../protocol/h2/frames.ts';
import type { SimulatedClient } from '../connection-oracle.ts';
import { ScriptedClient } from '../scripted-client.ts';
import type { World } from '../world.ts';
import type { H2ClientPlan, H2Step } from './client-plan.ts';
import { ClientWindows } from './client-windows.ts';
import { H2ConnectionModel } from './connection-model.ts';
import { type ServerFrame, uint32 } from './frame-scanner.ts';
import type { RawFrame } from './offences.ts';
import { FieldEncoder, fieldsOf, type H2Request } from './request.ts';
import { provoke, type ResetStep } from './resetting.ts';
import { type Flood, SentFrames } from './sent-frames.ts';
import { Uploads } from './uploads.ts';

/** After so many multiples of the longest timeout a client gives up. */
const PATIENCE_FACTOR = 4;
const PATIENCE_MS = 20_000;
const PARTS_OF_ENDLESS_BLOCK = 12;
const NOTHING = new Uint8Array(0);

export class H2Client extends ScriptedClient<H2Step, H2ConnectionModel> implements SimulatedClient {
  readonly plan: H2ClientPlan;
  readonly sent: SentFrames;
  readonly #encoder: FieldEncoder;
  readonly #windows: ClientWindows;
  readonly #uploads: Uploads;
  /** Ids of streams, in the order in which they were opened. */
  readonly #opened: number[] = [];
  readonly #openStreams = new Set<number>();
  #hasBegun = false;
  #isGoing = false;
  #streamsMax = Number.POSITIVE_INFINITY;
  #nextStream = 1;

  constructor(world: World, plan: H2ClientPlan) {
    super(world, plan, plan.steps);
    this.plan = plan;
    const after = (delayMs: number, run: () => void): void => {
      if (delayMs === 0) run();
      else this.#later(delayMs, run);
    };
    this.sent = new SentFrames((bytes) => this.peer.write(bytes, 0, bytes.length));
    this.#encoder = new FieldEncoder(plan.random);
    this.#windows = new ClientWindows(plan.windows, this.sent, after);
    this.#uploads = new Uploads(this.sent, this.#encoder, plan.random, plan.ignoresWindows, after);
    if ((world.settings.h2?.streamWindowBytes ?? 0) >= frame.DEFAULT_WINDOW_BYTES) this.#uploads.start();
  }

  createModel(conn: SimConnection): H2ConnectionModel {
    this.model = new H2ConnectionModel(this.world, conn, this.plan.kind, this.sent);
    return this.model;
  }

  /** While it may still write. */
  #later(delayMs: number, run: () => void): void {
    this.network.after(delayMs, () => {
      if (!this.isDone && !this.sent.isMuted && !this.peer.isOver) run();
    });
  }

  // PeerHandler

  onConnect(): void {
    this.network.after(this.#patienceMs(), () => {
      if (!this.peer.isOver) this.peer.reset();
      this.isDone = true;
    });
    const { upgrade, prefaceBytes } = this.plan;
    if (upgrade !== undefined) this.#ask(upgrade);
    else if (prefaceBytes === HTTP2_PREFACE.length) this.#begin();
    else {
      this.sent.begin('preface', HTTP2_PREFACE, prefaceBytes);
    }
  }

  #patienceMs(): number {
    const { timeouts } = this.world.settings;
    const { readBytes, readGapMs, requests } = this.plan;
    let longestMs = 0;
    let bytes = 0;
    for (const ms of Object.values(timeouts))
      if (ms !== Number.POSITIVE_INFINITY) longestMs = Math.max(longestMs, ms);
    for (const request of requests) bytes += request.responseBytes + request.bodyBytes + 1000;
    const readsMs =
      readBytes === 0
        ? 0
        : (10 + (2 * bytes) / Math.min(readBytes, this.plan.receiveBufferBytes)) * readGapMs;
    return PATIENCE_MS + PATIENCE_FACTOR * longestMs + readsMs + 200_000;
  }

  /** `Upgrade: h2c`, and what is HTTP/2 when it has been answered. RFC 7540 §3.2 */
  #ask(request: H2Request): void {
    const { settings } = this.plan;
    const payload = new Uint8Array(frame.FRAME_HEADER_BYTES + settings.length * 3);
    frame.settingsInto(payload, 0, settings);
    const text = Buffer.from(payload.subarray(frame.FRAME_HEADER_BYTES)).toString('base64url');
    const { method, id, file } = request.plan;
    const range = file?.range === undefined ? '' : `Range: ${file.range}\r\n`;
    const head =
      `${method} /r/${id} HTTP/1.1\r\nHost: sim\r\n${range}Connection: Upgrade, HTTP2-Settings\r\n` +
      `Upgrade: h2c\r\nHTTP2-Settings: ${text}\r\n\r\n`;
    this.sent.upgrade(Buffer.from(head, 'latin1'), request, settings);
    this.#windows.settings(settings, true);
    this.#note();
  }

  #begin(): void {
    this.#hasBegun = true;
    this.sent.preface();
    this.sent.settings(this.plan.settings);
    this.#windows.settings(this.plan.settings);
    this.#windows.begin();
    if (this.plan.upgrade !== undefined) this.#windows.opened(1, this.plan.upgrade.isStalled);
    this.resume();
  }

  protected override hears(model: H2ConnectionModel): void {
    if (model.isSwitched && !this.#hasBegun && !this.sent.isMuted) this.#begin();
    for (const each of model.readFrames(this.receivedBytes)) this.#read(each, model);
  }

  // What the server says.

  #read({ type, flags, streamId, payload }: ServerFrame, model: H2ConnectionModel): void {
    const isLast = (flags & frame.FLAG_END_STREAM) !== 0;
    const isAck = (flags & frame.FLAG_ACK) !== 0;
    switch (type) {
      case frame.FRAME_SETTINGS:
        if (isAck) this.#windows.acknowledged();
        else this.#settings(payload);
        return;
      case frame.FRAME_PING:
        if (!isAck) this.sent.pingAck(payload);
        return;
      case frame.FRAME_DATA: {
        const complaint = this.#windows.take(streamId, payload.length);
        if (complaint !== undefined) model.find(`the client reads ${complaint}`);
        if (isLast) this.#answered(streamId);
        return;
      }
      case frame.FRAME_HEADERS:
        if (isLast) this.#answered(streamId);
        return;
      case frame.FRAME_RST_STREAM:
        this.#uploads.forget(streamId);
        this.#over(streamId);
        return;
      case frame.FRAME_WINDOW_UPDATE:
        this.#uploads.windowGrows(streamId, uint32(payload, 0));
        return;
      case frame.FRAME_GOAWAY:
        this.#isGoing = true;
        for (const id of [...this.#openStreams])
          if (id > uint32(payload, 0) || uint32(payload, 4) !== NO_ERROR) {
            this.#uploads.forget(id);
            this.#over(id);
          }
    }
  }

  #settings(payload: Uint8Array): void {
    for (let at = 0; at < payload.length; at += frame.SETTING_BYTES) {
      const identifier = (payload[at]! << 8) | payload[at + 1]!;
      const value = uint32(payload, at + 2);
      if (identifier === frame.SETTINGS_MAX_CONCURRENT_STREAMS) this.#streamsMax = value;
      if (identifier === frame.SETTINGS_INITIAL_WINDOW_SIZE) this.#uploads.initialWindow(value);
    }
    this.#uploads.start();
    const { ackMs } = this.plan;
    if (ackMs === Number.POSITIVE_INFINITY) return;
    if (ackMs === 0) this.sent.settingsAck();
    else this.#later(ackMs, () => this.sent.settingsAck());
  }

  #answered(id: number): void {
    if (this.#uploads.has(id)) {
      // The server has said all that it has to say; some go on all the same until they are told.
      if (this.plan.finishesUploads) {
        this.#windows.over(id);
        return;
      }
      this.#uploads.forget(id);
      this.sent.reset(id, NO_ERROR);
    }
    this.#over(id);
  }

  #over(id: number): void {
    this.#openStreams.delete(id);
    this.#windows.over(id);
  }

  // The script.

  protected override scriptEnds(): void {
    this.isDone = this.#openStreams.size === 0;
  }

  protected do(step: H2Step): void {
    switch (step.type) {
      case 'open':
        if (this.#openStreams.size >= this.#streamsMax) this.wait(step);
        else if (!this.#isGoing) this.#open(step.request);
        return;
      case 'wait':
        this.wait(step);
        this.network.after(step.ms, () => this.unblock(step));
        return;
      case 'await':
      case 'stay':
        this.wait(step);
        return;
      case 'settings':
        this.sent.settings(step.settings);
        this.#windows.settings(step.settings);
        return;
      case 'ping':
        this.sent.ping(step.value);
        return;
      case 'break':
        this.#break(this.#opened[step.nth], step.errorCode);
        return;
      case 'say-goaway':
        this.sent.raw('other', frame.FRAME_GOAWAY, 0, 0, new Uint8Array(frame.PING_BYTES));
        return;
      case 'priority':
        this.#prioritize();
        return;
      case 'have-reset':
        this.blocked = step;
        this.#haveReset(step, 0);
        return;
      case 'flood':
        this.#flood(step.flood, step.frames);
        return;
      case 'offend':
        this.#offend(step.frame, step.errorCode);
        return;
      case 'begin':
        this.#beginFrame(step);
        return;
      default:
        assert(false, 'a step of no known type');
    }
  }

  #open(request: H2Request): void {
    const id = this.#note();
    const from = this.sent.length;
    const block = this.#encoder.block(fieldsOf(request));
    this.sent.block('head', id, block, !request.hasBody, request.headParts, request);
    this.#windows.opened(id, request.isStalled);
    if (request.badField !== undefined) {
      this.sent.offends(PROTOCOL_ERROR, id, from);
      return;
    }
    if (this.plan.ignoresWindows) {
      // Whether somebody reads in time, nobody can tell.
      for (const streamId of [0, id])
        this.sent.offences.push({
          streamId,
          errorCode: FLOW_CONTROL_ERROR,
          fromBytes: from,
          atBytes: Number.POSITIVE_INFINITY,
        });
    }
    if (request.hasBody) this.#uploads.begin(id, request);
  }

  #note(): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#opened.push(id);
    this.#openStreams.add(id);
    return id;
  }

  #break(id: number | undefined, errorCode: number): void {
    if (id === undefined || !this.#openStreams.has(id)) return;
    this.sent.reset(id, errorCode);
    this.#uploads.forget(id);
    this.#over(id);
  }

  /** A wave of requests that are to be reset, from the `nth` on, and those after it. */
  #haveReset(step: ResetStep, nth: number): void {
    const end = Math.min(step.count, nth + step.wave);
    for (let i = nth; i < end && !this.#isGoing; i++) {
      this.#open(step.requests[i % step.requests.length]!);
      const id = this.#opened.at(-1)!;
      if (step.form !== 'cancel') provoke(this.sent, step.form, id);
      else if (step.afterMs === 0) this.#break(id, CANCEL);
      else this.#later(step.afterMs, () => this.#break(id, CANCEL));
    }
    if (end === step.count || this.#isGoing || this.hasBroken) this.unblock(step);
    else this.network.after(step.gapMs, () => this.#haveReset(step, end));
  }

  #prioritize(): void {
    const id = this.plan.random.pick(this.#opened.length === 0 ? [1] : this.#opened);
    const payload = new Uint8Array(4 + 'u=1, i'.length);
    payload.set([0, 0, id >> 8, id & 0xff]);
    payload.set(Buffer.from('u=1, i'), 4);
    this.sent.raw('other', frame.FRAME_PRIORITY_UPDATE, 0, 0, payload);
  }

  #flood(flood: Flood, frames: number): void {
    const { sent } = this;
    const id = this.#opened.at(-1)!;
    // The server has refused the upload, or is through with it.
    if (flood.kind === 'empty' && !this.#openStreams.has(id)) return;
    sent.flood = flood;
    for (let i = 0; i < frames; i++)
      switch (flood.kind) {
        case 'ping':
          sent.ping(i);
          break;
        case 'settings':
          sent.settings([]);
          this.#windows.settings([]);
          break;
        case 'window':
          this.#windows.add(1);
          break;
        case 'priority':
          sent.raw('priority', frame.FRAME_PRIORITY, 0, 1_000_001, new Uint8Array(5));
          break;
        case 'empty':
          sent.raw('empty', frame.FRAME_DATA, 0, id, NOTHING);
          break;
        default:
          sent.raw('stray', 0xbb, 0, 0, NOTHING);
      }
  }

  #offend({ type, flags, streamId, payload }: RawFrame, errorCode: number): void {
    const from = this.sent.length;
    const isEndless = type === frame.FRAME_HEADERS && payload.length === 0;
    this.sent.raw(isEndless ? 'part' : 'other', type, flags, streamId, payload);
    if (isEndless)
      for (let i = 0; i < PARTS_OF_ENDLESS_BLOCK; i++)
        this.sent.raw('part', frame.FRAME_CONTINUATION, 0, streamId, NOTHING);
    this.sent.offends(errorCode, 0, from);
    this.sent.isMuted = true;
  }

  #beginFrame(step: H2Step & { type: 'begin' }): void {
    const { type, flags, streamId, payload } = step.frame;
    const bytes = new Uint8Array(frame.FRAME_HEADER_BYTES + payload.length);
    frame.frameHeaderInto(bytes, 0, payload.length, type, flags, streamId);
    bytes.set(payload, frame.FRAME_HEADER_BYTES);
    this.sent.begin('other', bytes, step.comes);
    this.#drip(bytes, step.comes, step.drips, step.gapMs);
  }

  #drip(bytes: Uint8Array, at: number, left: number, gapMs: number): void {
    if (left === 0) return;
    this.network.after(gapMs, () => {
      if (this.hasBroken) return;
      this.sent.drip(bytes[at]!);
      this.#drip(bytes, at + 1, left - 1, gapMs);
    });
  }

  protected override resume(): void {
    if (!this.sent.isMuted) super.resume();
  }

  protected look(): void {
    const step = this.blocked;
    if (step === undefined) return;
    if (step.type === 'await' && (this.#openStreams.size === 0 || this.hasBroken)) this.unblock(step);
    else if (step.type === 'stay' && this.hasBroken) this.unblock(step);
    else if (step.type === 'open' && (this.#openStreams.size < this.#streamsMax || this.hasBroken)) {
      if (!this.#isGoing && !this.hasBroken) this.#open(step.request);
      this.unblock(step);
    }
  }
}
