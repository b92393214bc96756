// A chat: rooms over WebSocket, the same rooms to read over server-sent events, and a page for both:
//   holdfast serve --pubsub-replay 1000 examples/apps/chat.mjs
// With any number of workers; what is said in a room reaches all of them. With --pubsub nats://… it reaches other machines too. An
// EventSource that comes back gets what it missed, as far as it is kept.

import { sse } from 'holdfast';
import { Hono } from 'hono';

const ROOM = /^[\w-]{1,32}$/;
const NAME = /^[\p{L}\p{N} _-]{1,32}$/u;
const TEXT_LENGTH_MAX = 2000;

const app = new Hono();

app.get('/', (c) => c.html(PAGE));

app.get('/rooms/:room/socket', (c) => {
  const room = c.req.param('room');
  const name = c.req.query('name') ?? '';
  if (!ROOM.test(room) || !NAME.test(name)) return c.text('a room and a name are needed\n', 400);
  return c.executionCtx.upgrade({ hooks: talk, data: { topic: `room/${room}`, name } });
});

app.get('/rooms/:room/events', (c) => {
  const room = c.req.param('room');
  if (!ROOM.test(room)) return c.text('no such room\n', 404);
  return sse(c.req.raw, { topics: [`room/${room}`] });
});

app.post('/rooms/:room', async (c) => {
  const room = c.req.param('room');
  const { name, text } = await c.req.json().catch(() => ({}));
  if (!ROOM.test(room) || !NAME.test(name) || !isText(text))
    return c.text('a name and a text are needed\n', 400);
  c.executionCtx.publish(`room/${room}`, said(name, text));
  return c.body(null, 202);
});

export default app;

const talk = {
  open(peer) {
    const { topic, name } = peer.data;
    peer.subscribe(topic);
    tellAll(peer, said(name, 'is here'));
  },
  message(peer, message) {
    const text = message.text();
    if (isText(text)) tellAll(peer, said(peer.data.name, text));
    else peer.send(said('chat', `a text of 1 to ${TEXT_LENGTH_MAX} characters is needed`));
  },
  close(peer) {
    peer.publish(peer.data.topic, said(peer.data.name, 'has gone'));
  },
};

/** The speaker hears itself too. */
function tellAll(peer, line) {
  peer.publish(peer.data.topic, line);
  peer.send(line);
}

function said(name, text) {
  return JSON.stringify({ name, text, at: new Date().toISOString() });
}

function isText(text) {
  return typeof text === 'string' && text.length >= 1 && text.length <= TEXT_LENGTH_MAX;
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chat</title>
<style>
  body { font: 16px/1.5 system-ui; margin: 2rem auto; max-width: 40rem; padding: 0 1rem; color-scheme: light dark }
  ol { list-style: none; padding: 0 }
  form { display: flex; gap: .5rem }
  input { flex: 1; font: inherit; padding: .25rem .5rem }
</style>
<h1>Chat</h1>
<ol aria-live="polite"></ol>
<form><input name="text" aria-label="What you say" autocomplete="off" required><button>Say</button></form>
<script type="module">
  const list = document.querySelector('ol');
  const name = new URLSearchParams(location.search).get('name') ?? 'somebody';
  const socket = new WebSocket('rooms/lobby/socket?name=' + encodeURIComponent(name));
  socket.onmessage = ({ data }) => {
    const { name, text } = JSON.parse(data);
    list.append(Object.assign(document.createElement('li'), { textContent: name + ': ' + text }));
  };
  socket.onclose = () => list.append(Object.assign(document.createElement('li'), { textContent: 'The connection has ended.' }));
  document.querySelector('form').onsubmit = (event) => {
    event.preventDefault();
    const { text } = event.target.elements;
    socket.send(text.value);
    text.value = '';
  };
</script>
</html>
`;
