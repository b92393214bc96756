// Procedures of tRPC, with a subscription by server-sent events: `holdfast serve --node examples/apps/node/trpc.mjs`
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';

const { router, procedure } = initTRPC.create({ isDev: false });

const text = (value) => {
  if (typeof value !== 'string') throw new TypeError('text is asked for');
  return value;
};

export const appRouter = router({
  greet: procedure.input(text).query(({ input }) => `hello ${input}`),
  shout: procedure.input(text).mutation(({ input }) => input.toUpperCase()),
  fail: procedure.query(() => {
    throw new TRPCError({ code: 'NOT_FOUND', message: 'there is none' });
  }),
  count: procedure.subscription(async function* () {
    for (let i = 1; i <= 3; i++) yield i;
  }),
});

const handler = createHTTPHandler({ router: appRouter });

/** @type {import('node:http').RequestListener} */
export default (req, res) => handler(req, res);
