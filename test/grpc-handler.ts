/**
 * A gRPC service as a fetch handler: messages in frames of five bytes and their content, the status in the fields behind
 * it (gRPC over HTTP/2, PROTOCOL-HTTP2.md of grpc/grpc). Messages are any bytes; what a method does its name tells.
 */
import type { RequestContext } from '#src/index.ts';

const PREFIX_BYTES = 5;

/** What the service has seen, for tests. */
export class GrpcService {
  /** Calls that were begun and are not over. */
  open = 0;
  mostOpen = 0;
  /** Calls whose `request.signal` has told that the client gave up. */
  aborted = 0;
  timeouts: string[] = [];

  readonly fetch = async (request: Request, context: RequestContext): Promise<Response> => {
    if (!request.headers.get('content-type')?.startsWith('application/grpc'))
      return new Response('only gRPC is spoken here\n', { status: 415 });
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    request.signal.addEventListener('abort', () => this.aborted++);
    const timeout = request.headers.get('grpc-timeout');
    if (timeout !== null) this.timeouts.push(timeout);
    const method = new URL(request.url).pathname.slice('/test.Echo/'.length);
    try {
      return await this.#call(method, request, context);
    } finally {
      this.open--;
    }
  };

  async #call(method: string, request: Request, context: RequestContext): Promise<Response> {
    const messages = messagesOf(request.body);
    switch (method) {
      case 'Unary':
        return answer(context, framed(...(await all(messages))));
      case 'Later':
        await new Promise((resolve) => setTimeout(resolve, 20));
        return answer(context, framed(...(await all(messages))));
      case 'Collect':
        return answer(context, framed(Buffer.concat(await all(messages))));
      case 'Repeat':
        return answer(context, repeated((await all(messages))[0]!));
      case 'Chat':
        return answer(context, echoed(messages, context));
      case 'Never':
        await new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason));
        });
        return failure('13', 'cannot be');
      default:
        return failure('12', `no method ${method}`);
    }
  }
}

/** A status and no message: all of it stands in the head. */
function failure(status: string, message: string): Response {
  return new Response(null, {
    headers: { 'content-type': 'application/grpc', 'grpc-status': status, 'grpc-message': message },
  });
}

function answer(context: RequestContext, content: Uint8Array | AsyncIterable<Uint8Array>): Response {
  context.trailers({ 'grpc-status': '0' });
  const body = content instanceof Uint8Array ? new Uint8Array(content) : streamOf(content);
  return new Response(body, { headers: { 'content-type': 'application/grpc' } });
}

function streamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/** The first byte of a message says how often it comes back. */
async function* repeated(message: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < message[0]!; n++) yield framed(message);
}

/** Each message as it comes; `fail` ends the call by a status behind what was sent. */
async function* echoed(messages: AsyncIterable<Buffer>, context: RequestContext): AsyncGenerator<Uint8Array> {
  for await (const message of messages) {
    if (message.toString() === 'fail') {
      context.trailers({ 'grpc-status': '9', 'grpc-message': 'as you wish' });
      return;
    }
    yield framed(message);
  }
}

function framed(...messages: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    messages.flatMap((message) => {
      const prefix = Buffer.alloc(PREFIX_BYTES);
      prefix.writeUInt32BE(message.length, 1);
      return [prefix, message];
    }),
  );
}

async function all(messages: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const list: Buffer[] = [];
  for await (const message of messages) list.push(message);
  return list;
}

/** Messages however their frames are split. */
async function* messagesOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Buffer> {
  let kept = Buffer.alloc(0);
  for await (const piece of body ?? []) {
    kept = Buffer.concat([kept, piece]);
    while (kept.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + kept.readUInt32BE(1);
      if (kept.length < end) break;
      yield kept.subarray(PREFIX_BYTES, end);
      kept = kept.subarray(end);
    }
  }
}
