/** The smallest module that `holdfast serve` takes. */
export default { fetch: () => new Response('Hello, World!') };
