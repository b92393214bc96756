// Answers that take their time: `holdfast serve examples/stream.mjs`, then
//   curl -N http://127.0.0.1:8080/clock     server-sent events, one a second, until you leave
//   curl -o /dev/null http://127.0.0.1:8080/flood?mb=1000
// A stream is pulled only while its reader keeps up: a reader that pauses costs 64 KiB, not the rest
// of the stream, and one that leaves ends the stream through `cancel` and `request.signal`.

const PIECE = new Uint8Array(64 * 1024).fill(0x2e);

export default {
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === '/clock') return clock();
    if (url.pathname === '/flood') return flood(Number(url.searchParams.get('mb') ?? 100));
    if (url.pathname === '/') return new Response('Try /clock and /flood?mb=1000\n');
    return new Response('Not Found\n', { status: 404 });
  },
};

function clock() {
  const encoder = new TextEncoder();
  let timer;
  const events = new ReadableStream({
    start(controller) {
      const tick = () => controller.enqueue(encoder.encode(`data: ${new Date().toISOString()}\n\n`));
      tick();
      timer = setInterval(tick, 1000);
    },
    // The client has gone: nothing may go on that only it wanted.
    cancel() {
      clearInterval(timer);
    },
  });
  return new Response(events, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
  });
}

function flood(megabytes) {
  let pieces = Math.ceil((megabytes * 1024 * 1024) / PIECE.length);
  const bytes = new ReadableStream(
    {
      pull(controller) {
        if (pieces-- > 0) controller.enqueue(PIECE.slice());
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(bytes, { headers: { 'content-type': 'application/octet-stream' } });
}
