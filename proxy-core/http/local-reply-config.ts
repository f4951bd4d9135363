import type { HeaderList } from '../base/headers.ts';
import type { StreamInfo } from '../base/stream-info.ts';
import type { CompileContext } from '../config/compile-context.ts';
import type { SourceRange } from '../config/diagnostic.ts';
import type { MessageReader } from '../config/reader.ts';
import type { Narrator } from '../facade/decision.ts';
import { compileLogFilter, type LogFilter } from '../observe/access-log/filters.ts';
import { readDataSourceBytes } from '../route/data-source.ts';
import { LOG_FORMAT } from '../route/formatter/operator.ts';
import {
  compileSubstitutionFormat,
  type SubstitutionFormat,
} from '../route/formatter/substitution-format.ts';
import { compileHeaderAdds, type HeaderMutations, mutateHeaders } from '../route/header-mutation.ts';

/** Compiled `local_reply_config`. */
export interface LocalReplyConfig {
  readonly mappers: readonly LocalReplyMapper[];
  readonly format: SubstitutionFormat | null;
}

/** One of `mappers`: what it changes in the replies that its filter takes. */
export interface LocalReplyMapper {
  readonly filter: LogFilter;
  /** 0: as it is. */
  readonly status: number;
  /** latin1; null: as it is. */
  readonly body: string | null;
  readonly headers: HeaderMutations | null;
  readonly format: SubstitutionFormat | null;
  readonly source: SourceRange;
}

const FORMAT = { ...LOG_FORMAT, localReply: true };

export function compileLocalReplyConfig(
  reader: MessageReader | undefined,
  ctx: CompileContext,
): LocalReplyConfig | null {
  if (reader === undefined) return null;
  const format = reader.message('body_format');
  return {
    mappers: reader.messages('mappers').map((mapper) => compileMapper(mapper, ctx)),
    format: format === undefined ? null : compileSubstitutionFormat(format, ctx, FORMAT),
  };
}

function compileMapper(reader: MessageReader, ctx: CompileContext): LocalReplyMapper {
  const filter = reader.message('filter');
  const body = reader.message('body');
  const bytes = body === undefined ? null : readDataSourceBytes(body, ctx);
  const format = reader.message('body_format_override');
  const adds = compileHeaderAdds(reader.messages('headers_to_add'), ctx);
  return {
    filter: filter === undefined ? () => true : compileLogFilter(filter, ctx, 'NotSet'),
    status: reader.number('status_code') ?? 0,
    body: bytes === null ? null : Buffer.from(bytes).toString('latin1'),
    headers: adds.length === 0 ? null : [{ level: 'local reply', removes: [], adds }],
    format: format === undefined ? null : compileSubstitutionFormat(format, ctx, FORMAT),
    source: reader.range,
  };
}

function mapperText(mapper: LocalReplyMapper, status: number): string {
  const parts = [
    mapper.status > 0 ? `${status} becomes ${mapper.status}` : '',
    mapper.body === null ? '' : 'another body',
    mapper.headers === null ? '' : 'headers are added',
    mapper.format === null ? '' : 'a format of its own',
  ].filter((part) => part !== '');
  return `this mapper takes it: ${parts.length === 0 ? 'nothing changes' : parts.join(', ')}`;
}

/** A reply while it is being made. `body` is latin1. */
export interface ReplyDraft {
  status: number;
  body: string;
  contentType: string;
  readonly headers: HeaderList;
}

/** Envoy: LocalReply::rewrite. The first mapper whose filter takes the reply changes it, then it is formatted. */
export function rewriteLocalReply(
  config: LocalReplyConfig,
  draft: ReplyDraft,
  info: StreamInfo,
  narrator: Narrator | null = null,
): void {
  info.responseCode = draft.status;
  info.responseHead = { status: draft.status, headers: draft.headers };
  let format = config.format;
  for (const mapper of config.mappers) {
    if (!mapper.filter(info)) {
      narrator?.note('neutral', 'a mapper does not take it', mapper.source);
      continue;
    }
    narrator?.note('good', mapperText(mapper, draft.status), mapper.source);
    if (mapper.body !== null) draft.body = mapper.body;
    if (mapper.headers !== null) mutateHeaders(mapper.headers, draft.headers, info);
    if (mapper.status > 0) {
      draft.status = mapper.status;
      info.responseCode = mapper.status;
    }
    if (mapper.format !== null) format = mapper.format;
    break;
  }
  info.localReplyBody = draft.body;
  if (format === null) return;
  draft.body = format.format(info);
  draft.contentType = format.contentType;
}
