/**
 * A plan as it travels: bodies in base64, everything bounded and checked on arrival. Two kinds of plan do
 * not travel: one with a script, since whoever may publish a message could then run code on the agents,
 * and one to a unix socket, which is a thing of one machine.
 */
import { isIP } from 'node:net';
import type { ConnectTarget } from '../../engine/engine.ts';
import {
  LOAD_PROTOCOLS,
  type LoadPlan,
  type PlannedRequest,
  type PlannedTarget,
  type PlannedTls,
} from '../plan/load-plan.ts';
import { Fields, unfit } from './fields.ts';
import { WireError } from './frame.ts';

const ENGINES = ['auto', 'iouring', 'epoll', 'node'] as const;
const CONNECTIONS_MAX = 1_000_000;
const THREADS_MAX = 1024;
const TARGETS_MAX = 1000;
const REQUESTS_MAX = 100_000;
const ADDRESSES_MAX = 1024;
const TEXT_MAX = 8192;
/** DNS allows a host no more. RFC 1035 §2.3.4 */
const NAME_MAX = 255;
/** All that browsers trust are some 150. */
const ROOTS_MAX = 1000;
/** A chain of a dozen certificates with keys of RSA 4096. */
const PEM_MAX = 64 * 1024;
/** 30 days: longer is a slip of the pen, and what `setTimeout` can count is not much more. */
const TIME_MS_MAX = 30 * 24 * 3600 * 1000;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** @throws WireError for plans that do not travel */
export function encodePlan(plan: LoadPlan): Record<string, unknown> {
  if (plan.script !== undefined)
    throw new WireError('malformed', 'a script is not sent to agents: it would run there as their own code');
  if (plan.targets.some(({ connects }) => connects.some((connect) => 'unix' in connect)))
    throw new WireError('malformed', 'a unix socket is on one machine: agents load targets with an address');
  return {
    ...plan,
    timeoutMs: plan.timeoutMs === Number.POSITIVE_INFINITY ? undefined : plan.timeoutMs,
    requests: plan.requests.map((request) => ({
      ...request,
      bytes: Buffer.from(request.bytes).toString('base64'),
    })),
  };
}

/** @throws WireError */
export function readPlan(plan: Fields): LoadPlan {
  const targets = plan.list('targets', TARGETS_MAX, readTarget);
  const requests = plan.list('requests', REQUESTS_MAX, (value, path) =>
    readRequest(new Fields(value, path), targets.length),
  );
  if (targets.length === 0 || requests.length === 0)
    throw unfit(plan.at('requests'), 'a list with something');
  if (plan.has('script')) throw unfit(plan.at('script'), 'left out, as it must be');
  const optional = (name: string, min: number, max: number) =>
    plan.maybe(name, (each) => plan.number(each, min, max));
  const time = (name: string) => plan.number(name, 0, TIME_MS_MAX);
  const requestCount = plan.maybe('requestCount', (name) => plan.integer(name, 1, COUNT_MAX));
  const durationMs = optional('durationMs', 1, TIME_MS_MAX);
  if (requestCount === undefined && durationMs === undefined)
    throw unfit(plan.at('durationMs'), 'given, and neither is requestCount: the run would have no end');
  return {
    targets,
    requests,
    randomOrder: plan.flag('randomOrder'),
    connections: plan.integer('connections', 1, CONNECTIONS_MAX),
    threads: plan.integer('threads', 1, THREADS_MAX),
    protocol: plan.choice('protocol', LOAD_PROTOCOLS),
    pipeline: plan.integer('pipeline', 1, 65_536),
    engine: plan.choice('engine', ENGINES),
    ratePerSecond: optional('ratePerSecond', Number.MIN_VALUE, 1e9),
    phase: plan.number('phase', 0, 1),
    durationMs,
    requestCount,
    warmupMs: time('warmupMs'),
    rampMs: time('rampMs'),
    thinkMinMs: time('thinkMinMs'),
    thinkMaxMs: time('thinkMaxMs'),
    timeoutMs: optional('timeoutMs', 1, TIME_MS_MAX) ?? Number.POSITIVE_INFINITY,
    newConnection: plan.flag('newConnection'),
    sourceAddresses: plan.list('sourceAddresses', ADDRESSES_MAX, readAddress),
    script: undefined,
    tls: plan.maybe('tls', (name) => readTls(plan.object(name))),
    seed: plan.number('seed', -COUNT_MAX, COUNT_MAX),
  };
}

function readTls(tls: Fields): PlannedTls {
  return {
    insecure: tls.flag('insecure'),
    ca: tls.list('ca', ROOTS_MAX, (value, path) => {
      if (typeof value !== 'string' || value.length > PEM_MAX) throw unfit(path, 'a certificate in PEM');
      return value;
    }),
    cert: tls.maybe('cert', (name) => tls.text(name, PEM_MAX)),
    key: tls.maybe('key', (name) => tls.text(name, PEM_MAX)),
    resume: tls.flag('resume'),
  };
}

function readTarget(value: unknown, path: string): PlannedTarget {
  const target = new Fields(value, path);
  const connects = target.list('connects', ADDRESSES_MAX, readConnect);
  if (connects.length === 0) throw unfit(target.at('connects'), 'a list with something');
  return {
    origin: target.text('origin', TEXT_MAX),
    authority: target.text('authority', TEXT_MAX),
    connects,
  };
}

function readConnect(value: unknown, path: string): ConnectTarget {
  const connect = new Fields(value, path);
  const address = readAddress(connect.text('address', TEXT_MAX), connect.at('address'));
  const local = connect.maybe('localAddress', (name) =>
    readAddress(connect.text(name, TEXT_MAX), connect.at(name)),
  );
  return {
    family: isIP(address) === 4 ? 'IPv4' : 'IPv6',
    address,
    port: connect.integer('port', 1, 65_535),
    ...(local === undefined ? {} : { localAddress: local }),
    ...(connect.has('serverName') ? { serverName: connect.text('serverName', NAME_MAX) } : {}),
  };
}

function readAddress(value: unknown, path: string): string {
  if (typeof value !== 'string' || isIP(value) === 0) throw unfit(path, 'an IP address');
  return value;
}

function readRequest(request: Fields, targetCount: number): PlannedRequest {
  const text = request.text('bytes', Number.POSITIVE_INFINITY);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0) throw unfit(request.at('bytes'), 'a request in base64');
  return {
    target: request.integer('target', 0, targetCount - 1),
    method: request.text('method', 100),
    url: request.text('url', TEXT_MAX),
    path: request.text('path', TEXT_MAX),
    // Copied out of the pool that small buffers share, which would travel to each thread.
    bytes: Uint8Array.from(bytes),
  };
}
