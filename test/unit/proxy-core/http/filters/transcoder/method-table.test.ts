import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildMethodTable,
  lookUp,
  type MethodTable,
  readDescriptorSet,
} from '../../../../../../proxy-core/http/filters/transcoder/method-table.ts';

const BYTES = readFileSync(join(import.meta.dirname, 'shop.binpb'));

function table(autoMapping = false): MethodTable {
  const registry = readDescriptorSet(BYTES);
  if (registry === null) throw new Error('no descriptor');
  const built = buildMethodTable(registry, ['shop.v1.Shop'], autoMapping);
  if (typeof built === 'string') throw new Error(built);
  return built;
}

describe('methods by HTTP', () => {
  test.each([
    ['GET', '/v1/items/7', 'GetItem'],
    ['GET', '/v1/items/7:peek', 'GetItem'],
    ['GET', '/v1/items/7:other', 'GetItem'],
    ['GET', '/v1/items/7/picture', 'Picture'],
    ['POST', '/v1/items/7/picture', 'Upload'],
    ['PATCH', '/v1/items/7', 'UpdateItem'],
    ['GET', '/v1/shelves/1/items/2/3', 'GetItem'],
    ['GET', '/v1/watch', 'WatchItems'],
    ['PUT', '/v1/items/7', null],
    ['GET', '/v1/items', null],
    ['POST', '/shop.v1.Shop/Auto', null],
  ])('%s %s: %s', (method, path, expected) => {
    expect(lookUp(table(), method, path, false)?.binding.method.name ?? null).toBe(expected);
  });

  test('methods without a rule are mapped when asked to', () => {
    expect(lookUp(table(true), 'POST', '/shop.v1.Shop/Auto', false)?.binding.method.name).toBe('Auto');
  });

  test('a service that is not there', () => {
    const registry = readDescriptorSet(BYTES);
    expect(registry === null ? '' : buildMethodTable(registry, ['shop.v1.None'], false)).toContain(
      "Could not find 'shop.v1.None'",
    );
  });

  test('bytes that were damaged give a table, a text, or an Error', () => {
    fc.assert(
      fc.property(fc.nat(BYTES.length - 1), fc.nat(255), fc.nat(BYTES.length), (at, byte, length) => {
        const damaged = Uint8Array.from(BYTES);
        damaged[at] = byte;
        const registry = readDescriptorSet(damaged.subarray(0, length));
        if (registry === null) return;
        try {
          buildMethodTable(registry, ['shop.v1.Shop'], true);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
