// Notes behind signed tokens (JWT), and a form that no other site can send (CSRF):
//   SECRET=... holdfast serve -w 1 examples/apps/tokens.mjs
//   TOKEN=$(curl -s -d '{"user":"ada"}' http://127.0.0.1:8080/login | jq -r .token)
//   curl -H "authorization: Bearer $TOKEN" -X PUT -d '{"value":"tea"}' http://127.0.0.1:8080/notes/drink
// A token that was logged out is refused until it would have ended by itself.

import { randomBytes } from 'node:crypto';
import { csrf } from 'hono/csrf';
import { sign, verify } from 'hono/jwt';
import { MemoryNotes, nameOf, notesApp } from './notes.mjs';

const TOKEN_SECONDS = 60 * 60;
const secret = process.env.SECRET ?? randomBytes(32).toString('hex');

/** Tokens that were logged out, by their id, with the second in which they end. */
const revoked = new Map();

const app = notesApp({ notes: new MemoryNotes(), userOf: async (c) => (await payloadOf(c))?.sub });

app.post('/login', async (c) => {
  const user = await nameOf(c);
  const exp = nowSeconds() + TOKEN_SECONDS;
  const token = await sign({ sub: user, jti: randomBytes(12).toString('base64url'), exp }, secret, 'HS256');
  return c.json({ user, token });
});

app.post('/logout', async (c) => {
  const payload = await payloadOf(c);
  if (payload !== undefined) revoked.set(payload.jti, payload.exp);
  for (const [id, exp] of revoked) {
    if (exp >= nowSeconds()) break;
    revoked.delete(id);
  }
  return c.body(null, 204);
});

// A form of a browser: refused with 403 when it comes from another origin.
app.get('/form', (c) =>
  c.html('<form method="post" action="/form"><input name="text"><button>Send</button></form>'),
);
app.post('/form', csrf(), async (c) => {
  const { text } = await c.req.parseBody();
  return c.text(`you said: ${text}\n`);
});

export default app;

async function payloadOf(c) {
  const token = /^Bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
  if (token === undefined) return undefined;
  const payload = await verify(token, secret, 'HS256').catch(() => undefined);
  return payload !== undefined && !revoked.has(payload.jti) ? payload : undefined;
}

function nowSeconds() {
  return Math.floor(Date.now() / 1000);
}
