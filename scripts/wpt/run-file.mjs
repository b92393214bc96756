/**
 * One test file of WPT in a process of its own, with the classes that it is to try as its globals, and the
 * outcome of its subtests on standard output as JSON.
 *
 *     node scripts/wpt/run-file.mjs FOLDER FILE CLASSES ENGINE ORIGIN
 *
 * CLASSES is `platform` (Node's own, to compare with), `constructed` (ours) or `received` (ours, and each
 * Request that a test makes is the one that a handler got over a real socket). ORIGIN serves the folder.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { installGlobals } from '../../dist/bundle/index.js';
import { receiveRequests, recordRequests, replayRequests } from './received.mjs';

/** Most files are done in some ms; those that wait for a server's answers need not be waited for. */
const RECORDING_MS = 3000;
/** WPT's own server serves the parser of interfaces by another name. */
const SERVED_AS = { 'resources/WebIDLParser.js': 'resources/webidl2/lib/webidl2.js' };

const [folder, file, classes, engine, origin] = process.argv.slice(2);
const location = new URL(`${origin}/${file}`);
const scripts = readScripts();

process.on('unhandledRejection', () => {});
setUpGlobals();
let answer;
if (classes === 'recorded') {
  installGlobals();
  const take = recordRequests();
  await Promise.race([runFile(), new Promise((resolve) => setTimeout(resolve, RECORDING_MS))]);
  answer = await take();
} else {
  let counts;
  if (classes === 'received') {
    const calls = JSON.parse(
      execFileSync(process.execPath, [...process.argv.slice(1, 4), 'recorded', engine, origin]),
    );
    const received = await receiveRequests(calls, engine);
    installGlobals();
    // Where none was sent, as in tests of the interfaces, the class of this runner would only stand in for ours.
    if (received.some((request) => request !== undefined && request !== null))
      counts = replayRequests(calls, received);
  } else if (classes === 'constructed') installGlobals();
  answer = { rows: await runFile(), counts };
}
process.stdout.write(JSON.stringify(answer), () => process.exit(0));

/** Globals of a worker that WPT and Node's fetch look at. */
function setUpGlobals() {
  globalThis.self = globalThis;
  globalThis.GLOBAL = { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false };
  Object.defineProperty(globalThis, 'location', { value: location, configurable: true });
  // What relative URLs are relative to: undici, lib/web/fetch/global.js.
  Object.defineProperty(globalThis, Symbol.for('undici.globalOrigin.1'), {
    value: location,
    writable: true,
    configurable: true,
  });
}

/** The texts of a test: what it includes, then its own; of an HTML file its inline scripts. */
function readScripts() {
  const read = (name) => substituted(readFileSync(path.join(folder, SERVED_AS[name] ?? name), 'utf8'));
  const resolve = (name) =>
    name.startsWith('/') ? name.slice(1) : path.posix.join(path.posix.dirname(file), name);
  const text = read(file);
  const found = [];
  if (file.endsWith('.html')) {
    for (const [, attributes, body] of text.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) {
      const source = /src="?([^"\s>]+)/.exec(attributes)?.[1];
      if (source === undefined) found.push({ name: file, text: body });
      else if (!source.startsWith('/resources/testharness'))
        found.push({ name: source, text: read(resolve(source)) });
    }
    return found;
  }
  for (const [, name] of text.matchAll(/^\/\/ META: script=(.+)$/gm))
    found.push({ name, text: read(resolve(name)) });
  found.push({ name: file, text });
  return found;
}

/** Does what WPT's own server does with files named `.sub.`; it is done for all, since nothing else looks like it. */
function substituted(text) {
  return text
    .replaceAll('{{host}}', location.hostname)
    .replace(/\{\{ports\[\w+\]\[\d\]\}\}/g, location.port)
    .replace(/\{\{domains\[\w*\]\}\}/g, location.hostname);
}

/** @returns one row a subtest */
function runFile() {
  const harness = readFileSync(path.join(folder, 'resources/testharness.js'), 'utf8');
  vm.runInThisContext(harness, { filename: 'testharness.js' });
  const { add_completion_callback, setup, done } = globalThis;
  // Behind the harness, which would report to a page then. What looks at interfaces wants to know where it is.
  if (file.includes('idlharness'))
    globalThis.DedicatedWorkerGlobalScope = { [Symbol.hasInstance]: (value) => value === globalThis };
  const whole = new Promise((resolve) => {
    add_completion_callback((tests, status) => {
      const rows = tests.map(({ name, status: code, message }) => ({
        name,
        passed: code === 0,
        message: code === 0 ? '' : String(message),
      }));
      if (status.status !== 0)
        rows.push({ name: '(the file as a whole)', passed: false, message: String(status.message) });
      resolve(rows);
    });
  });
  setup({ explicit_timeout: true });
  try {
    for (const { name, text } of scripts) vm.runInThisContext(text, { filename: name });
  } catch (error) {
    return [{ name: '(loading)', passed: false, message: String(error) }];
  }
  done();
  return whole;
}
