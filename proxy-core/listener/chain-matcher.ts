import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import {
  type ConnectionFacts,
  compileMatchTree,
  type MatchTree,
  networkInput,
} from '../route/matching/index.ts';
import type { ChainInput } from './filter-chain-match.ts';

/** `filter_chain_matcher`: a tree whose leaves name filter chains. Null when the listener has none. */
export function compileChainMatcher(
  reader: MessageReader,
  chains: readonly MessageReader[],
  address: string,
  ctx: CompileContext,
): MatchTree<ConnectionFacts, string> | null {
  const matcher = reader.message('filter_chain_matcher');
  if (matcher === undefined) return null;
  const names = new Set<string>();
  for (const chain of chains) {
    const name = chain.string('name') ?? '';
    const problem =
      name === ''
        ? '"name" field is required when using a listener matcher'
        : names.has(name)
          ? `"name" field is duplicated with value '${name}'`
          : '';
    names.add(name);
    if (problem === '') continue;
    ctx.report(
      'error',
      'listener.chain-name',
      chain,
      'name',
      `error adding listener '${address}': ${problem}`,
    );
  }
  return compileMatchTree(
    matcher,
    {
      input: networkInput,
      inputRefusal: (type, name) =>
        `Didn't find a registered implementation for '${name}' with type URL: '${type}'`,
      action: (config) =>
        config.type === 'google.protobuf.StringValue' ? (config.string('value') ?? '') : null,
    },
    ctx,
  );
}

export function chainFacts(input: ChainInput): ConnectionFacts {
  return {
    localIp: input.local.ip,
    localPort: input.local.port,
    remoteIp: input.remote.ip,
    remotePort: input.remote.port,
    directIp: input.direct.ip,
    serverName: input.serverName,
    transportProtocol: input.transportProtocol,
    applicationProtocols: input.applicationProtocols,
  };
}
