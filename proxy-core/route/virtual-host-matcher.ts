import type { RequestHead } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import { compileMatchTree, headerInput, type MatchTree } from './matching/index.ts';
import type { Route } from './types.ts';

/** `virtual_hosts.matcher`: a tree whose leaves are routes, each with its own match on top. */
export type VirtualHostMatcher = MatchTree<RequestHead, readonly Route[]>;

const ROUTE = 'envoy.config.route.v3.Route';
const ROUTE_LIST = 'envoy.config.route.v3.RouteList';

/** @param add compiles a route and puts it behind those of the virtual host so far */
export function compileVirtualHostMatcher(
  reader: MessageReader,
  add: (route: MessageReader) => Route,
  ctx: CompileContext,
): VirtualHostMatcher | null {
  const matcher = reader.message('matcher');
  if (matcher === undefined) return null;
  if (reader.has('routes')) {
    ctx.report(
      'error',
      'route.matcher-and-routes',
      reader,
      'matcher',
      'cannot set both matcher and routes on virtual host',
    );
  }
  const vocabulary = {
    input: headerInput,
    inputRefusal: (type: string) =>
      `requirement violation while creating route match tree: INVALID_ARGUMENT: Route table can only match on request headers, saw type.googleapis.com/${type}`,
    action: (config: MessageReader): readonly Route[] | null => {
      if (config.type === ROUTE) return [add(config)];
      return config.type === ROUTE_LIST ? config.messages('routes').map(add) : null;
    },
  };
  return compileMatchTree(matcher, vocabulary, ctx);
}
