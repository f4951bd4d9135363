import { connect } from 'node:http2';
import { afterEach, describe, expect, test } from 'vitest';
import { Client, exchange, Origin, ProxyRig, request, status } from '../data-path-rig.ts';
import { filter, filterYaml, parted } from './filter-rig.ts';
import { frame, type GrpcAnswer, GrpcOrigin, HTTP2_CLUSTER } from './grpc-rig.ts';

const close: (() => void)[] = [];
afterEach(() => {
  for (const each of close.splice(0)) each();
});

async function rig(filters: string[], answer: GrpcAnswer) {
  const origin = new GrpcOrigin(() => answer);
  await origin.listen();
  const proxy = await ProxyRig.fromYaml(
    filterYaml({ filters, ports: [origin.port], cluster: HTTP2_CLUSTER }),
  );
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  return { origin, proxy };
}

async function post(port: number, type: string, body: Buffer): Promise<string> {
  const client = new Client(port);
  close.push(() => client.destroy());
  client.send(
    request(
      '/s/m',
      `content-type: ${type}\r\ncontent-length: ${body.length}\r\n`,
      'POST',
      body.toString('latin1'),
    ),
  );
  return client.until((_text, ended) => ended);
}

const STREAM: GrpcAnswer = {
  body: [frame('one'), frame('two')],
  trailers: { 'grpc-status': '0', 'x-more': '1' },
};
const TRAILER_LINES = 'grpc-status:0\r\nx-more:1\r\n';
const trailerFrame = Buffer.concat([
  Buffer.from([0x80, 0, 0, 0, TRAILER_LINES.length]),
  Buffer.from(TRAILER_LINES),
]);

describe('gRPC-Web over the wire', () => {
  test('binary: frames as they are, then the trailers as one', async () => {
    const { origin, proxy } = await rig([filter('grpc_web', 'GrpcWeb')], STREAM);
    const got = parted(await post(proxy.port, 'application/grpc-web+proto', frame('hi')));
    expect(got.head).toContain('content-type: application/grpc-web+proto');
    expect(got.body).toEqual(Buffer.concat([frame('one'), frame('two'), trailerFrame]));
    expect(origin.calls[0]?.body).toEqual(frame('hi'));
    expect(origin.calls[0]?.headers['content-type']).toBe('application/grpc');
  });

  test('text: each frame in base64 for itself', async () => {
    const { origin, proxy } = await rig([filter('grpc_web', 'GrpcWeb')], STREAM);
    const sent = Buffer.from(frame('hi').toString('base64'));
    const client = new Client(proxy.port);
    close.push(() => client.destroy());
    const head = `content-type: application/grpc-web-text\r\naccept: application/grpc-web-text\r\ncontent-length: ${sent.length}\r\n`;
    client.send(request('/s/m', head, 'POST', sent.toString()));
    const got = parted(await client.until((_text, ended) => ended));
    const expected = [frame('one'), frame('two'), trailerFrame].map((each) => each.toString('base64'));
    expect(got.body.toString()).toBe(expected.join(''));
    expect(origin.calls[0]?.body).toEqual(frame('hi'));
  });

  test('with statistics behind it', async () => {
    const { proxy } = await rig(
      [filter('grpc_web', 'GrpcWeb'), filter('grpc_stats', 'FilterConfig', 'stats_for_all_methods: true')],
      STREAM,
    );
    await post(proxy.port, 'application/grpc-web+proto', frame('hi'));
    expect(proxy.counter('cluster.origin.grpc.s.m.success')).toBe(1);
    expect(proxy.counter('cluster.origin.grpc.s.m.request_message_count')).toBe(1);
    expect(proxy.counter('cluster.origin.grpc.s.m.response_message_count')).toBe(2);
  });
});

describe('gRPC for HTTP/1.1 clients', () => {
  test('the status of the trailers is in the head, which knows the length', async () => {
    const { proxy } = await rig([filter('grpc_http1_bridge', 'Config')], {
      body: [frame('part')],
      trailers: { 'grpc-status': '7', 'grpc-message': 'no' },
    });
    const answer = await post(proxy.port, 'application/grpc', frame('hi'));
    expect(status(answer)).toBe(503);
    expect(answer).toMatch(/grpc-status: 7\r\n(.*\r\n)*grpc-message: no/);
    expect(answer).toContain('content-length: 9');
  });

  test('bare protobuf both ways', async () => {
    const { origin, proxy } = await rig(
      [filter('grpc_http1_bridge', 'Config', 'upgrade_protobuf_to_grpc: true')],
      { body: [frame('answer')], trailers: { 'grpc-status': '0' } },
    );
    const got = parted(await post(proxy.port, 'application/x-protobuf', Buffer.from('question')));
    expect(origin.calls[0]?.body).toEqual(frame('question'));
    expect(got.body.toString()).toBe('answer');
  });
});

describe('gRPC clients in front of HTTP/1.1', () => {
  test('frames are taken off and put on, the status comes in trailers', async () => {
    const bodies: string[] = [];
    const origin = new Origin((_head, socket, body) => {
      bodies.push(body);
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 6\r\n\r\nanswer',
      );
    });
    await origin.listen();
    const fields = 'content_type: application/x-protobuf, withhold_grpc_frames: true';
    const filters = [filter('grpc_http1_reverse_bridge', 'FilterConfig', fields)];
    const buffer = filter('buffer', 'Buffer', 'max_request_bytes: 1000');
    const proxy = await ProxyRig.fromYaml(
      filterYaml({ filters: [...filters, buffer], ports: [origin.port] }),
    );
    const session = connect(`http://127.0.0.1:${proxy.port}`);
    close.push(
      () => session.destroy(),
      () => proxy.close(),
      () => origin.close(),
    );
    const stream = session.request({
      ':method': 'POST',
      ':path': '/s/m',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const parts: Buffer[] = [];
    stream.on('data', (bytes: Buffer) => parts.push(bytes));
    const trailers = new Promise<Record<string, unknown>>((resolve) => stream.on('trailers', resolve));
    stream.end(frame('question'));
    expect((await trailers)['grpc-status']).toBe('0');
    await new Promise((resolve) => stream.on('close', resolve));
    expect(Buffer.concat(parts)).toEqual(frame('answer'));
    expect(bodies).toEqual(['question']);
  });

  test('a body that is no frame is refused', async () => {
    const fields = 'content_type: application/x-protobuf, withhold_grpc_frames: true';
    const { proxy } = await rig([filter('grpc_http1_reverse_bridge', 'FilterConfig', fields)], STREAM);
    const answer = await exchange(
      proxy.port,
      request('/s/m', 'content-type: application/grpc\r\ncontent-length: 1\r\n', 'POST', '\0'),
    );
    expect(answer).toContain('grpc-status: 2');
    // The refusal passes the filter itself, which knows no such answer: Envoy tells it so, too.
    expect(proxy.streams[0]?.responseCodeDetails).toBe('grpc_bridge_content_type_wrong');
  });
});
