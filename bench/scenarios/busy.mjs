/** A handler that costs CPU: 100 us of it for each request, so that the workers are what is short. */
const BUSY_NS = 100_000n;

export default {
  fetch() {
    const until = process.hrtime.bigint() + BUSY_NS;
    while (process.hrtime.bigint() < until);
    return new Response('Hello, World!');
  },
};
