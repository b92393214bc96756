/**
 * A handler that `holdfast prove` can attack in every way that it knows: something small, something large, something
 * that reads what it is sent, and something that never answers.
 *
 *     npx holdfast prove examples/proved.mjs --large-path /large --upload-path /upload --hung-path /hung
 */
const PIECE = new Uint8Array(64 * 1024).fill(0x61);

/** 8 MiB, made piece by piece as the client reads: what it does not read is not made. */
function large() {
  let left = 128;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(PIECE);
      else controller.close();
    },
  });
}

export default async function handler(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/large')
    return new Response(large(), { headers: { 'content-length': String(128 * PIECE.length) } });
  if (pathname === '/upload') return new Response(`${(await request.bytes()).length} bytes\n`);
  if (pathname === '/hung') return new Promise(() => {});
  return new Response('hello\n');
}
