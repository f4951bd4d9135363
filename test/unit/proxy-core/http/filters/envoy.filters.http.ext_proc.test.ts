import type { ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { ByteServer } from '../async-client/grpc-server.ts';
import { message, ServiceRig } from './service-rig.ts';

const request = message('ext_proc.v3.ProcessingRequest');
const response = message('ext_proc.v3.ProcessingResponse');

let rig: ServiceRig | null = null;
afterEach(() => {
  rig?.close();
  rig = null;
});

interface Asked {
  readonly kind: string;
  readonly value: {
    readonly headers?: {
      readonly headers: readonly { readonly key: string; readonly rawValue: Uint8Array }[];
    };
    readonly body?: Uint8Array;
    readonly endOfStream?: boolean;
  };
}

type Answer = object | 'end' | 'error' | 'nothing';
type Script = (asked: Asked) => Answer;

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const set = (key: string, value: string, more: object = {}): object => ({
  header: { key, rawValue: Buffer.from(value) },
  ...more,
});
const common = (value: object): object => ({ response: value });

/** A processor that answers each message by `script`, and keeps what it was sent. */
function processor(script: Script, seen: string[] = []): ByteServer {
  return new ByteServer().stream('/envoy.service.ext_proc.v3.ExternalProcessor/Process', (call) => {
    const stream: ServerDuplexStream<Buffer, Buffer> = call;
    stream.on('error', () => {});
    stream.on('end', () => stream.end());
    stream.on('data', (bytes: Buffer) => {
      const { request: sent } = request.decode(bytes) as { request: { case: string; value: Asked['value'] } };
      const asked = { kind: sent.case, value: sent.value };
      seen.push(sent.case.endsWith('Body') ? `${sent.case} ${text(sent.value.body)}` : sent.case);
      const answer = script(asked);
      if (answer === 'end') stream.end();
      else if (answer === 'error')
        stream.emit('error', Object.assign(new Error('boom'), { code: 13, details: 'boom' }));
      else if (answer !== 'nothing') stream.write(response.encode(answer as object));
    });
  });
}

/** Nothing changed. */
const plain = (asked: Asked, value: object = {}): object => ({ response: { case: asked.kind, value } });

const FILTER =
  'ext_proc.v3.ExternalProcessor, grpc_service: { envoy_grpc: { cluster_name: service } }, message_timeout: 2s';
const mode = (more: string): string => `${FILTER}, processing_mode: { ${more} }`;
const BOTH = mode('request_body_mode: BUFFERED, response_body_mode: BUFFERED');

async function start(filter: string, script: Script, seen: string[] = [], dead = false): Promise<ServiceRig> {
  rig = await ServiceRig.start(filter, processor(script, seen), { dead });
  return rig;
}

describe('ext_proc', () => {
  test('is shown heads and may change them, within the rules', async () => {
    const keys: string[] = [];
    const {
      origin,
      ask,
      rig: proxy,
    } = await bound(FILTER, (asked) => {
      keys.push(
        ...(asked.value.headers?.headers ?? []).map(({ key, rawValue }) => `${key}=${text(rawValue)}`),
      );
      return plain(
        asked,
        common({
          headerMutation: {
            setHeaders:
              asked.kind === 'requestHeaders'
                ? [
                    set('x-new', 'n'),
                    set('x-def', '2'),
                    set('x-app', '2', { append: true }),
                    set(':path', '/changed'),
                    set('host', 'evil'),
                    set(':method', 'PUT'),
                    set('x-envoy-foo', '1'),
                    set('x-split', 'a\r\nx-evil: 1'),
                  ]
                : [set('x-resp', 'r'), set(':status', '418')],
            removeHeaders: asked.kind === 'requestHeaders' ? ['x-del', 'host', ':path'] : ['x-upstream'],
          },
        }),
      );
    });
    const answer = await ask('/p', 'x-def: 1\r\nx-app: 1\r\nx-del: 1\r\n');
    expect(keys.slice(0, 4)).toEqual([':authority=a.test', ':path=/p', ':method=GET', ':scheme=http']);
    expect(keys).toContain(':status=200');
    const lines = origin.heads[0]?.split('\r\n') ?? [];
    expect(lines[0]).toBe('GET /changed HTTP/1.1');
    expect(lines.filter((line) => /^(host|x-(new|def|app|del|envoy-foo|split|evil)):/.test(line))).toEqual([
      'host: a.test',
      'x-app: 1',
      'x-new: n',
      'x-def: 2',
      'x-app: 2',
    ]);
    expect([answer.status, answer.headers]).toEqual([418, ['content-length: 2', 'x-resp: r']]);
    expect(proxy.counter('http.test.ext_proc.rejected_header_mutations')).toBe(6);
    expect(proxy.counter('http.test.ext_proc.stream_msgs_sent')).toBe(2);
  });

  test('an observer is not waited for', async () => {
    const seen: string[] = [];
    const { ask } = await bound(`${FILTER}, observability_mode: true`, () => 'error', seen);
    expect((await ask('/p')).status).toBe(200);
    expect(seen).toEqual([]);
  });

  test('buffered bodies are shown whole and may be replaced', async () => {
    const seen: string[] = [];
    const { origin, ask } = await bound(
      BOTH,
      (asked) =>
        asked.kind.endsWith('Body')
          ? plain(
              asked,
              common({
                bodyMutation: {
                  mutation: { case: 'body', value: Buffer.from(text(asked.value.body).toUpperCase()) },
                },
              }),
            )
          : plain(asked),
      seen,
    );
    const answer = await ask('/', '', 'POST', 'hello');
    expect(seen).toEqual(['requestHeaders', 'requestBody hello', 'responseHeaders', 'responseBody ok']);
    expect([answer.status, answer.body]).toEqual([200, 'OK']);
    expect(origin.heads[0]).toContain('content-length: 5');
  });

  test('a body of another length than its header says is an error', async () => {
    const { ask } = await bound(BOTH, (asked) =>
      asked.kind === 'requestBody'
        ? plain(
            asked,
            common({
              bodyMutation: { mutation: { case: 'body', value: Buffer.from('longer than before') } },
            }),
          )
        : plain(asked),
    );
    const answer = await ask('/', '', 'POST', 'hello');
    expect([answer.status, answer.stream?.responseCodeDetails]).toEqual([
      500,
      'mismatch_between_content_length_and_the_length_of_the_mutated_body',
    ]);
  });

  test('CONTINUE_AND_REPLACE gives the message another body and ends the questions', async () => {
    const seen: string[] = [];
    const { ask } = await bound(
      BOTH,
      (asked) =>
        asked.kind === 'responseHeaders'
          ? plain(
              asked,
              common({
                status: 1,
                bodyMutation: { mutation: { case: 'body', value: Buffer.from('replaced') } },
              }),
            )
          : plain(asked),
      seen,
    );
    const answer = await ask('/');
    expect(answer.body).toContain('replaced');
    expect(seen).toEqual(['requestHeaders', 'responseHeaders']);
  });

  test('CONTINUE_AND_REPLACE gives a request without a body one', async () => {
    const { ask, origin } = await bound(BOTH, (asked) =>
      asked.kind === 'requestHeaders'
        ? plain(
            asked,
            common({
              status: 1,
              bodyMutation: { mutation: { case: 'body', value: Buffer.from('made up') } },
            }),
          )
        : plain(asked),
    );
    expect((await ask('/')).status).toBe(200);
    expect(origin.heads[0]).toContain('transfer-encoding: chunked');
  });

  test('streamed bodies go through piece by piece', async () => {
    const seen: string[] = [];
    const { ask } = await bound(
      mode('response_body_mode: STREAMED'),
      (asked) =>
        asked.kind === 'responseBody' && (asked.value.body?.length ?? 0) > 0
          ? plain(
              asked,
              common({
                bodyMutation: {
                  mutation: { case: 'body', value: Buffer.from(`[${text(asked.value.body)}]`) },
                },
              }),
            )
          : plain(asked),
      seen,
    );
    const answer = await ask('/');
    expect(answer.headers).not.toContain('content-length: 2');
    expect(answer.body).toContain('[ok]');
    expect(seen.slice(0, 3)).toEqual(['requestHeaders', 'responseHeaders', 'responseBody ok']);
  });

  test('may answer by itself', async () => {
    const { ask, origin } = await bound(FILTER, () => ({
      response: {
        case: 'immediateResponse',
        value: {
          status: { code: 403 },
          body: Buffer.from('no way'),
          details: 'my details',
          headers: { setHeaders: [set('x-i', '1')] },
        },
      },
    }));
    const answer = await ask('/');
    expect([answer.status, answer.headers, answer.body]).toEqual([
      403,
      ['x-i: 1', 'content-length: 6', 'content-type: text/plain'],
      'no way',
    ]);
    expect(answer.stream?.responseCodeDetails).toBe('my_details');
    expect(origin.heads).toEqual([]);
  });

  test('that closes its stream lets everything pass', async () => {
    const seen: string[] = [];
    const { ask } = await bound(BOTH, () => 'end', seen);
    const answer = await ask('/', '', 'POST', 'hello');
    expect([answer.status, answer.body, seen]).toEqual([200, 'ok', ['requestHeaders']]);
  });

  test('that answers what it was not asked is not listened to', async () => {
    const { ask, rig: proxy } = await bound(FILTER, () => ({
      response: { case: 'responseHeaders', value: {} },
    }));
    expect((await ask('/')).status).toBe(200);
    expect(proxy.counter('http.test.ext_proc.spurious_msgs_received')).toBe(1);
  });

  test.each<[string, Script, string, boolean, number, string]>([
    ['fails', () => 'error', '', false, 500, 'ext_proc_error_gRPC_error_13'],
    ['fails and may', () => 'error', ', failure_mode_allow: true', false, 200, 'via_upstream'],
    ['is silent', () => 'nothing', '', false, 504, 'ext_proc_error_per-message_timeout_exceeded'],
    ['is silent and may be', () => 'nothing', ', failure_mode_allow: true', false, 200, 'via_upstream'],
    ['is dead', () => 'nothing', '', true, 500, 'ext_proc_error_gRPC_error_14'],
    ['is dead and may be', () => 'nothing', ', failure_mode_allow: true', true, 200, 'via_upstream'],
  ])('that %s', async (_what, script, more, dead, status, details) => {
    const filter = script({ kind: '', value: {} }) === 'nothing' ? BOTH.replace('2s', '0.1s') : BOTH;
    const { ask, events } = await bound(filter + more, script, [], dead);
    const answer = await ask('/', '', 'POST', 'hello');
    expect([answer.status, answer.stream?.responseCodeDetails]).toEqual([status, details]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatch(/^service-failed: service gets no answer from cluster service: /);
  });
});

/** The rig, its methods at hand. */
async function bound(filter: string, script: Script, seen: string[] = [], dead = false) {
  const made = await start(filter, script, seen, dead);
  const { origin, events } = made;
  return { origin, events, rig: made.rig, ask: made.ask.bind(made) };
}
