/**
 * A simulated client: walks through its script in virtual time, reads as its plan says, and holds every
 * byte that it reads against what the server wrote. What the bytes should have been is the oracle's.
 */
import type { SimConnection } from '../engine/sim/connection.ts';
import type { ClientPlan, ClientStep } from './client-plan.ts';
import { ConnectionModel } from './connection-model.ts';
import type { SimulatedClient } from './connection-oracle.ts';
import { ScriptedClient } from './scripted-client.ts';
import type { World } from './world.ts';

/** After so many multiples of the longest timeout a client gives up. */
const PATIENCE_FACTOR = 4;
const PATIENCE_MS = 20_000;

export class SimClient extends ScriptedClient<ClientStep, ConnectionModel> implements SimulatedClient {
  readonly plan: ClientPlan;
  #sentBytes = 0;
  #patienceMs = 0;

  constructor(world: World, plan: ClientPlan) {
    super(world, plan, plan.steps);
    this.plan = plan;
  }

  createModel(conn: SimConnection): ConnectionModel {
    this.model = new ConnectionModel(this.world, this.plan, conn);
    return this.model;
  }

  // PeerHandler

  onConnect(): void {
    const { timeouts } = this.world.settings;
    let longestMs = 0;
    for (const ms of Object.values(timeouts))
      if (ms !== Number.POSITIVE_INFINITY) longestMs = Math.max(longestMs, ms);
    this.#patienceMs = PATIENCE_MS + PATIENCE_FACTOR * longestMs + this.#readsNeeded() * this.plan.readGapMs;
    // Handlers that take all their time, one after the other.
    if (timeouts.handlerMs !== Number.POSITIVE_INFINITY)
      this.#patienceMs += 2 * timeouts.handlerMs * this.plan.requests.length;
    this.network.after(this.#patienceMs, () => this.#giveUp());
    this.resume();
  }

  /** How often a paced reader reads before it has everything, its window being what it is. */
  #readsNeeded(): number {
    const { readBytes, receiveBufferBytes, requests } = this.plan;
    if (readBytes === 0) return 0;
    let bytes = 0;
    for (const request of requests) bytes += request.responseBytes + request.bodyBytes + 1000;
    return 10 + 2 * Math.ceil(bytes / Math.min(readBytes, receiveBufferBytes));
  }

  // The script.

  protected do(step: ClientStep): void {
    switch (step.type) {
      case 'send':
        this.blocked = step;
        this.#send(step.toBytes, step.pieceBytes, step.gapMs);
        return;
      case 'wait':
        this.blocked = step;
        this.network.after(step.ms, () => this.unblock(step));
        return;
      case 'continue':
        this.blocked = step;
        this.network.after(step.ms, () => this.unblock(step));
        this.look();
        return;
      case 'await':
      case 'stay':
        this.wait(step);
        return;
    }
  }

  /** One piece now, the next after the gap: one that was asked to send on does, even to a deaf server. */
  #send(toBytes: number, pieceBytes: number, gapMs: number): void {
    if (this.isDone) return;
    const end = Math.min(toBytes, this.#sentBytes + pieceBytes);
    if (end > this.#sentBytes) this.peer.write(this.plan.bytes, this.#sentBytes, end);
    this.#sentBytes = end;
    if (end === toBytes) this.unblock(this.blocked);
    else this.network.after(gapMs, () => this.#send(toBytes, pieceBytes, gapMs));
  }

  protected look(): void {
    const step = this.blocked;
    if (step === undefined) return;
    const answered = this.#answered();
    if (step.type === 'await' && (answered >= step.responses || this.hasBroken)) this.unblock(step);
    else if (step.type === 'stay' && this.hasBroken) this.unblock(step);
    else if (step.type === 'continue' && (this.hasBroken || this.#hasContinued())) this.unblock(step);
  }

  /** Final responses that have been read whole. */
  #answered(): number {
    const ends = this.model?.responseEnds ?? [];
    let answered = 0;
    while (answered < ends.length && ends[answered]! <= this.receivedBytes) answered++;
    return answered;
  }

  #hasContinued(): boolean {
    const first = this.model?.interimEnds[0];
    return (
      (first !== undefined && first < this.receivedBytes) || this.#answered() >= this.plan.requests.length
    );
  }

  /** An answer that does not come, from a server that has all it needs, is a finding. */
  #giveUp(): void {
    const { model } = this;
    if (this.peer.isOver || (this.isDone && model?.isClosed === true)) return;
    // The server knows nothing of a client that it has not accepted: that may take as long as others hold
    // their places.
    const sinceAcceptMs =
      model === undefined ? Number.POSITIVE_INFINITY : this.world.nowMs - model.acceptedMs;
    const restMs = this.blocked?.type === 'send' ? this.#patienceMs : this.#patienceMs - sinceAcceptMs;
    if (restMs > 0) {
      this.network.after(restMs, () => this.#giveUp());
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
