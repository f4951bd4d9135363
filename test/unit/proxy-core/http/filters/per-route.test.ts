import { expect, test } from 'vitest';
import type { FilterEnvironment } from '../../../../../proxy-core/http/filters/extension.ts';
import { perRouteCompiler } from '../../../../../proxy-core/http/filters/per-route.ts';
import { type Reported, readMessage, testContext } from '../../route/support.ts';

const ROUTER = '"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';

test.each<[string, string, string]>([
  ['alone', 'envoy.extensions.filters.http.router.v3.Router', '{}'],
  ['wrapped', 'envoy.config.route.v3.FilterConfig', `{config: {${ROUTER}}}`],
])('the router takes no settings of a route: %s', (_name, type, yaml) => {
  const reported: Reported[] = [];
  const { reader } = readMessage(yaml, type);
  perRouteCompiler({} as FilterEnvironment)('r', reader, testContext(reported));
  expect(reported.map(({ message }) => message)).toEqual([
    "The filter envoy.filters.http.router doesn't support virtual host or route specific configurations",
  ]);
});
