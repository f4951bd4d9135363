import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../../../proxy-core/config/load.ts';
import { compileBootstrap } from '../../../../../proxy-core/core/compile.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';
import { filter, filterYaml } from './filter-rig.ts';

/** What is said of a filter with this one value, without what the rest of the configuration brings about. */
function told(value: string): string[] {
  const filters = [
    filter('set_filter_state', 'Config', `on_request_headers: [{ ${value}, format_string: ${FORMAT} }]`),
  ];
  const loaded = loadConfig({ file: 'test.yaml', text: filterYaml({ filters, ports: [1] }) });
  const compiled = compileBootstrap(loaded, {
    stats: new StatsStore(),
    logFiles: null,
    serving: false,
  } as never);
  return (compiled?.diagnostics ?? [])
    .filter((each) => each.severity === 'error' || each.code.startsWith('filter.'))
    .map((each) => `${each.severity}: ${each.message}`);
}

const FORMAT = '{ text_format_source: { inline_string: x } }';

describe('what is said of a value', () => {
  test.each<[string, string[]]>([
    ['object_key: mine, factory_key: envoy.string', []],
    ['object_key: mine, factory_key: envoy.string, shared_with_upstream: NONE', []],
    ['object_key: mine', ["error: 'mine' does not have an object factory"]],
    ['object_key: mine, factory_key: other', ["error: 'mine' does not have an object factory"]],
    [
      'object_key: mine, factory_key: envoy.hashable_string',
      ['warning: Envoy 1.32 has no factory `envoy.hashable_string` and refuses it; newer ones have it.'],
    ],
    [
      'object_key: envoy.tcp_proxy.cluster',
      [
        'notice: `envoy.tcp_proxy.cluster` can be logged and matched. It does not change the cluster of a TCP proxy here, as it does in Envoy.',
      ],
    ],
    [
      'object_key: mine, factory_key: envoy.string, shared_with_upstream: ONCE',
      ['notice: Filter state is not handed on to internal listeners here; for this request it is there.'],
    ],
  ])('%s', (value, wanted) => expect(told(value)).toEqual(wanted));
});
