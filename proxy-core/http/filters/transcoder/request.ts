import type { JsonValue } from '@bufbuild/protobuf';
import { grpcFrame } from '../grpc-frames.ts';
import { encodeHttpBody } from './http-body.ts';
import { JsonArraySplitter } from './json-array-splitter.ts';
import { lookUp, type MethodBinding } from './method-table.ts';
import { type PathBinding, pathBindings, unescapeValue } from './path-template.ts';
import { type FieldBinding, requestMessage, resolveBindings } from './request-json.ts';
import type { TranscoderSettings } from './settings.ts';

/** A request that names a method, with what path and query say. */
export interface MatchedRequest {
  readonly binding: MethodBinding;
  readonly fields: readonly FieldBinding[];
}

/** Why a request is none for the transcoder: as Envoy's status codes. */
export interface Mismatch {
  readonly code: 'NOT_FOUND' | 'INVALID_ARGUMENT';
  readonly message: string;
}

/** Finds the method of a request and the values that its path and query give. */
export function matchRequest(
  settings: TranscoderSettings,
  method: string,
  target: string,
): MatchedRequest | Mismatch {
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  const found = settings.table === null ? null : lookUp(settings.table, method, path, settings.anyVerb);
  if (found === null) return { code: 'NOT_FOUND', message: `Could not resolve ${path} to a method.` };
  const { binding, parts } = found;
  const bindings = [
    ...pathBindings(binding.template, parts, settings.unescape),
    ...queryBindings(query < 0 ? '' : target.slice(query + 1), settings),
  ];
  const { input } = binding.method;
  const { known, unknown } = resolveBindings(input, bindings);
  const [first] = unknown;
  if (first !== undefined && !settings.ignoreUnknownParameters) {
    const name = first.split('.').at(-1) ?? first;
    return {
      code: 'INVALID_ARGUMENT',
      message: `Could not find field "${name}" in the type "${input.typeName}".`,
    };
  }
  const inside = binding.requestHttpBody;
  // What is in an HttpBody passes as it is.
  const fields =
    inside === null ? known : known.filter((each) => !inside.every((field, i) => each.fields[i] === field));
  return { binding, fields };
}

function queryBindings(query: string, settings: TranscoderSettings): PathBinding[] {
  const bindings: PathBinding[] = [];
  for (const parameter of query.split('&')) {
    const equals = parameter.indexOf('=');
    if (equals <= 0) continue;
    const name = parameter.slice(0, equals);
    if (settings.ignoredParameters.has(name)) continue;
    const raw = parameter.slice(equals + 1);
    const text = settings.unescapePlus ? raw.replaceAll('+', ' ') : raw;
    bindings.push({ fieldPath: name.split('.'), value: unescapeValue(text, 'ALL_CHARACTERS') });
  }
  return bindings;
}

/** Makes gRPC messages of a body as it arrives. `push` and `end` throw an Error for a body that does not fit. */
export class RequestTranscoder {
  private text: Buffer[] = [];
  private length = 0;
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private readonly splitter: JsonArraySplitter | null;
  private sent = 0;

  constructor(
    private readonly settings: TranscoderSettings,
    private readonly request: MatchedRequest,
    private readonly contentType: string,
  ) {
    const { binding } = request;
    const streams =
      binding.method.methodKind === 'client_streaming' || binding.method.methodKind === 'bidi_streaming';
    this.splitter = streams && binding.requestHttpBody === null ? new JsonArraySplitter() : null;
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.length;
  }

  /** Frames that can leave now. */
  push(bytes: Uint8Array, start: number, end: number): Uint8Array {
    if (this.splitter === null) {
      this.text.push(Buffer.from(bytes.subarray(start, end)));
      this.length += end - start;
      return new Uint8Array(0);
    }
    const elements = this.splitter.push(this.decoder.decode(bytes.subarray(start, end), { stream: true }));
    if (elements === null) throw new Error('Expected [ at the start of a stream of messages');
    return Buffer.concat(elements.map((element) => this.frame(element)));
  }

  /** The rest: every call has a message, unless it streams. */
  end(): Uint8Array {
    const { binding, fields } = this.request;
    if (this.splitter !== null) {
      if (!this.splitter.complete) throw new Error('Unexpected end of string. Expected ] after a message');
      // What path and query say must arrive though there is no body.
      return this.sent === 0 && fields.length > 0 ? this.frame('{}') : new Uint8Array(0);
    }
    const body = Buffer.concat(this.text);
    this.text = [];
    this.length = 0;
    if (binding.requestHttpBody !== null) return this.rawFrame(body);
    return this.frame(body.length === 0 ? '' : new TextDecoder('utf-8', { fatal: true }).decode(body));
  }

  private frame(text: string): Uint8Array {
    const { binding, fields } = this.request;
    const { table, rejectCollisions } = this.settings;
    if (table === null) return new Uint8Array(0);
    const body = text.trim() === '' ? undefined : (JSON.parse(text) as JsonValue);
    const bound = this.sent === 0 ? fields : [];
    this.sent++;
    const options = { rejectCollisions, caseInsensitiveEnums: this.settings.caseInsensitiveEnums };
    return grpcFrame(
      requestMessage(binding.method.input, body, binding.body, bound, table.registry, options),
    );
  }

  private rawFrame(body: Uint8Array): Uint8Array {
    const { binding, fields } = this.request;
    const { table } = this.settings;
    if (table === null) return body;
    const options = { rejectCollisions: false, caseInsensitiveEnums: false };
    const field = binding.body === '*' ? '' : binding.body;
    const bound = requestMessage(binding.method.input, undefined, field, fields, table.registry, options);
    const envelope = encodeHttpBody(binding.requestHttpBody ?? [], {
      contentType: this.contentType,
      data: body,
    });
    return grpcFrame(Buffer.concat([bound, envelope]));
  }
}
