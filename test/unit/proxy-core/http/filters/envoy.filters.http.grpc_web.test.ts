import { describe, expect, test } from 'vitest';
import type { FilterCallbacks } from '../../../../../proxy-core/http/filter.ts';
import { GRPC_WEB } from '../../../../../proxy-core/http/filters/envoy.filters.http.grpc_web.ts';

const frame = (text: string): Buffer => {
  const bytes = Buffer.alloc(5 + text.length);
  bytes.writeUInt32BE(text.length, 1);
  bytes.write(text, 5);
  return bytes;
};
const TRAILERS = Buffer.concat([Buffer.from([0x80, 0, 0, 0, 15]), Buffer.from('grpc-status:0\r\n')]);

/** The filter, with what it sent by itself. */
function rig(type: string, accept = type) {
  const sent: { to: string; bytes: Buffer; ends: boolean }[] = [];
  const replies: [number, string][] = [];
  const callbacks = {
    injectRequest: (bytes: Uint8Array, ends: boolean) =>
      sent.push({ to: 'upstream', bytes: Buffer.from(bytes), ends }),
    injectResponse: (bytes: Uint8Array, ends: boolean) =>
      sent.push({ to: 'client', bytes: Buffer.from(bytes), ends }),
    continueEncoding: () => {},
    sendLocalReply: (status: number, _body: string, _flag: unknown, details: string) =>
      replies.push([status, details]),
  } as unknown as FilterCallbacks;
  const config = { range: null };
  const filter = GRPC_WEB.compile('g', config as never, null as never, null as never).create(callbacks);
  const head = {
    method: 'POST',
    authority: 'a',
    path: '/s/m',
    scheme: 'http',
    protocol: '',
    headers: ['content-type', type, 'accept', accept, 'content-length', '9'],
  };
  filter.decodeHead?.(head, false);
  return { filter, sent, replies, head };
}

describe('gRPC-Web', () => {
  test('the request becomes gRPC', () => {
    expect(rig('application/grpc-web+proto').head.headers).toEqual([
      'content-type',
      'application/grpc',
      'accept',
      'application/grpc-web+proto',
      'te',
      'trailers',
      'grpc-accept-encoding',
      'identity',
    ]);
  });

  test.each([1, 3, 4, 7, 100])('base64 in pieces of %i', (size) => {
    const { filter, sent } = rig('application/grpc-web-text');
    const text = Buffer.from(frame('hello').toString('base64') + frame('x').toString('base64'));
    for (let i = 0; i < text.length; i += size) {
      filter.decodeBody?.(text, i, Math.min(text.length, i + size), i + size >= text.length);
    }
    expect(Buffer.concat(sent.map((each) => each.bytes))).toEqual(
      Buffer.concat([frame('hello'), frame('x')]),
    );
    expect(sent.filter((each) => each.ends)).toHaveLength(1);
  });

  test.each([
    ['AAAAA', 'grpc_base_64_decode_failed_bad_size'],
    ['A*AA', 'grpc_base_64_decode_failed'],
  ])('bad base64 %s: %s', (text, details) => {
    const { filter, replies } = rig('application/grpc-web-text');
    filter.decodeBody?.(Buffer.from(text), 0, text.length, true);
    expect(replies).toEqual([[400, details]]);
  });

  test.each([
    ['application/grpc-web', TRAILERS],
    ['application/grpc-web-text', Buffer.from(TRAILERS.toString('base64'))],
  ])('trailers of %s are a frame of the body', (type, expected) => {
    const { filter, sent } = rig(type);
    filter.encodeHead?.({ status: 200, headers: ['content-type', 'application/grpc'] }, false);
    expect(filter.encodeTrailers?.(['grpc-status', '0'])).toBe('drop');
    expect(sent).toEqual([{ to: 'client', bytes: expected, ends: true }]);
  });

  test('an answer that is no gRPC becomes a status and a message', () => {
    const { filter } = rig('application/grpc-web');
    const head = { status: 503, headers: ['content-type', 'text/plain', 'content-length', '4'] };
    expect(filter.encodeHead?.(head, false)).toBe('stop');
    filter.encodeBody?.(Buffer.from('sick'), 0, 4, true);
    expect(head.headers).toEqual([
      'content-type',
      'application/grpc-web+proto',
      'grpc-message',
      'sick',
      'grpc-status',
      '14',
      'content-length',
      '0',
    ]);
  });
});
