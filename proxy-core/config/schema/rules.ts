/** Constraints of protoc-gen-validate, as plain data (validate/validate.proto). Absent means not asked for. */
export interface FieldRules {
  /** `(validate.rules).message`: required and skip, beside whatever `kind` says. */
  readonly message: MessageRules | null;
  readonly kind: RuleKind | null;
}

export type RuleKind =
  | { readonly case: 'number'; readonly rules: NumberRules }
  | { readonly case: 'bool'; readonly rules: { readonly const?: boolean } }
  | { readonly case: 'string'; readonly rules: StringRules }
  | { readonly case: 'bytes'; readonly rules: BytesRules }
  | { readonly case: 'enum'; readonly rules: EnumRules }
  | { readonly case: 'repeated'; readonly rules: RepeatedRules }
  | { readonly case: 'map'; readonly rules: MapRules }
  | { readonly case: 'any'; readonly rules: AnyRules }
  | { readonly case: 'duration'; readonly rules: DurationRules }
  | { readonly case: 'timestamp'; readonly rules: { readonly required?: boolean } };

export interface MessageRules {
  readonly skip?: boolean;
  readonly required?: boolean;
}

export interface NumberRules {
  readonly const?: number;
  readonly lt?: number;
  readonly lte?: number;
  readonly gt?: number;
  readonly gte?: number;
  readonly in?: readonly number[];
  readonly notIn?: readonly number[];
  readonly ignoreEmpty?: boolean;
}

export interface StringRules {
  readonly const?: string;
  readonly len?: number;
  readonly minLen?: number;
  readonly maxLen?: number;
  readonly lenBytes?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly pattern?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly notContains?: string;
  readonly in?: readonly string[];
  readonly notIn?: readonly string[];
  /** email, hostname, ip, ipv4, ipv6, uri, uriRef, address, uuid. */
  readonly wellKnown?: string;
  /** 1: HTTP header name, 2: HTTP header value. */
  readonly wellKnownRegex?: number;
  readonly strict?: boolean;
  readonly ignoreEmpty?: boolean;
}

export interface BytesRules {
  readonly len?: number;
  readonly minLen?: number;
  readonly maxLen?: number;
  readonly ignoreEmpty?: boolean;
}

export interface EnumRules {
  readonly const?: number;
  readonly definedOnly?: boolean;
  readonly in?: readonly number[];
  readonly notIn?: readonly number[];
}

export interface RepeatedRules {
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly unique?: boolean;
  readonly items?: FieldRules;
  readonly ignoreEmpty?: boolean;
}

export interface MapRules {
  readonly minPairs?: number;
  readonly maxPairs?: number;
  readonly keys?: FieldRules;
  readonly values?: FieldRules;
  readonly ignoreEmpty?: boolean;
}

export interface AnyRules {
  readonly required?: boolean;
  readonly in?: readonly string[];
  readonly notIn?: readonly string[];
}

/** Bounds in milliseconds. */
export interface DurationRules {
  readonly required?: boolean;
  readonly const?: number;
  readonly lt?: number;
  readonly lte?: number;
  readonly gt?: number;
  readonly gte?: number;
}

/** Turns a decoded `validate.FieldRules` message into plain data. */
export function plainRules(message: object): FieldRules {
  const type = member(message, 'type') as { case?: string; value?: object } | undefined;
  const general = member(message, 'message');
  return {
    message: general === undefined ? null : (plain(general as object) as MessageRules),
    kind: type?.case === undefined || type.value === undefined ? null : ruleKind(type.case, type.value),
  };
}

function ruleKind(name: string, value: object): RuleKind | null {
  switch (name) {
    case 'string': {
      const known = member(value, 'wellKnown') as { case?: string; value?: unknown } | undefined;
      const rules = plain(value) as Record<string, unknown>;
      delete rules['wellKnown'];
      if (known?.case === 'wellKnownRegex') rules['wellKnownRegex'] = known.value;
      else if (known?.case !== undefined && known.value === true) rules['wellKnown'] = known.case;
      return { case: 'string', rules: rules as StringRules };
    }
    case 'bytes':
      return { case: 'bytes', rules: plain(value) as BytesRules };
    case 'bool':
      return { case: 'bool', rules: plain(value) as { const?: boolean } };
    case 'enum':
      return { case: 'enum', rules: plain(value) as EnumRules };
    case 'repeated':
      return { case: 'repeated', rules: plain(value) as RepeatedRules };
    case 'map':
      return { case: 'map', rules: plain(value) as MapRules };
    case 'any':
      return { case: 'any', rules: plain(value) as AnyRules };
    case 'duration':
      return { case: 'duration', rules: plain(value) as DurationRules };
    case 'timestamp':
      return { case: 'timestamp', rules: plain(value) as { required?: boolean } };
    default:
      return { case: 'number', rules: plain(value) as NumberRules };
  }
}

/** Own fields that are set; int64 as numbers, a Duration as milliseconds, nested rules as plain data. */
function plain(message: object): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(message)) {
    if (key.startsWith('$')) continue;
    const value = plainValue((message as Record<string, unknown>)[key]);
    if (value !== undefined) result[key] = value;
  }
  return result;
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(plainValue);
  if (value === null || typeof value !== 'object') return value;
  switch ((value as { $typeName?: string }).$typeName) {
    case 'google.protobuf.Duration': {
      const duration = value as { seconds: bigint; nanos: number };
      return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
    }
    case 'validate.FieldRules':
      return plainRules(value);
    default:
      return value;
  }
}

function member(message: object, name: string): unknown {
  return Object.hasOwn(message, name) ? (message as Record<string, unknown>)[name] : undefined;
}
