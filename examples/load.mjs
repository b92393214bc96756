/**
 * Load made in code: holdfast load --script examples/load.mjs http://127.0.0.1:8080/
 *
 * `request` is asked for each request of each connection, `check` is shown each answer. Both run on the
 * thread that makes the load, so they had better be quick.
 */

/** Every tenth request of a connection writes, the others read what is there. */
export function request({ connection, count, state }) {
  state.written ??= 0;
  if (count % 10 !== 9) return { path: `/items/${(connection * 31 + count) % 1000}` };
  state.written++;
  return { method: 'POST', path: '/items', body: { from: connection, number: state.written } };
}

/** Each named check is counted; an answer that fails one counts as failed. */
export function check(response, { request, check }) {
  check('status', response.status === (request.method === 'POST' ? 201 : 200));
  check('JSON', response.headers.get('content-type')?.startsWith('application/json') === true);
  if (response.status === 200) check('id', typeof response.json().id === 'number');
}
