import { joinedHeaderValue } from '../../base/headers.ts';
import type { FilterStateObject, PeerCertificate, RequestHead } from '../../base/stream-info.ts';
import type { MessageReader } from '../../config/reader.ts';
import { requestHeader } from '../formatter/operators-headers.ts';
import type { Metadata } from '../metadata-matcher.ts';
import { type ConnectionFacts, FILTER_STATE_INPUT, networkInput } from './network-inputs.ts';
import type { MatchInput } from './types.ts';

/** What a matcher may ask about a request. */
export interface HttpFacts {
  readonly head: RequestHead;
  /** Null where nothing is known of the connection: such inputs then have no value. */
  readonly connection: ConnectionFacts | null;
  readonly peer: PeerCertificate | null;
  readonly metadata: Metadata | null;
  readonly filterState: ReadonlyMap<string, FilterStateObject> | null;
}

const HTTP = 'envoy.type.matcher.v3.';
const SSL = 'envoy.extensions.matching.common_inputs.ssl.v3.';

/** A request header by name; null for another type. */
export function headerInput(config: MessageReader): MatchInput<RequestHead> | null {
  if (config.type !== `${HTTP}HttpRequestHeaderMatchInput`) return null;
  const name = (config.string('header_name') ?? '').toLowerCase();
  return { text: `header \`${name}\``, read: (head) => headerText(head, name) };
}

/** The inputs that a request has; null for a type that is none. */
export function httpInput(config: MessageReader): MatchInput<HttpFacts> | null {
  const header = headerInput(config);
  if (header !== null) return { text: header.text, read: ({ head }) => header.read(head) };
  switch (config.type) {
    case 'envoy.extensions.matching.common_inputs.network.v3.DynamicMetadataInput': {
      const namespace = config.string('filter') ?? '';
      const path = config.messages('path').map((segment) => segment.string('key') ?? '');
      return {
        text: `metadata \`${[namespace, ...path].join(':')}\``,
        read: ({ metadata }) => scalarAt(metadata?.get(namespace), path),
      };
    }
    case FILTER_STATE_INPUT: {
      const key = config.string('key') ?? '';
      return {
        text: `filter state \`${key}\``,
        read: ({ filterState }) => filterState?.get(key)?.text ?? undefined,
      };
    }
    case `${SSL}UriSanInput`:
      return { text: 'the URI names of the peer', read: ({ peer }) => peer?.uriSans.join(',') || undefined };
    case `${SSL}DnsSanInput`:
      return { text: 'the DNS names of the peer', read: ({ peer }) => peer?.dnsSans.join(',') || undefined };
    case `${SSL}SubjectInput`:
      return { text: 'the subject of the peer', read: ({ peer }) => peer?.subject || undefined };
    case 'envoy.extensions.matching.common_inputs.environment_variable.v3.Config': {
      // Once, when the configuration is read, as Envoy does.
      const name = config.string('name') ?? '';
      const value = process.env[name];
      return { text: `environment variable \`${name}\``, read: () => value };
    }
    default: {
      const input = ofListenersAlone.has(config.type) ? null : networkInput(config);
      if (input === null) return null;
      return {
        text: input.text,
        read: ({ connection }) => (connection === null ? undefined : input.read(connection)),
      };
    }
  }
}

/** Envoy registers these for filter chains only. */
const ofListenersAlone: ReadonlySet<string> = new Set(
  ['SourceTypeInput', 'TransportProtocolInput', 'ApplicationProtocolInput'].map(
    (name) => `envoy.extensions.matching.common_inputs.network.v3.${name}`,
  ),
);

function headerText(head: RequestHead, name: string): string | undefined {
  return name.startsWith(':') || name === 'host'
    ? requestHeader(head, name)
    : joinedHeaderValue(head.headers, name);
}

function scalarAt(root: unknown, path: readonly string[]): string | undefined {
  let value = root;
  for (const key of path) value = (value as Record<string, unknown> | undefined)?.[key];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
