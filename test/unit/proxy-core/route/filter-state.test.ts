import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { xxHash64Text } from '../../../../proxy-core/base/xxhash64.ts';
import { decideRoute } from '../../../../proxy-core/route/decide.ts';
import {
  filterStateObject,
  filterStateText,
  hasObjectFactory,
  setFilterState,
} from '../../../../proxy-core/route/filter-state.ts';
import {
  compileFormat,
  compileJsonFormat,
  LOG_FORMAT,
} from '../../../../proxy-core/route/formatter/index.ts';
import { hashRequest } from '../../../../proxy-core/route/hash-policy.ts';
import { compileTable, input, oneHost, recordingNarrator, streamInfo } from './support.ts';

const ORIGINAL = 'envoy.network.transport_socket.original_dst_address';
const IDLE = 'envoy.tcp_proxy.per_connection_idle_timeout_ms';

/** A stream that has these objects, each by its factory and text. */
function streamWith(objects: Readonly<Record<string, readonly [factory: string, text: string]>>) {
  const info = streamInfo();
  for (const [key, [factory, text]] of Object.entries(objects)) {
    const object = filterStateObject(factory, text, false);
    if (object !== null) setFilterState(info, key, object);
  }
  return info;
}

function failed(message: string): never {
  throw new Error(message);
}

describe('object factories', () => {
  test.each<[string, string, string]>([
    ['envoy.string', 'a "b" <c>', 'a "b" <c>|"a \\"b\\" \\u003cc\\u003e"'],
    ['envoy.string', '', '|""'],
    ['envoy.network.upstream_server_name', 'sni.test', 'sni.test|-'],
    ['envoy.network.upstream_subject_alt_names', 'a.test', '-|-'],
    ['envoy.network.application_protocols', 'h2', '-|-'],
    ['envoy.upstream.dynamic_port', ' +080 ', '80|80'],
    ['envoy.upstream.dynamic_port', '4294967295', '4294967295|4294967295'],
    ['envoy.upstream.dynamic_port', '4294967296', '-|-'],
    ['envoy.upstream.dynamic_port', '-1', '-|-'],
    ['envoy.ratelimit.hits_addend', '5', '5|5'],
    [IDLE, '18446744073709551615', '18446744073709551615|"18446744073709551615"'],
    [IDLE, '18446744073709551616', '-|-'],
    ['envoy.tcp_proxy.disable_tunneling', 'true', 'true|true'],
    ['envoy.tcp_proxy.disable_tunneling', 'TRUE', 'false|false'],
    [ORIGINAL, '10.0.0.1:80', '10.0.0.1:80|-'],
    [ORIGINAL, '[2001:DB8:0::1]:070', '[2001:db8::1]:70|-'],
    [ORIGINAL, '::1:80', '-|-'],
    [ORIGINAL, '[10.0.0.1]:80', '-|-'],
    [ORIGINAL, '10.0.0.1:65536', '-|-'],
    [ORIGINAL, 'host.test:80', '-|-'],
    ['envoy.network.ip', '::1', '[::1]:0|-'],
    ['envoy.network.ip', '10.0.0.1:80', '-|-'],
  ])('%s of %j prints %s', (factory, text, wanted) => {
    const info = streamWith({ k: [factory, text] });
    const format = compileFormat('%FILTER_STATE(k:PLAIN)%|%FILTER_STATE(k)%', LOG_FORMAT, failed);
    expect(format.format(info)).toBe(wanted);
  });

  test('an unknown one makes nothing', () => {
    expect(hasObjectFactory('mine')).toBe(false);
    expect(filterStateObject('mine', 'x', false)).toBeNull();
  });

  test('an address has fields', () => {
    const info = streamWith({ k: [ORIGINAL, '10.0.0.1:80'], s: ['envoy.string', 'x'] });
    const text =
      '%FILTER_STATE(k:FIELD:ip)% %FILTER_STATE(k:FIELD:port)% %FILTER_STATE(k:FIELD:x)% %FILTER_STATE(s:FIELD:ip)%';
    expect(compileFormat(text, LOG_FORMAT, failed).format(info)).toBe('10.0.0.1 80 - -');
  });

  test('every IPv4 address with a port comes back as it was, no text throws', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65535 }), (ip, port) => {
        expect(filterStateObject(ORIGINAL, `${ip}:${port}`, false)?.text).toBe(`${ip}:${port}`);
      }),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.ipV6(),
          fc.ipV6().map((ip) => `[${ip}]:1`),
        ),
        (text) => {
          for (const factory of [ORIGINAL, 'envoy.network.ip', IDLE]) {
            const made = filterStateObject(factory, text, false);
            // What was understood is understood again in its own words.
            if (factory !== 'envoy.network.ip' && made !== null) {
              expect(filterStateObject(factory, made.text ?? '', false)).toEqual(made);
            }
          }
        },
      ),
    );
  });
});

describe('storing', () => {
  test.each<[boolean, boolean, string]>([
    [false, false, 'two'],
    [true, false, 'one'],
    [true, true, 'one'],
    [false, true, 'one'],
  ])('read-only %s, then %s: %s', (first, second, wanted) => {
    const info = streamInfo();
    const values = [
      ['one', first],
      ['two', second],
    ] as const;
    const stored = values.map(([text, readOnly]) => {
      const object = filterStateObject('envoy.string', text, readOnly);
      return object !== null && setFilterState(info, 'k', object);
    });
    expect(stored).toEqual([true, wanted === 'two']);
    expect(filterStateText(info, 'k')).toBe(wanted);
    expect(filterStateText(info, 'other')).toBeUndefined();
  });
});

describe('FILTER_STATE', () => {
  test.each([
    ['(:PLAIN)', 'Invalid filter state configuration, key cannot be empty.'],
    ['(k:OTHER)', 'Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.'],
    ['(k:FIELD)', 'Invalid filter state serialize type, FIELD should be used with the field name.'],
    ['(k:PLAIN:x)', 'Invalid filter state serialize type, FIELD should be used with the field name.'],
  ])('%s is refused', (args, wanted) => {
    const told: string[] = [];
    compileFormat(`%FILTER_STATE${args}%`, LOG_FORMAT, (message) => told.push(message));
    expect(told).toEqual([wanted]);
  });

  test.each<[string, string]>([
    ['%FILTER_STATE(user)%', '"<alice>"'],
    ['%FILTER_STATE(user):3%', '"<alice>"'],
    ['%FILTER_STATE(user:PLAIN):3%', '"<al"'],
    ['x %FILTER_STATE(user)%', '"x \\"\\\\u003calice\\\\u003e\\""'],
    ['%FILTER_STATE(port)%', '8080'],
    ['%FILTER_STATE(port:PLAIN)%', '"8080"'],
    ['%FILTER_STATE(none)%', 'null'],
    ['%UPSTREAM_FILTER_STATE(user)%', 'null'],
  ])('in JSON %s is %s', (text, wanted) => {
    const info = streamWith({
      user: ['envoy.string', '<alice>'],
      port: ['envoy.upstream.dynamic_port', '8080'],
    });
    expect(compileJsonFormat({ k: text }, LOG_FORMAT, failed).format(info)).toBe(`{"k":${wanted}}\n`);
  });
});

describe('hash policies by filter state', () => {
  test.each<[string, readonly [string, string], bigint | null, string]>([
    [
      'an address',
      [ORIGINAL, '10.0.0.1:80'],
      xxHash64Text('10.0.0.1:80'),
      'filter state `k` `10.0.0.1:80` gave ',
    ],
    [
      'a text with a hash',
      ['envoy.hashable_string', 'bob'],
      xxHash64Text('bob'),
      'filter state `k` `bob` gave ',
    ],
    ['a text', ['envoy.string', 'bob'], null, '`k`, an `envoy.string` that has no hash, gave nothing'],
    ['nothing', [ORIGINAL, 'none'], null, 'hash policy: filter state `k` gave nothing'],
  ])('%s', (_, object, wanted, told) => {
    const request = input('/');
    const yaml = oneHost(
      '- {match: {prefix: /}, route: {cluster: a, hash_policy: [{filter_state: {key: k}}]}}',
    );
    const route = decideRoute(compileTable(yaml).table, request);
    if (route === null) throw new Error('no route');
    const narrator = recordingNarrator();
    expect(hashRequest(route, request.head, streamWith({ k: object }), narrator).hash).toBe(wanted);
    expect(narrator.notes.join('\n')).toContain(told);
  });
});
