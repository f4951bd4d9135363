import { mergeStructs } from '../../base/struct.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { HttpFilterExtension } from './extension.ts';

interface Entry {
  readonly namespace: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly overwrite: boolean;
}

function compileEntries(config: MessageReader): Entry[] {
  const entries: Entry[] = [];
  const deprecated = config.json('value');
  const namespace = config.string('metadata_namespace') ?? '';
  // The deprecated fields overwrite.
  if (deprecated !== undefined && namespace !== '') {
    entries.push({ namespace, value: deprecated as Entry['value'], overwrite: true });
  }
  for (const each of config.messages('metadata')) {
    const value = each.json('value');
    if (value === undefined) continue;
    entries.push({
      namespace: each.string('metadata_namespace') ?? '',
      value: value as Entry['value'],
      overwrite: each.bool('allow_overwrite') ?? false,
    });
  }
  return entries;
}

/** `envoy.filters.http.set_metadata`: fixed values as dynamic metadata. */
export const SET_METADATA: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.set_metadata.v3.Config',
  routeTypes: [],
  compile(name, config, _ctx, environment) {
    const entries = compileEntries(config);
    const denied = environment.stats.counter(`${environment.statPrefix}set_metadata.overwrite_denied`);
    return {
      name,
      source: config.range,
      create: ({ info }) => ({
        decodeHead() {
          info.dynamicMetadata ??= new Map();
          for (const { namespace, value, overwrite } of entries) {
            const before = info.dynamicMetadata.get(namespace);
            if (before === undefined) info.dynamicMetadata.set(namespace, mergeStructs({}, value));
            else if (overwrite) info.dynamicMetadata.set(namespace, mergeStructs(before, value));
            else denied.inc();
          }
          return 'continue';
        },
      }),
      explain(question, narrator) {
        const { info } = question;
        info.dynamicMetadata ??= new Map();
        for (const { namespace, value, overwrite } of entries) {
          const before = info.dynamicMetadata.get(namespace);
          if (before !== undefined && !overwrite) {
            narrator.note('neutral', `Metadata \`${namespace}\` is there already and stays`, config.range);
            continue;
          }
          info.dynamicMetadata.set(namespace, mergeStructs(before ?? {}, value));
          narrator.note('neutral', `Metadata \`${namespace}\`: ${JSON.stringify(value)}`, config.range);
        }
        return null;
      },
    };
  },
};
