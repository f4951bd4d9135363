import { type HeaderList, removeHeader } from '../../base/headers.ts';
import type { RequestHead, ResponseHead } from '../../base/stream-info.ts';
import { messageCodec } from '../../config/schema/message-codec.ts';
import { setRequestHeader } from './ext-authz-mutation.ts';
import { matchesAny } from './ext-authz-settings.ts';
import type { ExtProcSettings } from './ext-proc-settings.ts';
import { mayRemove, maySet } from './mutation-rules.ts';

/** `envoy.service.ext_proc.v3.ProcessingResponse`, as far as it is read. */
export interface ProcessingResponse {
  readonly response:
    | { readonly case: undefined }
    | { readonly case: 'immediateResponse'; readonly value: ImmediateResponse }
    | {
        readonly case: 'requestTrailers' | 'responseTrailers';
        readonly value: { readonly headerMutation?: HeaderMutation };
      }
    | {
        readonly case: 'requestHeaders' | 'responseHeaders' | 'requestBody' | 'responseBody';
        readonly value: { readonly response?: CommonResponse };
      };
  readonly dynamicMetadata?: Readonly<Record<string, unknown>>;
  readonly modeOverride?: never;
  readonly overrideMessageTimeout?: { readonly seconds: bigint; readonly nanos: number };
}

export interface ImmediateResponse {
  readonly status?: { readonly code: number };
  readonly headers?: HeaderMutation;
  readonly body: Uint8Array;
  readonly grpcStatus?: { readonly status: number };
  readonly details: string;
}

export interface CommonResponse {
  /** 1 = CONTINUE_AND_REPLACE */
  readonly status: number;
  readonly headerMutation?: HeaderMutation;
  readonly bodyMutation?: {
    readonly mutation:
      | { readonly case: 'body'; readonly value: Uint8Array }
      | { readonly case: 'clearBody'; readonly value: boolean }
      | { readonly case: undefined };
  };
  readonly clearRouteCache: boolean;
}

export interface HeaderMutation {
  readonly setHeaders: readonly {
    readonly header?: { readonly key: string; readonly rawValue: Uint8Array };
    readonly append?: boolean;
  }[];
  readonly removeHeaders: readonly string[];
}

const REQUEST = 'envoy.service.ext_proc.v3.ProcessingRequest';
const RESPONSE = 'envoy.service.ext_proc.v3.ProcessingResponse';

/** A message for the processor; `value` in the form of `messageCodec`. */
export function encodeRequest(
  kind: string,
  value: object,
  metadata: Record<string, unknown> | null,
): Uint8Array {
  return messageCodec(REQUEST).encode({
    request: { case: kind, value },
    ...(metadata === null ? {} : { metadataContext: { filterMetadata: metadata } }),
  });
}

/** Null when the bytes are no such message. */
export function decodeResponse(bytes: Uint8Array): ProcessingResponse | null {
  try {
    return messageCodec(RESPONSE).decode(bytes) as unknown as ProcessingResponse;
  } catch {
    return null;
  }
}

/** A head or trailers as a HeaderMap, pseudo-headers first. */
export function headerMap(pseudo: HeaderList, headers: HeaderList, settings: ExtProcSettings): object {
  const list: object[] = [];
  for (const from of [pseudo, headers]) {
    for (let i = 0; i < from.length; i += 2) {
      const key = from[i] as string;
      if (settings.allowedHeaders !== null && !matchesAny(settings.allowedHeaders, key)) continue;
      if (matchesAny(settings.disallowedHeaders, key)) continue;
      list.push({ key, rawValue: Buffer.from(from[i + 1] as string, 'latin1') });
    }
  }
  return { headers: list };
}

export function requestPseudo(head: RequestHead): HeaderList {
  const { authority, path, method, scheme } = head;
  return [':authority', authority, ':path', path, ':method', method, ':scheme', scheme];
}

/** What a mutation changes: sets one header, or adds one. */
export interface MutationTarget {
  readonly headers: HeaderList;
  set(name: string, value: string): void;
}

export function requestTarget(head: RequestHead): MutationTarget {
  return { headers: head.headers, set: (name, value) => setRequestHeader(head, name, value) };
}

export function responseTarget(head: ResponseHead): MutationTarget {
  const plain = trailersTarget(head.headers);
  return {
    headers: head.headers,
    set: (name, value) => {
      if (name !== ':status') plain.set(name, value);
      else if (/^[2-5]\d\d$/.test(value)) head.status = Number(value);
    },
  };
}

export function trailersTarget(headers: HeaderList): MutationTarget {
  return {
    headers,
    set: (name, value) => {
      if (name.startsWith(':')) return;
      removeHeader(headers, name);
      headers.push(name, value);
    },
  };
}

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const BREAKS = /[\0\r\n]/;

/** Carries out a mutation as far as the rules let it; false when one of them makes a forbidden change an error. */
export function mutate(
  target: MutationTarget,
  mutation: HeaderMutation | undefined,
  settings: ExtProcSettings,
): boolean {
  if (mutation === undefined) return true;
  const { rules, stats } = settings;
  let allowed = true;
  for (const removed of mutation.removeHeaders) {
    const name = removed.toLowerCase();
    if (mayRemove(rules, name)) removeHeader(target.headers, name);
    else {
      stats.rejected_header_mutations.inc();
      allowed = false;
    }
  }
  for (const { header, append } of mutation.setHeaders) {
    const name = (header?.key ?? '').toLowerCase();
    const value = Buffer.from(header?.rawValue ?? []).toString('latin1');
    if (!NAME.test(name) || BREAKS.test(value) || !maySet(rules, name)) {
      stats.rejected_header_mutations.inc();
      allowed = false;
    } else if (append === true && !name.startsWith(':')) target.headers.push(name, value);
    else target.set(name, value);
  }
  return allowed || !rules.disallowIsError;
}
