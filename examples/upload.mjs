// A body is read as it comes, and no faster than it is used: `holdfast serve examples/upload.mjs`, then
//   curl -T some-large-file http://127.0.0.1:8080/
// Whatever its size, some pieces of 64 KiB are in memory. `--max-body-size` says what is refused with 413.

import { createHash } from 'node:crypto';

export default async function handler(request) {
  if (request.body === null) return new Response('PUT or POST something\n', { status: 400 });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of request.body) {
    hash.update(piece);
    bytes += piece.length;
  }
  return Response.json({ bytes, sha256: hash.digest('hex') });
}
