/**
 * The life of a seat, one place among the workers, as a table: what each event means in each state. A seat holds at
 * most one thread that serves and one that starts; threads that leave are no longer its concern. What has no row
 * cannot happen, and is a bug of ours.
 */

export type SeatState =
  /** Before the first start. */
  | 'vacant'
  /** Nobody serves, a thread starts. */
  | 'starting'
  /** A thread serves. */
  | 'serving'
  /** A thread serves, and another starts to take over. */
  | 'replacing'
  /** Nobody serves; a start is due after a pause, for the last thread has failed. */
  | 'waiting'
  /** Nothing starts any more. */
  | 'closed';

export type SeatEvent =
  /** A thread is wanted, anew where there is one. */
  | 'start'
  /** The thread that starts serves. */
  | 'ready'
  /** The thread that starts has ended, or will not come to serve. */
  | 'failed'
  /** The thread that serves has ended, unasked. */
  | 'crashed'
  /** The pause is over. */
  | 'due'
  | 'close';

export type SeatAction =
  | 'start a thread'
  /** The one that starts does not serve, and is ended. */
  | 'discard the starting'
  /** The one that serves finishes what it has begun, and ends. */
  | 'dismiss the serving'
  /** The one that starts is the one that serves. */
  | 'seat the starting'
  | 'forget the starting'
  | 'forget the serving'
  | 'set the pause'
  | 'clear the pause';

interface Transition {
  readonly to: SeatState;
  readonly does: readonly SeatAction[];
}

type Row = Partial<Record<SeatEvent, Transition>>;

export const SEAT_TABLE: Readonly<Record<SeatState, Row>> = {
  vacant: {
    start: { to: 'starting', does: ['start a thread'] },
    close: { to: 'closed', does: [] },
  },
  starting: {
    // What starts may have read the module before it was changed.
    start: { to: 'starting', does: ['discard the starting', 'start a thread'] },
    ready: { to: 'serving', does: ['seat the starting'] },
    failed: { to: 'waiting', does: ['forget the starting', 'set the pause'] },
    close: { to: 'closed', does: ['discard the starting'] },
  },
  serving: {
    start: { to: 'replacing', does: ['start a thread'] },
    crashed: { to: 'waiting', does: ['forget the serving', 'set the pause'] },
    close: { to: 'closed', does: ['dismiss the serving'] },
  },
  replacing: {
    start: { to: 'replacing', does: ['discard the starting', 'start a thread'] },
    ready: { to: 'serving', does: ['dismiss the serving', 'seat the starting'] },
    failed: { to: 'serving', does: ['forget the starting'] },
    crashed: { to: 'starting', does: ['forget the serving'] },
    close: { to: 'closed', does: ['discard the starting', 'dismiss the serving'] },
  },
  waiting: {
    start: { to: 'starting', does: ['clear the pause', 'start a thread'] },
    due: { to: 'starting', does: ['start a thread'] },
    close: { to: 'closed', does: ['clear the pause'] },
  },
  closed: {
    close: { to: 'closed', does: [] },
  },
};
