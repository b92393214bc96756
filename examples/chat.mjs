// A chat: `holdfast serve examples/chat.mjs`, then open http://127.0.0.1:8080/ in two windows.
// Rooms are topics, so a message reaches everybody in its room, whichever thread each is connected to, and is
// encoded once for all of them. A window that stops reading is ended when 1 MiB waits for it.

export default {
  fetch(request, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/chat') return context.upgrade({ data: { room: searchParams.get('room') ?? 'lobby' } });
    if (pathname === '/')
      return new Response(PAGE, { headers: { 'content-type': 'text/html; charset=utf-8' } });
    return new Response('Not Found\n', { status: 404 });
  },

  websocket: {
    maxPayloadBytes: '4k',
    backpressureBytesMax: '1m',
    open(peer) {
      peer.subscribe(peer.data.room);
      peer.publish(peer.data.room, 'somebody has come');
    },
    message(peer, message) {
      peer.publish(peer.data.room, message.text());
      peer.send(`you: ${message.text()}`);
    },
    close(peer) {
      peer.publish(peer.data.room, 'somebody has left');
    },
  },
};

const PAGE = `<!doctype html>
<title>Chat</title>
<form><input autofocus placeholder="say something"></form>
<pre></pre>
<script>
  const socket = new WebSocket(location.href.replace('http', 'ws') + 'chat');
  const said = document.querySelector('pre');
  socket.onmessage = ({ data }) => { said.textContent += data + '\\n'; };
  document.querySelector('form').onsubmit = (event) => {
    event.preventDefault();
    const input = event.target.firstChild;
    socket.send(input.value);
    input.value = '';
  };
</script>
`;
