// Notes behind a session cookie, with a limit of requests for each address: `holdfast serve -w 1 examples/apps/sessions.mjs`
//   curl -c jar -d '{"user":"ada"}' http://127.0.0.1:8080/login
//   curl -b jar -X PUT -d '{"value":"tea"}' http://127.0.0.1:8080/notes/drink
// Sessions and notes are in memory. REQUESTS_PER_SECOND is the limit (100; 0 for none).

import { randomBytes } from 'node:crypto';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { HTTPException } from 'hono/http-exception';
import { MemoryNotes, nameOf, notesApp } from './notes.mjs';

const SESSIONS_MAX = 100_000;
const SESSION_MS = 60 * 60 * 1000;
const ADDRESSES_MAX = 10_000;
const requestsPerSecond = Number(process.env.REQUESTS_PER_SECOND ?? 100);

/** A Map keeps the order of insertion, so the oldest is first. */
const sessions = new Map();
const buckets = new Map();

const app = notesApp({ notes: new MemoryNotes(), userOf: (c) => sessionOf(c)?.user });

app.post('/login', limitRate, async (c) => {
  const user = await nameOf(c);
  const id = randomBytes(16).toString('base64url');
  if (sessions.size >= SESSIONS_MAX) sessions.delete(sessions.keys().next().value);
  sessions.set(id, { user, endsAt: Date.now() + SESSION_MS });
  setCookie(c, 'session', id, { httpOnly: true, sameSite: 'Lax', path: '/', maxAge: SESSION_MS / 1000 });
  return c.json({ user });
});

app.post('/logout', (c) => {
  sessions.delete(getCookie(c, 'session'));
  deleteCookie(c, 'session', { path: '/' });
  return c.body(null, 204);
});

export default app;

function sessionOf(c) {
  const session = sessions.get(getCookie(c, 'session'));
  return session !== undefined && session.endsAt > Date.now() ? session : undefined;
}

/** Ten seconds' worth may come at once. The context of Holdfast is `executionCtx` to Hono. */
async function limitRate(c, next) {
  if (requestsPerSecond === 0) return next();
  const address = c.executionCtx.ip ?? 'unknown';
  const now = Date.now();
  const bucket = buckets.get(address) ?? { left: requestsPerSecond * 10, at: now };
  bucket.left = Math.min(
    requestsPerSecond * 10,
    bucket.left + ((now - bucket.at) / 1000) * requestsPerSecond,
  );
  bucket.at = now;
  buckets.delete(address);
  buckets.set(address, bucket);
  if (buckets.size > ADDRESSES_MAX) buckets.delete(buckets.keys().next().value);
  if (bucket.left < 1)
    throw new HTTPException(429, {
      res: Response.json({ error: 'too many requests' }, { status: 429, headers: { 'retry-after': '1' } }),
    });
  bucket.left--;
  return next();
}
