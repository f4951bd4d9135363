import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideRoute } from '../../../../proxy-core/route/decide.ts';
import { rateLimitDescriptors } from '../../../../proxy-core/route/rate-limit-descriptor.ts';
import { compileTable, input, oneHost, streamInfo } from './support.ts';

interface Extra {
  readonly metadata?: Record<string, Record<string, unknown>>;
  readonly ip?: string;
  readonly port?: number;
  readonly runtime?: Record<string, unknown>;
  readonly notes?: string[];
}

/** `key=value,key=value` of each descriptor, with ` 5/HOUR` for a limit of its own. */
function describeRequest(
  policies: string,
  headers: string[] = [],
  path = '/p?u=7',
  extra: Extra = {},
): string[] {
  const request = input(path, headers);
  const yaml = oneHost(
    `- {match: {prefix: /}, metadata: {filter_metadata: {own: {team: blue}}}, route: {cluster: a, rate_limits: [${policies}]}}`,
  );
  const route = decideRoute(compileTable(yaml).table, request);
  if (route?.action.kind !== 'cluster') throw new Error('no route');
  const info = streamInfo({
    requestHead: request.head,
    remote: { ip: extra.ip ?? '8.8.8.8', port: extra.port ?? 5 },
    dynamicMetadata: new Map(Object.entries(extra.metadata ?? {})),
  });
  const narrator = {
    candidate: () => {},
    note: (_tone: unknown, text: string) => {
      extra.notes?.push(text);
    },
  };
  return rateLimitDescriptors(
    route.action.rateLimits,
    0,
    {
      head: request.head,
      info,
      route,
      cluster: 'chosen',
      serviceCluster: 'mine',
      runtime: new Map(Object.entries(extra.runtime ?? {})),
      random: 50,
    },
    narrator,
  ).map(({ entries, limit }) => {
    const text = entries.map(({ key, value }) => `${key}=${value}`).join(',');
    return limit === null ? text : `${text} ${limit.requestsPerUnit}/${limit.unit}`;
  });
}

const one = (action: string): string => `{actions: [{${action}}]}`;
const METADATA = 'metadata_key: {key: ns, path: [{key: a}, {key: b}]}';

describe('descriptors', () => {
  test.each<[string, string[], string[]]>([
    [one('source_cluster: {}'), [], ['source_cluster=mine']],
    [one('destination_cluster: {}'), [], ['destination_cluster=chosen']],
    [one('remote_address: {}'), [], ['remote_address=8.8.8.8']],
    [one('generic_key: {descriptor_value: v}'), [], ['generic_key=v']],
    [one('generic_key: {descriptor_value: v, descriptor_key: k}'), [], ['k=v']],
    [one('request_headers: {header_name: X-A, descriptor_key: k}'), ['x-a', '1', 'x-a', '2'], ['k=1']],
    [one('request_headers: {header_name: ":path", descriptor_key: k}'), [], ['k=/p?u=7']],
    [one('request_headers: {header_name: x-a, descriptor_key: k}'), [], []],
    [one('request_headers: {header_name: x-a, descriptor_key: k, skip_if_absent: true}'), [], ['']],
    [
      '{actions: [{request_headers: {header_name: x-a, descriptor_key: k, skip_if_absent: true}}, {remote_address: {}}]}',
      [],
      ['remote_address=8.8.8.8'],
    ],
    [
      one('header_value_match: {descriptor_value: v, headers: [{name: x-a}]}'),
      ['x-a', ''],
      ['header_match=v'],
    ],
    [one('header_value_match: {descriptor_value: v, headers: [{name: x-a}]}'), [], []],
    [
      one(
        'header_value_match: {descriptor_value: v, descriptor_key: k, expect_match: false, headers: [{name: x-a}]}',
      ),
      [],
      ['k=v'],
    ],
    [
      one(
        'query_parameter_value_match: {descriptor_value: v, query_parameters: [{name: u, string_match: {exact: "7"}}]}',
      ),
      [],
      ['query_match=v'],
    ],
    [one('query_parameter_value_match: {descriptor_value: v, query_parameters: [{name: x}]}'), [], []],
    [one(`metadata: {descriptor_key: k, ${METADATA}}`), [], []],
    [one(`metadata: {descriptor_key: k, ${METADATA}, default_value: d}`), [], ['k=d']],
    [one(`metadata: {descriptor_key: k, ${METADATA}, skip_if_absent: true}`), [], ['']],
    [
      one(
        'metadata: {descriptor_key: k, metadata_key: {key: own, path: [{key: team}]}, source: ROUTE_ENTRY}',
      ),
      [],
      ['k=blue'],
    ],
    ['{actions: [{remote_address: {}}, {request_headers: {header_name: x-a, descriptor_key: k}}]}', [], []],
    ['{stage: 1, actions: [{remote_address: {}}]}', [], []],
    [
      `${one('remote_address: {}')}, ${one('destination_cluster: {}')}`,
      [],
      ['remote_address=8.8.8.8', 'destination_cluster=chosen'],
    ],
  ])('%s', (policy, headers, wanted) => {
    expect(describeRequest(policy, headers)).toEqual(wanted);
  });

  test('dynamic metadata gives values and limits', () => {
    const metadata = {
      ns: { a: { b: 'x', n: 5 } },
      lim: { own: { requests_per_unit: 9, unit: 'HOUR' }, bad: { unit: 'HOUR' } },
    };
    const limited = (key: string): string =>
      `{actions: [{metadata: {descriptor_key: k, ${METADATA}}}], limit: {dynamic_metadata: {metadata_key: {key: lim, path: [{key: ${key}}]}}}}`;
    expect(describeRequest(limited('own'), [], '/', { metadata })).toEqual(['k=x 9/HOUR']);
    expect(describeRequest(limited('bad'), [], '/', { metadata })).toEqual(['k=x']);
    expect(describeRequest(limited('none'), [], '/', { metadata })).toEqual(['k=x']);
  });

  test.each([
    ['10.20.30.40', 12, 128, '10.16.0.0/12'],
    ['10.20.30.40', 32, 128, '10.20.30.40/32'],
    ['10.20.30.40', 0, 128, '0.0.0.0/0'],
    ['2001:db8:1:2:3:4:5:6', 32, 48, '2001:db8:1::/48'],
    ['2001:db8:1:2:3:4:5:6', 32, 33, '2001:db8::/33'],
    ['::1', 32, 128, '::1/128'],
    ['1:0:0:2:0:0:0:3', 32, 128, '1:0:0:2::3/128'],
    ['fe80::1%lo', 32, 10, 'fe80::/10'],
  ])('the address %s masked to %d or %d bits is %s', (ip, v4, v6, wanted) => {
    const policy = one(`masked_remote_address: {v4_prefix_mask_len: ${v4}, v6_prefix_mask_len: ${v6}}`);
    expect(describeRequest(policy, [], '/', { ip })).toEqual([`masked_remote_address=${wanted}`]);
  });

  test('every IPv4 address keeps exactly its first bits', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (ip, bits) => {
        const [text = ''] = describeRequest(
          one(`masked_remote_address: {v4_prefix_mask_len: ${bits}}`),
          [],
          '/',
          { ip },
        );
        const number = (address: string): bigint =>
          address.split('.').reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
        const [masked = '', length] = text.slice('masked_remote_address='.length).split('/');
        const low = 2n ** BigInt(32 - bits);
        expect([number(masked), length]).toEqual([number(ip) - (number(ip) % low), String(bits)]);
      }),
      { numRuns: 50 },
    );
  });

  test('a client on a Unix socket has no address', () => {
    expect(describeRequest(one('remote_address: {}'), [], '/', { port: -1 })).toEqual([]);
  });

  test('disable_key is a share in the runtime', () => {
    const policy = '{disable_key: k, actions: [{remote_address: {}}]}';
    const key = 'ratelimit.k.http_filter_enabled';
    expect(describeRequest(policy, [], '/', { runtime: { [key]: 50 } })).toEqual([]);
    expect(describeRequest(policy, [], '/', { runtime: { [key]: 51 } })).toHaveLength(1);
  });

  test('the narration says what was made and what was missing', () => {
    const notes: string[] = [];
    describeRequest(
      `${one('remote_address: {}')}, ${one('request_headers: {header_name: x-a, descriptor_key: k}')}`,
      [],
      '/',
      { notes },
    );
    expect(notes).toEqual([
      'descriptor (`remote_address`, `8.8.8.8`)',
      'no descriptor: header `x-a` is missing',
    ]);
  });
});
