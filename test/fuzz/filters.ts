import { cookieValue } from '../../proxy-core/http/filters/cookie.ts';
import { decodeResponse } from '../../proxy-core/http/filters/ext-proc-messages.ts';
import { FRAME_HEAD, GrpcFrameCounter, GrpcFrameReader } from '../../proxy-core/http/filters/grpc-frames.ts';
import { parseJwks } from '../../proxy-core/http/filters/jwks.ts';
import { parseJwt } from '../../proxy-core/http/filters/jwt-token.ts';
import { JsonArraySplitter } from '../../proxy-core/http/filters/transcoder/json-array-splitter.ts';
import { readDescriptorSet } from '../../proxy-core/http/filters/transcoder/method-table.ts';
import { matchesTemplate, parseTemplate } from '../../proxy-core/http/filters/transcoder/path-template.ts';
import { parseGrpcTimeout } from '../../proxy-core/http/router/timeouts.ts';
import { derElements, otherNames } from '../../proxy-core/listener/tls/der.ts';
import { parseUriTemplate } from '../../proxy-core/route/uri-template.ts';
import { readHealthResponse } from '../../proxy-core/upstream/health/grpc-message.ts';

/** A token, and the same text as a set of keys: taken apart or named wrong, never thrown. */
export function fuzzJwt(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1');
  const token = parseJwt(text);
  if (typeof token === 'object' && `${token.signed}.` !== text.slice(0, token.signed.length + 1)) {
    throw new Error('what is signed is not what was sent');
  }
  parseJwks(Buffer.from(bytes).toString('utf8'));
}

/** gRPC frames: whole and byte by byte the same messages, the same count, and nothing kept beyond one frame. */
export function fuzzGrpcFrames(bytes: Uint8Array): void {
  const limit = 1000;
  const whole = new GrpcFrameReader().read(bytes, 0, bytes.length, limit);
  const cut = new GrpcFrameReader();
  let messages: Uint8Array[] | null = [];
  for (let i = 0; i < bytes.length && messages !== null; i++) {
    const more = cut.read(bytes, i, i + 1, limit);
    messages = more === null ? null : [...messages, ...more.map((each) => Buffer.from(each))];
    if (cut.incomplete > limit + FRAME_HEAD) throw new Error(`${cut.incomplete} bytes wait`);
  }
  const text = (list: Uint8Array[] | null): string => JSON.stringify(list?.map((each) => [...each]) ?? null);
  if (text(whole) !== text(messages))
    throw new Error(`${text(whole)} in one piece, ${text(messages)} in many`);
  const counter = new GrpcFrameCounter();
  const pieces = new GrpcFrameCounter();
  counter.inspect(bytes, 0, bytes.length);
  for (let i = 0; i < bytes.length; i++) pieces.inspect(bytes, i, i + 1);
  if (counter.count !== pieces.count) throw new Error(`${counter.count} messages, ${pieces.count} in pieces`);
}

/** First line a template, second a path, for both kinds of templates; the whole as a set of descriptors. */
export function fuzzTemplates(bytes: Uint8Array): void {
  const [text = '', path = ''] = Buffer.from(bytes).toString('latin1').split('\n');
  const uri = parseUriTemplate(text);
  if ('error' in uri) {
    if (uri.error === '') throw new Error('refused without a reason');
  } else uri.regex.fullMatch(path);
  const rule = parseTemplate(text);
  if (rule !== null) matchesTemplate(rule, path.split('/').slice(1));
  readDescriptorSet(bytes);
}

/** A JSON array in one piece and in many. */
export function fuzzJsonArray(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1');
  const whole = new JsonArraySplitter().push(text);
  const cut = new JsonArraySplitter();
  let elements: string[] | null = [];
  for (const char of text) {
    const more: string[] | null = cut.push(char);
    elements = more === null || elements === null ? null : [...elements, ...more];
    if (elements === null) break;
  }
  if (JSON.stringify(whole) !== JSON.stringify(elements)) throw new Error('the pieces make a difference');
}

/** Values of request headers that are taken apart. */
export function fuzzHeaderValues(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1');
  const found = cookieValue(['cookie', text], 'a');
  if (found !== undefined && !text.includes(found)) throw new Error('a cookie that was not sent');
  const timeout = parseGrpcTimeout(text);
  if (timeout !== null && !(timeout >= 0)) throw new Error(`a timeout of ${timeout}`);
}

/** Binary messages of others: certificates (DER), gRPC health answers, external processors' answers. */
export function fuzzBinary(bytes: Uint8Array): void {
  for (const { oid, value } of otherNames(bytes)) {
    if (oid.length > bytes.length * 8 || value.length > bytes.length)
      throw new Error('longer than its bytes');
  }
  for (const { start, end } of derElements(bytes, 0, bytes.length)) {
    if (start > end || end > bytes.length) throw new Error(`an element from ${start} to ${end}`);
  }
  readHealthResponse(bytes);
  decodeResponse(bytes);
}
