// An H3 app (version 2) is an object with `fetch`, and so a handler: `holdfast serve examples/h3.mjs`.
// It needs the package: npm install h3

import { H3, readBody } from 'h3';

const app = new H3();

app.get('/', () => 'Hello from H3');
app.get('/users/:id', (event) => ({ id: event.context.params.id }));
app.post('/echo', (event) => readBody(event));

export default app;
