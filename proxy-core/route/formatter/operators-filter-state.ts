import type { FilterStateObject, StreamInfo } from '../../base/stream-info.ts';
import type { FormatError, Operator, OperatorDefinition } from './operator.ts';

type Kind = 'PLAIN' | 'TYPED' | 'FIELD';

interface Arguments {
  readonly key: string;
  readonly kind: Kind;
  readonly field: string;
}

/** `key`, `key:PLAIN`, `key:TYPED` (the default) or `key:FIELD:name`. */
function argumentsOf(text: string): Arguments | FormatError {
  const [key = '', kind = 'TYPED', field = ''] = text.split(':');
  if (key === '') return { error: 'Invalid filter state configuration, key cannot be empty.' };
  if (kind !== 'PLAIN' && kind !== 'TYPED' && kind !== 'FIELD') {
    return { error: 'Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.' };
  }
  if ((kind === 'FIELD') === (field === '')) {
    return { error: 'Invalid filter state serialize type, FIELD should be used with the field name.' };
  }
  return { key, kind, field };
}

type Lookup = (info: StreamInfo, key: string) => FilterStateObject | undefined;

function operatorOn(lookup: Lookup): OperatorDefinition {
  return {
    args: 'required',
    length: true,
    compile: (text) => {
      const found = argumentsOf(text);
      if ('error' in found) return found;
      const { key, kind, field } = found;
      switch (kind) {
        case 'PLAIN':
          return (info) => lookup(info, key)?.text ?? null;
        case 'FIELD':
          return (info) => lookup(info, key)?.fields?.get(field) ?? null;
        case 'TYPED':
          return (info) => typedText(lookup(info, key)?.typed ?? null);
      }
    },
    compileValue: (text) => {
      const found = argumentsOf(text);
      if ('error' in found || found.kind !== 'TYPED') return null;
      return typedValue(lookup, found.key);
    },
  };
}

function typedValue(lookup: Lookup, key: string): Operator {
  return (info) => lookup(info, key)?.typed ?? null;
}

/** In a text a typed object stands as the JSON of its protobuf message, which keeps `<` and `>` out. */
function typedText(value: FilterStateObject['typed']): string | null {
  if (value === null) return null;
  return JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e');
}

export const FILTER_STATE_OPERATORS: Readonly<Record<string, OperatorDefinition>> = {
  FILTER_STATE: operatorOn((info, key) => info.filterState?.get(key)),
  // Connections to hosts carry no objects of their own here.
  UPSTREAM_FILTER_STATE: operatorOn(() => undefined),
};
