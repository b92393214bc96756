// A shop in Express, with what Express applications are made of: sessions, form bodies, uploads, static files, compression, a log.
//   holdfast serve -w 1 examples/apps/shop.mjs
// It runs on node:http as well: node examples/apps/shop.mjs

import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import compression from 'compression';
import express from 'express';
import session from 'express-session';
import helmet from 'helmet';
import morgan from 'morgan';
import multer from 'multer';
import { MemoryNotes } from './notes.mjs';

const goods = new Map(
  [
    ['tea', 450],
    ['cup', 1200],
    ['pot', 3900],
  ].map(([id, cents]) => [id, { id, cents, picture: undefined }]),
);
const orders = [];
const notes = new MemoryNotes();
const upload = multer({ storage: multer.memoryStorage(), limits: { fileSize: 256 * 1024, files: 1 } });

const app = express();
app.disable('x-powered-by');
if (process.env.LOG === '1') app.use(morgan('tiny'));
app.use(helmet(), compression());
app.use(
  session({ secret: process.env.SECRET ?? 'of this example', resave: false, saveUninitialized: false }),
);
app.use('/site', express.static(fileURLToPath(new URL('../site', import.meta.url))));
app.use(express.json({ limit: '64kb' }), express.urlencoded({ extended: false }));

app.get('/goods', (_request, response) => {
  response.json([...goods.values()].map(({ id, cents }) => ({ id, cents })));
});
app.get('/goods/:id/picture', (request, response) => {
  const picture = goods.get(request.params.id)?.picture;
  if (picture === undefined) return response.status(404).json({ error: 'no picture' });
  return response.type(picture.type).send(picture.bytes);
});
app.put('/goods/:id/picture', upload.single('picture'), (request, response) => {
  const good = goods.get(request.params.id);
  if (good === undefined || request.file === undefined)
    return response.status(404).json({ error: 'no such good, or no picture' });
  good.picture = { type: request.file.mimetype, bytes: request.file.buffer };
  return response.status(204).end();
});

app.post('/cart', (request, response) => {
  const good = goods.get(request.body.id);
  if (good === undefined) return response.status(404).json({ error: `no good "${request.body.id}"` });
  request.session.cart = [...(request.session.cart ?? []), good.id];
  return response.json({ cart: request.session.cart, cents: totalOf(request.session.cart) });
});
app.post('/orders', (request, response) => {
  const { cart } = request.session;
  if (cart === undefined) return response.status(409).json({ error: 'the cart is empty' });
  orders.push({ number: orders.length + 1, cart, cents: totalOf(cart) });
  if (orders.length > 1000) orders.shift();
  delete request.session.cart;
  return response
    .status(201)
    .location(`/orders/${orders.at(-1).number}`)
    .json(orders.at(-1));
});
// Rows as they come, for as long as the reader takes them.
app.get('/orders.csv', async (_request, response) => {
  response.type('text/csv');
  for (const { number, cents } of orders)
    if (!response.write(`${number},${cents}\n`)) await once(response, 'drain');
  response.end();
});

// What notes.openapi.yaml describes, in Express.
app.post('/login', (request, response) => {
  const { user } = request.body ?? {};
  if (typeof user !== 'string' || !/^[\w-]{1,64}$/.test(user))
    return response.status(400).json({ error: 'user' });
  return request.session.regenerate(() => {
    request.session.user = user;
    response.json({ user });
  });
});
app.post('/logout', (request, response) => {
  request.session.destroy(() => response.status(204).end());
});
app.use('/notes', (request, response, next) => {
  if (request.session.user === undefined) response.status(401).json({ error: 'log in first: POST /login' });
  else next();
});
app.get('/notes', (request, response) => response.json({ keys: notes.keys(request.session.user) }));
app.param('key', (_request, response, next, key) => {
  if (/^[\w-]{1,64}$/.test(key)) next();
  else response.status(400).json({ error: 'a key is 1 to 64 letters, digits, "_" or "-"' });
});
app
  .route('/notes/:key')
  .get((request, response) => {
    const { key } = request.params;
    const note = notes.read(request.session.user, key);
    if (note === undefined) response.status(404).json({ error: `no note "${key}"` });
    else response.json({ key, ...note });
  })
  .put((request, response) => {
    const { key } = request.params;
    const value = request.body?.value;
    if (typeof value !== 'string' || value.length > 4096) {
      response.status(400).json({ error: 'value: a text of at most 4096 characters' });
      return;
    }
    const { version, isNew } = notes.write(request.session.user, key, value);
    response.status(isNew ? 201 : 200).json({ key, value, version });
  })
  .delete((request, response) => {
    const wasThere = notes.remove(request.session.user, request.params.key);
    if (wasThere) response.status(204).end();
    else response.status(404).json({ error: `no note "${request.params.key}"` });
  });

app.use((_request, response) => response.status(404).json({ error: 'nothing here' }));
app.use((error, _request, response, next) => {
  if (response.headersSent) return next(error);
  return response.status(error.status ?? 500).json({ error: error.message });
});

export default app;

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1');

function totalOf(cart) {
  return cart.reduce((sum, id) => sum + goods.get(id).cents, 0);
}
