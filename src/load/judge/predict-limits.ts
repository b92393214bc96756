/**
 * What a plan will run into, told before it runs: source ports and descriptors. Pure arithmetic over the
 * plan and what the system allows.
 */
import { grouped, seconds } from '../measure/number-text.ts';
import type { PortFacts } from '../measure/source-ports.ts';

export interface PredictionInput {
  readonly connections: number;
  readonly newConnection: boolean;
  readonly ratePerSecond: number | undefined;
  readonly requestCount: number | undefined;
  readonly durationMs: number | undefined;
  /** Requests ask for `Connection: close`: the server closes first and keeps the TIME_WAIT. */
  readonly serverCloses: boolean;
  readonly hasSourceAddresses: boolean;
  readonly ports: PortFacts | undefined;
  /** How many of `ports.available` are in use before the run. */
  readonly portsTaken: number;
  /** RLIMIT_NOFILE; undefined when nobody tells. */
  readonly descriptorsMax: number | undefined;
}

interface Warning {
  readonly limit: 'ephemeral-ports' | 'descriptors';
  readonly sentence: string;
  readonly remedies: readonly string[];
}

/** What the process needs beside the connections: the engines' rings and eventfds, files, the terminal. */
const OWN_DESCRIPTORS = 64;

export function predictLimits(input: PredictionInput): Warning[] {
  const warnings: Warning[] = [];
  const ports = predictPorts(input);
  if (ports !== undefined) warnings.push(ports);
  const { descriptorsMax, connections } = input;
  if (descriptorsMax !== undefined && connections + OWN_DESCRIPTORS > descriptorsMax) {
    warnings.push({
      limit: 'descriptors',
      sentence: `${grouped(connections)} connections need more than the ${grouped(descriptorsMax)} descriptors that this process may have`,
      remedies: [
        `ulimit -n ${connections + OWN_DESCRIPTORS}`,
        `-c ${Math.max(1, descriptorsMax - OWN_DESCRIPTORS)}`,
      ],
    });
  }
  return warnings;
}

function predictPorts(input: PredictionInput): Warning | undefined {
  const { ports, connections } = input;
  if (ports === undefined) return undefined;
  const count = `${grouped(ports.available)} source ports to one destination`;
  const free = Math.max(0, ports.available - (ports.reusesTimeWait ? 0 : input.portsTaken));
  if (connections > free) {
    return warning(
      input,
      `${grouped(connections)} connections are more than the ${grouped(free)} source ports that are free, of ${grouped(ports.available)} to one destination`,
    );
  }
  if (!input.newConnection || input.serverCloses) return undefined;
  const taken =
    free < ports.available ? `, of which ${grouped(ports.available - free)} are in TIME_WAIT already` : '';
  const perSecond = input.ratePerSecond;
  const wanted = totalWanted(input);
  if (perSecond !== undefined) {
    // Connections made within the time that a port is held need a port each.
    const neededAtOnce = Math.min(wanted, (perSecond * ports.heldMs) / 1000) + connections;
    if (neededAtOnce <= free) return undefined;
    const lastMs = (free / perSecond) * 1000;
    return warning(
      input,
      `${count}${taken}; at ${grouped(Math.round(perSecond))} connections/s they last ${seconds(lastMs)}`,
    );
  }
  if (input.requestCount !== undefined && !ports.reusesTimeWait && wanted + connections > free)
    return warning(input, `${grouped(wanted)} new connections need more than ${count}${taken}`);
  // How fast the server is nobody knows yet; slower than this it can hardly be.
  const sustained = (ports.available * 1000) / ports.heldMs;
  if (input.requestCount === undefined && sustained < SLOW_CONNECTIONS_PER_SECOND)
    return warning(
      input,
      `${count}${taken}, each held for ${seconds(ports.heldMs)} after its connection: enough for ${grouped(Math.floor(sustained))} new connections a second`,
    );
  return undefined;
}

/** What servers of today accept a second without effort, on one core. */
const SLOW_CONNECTIONS_PER_SECOND = 2000;

function totalWanted({ ratePerSecond, durationMs, requestCount }: PredictionInput): number {
  const byTime =
    ratePerSecond === undefined || durationMs === undefined
      ? Number.POSITIVE_INFINITY
      : (ratePerSecond * durationMs) / 1000;
  return Math.min(byTime, requestCount ?? Number.POSITIVE_INFINITY);
}

function warning(input: PredictionInput, sentence: string): Warning {
  return { limit: 'ephemeral-ports', sentence, remedies: portRemedies(input.ports, input) };
}

/** What helps against a want of source ports, the likeliest first. */
export function portRemedies(
  ports: PortFacts | undefined,
  {
    hasSourceAddresses,
    newConnection,
    serverCloses,
  }: {
    readonly hasSourceAddresses: boolean;
    readonly newConnection: boolean;
    readonly serverCloses?: boolean;
  },
): string[] {
  const remedies: string[] = [];
  if (ports?.isLoopback === true)
    remedies.push(
      hasSourceAddresses
        ? '--source-addresses with a longer range: each address has ports of its own'
        : '--source-addresses 127.0.0.2-127.0.0.9: each address has ports of its own, here 8 times as many',
    );
  else remedies.push('--source-addresses with several addresses of this machine: each has ports of its own');
  if (newConnection && serverCloses !== true)
    remedies.push(
      "-H 'Connection: close': the server closes first, and the TIME_WAIT is its own; or keep connections",
    );
  if (ports !== undefined && (ports.first > 10_240 || ports.last < 65_535))
    remedies.push("sysctl -w net.ipv4.ip_local_port_range='10240 65535'");
  if (ports?.reusesTimeWait === false)
    remedies.push('sysctl -w net.ipv4.tcp_tw_reuse=1: ports in TIME_WAIT can be used again after a second');
  return remedies;
}
