import { expect, test } from 'vitest';
import {
  LOWER_CASE,
  PROPER_CASE,
  properCase,
  ReceivedKeys,
} from '../../../../../proxy-core/http/codec/http1-header-keys.ts';
import { ServerRig } from './http1-rig.ts';

test.each([
  ['content-length', 'Content-Length'],
  ['etag', 'Etag'],
  ['x-1a-b', 'X-1a-B'],
  ['a_b', 'A_B'],
])('proper_case_words spells %s as %s', (name, spelt) => {
  expect(properCase(name)).toBe(spelt);
});

test('preserve_case remembers the first spelling; what was not received follows the other rule', () => {
  const keys = new ReceivedKeys(PROPER_CASE.keys);
  keys.note('x-a', 'X-a');
  keys.note('x-a', 'x-A');
  expect([keys.spell('x-a'), keys.spell('x-b')]).toEqual(['X-a', 'X-B']);
  expect(new ReceivedKeys(LOWER_CASE.keys).spell('x-b')).toBe('x-b');
});

test('a request head brings its spelling along, and an answer with spelling and phrase of its own uses them', () => {
  const rig = new ServerRig(
    { headerKeyFormat: { keys: null, preserve: { others: null, forwardReasonPhrase: false } } },
    (stream, head) => {
      expect(head.headers).toEqual(['x-one', '1']);
      expect(['host', 'x-one', 'x-two'].map((name) => head.keys?.spell(name))).toEqual([
        'HOST',
        'X-oNe',
        'x-two',
      ]);
      const keys = new ReceivedKeys(PROPER_CASE.keys);
      keys.note('x-up', 'X-UP');
      keys.reasonPhrase = 'Fine';
      stream.sendHead({ status: 200, headers: ['x-up', '1', 'date', 'now'], keys }, true);
    },
  );
  rig.receive('GET / HTTP/1.1\r\nHOST: a\r\nX-oNe: 1\r\n\r\n');
  expect(rig.sink.text).toBe('HTTP/1.1 200 Fine\r\nX-UP: 1\r\nDate: now\r\nContent-Length: 0\r\n\r\n');
});
