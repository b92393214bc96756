/**
 * A handler that `holdfast prove` can attack in every way that it knows: something small, something large, and something
 * that reads what it is sent.
 *
 *     npx holdfast prove examples/proved.mjs --large-path /large --upload-path /upload
 */
const LARGE = new Uint8Array(8 * 1024 * 1024).fill(0x61);

export default async function handler(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/large') return new Response(LARGE);
  if (pathname === '/upload') return new Response(`${(await request.bytes()).length} bytes\n`);
  return new Response('hello\n');
}
