/** An app with transfers of each kind, and a section of the admin page. */
const machines = [
  { key: 'a', changedAtMs: Date.now(), tone: 'bad', cells: ['52:54:00:12:34:56', 0.5, 1000] },
];
const section = {
  name: 'boots',
  report: () => ({
    name: 'boots',
    title: 'Boots',
    empty: 'No machine has booted yet.',
    columns: [
      { name: 'machine', kind: 'code' },
      { name: 'progress', kind: 'share' },
      { name: 'rate', kind: 'rate' },
    ],
    rows: machines,
  }),
};

async function app(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/file') {
    let left = 8_000_000;
    const pull = (controller) => {
      if (left === 0) return controller.close();
      left -= 50_000;
      controller.enqueue(new Uint8Array(50_000));
    };
    return new Response(new ReadableStream({ pull }), { headers: { 'content-length': '8000000' } });
  }
  if (pathname === '/live') {
    const pull = async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      controller.enqueue(new Uint8Array(100));
    };
    return new Response(new ReadableStream({ pull }));
  }
  if (pathname === '/never') await new Promise(() => {});
  if (pathname === '/upload') return new Response(String((await request.arrayBuffer()).byteLength));
  if (pathname === '/block') {
    const until = performance.now() + 2500;
    while (performance.now() < until);
  }
  return new Response('hello');
}

export default Object.assign(app, { [Symbol.for('holdfast.adminSections')]: [section] });
