/**
 * What simulated clients have in common, whatever they speak: a script that they walk through in virtual time, reading at a pace, and how
 * a connection ends for them. What a step means, and what ends a wait, is each protocol's.
 */
import type { SimNetwork } from '../engine/sim/network.ts';
import type { PeerHandler, SimPeer } from '../engine/sim/peer.ts';
import type { World } from './world.ts';

/** How it reads: `readBytes` at a time, with gaps; 0 for as quickly as it can. */
interface ReadingPlan {
  readonly receiveBufferBytes: number;
  readonly readBytes: number;
  readonly readGapMs: number;
}

/** What watches its connection, once the server has accepted. */
interface WatchingModel {
  readonly isClosed: boolean;
  readonly sent: { read(bytes: Uint8Array): string | undefined };
  find(what: string): void;
}

export abstract class ScriptedClient<Step extends { readonly type: string }, Model extends WatchingModel>
  implements PeerHandler
{
  peer!: SimPeer;
  /** Is there as soon as the server has accepted. */
  model: Model | undefined = undefined;
  protected readonly world: World;
  protected readonly network: SimNetwork;
  /** Its script is over, or its connection. */
  protected isDone = false;
  protected hasGivenUp = false;
  protected hasEnd = false;
  protected receivedBytes = 0;
  /** The step that it waits in. */
  protected blocked: Step | undefined = undefined;
  readonly #reading: ReadingPlan;
  readonly #steps: readonly Step[];
  #step = 0;
  #isWalking = false;

  constructor(world: World, reading: ReadingPlan, steps: readonly Step[]) {
    this.world = world;
    this.network = world.network;
    this.#reading = reading;
    this.#steps = steps;
  }

  start(port: number): void {
    const { receiveBufferBytes, readBytes } = this.#reading;
    this.peer = this.network.connect({ port, receiveBufferBytes }, this);
    if (readBytes > 0) {
      this.peer.pauseReading();
      this.#readLater();
    }
  }

  protected get hasBroken(): boolean {
    return this.hasEnd || this.peer.isOver;
  }

  // PeerHandler

  abstract onConnect(): void;

  onData(_peer: SimPeer, bytes: Uint8Array): void {
    this.receivedBytes += bytes.length;
    const { model } = this;
    if (model === undefined) {
      this.world.find('bytes from a server that has not accepted');
      return;
    }
    const complaint = model.sent.read(bytes);
    if (complaint !== undefined) model.find(`the client reads ${complaint}`);
    this.hears(model);
    this.look();
  }

  onEnd(): void {
    this.hasEnd = true;
    this.network.trace?.(`peer ${this.peer.link.id}: reads FIN`);
    this.look();
    // Most clients close when the server has; some only later.
    this.network.after((this.peer.link.id % 3) * 40, () => {
      this.peer.end();
      this.isDone = true;
    });
  }

  onReset(): void {
    this.network.trace?.(`peer ${this.peer.link.id}: reads RST`);
    this.isDone = true;
  }

  // The script.

  /** Something has been read. */
  protected hears(_model: Model): void {}

  /** Something has been read, or a wait begins: does that end it? */
  protected abstract look(): void;

  protected abstract do(step: Step): void;

  protected scriptEnds(): void {
    this.isDone = true;
  }

  protected wait(step: Step): void {
    this.blocked = step;
    this.look();
  }

  protected unblock(step: Step | undefined): void {
    if (this.blocked !== step || step === undefined) return;
    this.blocked = undefined;
    this.resume();
  }

  /** From within a step this does nothing: the loop goes on by itself. */
  protected resume(): void {
    if (this.#isWalking) return;
    this.#isWalking = true;
    this.#walk();
    this.#isWalking = false;
  }

  #walk(): void {
    while (!this.isDone && this.blocked === undefined) {
      const step = this.#steps[this.#step];
      if (step === undefined) {
        this.scriptEnds();
        return;
      }
      this.#step++;
      if (!this.#leaves(step.type)) this.do(step);
    }
  }

  /** @returns whether the step was a way to end the connection */
  #leaves(type: string): boolean {
    const { peer } = this;
    if (type === 'fin') peer.end();
    else if (type === 'reset') peer.reset();
    else if (type === 'vanish') peer.vanish();
    else if (type === 'destroy') peer.destroy();
    else return false;
    return true;
  }

  /** Paced reading: a few bytes, then a pause, for as long as there may be more. */
  #readLater(): void {
    this.network.after(this.#reading.readGapMs, () => {
      const { peer, model } = this;
      if (peer.isOver || this.hasEnd) return;
      peer.readSome(this.#reading.readBytes);
      const isOver = this.isDone && (model === undefined || model.isClosed);
      if (this.hasGivenUp || (isOver && peer.link.down.received.length === 0)) peer.resumeReading();
      else this.#readLater();
    });
  }
}
