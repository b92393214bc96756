/** The server's own trace, in a simulation: the model is told what shows in no byte and no call. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { CloseMessage, ExchangeMessage } from '../http/trace.ts';
import type { Observer } from './observer.ts';
import type { World } from './world.ts';

/** @returns what ends it */
export function watchTrace(world: World, observer: Observer): () => void {
  const onClosed = (message: unknown): void => {
    world.counted.push((message as CloseMessage).reason);
  };
  const onFinish = (message: unknown): void => {
    observer.modelOf((message as ExchangeMessage).connection)?.exchangeFinished?.();
  };
  subscribe('holdfast:connection:closed', onClosed);
  subscribe('holdfast:exchange:finish', onFinish);
  return () => {
    unsubscribe('holdfast:connection:closed', onClosed);
    unsubscribe('holdfast:exchange:finish', onFinish);
  };
}
