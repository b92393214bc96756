/**
 * What happens to connections and exchanges, for whoever subscribes to these channels of `node:diagnostics_channel`: tools
 * of users (docs/admin.md), and the simulator's model. Without a subscriber a trace point costs one look.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { CloseReason } from '../engine/engine.ts';
import { STATE_NAMES } from './connection-account.ts';
import type { ExchangeRecord } from './exchange-host.ts';

export interface StateMessage {
  /** Unique among the connections of its thread, as in the connection table. */
  readonly connection: number;
  readonly from: string;
  readonly to: string;
}

export interface CloseMessage {
  readonly connection: number;
  /** The same word as in the metrics. */
  readonly reason: string;
}

export interface ExchangeMessage {
  readonly connection: number;
  readonly request: Request;
  /** 0 while nothing has been answered. */
  readonly status: number;
  /** Bytes of content that have been written so far. */
  readonly responseBytes: number;
}

interface TracedExchange extends ExchangeRecord {
  readonly owner: { readonly connectionId: number };
}

export const stateChannel: Channel = channel('holdfast:connection:state');
export const closeChannel: Channel = channel('holdfast:connection:closed');
export const beginChannel: Channel = channel('holdfast:exchange:begin');
export const finishChannel: Channel = channel('holdfast:exchange:finish');
export const abortChannel: Channel = channel('holdfast:exchange:abort');

/** Whether somebody hears of the exchanges of connections, or of the states that these lead through. @hot */
export function isWatched(): boolean {
  return beginChannel.hasSubscribers || finishChannel.hasSubscribers || stateChannel.hasSubscribers;
}

export function traceState(connection: number, from: number, to: number): void {
  const message: StateMessage = { connection, from: STATE_NAMES[from]!, to: STATE_NAMES[to]! };
  stateChannel.publish(message);
}

export function traceClose(connection: number, reason: CloseReason): void {
  const message: CloseMessage = { connection, reason };
  closeChannel.publish(message);
}

/** @param on one of the channels of exchanges */
export function traceExchange(on: Channel, exchange: TracedExchange): void {
  const { owner, request, status, responseBytes } = exchange;
  const message: ExchangeMessage = {
    connection: owner.connectionId,
    request: request as unknown as Request,
    status,
    responseBytes,
  };
  on.publish(message);
}
