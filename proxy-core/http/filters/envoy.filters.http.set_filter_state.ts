import type { StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { SourceRange } from '../../config/diagnostic.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { Narrator } from '../../facade/decision.ts';
import { filterStateObject, hasObjectFactory, setFilterState } from '../../route/filter-state.ts';
import { compileSubstitutionFormat, type Formatter } from '../../route/formatter/index.ts';
import type { HttpFilterExtension } from './extension.ts';

/** `envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue`, compiled. */
interface Entry {
  readonly key: string;
  readonly factory: string;
  readonly format: Formatter;
  readonly readOnly: boolean;
  readonly skipIfEmpty: boolean;
  readonly source: SourceRange;
}

/** Keys that are read and matched like others, and by which nothing here is changed. */
const WITHOUT_EFFECT: ReadonlyMap<string, string> = new Map([
  ['envoy.network.upstream_server_name', 'the server name that is sent to hosts'],
  ['envoy.network.upstream_subject_alt_names', 'the names that certificates of hosts must have'],
  ['envoy.network.application_protocols', 'the protocols that are offered to hosts'],
  ['envoy.tcp_proxy.cluster', 'the cluster of a TCP proxy'],
  ['envoy.tcp_proxy.disable_tunneling', 'whether a TCP proxy tunnels'],
  ['envoy.tcp_proxy.per_connection_idle_timeout_ms', 'the idle timeout of a TCP proxy'],
  ['envoy.upstream.dynamic_host', 'the host of a dynamic forward proxy'],
  ['envoy.upstream.dynamic_port', 'the port of a dynamic forward proxy'],
  ['envoy.filters.listener.original_dst.local_ip', 'the addresses of internal listeners'],
  ['envoy.filters.listener.original_dst.remote_ip', 'the addresses of internal listeners'],
  ['envoy.ratelimit.hits_addend', 'what rate limits count'],
]);

function compileEntries(config: MessageReader, ctx: CompileContext): Entry[] {
  return config.messages('on_request_headers').flatMap((each): Entry[] => {
    const key = each.string('object_key') ?? '';
    const named = each.string('factory_key') ?? '';
    const factory = named === '' ? key : named;
    const format = each.message('format_string');
    tellLimits(each, key, factory, ctx);
    if (format === undefined) return [];
    return [
      {
        key,
        factory,
        format: compileSubstitutionFormat(format, ctx),
        readOnly: each.bool('read_only') ?? false,
        skipIfEmpty: each.bool('skip_if_empty') ?? false,
        source: each.range,
      },
    ];
  });
}

function tellLimits(each: MessageReader, key: string, factory: string, ctx: CompileContext): void {
  if (key !== '' && !hasObjectFactory(factory)) {
    const field = each.has('factory_key') ? 'factory_key' : 'object_key';
    const message = `'${key}' does not have an object factory`;
    ctx.report('error', 'filter.no-object-factory', each, field, message);
  } else if (factory === 'envoy.hashable_string') {
    const message = 'Envoy 1.32 has no factory `envoy.hashable_string` and refuses it; newer ones have it.';
    ctx.report('warning', 'filter.newer-object-factory', each, 'factory_key', message);
  }
  const effect = WITHOUT_EFFECT.get(key);
  if (effect !== undefined) {
    const message = `\`${key}\` can be logged and matched. It does not change ${effect} here, as it does in Envoy.`;
    ctx.report('notice', 'filter.state-without-effect', each, 'object_key', message);
  }
  if ((each.enumeration('shared_with_upstream') ?? 'NONE') !== 'NONE') {
    const message = 'Filter state is not handed on to internal listeners here; for this request it is there.';
    ctx.report('notice', 'filter.state-not-shared', each, 'shared_with_upstream', message);
  }
}

function apply(entry: Entry, info: StreamInfo, narrator: Narrator | null): void {
  const { key, factory, source } = entry;
  const text = entry.format.format(info);
  if (text === '' && entry.skipIfEmpty) {
    narrator?.note('neutral', `Filter state \`${key}\` is left alone: the value is empty`, source);
    return;
  }
  const object = filterStateObject(factory, text, entry.readOnly);
  if (object === null) {
    narrator?.note('neutral', `Filter state \`${key}\` is left alone: \`${text}\` is no ${factory}`, source);
    return;
  }
  const done = setFilterState(info, key, object);
  narrator?.note(
    'neutral',
    done
      ? `Filter state \`${key}\`: \`${text}\` (${factory})`
      : `Filter state \`${key}\` is there already and stays: only what is never read-only can be replaced`,
    source,
  );
}

/** `envoy.filters.http.set_filter_state`: values made of the request as objects of the filter state. */
export const SET_FILTER_STATE: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.set_filter_state.v3.Config',
  routeTypes: [],
  compile(name, config, ctx) {
    const entries = compileEntries(config, ctx);
    return {
      name,
      source: config.range,
      create: ({ info }) => ({
        decodeHead() {
          for (const entry of entries) apply(entry, info, null);
          return 'continue';
        },
      }),
      explain({ info }, narrator) {
        for (const entry of entries) apply(entry, info, narrator);
        return null;
      },
    };
  },
};
