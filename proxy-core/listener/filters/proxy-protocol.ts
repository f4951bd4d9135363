import type { Counter, Stats } from '../../base/stats.ts';
import type { MessageReader } from '../../config/reader.ts';
import { mayBeProxyHeader, type ProxyHeader, parseProxyHeader } from '../../network/proxy-protocol.ts';
import { type Findings, type ListenerFilter, NEED_MORE, REFUSE } from './inspection.ts';

interface TlvRule {
  readonly type: number;
  readonly namespace: string;
  readonly key: string;
}

interface VersionStats {
  readonly found: Counter;
  readonly disallowed: Counter;
  readonly error: Counter;
}

const NAMESPACE = 'envoy.filters.listener.proxy_protocol';

/** `envoy.filters.listener.proxy_protocol`: takes a PROXY header off the front of a connection. */
export function proxyProtocol(reader: MessageReader | null, stats: Stats): ListenerFilter {
  const rules: TlvRule[] = [];
  for (const rule of reader?.messages('rules') ?? []) {
    const present = rule.message('on_tlv_present');
    if (present === undefined) continue;
    rules.push({
      type: rule.number('tlv_type') ?? 0,
      namespace: present.string('metadata_namespace') || NAMESPACE,
      key: present.string('key') ?? '',
    });
  }
  const optional = reader?.bool('allow_requests_without_proxy_protocol') ?? false;
  const disallowed = reader?.enumerations('disallowed_versions') ?? [];
  const passThrough = reader?.message('pass_through_tlvs');
  const passAll = (passThrough?.enumeration('match_type') ?? 'INCLUDE_ALL') === 'INCLUDE_ALL';
  const passTypes = passThrough?.numbers('tlv_type') ?? [];
  const passes = (type: number): boolean =>
    passThrough !== undefined && (passAll || passTypes.includes(type));
  const given = reader?.string('stat_prefix') ?? '';
  const prefix = given === '' ? 'proxy_proto.' : `proxy_proto.${given}.`;
  const failures = stats.counter('downstream_cx_proxy_proto_error');
  const notFoundAllowed = stats.counter(`${prefix}not_found_allowed`);
  const notFoundDisallowed = stats.counter(`${prefix}not_found_disallowed`);
  const versions = [1, 2].map(
    (version): VersionStats => ({
      found: stats.counter(`${prefix}versions.v${version}.found`),
      disallowed: stats.counter(`${prefix}versions.v${version}.disallowed`),
      error: stats.counter(`${prefix}versions.v${version}.error`),
    }),
  );
  const refuse = (counter: Counter): number => {
    counter.inc();
    failures.inc();
    return REFUSE;
  };
  const take = (header: ProxyHeader, findings: Findings): void => {
    findings.remote = header.source;
    findings.local = header.destination;
    for (const { type, value } of header.tlvs) {
      const rule = rules.find((each) => each.type === type);
      if (rule !== undefined) {
        findings.metadata ??= new Map();
        const before = findings.metadata.get(rule.namespace);
        const text = new TextDecoder().decode(value);
        if (before === undefined || !(rule.key in before)) {
          findings.metadata.set(rule.namespace, { ...before, [rule.key]: text });
        }
      }
      if (passes(type)) findings.tlvs = [...findings.tlvs, { type, value }];
    }
  };
  return {
    name: NAMESPACE,
    needsBytes: true,
    inspect(bytes, findings) {
      if (optional && !mayBeProxyHeader(bytes)) {
        notFoundAllowed.inc();
        return 0;
      }
      const found = parseProxyHeader(bytes);
      if (found.kind === 'incomplete') return NEED_MORE;
      if (found.kind === 'absent') return refuse(notFoundDisallowed);
      const counters = versions[found.version - 1] as VersionStats;
      if (found.kind === 'invalid') return refuse(counters.error);
      counters.found.inc();
      if (disallowed.includes(`V${found.version}`)) {
        counters.disallowed.inc();
        return REFUSE;
      }
      take(found, findings);
      return found.length;
    },
  };
}
