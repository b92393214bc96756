/**
 * How a connection ends: by FIN, by reset, or by FIN and lingering, and for which reason. The first reason that is
 * given stands; whatever the client still sends after its last answer is heard out for a while, because closing with
 * bytes unread makes the kernel reset, and a reset destroys what the client has not read yet (RFC 9112 §9.6).
 */
import type { CloseReason } from '../engine/engine.ts';
import { STATE_ACCEPTED, STATE_CLOSED, STATE_LINGER } from './connection-account.ts';
import { ConnectionDeadline, NEVER } from './connection-deadline.ts';
import { closeChannel, stateChannel, traceClose, traceState } from './trace.ts';

export abstract class ConnectionEnds extends ConnectionDeadline {
  state: number = STATE_ACCEPTED;
  /** The client was sent nothing but a refusal: a few bytes, which every living client takes within the time for lingering. */
  protected isRefused = false;
  /** The connection was refused at accept. There is no request whose rest would have to be read. */
  protected isTurnedAway = false;
  /** Why it ends, once that is decided; the first reason stands. */
  protected endReason: CloseReason | undefined = undefined;
  /** The client's FIN is behind the last byte that we have read. */
  protected hasReadEnd = false;

  /** Nothing that has been received is read any more. */
  protected abstract forgetInput(): void;

  /** Whether an answer is under way that a client would take for whole if FIN came now: the connection has to be reset then. */
  protected abstract get isCutShort(): boolean;

  /** Tells the exchange that its client has gone. Mostly none is open, and making an Error costs more than a connection does. */
  protected abstract clientGone(reason: CloseReason): void;

  /** Another state begins. @hot */
  protected enter(state: number): void {
    if (stateChannel.hasSubscribers) traceState(this.id, this.state, state);
    this.state = state;
  }

  /** FIN after what was written, and no waiting for the peer; RST where FIN would pass for the end of an answer. */
  close(reason: CloseReason): void {
    if (this.state === STATE_CLOSED) return;
    if (this.isCutShort) {
      this.reset(reason);
      return;
    }
    this.endReason ??= reason;
    this.engine.close(reason);
    this.ended(reason);
    // What is unsent still leaves at the reader's pace, and the reader may die meanwhile.
    this.arm(NEVER);
  }

  /** RST, what is unsent dropped: for ends by force, and of answers that are cut short. */
  reset(reason: CloseReason): void {
    if (this.state === STATE_CLOSED) return;
    this.endReason ??= reason;
    this.engine.reset(reason);
    this.ended(reason);
  }

  /** An exception has passed through, for the process to judge. Nobody knows what it has left undone, so the connection ends. */
  broken(): void {
    this.reset('internal-error');
  }

  /** It is over for us. */
  protected ended(reason: CloseReason): void {
    this.enter(STATE_CLOSED);
    this.stateSinceMs = this.host.nowMs;
    this.forgetInput();
    this.clientGone(reason);
  }

  /** The engine has let go of it. */
  protected gone(reason: CloseReason): void {
    // The kernel's own verdict, by keepalive; ours is counted where it is given.
    if (reason === 'peer-dead' && this.state !== STATE_CLOSED) this.host.deadlines.deadPeer++;
    const counted = this.endReason ?? reason;
    this.host.countClose(counted);
    if (closeChannel.hasSubscribers) traceClose(this.id, counted);
    this.ended(reason);
  }

  protected peerDied(): void {
    this.host.deadlines.deadPeer++;
    this.endReason ??= 'peer-dead';
    // Also where we are through with it and the last bytes are on their way.
    this.engine.reset('peer-dead');
    this.ended('peer-dead');
  }

  /** Nothing that counts came in this state. A draining server waits less long, and that is not the client's doing. */
  protected silent(deadline: 'header' | 'idle' | 'linger'): void {
    if (this.host.isDraining && deadline !== 'linger') this.close('drained');
    else {
      this.host.deadlines[deadline]++;
      // One that is idle or lingers has asked for nothing more.
      if (deadline === 'header') this.host.offended('timeouts.header', this.engine.remoteAddress());
      this.close(`${deadline}-timeout`);
    }
  }

  /** Sends FIN after the last byte, then discards what the peer still sends until its FIN or the deadline. */
  linger(reason: CloseReason): void {
    if (this.state >= STATE_LINGER) return;
    this.forgetInput();
    this.endReason = reason;
    if (this.hasReadEnd) {
      this.close(reason);
      return;
    }
    this.enter(STATE_LINGER);
    this.stateSinceMs = this.host.nowMs;
    this.engine.shutdownWrite();
    this.engine.resumeReading();
    this.arm(this.host.nowMs + this.host.settings.timeouts.lingerMs);
  }

  /** The deadline of lingering has come. */
  protected lingerIsOver(): void {
    if (!this.isStillTaking) this.silent('linger');
    else if (!this.isRefused) this.rearm(this.host.settings.timeouts.lingerMs);
    else {
      this.host.deadlines.linger++;
      this.reset('linger-timeout');
    }
  }
}
