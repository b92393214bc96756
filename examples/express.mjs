// An Express app as it is: `holdfast serve examples/express.mjs`
import express from 'express';

const app = express();
app.use(express.json());
app.get('/', (_request, response) => response.send('Hello, World!'));
app.post('/echo', (request, response) => response.json(request.body));

export default app;
