/** What flags and URLs of `holdfast load` ask for, checked and read, as the load generator takes it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { arrayBuffer, text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { OptionError } from '../base/errors.ts';
import { type FieldPair, parseHeaderFlag } from '../load/client/h1-request-encoder.ts';
import { folderOf, type LoadOptions, readBody } from '../load/plan/build-plan.ts';
import type { LoadProtocol, PlannedScript } from '../load/plan/load-plan.ts';
import { parseSourceAddresses } from '../load/plan/source-addresses.ts';
import { type ListedUrl, parseListedUrl, parseUrlList } from '../load/plan/url-list.ts';
import { isFieldName } from '../protocol/h1/field-encoder.ts';
import type { FlagValues } from './arguments.ts';
import { CommandError, UsageError } from './failure.ts';
import type { LOAD_FLAGS } from './load-flags.ts';
import { parseCount, parsePositiveTime, parseRate, parseTime, parseTimeRange } from './load-numbers.ts';
import { readTlsFlags } from './load-tls.ts';

export type LoadFlags = FlagValues<typeof LOAD_FLAGS>;

/** In place of a file's name. */
const STANDARD_INPUT = '-';
const DEFAULT_CONNECTIONS = 50;
/** `--streams` allows as many. */
const STREAMS_MAX = 1024;
const DEFAULT_DURATION_MS = 10_000;
/** One step of a search takes so long. */
const DEFAULT_STEP_MS = 3000;
const DEFAULT_TIMEOUT_MS = 10_000;
/** Our own code is compiled while it runs: the first second says more about that than about the server. */
const DEFAULT_WARMUP_MS = 1000;
/** Ours, where the user gives none. */
const CLOSE_FIELD: FieldPair = ['Connection', 'close'];
/** More, and one machine has no ports and no memory for them. */
const CONNECTIONS_MAX = 1_000_000;

/** @throws UsageError and OptionError for flags that are wrong, CommandError for files that are */
export async function readLoadOptions(flags: LoadFlags, urls: readonly string[]): Promise<LoadOptions> {
  if (flags['body-file'] === STANDARD_INPUT && flags.file === STANDARD_INPUT)
    throw new UsageError('--body-file - and --file - are not given together: there is one standard input');
  const listed = await readUrls(flags, urls);
  const connections =
    flags.connections === undefined
      ? DEFAULT_CONNECTIONS
      : parseCount('--connections', flags.connections, CONNECTIONS_MAX);
  const think = flags.think === undefined ? { minMs: 0, maxMs: 0 } : parseTimeRange('--think', flags.think);
  if (flags.body !== undefined && flags['body-file'] !== undefined)
    throw new UsageError('--body and --body-file are not given together');
  const sourceAddresses = await readSourceAddresses(flags['source-addresses'], flags.agents === undefined);
  const headers = (flags.header ?? []).map((header) => parseHeaderFlag('--header', header));
  // A client that asks for a close leaves it to the server to close first, and so the TIME_WAIT. RFC 9112 §9.6
  if (
    flags['new-connection'] === true &&
    flags.h2 !== true &&
    !headers.some(([name]) => /^connection$/i.test(name))
  )
    headers.push(CLOSE_FIELD);
  return {
    ...(await readTlsFlags(flags)),
    urls: listed,
    folder: folderOf(flags.file === STANDARD_INPUT ? undefined : flags.file),
    method: streamsOfMethod(flags) === undefined ? readMethod(flags.method) : undefined,
    headers,
    body: await readGivenBody(flags),
    unixPath: flags.unix,
    run: {
      randomOrder: false,
      connections,
      threads:
        flags.threads === undefined || flags.threads === 'auto' ? autoThreads(connections) : flags.threads,
      ...readProtocol(flags),
      engine: flags.engine ?? 'auto',
      ...readExtent(flags),
      thinkMinMs: think.minMs,
      thinkMaxMs: think.maxMs,
      timeoutMs:
        flags.timeout === undefined ? DEFAULT_TIMEOUT_MS : parsePositiveTime('--timeout', flags.timeout),
      newConnection: flags['new-connection'] === true,
      sourceAddresses,
      script: flags.script === undefined ? undefined : plannedScript(flags.script, headers),
      seed: 1,
    },
  };
}

/** The server has chosen HTTP/2: what was read for HTTP/1.1 is made anew. @throws OptionError */
export function overHttp2(options: LoadOptions, flags: LoadFlags): LoadOptions {
  return {
    ...options,
    headers: options.headers.filter((field) => field !== CLOSE_FIELD),
    run: { ...options.run, ...readProtocol({ ...flags, h2: true }) },
  };
}

/** `-m 32` beside `--h2` or `--alpn` is what users of h2load write; no method is a number. */
function streamsOfMethod({ h2, alpn, method }: LoadFlags): number | undefined {
  return (h2 === true || alpn === true) && method !== undefined && /^\d+$/.test(method)
    ? Number(method)
    : undefined;
}

/** @throws UsageError for flags that belong to the other protocol */
function readProtocol(flags: LoadFlags): { protocol: LoadProtocol; pipeline: number } {
  if (flags.h2 !== true) {
    if (flags.streams !== undefined && flags.alpn !== true)
      throw new UsageError('--streams goes with --h2; without it, use --pipeline');
    return { protocol: 'http/1.1', pipeline: flags.pipeline ?? 1 };
  }
  if (flags.pipeline !== undefined) throw new UsageError('--pipeline is HTTP/1.1; with --h2, use --streams');
  const streams = flags.streams ?? streamsOfMethod(flags) ?? 1;
  if (streams < 1 || streams > STREAMS_MAX)
    throw new OptionError('-m', streams, `with --h2 it is a number of streams from 1 to ${STREAMS_MAX}`);
  return { protocol: 'h2', pipeline: streams };
}

function plannedScript(file: string, headers: PlannedScript['headers']): PlannedScript {
  if (!existsSync(file)) throw new CommandError(`--script ${file}: no such file`);
  return { name: file, url: pathToFileURL(resolve(file)).href, headers };
}

function readMethod(method: string | undefined): string | undefined {
  if (method !== undefined && !isFieldName(method))
    throw new OptionError('--method', method, 'a method is a token such as GET');
  return method?.toUpperCase();
}

/** How many requests are to be made, or for how long. */
function readExtent(flags: LoadFlags) {
  const requestCount = flags.requests === undefined ? undefined : parseCount('--requests', flags.requests);
  const isSearch = flags['find-limit'] !== undefined;
  const rampMs = flags.ramp === undefined ? 0 : parseTime('--ramp', flags.ramp);
  const defaultDurationMs =
    requestCount === undefined ? (isSearch ? DEFAULT_STEP_MS : DEFAULT_DURATION_MS) : undefined;
  const durationMs =
    flags.duration === undefined ? defaultDurationMs : parsePositiveTime('--duration', flags.duration);
  if (rampMs > 0 && durationMs !== undefined && rampMs > durationMs)
    throw new OptionError('--ramp', flags.ramp, 'a ramp ends within --duration');
  const ratePerSecond = flags.rate === undefined ? undefined : parseRate('--rate', flags.rate);
  if (isSearch && (ratePerSecond !== undefined || requestCount !== undefined || rampMs > 0))
    throw new UsageError(
      '--find-limit chooses the rate itself: it goes without --rate, --requests and --ramp',
    );
  const warmupMs =
    flags.warmup === undefined
      ? requestCount !== undefined || rampMs > 0
        ? 0
        : DEFAULT_WARMUP_MS
      : parseTime('--warmup', flags.warmup);
  return { ratePerSecond, durationMs, requestCount, warmupMs, rampMs };
}

async function readUrls(flags: LoadFlags, urls: readonly string[]): Promise<ListedUrl[]> {
  const listed = urls.map((url) => parseListedUrl(url, 'URL'));
  if (flags.file !== undefined) listed.push(...parseUrlList(await readList(flags.file), nameOf(flags.file)));
  if (listed.length === 0)
    throw new UsageError('a URL is missing, as in: holdfast load http://127.0.0.1:8080/; see --help');
  return listed;
}

function nameOf(file: string): string {
  return file === STANDARD_INPUT ? 'standard input' : file;
}

async function readList(file: string): Promise<string> {
  try {
    return file === STANDARD_INPUT ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(`${nameOf(file)}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function readGivenBody(flags: LoadFlags): Promise<Uint8Array | undefined> {
  if (flags['body-file'] === STANDARD_INPUT) return new Uint8Array(await arrayBuffer(process.stdin));
  if (flags['body-file'] !== undefined) return readBody('--body-file', flags['body-file']);
  return flags.body === undefined ? undefined : new TextEncoder().encode(flags.body);
}

/** A thread keeps some 100,000 requests a second going; the server, if it is here, needs cores too. */
export function autoThreads(connections: number): number {
  return Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2), Math.ceil(connections / 16)));
}

/**
 * An address that is not this machine's would look like a want of ports later on.
 * @throws OptionError
 */
export async function readSourceAddresses(text: string | undefined, areHere = true): Promise<string[]> {
  if (text === undefined) return [];
  const addresses = parseSourceAddresses('--source-addresses', text);
  if (!areHere) return addresses;
  for (const address of addresses) {
    await new Promise<void>((resolve, reject) => {
      const server = createServer();
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new OptionError('--source-addresses', address, `it is an address of this machine (${error.code})`),
        ),
      );
      server.listen({ host: address, port: 0, exclusive: true }, () => server.close(() => resolve()));
    });
  }
  return addresses;
}
