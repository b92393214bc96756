/** The checks of the option `websocket`: hooks are functions, sizes and times are what they may be. */
import { OptionError } from '../base/errors.ts';
import { checkBoolean, checkChoice, checkFunction, given, snapshot } from '../base/option-checks.ts';
import { parseDuration, parsePause, parseSize } from '../base/units.ts';
import { DEFAULT_WEBSOCKET_SETTINGS, type WebSocketSettings } from '../http/websocket/settings.ts';
import type { WebSocketHooks } from '../web/websocket.ts';
import type { WebSocketOptions } from '../web/websocket-options.ts';

const HOOKS = ['open', 'message', 'close', 'error', 'drain', 'ping', 'pong'] as const;
const NAMES = [
  'upgrade',
  ...HOOKS,
  'maxPayloadBytes',
  'backpressureBytesMax',
  'onBackpressure',
  'idleTimeout',
  'pingInterval',
  'pongTimeout',
  'closeTimeout',
  'handover',
  'compress',
] as const;

/** An ArrayBuffer holds as much in every Node that is supported, and a string nearly: 512 MiB. */
const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024;

/** @returns a copy, each property read once @throws OptionError */
export function readWebSocket(from: unknown): WebSocketOptions {
  const options = snapshot<WebSocketOptions>('websocket.', from, NAMES);
  for (const name of [...HOOKS, 'upgrade'] as const) checkFunction(`websocket.${name}`, options[name]);
  return options;
}

/** @throws OptionError naming the first that is not allowed */
export function checkWebSocket(from: WebSocketOptions | undefined): WebSocketSettings {
  const options = from ?? {};
  const defaults = DEFAULT_WEBSOCKET_SETTINGS;
  const ms = (name: 'idleTimeout' | 'pingInterval' | 'pongTimeout' | 'closeTimeout', fallback: number) =>
    parseDuration(`websocket.${name}`, given(options[name], fallback));
  checkBoolean('websocket.compress', options.compress);
  checkChoice('websocket.onBackpressure', options.onBackpressure, ['drop', 'close', 'wait']);
  const payloadBytesMax = parseSize(
    'websocket.maxPayloadBytes',
    given(options.maxPayloadBytes, defaults.payloadBytesMax),
  );
  if (payloadBytesMax < 1 || payloadBytesMax > PAYLOAD_BYTES_MAX)
    throw new OptionError(
      'websocket.maxPayloadBytes',
      options.maxPayloadBytes,
      '1 byte to 256m: a message is held in memory whole',
    );
  return {
    isOffered: from !== undefined,
    hooks: hooksOf(options),
    upgrade: options.upgrade,
    payloadBytesMax,
    backpressureBytesMax: parseSize(
      'websocket.backpressureBytesMax',
      given(options.backpressureBytesMax, defaults.backpressureBytesMax),
    ),
    onBackpressure: given(options.onBackpressure, defaults.onBackpressure),
    idleMs: ms('idleTimeout', defaults.idleMs),
    pingIntervalMs: ms('pingInterval', defaults.pingIntervalMs),
    pongMs: ms('pongTimeout', defaults.pongMs),
    closeMs: ms('closeTimeout', defaults.closeMs),
    handoverMs: parsePause('websocket.handover', given(options.handover, defaults.handoverMs)),
    compresses: given(options.compress, defaults.compresses),
  };
}

/** Methods of an object stay its methods: `options` is a copy, so they are bound to nothing but that. */
function hooksOf(options: WebSocketOptions): WebSocketHooks {
  return Object.fromEntries(
    HOOKS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  );
}

/** `hooks` of `context.upgrade`: names that are none are told, so that a misspelt hook does not stay silent. */
export function checkedHooks(hooks: unknown): WebSocketHooks {
  const copy = snapshot<WebSocketHooks>('hooks.', hooks, HOOKS);
  for (const name of HOOKS) checkFunction(`hooks.${name}`, copy[name]);
  return copy;
}
