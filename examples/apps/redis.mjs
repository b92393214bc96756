// Notes and sessions in Redis, and a page that is made once a second however many ask:
//   npm run services -- holdfast serve examples/apps/redis.mjs        or with REDIS_URL set
// While Redis is away the answer is 503, at once and not after a wait, and it is found again.

import { randomBytes } from 'node:crypto';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { Redis } from 'ioredis';
import { nameOf, notesApp, StoreError } from './notes.mjs';

const SESSION_SECONDS = 60 * 60;

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', {
  keyPrefix: 'notes:',
  // A command fails while there is no connection, in place of waiting in a queue without an end.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  connectTimeout: 3000,
  commandTimeout: 5000,
  retryStrategy: (tries) => Math.min(tries * 100, 1000),
});
// Without a listener ioredis logs each failed try.
redis.on('error', () => {});

async function ask(command, ...values) {
  try {
    if (redis.status === 'connecting' || redis.status === 'connect') await once(redis, 'ready', 3000);
    return await redis[command](...values);
  } catch (error) {
    if (error.name === 'ReplyError') throw error;
    throw new StoreError('Redis cannot be reached', 503, { cause: error });
  }
}

function once(emitter, name, withinMs) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('not ready in time')), withinMs);
    emitter.once(name, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A note is a hash of its value and version, and its key is in the user's set: what belongs together changes together. */
const WRITE = `
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('HSET', KEYS[1], 'value', ARGV[1])
  redis.call('SADD', KEYS[2], ARGV[2])
  return version`;
const REMOVE = `
  redis.call('SREM', KEYS[2], ARGV[1])
  return redis.call('DEL', KEYS[1])`;

const notes = {
  async read(user, key) {
    const { value, version } = await ask('hgetall', `${user}:${key}`);
    return value === undefined ? undefined : { value, version: Number(version) };
  },
  async write(user, key, value) {
    const version = await ask('eval', WRITE, 2, `${user}:${key}`, `${user}:`, value, key);
    return { version, isNew: version === 1 };
  },
  async remove(user, key) {
    return (await ask('eval', REMOVE, 2, `${user}:${key}`, `${user}:`, key)) === 1;
  },
  keys: (user) => ask('smembers', `${user}:`),
};

const app = notesApp({
  notes,
  async userOf(c) {
    const id = getCookie(c, 'session');
    return id === undefined ? undefined : ((await ask('get', `session:${id}`)) ?? undefined);
  },
});

app.post('/login', async (c) => {
  const user = await nameOf(c);
  const id = randomBytes(16).toString('base64url');
  await ask('set', `session:${id}`, user, 'EX', SESSION_SECONDS);
  setCookie(c, 'session', id, { httpOnly: true, sameSite: 'Lax', path: '/', maxAge: SESSION_SECONDS });
  return c.json({ user });
});

app.post('/logout', async (c) => {
  await ask('del', `session:${getCookie(c, 'session') ?? ''}`);
  deleteCookie(c, 'session', { path: '/' });
  return c.body(null, 204);
});

app.get('/report', async (c) => {
  const kept = await ask('get', 'report');
  if (kept !== null) return c.json(JSON.parse(kept));
  const report = { madeAt: new Date().toISOString(), keys: await ask('dbsize') };
  await ask('set', 'report', JSON.stringify(report), 'PX', 1000);
  return c.json(report);
});

export default app;
