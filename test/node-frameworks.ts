/** Applications of frameworks of node:http, for tests: those in use, with the middleware that reaches deepest into its messages. */

import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';

// biome-ignore lint/suspicious/noExplicitAny: most of them come without types, and none is part of what is tested
type Package = any;

const load = createRequire(import.meta.url) as NodeJS.Require & ((name: string) => Package);

export interface FrameworkApp {
  readonly name: string;
  /** What `serve({ node })` is given. */
  readonly app: object;
  /** The same for node:http. */
  readonly listener: RequestListener;
  /** Paths that are only there for a check of their own. */
  readonly log?: string[];
}

/** @param name 'express' or 'express4' */
function express(name: string): FrameworkApp {
  const framework = load(name);
  const log: string[] = [];
  const app = framework();
  app.use(
    load('morgan')(':method :url :status :res[content-length]', {
      stream: { write: (line: string) => log.push(line) },
    }),
  );
  app.use(load('helmet')());
  app.use(load('cors')());
  app.use(load('compression')({ threshold: 100 }));
  app.use(
    load('express-session')({ secret: 's', resave: false, saveUninitialized: true, name: 'connect.sid' }),
  );
  app.use(load('body-parser').json());
  app.use(framework.urlencoded({ extended: true }));
  app.get('/', (_: unknown, res: Package) => res.send('hello'));
  app.get('/json', (req: Package, res: Package) =>
    res.status(201).json({ ip: req.ip, host: req.hostname, q: req.query }),
  );
  app.get('/long', (_: unknown, res: Package) => res.type('text').send('long '.repeat(5000)));
  app.get('/redirect', (_: unknown, res: Package) => res.redirect('/elsewhere'));
  app.get('/cookie', (_: unknown, res: Package) => res.cookie('a', 'b', { httpOnly: true }).end());
  app.get('/file', (_: unknown, res: Package) => res.sendFile(load.resolve('express/package.json')));
  app.get('/throws', () => {
    throw new Error('thrown by a route');
  });
  app.get('/rejects', (_: unknown, __: unknown, next: (error: Error) => void) =>
    next(new Error('given to next')),
  );
  app.post('/json', (req: Package, res: Package) =>
    res.json({ got: req.body, views: typeof req.session.id }),
  );
  app.post('/upload', load('multer')().single('file'), (req: Package, res: Package) =>
    res.json([req.file.originalname, req.file.size, req.body]),
  );
  const sub = framework();
  sub.get('/x', (req: Package, res: Package) => res.send(`${req.baseUrl} ${req.url}`));
  app.use('/sub', sub);
  app.use((error: Error, _: unknown, res: Package, __: unknown) => res.status(500).send(error.message));
  return { name, app, listener: app, log };
}

function koa(): FrameworkApp {
  const Koa = load('koa');
  const app = new Koa();
  app.silent = true;
  app.use(async (context: Package, next: () => Promise<void>) => {
    await next();
    context.set('X-Response', context.status);
  });
  app.use(async (context: Package) => {
    if (context.path === '/throws') context.throw(418, 'thrown');
    if (context.path === '/stream')
      context.body = load('node:stream').Readable.from(['a', 'b'.repeat(70_000)]);
    else if (context.path === '/none') context.status = 204;
    else if (context.method === 'POST') {
      let size = 0;
      for await (const piece of context.req) size += piece.length;
      context.body = { size };
    } else context.body = { path: context.path, host: context.host, ip: context.ip, secure: context.secure };
  });
  return { name: 'koa', app, listener: app.callback() };
}

function connect(): FrameworkApp {
  const app = load('connect')();
  app.use(load('compression')({ threshold: 0 }));
  app.use('/json', load('body-parser').json());
  app.use((req: Package, res: Package) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify([req.url, req.originalUrl, req.body ?? null]));
  });
  return { name: 'connect', app, listener: app };
}

async function fastify(): Promise<FrameworkApp> {
  const app = load('fastify')();
  app.get('/', async () => ({ hello: 'world' }));
  app.get('/json', async (request: Package, reply: Package) =>
    reply.code(201).send({ ip: request.ip, host: request.host }),
  );
  app.get('/long', async (_: unknown, reply: Package) =>
    reply.type('text/plain').send('long '.repeat(30_000)),
  );
  app.get('/stream', async (_: unknown, reply: Package) =>
    reply.send(load('node:stream').Readable.from(['x', 'y'])),
  );
  app.get('/throws', async () => {
    throw new Error('thrown');
  });
  app.post('/json', async (request: Package) => ({ got: request.body }));
  await app.ready();
  return { name: 'fastify', app, listener: app.routing };
}

export async function frameworkApps(): Promise<FrameworkApp[]> {
  return [express('express'), express('express4'), koa(), connect(), await fastify()];
}
