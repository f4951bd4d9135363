import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type HeaderList, headerValue } from '../../../base/headers.ts';

/** gRPC status → HTTP status (google/rpc/code.proto; Envoy: Grpc::Utility::grpcToHttpStatus). */
const HTTP_STATUS: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

export function httpStatusOfGrpc(status: number): number {
  return HTTP_STATUS[status] ?? 500;
}

/** The status in headers or trailers; null when there is none or it is no status. */
export function grpcStatusIn(headers: HeaderList): number | null {
  const text = headerValue(headers, 'grpc-status');
  if (text === undefined || !/^\d{1,9}$/.test(text)) return null;
  return Number(text);
}

/** `google.rpc.Status`, as far as JSON tells it. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** Type URL and bytes of each detail. */
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

/** The whole status: from `grpc-status-details-bin`, else from `grpc-status` and `grpc-message`. */
export function rpcStatus(headers: HeaderList, status: number): RpcStatus {
  const packed = headerValue(headers, 'grpc-status-details-bin');
  if (packed !== undefined) {
    const read = readStatus(Buffer.from(packed, 'base64'));
    if (read !== null) return read;
  }
  const message = headerValue(headers, 'grpc-message') ?? '';
  return { code: status, message: percentDecoded(message), details: [] };
}

function percentDecoded(text: string): string {
  const bytes = text.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function readStatus(bytes: Uint8Array): RpcStatus | null {
  try {
    const reader = new BinaryReader(bytes);
    let code = 0;
    let message = '';
    const details: { typeUrl: string; value: Uint8Array }[] = [];
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1 && wireType === WireType.Varint) code = reader.int32();
      else if (field === 2 && wireType === WireType.LengthDelimited) message = reader.string();
      else if (field === 3 && wireType === WireType.LengthDelimited) details.push(readAny(reader.bytes()));
      else reader.skip(wireType, field);
    }
    return { code, message, details };
  } catch {
    return null;
  }
}

function readAny(bytes: Uint8Array): { typeUrl: string; value: Uint8Array } {
  const reader = new BinaryReader(bytes);
  const any = { typeUrl: '', value: new Uint8Array(0) as Uint8Array };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.LengthDelimited) any.typeUrl = reader.string();
    else if (field === 2 && wireType === WireType.LengthDelimited) any.value = reader.bytes();
    else reader.skip(wireType, field);
  }
  return any;
}
