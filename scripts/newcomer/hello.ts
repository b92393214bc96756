/** A newcomer's first program, on every engine: answers, JSON, a status, and an end by itself. */
import { Response, serve, UnavailableError } from 'holdfast';

for (const engine of ['auto', 'iouring', 'epoll', 'node'] as const) {
  try {
    await hello(engine);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    console.log(`${engine}: ${error.message}`);
  }
}

async function hello(engine: 'auto' | 'iouring' | 'epoll' | 'node'): Promise<void> {
  const server = await serve({
    port: 0,
    engine,
    fetch(request, context) {
      const { pathname } = new URL(request.url);
      if (pathname === '/') return new Response(`Hello, ${context.remoteAddress?.address}`);
      if (pathname === '/json') return globalThis.Response.json({ message: 'Hello' });
      return new Response('Not Found', { status: 404 });
    },
  });
  const text = await fetch(server.url);
  check((await text.text()) === 'Hello, 127.0.0.1', 'text');
  const json = await fetch(`${server.url}/json`);
  const { message } = (await json.json()) as { message: string };
  check(message === 'Hello', 'JSON');
  const missing = await fetch(`${server.url}/missing`);
  check(missing.status === 404 && (await missing.text()) === 'Not Found', 'the status');
  await server.close();
  console.log(`${engine}: ${server.engine.name} answered`);
}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`${what} came otherwise than it was sent`);
}
