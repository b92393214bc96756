/** The server, in a simulation: the model is told what shows in no byte and no call. */
import type { SimConnection } from '../engine/sim/connection.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ExchangeRecord } from '../http/exchange-host.ts';
import type { H1Session } from '../http/h1/session.ts';
import { ServerThread, type ServerThreadOptions } from '../server/server-thread.ts';
import { modelOf } from './connection-model.ts';
import type { World } from './world.ts';

export class ObservedThread extends ServerThread {
  protected readonly world: World;

  constructor(options: ServerThreadOptions, world: World) {
    super(options);
    this.world = world;
  }

  override countClose(reason: string): void {
    this.world.counted.push(reason);
    super.countClose(reason);
  }

  override exchangeFinished(exchange: ExchangeRecord): void {
    modelOf(connectionOf(exchange)).exchangeFinished();
    super.exchangeFinished(exchange);
  }
}

function connectionOf(exchange: ExchangeRecord): SimConnection {
  return ((exchange as Exchange).owner as H1Session).engine as SimConnection;
}
