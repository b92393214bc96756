/** Bun.serve with the files of a folder: `bun bun-files.mjs PORT FOLDER`. */
const [port, folder] = process.argv.slice(2);

Bun.serve({
  port: Number(port),
  hostname: '127.0.0.1',
  fetch: (request) => new Response(Bun.file(`${folder}/${new URL(request.url).pathname.slice(1)}`)),
});
