/**
 * An HTTP/1.1 origin as cheap as Node can be: answers every request head with the same bytes, so that the
 * proxies are measured and not it. `/big` answers 10 MB. Prints its port. With `any` it listens on all loopback addresses.
 */
import { createServer } from 'node:net';

const body = `{"items":"${'x'.repeat(825)}"}`;
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\nserver: origin\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
);
const BIG = 10 * 1024 * 1024;
const bigHead = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${BIG}\r\n\r\n`,
);
const bigBody = Buffer.alloc(BIG, 0x61);

const server = createServer({ noDelay: true }, (socket) => {
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    rest += chunk.toString('latin1');
    for (;;) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      const big = rest.startsWith('GET /big');
      rest = rest.slice(end + 4);
      if (big) {
        socket.write(bigHead);
        socket.write(bigBody);
      } else {
        socket.write(answer);
      }
    }
  });
  socket.on('error', () => socket.destroy());
});
server.listen(0, process.argv[2] === 'any' ? '0.0.0.0' : '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`port ${address.port}`);
});
process.on('SIGTERM', () => process.exit(0));
