/**
 * For the Electron 22 of the tests only: what a current Electron has and that one lacks. The product's code is the same
 * in both.
 */
import { protocol } from 'electron';
import { addArrayMethods } from './array-methods.ts';

interface AnswerInit {
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

/** As much of `Response` as the app uses. */
class PlainResponse {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(
    readonly content: Uint8Array | string,
    init: AnswerInit = {},
  ) {
    this.status = init.status ?? 200;
    this.headers = init.headers ?? {};
  }
}

const scope = globalThis as unknown as Record<string, unknown>;
scope['Response'] ??= PlainResponse;

scope['structuredClone'] ??= (value: unknown) => {
  const { deserialize, serialize } = require('node:v8') as typeof import('node:v8');
  return deserialize(serialize(value));
};

if (typeof protocol.handle !== 'function') {
  const handle = (
    scheme: string,
    answer: (request: { readonly url: string }) => Promise<Response> | Response,
  ) => {
    protocol.registerBufferProtocol(scheme, async (request, callback) => {
      const response = (await answer({ url: request.url })) as unknown as PlainResponse;
      callback({
        statusCode: response.status,
        headers: response.headers,
        mimeType: (response.headers['content-type'] ?? '').split(';')[0] ?? '',
        data: Buffer.from(response.content),
      });
    });
  };
  Object.assign(protocol, { handle });
}

addArrayMethods();
