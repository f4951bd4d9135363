import type { HeaderKeys } from '../../base/headers.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';

/** How one side spells header names; Envoy: Http1ProtocolOptions.HeaderKeyFormat. */
export interface HeaderKeyFormat {
  /** For messages that bring no spelling of their own; null = lower case. */
  readonly keys: HeaderKeys | null;
  /** Received names keep their spelling on their way through; null = they lose it. */
  readonly preserve: PreserveCase | null;
}

/** The stateful formatter `preserve_case`. */
export interface PreserveCase {
  /** For names that were not received; null = lower case. */
  readonly others: HeaderKeys | null;
  readonly forwardReasonPhrase: boolean;
}

const PRESERVE_CASE = 'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig';

const proper = new Map<string, string>();

/** `content-length` → `Content-Length`: every letter after a character that is none (proper_case_words). */
export function properCase(name: string): string {
  let result = proper.get(name);
  if (result === undefined) {
    result = '';
    let upper = true;
    for (const char of name) {
      const letter = (char >= 'a' && char <= 'z') || (char >= '0' && char <= '9');
      result += upper && letter ? char.toUpperCase() : char;
      upper = !letter;
    }
    if (proper.size < 2048) proper.set(name, result);
  }
  return result;
}

const properCaseKeys: HeaderKeys = { spell: properCase, reasonPhrase: '' };

export const LOWER_CASE: HeaderKeyFormat = { keys: null, preserve: null };
export const PROPER_CASE: HeaderKeyFormat = { keys: properCaseKeys, preserve: null };

/** `header_key_format` of Http1ProtocolOptions. */
export function compileHeaderKeyFormat(
  http1: MessageReader | undefined,
  ctx: CompileContext,
): HeaderKeyFormat {
  const format = http1?.message('header_key_format');
  if (format === undefined) return LOWER_CASE;
  if (format.message('proper_case_words') !== undefined) return PROPER_CASE;
  const formatter = format.message('stateful_formatter');
  if (formatter === undefined) return LOWER_CASE;
  const name = formatter.string('name') ?? '';
  const config = formatter.message('typed_config');
  if (config?.type !== PRESERVE_CASE) {
    ctx.report(
      'error',
      'http.unknown-header-formatter',
      formatter,
      'typed_config',
      `Didn't find a registered implementation for '${name}' with type URL: '${config?.type ?? ''}'`,
      { expected: PRESERVE_CASE },
    );
    return LOWER_CASE;
  }
  return {
    keys: null,
    preserve: {
      others: config.enumeration('formatter_type_on_envoy_headers') === 'PROPER_CASE' ? properCaseKeys : null,
      forwardReasonPhrase: config.bool('forward_reason_phrase') ?? false,
    },
  };
}

/** The spelling of one received message: the first one of each name. */
export class ReceivedKeys implements HeaderKeys {
  reasonPhrase = '';
  private readonly names = new Map<string, string>();

  constructor(private readonly others: HeaderKeys | null) {}

  note(name: string, received: string): void {
    if (!this.names.has(name)) this.names.set(name, received);
  }

  spell(name: string): string {
    return this.names.get(name) ?? this.others?.spell(name) ?? name;
  }
}
