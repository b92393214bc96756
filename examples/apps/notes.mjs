// Notes of a user, by key: the API that the applications with a store and a login have in common. What differs is where the
// notes lie and how a user is known. A note is a register: what was written last under a key is what is read, which is what
// `holdfast prove` holds them to. notes.openapi.yaml describes it.

import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';

const KEY = /^[\w-]{1,64}$/;
const VALUE_LENGTH_MAX = 4096;

/** What a store throws when its notes are full, or cannot be reached just now. */
export class StoreError extends Error {
  constructor(message, status, options) {
    super(message, options);
    this.status = status;
  }
}

/**
 * @param notes `read(user, key)` gives { value, version } or undefined; `write(user, key, value)` gives { version, isNew };
 *   `remove(user, key)` whether it was there; `keys(user)` a list. All may be promises.
 * @param userOf `(c) => user`, or undefined for who has not logged in
 */
export function notesApp({ notes, userOf }) {
  const app = new Hono();

  app.use(bodyLimit({ maxSize: 64 * 1024 }));
  app.use('/notes/*', async (c, next) => {
    const user = await userOf(c);
    if (user === undefined) throw new HTTPException(401, { message: 'log in first: POST /login' });
    c.set('user', user);
    await next();
  });
  app.use('/notes/:key', async (c, next) => {
    if (!KEY.test(c.req.param('key')))
      throw new HTTPException(400, { message: 'a key is 1 to 64 letters, digits, "_" or "-"' });
    await next();
  });

  app.get('/notes', async (c) => c.json({ keys: await notes.keys(c.get('user')) }));

  app.get('/notes/:key', async (c) => {
    const key = c.req.param('key');
    const note = await notes.read(c.get('user'), key);
    if (note === undefined) return c.json({ error: `no note "${key}"` }, 404);
    return c.json({ key, ...note });
  });

  app.put('/notes/:key', async (c) => {
    const key = c.req.param('key');
    const { value } = await jsonOf(c);
    if (typeof value !== 'string' || value.length > VALUE_LENGTH_MAX)
      throw new HTTPException(400, { message: `value: a text of at most ${VALUE_LENGTH_MAX} characters` });
    const { version, isNew } = await notes.write(c.get('user'), key, value);
    return c.json({ key, value, version }, isNew ? 201 : 200);
  });

  app.delete('/notes/:key', async (c) => {
    const key = c.req.param('key');
    const wasThere = await notes.remove(c.get('user'), key);
    return wasThere ? c.body(null, 204) : c.json({ error: `no note "${key}"` }, 404);
  });

  app.notFound((c) => c.json({ error: `nothing at ${c.req.path}` }, 404));
  app.onError((error, c) => {
    const status = error instanceof HTTPException || error instanceof StoreError ? error.status : 500;
    if (status === 500) console.error(error);
    return c.json({ error: status === 500 ? 'something went wrong' : error.message }, status);
  });
  return app;
}

/** The JSON object that a request carries; 400 for anything else. */
export async function jsonOf(c) {
  const value = await c.req.json().catch((error) => {
    throw new HTTPException(400, { message: `the body is not JSON: ${error.message}` });
  });
  if (typeof value !== 'object' || value === null)
    throw new HTTPException(400, { message: 'the body is not a JSON object' });
  return value;
}

/** The name that somebody logs in by; there are no passwords here. */
export async function nameOf(c) {
  const { user } = await jsonOf(c);
  if (typeof user !== 'string' || !KEY.test(user))
    throw new HTTPException(400, { message: 'user: 1 to 64 letters, digits, "_" or "-"' });
  return user;
}

/** Notes in memory, of one thread: `holdfast serve -w 1`. */
export class MemoryNotes {
  #users = new Map();
  #count = 0;
  #countMax;

  constructor(countMax = 100_000) {
    this.#countMax = countMax;
  }

  read(user, key) {
    return this.#users.get(user)?.get(key);
  }

  write(user, key, value) {
    let ofUser = this.#users.get(user);
    const version = (ofUser?.get(key)?.version ?? 0) + 1;
    if (version === 1) {
      if (this.#count >= this.#countMax)
        throw new StoreError(`there are ${this.#countMax} notes already`, 507);
      this.#count++;
    }
    if (ofUser === undefined) this.#users.set(user, (ofUser = new Map()));
    ofUser.set(key, { value, version });
    return { version, isNew: version === 1 };
  }

  remove(user, key) {
    const ofUser = this.#users.get(user);
    if (ofUser?.delete(key) !== true) return false;
    this.#count--;
    if (ofUser.size === 0) this.#users.delete(user);
    return true;
  }

  keys(user) {
    return [...(this.#users.get(user)?.keys() ?? [])];
  }
}
