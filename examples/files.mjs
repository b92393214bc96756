// A site and its API: `holdfast serve examples/files.mjs`.
// What the program does not answer is in the folder, or it is not there.

import { files } from 'holdfast';

const site = files(new URL('./site', import.meta.url), {
  listing: true,
  cacheControl: [{ match: '*.svg', value: 'public, max-age=3600' }],
});

export default (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/api/time') return Response.json({ time: new Date().toISOString() });
  return site(request);
};
