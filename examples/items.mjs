// A small JSON API that keeps its items in memory: `holdfast serve -w 1 examples/items.mjs`, then
//   curl -d '{"name":"tea"}' -H 'content-type: application/json' http://127.0.0.1:8080/items
//   curl http://127.0.0.1:8080/items/1
//   holdfast load --script examples/load.mjs http://127.0.0.1:8080/
// One worker, because each thread has a memory of its own.

const ITEMS_MAX = 10_000;
const items = new Map();
let lastId = 0;

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/items' && request.method === 'GET')
      return Response.json([...items.values()].slice(-100));
    if (pathname === '/items' && request.method === 'POST') return create(request);
    const id = /^\/items\/(\d+)$/.exec(pathname)?.[1];
    if (id === undefined) return Response.json({ error: 'not found' }, { status: 404 });
    // Load is asked for items that nobody has made: they are made up.
    const item = items.get(Number(id)) ?? { id: Number(id), name: `item ${id}` };
    if (request.method === 'GET') return Response.json(item);
    return Response.json({ error: 'only GET' }, { status: 405, headers: { allow: 'GET' } });
  },

  // Whatever a handler throws comes here; without this the answer is a plain 500.
  error(error) {
    if (error instanceof SyntaxError) return Response.json({ error: error.message }, { status: 400 });
    return Response.json({ error: 'something went wrong' }, { status: 500 });
  },
};

async function create(request) {
  const item = { ...(await request.json()), id: ++lastId };
  items.set(item.id, item);
  // A Map keeps the order of insertion: the oldest goes.
  if (items.size > ITEMS_MAX) items.delete(items.keys().next().value);
  return Response.json(item, { status: 201, headers: { location: `/items/${item.id}` } });
}
