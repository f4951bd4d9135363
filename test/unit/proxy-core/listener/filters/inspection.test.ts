import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../../../proxy-core/base/virtual-clock.ts';
import { loadConfig } from '../../../../../proxy-core/config/load.ts';
import { compileBootstrap } from '../../../../../proxy-core/core/compile.ts';
import { FilterRun, type ListenerFilters } from '../../../../../proxy-core/listener/filters/inspection.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';
import { ECHO, tcpBootstrap } from '../../network-filters/tcp-rig.ts';

const TYPE = 'type.googleapis.com/envoy.extensions.filters.listener.';
const listenerFilter = (type: string, fields = ''): string =>
  `{ name: ${type}, typed_config: { "@type": ${TYPE}${type}, ${fields} } }`;
const TLS = listenerFilter('tls_inspector.v3.TlsInspector');
const HTTP = listenerFilter('http_inspector.v3.HttpInspector');
const PROXY = listenerFilter('proxy_protocol.v3.ProxyProtocol');

interface Compiled {
  readonly filters: ListenerFilters;
  readonly stats: StatsStore;
  readonly diagnostics: readonly string[];
}

function compiled(filters: readonly string[], more = ''): Compiled {
  const stats = new StatsStore();
  const text = tcpBootstrap({
    listener: `listener_filters: [${filters.join(', ')}], ${more}`,
    filters: ECHO,
  });
  const { bootstrap, diagnostics } = compileBootstrap(loadConfig({ file: 't.yaml', text }), {
    serving: false,
    stats,
    logFiles: null,
  });
  const listener = bootstrap?.listeners[0];
  if (listener === undefined) throw new Error(diagnostics.map((each) => each.message).join('\n'));
  return {
    filters: listener.filters,
    stats,
    diagnostics: diagnostics.map(
      (each) => `${each.severity} ${each.path.replace(/^.*listeners\[0\]\./, '')}`,
    ),
  };
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** A ClientHello with SNI `a.test` and ALPN `h2`. */
const extensions = '0000 000b 0009 00 0006 612e74657374 0010 0005 0003 02 6832';
const length = (text: string, bytes: number): string =>
  (text.replaceAll(' ', '').length / 2).toString(16).padStart(bytes * 2, '0');
const body = `0303 ${'00'.repeat(32)} 00 0002 1301 0100 ${length(extensions, 2)} ${extensions}`;
const HELLO = hex(`16 0301 ${length(`01000000${body}`, 2)} 01 ${length(body, 3)} ${body}`);
const LINE = Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n');
const GET = Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n');

/** What the filters make of pieces: `state consumed transport sni protocols source`. */
function run({ filters }: Compiled, pieces: readonly Buffer[]): string {
  const made = new FilterRun(filters.list, new VirtualClock());
  let rest: Buffer = Buffer.alloc(0);
  let consumed = 0;
  let state = 'more';
  for (const piece of pieces) {
    rest = Buffer.concat([rest, piece]);
    const step = made.advance(rest);
    consumed += step.consumed;
    rest = rest.subarray(step.consumed);
    state = step.state;
    if (state !== 'more') break;
  }
  const { transportProtocol, serverName, applicationProtocols, remote } = made.findings;
  return `${state} ${consumed} ${transportProtocol} ${serverName} ${applicationProtocols.join(',')} ${remote?.ip ?? ''}`;
}

describe('what listener filters find', () => {
  test.each([
    [[TLS], HELLO, 'done 0 tls a.test h2 '],
    [[TLS], GET, 'done 0 raw_buffer   '],
    [[HTTP], GET, 'done 0 raw_buffer  http/1.1 '],
    [[HTTP], Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'done 0 raw_buffer  h2c '],
    [[HTTP], Buffer.from('\0\x01binary, no line at all'), 'done 0 raw_buffer   '],
    [[TLS, HTTP], HELLO, 'done 0 tls a.test h2 '],
    [[TLS, HTTP], GET, 'done 0 raw_buffer  http/1.1 '],
    [[PROXY, TLS], Buffer.concat([LINE, HELLO]), 'done 36 tls a.test h2 1.2.3.4'],
    [[PROXY, HTTP], Buffer.concat([LINE, GET]), 'done 36 raw_buffer  http/1.1 1.2.3.4'],
    [[PROXY], GET, 'refused 0 raw_buffer   '],
    [[TLS], HELLO.subarray(0, 20), 'more 0 raw_buffer   '],
    [[PROXY, TLS], LINE, 'more 36 raw_buffer   1.2.3.4'],
  ])('%#', (filters, bytes, expected) => {
    expect(run(compiled(filters), [bytes])).toBe(expected);
  });

  test('the same in any pieces', () => {
    const all = compiled([PROXY, TLS, HTTP]);
    const inputs = [HELLO, GET].map((rest) => Buffer.concat([LINE, rest]));
    fc.assert(
      fc.property(fc.nat(1), fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 6 }), (which, cuts) => {
        const input = inputs[which] as Buffer;
        const pieces: Buffer[] = [];
        let at = 0;
        for (const size of cuts) {
          pieces.push(input.subarray(at, at + size));
          at += size;
        }
        pieces.push(input.subarray(at));
        expect(run(all, pieces)).toBe(run(all, [input]));
      }),
    );
  });
});

test('a token for each accepted socket', () => {
  const limit = listenerFilter(
    'local_ratelimit.v3.LocalRateLimit',
    'stat_prefix: l, token_bucket: { max_tokens: 2, fill_interval: 10s }',
  );
  const { filters, stats } = compiled([limit]);
  const clock = new VirtualClock();
  const next = (): string => new FilterRun(filters.list, clock).advance(Buffer.alloc(0)).state;
  expect([next(), next(), next()]).toEqual(['done', 'done', 'refused']);
  clock.advance(10_000);
  expect([next(), next()]).toEqual(['done', 'refused']);
  expect(stats.counter('listener_local_ratelimit.l.rate_limited').value).toBe(2);
});

test.each([
  ['original_dst.v3.OriginalDst', ''],
  ['original_src.v3.OriginalSrc', ''],
])('%s is accepted with a notice', (type, fields) => {
  const { filters, diagnostics } = compiled([listenerFilter(type, fields)]);
  expect(filters.list).toEqual([]);
  expect(diagnostics).toEqual(['notice listener_filters[0].typed_config']);
});
