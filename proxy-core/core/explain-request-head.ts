import { headerValue } from '../base/headers.ts';
import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { HttpConnectionManagerConfig } from '../http/connection-manager-config.ts';
import { mutateEarly } from '../http/early-header-mutation.ts';
import { detectAddress } from '../http/ip-detection.ts';
import { mutateRequestHeaders } from '../http/request-headers.ts';
import { asksForTunnel } from '../http/router/upgrade.ts';
import { Narration, step } from './narration.ts';
import type { Telling } from './telling.ts';

export interface SeenHead {
  readonly head: RequestHead;
  readonly internal: boolean;
  /** Status of the refusal for want of a client address, 0 = none. */
  readonly rejectStatus: number;
}

/** The head that filters and routes see, with what the connection manager's extensions did to it. */
export function tellRequestHead(
  telling: Telling,
  http: HttpConnectionManagerConfig,
  info: StreamInfo,
  received: RequestHead,
  tls: boolean,
): SeenHead {
  const { recorded, snapshot } = telling;
  const head: RequestHead = { ...received, headers: [...received.headers] };
  const hops = recorded?.redirectHops ?? 0;
  if (hops > 0) {
    // The connection manager has seen this head once already, at the first hop.
    telling.steps.push(
      step({
        kind: 'headers',
        subject: `internal redirect ${hops}`,
        text: `from \`${headerValue(head.headers, 'x-envoy-original-url') ?? 'an earlier hop'}\``,
      }),
    );
    info.requestHead = head;
    return { head, internal: headerValue(head.headers, 'x-envoy-internal') === 'true', rejectStatus: 0 };
  }
  const narration = new Narration();
  const early = http.earlyMutations === null ? head : mutateEarly(http.earlyMutations, head, info, narration);
  const detected = http.ipDetection.length === 0 ? null : detectAddress(http.ipDetection, early, narration);
  if (narration.notes.length > 0) {
    telling.steps.push(
      step({ kind: 'headers', subject: 'request head', text: 'before anything else looks at it' }, narration),
    );
  }
  const rejectStatus = detected?.rejectStatus ?? 0;
  if (rejectStatus > 0) return { head: early, internal: false, rejectStatus };
  const uuid = (): string => recorded?.requestId ?? '00000000-0000-4000-8000-000000000000';
  const tunnel = asksForTunnel(early);
  const internal = mutateRequestHeaders(early, info, http, snapshot.runtime, tls, tunnel, uuid, detected);
  return { head: info.requestHead ?? head, internal, rejectStatus: 0 };
}
