import type { Random } from '../../base/random.ts';
import type { ResponseFlag } from '../../base/stream-info.ts';
import type { Cluster } from '../../upstream/types.ts';

/** How a request is answered that `drop_overloads` takes. */
export interface DropReply {
  readonly body: string;
  readonly flag: ResponseFlag;
  readonly details: string;
  readonly headers: string[];
}

/** `drop_overloads` of the endpoints: the answer when this request is to be dropped, else null. */
export function dropOverload(cluster: Cluster, random: Random): DropReply | null {
  for (const { percent } of cluster.dropOverloads) {
    if (percent >= 100) {
      return {
        body: 'unconditional drop overload',
        flag: 'UDO',
        details: 'unconditional_drop_overload',
        headers: ['x-envoy-unconditional-drop-overload', 'true'],
      };
    }
    if (random.next() % 1_000_000 < percent * 10_000) {
      return {
        body: 'drop overload',
        flag: 'DO',
        details: 'drop_overload',
        headers: ['x-envoy-drop-overload', 'true'],
      };
    }
  }
  return null;
}
