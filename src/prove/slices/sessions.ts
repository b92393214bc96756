/**
 * Many clients who use an application as it is meant: what they write is what they read, and nobody sees what is another's.
 * Where the application does not answer to what is described, there is nothing to do here.
 */
import { Member } from '../sessions/member.ts';
import { Notebook } from '../sessions/notebook.ts';
import { USUAL_OPERATIONS } from '../sessions/operations.ts';
import { Walk } from '../sessions/walk.ts';
import type { Slice, SliceContext } from './slice.ts';

/** So many share a login, and with it their notes: enough to overlap, few enough to be judged at once. */
const CLIENTS_A_USER = 3;
/** More walkers than this only wait for each other; notes of other users are there by then. */
const CLIENTS_MAX = 96;

export const sessions: Slice = {
  name: 'sessions',
  does: 'walks over the application: logs in, writes, reads, lists, removes, logs out, each note held to be a register',
  mustBeZero: "a wrong answer; a lost write; another user's data; 5xx",
  async run(context) {
    const { target, signal } = context;
    const operations = target.paths.operations ?? USUAL_OPERATIONS;
    // A user whom nobody has been: what earlier runs have left is not in the way.
    const run = `prove-${Date.now().toString(36)}`;
    const why = await tryOut(context, run);
    if (why !== undefined) return why;
    const count = Math.max(2 * CLIENTS_A_USER, Math.min(context.concurrency, CLIENTS_MAX));
    const books = Array.from(
      { length: Math.ceil(count / CLIENTS_A_USER) },
      (_, n) => new Notebook(`${run}-${n}`),
    );
    const members = Array.from({ length: count }, () => new Member(target, operations, signal));
    const walks = members.map((member, n) => new Walk(context, member, books[n % books.length]!));
    const endMs = performance.now() + context.budgetMs;
    await Promise.all(walks.map((walk) => walk.until(endMs)));
    if (!signal.aborted) await Promise.all(walks.slice(0, books.length).map((walk) => walk.tidy()));
    for (const member of members) member.close();
    context.count(
      'notes not judged to the end',
      books.reduce((sum, { keys, judged }) => sum + keys.length - judged.length, 0),
    );
    return undefined;
  },
};

/** @returns why this is no such application, if it is none */
async function tryOut({ target, signal }: SliceContext, run: string): Promise<string | undefined> {
  const operations = target.paths.operations ?? USUAL_OPERATIONS;
  const { method, path } = operations.login;
  const member = new Member(target, operations, signal);
  try {
    const user = `${run}-probe`;
    const { status, json, failure } = await member.logIn(user);
    if (status !== 200 || json['user'] !== user)
      return `${method} ${path} lets nobody in by {"user": "..."} (${status ?? failure ?? 'no answer'}); see --openapi`;
    const list = await member.ask('listNotes');
    if (list.status !== 200 || !Array.isArray(list.json['keys']))
      return `${operations.listNotes.path} does not list notes (${list.status ?? 'no answer'}); see --openapi`;
    await member.ask('logout');
    return undefined;
  } finally {
    member.close();
  }
}
