/**
 * A simulated client: walks through its script in virtual time, reads as its plan says, and holds every
 * byte that it reads against what the server wrote. What the bytes should have been is the oracle's.
 */
import type { SimConnection } from '../engine/sim/connection.ts';
import type { SimNetwork } from '../engine/sim/network.ts';
import type { PeerHandler, SimPeer } from '../engine/sim/peer.ts';
import type { ClientPlan, ClientStep } from './client-plan.ts';
import { ConnectionModel } from './connection-model.ts';
import type { SimulatedClient } from './connection-oracle.ts';
import type { World } from './world.ts';

/** After so many multiples of the longest timeout a client gives up. */
const PATIENCE_FACTOR = 4;
const PATIENCE_MS = 20_000;

export class SimClient implements PeerHandler, SimulatedClient {
  readonly plan: ClientPlan;
  peer!: SimPeer;
  /** Is there as soon as the server has accepted. */
  model: ConnectionModel | undefined = undefined;
  /** Its script is over, or its connection. */
  isDone = false;
  wasRefused = false;
  hasGivenUp = false;
  readonly #world: World;
  readonly #network: SimNetwork;
  #step = 0;
  #sentBytes = 0;
  #receivedBytes = 0;
  #blocked: ClientStep | undefined = undefined;
  #hasEnd = false;
  #isReadingPaced = false;
  #isWalking = false;
  #patienceMs = 0;

  constructor(world: World, plan: ClientPlan) {
    this.#world = world;
    this.#network = world.network;
    this.plan = plan;
  }

  start(port: number): void {
    const { receiveBufferBytes, readBytes } = this.plan;
    this.peer = this.#network.connect({ port, receiveBufferBytes }, this);
    if (readBytes > 0) {
      this.peer.pauseReading();
      this.#isReadingPaced = true;
      this.#readLater();
    }
  }

  createModel(conn: SimConnection): ConnectionModel {
    this.model = new ConnectionModel(this.#world, this.plan, conn);
    return this.model;
  }

  get #hasBroken(): boolean {
    return this.#hasEnd || this.peer.isOver;
  }

  // PeerHandler

  onConnect(): void {
    const { timeouts } = this.#world.settings;
    let longestMs = 0;
    for (const ms of Object.values(timeouts))
      if (ms !== Number.POSITIVE_INFINITY) longestMs = Math.max(longestMs, ms);
    this.#patienceMs = PATIENCE_MS + PATIENCE_FACTOR * longestMs + this.#readsNeeded() * this.plan.readGapMs;
    // Handlers that take all their time, one after the other.
    if (timeouts.handlerMs !== Number.POSITIVE_INFINITY)
      this.#patienceMs += 2 * timeouts.handlerMs * this.plan.requests.length;
    this.#network.after(this.#patienceMs, () => this.#giveUp());
    this.#resume();
  }

  /** How often a paced reader reads before it has everything, its window being what it is. */
  #readsNeeded(): number {
    const { readBytes, receiveBufferBytes, requests } = this.plan;
    if (readBytes === 0) return 0;
    let bytes = 0;
    for (const request of requests) bytes += request.responseBytes + request.bodyBytes + 1000;
    return 10 + 2 * Math.ceil(bytes / Math.min(readBytes, receiveBufferBytes));
  }

  onData(_peer: SimPeer, bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length;
    const { model } = this;
    if (model === undefined) this.#world.find('bytes from a server that has not accepted');
    else {
      const complaint = model.sent.read(bytes);
      if (complaint !== undefined) model.find(`the client reads ${complaint}`);
    }
    this.#look();
  }

  onEnd(): void {
    this.#hasEnd = true;
    this.#network.trace?.(`peer ${this.peer.link.id}: reads FIN`);
    this.#look();
    // Most clients close when the server has; some only later.
    this.#network.after((this.peer.link.id % 3) * 40, () => {
      this.peer.end();
      this.isDone = true;
    });
  }

  onReset(): void {
    this.#network.trace?.(`peer ${this.peer.link.id}: reads RST`);
    if (this.model === undefined && !this.peer.isConnected) this.wasRefused = true;
    this.isDone = true;
  }

  // The script.

  #walk(): void {
    while (!this.isDone && this.#blocked === undefined) {
      const step = this.plan.steps[this.#step];
      if (step === undefined) {
        this.isDone = true;
        return;
      }
      this.#step++;
      this.#do(step);
    }
  }

  #do(step: ClientStep): void {
    switch (step.type) {
      case 'send':
        this.#blocked = step;
        this.#send(step.toBytes, step.pieceBytes, step.gapMs);
        return;
      case 'wait':
        this.#blocked = step;
        this.#network.after(step.ms, () => this.#unblock(step));
        return;
      case 'continue':
        this.#blocked = step;
        this.#network.after(step.ms, () => this.#unblock(step));
        this.#look();
        return;
      case 'await':
      case 'stay':
        this.#blocked = step;
        this.#look();
        return;
      case 'fin':
        this.peer.end();
        return;
      case 'reset':
        this.peer.reset();
        return;
      case 'vanish':
        this.peer.vanish();
        return;
      case 'destroy':
        this.peer.destroy();
        return;
    }
  }

  /** One piece now, the next after the gap: one that was asked to send on does, even to a deaf server. */
  #send(toBytes: number, pieceBytes: number, gapMs: number): void {
    if (this.isDone) return;
    const end = Math.min(toBytes, this.#sentBytes + pieceBytes);
    if (end > this.#sentBytes) this.peer.write(this.plan.bytes, this.#sentBytes, end);
    this.#sentBytes = end;
    if (end === toBytes) this.#unblock(this.#blocked);
    else this.#network.after(gapMs, () => this.#send(toBytes, pieceBytes, gapMs));
  }

  #unblock(step: ClientStep | undefined): void {
    if (this.#blocked !== step || step === undefined) return;
    this.#blocked = undefined;
    // From within `#walk` this ends at once: the loop there goes on.
    if (!this.#isWalking) this.#resume();
  }

  #resume(): void {
    this.#isWalking = true;
    this.#walk();
    this.#isWalking = false;
  }

  /** Something has been read: does that end a wait? */
  #look(): void {
    const step = this.#blocked;
    if (step === undefined) return;
    const answered = this.#answered();
    if (step.type === 'await' && (answered >= step.responses || this.#hasBroken)) this.#unblock(step);
    else if (step.type === 'stay' && this.#hasBroken) this.#unblock(step);
    else if (step.type === 'continue' && (this.#hasBroken || this.#hasContinued())) this.#unblock(step);
  }

  /** Final responses that have been read whole. */
  #answered(): number {
    const ends = this.model?.responseEnds ?? [];
    let answered = 0;
    while (answered < ends.length && ends[answered]! <= this.#receivedBytes) answered++;
    return answered;
  }

  #hasContinued(): boolean {
    const first = this.model?.interimEnds[0];
    return (
      (first !== undefined && first < this.#receivedBytes) || this.#answered() >= this.plan.requests.length
    );
  }

  /** Paced reading: a few bytes, then a pause, for as long as there may be more. */
  #readLater(): void {
    this.#network.after(this.plan.readGapMs, () => {
      if (this.peer.isOver || this.#hasEnd || !this.#isReadingPaced) return;
      this.peer.readSome(this.plan.readBytes);
      const { model } = this;
      const isStuck =
        this.hasGivenUp ||
        (this.isDone && (model === undefined || model.isClosed) && this.peer.link.down.received.length === 0);
      if (isStuck) this.peer.resumeReading();
      else this.#readLater();
    });
  }

  /** An answer that does not come, from a server that has all it needs, is a finding. */
  #giveUp(): void {
    const { model } = this;
    if (this.peer.isOver || (this.isDone && model?.isClosed === true)) return;
    // The server knows nothing of a client that it has not accepted: that may take as long as others hold
    // their places.
    const sinceAcceptMs =
      model === undefined ? Number.POSITIVE_INFINITY : this.#world.nowMs - model.acceptedMs;
    const restMs = this.#blocked?.type === 'send' ? this.#patienceMs : this.#patienceMs - sinceAcceptMs;
    if (restMs > 0) {
      this.#network.after(restMs, () => this.#giveUp());
      return;
    }
    this.hasGivenUp = true;
    if (
      model !== undefined &&
      !model.isClosed &&
      model.phase === 'exchange' &&
      model.exchange?.plan.kind !== 'never'
    ) {
      model.find(
        `request ${model.exchange?.plan.id} (${model.exchange?.plan.kind}) is answered too slowly for the most patient`,
      );
    }
    this.peer.reset();
    this.isDone = true;
  }
}
