/**
 * What limited a run, judged from numbers alone: one line, the evidence for it, and what to do. The order
 * of the questions matters: a want of ports or descriptors shows as idle CPUs, and a client at its limit
 * makes everything else look calm.
 */

import { FAILURE_NAMES } from '../client/failure-names.ts';
import type { LimitName, SecondSample, Verdict } from '../measure/load-result.ts';
import type { NetworkFacts } from '../measure/network-facts.ts';
import { bytes, grouped, latency, percent, seconds, significant } from '../measure/number-text.ts';
import type { ThreadCpu } from '../measure/run-totals.ts';
import { BUSY_SHARE, MARK_TEXT } from '../measure/second-marks.ts';
import type { ServerCpu } from '../measure/server-process.ts';
import type { PortFacts } from '../measure/source-ports.ts';
import { portRemedies } from './predict-limits.ts';

export interface VerdictInput {
  /** The name of the machine that made this load; undefined for this one, or for several together. */
  readonly machine?: string;
  readonly measuredMs: number;
  readonly connections: number;
  readonly pipeline: number;
  readonly newConnection: boolean;
  readonly hasSourceAddresses: boolean;
  /** Requests ask for a close already. */
  readonly serverCloses?: boolean;
  /** Connections that this side closed first. */
  readonly closedHere?: number;
  readonly ratePerSecond: number | undefined;
  /** Requests that the schedule of a constant rate holds; undefined without one. */
  readonly dueCount: number | undefined;
  /** Between an answer and the next request, on average; 0 for none. */
  readonly thinkMs: number;
  readonly requestCount: number | undefined;
  /** In the measured time. */
  readonly answered: number;
  /** All requests that ended, answered or not. */
  readonly ended: number;
  readonly failedWithoutAnswer: number;
  /** Answers of 400 and more, or that a check refused. */
  readonly refused: number;
  /** Requests lost with a kept connection that the server closed, and which may not be sent again. */
  readonly notRepeated?: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  /** From sending to answer, on average. */
  readonly meanServiceMs: number;
  readonly connectionsOpened: number;
  readonly threads: readonly ThreadCpu[];
  /** Cores that the client may use. */
  readonly cores: number;
  readonly server: ServerCpu | undefined;
  readonly ports: PortFacts | undefined;
  readonly portsMax: number | undefined;
  readonly descriptorsMax: number | undefined;
  readonly network: NetworkFacts | undefined;
  readonly series: readonly SecondSample[];
  /** 99th percentile of how late requests of a constant rate left. */
  readonly sendDelayP99Ms: number;
}

/** A rate counts as kept from here on: the goal is 0.5 %, the rest is the last second's edge. */
const RATE_KEPT_SHARE = 0.99;
/** Fewer requests due than that, and it was not the whole rate all the time. */
const RAMPED_SHARE = 0.97;
/** With more failures than answers the failures are the result. */
const ERRORS_SHARE = 0.5;
const RETRANSMITTED_SHARE = 0.01;
const LINK_SHARE = 0.9;
/** Requests under way on average, divided by those that may be under way. Below this share connections wait for something else. */
const OCCUPIED_SHARE = 0.6;

const TELLING_MS = 300;
/** Nothing was answered in a whole second, and a request had waited through all of it. */
const HANG_MS = 1000;

interface Finding {
  readonly limit: LimitName;
  readonly sentence: string;
  readonly remedies: readonly string[];
}

type Question = (input: VerdictInput) => Finding | undefined;

const QUESTIONS: readonly Question[] = [
  noDescriptors,
  noPorts,
  mostlyErrors,
  mostlyRefused,
  notConnected,
  tooShort,
  keptRate,
  thinking,
  busyCpu,
  slowNetwork,
  slowAnswers,
  stoodStill,
];
/** Where one machine of several can be what limits all. */
const QUESTIONS_BY_MACHINE: readonly Question[] = [noDescriptors, noPorts, busyCpu, slowNetwork];

/**
 * @param input of the whole run
 * @param shares the same of each machine, when there were several that made the load
 */
export function judge(input: VerdictInput, shares: readonly VerdictInput[] = []): Verdict {
  const evidence = evidenceOf(input, shares);
  for (const question of QUESTIONS) {
    const asked = shares.length > 0 && QUESTIONS_BY_MACHINE.includes(question) ? shares : [input];
    for (const each of asked) {
      const finding = question(each);
      if (finding !== undefined)
        return { ...finding, evidence, remedies: [...finding.remedies, ...closeRemedies(input)] };
    }
  }
  return {
    limit: 'unknown',
    sentence: 'limited by: unknown (neither CPU was busy, and connections were not all in use)',
    evidence,
    remedies: closeRemedies(input),
  };
}

/**
 * A server may close a kept connection without a word, just when the next request is on its way. A GET is sent
 * again; with POST nobody knows whether the server has acted on it, so it has failed. RFC 9110 §9.2.2
 */
function closeRemedies({ notRepeated = 0 }: VerdictInput): string[] {
  if (notRepeated === 0) return [];
  return [
    'let the server say Connection: close before it closes, or keep idle connections for longer; or load with --new-connection',
  ];
}

/** ` of agent-1`, where it must be said whose. */
function ofMachine({ machine }: VerdictInput): string {
  return machine === undefined ? '' : ` of ${machine}`;
}

function noDescriptors(input: VerdictInput): Finding | undefined {
  const { errors, descriptorsMax, connections } = input;
  const count = (errors['EMFILE'] ?? 0) + (errors['ENFILE'] ?? 0);
  if (count === 0) return undefined;
  const bound = descriptorsMax === undefined ? '' : `${grouped(descriptorsMax)} in this process; `;
  return {
    limit: 'descriptors',
    sentence: `limited by: descriptors${ofMachine(input)} (${bound}${grouped(count)} connections could not be opened)`,
    remedies: [`ulimit -n ${connections * 2 + 1024}`],
  };
}

function noPorts(input: VerdictInput): Finding | undefined {
  const count = input.errors['EADDRNOTAVAIL'] ?? 0;
  if (count === 0) return undefined;
  const { ports, measuredMs } = input;
  const remedies = portRemedies(ports, input);
  if (ports === undefined)
    return {
      limit: 'ephemeral-ports',
      sentence: `limited by: ephemeral ports${ofMachine(input)} (${grouped(count)} connections found none free)`,
      remedies,
    };
  const perSecond = measuredMs > 0 ? (input.connectionsOpened * 1000) / measuredMs : 0;
  const last =
    perSecond > 0
      ? `; at ${grouped(perSecond)} connections/s they last ${seconds((ports.available / perSecond) * 1000)}, and each is held for ${seconds(ports.heldMs)}`
      : '';
  return {
    limit: 'ephemeral-ports',
    sentence: `limited by: ephemeral ports${ofMachine(input)} (${grouped(ports.available)} to one destination${last}; ${grouped(count)} connections found none free)`,
    remedies,
  };
}

function mostlyErrors({ errors, ended, failedWithoutAnswer }: VerdictInput): Finding | undefined {
  if (failedWithoutAnswer === 0 || failedWithoutAnswer < ended * ERRORS_SHARE) return undefined;
  const [name, count] = mostOf(errors);
  return {
    limit: 'errors',
    sentence: `limited by: errors (${percent(failedWithoutAnswer / ended)} of the requests had no answer; ${name} ${grouped(count)} times)`,
    remedies: REMEDIES_BY_ERROR[name] ?? REMEDIES_BY_ERROR[name.split(':', 1)[0]!] ?? [],
  };
}

/** A server that refuses is quick: what it does then is not what was to be measured. */
function mostlyRefused({ statuses, ended, refused }: VerdictInput): Finding | undefined {
  if (refused === 0 || refused < ended * ERRORS_SHARE) return undefined;
  const [status, count] = mostOf(refusals(statuses));
  const what = status === '' ? 'a check refused them' : `${status} ${grouped(count)} times`;
  return {
    limit: 'errors',
    sentence: `limited by: errors (${percent(refused / ended)} of the requests were answered and failed; ${what})`,
    remedies: status === '404' ? ['the path: nothing is there'] : [],
  };
}

function refusals(statuses: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(statuses).filter(([status]) => status >= '400'));
}

/** @returns the name with the highest count; an empty one where there is none */
function mostOf(counts: Readonly<Record<string, number>>): [name: string, count: number] {
  return Object.entries(counts).sort((a, b) => b[1] - a[1])[0] ?? ['', 0];
}

const REMEDIES_BY_ERROR: Readonly<Record<string, readonly string[]>> = {
  ECONNREFUSED: ['nothing listens there: start the server, or check host and port'],
  ENOENT: ['there is no such unix socket: check --unix'],
  [FAILURE_NAMES.notSent]: [
    'every connection was busy all the time: a lower rate (-r), or more connections (-c)',
  ],
  [FAILURE_NAMES.timeout]: ['--timeout with a longer time, if answers may take that long'],
  [FAILURE_NAMES.connectTimeout]: ['nothing answers there: check host and port, or a firewall on the way'],
  [FAILURE_NAMES.garbage]: ['what answers there breaks the protocol, or speaks another one: check the port'],
  [FAILURE_NAMES.http1Answer]: ['without --h2: the server speaks HTTP/1'],
  [FAILURE_NAMES.unsolicited]: [
    'the server sends more than it is asked for (two answers, or content after HEAD, 204, 304): whose answers are whose is not sure',
  ],
};

/** Broken off before the first connection stood, or failed. */
function notConnected({ connectionsOpened, ended }: VerdictInput): Finding | undefined {
  if (connectionsOpened > 0 || ended > 0) return undefined;
  return {
    limit: 'unknown',
    sentence: 'limited by: unknown (not one connection stood when the run was broken off)',
    remedies: [
      'nothing answers there: check host and port, a firewall on the way, or whether the server accepts',
    ],
  };
}

/** Over so short a time, shares of CPU time tell little: they depend on how the scheduler cuts its slices. */
function tooShort({ measuredMs }: VerdictInput): Finding | undefined {
  if (measuredMs >= TELLING_MS) return undefined;
  return {
    limit: 'unknown',
    sentence: `limited by: unknown (a run of ${Math.round(measuredMs)} ms is too short to tell)`,
    remedies: ['a longer run: -d 10s, or a larger -n'],
  };
}

function keptRate(input: VerdictInput): Finding | undefined {
  const { ratePerSecond, dueCount, answered, measuredMs, ended } = input;
  const failed = input.failedWithoutAnswer + input.refused;
  if (ratePerSecond === undefined || dueCount === undefined || answered < dueCount * RATE_KEPT_SHARE)
    return undefined;
  const achieved = (answered * 1000) / measuredMs;
  // A ramp asks for less than the whole rate at first.
  const average = (dueCount * 1000) / measuredMs;
  const rate =
    average < ratePerSecond * RAMPED_SHARE
      ? `${significant(average)}/s on average, growing to ${significant(ratePerSecond)}/s`
      : `${significant(ratePerSecond)}/s`;
  return {
    limit: 'asked-rate',
    sentence: `limited by: the asked rate (${rate}, kept at ${significant(achieved)}/s)${failed === 0 ? '; nothing was at its limit' : `, but ${percent(failed / ended)} of the requests failed`}`,
    remedies: [],
  };
}

function thinking({
  thinkMs,
  answered,
  measuredMs,
  connections,
  meanServiceMs,
}: VerdictInput): Finding | undefined {
  if (thinkMs === 0) return undefined;
  const possible = (connections * measuredMs) / (thinkMs + meanServiceMs);
  if (answered < possible * 0.9 || meanServiceMs > thinkMs) return undefined;
  return {
    limit: 'asked-rate',
    sentence: `limited by: the think time (${latency(thinkMs)} on average between an answer and the next request of each of ${grouped(connections)} connections)`,
    remedies: ['more connections: -c', 'no think time'],
  };
}

function busyCpu(input: VerdictInput): Finding | undefined {
  const client = busiestThread(input.threads);
  const { server } = input;
  const serverShare = server === undefined ? 0 : server.busiestShare + server.busiestWaitedShare;
  const clientShare = client.atWork + client.waited;
  const isServer =
    serverShare >= BUSY_SHARE - 0.05 ||
    (server !== undefined && isStarved(server.busiestShare, server.busiestWaitedShare));
  const isClient = clientShare >= BUSY_SHARE - 0.02 || isStarved(client.atWork, client.waited);
  if (!isServer && !isClient) return undefined;
  // Where both are busy, the busier one is the limit, and the other waits for it.
  if (isServer && server !== undefined && serverShare >= clientShare - 0.02 && !bothWait(client, server))
    return serverLimit(server);
  if (!isClient) return server === undefined ? undefined : serverLimit(server);
  return portSearch(input) ?? clientLimit(input, client);
}

/**
 * The kernel offers ports of one parity first (inet_hash_connect), and takes one in TIME_WAIT only when it
 * has been there for a while: when most of that half are younger, each connect(2) searches long, and the
 * client's CPU goes there. Measured: 14,100 connections a second at 70 µs with 28,232 ports, where a server
 * that closes first lets the same client make 37,000 at 26 µs.
 */
function portSearch(input: VerdictInput): Finding | undefined {
  const { ports, closedHere = 0, measuredMs } = input;
  if (ports === undefined || !ports.reusesTimeWait || measuredMs <= 0) return undefined;
  const perSecond = (closedHere * 1000) / measuredMs;
  const held = (perSecond * ports.heldMs) / 1000;
  if (held < (ports.available / 2) * SEARCHED_SHARE) return undefined;
  return {
    limit: 'ephemeral-ports',
    sentence: `limited by: ephemeral ports${ofMachine(input)} (${grouped(ports.available)} to one destination, each held for ${seconds(ports.heldMs)}; at ${grouped(perSecond)} connections/s the system spends this client's CPU searching for one that is free)`,
    remedies: portRemedies(ports, input),
  };
}

/** With this share of the half that is offered first in use, the search is long. */
const SEARCHED_SHARE = 0.8;

/** A thread that waits for a core a good part of the time would be faster with one, even if it is idle now and then. */
function isStarved(atWork: number, waited: number): boolean {
  return waited > 0.15 && atWork + waited > 0.7;
}

interface ThreadShares {
  readonly atWork: number;
  readonly waited: number;
}

/** Both wait for a core a good part of the time: for the same one, or for what others use. */
function bothWait(client: ThreadShares, server: ServerCpu): boolean {
  return client.waited > 0.2 && server.busiestWaitedShare > 0.2;
}

function busiestThread(threads: readonly ThreadCpu[]): ThreadShares {
  let best: ThreadShares = { atWork: 0, waited: 0 };
  for (const { wallMs, cpuMs, waitedMs } of threads) {
    if (wallMs <= 0) continue;
    const shares = { atWork: cpuMs / wallMs, waited: (waitedMs ?? 0) / wallMs };
    if (shares.atWork + shares.waited > best.atWork + best.waited) best = shares;
  }
  return best;
}

function serverLimit({ busiestShare, busiestWaitedShare, threadCount, cpuMs, wallMs }: ServerCpu): Finding {
  const threads = threadCount === 1 ? 'its thread' : `the busiest of its ${threadCount} threads`;
  const waited = busiestWaitedShare > 0.1 ? `, and waited for a core ${percent(busiestWaitedShare)}` : '';
  return {
    limit: 'server-cpu',
    sentence: `limited by: server CPU (${threads} was at work ${percent(busiestShare)} of the time${waited}; ${(cpuMs / wallMs).toFixed(2)} cores in all)`,
    remedies: busiestWaitedShare > 0.1 ? ['a core for the server that nothing else uses'] : [],
  };
}

function clientLimit(input: VerdictInput, client: ThreadShares): Finding {
  const { threads, cores, server, machine } = input;
  const remedies: string[] = [];
  if (client.waited > 0.1) remedies.push('a core for the client that nothing else uses (taskset -c)');
  if (threads.length < cores) remedies.push(`more threads: --threads ${Math.min(cores, threads.length * 2)}`);
  remedies.push(machine === undefined ? 'load from another machine' : 'load from more machines');
  const cpu = machine === undefined ? "this client's CPU" : `the CPU of ${machine}`;
  const waited = client.waited > 0.05 ? `, and it was without a core for ${percent(client.waited)}` : '';
  const shared =
    server !== undefined && bothWait(client, server) ? '; client and server both have to wait for cores' : '';
  const whose = threads.length === 1 ? 'its thread' : `the busiest of its ${threads.length} threads`;
  return {
    limit: 'client-cpu',
    sentence: `limited by: ${cpu} (${whose} was at work ${percent(client.atWork)} of the time${waited}${shared}); the server may do more`,
    remedies,
  };
}

function slowNetwork(input: VerdictInput): Finding | undefined {
  const { network, measuredMs } = input;
  if (network === undefined || network.isLoopback) return undefined;
  const { segmentsSent, segmentsRetransmitted, linkBitsPerSecond, bytesMoved } = network;
  const bitsPerSecond = (bytesMoved * 8 * 1000) / measuredMs;
  if (linkBitsPerSecond !== undefined && bitsPerSecond > linkBitsPerSecond * LINK_SHARE)
    return {
      limit: 'network',
      sentence: `limited by: network${ofMachine(input)} (${bytes(bitsPerSecond / 8)}/s, ${percent(bitsPerSecond / linkBitsPerSecond)} of the link's speed)`,
      remedies: [],
    };
  if (segmentsRetransmitted > segmentsSent * RETRANSMITTED_SHARE && segmentsRetransmitted > 100)
    return {
      limit: 'network',
      sentence: `limited by: network${ofMachine(input)} (${percent(segmentsRetransmitted / segmentsSent)} of the segments were sent again)`,
      remedies: ['look for a full queue or a bad link between the machines'],
    };
  return undefined;
}

/** A server that hangs uses no CPU, and its connections look as if they were not in use. */
function stoodStill({ series }: VerdictInput): Finding | undefined {
  const waits = series.filter(({ answered, maxMs }) => answered === 0 && (maxMs ?? 0) >= HANG_MS);
  const longest = Math.max(0, ...waits.map(({ maxMs }) => maxMs ?? 0));
  if (waits.length === 0) return undefined;
  return {
    limit: 'handler-time',
    sentence: `limited by: a server that stood still (in ${waits.length} of ${series.length} seconds nothing was answered, while requests waited for up to ${latency(longest)})`,
    remedies: ['look for what blocks the server meanwhile: its event loop, a lock, a garbage collection'],
  };
}

/** By Little's law: what is under way on average is rate times time. */
function slowAnswers(input: VerdictInput): Finding | undefined {
  const { answered, measuredMs, meanServiceMs, connections, pipeline, server } = input;
  if (answered === 0) return undefined;
  const underWay = (answered / measuredMs) * meanServiceMs;
  if (underWay < connections * pipeline * OCCUPIED_SHARE) return undefined;
  const seen =
    server === undefined ? "the server's CPU cannot be seen from here" : "the server's CPU was not busy";
  return {
    limit: 'handler-time',
    sentence: `limited by: handler time (an answer takes ${latency(meanServiceMs)}, so ${grouped(connections)} connections get ${grouped((answered * 1000) / measuredMs)}/s; ${seen})`,
    remedies: [`more connections: -c ${connections * 2}`],
  };
}

function evidenceOf(input: VerdictInput, shares: readonly VerdictInput[]): string[] {
  const lines = (shares.length > 0 ? shares : [input]).flatMap(clientEvidence);
  const { server, ports, portsMax } = input;
  if (server !== undefined)
    lines.push(
      `server: ${server.threadCount === 1 ? '1 thread' : `busiest of ${server.threadCount} threads`} at work ${percent(server.busiestShare)}, without a core ${percent(server.busiestWaitedShare)}; ${(server.cpuMs / server.wallMs).toFixed(2)} cores in all`,
    );
  if (
    ports !== undefined &&
    portsMax !== undefined &&
    (input.newConnection || portsMax > ports.available / 2)
  )
    lines.push(`source ports: ${grouped(portsMax)} of ${grouped(ports.available)} in use at the most`);
  const { notRepeated = 0 } = input;
  if (notRepeated > 0)
    lines.push(
      `the server closed kept connections without a word under ${grouped(notRepeated)} request${notRepeated === 1 ? '' : 's'} that must not be sent again by itself (POST and the like)`,
    );
  if (input.ratePerSecond !== undefined && input.dueCount !== undefined)
    lines.push(
      `schedule: ${grouped(input.dueCount)} requests were due, ${grouped(input.answered)} answered in time; 99 % left within ${latency(input.sendDelayP99Ms)} of their moment`,
    );
  const marks = new Map<string, number>();
  for (const { marks: list } of input.series)
    for (const mark of list) marks.set(mark, (marks.get(mark) ?? 0) + 1);
  for (const [mark, count] of marks)
    lines.push(`${MARK_TEXT[mark] ?? mark}: in ${count} of ${input.series.length} seconds`);
  return lines;
}

function clientEvidence({ threads, machine }: VerdictInput): string[] {
  if (threads.length === 0) return [];
  const { atWork, waited } = busiestThread(threads);
  const which = threads.length === 1 ? '1 thread' : `busiest of ${threads.length} threads`;
  return [
    `${machine ?? 'client'}: ${which} at work ${percent(atWork)}, without a core ${percent(waited)} of the time`,
  ];
}
