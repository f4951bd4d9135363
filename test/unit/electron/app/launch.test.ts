import { describe, expect, it } from 'vitest';
import {
  decodeLaunch,
  encodeLaunch,
  NO_FILE,
  stopDrain,
  USUAL_FLAGS,
} from '../../../../electron/app/launch.ts';

describe('a launch', () => {
  it('travels to the desktop app in one argument', () => {
    const launch = {
      source: { ...NO_FILE, file: '/tmp/a b.yaml', clusters: new Map([['x', ['h:1']]]) },
      core: { ...USUAL_FLAGS, watch: false, drainTime: 100 },
    };
    expect(decodeLaunch(['/app', '--inspect', encodeLaunch(launch), '--x'])).toEqual(launch);
  });

  it.each([
    [['/app', '/tmp/shop.yaml'], '/tmp/shop.yaml'],
    [['/app', '--flag=x.yaml'], null],
    [['/app'], null],
    [['a.json', 'b.YML'], 'b.YML'],
  ])('of %j is the file %s', (argv, file) => {
    expect(decodeLaunch(argv)).toEqual({ source: { ...NO_FILE, file }, core: USUAL_FLAGS });
  });

  it.each([
    [null, 5_000],
    [100, 100],
    [600_000, 5_000],
  ])('with a drain time of %s waits %i ms at the end', (drainTime, expected) => {
    expect(stopDrain({ ...USUAL_FLAGS, drainTime })).toBe(expected);
  });
});
