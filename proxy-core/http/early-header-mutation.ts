import type { RequestHead, StreamInfo } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { compileMutationList, type HeaderMutations, mutateHeaders } from '../route/header-mutation.ts';

const HEADER_MUTATION = 'envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation';

/** `early_header_mutation_extensions`: changes before anything else looks at the head; null when there are none. */
export function compileEarlyMutations(reader: MessageReader, ctx: CompileContext): HeaderMutations | null {
  const found: HeaderMutations[number][] = [];
  for (const extension of reader.messages('early_header_mutation_extensions')) {
    const config = extension.message('typed_config');
    if (config?.type === HEADER_MUTATION) {
      found.push(...compileMutationList(config.messages('mutations'), 'early header mutation', ctx));
      extension.acknowledge('name');
      continue;
    }
    ctx.report(
      'error',
      'http.early-mutation',
      extension,
      'name',
      `Didn't find a registered implementation for '${extension.string('name') ?? ''}' with type URL: '${config?.type ?? ''}'`,
    );
  }
  return found.length === 0 ? null : found;
}

/** The head with the changes; the received one stays as it was. */
export function mutateEarly(
  mutations: HeaderMutations,
  received: RequestHead,
  info: StreamInfo,
  narrator: Narrator | null = null,
): RequestHead {
  const head = { ...received, headers: received.headers.slice() };
  // Formats read the head that is being changed.
  info.requestHead = head;
  mutateHeaders(mutations, head.headers, info, narrator);
  return head;
}
