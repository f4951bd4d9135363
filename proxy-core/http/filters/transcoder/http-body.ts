import type { DescField } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** `google.api.HttpBody`: any bytes with their type. */
export interface HttpBody {
  readonly contentType: string;
  readonly data: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** A message that holds just this body at the end of a path of fields. */
export function encodeHttpBody(path: readonly DescField[], body: HttpBody): Uint8Array {
  const writer = new BinaryWriter();
  if (body.contentType !== '') writer.tag(1, WireType.LengthDelimited).string(body.contentType);
  if (body.data.length > 0) writer.tag(2, WireType.LengthDelimited).bytes(body.data);
  let bytes = writer.finish();
  for (let i = path.length - 1; i >= 0; i--) {
    const field = path[i] as DescField;
    bytes = new BinaryWriter().tag(field.number, WireType.LengthDelimited).bytes(bytes).finish();
  }
  return bytes;
}

/** The body at the end of a path of fields. Throws an Error when the bytes are no message. */
export function decodeHttpBody(path: readonly DescField[], message: Uint8Array): HttpBody {
  let bytes = message;
  for (const field of path) bytes = lastField(bytes, field.number);
  return {
    contentType: Buffer.from(lastField(bytes, 1)).toString('latin1'),
    data: lastField(bytes, 2),
  };
}

/** The last value of a length-delimited field, empty when it is not there. */
function lastField(bytes: Uint8Array, number: number): Uint8Array {
  const reader = new BinaryReader(bytes);
  let found: Uint8Array = EMPTY;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === number && wireType === WireType.LengthDelimited) found = reader.bytes();
    else reader.skip(wireType, field);
  }
  return found;
}
