// Holdfast as a library: `node examples/program.mjs`. SIGTERM and SIGINT close it when all is answered.

import { serve } from 'holdfast';

const server = await serve({
  port: Number(process.env.PORT ?? 8080),
  gracefulShutdown: true,
  timeouts: { header: '5s' },
  limits: { bodyBytes: '1m' },

  fetch(request, context) {
    const { pathname } = new URL(request.url);
    if (pathname === '/hints') {
      // The browser fetches the style sheet while the page is still being made.
      context.earlyHints({ link: '</style.css>; rel=preload; as=style' });
      return new Response('<link rel=stylesheet href=/style.css>', {
        headers: { 'content-type': 'text/html' },
      });
    }
    if (pathname === '/later') {
      // The answer goes out now; `close()` waits for what is left to do.
      context.waitUntil(context.completed.then(() => console.error('the answer has left')));
    }
    return new Response(`Hello, ${context.ip}\n`);
  },
});

console.log(`listening at ${server.url}`);
