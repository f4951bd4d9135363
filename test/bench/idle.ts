/** Opens `--connections` keep-alive connections with one request each, prints `open`, and keeps them until it is killed. */
import { connect } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { port: { type: 'string' }, connections: { type: 'string', default: '10000' } },
});
const wanted = Number(values.connections);
let begun = 0;
let answered = 0;

function open(): void {
  if (begun === wanted) return;
  begun++;
  const socket = connect({ port: Number(values.port), host: '127.0.0.1' }, () => {
    socket.write(
      'GET /inventory/1 HTTP/1.1\r\nhost: bench.local\r\nuser-agent: bench\r\naccept: */*\r\n\r\n',
    );
  });
  socket.once('data', () => {
    if (++answered === wanted) console.log('open');
    open();
  });
  socket.on('error', (error) => {
    console.log(`failed: ${error.message}`);
    process.exit(1);
  });
}

for (let i = 0; i < 64; i++) open();
