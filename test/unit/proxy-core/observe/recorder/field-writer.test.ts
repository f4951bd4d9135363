import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldWriter } from '../../../../../proxy-core/observe/recorder/field-writer.ts';
import { StringTable } from '../../../../../proxy-core/observe/recorder/string-table.ts';

const latin1 = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 200,
});

test('fields read back as they were written, however often the writer is used', () => {
  const writer = new FieldWriter();
  fc.assert(
    fc.property(latin1, fc.array(fc.oneof(latin1, fc.integer({ min: -1, max: 70_000 }))), (first, fields) => {
      writer.begin(first);
      for (const field of fields) {
        if (typeof field === 'number') writer.number(field);
        else writer.field(field);
      }
      const text = writer.bytes.toString('latin1', 0, writer.length);
      expect(text.split('\0')).toEqual([first, ...fields.map(String)]);
    }),
  );
});

test('the buffer grows with what is written', () => {
  const writer = new FieldWriter();
  const long = 'x'.repeat(100_000);
  writer.begin('a');
  writer.field(long);
  for (let i = 0; i < 5000; i++) writer.number(7);
  const text = writer.bytes.toString('latin1', 0, writer.length);
  expect(text).toBe(`a\0${long}${'\x007'.repeat(5000)}`);
});

test('a string table gives a text the same number at every place', () => {
  const table = new StringTable(3);
  const seen = ['a', 'b', 'a', '', 'c', 'a', 'b', 'c'].map((text, i) => [
    text,
    table.text(table.idAt(i % 2, text)),
  ]);
  expect(seen).toEqual([
    ['a', 'a'],
    ['b', 'b'],
    ['a', 'a'],
    ['', ''],
    ['c', '…'],
    ['a', 'a'],
    ['b', 'b'],
    ['c', '…'],
  ]);
  expect(table.idAt(0, 'b')).toBe(table.id('b'));
});
