import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { readDataSource } from '../data-source.ts';
import { compileFormat, constantFormatter, type Formatter } from './format.ts';
import { compileJsonFormat } from './json-format.ts';
import { type FormatOptions, LOG_FORMAT } from './operator.ts';

/** Envoy's default access log line (source/common/formatter/substitution_formatter.h). */
export const DEFAULT_LOG_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

export interface SubstitutionFormat extends Formatter {
  /** `content_type`, or what Envoy takes without one: `text/plain`, `application/json`. */
  readonly contentType: string;
}

/** Compiles an `envoy.config.core.v3.SubstitutionFormatString`, telling errors at the field they stand in. */
export function compileSubstitutionFormat(
  reader: MessageReader,
  ctx: CompileContext,
  options: FormatOptions = LOG_FORMAT,
): SubstitutionFormat {
  const extensions = compileExtensions(reader, ctx);
  const extended: FormatOptions = extensions.size === 0 ? options : { ...options, extensions };
  const own: FormatOptions =
    reader.bool('omit_empty_values') === true ? { ...extended, missing: '' } : extended;
  const contentType = reader.string('content_type') ?? '';
  const report = (field: string) => (message: string) =>
    ctx.report('error', 'route.format', reader, field, message);
  const as = (formatter: Formatter, fallback: string): SubstitutionFormat => ({
    constant: formatter.constant,
    format: formatter.format,
    contentType: contentType === '' ? fallback : contentType,
  });
  if (reader.has('json_format')) {
    const options = reader.message('json_format_options');
    // Keys are always sorted here, so both settings are honoured.
    options?.acknowledge('sort_properties');
    const json = reader.json('json_format');
    const value = own.localReply === true ? bytesOfJson(json) : json;
    return as(compileJsonFormat(value, own, report('json_format')), 'application/json');
  }
  if (reader.has('text_format')) {
    const text = bytesIf(own, reader.string('text_format') ?? '');
    return as(compileFormat(text, own, report('text_format')), 'text/plain');
  }
  const source = reader.message('text_format_source');
  if (source === undefined) return as(constantFormatter(''), 'text/plain');
  const text = bytesIf(own, readDataSource(source, ctx) ?? '');
  return as(compileFormat(text, own, report('text_format_source')), 'text/plain');
}

const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery', 'req_without_query'],
  ['envoy.extensions.formatter.metadata.v3.Metadata', 'metadata'],
]);

/** `formatters`: those that are not known stay unread, so that a notice tells of them. */
function compileExtensions(reader: MessageReader, ctx: CompileContext): ReadonlySet<string> {
  const found = new Set<string>();
  for (const formatter of reader.messages('formatters')) {
    const type = formatter.message('typed_config')?.type ?? '';
    const name = EXTENSIONS.get(type);
    formatter.acknowledge('name');
    if (name !== undefined) found.add(name);
    else {
      ctx.report(
        'notice',
        'route.formatter',
        formatter,
        'name',
        `The formatter ${formatter.string('name') ?? ''} is not emulated: its operators are refused.`,
      );
    }
  }
  return found;
}

/** Bodies are latin1 texts, one character per byte; logs are texts. */
function bytesIf(options: FormatOptions, text: string): string {
  return options.localReply === true ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function bytesOfJson(value: unknown): unknown {
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('latin1');
  if (Array.isArray(value)) return value.map(bytesOfJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [bytesOfJson(key), bytesOfJson(item)]),
  );
}
