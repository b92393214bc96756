/** What the workers of workers.ts serve, and `holdfast serve`: the light Response, by default export. */
import { type FetchHandler, Response } from 'holdfast';

const fetch: FetchHandler = (request) => Response.json({ path: new URL(request.url).pathname });

export default { fetch };
