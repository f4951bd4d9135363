import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import { compileHeaderLevel } from '../../route/header-mutation.ts';
import { compileStringMatcher } from '../../route/string-matcher.ts';
import type { HttpCheck, StatusRange } from './config.ts';
import { compilePayload } from './payload.ts';

/** Without `expected_statuses`. */
const OK: readonly StatusRange[] = [{ start: 200, end: 201 }];

/** `response_buffer_size` when it is not set, bytes. */
const DEFAULT_BUFFER = 1024;

const WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'TRACE']);

/** Reads `HttpHealthCheck`; null when an error was reported that leaves nothing to run. */
export function compileHttpCheck(reader: MessageReader, ctx: CompileContext): HttpCheck | null {
  const named = reader.enumeration('method') ?? 'GET';
  const method = named === 'METHOD_UNSPECIFIED' ? 'GET' : named;
  const sendReader = reader.message('send');
  const send = sendReader === undefined ? null : compilePayload(sendReader, ctx);
  const receive = reader.messages('receive').map((each) => compilePayload(each, ctx));
  const matcher = reader.message('service_name_matcher');
  const headers = compileHeaderLevel(reader, 'request', 'health check', ctx);
  const expected = ranges(reader, ctx, 'expected');
  const retriable = ranges(reader, ctx, 'retriable');
  const responseBufferSize = reader.number('response_buffer_size') ?? DEFAULT_BUFFER;
  if ((sendReader !== undefined && send === null) || receive.includes(null)) return null;
  if (send !== null && WITHOUT_BODY.has(method)) {
    ctx.report(
      'error',
      'cluster.health-check-send-method',
      reader,
      'send',
      `A health check with the method ${method} has no body. Use POST, PUT, PATCH or OPTIONS, or remove send.`,
    );
  }
  const segments = receive.filter((each) => each !== null);
  const total = segments.reduce((sum, each) => sum + each.length, 0);
  if (responseBufferSize !== 0 && total > responseBufferSize) {
    ctx.report(
      'error',
      'cluster.health-check-receive-size',
      reader,
      'receive',
      `The expected bytes are ${total}, more than the ${responseBufferSize} of the body that are looked at (response_buffer_size).`,
    );
  }
  return {
    kind: 'http',
    host: reader.string('host') ?? '',
    path: reader.string('path') ?? '',
    method,
    send: send === null || send.length === 0 ? null : send,
    receive: segments,
    responseBufferSize,
    headers: headers === null ? [] : [headers],
    expected: expected.length === 0 ? OK : expected,
    retriable,
    serviceName: matcher === undefined ? null : compileStringMatcher(matcher, ctx),
    codec: codecOf(reader, ctx),
  };
}

function codecOf(reader: MessageReader, ctx: CompileContext): HttpCheck['codec'] {
  const type = reader.enumeration('codec_client_type') ?? 'HTTP1';
  if (type === 'HTTP3') {
    ctx.report(
      'notice',
      'cluster.http3-not-emulated',
      reader,
      'codec_client_type',
      'HTTP/3 is not emulated: this health check speaks HTTP/2.',
    );
    return 'HTTP2';
  }
  return type === 'HTTP2' ? 'HTTP2' : 'HTTP1';
}

function ranges(reader: MessageReader, ctx: CompileContext, kind: 'expected' | 'retriable'): StatusRange[] {
  return reader.messages(`${kind}_statuses`).map((each) => {
    const range = { start: each.number('start') ?? 0, end: each.number('end') ?? 0 };
    checkRange(each, ctx, range);
    return range;
  });
}

function checkRange(reader: MessageReader, ctx: CompileContext, { start, end }: StatusRange): void {
  const refuse = (message: string, expected: string): void =>
    ctx.report('error', 'cluster.health-check-status-range', reader, '', message, { expected });
  if (start >= end) {
    refuse(
      `A range of statuses begins below its end, which is not part of it; this one goes from ${start} to ${end}.`,
      `end: ${start + 1}`,
    );
  } else if (start < 100) {
    refuse(`Statuses begin at 100; this range begins at ${start}.`, 'start: 100');
  } else if (end > 600) {
    refuse(`Statuses end below 600; this range ends at ${end}.`, 'end: 600');
  }
}

export function inRanges(status: number, all: readonly StatusRange[]): boolean {
  for (const { start, end } of all) if (status >= start && status < end) return true;
  return false;
}
