/** What the runs did, summed up: a simulation that passes has shown nothing unless it can say what it exercised. */
import { type InjectedFaults, noInjectedFaults } from '../engine/sim/faults.ts';

export interface Totals {
  seeds: number;
  events: number;
  virtualMs: number;
  connections: number;
  requests: number;
  responses: number;
  /** Answered before there was a request: heads, and connections beyond a limit. */
  refusedHeads: number;
  bytesToServer: number;
  bytesToClients: number;
  turns: number;
  /** Deadlines that were held against the table. */
  deadlines: number;
  drains: number;
  readonly injected: InjectedFaults;
  readonly clients: Record<string, number>;
  readonly handlers: Record<string, number>;
  readonly statuses: Record<string, number>;
  /** What the server wrote in HTTP/2: frames by type, RST_STREAM and GOAWAY by code. */
  readonly h2Frames: Record<string, number>;
  readonly h2Resets: Record<string, number>;
  readonly h2GoAways: Record<string, number>;
  /** WebSockets that were opened, and frames of the server's by opcode. */
  readonly websocket: Record<string, number>;
  /** How connections ended, by the reason of the first call or of the engine. */
  readonly closes: Record<string, number>;
  /** State of the server at the moment it ended them. */
  readonly endings: Record<string, number>;
  /** Connections that a fault has struck, be they accepted or not, and how those that were ended all the same. */
  readonly struck: Record<string, number>;
  readonly struckEnds: Record<string, number>;
}

export function noTotals(): Totals {
  return {
    seeds: 0,
    events: 0,
    virtualMs: 0,
    connections: 0,
    requests: 0,
    responses: 0,
    refusedHeads: 0,
    bytesToServer: 0,
    bytesToClients: 0,
    turns: 0,
    deadlines: 0,
    drains: 0,
    injected: noInjectedFaults(),
    clients: {},
    handlers: {},
    statuses: {},
    h2Frames: {},
    h2Resets: {},
    h2GoAways: {},
    websocket: {},
    closes: {},
    endings: {},
    struck: {},
    struckEnds: {},
  };
}

export function count(of: Record<string, number>, name: string | number): void {
  of[name] = (of[name] ?? 0) + 1;
}

/** Adds `more` to `sum`, name by name. */
export function addTotals(sum: Totals, more: Totals): void {
  addInto(sum as unknown as Tree, more as unknown as Tree);
}

interface Tree {
  [name: string]: number | Tree;
}

function addInto(sum: Tree, more: Tree): void {
  for (const [name, value] of Object.entries(more)) {
    if (typeof value === 'number') sum[name] = ((sum[name] as number | undefined) ?? 0) + value;
    else addInto((sum[name] ??= {}) as Tree, value);
  }
}
