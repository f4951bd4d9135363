import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileMutationList, type HeaderMutations, mutateHeaders } from '../../route/header-mutation.ts';
import type { HttpFilterExtension } from './extension.ts';

const LEVEL = 'header mutation filter';

interface Mutations {
  readonly request: HeaderMutations;
  readonly response: HeaderMutations;
}

function compileMutations(reader: MessageReader, ctx: CompileContext): Mutations {
  const mutations = reader.message('mutations');
  return {
    request: compileMutationList(mutations?.messages('request_mutations') ?? [], LEVEL, ctx),
    response: compileMutationList(mutations?.messages('response_mutations') ?? [], LEVEL, ctx),
  };
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
