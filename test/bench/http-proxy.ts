/** The npm package http-proxy in its usual form with keep-alive upstream connections, for comparison. */
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';

const proxy = httpProxy.createProxyServer({
  target: String(process.argv[2]),
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
});
proxy.on('error', () => {});
const server = createServer((request, response) => proxy.web(request, response));
server.listen(Number(process.argv[3]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
