/**
 * Between the hubs of threads: what is published in one goes to all others, by a port to each. What one turn publishes crosses
 * together, for a crossing costs more than what is in it.
 *
 * A thread that is busy takes nothing from its ports, and nobody can see how much waits in them. So both ends of a port share
 * a count of what has been taken: what is on its way is bounded, and beyond that a thread misses messages, not the others.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { Hub, Relay } from '../pubsub/hub.ts';
import { Message } from '../pubsub/message.ts';

/** One thread's end of what joins it with another. It is sent to that thread. */
export interface ThreadLink {
  /** The thread at the other end, for the log. */
  readonly name: string;
  readonly port: MessagePort;
  /** Four numbers of 32 bits, LINK_ and the side: shared by both ends. */
  readonly shared: SharedArrayBuffer;
  readonly side: 0 | 1;
}

/** What a side has taken, in bytes, modulo 2^32. */
const LINK_TAKEN = 0;
/** 1 when a side listens: nothing is sent to a thread that is still loading. */
const LINK_LISTENS = 2;

/**
 * What may wait for a thread in one port: as much as waits for a NATS server that is away (nats-relay.ts), a second of the fastest
 * publisher measured. V8 keeps texts beyond Latin-1 in two bytes a character, so that in memory it may be twice that.
 */
export const UNDER_WAY_BYTES_MAX = 8 * 1024 * 1024;
/** A message that waits takes so much more than its data: the array, its header, topic and ids. */
const OVERHEAD_BYTES = 256;
/** What one turn publishes is sent sooner where it is more than that. */
const BATCH_BYTES = 256 * 1024;

/** Topic, data, id, event, length: an array is cloned in half the time of an object. */
type Crossing = readonly [string, string | Uint8Array, string | undefined, string | undefined, number];

/**
 * @param names of the first thread and the second
 * @param firstServes it will listen as soon as it can: what is sent to it until then waits
 * @returns the ends for both
 */
export function linkThreads(
  names: readonly [string, string],
  firstServes: boolean,
): [ThreadLink, ThreadLink] {
  const { port1, port2 } = new MessageChannel();
  const shared = new SharedArrayBuffer(16);
  if (firstServes) new Int32Array(shared)[LINK_LISTENS] = 1;
  return [
    { name: names[1], port: port1, shared, side: 0 },
    { name: names[0], port: port2, shared, side: 1 },
  ];
}

interface Peer {
  readonly link: ThreadLink;
  readonly counts: Int32Array;
  /** Modulo 2^32, as what it has taken. */
  sentBytes: number;
  /** Since it has last taken something. */
  missed: number;
}

export class ThreadRelay implements Relay {
  readonly #hub: Hub;
  readonly #logger: LoggerLike;
  readonly #peers = new Set<Peer>();
  #pending: Crossing[] = [];
  #pendingBytes = 0;

  constructor(hub: Hub, logger: LoggerLike) {
    this.#hub = hub;
    this.#logger = logger;
    hub.connect(this);
  }

  /** Hears the thread at the other end from now on, and is heard. */
  join(link: ThreadLink): void {
    const peer: Peer = { link, counts: new Int32Array(link.shared), sentBytes: 0, missed: 0 };
    this.#peers.add(peer);
    link.port.on('message', (crossings: Crossing[]) => this.#arrived(peer, crossings));
    link.port.once('close', () => this.#peers.delete(peer));
    // A server is kept alive by its connections, not by what they could be told.
    link.port.unref();
    Atomics.store(peer.counts, LINK_LISTENS + link.side, 1);
  }

  send({ topic, data, id, event, byteLength }: Message): void {
    if (this.#peers.size === 0) return;
    if (this.#pending.length === 0) queueMicrotask(this.#flush);
    this.#pending.push([topic, data, id, event, byteLength]);
    this.#pendingBytes += byteLength + OVERHEAD_BYTES;
    if (this.#pendingBytes >= BATCH_BYTES) this.#flush();
  }

  readonly #flush = (): void => {
    const pending = this.#pending;
    const bytes = this.#pendingBytes;
    if (pending.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const peer of this.#peers) this.#post(peer, pending, bytes);
  };

  #post(peer: Peer, crossings: readonly Crossing[], bytes: number): void {
    const { counts, link } = peer;
    const other = 1 - link.side;
    if (Atomics.load(counts, LINK_LISTENS + other) === 0) return;
    const underWayBytes = (peer.sentBytes - Atomics.load(counts, LINK_TAKEN + other)) | 0;
    // One that is longer than the bound crosses alone.
    if (underWayBytes > 0 && underWayBytes + bytes > UNDER_WAY_BYTES_MAX) {
      if (peer.missed === 0)
        this.#logger.warn(
          `pubsub: ${link.name} is busy and takes no messages; what is published misses it until it does`,
        );
      peer.missed += crossings.length;
      this.#hub.dropped.thread += crossings.length;
      return;
    }
    if (peer.missed > 0) {
      this.#logger.warn(`pubsub: ${link.name} takes messages again; ${peer.missed} have missed it`);
      peer.missed = 0;
    }
    peer.sentBytes = (peer.sentBytes + bytes) | 0;
    link.port.postMessage(crossings);
  }

  #arrived(peer: Peer, crossings: readonly Crossing[]): void {
    let bytes = 0;
    for (const crossing of crossings) bytes += crossing[4] + OVERHEAD_BYTES;
    Atomics.add(peer.counts, LINK_TAKEN + peer.link.side, bytes);
    for (const [topic, data, id, event, byteLength] of crossings)
      this.#hub.receive(new Message(topic, data, id, event, byteLength), this);
  }

  close(): void {
    this.#hub.disconnect(this);
    this.#flush();
    for (const { link } of this.#peers) link.port.close();
  }
}
