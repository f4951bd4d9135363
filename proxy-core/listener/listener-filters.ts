import { latin1Text } from '../base/latin1.ts';
import type { Counter, Stats } from '../base/stats.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { readClientHello } from './tls/client-hello.ts';

/** What listener filters learn of a connection before its filter chain is chosen. */
export interface Inspection {
  /** `raw_buffer` also when nobody looked. */
  readonly transportProtocol: 'tls' | 'raw_buffer';
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
}

export const NOT_INSPECTED: Inspection = {
  transportProtocol: 'raw_buffer',
  serverName: '',
  applicationProtocols: [],
};

/** `listener_filters`, as far as they are emulated. */
export interface ListenerFilters {
  readonly tlsInspector: boolean;
  readonly httpInspector: boolean;
  /** Milliseconds, 0 = no limit. */
  readonly timeout: number;
  readonly continueOnTimeout: boolean;
}

const PREFIX = 'envoy.extensions.filters.listener.';

export function compileListenerFilters(reader: MessageReader, ctx: CompileContext): ListenerFilters {
  let tlsInspector = false;
  let httpInspector = false;
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
    } else if (type === `${PREFIX}tls_inspector.v3.TlsInspector`) {
      filter.acknowledge('typed_config');
      tlsInspector = true;
    } else if (type === `${PREFIX}http_inspector.v3.HttpInspector`) {
      filter.acknowledge('typed_config');
      httpInspector = true;
    }
  }
  return {
    tlsInspector,
    httpInspector,
    timeout: reader.duration('listener_filters_timeout') ?? 15_000,
    continueOnTimeout: reader.bool('continue_on_listener_filters_timeout') ?? false,
  };
}

/** Longest first line that the HTTP inspector waits for. */
const MAX_REQUEST_LINE = 8192;
const METHODS = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) /;

/** What the first bytes of a connection say; null while more of them are needed. Sans IO, never throws. */
export function inspect(filters: ListenerFilters, bytes: Buffer): Inspection | null {
  if (bytes.length === 0) return null;
  if (filters.tlsInspector) {
    const hello = readClientHello(bytes);
    if (hello === 'incomplete') return null;
    if (hello !== 'not-tls') {
      return {
        transportProtocol: 'tls',
        serverName: hello.serverName,
        applicationProtocols: hello.protocols,
      };
    }
  }
  if (!filters.httpInspector) return NOT_INSPECTED;
  return inspectHttp(bytes);
}

function inspectHttp(bytes: Buffer): Inspection | null {
  const text = latin1Text(bytes, 0, Math.min(bytes.length, MAX_REQUEST_LINE));
  const magic = 'PRI * HTTP/2.0';
  if (magic.startsWith(text)) return null;
  if (text.startsWith(magic)) return { ...NOT_INSPECTED, applicationProtocols: ['h2c'] };
  const lineEnd = text.indexOf('\n');
  if (lineEnd < 0) {
    const undecided = !text.includes(' ') ? text.length < 10 : METHODS.test(text);
    return undecided && text.length < MAX_REQUEST_LINE ? null : NOT_INSPECTED;
  }
  const version = / HTTP\/(1\.[01])\r?$/.exec(text.slice(0, lineEnd))?.[1];
  return version === undefined || !METHODS.test(text)
    ? NOT_INSPECTED
    : { ...NOT_INSPECTED, applicationProtocols: [`http/${version}`] };
}

/** `tls_inspector.*`, shared by all listeners. */
export interface TlsInspectorStats {
  readonly tlsFound: Counter;
  readonly tlsNotFound: Counter;
  readonly sniFound: Counter;
  readonly sniNotFound: Counter;
  readonly alpnFound: Counter;
  readonly alpnNotFound: Counter;
}

export function tlsInspectorStats(stats: Stats): TlsInspectorStats {
  const counter = (name: string): Counter => stats.counter(`tls_inspector.${name}`);
  return {
    tlsFound: counter('tls_found'),
    tlsNotFound: counter('tls_not_found'),
    sniFound: counter('sni_found'),
    sniNotFound: counter('sni_not_found'),
    alpnFound: counter('alpn_found'),
    alpnNotFound: counter('alpn_not_found'),
  };
}

export function countInspection(stats: TlsInspectorStats, found: Inspection): void {
  if (found.transportProtocol !== 'tls') {
    stats.tlsNotFound.inc();
    return;
  }
  stats.tlsFound.inc();
  (found.serverName === '' ? stats.sniNotFound : stats.sniFound).inc();
  (found.applicationProtocols.length === 0 ? stats.alpnNotFound : stats.alpnFound).inc();
}
