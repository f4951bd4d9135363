import { latin1Text } from '../../base/latin1.ts';
import { type Findings, type ListenerFilter, NEED_MORE } from './inspection.ts';

/** Longest first line that the HTTP inspector waits for. */
const MAX_REQUEST_LINE = 8192;
const METHODS = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) /;
const MAGIC = 'PRI * HTTP/2.0';

/** `envoy.filters.listener.http_inspector`: the version of plain HTTP as an application protocol. */
export const HTTP_INSPECTOR: ListenerFilter = {
  name: 'envoy.filters.listener.http_inspector',
  needsBytes: true,
  inspect(bytes: Buffer, findings: Findings): number {
    if (findings.transportProtocol === 'tls') return 0;
    const protocol = protocolOf(latin1Text(bytes, 0, Math.min(bytes.length, MAX_REQUEST_LINE)));
    if (protocol === null) return NEED_MORE;
    if (protocol !== '') findings.applicationProtocols = [protocol];
    return 0;
  },
};

/** Empty when it is no HTTP, null while more is needed. */
function protocolOf(text: string): string | null {
  if (text.startsWith(MAGIC)) return 'h2c';
  if (MAGIC.startsWith(text)) return null;
  const lineEnd = text.indexOf('\n');
  if (lineEnd < 0) {
    const undecided = !text.includes(' ') ? text.length < 10 : METHODS.test(text);
    return undecided && text.length < MAX_REQUEST_LINE ? null : '';
  }
  const version = / HTTP\/(1\.[01])\r?$/.exec(text.slice(0, lineEnd))?.[1];
  return version === undefined || !METHODS.test(text) ? '' : `http/${version}`;
}
