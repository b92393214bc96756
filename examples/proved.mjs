/**
 * A handler that `holdfast prove` can attack in every way that it knows: something small, something large, something
 * that reads what it is sent, something that never answers, a WebSocket, and events.
 *
 *     npx holdfast prove examples/proved.mjs --large-path /large --upload-path /upload --hung-path /hung \
 *       --websocket-path /socket --events-path /events
 */
import { sse } from 'holdfast';

const PIECE = new Uint8Array(64 * 1024).fill(0x61);

/** 8 MiB, made piece by piece as the client reads: what it does not read is not made. */
function large() {
  let left = 128;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(PIECE);
      else controller.close();
    },
  });
}

/** Goes on where the reader has been. */
async function* count(from) {
  for (let id = from + 1; ; id++) {
    yield { id: String(id), data: 'tick' };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const websocket = {
  message(peer, message) {
    peer.send(message.data);
  },
};

export default async function handler(request, context) {
  const { pathname } = new URL(request.url);
  if (pathname === '/large')
    return new Response(large(), { headers: { 'content-length': String(128 * PIECE.length) } });
  if (pathname === '/upload') return new Response(`${(await request.bytes()).length} bytes\n`);
  if (pathname === '/socket') return context.upgrade();
  if (pathname === '/events') return sse(request, count(Number(request.headers.get('last-event-id') ?? 0)));
  if (pathname === '/hung') return new Promise(() => {});
  return new Response('hello\n');
}
