import { afterEach, describe, expect, test } from 'vitest';
import { Client, exchange, Origin, ProxyRig, request } from '../data-path-rig.ts';
import { filter, filterYaml, parted } from './filter-rig.ts';

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

async function rig(filters: string[], answer: string) {
  const bodies: string[] = [];
  const origin = new Origin((_head, socket, body) => {
    bodies.push(body);
    socket.write(answer, 'latin1');
  });
  await origin.listen();
  const proxy = await ProxyRig.fromYaml(filterYaml({ filters, ports: [origin.port] }));
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  return { proxy, bodies };
}

const limit = (fields: string): string =>
  filter('bandwidth_limit', 'BandwidthLimit', `stat_prefix: bw, ${fields}`);
const text = 'x'.repeat(4000);
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n${text}`;
/** Milliseconds that 4,000 bytes need at 20 KiB/s when 1,024 may go at once, less a timer's tolerance. */
const LEAST = ((4000 - 1024) / (20 * 1024)) * 1000 - 10;

describe('the bandwidth limit', () => {
  test('a response takes its time and is whole', async () => {
    const { proxy } = await rig([limit('enable_mode: RESPONSE, limit_kbps: 20')], ANSWER);
    const started = performance.now();
    const got = parted(await exchange(proxy.port, request('/')));
    expect(performance.now() - started).toBeGreaterThan(LEAST);
    expect(got.body.toString()).toBe(text);
    expect(proxy.counter('bw.http_bandwidth_limit.response_allowed_total_size')).toBe(4000);
    expect(proxy.counter('bw.http_bandwidth_limit.response_enforced')).toBeGreaterThan(0);
    expect(proxy.gauge('bw.http_bandwidth_limit.response_pending')).toBe(0);
  });

  test('a request takes its time, behind it a buffer makes one piece of it', async () => {
    const { proxy, bodies } = await rig(
      [limit('enable_mode: REQUEST, limit_kbps: 20'), filter('buffer', 'Buffer', 'max_request_bytes: 5000')],
      'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
    );
    const started = performance.now();
    await exchange(proxy.port, request('/', 'content-length: 4000\r\n', 'POST', text));
    expect(performance.now() - started).toBeGreaterThan(LEAST);
    expect(bodies).toEqual([text]);
  });

  test('trailers tell how long it took', async () => {
    const { proxy } = await rig(
      [
        limit(
          'enable_mode: RESPONSE, limit_kbps: 20, enable_response_trailers: true, response_trailer_prefix: p',
        ),
      ],
      ANSWER,
    );
    await exchange(proxy.port, request('/'));
    const [stream] = proxy.streams;
    const names = (stream?.responseTrailers ?? []).filter((_each, i) => i % 2 === 0);
    expect(names).toEqual(['p-bandwidth-response-delay-ms', 'p-bandwidth-response-filter-delay-ms']);
  });

  test('a large response does not pile up in the proxy', async () => {
    const size = 8_000_000;
    let sent = 0;
    const origin = new Origin((_head, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const chunk = Buffer.alloc(100_000);
      const pump = (): void => {
        while (sent < size) {
          sent += chunk.length;
          if (!socket.write(chunk)) {
            socket.once('drain', pump);
            return;
          }
        }
      };
      pump();
    });
    await origin.listen();
    const yaml = filterYaml({
      filters: [limit('enable_mode: RESPONSE, limit_kbps: 1')],
      ports: [origin.port],
    });
    const proxy = await ProxyRig.fromYaml(
      yaml.replace('  - name: main\n', '  - name: main\n    per_connection_buffer_limit_bytes: 100000\n'),
    );
    close.push(
      () => proxy.close(),
      () => origin.close(),
    );
    const client = new Client(proxy.port).send(request('/'));
    close.push(() => client.destroy());
    await client.until((got) => got.includes('\r\n\r\nx') || got.includes('\r\n\r\n\x00'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const incoming = proxy.counter('bw.http_bandwidth_limit.response_incoming_total_size');
    expect(incoming).toBeGreaterThan(0);
    expect(incoming).toBeLessThan(1_000_000);
  });
});
