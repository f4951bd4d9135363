import { isIP } from 'node:net';
import { type IpRange, ipRange } from '../base/ip-range.ts';
import type { SocketAddress } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { matchTree } from '../route/matching/index.ts';
import { chainFacts } from './chain-matcher.ts';
import type { Inspection } from './filters/inspection.ts';
import type { FilterChainConfig, ListenerConfig } from './listener-config.ts';

/** Compiled `FilterChainMatch`; empty lists, null and `ANY` do not narrow. */
export interface FilterChainMatch {
  readonly destinationPort: number | null;
  readonly destinationRanges: readonly IpRange[];
  /** Lower case. */
  readonly serverNames: readonly string[];
  readonly transportProtocol: string;
  readonly applicationProtocols: readonly string[];
  readonly directSourceRanges: readonly IpRange[];
  readonly sourceType: 'ANY' | 'SAME_IP_OR_LOOPBACK' | 'EXTERNAL';
  readonly sourceRanges: readonly IpRange[];
  readonly sourcePorts: readonly number[];
}

/** A connection as matching sees it. */
export interface ChainInput extends Inspection {
  readonly local: SocketAddress;
  /** The client, as a PROXY header tells it. */
  readonly remote: SocketAddress;
  /** The socket's peer. */
  readonly direct: SocketAddress;
}

export const MATCH_ANY: FilterChainMatch = {
  destinationPort: null,
  destinationRanges: [],
  serverNames: [],
  transportProtocol: '',
  applicationProtocols: [],
  directSourceRanges: [],
  sourceType: 'ANY',
  sourceRanges: [],
  sourcePorts: [],
};

export function compileFilterChainMatch(
  reader: MessageReader | undefined,
  ctx: CompileContext,
  listenerAddress: string,
): FilterChainMatch {
  if (reader === undefined) return MATCH_ANY;
  const serverNames = reader.strings('server_names').map((name) => name.toLowerCase());
  if (serverNames.some((name) => name === '*' || name.replace(/^\*\./, '').includes('*'))) {
    ctx.report(
      'error',
      'listener.partial-wildcard',
      reader,
      'server_names',
      `error adding listener '${listenerAddress}': partial wildcards are not supported in "server_names"`,
    );
  }
  return {
    destinationPort: reader.number('destination_port') ?? null,
    destinationRanges: ranges(reader, 'prefix_ranges', ctx),
    serverNames,
    transportProtocol: reader.string('transport_protocol') ?? '',
    applicationProtocols: reader.strings('application_protocols'),
    directSourceRanges: ranges(reader, 'direct_source_prefix_ranges', ctx),
    sourceType: (reader.enumeration('source_type') ?? 'ANY') as FilterChainMatch['sourceType'],
    sourceRanges: ranges(reader, 'source_prefix_ranges', ctx),
    sourcePorts: reader.numbers('source_ports'),
  };
}

function ranges(reader: MessageReader, field: string, ctx: CompileContext): IpRange[] {
  const result: IpRange[] = [];
  for (const item of reader.messages(field)) {
    const ip = item.string('address_prefix') ?? '';
    const family = isIP(ip);
    if (family === 0) {
      ctx.report('error', 'config.malformed-address', item, 'address_prefix', `malformed IP address: ${ip}`);
      continue;
    }
    const length = Math.min(item.number('prefix_len') ?? 0, family === 4 ? 32 : 128);
    result.push(ipRange(ip, length));
  }
  return result;
}

/** Equal for two matches that take the same connections. */
export function matchKey(match: FilterChainMatch): string {
  const plain = (list: readonly IpRange[]): string[] => list.map((range) => range.text).sort();
  return JSON.stringify({
    ...match,
    destinationRanges: plain(match.destinationRanges),
    directSourceRanges: plain(match.directSourceRanges),
    sourceRanges: plain(match.sourceRanges),
    serverNames: [...match.serverNames].sort(),
  });
}

/** The match as Envoy prints it in its errors: only what is set. */
export function matchJson(match: FilterChainMatch): string {
  const cidrs = (list: readonly IpRange[]): unknown =>
    list.length === 0
      ? undefined
      : list.map(({ text, prefixLength }) => ({
          address_prefix: text.slice(0, text.lastIndexOf('/')),
          prefix_len: prefixLength,
        }));
  const list = <T>(values: readonly T[]): readonly T[] | undefined =>
    values.length === 0 ? undefined : values;
  return JSON.stringify({
    prefix_ranges: cidrs(match.destinationRanges),
    source_prefix_ranges: cidrs(match.sourceRanges),
    source_ports: list(match.sourcePorts),
    destination_port: match.destinationPort ?? undefined,
    transport_protocol: match.transportProtocol === '' ? undefined : match.transportProtocol,
    application_protocols: list(match.applicationProtocols),
    server_names: list(match.serverNames),
    source_type: match.sourceType === 'ANY' ? undefined : match.sourceType,
    direct_source_prefix_ranges: cidrs(match.directSourceRanges),
  });
}

/** In short, for people: ``server name `a.test`, transport protocol tls``. */
export function matchText(match: FilterChainMatch): string {
  const parts: string[] = [];
  const add = (label: string, values: readonly (string | number)[]): void => {
    if (values.length > 0) parts.push(`${label} ${values.map((value) => `\`${value}\``).join(' or ')}`);
  };
  add('destination port', match.destinationPort === null ? [] : [match.destinationPort]);
  add(
    'destination',
    match.destinationRanges.map((range) => range.text),
  );
  add('server name', match.serverNames);
  add('transport protocol', match.transportProtocol === '' ? [] : [match.transportProtocol]);
  add('application protocol', match.applicationProtocols);
  add(
    'peer',
    match.directSourceRanges.map((range) => range.text),
  );
  add('source type', match.sourceType === 'ANY' ? [] : [match.sourceType]);
  add(
    'source',
    match.sourceRanges.map((range) => range.text),
  );
  add('source port', match.sourcePorts);
  return parts.length === 0 ? 'any' : parts.join(', ');
}

/** How well one criterion takes a connection: -1 not at all, 0 it is not set, more is more exact. */
type Level = readonly [
  name: string,
  rate: (match: FilterChainMatch, input: ChainInput) => number,
  value: (input: ChainInput) => string,
];

/** Envoy's order (reference section 2.2). Each level narrows; nothing goes back to an earlier one. */
const LEVELS: readonly Level[] = [
  [
    'destination port',
    ({ destinationPort }, { local }) => exact(destinationPort === null ? [] : [destinationPort], local.port),
    ({ local }) => String(local.port),
  ],
  [
    'destination address',
    ({ destinationRanges }, { local }) => longest(destinationRanges, local.ip),
    ({ local }) => local.ip,
  ],
  [
    'server name',
    ({ serverNames }, { serverName }) => fitServerName(serverNames, serverName),
    ({ serverName }) => serverName,
  ],
  [
    'transport protocol',
    ({ transportProtocol }, input) =>
      exact(transportProtocol === '' ? [] : [transportProtocol], input.transportProtocol),
    (input) => input.transportProtocol,
  ],
  [
    'application protocol',
    (match, input) => fitProtocol(match.applicationProtocols, input.applicationProtocols),
    (input) => input.applicationProtocols.join(', '),
  ],
  [
    'peer address',
    ({ directSourceRanges }, { direct }) => longest(directSourceRanges, direct.ip),
    ({ direct }) => direct.ip,
  ],
  [
    'source type',
    ({ sourceType }, input) =>
      sourceType === 'ANY' ? 0 : (sourceType === 'EXTERNAL') === !isLocal(input) ? 1 : -1,
    (input) => (isLocal(input) ? 'SAME_IP_OR_LOOPBACK' : 'EXTERNAL'),
  ],
  [
    'source address',
    ({ sourceRanges }, { remote }) => longest(sourceRanges, remote.ip),
    ({ remote }) => remote.ip,
  ],
  [
    'source port',
    ({ sourcePorts }, { remote }) => exact(sourcePorts, remote.port),
    ({ remote }) => String(remote.port),
  ],
];

function exact<T>(wanted: readonly T[], found: T): number {
  if (wanted.length === 0) return 0;
  return wanted.includes(found) ? 1 : -1;
}

function longest(list: readonly IpRange[], ip: string): number {
  if (list.length === 0) return 0;
  let best = -1;
  for (const range of list) {
    if (range.holds(ip)) best = Math.max(best, range.prefixLength + 1);
  }
  return best;
}

/** An exact name beats every wildcard, a longer wildcard a shorter one. */
function fitServerName(names: readonly string[], serverName: string): number {
  if (names.length === 0) return 0;
  let best = -1;
  for (const name of names) {
    if (serverName === '') continue;
    if (name === serverName) best = Number.MAX_SAFE_INTEGER;
    else if (
      name.startsWith('*.') &&
      serverName.length > name.length - 1 &&
      serverName.endsWith(name.slice(1))
    )
      best = Math.max(best, name.length);
  }
  return best;
}

/** The client's earlier offers count more. */
function fitProtocol(wanted: readonly string[], offered: readonly string[]): number {
  if (wanted.length === 0) return 0;
  const at = offered.findIndex((protocol) => wanted.includes(protocol));
  return at < 0 ? -1 : offered.length - at;
}

/** Only the literal loopback addresses and a connection to oneself count as local. */
function isLocal({ local, remote }: ChainInput): boolean {
  return remote.ip === '127.0.0.1' || remote.ip === '::1' || remote.ip === local.ip || remote.port < 0;
}

/** The filter chain that takes a connection, null when none does. The same code explains the choice. */
export function chooseFilterChain(
  listener: ListenerConfig,
  input: ChainInput,
  narrator: Narrator | null,
): FilterChainConfig | null {
  const { filterChains, defaultFilterChain } = listener;
  if (listener.chainMatcher !== null) return chainByMatcher(listener, listener.chainMatcher, input, narrator);
  const first = filterChains[0];
  if (narrator === null && filterChains.length === 1 && first?.match === MATCH_ANY) return first;
  let left: readonly FilterChainConfig[] = filterChains;
  const lost = narrator === null ? null : new Map<FilterChainConfig, string>();
  for (const [name, rate, value] of LEVELS) {
    if (left.length === 0) break;
    let best = -1;
    for (const chain of left) best = Math.max(best, rate(chain.match, input));
    const kept = best < 0 ? [] : left.filter((chain) => rate(chain.match, input) === best);
    if (lost !== null) {
      for (const chain of left) {
        if (kept.includes(chain)) continue;
        const shown = value(input) === '' ? `there is no ${name}` : `${name} is \`${value(input)}\``;
        const rating = rate(chain.match, input);
        lost.set(chain, rating < 0 ? shown : `${shown}, another chain matches it more exactly`);
      }
    }
    left = kept;
  }
  const chosen = left[0] ?? defaultFilterChain;
  if (narrator !== null && lost !== null) {
    filterChains.forEach((chain, index) => {
      narrator.candidate({
        result: chain === chosen ? 'won' : 'lost',
        index: index + 1,
        name: chain.name === '' ? `filter chain ${index + 1}` : chain.name,
        condition: chain.matchText,
        reason: lost.get(chain) ?? (chain === chosen ? 'matches' : 'an equal chain stands before it'),
        source: chain.source,
      });
    });
    if (chosen !== null && chosen === defaultFilterChain) {
      narrator.note(
        'neutral',
        'No chain matched: the default filter chain takes the connection.',
        chosen.source,
      );
    }
  }
  return chosen;
}

/** A name that no chain has closes the connection; no name at all leaves it to the default chain. */
function chainByMatcher(
  { filterChains, defaultFilterChain }: ListenerConfig,
  matcher: NonNullable<ListenerConfig['chainMatcher']>,
  input: ChainInput,
  narrator: Narrator | null,
): FilterChainConfig | null {
  const name = matchTree(matcher, chainFacts(input), narrator);
  return name === null ? defaultFilterChain : (filterChains.find((chain) => chain.name === name) ?? null);
}
