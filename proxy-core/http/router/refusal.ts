import type { HeaderList } from '../../base/headers.ts';
import type { RequestHead, ResponseFlag } from '../../base/stream-info.ts';
import type { Cluster } from '../../upstream/types.ts';
import type { ActiveStream } from '../stream.ts';
import { dropOverload } from './drop-overload.ts';
import { inMaintenance } from './maintenance.ts';
import { malformedHeader } from './strict-check.ts';

/** An answer in place of sending the request anywhere. */
export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly flag: ResponseFlag;
  readonly details: string;
  readonly headers: HeaderList | null;
}

/** `strict_check_headers`: null when all headers are fine. */
export function headRefusal(stream: ActiveStream, head: RequestHead): Refusal | null {
  const { strictCheckHeaders } = stream.config.router;
  const found = strictCheckHeaders.length === 0 ? null : malformedHeader(strictCheckHeaders, head);
  if (found === null) return null;
  return {
    status: 400,
    body: `invalid header '${found.name}' with value '${found.value}'`,
    flag: 'IH',
    details: `request_headers_failed_strict_check{${found.name}}`,
    headers: null,
  };
}

/** Maintenance mode and `drop_overloads` of the cluster: null when the request may go on. */
export function clusterRefusal(stream: ActiveStream, cluster: Cluster): Refusal | null {
  if (inMaintenance(stream, cluster)) {
    return {
      status: 503,
      body: 'maintenance mode',
      flag: 'UO',
      details: 'maintenance_mode',
      headers: overloadedHeader(stream),
    };
  }
  if (cluster.dropOverloads.length === 0) return null;
  const drop = dropOverload(cluster, stream.path.services.random);
  return drop === null ? null : { status: 503, ...drop };
}

/** `x-envoy-overloaded`, unless the router keeps its own headers back. */
export function overloadedHeader(stream: ActiveStream): HeaderList | null {
  return stream.config.suppressEnvoyHeaders ? null : ['x-envoy-overloaded', 'true'];
}
