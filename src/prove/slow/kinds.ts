/** The kinds of slow clients as scripts: what each withholds, from when its deadline counts, and which it is. */
import type { Promises, Target } from '../target/target.ts';
import { type Script, type Step, send } from '../wire/script.ts';
import type { DeadlineStart } from './deadlines.ts';

export interface SlowKind {
  readonly id: string;
  /** The beginning of a sentence. */
  readonly kind: string;
  readonly script: Script;
  readonly deadline: 'header' | 'idle' | 'body';
  readonly from: DeadlineStart;
}

/** A byte this often: often enough for each of them to be seen as life, rare enough for thousands of clients. */
function dripEveryMs(promiseMs: number | undefined): number {
  return Math.min(1000, Math.max(25, (promiseMs ?? 10_000) / 20));
}

/** What clients withhold that have to be ended. */
export function withholding(
  target: Target,
  promises: Promises,
  contentMethod: string | undefined,
): SlowKind[] {
  const { authority, paths } = target;
  const head = `GET ${paths.small} HTTP/1.1\r\nHost: ${authority}\r\n`;
  const request = `${head}\r\n`;
  const everyMs = dripEveryMs(promises.headerMs);
  const drip = (bytes: string): Step => ({ kind: 'drip', bytes, again: 'X-a: b\r\n', everyMs });
  const header = { deadline: 'header' } as const;
  const answer: Step = { kind: 'answers', count: 1 };
  const kinds: SlowKind[] = [
    { ...header, id: 'silent', kind: 'A client that connects and says nothing', script: [], from: 'connect' },
    {
      ...header,
      id: 'drip',
      kind: 'A head that comes byte by byte and never ends',
      script: [drip(head)],
      from: 'first byte',
    },
    {
      ...header,
      id: 'half-head',
      kind: 'Half a head, and then nothing',
      script: [send(`${head}X-a: b`)],
      from: 'first byte',
    },
    {
      ...{ ...header, id: 'second-drip', kind: 'A second request that comes byte by byte' },
      ...{ script: [send(request), answer, drip(head)], from: 'second request' },
    },
    {
      ...{
        ...header,
        id: 'pipelined-drip',
        kind: 'A request with the beginning of the next one behind it, which drips',
      },
      ...{ script: [send(`${request}GET`), drip(head.slice(3))], from: 'first byte' },
    },
    {
      ...{ id: 'idle', kind: 'A kept connection on which nothing more is asked', deadline: 'idle' },
      ...{ script: [send(request), answer], from: 'answer' },
    },
  ];
  if (contentMethod === undefined) return kinds;
  const upload = `${contentMethod} ${paths.upload ?? paths.small} HTTP/1.1\r\nHost: ${authority}\r\n`;
  const body = { deadline: 'body', from: 'last byte sent' } as const;
  return [
    ...kinds,
    {
      ...{ ...body, id: 'body-stalls', kind: 'Content that stops before its length is reached' },
      script: [send(`${upload}Content-Length: 1000\r\n\r\n0123456789`)],
    },
    {
      ...{ ...body, id: 'chunk-stalls', kind: 'A chunk that stops in its middle' },
      script: [send(`${upload}Transfer-Encoding: chunked\r\n\r\n64\r\n0123456789`)],
    },
  ];
}

export interface LiveKind {
  readonly id: string;
  readonly kind: string;
  readonly script: Script;
  readonly answers: number;
  /** Of each answer; 0 where it is not known. */
  readonly bytes: number;
  /** By so much it keeps within a deadline; it has none where it does not say. */
  readonly marginMs?: number;
}

/** Connections that a server closes after so many requests are common: nginx 1000, Apache 100. */
const PIPELINED_MAX = 90;
/** What both kernels hold for a reader that does not read: 4 MiB of tcp_wmem and 6 of tcp_rmem at most, half of it usually. */
const HELD_BYTES = 4 * 1024 * 1024;

/**
 * Clients that are slow and alive. Readers come where there is enough to read for their server to have to wait.
 * @param large status and size of what `paths.large` answers with
 */
export function livingSlowly(
  target: Target,
  promises: Promises,
  contentMethod: string | undefined,
  large: { readonly path: string; readonly bytes: number },
): LiveKind[] {
  const { authority, paths } = target;
  const kinds: LiveKind[] = [];
  const longestMs = Math.max(2000, ...finite(promises.headerMs, promises.bodyMs));
  const pauseMs = Math.min(30_000, longestMs * 1.5);
  const answers = Math.min(PIPELINED_MAX, Math.ceil((2 * HELD_BYTES) / Math.max(1, large.bytes)));
  if (answers * large.bytes >= HELD_BYTES) {
    const asks = send(`GET ${large.path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`.repeat(answers));
    const counts = { answers, bytes: large.bytes };
    const slowly: Step[] = Array.from({ length: 8 }, () => [
      { kind: 'read' } as const,
      { kind: 'wait', ms: 20 } as const,
      { kind: 'hold' } as const,
      { kind: 'wait', ms: pauseMs / 8 } as const,
    ]).flat();
    kinds.push(
      {
        ...{
          id: 'paused-reader',
          kind: `A reader that pauses for ${Math.round(pauseMs / 100) / 10} s`,
          ...counts,
        },
        script: [
          { kind: 'hold' },
          asks,
          { kind: 'wait', ms: pauseMs },
          { kind: 'read' },
          { kind: 'answers', count: answers },
        ],
      },
      {
        ...{ id: 'slow-reader', kind: 'A reader that takes a little at a time', ...counts },
        script: [{ kind: 'hold' }, asks, ...slowly, { kind: 'read' }, { kind: 'answers', count: answers }],
      },
    );
  }
  const [bodyMs] = finite(promises.bodyMs);
  if (contentMethod === undefined || bodyMs === undefined) return kinds;
  const head = `${contentMethod} ${paths.upload ?? paths.small} HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 4\r\n\r\n`;
  const steps = [...'slow'].flatMap((byte): Step[] => [{ kind: 'wait', ms: bodyMs * 0.5 }, send(byte)]);
  kinds.push({
    ...{
      id: 'slow-upload',
      kind: 'An upload whose bytes come far apart, each in time',
      answers: 1,
      bytes: 0,
      marginMs: bodyMs * 0.5,
    },
    script: [send(head), ...steps, { kind: 'answers', count: 1 }],
  });
  return kinds;
}

function finite(...values: (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined && Number.isFinite(value)) as number[];
}
