import { headerValue } from '../base/headers.ts';
import type { RequestHead } from '../base/stream-info.ts';
import { normalizePath, normalizesPath } from './path.ts';
import type { ActiveStream } from './stream.ts';

/** Checks of the connection manager before anything is decided; false when it has answered. */
export function admit(stream: ActiveStream, head: RequestHead): boolean {
  const { config, info } = stream;
  if (stream.stream.hostMissing === true && head.authority === '') {
    if (info.downstreamProtocol === 'HTTP/1.0' && config.defaultHostForHttp10 !== '') {
      head.authority = config.defaultHostForHttp10;
    } else {
      head.withoutAuthority = true;
      refuse(stream, 400, 'missing_host_header');
      return false;
    }
  }
  if (head.path.charCodeAt(0) !== 47 && head.method !== 'CONNECT') {
    config.stats.rqNonRelativePath.inc();
    info.requestHead = head;
    stream.path.recorder?.begin(info);
    stream.sendLocalReply(404, '', null, 'absolute_path_rejected');
    return false;
  }
  return true;
}

/** Answers before there is a head for filters: logs and records show the one that was received. */
export function refuse(
  stream: ActiveStream,
  status: number,
  details: string,
  path: string | null = null,
): void {
  const { info } = stream;
  const received = info.receivedHead;
  info.requestHead = received === null || path === null ? received : { ...received, path };
  stream.path.recorder?.begin(info);
  stream.sendLocalReply(status, '', null, details);
}

/** The path to route by; null when the answer is a refusal or a redirect. */
export function admittedPath(stream: ActiveStream, head: RequestHead): string | null {
  const { config, info } = stream;
  if (head.path.includes('#')) {
    config.stats.rqFailedPathNormalization.inc();
    refuse(stream, 400, 'path_normalization_failed');
    return null;
  }
  if (!normalizesPath(config) || head.method === 'CONNECT') return head.path;
  const { path, action } = normalizePath(head.path, config);
  if (action === 'continue') return path;
  if (action === 'reject') {
    config.stats.rqFailedPathNormalization.inc();
    // The log shows how far normalisation came.
    refuse(stream, 400, 'path_normalization_failed', path);
    return null;
  }
  config.stats.rqRedirectedWithNormalizedPath.inc();
  info.requestHead = { ...head, path };
  stream.path.recorder?.begin(info);
  stream.sendLocalReply(307, '', null, 'path_normalization_failed', ['location', path]);
  return null;
}

/** Answers `expect: 100-continue` and takes it off, unless the upstream is to answer it. */
export function continueExpected(stream: ActiveStream, head: RequestHead): void {
  if (stream.config.proxy100Continue) return;
  const { headers } = head;
  const expect = headerValue(headers, 'expect');
  if (expect === undefined || expect.toLowerCase() !== '100-continue') return;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'expect') headers.splice(i, 2);
  }
  stream.stream.sendInformational(100, []);
}
