import type { RequestHead } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileHeaderMatcher, type HeaderMatcher, matchesHeader } from './header-matcher.ts';
import type { VirtualHost } from './types.ts';

/** `envoy.config.route.v3.VirtualCluster`: requests that are counted under a name of their own, wherever they go. */
export interface VirtualCluster {
  readonly name: string;
  readonly headers: readonly HeaderMatcher[];
}

/** Of a virtual host that has virtual clusters, the requests that none of them takes. */
const CATCH_ALL = 'other';

export function compileVirtualClusters(
  reader: MessageReader,
  ctx: CompileContext,
): readonly VirtualCluster[] {
  return reader.messages('virtual_clusters').map((one) => {
    const headers = one.messages('headers').map((header) => compileHeaderMatcher(header, ctx));
    if (headers.length === 0) {
      ctx.report('error', 'route.virtual-cluster', one, 'headers', "virtual clusters must define 'headers'");
    }
    return { name: one.string('name') ?? '', headers };
  });
}

/** The first virtual cluster that takes the request; null when the virtual host has none at all. */
export function virtualClusterOf(virtualHost: VirtualHost, head: RequestHead): string | null {
  const { virtualClusters } = virtualHost;
  if (virtualClusters.length === 0) return null;
  for (let i = 0; i < virtualClusters.length; i++) {
    const { name, headers } = virtualClusters[i] as VirtualCluster;
    let all = true;
    for (let j = 0; all && j < headers.length; j++) all = matchesHeader(headers[j] as HeaderMatcher, head);
    if (all) return name;
  }
  return CATCH_ALL;
}
