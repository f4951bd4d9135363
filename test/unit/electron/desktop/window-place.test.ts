import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeWindow, type WindowPlace } from '../../../../electron/desktop/window-place.ts';

const screen = { x: 0, y: 0, width: 1920, height: 1080 };
const second = { x: 1920, y: 0, width: 1280, height: 1024 };
const place = (x: number, y: number, width = 1200, height = 800): WindowPlace => ({
  x,
  y,
  width,
  height,
  maximized: false,
});

describe('placeWindow', () => {
  it.each([
    ['no place known: centred', null, [screen], { x: 240, y: 80, width: 1440, height: 920 }],
    [
      'a small screen: as large as it is',
      null,
      [{ ...screen, width: 1280, height: 720 }],
      { x: 0, y: 0, width: 1280, height: 720 },
    ],
    ['a good place: kept', place(100, 50), [screen], place(100, 50)],
    ['on the second screen: kept', place(2000, 20), [screen, second], place(2000, 20)],
    [
      'on a screen that is gone: centred on the first',
      place(2000, 20),
      [screen],
      { x: 360, y: 140, width: 1200, height: 800 },
    ],
    ['title bar above the screen: moved down', place(100, -20), [screen], place(100, 0)],
    ['larger than the screen: as large as it is', place(0, 0, 4000, 3000), [screen], place(0, 0, 1920, 1080)],
    ['too small to use: the least size', place(0, 0, 100, 10), [screen], place(0, 0, 1024, 700)],
  ] as const)('%s', (_name, saved, areas, expected) => {
    expect(placeWindow(saved, areas)).toMatchObject(expected);
  });

  it('always leaves something to grip on a screen', () => {
    const number = fc.integer({ min: -10_000, max: 10_000 });
    const size = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(number, number, size, size, (x, y, width, height) => {
        const placed = placeWindow(place(x, y, width, height), [screen, second]);
        const grips = [screen, second].some(
          (area) =>
            Math.min(placed.x + placed.width, area.x + area.width) - Math.max(placed.x, area.x) >= 80 &&
            placed.y >= area.y &&
            placed.y <= area.y + area.height - 80,
        );
        expect(grips).toBe(true);
      }),
    );
  });
});
