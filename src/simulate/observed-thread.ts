/** The server, in a simulation: the model is told what shows in no byte and no call. */
import type { SimConnection } from '../engine/sim/connection.ts';
import type { Exchange } from '../server/exchange.ts';
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

  override exchangeFinished(exchange: Exchange): void {
    modelOf(exchange.connection.engine as SimConnection).exchangeFinished();
    super.exchangeFinished(exchange);
  }
}
