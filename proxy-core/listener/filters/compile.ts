import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { ListenerCompileOptions } from '../../http/compile.ts';
import { HTTP_INSPECTOR } from './http-inspector.ts';
import type { ListenerFilter, ListenerFilters } from './inspection.ts';
import { listenerRateLimit } from './local-ratelimit.ts';
import { proxyProtocol } from './proxy-protocol.ts';
import { tlsInspector } from './tls-inspector.ts';

const PREFIX = 'envoy.extensions.filters.listener.';
const TLS_INSPECTOR = `${PREFIX}tls_inspector.v3.TlsInspector`;

type Compile = (config: MessageReader, options: ListenerCompileOptions) => ListenerFilter;

/** By type of `typed_config`. What is not here stays unread, so that a notice tells of it. */
const COMPILERS: Readonly<Record<string, Compile>> = {
  [TLS_INSPECTOR]: (config, { stats }) => tlsInspector(config, stats),
  [`${PREFIX}http_inspector.v3.HttpInspector`]: () => HTTP_INSPECTOR,
  [`${PREFIX}local_ratelimit.v3.LocalRateLimit`]: (config, { stats }) => listenerRateLimit(config, stats),
  [`${PREFIX}proxy_protocol.v3.ProxyProtocol`]: (config, { stats }) => proxyProtocol(config, stats),
};

/** `listener_filters`, and the PROXY header that a chain with the deprecated `use_proxy_proto` asks for. */
export function compileListenerFilters(
  reader: MessageReader,
  ctx: CompileContext,
  options: ListenerCompileOptions,
): ListenerFilters {
  const list: ListenerFilter[] = [];
  let inspectsTls = false;
  for (const filter of reader.messages('listener_filters')) {
    const name = filter.string('name') ?? '';
    const node = filter.node.fields.get('typed_config')?.value;
    const type = node?.kind === 'message' ? node.type : '';
    if (type === '' && !filter.has('config_discovery')) {
      ctx.report(
        'error',
        'listener.unknown-listener-filter',
        filter,
        'name',
        `Didn't find a registered implementation for '${name}' with type URL: ''`,
      );
      continue;
    }
    const compile = COMPILERS[type];
    const config = compile === undefined ? undefined : filter.message('typed_config');
    if (compile === undefined || config === undefined) continue;
    inspectsTls ||= type === TLS_INSPECTOR;
    list.push(compile(config, options));
  }
  const first = reader.messages('filter_chains')[0];
  if (first?.bool('use_proxy_proto') === true) list.push(proxyProtocol(null, options.stats));
  return {
    list,
    tlsInspector: inspectsTls,
    timeout: reader.duration('listener_filters_timeout') ?? 15_000,
    continueOnTimeout: reader.bool('continue_on_listener_filters_timeout') ?? false,
  };
}
