import { fromBinary, toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { joinedHeaderValue, removeHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead, StreamInfo } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { Narrator } from '../../facade/decision.ts';
import { requestHeader } from '../../route/formatter/operators-headers.ts';
import { compileSubstitution, type RegexSubstitution } from '../../route/regex.ts';
import { cookieValue } from './cookie.ts';
import { setDynamicMetadata } from './dynamic-metadata.ts';
import type { HttpFilterExtension } from './extension.ts';

/** `KeyValuePair`, compiled. */
interface Target {
  readonly namespace: string;
  readonly key: string;
  /** Empty: the header's own value. */
  readonly value: string;
  readonly rewrite: RegexSubstitution | null;
  readonly type: 'STRING' | 'NUMBER' | 'PROTOBUF_VALUE';
  readonly base64: boolean;
}

interface Rule {
  /** Exactly one of the two is not empty. In lower case. */
  readonly header: string;
  readonly cookie: string;
  readonly present: Target | null;
  readonly missing: Target | null;
  readonly remove: boolean;
  readonly source: MessageReader['range'];
}

interface Rules {
  readonly request: readonly Rule[];
  readonly response: readonly Rule[];
}

const OWN_NAMESPACE = 'envoy.filters.http.header_to_metadata';
/** A value this long is not taken. */
const MAX_LENGTH = 8192;

function compileRules(reader: MessageReader, ctx: CompileContext): Rules {
  const list = (field: string): Rule[] => reader.messages(field).map((rule) => compileRule(rule, ctx));
  return { request: list('request_rules'), response: list('response_rules') };
}

function compileRule(reader: MessageReader, ctx: CompileContext): Rule {
  const header = reader.string('header') ?? '';
  const cookie = reader.string('cookie') ?? '';
  const present = reader.message('on_header_present');
  const missing = reader.message('on_header_missing');
  const remove = reader.bool('remove') ?? false;
  const rule: Rule = {
    header: header.toLowerCase(),
    cookie,
    present: present === undefined ? null : compileTarget(present, ctx),
    missing: missing === undefined ? null : compileTarget(missing, ctx),
    remove,
    source: reader.range,
  };
  const problem = ruleProblem(rule, header);
  if (problem !== null) ctx.report('error', 'filter.header-to-metadata', reader, '', problem);
  return rule;
}

/** Envoy's words for a rule that cannot work, in the order in which it asks. */
function ruleProblem(rule: Rule, header: string): string | null {
  const { cookie, present, missing, remove } = rule;
  if (header !== '' && cookie !== '') return 'Cannot specify both header and cookie in the same rule';
  if (header === '' && cookie === '') return 'One of Cookie or Header option needs to be specified';
  if (present === null && missing === null) {
    const what = header === '' ? `cookie '${cookie}'` : `header '${rule.header}'`;
    return `header to metadata filter: rule for ${what} has neither \`on_header_present\` nor \`on_header_missing\` set`;
  }
  if (present !== null && present.value !== '' && present.rewrite !== null) {
    return 'Cannot specify both value and regex_value_rewrite';
  }
  if (cookie !== '' && remove) return 'Cannot specify remove for cookie';
  if (missing !== null && missing.value === '') {
    return 'Cannot specify on_header_missing rule with an empty value';
  }
  return null;
}

function compileTarget(reader: MessageReader, ctx: CompileContext): Target {
  const rewrite = reader.message('regex_value_rewrite');
  return {
    namespace: reader.string('metadata_namespace') || OWN_NAMESPACE,
    key: reader.string('key') ?? '',
    value: reader.string('value') ?? '',
    rewrite: rewrite === undefined ? null : compileSubstitution(rewrite, ctx),
    type: (reader.enumeration('type') ?? 'STRING') as Target['type'],
    base64: reader.enumeration('encode') === 'BASE64',
  };
}

/** The value in its type; undefined when it is none. */
function typedValue(target: Target, text: string): unknown {
  if (text === '' || text.length >= MAX_LENGTH) return undefined;
  let value = text;
  if (target.base64) {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
    value = Buffer.from(text, 'base64').toString('latin1');
    if (value === '') return undefined;
  }
  switch (target.type) {
    case 'NUMBER': {
      const number = Number(value.trim());
      return value.trim() === '' || !Number.isFinite(number) ? undefined : number;
    }
    case 'PROTOBUF_VALUE':
      try {
        return toJson(ValueSchema, fromBinary(ValueSchema, Buffer.from(value, 'latin1')));
      } catch {
        return undefined;
      }
    default:
      return value;
  }
}

/** All values of a header joined with `,`; of a pseudo-header too. */
function headerOf(head: RequestHead | ResponseHead, name: string): string | undefined {
  if (name.charCodeAt(0) !== 58 && name !== 'host') return joinedHeaderValue(head.headers, name);
  if ('status' in head) return name === ':status' ? String(head.status) : undefined;
  return requestHeader(head, name);
}

function applyRules(
  rules: readonly Rule[],
  head: RequestHead | ResponseHead,
  info: StreamInfo,
  narrator: Narrator | null,
): void {
  const { headers } = head;
  for (const rule of rules) {
    const value = rule.cookie === '' ? headerOf(head, rule.header) : cookieValue(headers, rule.cookie);
    if (value !== undefined && rule.remove) removeHeader(headers, rule.header);
    const target = value === undefined ? rule.missing : rule.present;
    const what = rule.cookie === '' ? `header \`${rule.header}\`` : `cookie \`${rule.cookie}\``;
    if (target === null) {
      const state = value === undefined ? 'is missing' : 'is there';
      narrator?.note('neutral', `Metadata: ${what} ${state}, nothing is written`, rule.source);
      continue;
    }
    const { rewrite } = target;
    const text =
      target.value !== ''
        ? target.value
        : rewrite === null
          ? (value ?? '')
          : rewrite.regex.replaceAll(value ?? '', rewrite.substitution);
    const typed = typedValue(target, text);
    if (typed === undefined) {
      narrator?.note('neutral', `Metadata: ${what} gives no value for \`${target.key}\``, rule.source);
      continue;
    }
    setDynamicMetadata(info, target.namespace, { [target.key]: typed });
    narrator?.note(
      'neutral',
      `Metadata \`${target.namespace}\`: \`${target.key}\` is ${JSON.stringify(typed)}, from ${what}`,
      rule.source,
    );
  }
}

const CONFIG = 'envoy.extensions.filters.http.header_to_metadata.v3.Config';

/** `envoy.filters.http.header_to_metadata`: headers and cookies as dynamic metadata. */
export const HEADER_TO_METADATA: HttpFilterExtension = {
  type: CONFIG,
  routeTypes: [CONFIG],
  compileRoute(config, ctx): Rules {
    const rules = compileRules(config, ctx);
    if (rules.request.length === 0 && rules.response.length === 0) {
      ctx.report(
        'error',
        'filter.header-to-metadata',
        config,
        '',
        'header_to_metadata_filter: Per filter configs must at least specify either request or response rules',
      );
    }
    return rules;
  },
  compile(name, config, ctx) {
    const own = compileRules(config, ctx);
    const rulesOf = (perRoute: unknown): Rules => (perRoute as Rules | undefined) ?? own;
    return {
      name,
      source: config.range,
      create: (callbacks) => ({
        decodeHead(head) {
          applyRules(rulesOf(callbacks.perRouteConfig()).request, head, callbacks.info, null);
          return 'continue';
        },
        encodeHead(head) {
          applyRules(rulesOf(callbacks.perRouteConfig()).response, head, callbacks.info, null);
          return 'continue';
        },
      }),
      explain(question, narrator) {
        const { request } = rulesOf(question.routeConfigs()[0]);
        applyRules(
          request,
          { ...question.head, headers: [...question.head.headers] },
          question.info,
          narrator,
        );
        return null;
      },
    };
  },
};
