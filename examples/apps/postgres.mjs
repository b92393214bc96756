// Notes in PostgreSQL, and a session that is a row: `npm run services -- holdfast serve examples/apps/postgres.mjs`, or with
// DATABASE_URL set. Any number of workers may share the database. While it is away the answer is 503, and it is found again.

import { randomBytes } from 'node:crypto';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import pg from 'pg';
import { nameOf, notesApp, StoreError } from './notes.mjs';

const SESSION_SECONDS = 60 * 60;

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  connectionTimeoutMillis: 3000,
  query_timeout: 5000,
});
// An idle connection that breaks says so here; without a listener it would end the process.
pool.on('error', () => {});

let schema;

async function query(text, values) {
  try {
    schema ??= createSchema();
    await schema;
    return await pool.query(text, values);
  } catch (error) {
    // Codes of five characters are the server's own (SQLSTATE); classes 08, 53 and 57 are about its being there.
    const isAway = !/^[0-9A-Z]{5}$/.test(error.code ?? '') || /^(08|53|57)/.test(error.code);
    if (!isAway) throw error;
    throw new StoreError('the database cannot be reached', 503, { cause: error });
  }
}

async function createSchema() {
  const client = await pool.connect().catch((error) => {
    schema = undefined;
    throw error;
  });
  try {
    // Workers that start together would create the same table twice.
    await client.query('BEGIN; SELECT pg_advisory_xact_lock(20260101)');
    await client.query(`
      CREATE TABLE IF NOT EXISTS notes (
        owner text, key text, value text NOT NULL, version integer NOT NULL DEFAULT 1, PRIMARY KEY (owner, key));
      CREATE TABLE IF NOT EXISTS sessions (id text PRIMARY KEY, owner text NOT NULL, ends_at timestamptz NOT NULL)`);
    await client.query('COMMIT');
  } catch (error) {
    schema = undefined;
    throw error;
  } finally {
    client.release(schema === undefined);
  }
}

const notes = {
  async read(user, key) {
    const { rows } = await query('SELECT value, version FROM notes WHERE owner = $1 AND key = $2', [
      user,
      key,
    ]);
    return rows[0];
  },
  async write(user, key, value) {
    const { rows } = await query(
      `INSERT INTO notes (owner, key, value) VALUES ($1, $2, $3)
       ON CONFLICT (owner, key) DO UPDATE SET value = $3, version = notes.version + 1 RETURNING version`,
      [user, key, value],
    );
    return { version: rows[0].version, isNew: rows[0].version === 1 };
  },
  async remove(user, key) {
    const { rowCount } = await query('DELETE FROM notes WHERE owner = $1 AND key = $2', [user, key]);
    return rowCount === 1;
  },
  async keys(user) {
    const { rows } = await query('SELECT key FROM notes WHERE owner = $1 ORDER BY key LIMIT 1000', [user]);
    return rows.map(({ key }) => key);
  },
};

const app = notesApp({
  notes,
  async userOf(c) {
    const id = getCookie(c, 'session');
    if (id === undefined) return undefined;
    const { rows } = await query('SELECT owner FROM sessions WHERE id = $1 AND ends_at > now()', [id]);
    return rows[0]?.owner;
  },
});

app.post('/login', async (c) => {
  const user = await nameOf(c);
  const id = randomBytes(16).toString('base64url');
  await query('DELETE FROM sessions WHERE ends_at <= now()');
  await query(`INSERT INTO sessions VALUES ($1, $2, now() + interval '${SESSION_SECONDS} seconds')`, [
    id,
    user,
  ]);
  setCookie(c, 'session', id, { httpOnly: true, sameSite: 'Lax', path: '/', maxAge: SESSION_SECONDS });
  return c.json({ user });
});

app.post('/logout', async (c) => {
  await query('DELETE FROM sessions WHERE id = $1', [getCookie(c, 'session') ?? '']);
  deleteCookie(c, 'session', { path: '/' });
  return c.body(null, 204);
});

export default app;
