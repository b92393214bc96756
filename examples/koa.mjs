// A Koa app as it is: `holdfast serve examples/koa.mjs`
import Koa from 'koa';

const app = new Koa();
app.use((context) => {
  context.body = { path: context.path, ip: context.ip };
});

export default app;
