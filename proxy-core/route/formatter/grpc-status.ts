import { grpcStatusOfHttp, isGrpcContentType } from '../../base/grpc.ts';
import { headerValue } from '../../base/headers.ts';
import type { StreamInfo } from '../../base/stream-info.ts';
import type { OperatorDefinition } from './operator.ts';
import { plain } from './operator.ts';

const CAMEL = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

const SNAKE = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** The gRPC status of a stream: trailers, then headers, then made from the HTTP status. Null: not a gRPC request. */
function grpcStatus(info: StreamInfo): number | null {
  if (info.requestHead === null) return null;
  if (!isGrpcContentType(headerValue(info.requestHead.headers, 'content-type'))) return null;
  const text =
    (info.responseTrailers === null ? undefined : headerValue(info.responseTrailers, 'grpc-status')) ??
    (info.responseHead === null ? undefined : headerValue(info.responseHead.headers, 'grpc-status'));
  if (text !== undefined) {
    const status = Number(text);
    return /^\d+$/.test(text) ? status : -1;
  }
  return info.responseCode === 0 ? null : grpcStatusOfHttp(info.responseCode);
}

export const grpcStatusNumber: OperatorDefinition = plain(grpcStatus);

export const grpcStatusOperator: OperatorDefinition = {
  args: 'optional',
  length: false,
  compile: (args) => {
    if (args === 'NUMBER') return grpcStatus;
    if (args !== '' && args !== 'CAMEL_STRING' && args !== 'SNAKE_STRING') {
      return { error: 'GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER.' };
    }
    const names: readonly string[] = args === 'SNAKE_STRING' ? SNAKE : CAMEL;
    return (info) => {
      const status = grpcStatus(info);
      if (status === null) return null;
      return status === -1
        ? args === 'SNAKE_STRING'
          ? 'INVALID_CODE'
          : 'InvalidCode'
        : (names[status] ?? String(status));
    };
  },
};
