import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { StreamInfo } from '../../../../../proxy-core/base/stream-info.ts';
import { VirtualClock } from '../../../../../proxy-core/base/virtual-clock.ts';
import { compileAccessLogs } from '../../../../../proxy-core/observe/access-log/compile.ts';
import { LogFileManager } from '../../../../../proxy-core/observe/access-log/log-file.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';
import { type Reported, readMessage, testContext } from '../../route/support.ts';
import { stream } from '../stream.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'access-log-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

let count = 0;

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const FILE = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog';

/** Compiles one log and gives back what it writes for the streams. */
async function written(
  more: string,
  streams: readonly StreamInfo[],
  runtime: ReadonlyMap<string, unknown> = new Map(),
): Promise<{ text: string; reported: Reported[] }> {
  const name = path.join(folder, `${++count}.log`);
  const yaml = `stat_prefix: x
access_log:
- name: envoy.access_loggers.file
${more.replaceAll('PATH', `"@type": ${FILE}, path: ${name}`)}
`;
  const { reader } = readMessage(yaml, MANAGER);
  const reported: Reported[] = [];
  const files = new LogFileManager({ clock: new VirtualClock(), stats: new StatsStore(), event: () => {} });
  const logs = compileAccessLogs(reader.messages('access_log'), testContext(reported, { runtime }), files);
  for (const info of streams) for (const log of logs) log.log(info);
  await files.close();
  return { text: fs.readFileSync(name, 'utf8'), reported };
}

describe('formats', () => {
  test('the default line', async () => {
    const { text } = await written('  typed_config: {PATH}', [
      stream({ startWall: Date.UTC(2026, 10, 22, 15, 50, 44, 777) }),
    ]);
    expect(text).toBe(
      '[2026-11-22T15:50:44.777Z] "GET /inventory/items?x=1 HTTP/1.1" 200 - 0 2 5 4 "-" "curl/7.88.1" "id-1" "shop.local" "127.0.0.1:9001"\n',
    );
  });

  test.each([
    [
      'text_format_source',
      '{text_format_source: {inline_string: "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%;"}}',
      '200 via_upstream;',
    ],
    ['text_format', '{text_format: "%PROTOCOL%\\n"}', 'HTTP/1.1\n'],
    [
      'json_format',
      '{json_format: {code: "%RESPONSE_CODE%", missing: "%REQ(x)%", list: ["%PROTOCOL%", b]}}',
      '{"code":200,"list":["HTTP/1.1","b"],"missing":null}\n',
    ],
    ['omit_empty_values', '{omit_empty_values: true, text_format: "a%REQ(x)%b"}', 'ab'],
  ])('log_format.%s', async (_name, format, expected) => {
    const { text, reported } = await written(`  typed_config: {PATH, log_format: ${format}}`, [stream()]);
    expect(reported).toEqual([]);
    expect(text).toBe(expected);
  });

  test.each([
    ['format', 'format: "%BYTES_SENT%|"', '2|'],
    ['json_format', 'json_format: {p: "%PROTOCOL%"}', '{"p":"HTTP/1.1"}\n'],
  ])('deprecated %s', async (_name, field, expected) => {
    const { text } = await written(`  typed_config: {PATH, ${field}}`, [stream()]);
    expect(text).toBe(expected);
  });

  test('a wrong operator is an error in Envoy’s words, at its line', async () => {
    const { reported } = await written('  typed_config: {PATH, log_format: {text_format: "%FOO%"}}', []);
    expect(reported).toMatchObject([
      { severity: 'error', message: 'Not supported field in StreamInfo: FOO', line: 4 },
    ]);
  });

  test('two logs of one path share the file and its order', async () => {
    const { text } = await written(
      '  typed_config: {PATH, log_format: {text_format: "a"}}\n- name: b\n  typed_config: {PATH, log_format: {text_format: "b"}}',
      [stream(), stream()],
    );
    expect(text).toBe('abab');
  });
});

describe('files', () => {
  test.each([
    ['/nonexistent/dir/x.log', "unable to open file '/nonexistent/dir/x.log': No such file or directory"],
    ['/proc/x.log', "unable to open file '/proc/x.log': No such file or directory"],
  ])('%s is refused in validate mode, too', (name, message) => {
    const { reader } = readMessage(
      `stat_prefix: x\naccess_log:\n- name: f\n  typed_config: {"@type": ${FILE}, path: ${name}}\n`,
      MANAGER,
    );
    const reported: Reported[] = [];
    expect(compileAccessLogs(reader.messages('access_log'), testContext(reported), null)).toEqual([]);
    expect(reported).toMatchObject([{ severity: 'error', code: 'access-log.unopenable', message }]);
  });
});

describe('filters', () => {
  const LOG = 'typed_config: {PATH, log_format: {text_format: "x"}}';
  const health = { healthCheck: true };
  const canary = stream();
  canary.requestHead?.headers.push('x-canary', '1');

  test.each<[string, StreamInfo, boolean]>([
    [
      'status_code_filter: {comparison: {op: GE, value: {default_value: 500, runtime_key: k}}}',
      stream({ responseCode: 503 }),
      true,
    ],
    [
      'status_code_filter: {comparison: {op: GE, value: {default_value: 500, runtime_key: k}}}',
      stream({ responseCode: 404 }),
      false,
    ],
    [
      'status_code_filter: {comparison: {op: EQ, value: {default_value: 0}}}',
      stream({ responseCode: 0 }),
      true,
    ],
    ['status_code_filter: {comparison: {op: LE, value: {default_value: 200}}}', stream(), true],
    [
      'status_code_filter: {comparison: {op: GE, value: {default_value: 600, runtime_key: set}}}',
      stream(),
      true,
    ],
    ['duration_filter: {comparison: {op: GE, value: {default_value: 5}}}', stream(), true],
    ['duration_filter: {comparison: {op: GE, value: {default_value: 6}}}', stream(), false],
    ['not_health_check_filter: {}', stream(), true],
    ['not_health_check_filter: {}', stream(health), false],
    ['header_filter: {header: {name: x-canary, string_match: {exact: "1"}}}', canary, true],
    ['header_filter: {header: {name: x-canary, string_match: {exact: "1"}}}', stream(), false],
    ['response_flag_filter: {}', stream({ responseFlags: ['UF'] }), true],
    ['response_flag_filter: {}', stream(), false],
    ['response_flag_filter: {flags: [UF, NR]}', stream({ responseFlags: ['URX', 'UF'] }), true],
    ['response_flag_filter: {flags: [UH]}', stream({ responseFlags: ['URX', 'UF'] }), false],
    [
      'runtime_filter: {runtime_key: a, percent_sampled: {numerator: 50}}',
      stream({ requestId: '00000031-aaaa' }),
      true,
    ],
    [
      'runtime_filter: {runtime_key: a, percent_sampled: {numerator: 50}}',
      stream({ requestId: '00000032-aaaa' }),
      false,
    ],
    [
      'runtime_filter: {runtime_key: a, percent_sampled: {numerator: 50}, use_independent_randomness: true}',
      stream({ random: 149 }),
      true,
    ],
    ['runtime_filter: {runtime_key: none, percent_sampled: {numerator: 100}}', stream(), false],
    [
      'grpc_status_filter: {statuses: [UNAVAILABLE]}',
      stream({ responseTrailers: ['grpc-status', '14'] }),
      true,
    ],
    [
      'grpc_status_filter: {statuses: [UNAVAILABLE], exclude: true}',
      stream({ responseTrailers: ['grpc-status', '14'] }),
      false,
    ],
    ['log_type_filter: {types: [DownstreamEnd]}', stream(), true],
    ['log_type_filter: {types: [DownstreamEnd], exclude: true}', stream(), false],
    [
      'and_filter: {filters: [{response_flag_filter: {}}, {not_health_check_filter: {}}]}',
      stream({ responseFlags: ['UF'] }),
      true,
    ],
    ['and_filter: {filters: [{response_flag_filter: {}}, {not_health_check_filter: {}}]}', stream(), false],
    ['or_filter: {filters: [{response_flag_filter: {}}, {not_health_check_filter: {}}]}', stream(), true],
    [
      'or_filter: {filters: [{response_flag_filter: {}}, {not_health_check_filter: {}}]}',
      stream(health),
      false,
    ],
  ])('%s', async (filter, info, passes) => {
    const runtime = new Map<string, unknown>([
      ['set', 150],
      ['none', 0],
    ]);
    const { text, reported } = await written(`  filter: {${filter}}\n  ${LOG}`, [info], runtime);
    expect(reported).toEqual([]);
    expect(text).toBe(passes ? 'x' : '');
  });
});
