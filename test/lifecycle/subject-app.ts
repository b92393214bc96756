/**
 * The handler under test: each path is one behaviour of a user's code that the life of a connection depends
 * on. What it is told (signals, cancels) and what it holds (files) it writes down in a ledger, by the `id`
 * of the request. Loaded by subject.ts in its own thread, or as a module by worker threads.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { type RequestContext, Response } from '#src/index.ts';
import { patternAt } from './pattern.ts';

/** What happened to one request, counted. */
export interface LedgerEntry {
  started: number;
  aborted: number;
  cancelled: number;
  finished: number;
  /** How `context.completed` settled. */
  completed: string;
  bodyError: string;
}

export const ledger = new Map<string, LedgerEntry>();
/** When /block held the thread, by a clock that all processes share. */
export const blocks: [startMs: number, endMs: number][] = [];
/** Producers that run and files that are open now. */
export const held = { producers: 0, files: 0 };

/** CLOCK_MONOTONIC: performance.now() counts from the start of its process. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

const STREAM_PIECE_BYTES = 16 * 1024;
const TEXT = { 'content-type': 'text/plain' };

export function entryOf(id: string): LedgerEntry {
  let entry = ledger.get(id);
  if (entry === undefined) {
    entry = { started: 0, aborted: 0, cancelled: 0, finished: 0, completed: '', bodyError: '' };
    ledger.set(id, entry);
  }
  return entry;
}

export async function handle(request: Request, context: RequestContext): Promise<globalThis.Response> {
  const { pathname, searchParams } = new URL(request.url);
  const number = (name: string, fallback: number) => Number(searchParams.get(name) ?? fallback);
  switch (pathname) {
    case '/pattern':
      return new Response(patternStream(number('bytes', 65536)));
    case '/endless':
      return new Response(patternStream(Number.POSITIVE_INFINITY));
    case '/refuse':
      return new Response(REFUSAL, { status: number('status', 401), headers: TEXT });
    case '/read':
      return new Response(String((await request.arrayBuffer()).byteLength), { headers: TEXT });
    case '/wait':
      await new Promise((resolve) => setTimeout(resolve, number('ms', 10)));
      return new Response('waited', { headers: TEXT });
    case '/never':
      watch(request, context, searchParams.get('id') ?? '');
      return new Promise(() => {});
    case '/unread':
      watch(request, context, searchParams.get('id') ?? '');
      return unread(request, searchParams.get('id') ?? '');
    case '/watched':
      return watched(
        request,
        context,
        searchParams.get('id') ?? '',
        number('pieces', 10),
        number('gapMs', 5),
      );
    case '/file':
      return fileAnswer(searchParams.get('path') ?? '');
    default:
      return new Response('not found', { status: 404 });
  }
}

/** Long enough to show when its end is missing, short enough to be one segment. */
export const REFUSAL = `refused ${'.'.repeat(1000)} whole`;
/** The 500 of the server itself, so that throwing and returning put the same bytes on the wire. */
export const FAILURE_BODY = '500 Internal Server Error: the handler failed\n';

/** What is answered without a promise: the light paths that load runs through. */
export function handleLight(path: string): globalThis.Response | undefined {
  if (path === '/') return new Response('hello', { headers: TEXT });
  if (path === '/block') return blocked();
  if (path === '/throw') throw new Error('thrown on purpose');
  if (path === '/failed') return failed();
  if (path === '/caught') {
    try {
      throw new Error('thrown on purpose');
    } catch {
      return failed();
    }
  }
  return undefined;
}

export default (
  request: Request,
  context: RequestContext,
): globalThis.Response | Promise<globalThis.Response> => {
  const { url } = request;
  return handleLight(url.slice(url.indexOf('/', 8))) ?? handle(request, context);
};

const failed = (): globalThis.Response =>
  new Response(FAILURE_BODY, { status: 500, headers: { 'content-type': 'text/plain;charset=UTF-8' } });

/** Holds the thread for 200 ms, as a handler with heavy work of its own does. */
function blocked(): globalThis.Response {
  const startMs = monotonicMs();
  let endMs = startMs;
  while (endMs - startMs < 200) endMs = monotonicMs();
  blocks.push([startMs, endMs]);
  return new Response('blocked', { headers: TEXT });
}

/** Pulled, never pushed: what the server does not want is not made. */
function patternStream(byteCount: number): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = patternAt(offset, Math.min(STREAM_PIECE_BYTES, byteCount - offset));
        offset += piece.length;
        if (piece.length > 0) controller.enqueue(piece);
        if (offset >= byteCount) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

function watch(request: Request, context: RequestContext, id: string): LedgerEntry {
  const entry = entryOf(id);
  entry.started++;
  request.signal.addEventListener('abort', () => entry.aborted++);
  context.completed.then(
    () => (entry.completed += 'resolved'),
    () => (entry.completed += 'rejected'),
  );
  return entry;
}

/** Waits for a body that does not come whole. */
async function unread(request: Request, id: string): Promise<globalThis.Response> {
  try {
    return new Response(String((await request.arrayBuffer()).byteLength));
  } catch (error) {
    entryOf(id).bodyError += (error as Error).name;
    throw error;
  }
}

/** A producer of its own pace: a timer that must be stopped when nobody listens any more. */
function watched(
  request: Request,
  context: RequestContext,
  id: string,
  pieceCount: number,
  gapMs: number,
): globalThis.Response {
  const entry = watch(request, context, id);
  held.producers++;
  let made = 0;
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    held.producers--;
  };
  return new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        timer = setInterval(() => {
          controller.enqueue(patternAt(made * 100, 100));
          if (++made < pieceCount) return;
          entry.finished++;
          controller.close();
          stop();
        }, gapMs);
      },
      cancel() {
        entry.cancelled++;
        stop();
      },
    }),
  );
}

async function fileAnswer(path: string): Promise<globalThis.Response> {
  const file: FileHandle = await open(path);
  held.files++;
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    held.files--;
    await file.close();
  };
  return new Response(
    new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(65536));
          if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
          else {
            await close();
            controller.close();
          }
        },
        cancel: close,
      },
      { highWaterMark: 0 },
    ),
  );
}
