import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually, exchange, Origin, ProxyRig, request } from '../data-path-rig.ts';
import { filter, filterYaml } from './filter-rig.ts';

const close: (() => void)[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tap-'));
  close.push(() => rmSync(folder, { recursive: true, force: true }));
});
afterEach(() => {
  for (const each of close.splice(0).reverse()) each();
});

async function rig(match: string, output = '', sink = 'format: JSON_BODY_AS_STRING, ', more = '') {
  const origin = new Origin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\nx-from: origin\r\n\r\nanswer'),
  );
  await origin.listen();
  const fields = `common_config: { static_config: { match: ${match}, output_config: { ${output}sinks: [{ ${sink}file_per_tap: { path_prefix: ${folder}/t } }] } } }${more}`;
  const proxy = await ProxyRig.fromYaml(
    filterYaml({ filters: [filter('tap', 'Tap', fields)], ports: [origin.port] }),
  );
  close.push(
    () => proxy.close(),
    () => origin.close(),
  );
  return proxy;
}

/** The texts of the files once they are whole. */
async function files(count: number): Promise<string[]> {
  const read = (): string[] => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  await eventually(() => read().filter((text) => text.endsWith('}\n')).length >= count);
  return read();
}

const POST = request('/p', 'x-a: b\r\ncontent-length: 8\r\n', 'POST', 'question');

describe('a tap', () => {
  test('writes the whole exchange', async () => {
    const proxy = await rig('{ any_match: true }');
    await exchange(proxy.port, POST);
    const [text = ''] = await files(1);
    const trace = JSON.parse(text) as { http_buffered_trace: Record<string, Record<string, unknown>> };
    const { request: sent, response: got } = trace.http_buffered_trace;
    expect(sent?.['headers']).toContainEqual({ key: ':path', value: '/p', raw_value: '' });
    expect(sent?.['body']).toEqual({ as_string: 'question', truncated: false });
    expect(got?.['headers']).toContainEqual({ key: ':status', value: '200', raw_value: '' });
    expect(got?.['body']).toEqual({ as_string: 'answer', truncated: false });
    expect(proxy.counter('http.test.tap.rq_tapped')).toBe(1);
  });

  test('keeps so many bytes of a body, in base64 unless asked otherwise', async () => {
    const more = ', record_downstream_connection: true, record_headers_received_time: true';
    const proxy = await rig('{ any_match: true }', 'max_buffered_rx_bytes: 2, ', '', more);
    await exchange(proxy.port, POST);
    const [text = ''] = await files(1);
    const trace = (JSON.parse(text) as { http_buffered_trace: Record<string, Record<string, unknown>> })
      .http_buffered_trace;
    expect(trace['request']?.['body']).toEqual({
      as_bytes: Buffer.from('qu').toString('base64'),
      truncated: true,
    });
    expect(trace['request']?.['headers_received_time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(trace['downstream_connection']).toBeDefined();
  });

  test.each([
    ['{ http_request_headers_match: { headers: [{ name: x-a, string_match: { exact: b } }] } }', 1],
    ['{ http_request_headers_match: { headers: [{ name: x-a, string_match: { exact: c } }] } }', 0],
    ['{ not_match: { http_request_headers_match: { headers: [{ name: x-a, present_match: true }] } } }', 0],
    [
      '{ http_response_headers_match: { headers: [{ name: ":status", string_match: { exact: "200" } }] } }',
      1,
    ],
    ['{ http_response_headers_match: { headers: [{ name: x-from, string_match: { prefix: other } }] } }', 0],
    [
      '{ http_request_generic_body_match: { patterns: [{ string_match: ques }, { string_match: tion }] } }',
      1,
    ],
    ['{ http_request_generic_body_match: { bytes_limit: 4, patterns: [{ string_match: tion }] } }', 0],
    [
      '{ or_match: { rules: [{ http_response_generic_body_match: { patterns: [{ binary_match: YW5z }] } }, { not_match: { any_match: true } }] } }',
      1,
    ],
    ['{ and_match: { rules: [{ any_match: true }, { not_match: { any_match: true } }] } }', 0],
  ])('%s: %i', async (match, count) => {
    const proxy = await rig(match);
    await exchange(proxy.port, POST);
    await eventually(() => proxy.streams.length === 1);
    expect(proxy.counter('http.test.tap.rq_tapped')).toBe(count);
    expect(await files(count)).toHaveLength(count);
  });

  test('streams in segments once it matches', async () => {
    const match =
      '{ http_response_headers_match: { headers: [{ name: ":status", string_match: { exact: "200" } }] } }';
    const proxy = await rig(match, 'streaming: true, ');
    await exchange(proxy.port, POST);
    await eventually(() =>
      readdirSync(folder).some((name) => readFileSync(join(folder, name), 'utf8').includes('answer')),
    );
    const [text = ''] = await files(1);
    const segments = text
      .split(/(?<=^})\n/m)
      .filter((each) => each !== '')
      .map((each) => JSON.parse(each) as { http_streamed_trace_segment: object });
    expect(segments.map((each) => Object.keys(each.http_streamed_trace_segment)[1])).toEqual([
      'request_headers',
      'request_body_chunk',
      'response_headers',
      'response_body_chunk',
    ]);
  });

  test('a file that cannot be written leaves the traffic alone', async () => {
    const proxy = await rig('{ any_match: true }');
    rmSync(folder, { recursive: true });
    expect(await exchange(proxy.port, POST)).toContain('answer');
  });
});
