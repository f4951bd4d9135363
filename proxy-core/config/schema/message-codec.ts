import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { AttacheError } from '../../base/errors.ts';
import { messageDescriptor } from './schema.ts';

/**
 * Reads and writes one message of the Envoy API as bytes, for the services that the proxy calls. A message is plain
 * data: field names in camelCase, a oneof as `{ case, value }`, 64-bit integers as bigint, wrappers as their value, a
 * Struct as JSON, maps as objects.
 */
export interface MessageCodec {
  encode(value: object): Uint8Array;
  /** Throws AttacheError `config.malformed-message`. */
  decode(bytes: Uint8Array): DecodedMessage;
}

/** A message as it was read; every field is there, with its default when it was not sent. */
export type DecodedMessage = Readonly<Record<string, unknown>>;

const codecs = new Map<string, MessageCodec>();

/** `typeName`: `envoy.service.auth.v3.CheckRequest`. The schema is read when the codec is used first. */
export function messageCodec(typeName: string): MessageCodec {
  let codec = codecs.get(typeName);
  if (codec === undefined) {
    const descriptor = messageDescriptor(typeName);
    codec = {
      encode: (value) => toBinary(descriptor, create(descriptor, value as Message)),
      decode: (bytes) => {
        try {
          return fromBinary(descriptor, bytes) as unknown as DecodedMessage;
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new AttacheError('config.malformed-message', `The bytes are no ${typeName}: ${reason}`);
        }
      },
    };
    codecs.set(typeName, codec);
  }
  return codec;
}
