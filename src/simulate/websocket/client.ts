/** A simulated client of WebSocket: asks for it in HTTP/1.1, says what its plan says, and answers pings and close frames. RFC 6455 */
import { assert } from '../../base/assert.ts';
import type { SimConnection } from '../../engine/sim/connection.ts';
import type { SimulatedClient } from '../connection-oracle.ts';
import { ScriptedClient } from '../scripted-client.ts';
import type { World } from '../world.ts';
import type { WebSocketClientPlan, WebSocketStep } from './client-plan.ts';
import { WebSocketModel } from './connection-model.ts';
import { CLOSE, PING, PONG, WebSocketSent } from './sent-frames.ts';

const PATIENCE_MS = 400_000;
/** RFC 6455 §1.3 */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export class WebSocketClient
  extends ScriptedClient<WebSocketStep, WebSocketModel>
  implements SimulatedClient
{
  readonly plan: WebSocketClientPlan;
  readonly sent: WebSocketSent;

  constructor(world: World, plan: WebSocketClientPlan) {
    super(world, plan, plan.steps);
    this.plan = plan;
    this.sent = new WebSocketSent(plan.random, (bytes) => this.peer.write(bytes, 0, bytes.length));
  }

  createModel(conn: SimConnection): WebSocketModel {
    this.model = new WebSocketModel(this.world, conn, this.plan, this.sent);
    return this.model;
  }

  onConnect(): void {
    this.network.after(PATIENCE_MS + this.world.settings.timeouts.deadPeerMs, () => {
      if (!this.peer.isOver) this.peer.reset();
      this.isDone = true;
    });
    this.sent.request(
      `GET /r/${this.plan.requests[0]!.id} HTTP/1.1\r\nHost: sim\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`,
    );
    this.resume();
  }

  protected override hears(model: WebSocketModel): void {
    for (const { opcode, payload } of model.readFrames(this.receivedBytes)) {
      if (this.plan.isDeaf) continue;
      if (opcode === PING) this.sent.frame({ opcode: PONG, isFinal: true, payload });
      else if (opcode === CLOSE)
        this.sent.frame({ opcode: CLOSE, isFinal: true, payload: payload.subarray(0, 2) });
    }
  }

  protected do(step: WebSocketStep): void {
    switch (step.type) {
      case 'say':
        this.sent.frame(step.frame);
        return;
      case 'wait':
        this.wait(step);
        this.network.after(step.ms, () => this.unblock(step));
        return;
      case 'opened':
      case 'stay':
        this.wait(step);
        return;
      default:
        assert(false, 'a step of no known type');
    }
  }

  protected look(): void {
    const step = this.blocked;
    if (step?.type === 'opened' && (this.hasBroken || this.model?.isOpenFor(this.receivedBytes) === true))
      this.unblock(step);
    else if (step?.type === 'stay' && this.hasBroken) this.unblock(step);
  }
}
