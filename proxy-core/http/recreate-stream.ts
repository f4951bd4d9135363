import type { RequestHead } from '../base/stream-info.ts';
import type { RedirectTrail } from '../route/internal-redirect.ts';
import type { ActiveStream } from './stream.ts';
import { createStreamInfo } from './stream-info.ts';

/**
 * Starts the stream of the next hop of an internal redirect: what the first one learnt of the client goes over, what
 * it learnt of the request does not (Envoy: ConnectionManagerImpl::ActiveStream::recreateStream).
 */
export function startNextHop(
  next: ActiveStream,
  before: ActiveStream,
  head: RequestHead,
  body: readonly Uint8Array[],
  trail: RedirectTrail,
): void {
  next.redirects = trail;
  next.internal = before.internal;
  next.info.redirectHops = trail.hops;
  next.info.remote = before.info.remote;
  next.info.requestId = before.info.requestId;
  next.onRequestHead(head, body.length === 0);
  const last = body.length - 1;
  body.forEach((chunk, i) => {
    next.onRequestBody(chunk, 0, chunk.length, i === last);
  });
}

export function nextHopInfo(before: ActiveStream): ActiveStream['info'] {
  const { info, path, snapshot } = before;
  const { clock } = path.services;
  const { connection, downstreamProtocol } = info;
  const id = path.nextStreamId++;
  return createStreamInfo(id, connection, snapshot.version, downstreamProtocol, clock.wall(), clock.now());
}
