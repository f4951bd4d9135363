import { describe, expect, test } from 'vitest';
import { CHORD_TIME, createShellKeys, type KeyPress } from '../../../../renderer/state/keyboard.ts';

function press(key: string, more: Partial<KeyPress> = {}): KeyPress {
  return { key, ctrl: false, shift: false, alt: false, typing: false, at: 0, ...more };
}

describe('keys of the window', () => {
  test.each([
    [press('k', { ctrl: true }), { kind: 'palette' }],
    [press('K', { ctrl: true, typing: true }), { kind: 'palette' }],
    [press('L', { ctrl: true, shift: true }), { kind: 'theme' }],
    [press('l', { ctrl: true }), null],
    [press('o', { ctrl: true }), { kind: 'open-file' }],
    [press('?', { shift: true }), { kind: 'shortcuts' }],
    [press('?', { shift: true, typing: true }), null],
    [press('Escape', { typing: true }), { kind: 'close' }],
    [press('F6'), { kind: 'next-pane', back: false }],
    [press('F6', { shift: true }), { kind: 'next-pane', back: true }],
    [press('t'), null],
  ])('%o', (key, command) => expect(createShellKeys()(key)).toEqual(command));

  test.each([
    ['o', 'overview'],
    ['t', 'traffic'],
    ['r', 'routes'],
    ['c', 'clusters'],
    ['e', 'config'],
    ['T', 'traffic'],
  ])('G then %s goes to %s', (letter, screen) => {
    const match = createShellKeys();
    expect(match(press('g', { at: 10 }))).toBeNull();
    expect(match(press(letter, { at: 300 }))).toEqual({ kind: 'go', screen });
  });

  test('the letter after G must come in time, once, and not while typing', () => {
    const match = createShellKeys();
    match(press('g', { at: 0 }));
    expect(match(press('t', { at: CHORD_TIME + 1 }))).toBeNull();
    match(press('g', { at: 5000 }));
    expect(match(press('x', { at: 5001 }))).toBeNull();
    expect(match(press('t', { at: 5002 }))).toBeNull();
    match(press('g', { at: 9000, typing: true }));
    expect(match(press('t', { at: 9001 }))).toBeNull();
  });
});
