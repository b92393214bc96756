// React Router on the server, its pages rendered as a stream: `holdfast serve examples/apps/node/react-router.mjs`
import { PassThrough } from 'node:stream';
import { createRequestHandler } from '@react-router/express';
import { createReadableStreamFromReadable } from '@react-router/node';
import express from 'express';
import { createElement as h } from 'react';
import { renderToPipeableStream } from 'react-dom/server';
import { data, Outlet, redirect, ServerRouter, useLoaderData } from 'react-router';

/** What the bundler of React Router would make of a folder of routes. */
const modules = {
  root: { default: () => h('html', null, h('body', null, h(Outlet))) },
  'routes/home': {
    loader: ({ request }) => ({ path: new URL(request.url).pathname }),
    default: () => h('h1', null, `home of ${useLoaderData().path}`),
  },
  'routes/api': {
    loader: ({ params }) => data({ item: params.item }, { status: 203, headers: { 'x-loader': 'yes' } }),
    action: async ({ request }) => Response.json({ got: (await request.formData()).get('name') }),
  },
  'routes/old': { loader: () => redirect('/') },
};
const paths = { 'routes/home': undefined, 'routes/api': 'api/:item', 'routes/old': 'old' };

const routes = {};
const manifestRoutes = {};
for (const [id, module] of Object.entries(modules)) {
  const isRoot = id === 'root';
  const place = isRoot ? { path: '' } : { parentId: 'root', path: paths[id], index: id === 'routes/home' };
  routes[id] = { id, ...place, module };
  manifestRoutes[id] = {
    id,
    ...place,
    hasLoader: module.loader !== undefined,
    hasAction: module.action !== undefined,
    hasErrorBoundary: false,
    hasClientLoader: false,
    hasClientAction: false,
    hasClientMiddleware: false,
    module: `/${id}.js`,
  };
}

function handleRequest(request, status, headers, context) {
  return new Promise((resolve, reject) => {
    const { pipe } = renderToPipeableStream(h(ServerRouter, { context, url: request.url }), {
      onShellReady() {
        const body = new PassThrough();
        headers.set('Content-Type', 'text/html');
        resolve(new Response(createReadableStreamFromReadable(body), { headers, status }));
        pipe(body);
      },
      onShellError: reject,
    });
  });
}

const build = {
  entry: { module: { default: handleRequest } },
  routes,
  assets: {
    entry: { module: '/entry.js', imports: [] },
    routes: manifestRoutes,
    url: '/manifest.js',
    version: '1',
  },
  publicPath: '/',
  basename: '/',
  assetsBuildDirectory: 'build',
  future: {},
  ssr: true,
  isSpaMode: false,
  prerender: [],
  routeDiscovery: { mode: 'initial', manifestPath: '/__manifest' },
};

const app = express();
app.disable('x-powered-by');
app.all('/{*path}', createRequestHandler({ build, mode: 'production' }));

export default app;
