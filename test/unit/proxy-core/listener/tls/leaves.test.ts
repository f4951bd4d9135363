import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DevelopmentCa } from '../../../../../electron/app/development-ca/development-ca.ts';
import { LeafCertificates } from '../../../../../proxy-core/listener/tls/leaves.ts';

let home = '';
let ca: DevelopmentCa;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'leaves-'));
  ca = await DevelopmentCa.open(home);
});
afterAll(() => rm(home, { recursive: true, force: true }));

test.each([
  ['api.test', 'DNS:api.test'],
  ['', 'DNS:localhost'],
])('a certificate for “%s”', (name, names) => {
  const leaves = new LeafCertificates((wanted) => ca.leafFor(wanted));
  expect(leaves.certificateFor(name)?.leaf.subjectAltName).toBe(names);
});

test('the same object as long as the certificate is the same', () => {
  let made = ca.leafFor('a.test');
  const leaves = new LeafCertificates(() => made);
  const first = leaves.certificateFor('a.test');
  expect(leaves.certificateFor('a.test')).toBe(first);
  made = ca.leafFor('b.test');
  expect(leaves.certificateFor('a.test')?.leaf.subjectAltName).toBe('DNS:b.test');
});

test('none for what is no name', () => {
  const leaves = new LeafCertificates((wanted) => ca.leafFor(wanted));
  expect(leaves.certificateFor('a b')).toBeUndefined();
});
