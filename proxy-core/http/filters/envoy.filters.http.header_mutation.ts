import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import {
  compileHeaderAdds,
  type HeaderLevel,
  type HeaderMutations,
  mutateHeaders,
} from '../../route/header-mutation.ts';
import type { HttpFilterExtension } from './extension.ts';

interface Mutations {
  readonly request: HeaderMutations;
  readonly response: HeaderMutations;
}

function compileMutations(reader: MessageReader, ctx: CompileContext): Mutations {
  const mutations = reader.message('mutations');
  return {
    request: compileList(mutations?.messages('request_mutations') ?? [], ctx),
    response: compileList(mutations?.messages('response_mutations') ?? [], ctx),
  };
}

/** Each `HeaderMutation` acts for itself, in order. */
function compileList(readers: readonly MessageReader[], ctx: CompileContext): HeaderMutations {
  return readers.map((reader): HeaderLevel => {
    const level = 'header mutation filter';
    const append = reader.message('append');
    if (append !== undefined) return { level, removes: [], adds: compileHeaderAdds([append], ctx) };
    const name = (reader.string('remove') ?? '').toLowerCase();
    if (name.startsWith(':') || name === 'host') {
      const message = `:-prefixed or host headers may not be removed: \`${name}\``;
      ctx.report('error', 'route.header-protected', reader, 'remove', message);
    }
    return { level, removes: name === '' ? [] : [name], adds: [] };
  });
}

/** `envoy.filters.http.header_mutation`: its own changes first, then those of the route's levels. */
export const HEADER_MUTATION: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
  routeTypes: ['envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute'],
  compileRoute: compileMutations,
  compile(name, config, ctx) {
    const own = compileMutations(config, ctx);
    const mostSpecificWins = config.bool('most_specific_header_mutations_wins') ?? false;
    // The level that runs last wins.
    const ordered = (levels: readonly unknown[]): Mutations[] => {
      const byRoute = [...(levels as readonly Mutations[])];
      return [own, ...(mostSpecificWins ? byRoute.reverse() : byRoute)];
    };
    return {
      name,
      source: config.range,
      create: (callbacks) => ({
        decodeHead(head) {
          for (const { request } of ordered(callbacks.routeConfigs())) {
            mutateHeaders(request, head.headers, callbacks.info);
          }
          return 'continue';
        },
        encodeHead(head) {
          for (const { response } of ordered(callbacks.routeConfigs())) {
            mutateHeaders(response, head.headers, callbacks.info);
          }
          return 'continue';
        },
      }),
      explain(question, narrator) {
        const headers = [...question.head.headers];
        for (const { request } of ordered(question.routeConfigs())) {
          mutateHeaders(request, headers, question.info, narrator);
        }
        return null;
      },
    };
  },
};
