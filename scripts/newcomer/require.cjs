/** A program in CommonJS: Node loads the package by require() from 20.19 on. */
const { Response, serve } = require('holdfast');

serve({ port: 0, fetch: () => new Response('from CommonJS') }).then(async (server) => {
  const text = await (await fetch(server.url)).text();
  await server.close();
  if (text !== 'from CommonJS') throw new Error(text);
  console.log('required');
});
