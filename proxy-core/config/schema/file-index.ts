/**
 * Where each file and each message of a serialised FileDescriptorSet is, found without decoding it: most of the
 * Envoy API is never needed in one process, and decoding all of it takes longer than everything else at start.
 * Field numbers are those of google/protobuf/descriptor.proto.
 */
export interface IndexedFile {
  readonly name: string;
  /** The FileDescriptorProto. */
  readonly bytes: Uint8Array;
  readonly dependencies: readonly string[];
}

export interface FileIndex {
  readonly files: ReadonlyMap<string, IndexedFile>;
  /** Name of the file that defines a message, by the message's full name. */
  readonly messages: ReadonlyMap<string, string>;
}

const SET_FILE = 1;
const FILE_NAME = 1;
const FILE_PACKAGE = 2;
const FILE_DEPENDENCY = 3;
const FILE_MESSAGE = 4;
const MESSAGE_NAME = 1;
const MESSAGE_NESTED = 3;
const MESSAGE_OPTIONS = 7;
/** Tag of `map_entry`, the one option of the messages that map fields are made of: they have no name of their own. */
const MAP_ENTRY = 0x38;

export function indexFiles(set: Uint8Array): FileIndex {
  const files = new Map<string, IndexedFile>();
  const messages = new Map<string, string>();
  for (const { number, bytes } of lengthDelimited(set)) {
    if (number !== SET_FILE) continue;
    let name = '';
    let scope = '';
    const dependencies: string[] = [];
    const defined: Uint8Array[] = [];
    for (const field of lengthDelimited(bytes)) {
      if (field.number === FILE_NAME) name = text(field.bytes);
      else if (field.number === FILE_PACKAGE) scope = text(field.bytes);
      else if (field.number === FILE_DEPENDENCY) dependencies.push(text(field.bytes));
      else if (field.number === FILE_MESSAGE) defined.push(field.bytes);
    }
    files.set(name, { name, bytes, dependencies });
    for (const message of defined) indexMessage(message, scope, name, messages);
  }
  return { files, messages };
}

function indexMessage(bytes: Uint8Array, scope: string, file: string, messages: Map<string, string>): void {
  let name = '';
  const nested: Uint8Array[] = [];
  for (const field of lengthDelimited(bytes)) {
    if (field.number === MESSAGE_NAME) name = text(field.bytes);
    else if (field.number === MESSAGE_NESTED) nested.push(field.bytes);
    else if (field.number === MESSAGE_OPTIONS && field.bytes[0] === MAP_ENTRY) return;
  }
  const full = scope === '' ? name : `${scope}.${name}`;
  messages.set(full, file);
  for (const inner of nested) indexMessage(inner, full, file, messages);
}

/** The length-delimited fields of one message; varints and fixed fields are stepped over. */
function* lengthDelimited(bytes: Uint8Array): Generator<{ number: number; bytes: Uint8Array }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let shift = 1;
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
      shift *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        yield { number: tag >>> 3, bytes: bytes.subarray(at, at + length) };
        at += length;
        break;
      }
      default:
        at += 4;
    }
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
