/**
 * HTTP/2 as the server's thread needs it: a file of its own in what is shipped, loaded for the first client that speaks
 * it (late-code.ts).
 */
export { H2Session } from '../http/h2/session.ts';
export { H2SessionThread } from '../http/h2/thread.ts';
