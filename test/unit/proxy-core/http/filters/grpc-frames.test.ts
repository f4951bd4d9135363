import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  GrpcFrameCounter,
  GrpcFrameReader,
  grpcFrame,
} from '../../../../../proxy-core/http/filters/grpc-frames.ts';

/** Bytes in pieces of these lengths, the rest at once. */
function pieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const length of [...lengths, bytes.length]) {
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return parts;
}

describe('gRPC frames', () => {
  test('a frame is a flag, a length and the message', () => {
    expect([...grpcFrame(Uint8Array.of(7, 8))]).toEqual([0, 0, 0, 0, 2, 7, 8]);
  });

  test('however they are cut, the same messages come out and are counted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 12 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages.map(grpcFrame));
          const reader = new GrpcFrameReader();
          const counter = new GrpcFrameCounter();
          const found: Uint8Array[] = [];
          for (const piece of pieces(bytes, cuts)) {
            found.push(...(reader.read(piece, 0, piece.length, 0) ?? []));
            counter.inspect(piece, 0, piece.length);
          }
          expect(found.map((each) => [...each])).toEqual(messages.map((each) => [...each]));
          expect(counter.count).toBe(messages.length);
          expect(reader.incomplete).toBe(0);
        },
      ),
    );
  });

  test.each([
    ['compressed', Uint8Array.of(1, 0, 0, 0, 0)],
    ['longer than the limit', Uint8Array.of(0, 0, 0, 0, 11)],
  ])('a frame that is %s is refused', (_what, bytes) => {
    expect(new GrpcFrameReader().read(bytes, 0, bytes.length, 10)).toBeNull();
  });
});
