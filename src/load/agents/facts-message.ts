/** What a machine tells of itself, as it is checked on arrival: what it is, and what limited it. */

import type { MachineSummary } from '../measure/load-result.ts';
import type { MachineFacts } from '../measure/machine-facts.ts';
import type { NetworkFacts } from '../measure/network-facts.ts';
import type { ServerCpu } from '../measure/server-process.ts';
import type { PortFacts } from '../measure/source-ports.ts';
import type { Fields } from './fields.ts';

const TEXT_MAX = 300;
const NUMBER_MAX = Number.MAX_SAFE_INTEGER;
const CORES_MAX = 100_000;

/** What a machine is, before it has answered anything. */
export type MachineKind = Omit<MachineSummary, 'name' | 'answered' | 'startUncertaintyMs' | 'lost'>;

/** @throws WireError */
export function readMachineKind(kind: Fields): MachineKind {
  return {
    os: kind.text('os', TEXT_MAX),
    cpu: kind.text('cpu', TEXT_MAX),
    cores: kind.integer('cores', 1, CORES_MAX),
    memoryBytes: kind.number('memoryBytes', 0, NUMBER_MAX),
    node: kind.text('node', TEXT_MAX),
  };
}

/** @throws WireError */
export function readMachineFacts(facts: Fields): MachineFacts {
  const optional = (name: string) => facts.maybe(name, (each) => facts.number(each, 0, NUMBER_MAX));
  return {
    cores: facts.integer('cores', 1, CORES_MAX),
    userMs: facts.number('userMs', 0, NUMBER_MAX),
    systemMs: facts.number('systemMs', 0, NUMBER_MAX),
    server: facts.maybe('server', (name) => readServerCpu(facts.object(name))),
    ports: facts.maybe('ports', (name) => readPorts(facts.object(name))),
    portsMax: optional('portsMax'),
    descriptorsMax: optional('descriptorsMax'),
    network: facts.maybe('network', (name) => readNetwork(facts.object(name))),
  };
}

function readServerCpu(server: Fields): ServerCpu {
  const number = (name: string) => server.number(name, 0, NUMBER_MAX);
  return {
    wallMs: number('wallMs'),
    cpuMs: number('cpuMs'),
    userMs: number('userMs'),
    systemMs: number('systemMs'),
    busiestShare: number('busiestShare'),
    busiestWaitedShare: number('busiestWaitedShare'),
    threadCount: number('threadCount'),
  };
}

function readPorts(ports: Fields): PortFacts {
  return {
    available: ports.number('available', 0, NUMBER_MAX),
    heldMs: ports.number('heldMs', 0, NUMBER_MAX),
    reusesTimeWait: ports.flag('reusesTimeWait'),
    isLoopback: ports.flag('isLoopback'),
    first: ports.integer('first', 0, 65_535),
    last: ports.integer('last', 0, 65_535),
  };
}

function readNetwork(network: Fields): NetworkFacts {
  return {
    segmentsSent: network.number('segmentsSent', -NUMBER_MAX, NUMBER_MAX),
    segmentsRetransmitted: network.number('segmentsRetransmitted', -NUMBER_MAX, NUMBER_MAX),
    isLoopback: network.flag('isLoopback'),
    linkBitsPerSecond: network.maybe('linkBitsPerSecond', (name) => network.number(name, 0, NUMBER_MAX)),
    bytesMoved: network.number('bytesMoved', 0, NUMBER_MAX),
  };
}
