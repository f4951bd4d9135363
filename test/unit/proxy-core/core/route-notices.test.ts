import { afterEach, describe, expect, test } from 'vitest';
import { applied, bootstrap, boundPort, get, source } from '../../../integration/support.ts';
import { CoreRig } from './rig.ts';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const TEXT = bootstrap({
  routes: `              - { match: { prefix: /used }, direct_response: { status: 200 } }
              - { match: { prefix: /unused }, direct_response: { status: 200 } }`,
}).replace(/ {2}clusters:\n$/, '');

describe('notices about routes', () => {
  test('tell which routes had no request, once their virtual host had some', async () => {
    const rig = new CoreRig();
    cleanups.push(() => rig.close());
    const { core } = rig;
    const never = () =>
      core
        .validate(source(TEXT), { lint: true })
        .diagnostics.filter(({ code }) => code === 'route.never-hit')
        .map(({ message }) => message);
    expect(never()).toEqual([]);
    await applied(core, TEXT);
    expect(never()).toEqual([]);
    await get(boundPort(core), '/used');
    expect(never()).toEqual([
      expect.stringMatching(
        /^No request has taken this route \(prefix \/unused\) so far, of 1 request to virtual host \S+\.$/,
      ),
    ]);
    expect(core.validate(source(TEXT)).diagnostics.filter(({ code }) => code === 'route.never-hit')).toEqual(
      [],
    );
  });
});
