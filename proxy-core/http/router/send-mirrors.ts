import { type HeaderList, headerValue, setHeader } from '../../base/headers.ts';
import type { RequestHead } from '../../base/stream-info.ts';
import { type Mirror, shadowAuthority } from '../../route/mirror.ts';
import { type AsyncStreamReceiver, asyncClient } from '../async-client/client.ts';
import { ownAddress } from '../own-address.ts';
import type { ActiveStream } from '../stream.ts';

/** Nobody waits for what a shadow cluster answers. */
const NOBODY: AsyncStreamReceiver = {
  onHead() {},
  onBody() {},
  onTrailers() {},
  onReset() {},
};

/**
 * Sends copies of a complete request, fire and forget (Envoy 1.32: Router::Filter::maybeDoShadowing). `head`: as it
 * goes upstream. `timeout`: the route's, milliseconds, 0 = none.
 */
export function sendMirrors(
  stream: ActiveStream,
  mirrors: readonly Mirror[],
  head: RequestHead,
  body: readonly Uint8Array[],
  trailers: HeaderList | null,
  timeout: number,
): void {
  const client = asyncClient(stream.path, stream.snapshot);
  for (const { cluster, policy } of mirrors) {
    if (client.cluster(cluster) === undefined) {
      note(stream, `not mirrored to \`${cluster}\`: there is no such cluster`);
      continue;
    }
    const copy: RequestHead = { ...head, headers: [...head.headers] };
    if (policy.appendShadowSuffix) copy.authority = shadowAuthority(copy.authority);
    setHeader(copy.headers, 'x-envoy-internal', 'true');
    const forwarded = headerValue(copy.headers, 'x-forwarded-for');
    const own = ownAddress() ?? '127.0.0.1';
    setHeader(
      copy.headers,
      'x-forwarded-for',
      forwarded === undefined || forwarded === '' ? own : `${forwarded},${own}`,
    );
    const ends = body.length === 0 && trailers === null;
    const sent = client.stream(cluster, copy, ends, { timeout, sendExpectedTimeout: false }, NOBODY);
    const last = trailers === null ? body.length - 1 : -1;
    body.forEach((chunk, i) => {
      sent.sendBody(chunk, i === last);
    });
    if (trailers !== null) sent.sendTrailers(trailers);
    note(stream, `mirrored to \`${cluster}\`${sent.host === '' ? '' : `, host ${sent.host}`}`);
  }
}

function note(stream: ActiveStream, text: string): void {
  const { info } = stream;
  info.serviceNotes ??= [];
  info.serviceNotes.push(text);
}
