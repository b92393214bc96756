/** The walks' own proof: an application of notes with one fault at a time, each found; and one without, of which nothing is said. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { PATIENT_PROMISES, targetAt } from '../faulty-server.fixture.ts';
import { sightingsOf } from '../slice-bench.fixture.ts';
import { sessions } from '../slices/sessions.ts';
import type { Sighting } from '../slices/slice.ts';
import { OPERATIONS, readOperations, USUAL_OPERATIONS } from './operations.ts';

interface Note {
  readonly value: string;
  readonly version: number;
}

/** Each is true now and then only, as faults are. */
interface Faults {
  readonly losesWrites?: boolean;
  readonly losesRemovals?: boolean;
  readonly readsOld?: boolean;
  readonly mixesUsers?: boolean;
  readonly fails?: boolean;
  readonly skipsVersions?: boolean;
  readonly keepsLogins?: boolean;
  readonly forgetsLogins?: boolean;
  readonly neverAnswers?: boolean;
  readonly limitsRate?: boolean;
  readonly isNoSuchApp?: boolean;
}

const NOW_AND_THEN = 6;
const HANDLED_WITHIN_MS = 3;

/** By cookie for users with an even number, by token for others. Answers take their time, so that they overlap. */
class NotesServer {
  readonly #faults: Faults;
  readonly #notes = new Map<string, Note>();
  readonly #earlier = new Map<string, Note>();
  readonly #logins = new Map<string, string>();
  #chances = 0;
  #loginCount = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request) text += piece;
    const answer = (status: number, json?: object, headers = {}): void =>
      void response.writeHead(status, headers).end(json === undefined ? '' : JSON.stringify(json));
    await pause();
    if (this.#faults.isNoSuchApp) return answer(404);
    if (this.#strikes('fails')) return answer(500);
    if (this.#strikes('limitsRate')) return answer(429, {}, { 'retry-after': '0' });
    if (this.#strikes('neverAnswers')) return void request.socket.destroy();
    const { cookie, authorization } = request.headers;
    const id = (authorization ?? cookie)?.split(/[ =]/)[1] ?? '';
    if (request.url === '/login') {
      const { user } = JSON.parse(text) as { user: string };
      const login = `login-${++this.#loginCount}`;
      this.#logins.set(login, user);
      if (/[02468]$/.test(user))
        answer(200, { user }, { 'set-cookie': [`session=${login}; Path=/; HttpOnly`] });
      else answer(200, { user, token: login });
      return;
    }
    if (request.url === '/logout') {
      if (!this.#strikes('keepsLogins')) this.#logins.delete(id);
      return answer(204);
    }
    const user = this.#logins.get(id);
    if (user === undefined || this.#strikes('forgetsLogins')) return answer(401, { error: 'log in first' });
    const key = request.url!.slice('/notes/'.length);
    await this.#note(request.method!, user, key, text, answer);
  }

  /** Where there is a chance to do wrong, it is taken now and then. */
  #strikes(fault: keyof Faults): boolean {
    return this.#faults[fault] === true && ++this.#chances % NOW_AND_THEN === 0;
  }

  async #note(
    method: string,
    user: string,
    key: string,
    text: string,
    answer: (status: number, json?: object) => void,
  ): Promise<void> {
    const place = `${user} ${key}`;
    const note = this.#notes.get(place);
    if (key === '') {
      const own = [...this.#notes.keys()].filter((each) => each.startsWith(`${user} `));
      answer(200, { keys: own.map((each) => each.split(' ')[1]) });
    } else if (method === 'PUT') {
      const { value } = JSON.parse(text) as { value: string };
      const version = (note?.version ?? 0) + (this.#strikes('skipsVersions') ? 2 : 1);
      if (note !== undefined) this.#earlier.set(place, note);
      if (!this.#strikes('losesWrites')) this.#notes.set(place, { value, version });
      await pause();
      answer(version === 1 ? 201 : 200, { key, value, version });
    } else if (method === 'DELETE') {
      if (this.#faults.losesRemovals !== true) this.#notes.delete(place);
      answer(note === undefined ? 404 : 204);
    } else {
      const others = [...this.#notes].filter(([each]) => each.endsWith(` ${key}`) && each !== place);
      const old = this.#strikes('readsOld') ? this.#earlier.get(place) : undefined;
      const other = this.#strikes('mixesUsers') ? others[0]?.[1] : undefined;
      const shown = other ?? old ?? note;
      await pause();
      if (shown === undefined) answer(404, { error: 'no note' });
      else answer(200, { key, ...shown });
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * HANDLED_WITHIN_MS));
}

async function seenWith(t: TestContext, faults: Faults, budgetMs = 450): Promise<Map<string, Sighting>> {
  const notes = new NotesServer(faults);
  const server = createServer((request, response) => void notes.handle(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close() && server.closeAllConnections());
  const target = targetAt((server.address() as AddressInfo).port);
  return (await sightingsOf(sessions, target, PATIENT_PROMISES, { budgetMs })).sightings;
}

/** What may be seen of a fault; the first always is. A read that overlaps may be the first to see what a write did wrong. */
const PLANTED: readonly (readonly [what: string, faults: Faults, ids: readonly string[]])[] = [
  ['loses a write', { losesWrites: true }, ['lost-write', 'stale-read', 'wrong-version']],
  ['loses removals', { losesRemovals: true }, ['lost-write', 'wrong-version', 'stale-read']],
  ['reads what was overwritten', { readsOld: true }, ['stale-read', 'lost-write']],
  ['shows the notes of others', { mixesUsers: true }, ['another-users-data']],
  ['answers 500', { fails: true }, ['server-error']],
  ['counts a version twice', { skipsVersions: true }, ['wrong-version', 'lost-write', 'stale-read']],
  ['lets who has logged out read', { keepsLogins: true }, ['outlives-logout']],
  ['forgets who is logged in', { forgetsLogins: true }, ['wrong-answer']],
];

for (const [what, faults, ids] of PLANTED)
  test(`an application that ${what} is found out`, async (t) => {
    const sightings = await seenWith(t, faults);
    assert.equal(sightings.get(ids[0]!)?.severity, 'high', [...sightings.keys()].join(', '));
    assert.deepEqual(
      [...sightings.keys()].filter((id) => !ids.includes(id)),
      [],
    );
  });

test('nothing is found where nothing is wrong, under a limit of rate too', async (t) => {
  for (const faults of [{}, { limitsRate: true }])
    assert.deepEqual([...(await seenWith(t, faults)).values()], [], JSON.stringify(faults));
});

test('connections that end without an answer are told, and taken for no lost write', async (t) => {
  const sightings = await seenWith(t, { neverAnswers: true });
  assert.deepEqual([...sightings.keys()], ['unanswered']);
  assert.equal(sightings.get('unanswered')!.severity, 'medium');
});

test('who is no such application is let be, and says why', async (t) => {
  assert.equal((await seenWith(t, { isNoSuchApp: true })).size, 0);
});

test('operations are found in an OpenAPI document by their ids', () => {
  const paths: Record<string, Record<string, object>> = {};
  for (const name of OPERATIONS) {
    const { method, path } = USUAL_OPERATIONS[name];
    const place = `/api${path.replace('{key}', '{id}')}`;
    paths[place] = { ...paths[place], parameters: [], [method.toLowerCase()]: { operationId: name } };
  }
  const document = { openapi: '3.1.0', paths };
  assert.deepEqual(readOperations(JSON.stringify(document)).readNote, {
    method: 'GET',
    path: '/api/notes/{key}',
  });
  assert.equal(readOperations(readFileSync('examples/apps/notes.openapi.yaml', 'utf8')).login.path, '/login');
  assert.throws(() => readOperations('paths: ['), /it is no YAML \(.* at line 1, column 9\)/);
  assert.throws(() => readOperations('{}'), /no operationId is login, logout, listNotes/);
  const twice = { paths: { ...paths, '/else': { post: { operationId: 'login' } } } };
  assert.throws(() => readOperations(JSON.stringify(twice)), /two operations are called login/);
  const keyless = { paths: { '/note': { get: { operationId: 'readNote' } } } };
  assert.throws(
    () => readOperations(JSON.stringify(keyless)),
    /readNote is at "\/note"; its path has one parameter/,
  );
});
