/**
 * What a simulated network and kernel may do to a server, as rates, and the count of what they did. A
 * run draws its own rates ("swarm testing": Groce et al., ISSTA 2012), since a world where everything
 * fails at once never reaches the deeper states.
 */

export interface NetworkFaults {
  /** One way, for each link drawn up to this. */
  readonly latencyMsMax: number;
  /** Added to each segment, up to this. */
  readonly jitterMsMax: number;
  /** Longest segment, as long as `tinySegment` does not strike. */
  readonly segmentBytesMax: number;
  /** Chance of a segment of 1 to 8 bytes. */
  readonly tinySegment: number;
  /** Chance that a receive hands over only part of what is there. */
  readonly shortReceive: number;
  /** Chance that the kernel takes only a part of what is sent. */
  readonly shortWrite: number;
  /** Chance that a send completes only in a later turn. */
  readonly lateSend: number;
  /** Chance that a turn is held up, as by a busy loop, and by how much. */
  readonly turnDelay: number;
  readonly turnDelayMsMax: number;
  /** Chance at each turn that the clock leaps forward, as when a machine sleeps. */
  readonly clockJump: number;
  readonly clockJumpMsMax: number;
  /** Chance that the network resets a link at some moment. */
  readonly linkReset: number;
  readonly linkResetWithinMs: number;
  /** Chance that accepting finds no descriptor, and for how long there is none. */
  readonly acceptFailure: number;
  readonly acceptPauseMsMax: number;
  /** Chance that accepting fails for one connection, which is gone then. */
  readonly acceptAbort: number;
  /** Chance that a send, or a receive, fails, and its connection with it. */
  readonly sendFailure: number;
  readonly receiveFailure: number;
  /** Chance that the addresses of a connection are not told. */
  readonly addressFailure: number;
  /** Chance that much is received into memory that may be taken over. */
  readonly givenReceive: number;
  /** Chance that no receive buffer is to be had: the receive comes a turn later. */
  readonly receiveExhaustion: number;
  /** Chance that the ring is full: the send is submitted a turn later. */
  readonly ringFull: number;
  /** A close completes within this. */
  readonly closeDelayMsMax: number;
  /** Chance that bytes which came before a reset are lost with it. */
  readonly resetDropsUnread: number;
  /** Size of the kernel's buffers at the server, for each connection. */
  readonly sendBufferBytes: number;
  readonly receiveBufferBytes: number;
  /** Chance that turns run expired deadlines before what has arrived. */
  readonly deadlinesFirst: number;
}

export const NO_FAULTS: NetworkFaults = Object.freeze({
  latencyMsMax: 0,
  jitterMsMax: 0,
  segmentBytesMax: 64 * 1024,
  tinySegment: 0,
  shortReceive: 0,
  shortWrite: 0,
  lateSend: 0,
  turnDelay: 0,
  turnDelayMsMax: 0,
  clockJump: 0,
  clockJumpMsMax: 0,
  linkReset: 0,
  linkResetWithinMs: 0,
  acceptFailure: 0,
  acceptPauseMsMax: 0,
  acceptAbort: 0,
  sendFailure: 0,
  receiveFailure: 0,
  addressFailure: 0,
  givenReceive: 0,
  receiveExhaustion: 0,
  ringFull: 0,
  closeDelayMsMax: 0,
  resetDropsUnread: 0,
  sendBufferBytes: 256 * 1024,
  receiveBufferBytes: 128 * 1024,
  deadlinesFirst: 0,
});

/** How often each fault was put in. */
export interface InjectedFaults {
  segments: number;
  tinySegments: number;
  shortReceives: number;
  shortWrites: number;
  lateSends: number;
  turnDelays: number;
  clockJumps: number;
  linkResets: number;
  acceptPauses: number;
  acceptAborts: number;
  sendFailures: number;
  receiveFailures: number;
  missingAddresses: number;
  givenReceives: number;
  receiveExhaustions: number;
  ringsFull: number;
  lateCloses: number;
  answersToClosed: number;
}

export function noInjectedFaults(): InjectedFaults {
  return {
    segments: 0,
    tinySegments: 0,
    shortReceives: 0,
    shortWrites: 0,
    lateSends: 0,
    turnDelays: 0,
    clockJumps: 0,
    linkResets: 0,
    acceptPauses: 0,
    acceptAborts: 0,
    sendFailures: 0,
    receiveFailures: 0,
    missingAddresses: 0,
    givenReceives: 0,
    receiveExhaustions: 0,
    ringsFull: 0,
    lateCloses: 0,
    answersToClosed: 0,
  };
}
