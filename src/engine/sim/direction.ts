/**
 * One direction of a TCP connection: the sender's kernel buffer, the segments under way, the receiver's
 * kernel buffer with its window. Bytes are cut into segments of any size and arrive in order, none lost,
 * none doubled; a segment is acknowledged when it arrives.
 */
import { ByteQueue } from './byte-queue.ts';
import type { SimEvent } from './event-queue.ts';
import type { SimWorld } from './world.ts';

/** Past so many small segments a direction sends large ones: a long body would cost thousands of events. */
const SMALL_SEGMENTS_MAX = 40;
const SMALL_BYTES = 4096;
const LARGE_BYTES_MAX = 64 * 1024;

/** The connection that a direction is half of. */
export interface DirectionOwner {
  readonly world: SimWorld;
  /** The peer's host is gone without a word. */
  readonly isVanished: boolean;
  /** When either side last heard of the other. */
  lastHeardMs: number;
  /** One way, drawn anew for each segment. */
  delayMs(): number;
  /** Bytes or FIN have arrived, for the receiving side. */
  arrived(direction: Direction): void;
  /** There is room in the sender's buffer again. */
  roomMade(direction: Direction): void;
}

export class Direction {
  readonly received = new ByteQueue();
  finArrived = false;
  /** The sender has sent everything and FIN. */
  finQueued = false;
  /** All bytes that the sender's kernel has taken. */
  takenBytes = 0;
  /** The connection is broken: nothing moves any more. */
  isBroken = false;
  lastArrivalMs = 0;
  readonly #owner: DirectionOwner;
  readonly #sendCapacity: number;
  readonly #window: number;
  readonly #unsent = new ByteQueue();
  #inFlight = 0;
  #finSent = false;
  #smallSegments = 0;

  constructor(owner: DirectionOwner, sendCapacity: number, receiveCapacity: number) {
    this.#owner = owner;
    this.#sendCapacity = sendCapacity;
    this.#window = receiveCapacity;
  }

  /** Bytes that the sender's kernel would take now. */
  get room(): number {
    return this.isBroken ? 0 : Math.max(0, this.#sendCapacity - this.#unsent.length - this.#inFlight);
  }

  /** Bytes taken that have not arrived. */
  get outstandingBytes(): number {
    return this.#unsent.length + this.#inFlight;
  }

  /** The kernel takes `bytes`, which must fit in `room`, and owns them from then on. */
  send(bytes: Uint8Array): void {
    if (this.isBroken) return;
    this.takenBytes += bytes.length;
    this.#unsent.pushOwned(bytes);
    this.pump();
  }

  /** FIN after the last byte. */
  finish(): void {
    if (this.finQueued || this.isBroken) return;
    this.finQueued = true;
    this.pump();
  }

  /** Drops what has not left, and what has. */
  break(): void {
    this.isBroken = true;
    this.#unsent.clear();
  }

  /** Takes out of the receiver's buffer; the window opens. */
  take(out: Uint8Array, at: number, size: number): void {
    this.received.takeInto(out, at, size);
    this.pump();
  }

  discardReceived(): void {
    this.received.clear();
    this.pump();
  }

  /** Sends as far as the window allows. */
  pump(): void {
    if (this.isBroken || this.#owner.isVanished) return;
    while (this.#unsent.length > 0) {
      const window = this.#window - this.received.length - this.#inFlight;
      if (window <= 0) return;
      const size = Math.min(this.#segmentBytes(), window, this.#unsent.length);
      this.#inFlight += size;
      this.#depart(new Segment(this, this.#unsent.take(size), false));
    }
    if (this.finQueued && !this.#finSent) {
      this.#finSent = true;
      this.#depart(new Segment(this, NOTHING, true));
    }
  }

  #depart(segment: Segment): void {
    const { world } = this.#owner;
    this.lastArrivalMs = Math.max(this.lastArrivalMs, world.nowMs + this.#owner.delayMs());
    world.injected.segments++;
    world.at(this.lastArrivalMs, segment);
  }

  #segmentBytes(): number {
    const { random, faults, injected } = this.#owner.world;
    if (this.#smallSegments >= SMALL_SEGMENTS_MAX) return LARGE_BYTES_MAX;
    let size = random.between((faults.segmentBytesMax >> 3) + 1, faults.segmentBytesMax);
    if (faults.tinySegment > 0 && random.chance(faults.tinySegment)) {
      injected.tinySegments++;
      size = random.between(1, 8);
    }
    if (size < SMALL_BYTES) this.#smallSegments++;
    return size;
  }

  /** A segment has come to the other end. */
  arrive(bytes: Uint8Array, isFin: boolean): void {
    // A peer that is gone acknowledges nothing: the bytes stay outstanding for ever.
    if (this.isBroken || this.#owner.isVanished) return;
    this.#inFlight -= bytes.length;
    this.#owner.lastHeardMs = this.#owner.world.nowMs;
    this.received.pushOwned(bytes);
    if (isFin) this.finArrived = true;
    this.#owner.arrived(this);
    if (bytes.length > 0 && !this.isBroken) this.#owner.roomMade(this);
  }
}

const NOTHING = new Uint8Array(0);

class Segment implements SimEvent {
  readonly #direction: Direction;
  readonly #bytes: Uint8Array;
  readonly #isFin: boolean;

  constructor(direction: Direction, bytes: Uint8Array, isFin: boolean) {
    this.#direction = direction;
    this.#bytes = bytes;
    this.#isFin = isFin;
  }

  fire(): void {
    this.#direction.arrive(this.#bytes, this.#isFin);
  }
}
