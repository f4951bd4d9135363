import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCall } from '../../../../electron/ipc/payloads.ts';

describe('checkCall', () => {
  it.each([
    ['app.resync', undefined],
    ['app.visibility', { visible: true }],
    ['config.apply', { text: 'a: b', save: false }],
    ['config.open', { file: '/tmp/x.yaml' }],
    ['records.rows', { from: 0, limit: 500 }],
    ['records.body', { seq: 1, side: 'response', offset: 0, length: 65_536 }],
    ['explain', { method: 'GET', url: 'http://a/', headers: [['x', 'y']] }],
    ['explain', { method: 'GET', url: 'http://a/', headers: [], random: 3 }],
    ['demo.host', { address: '127.0.0.1:17001', mode: 'reset' }],
    ['hosts.history', { cluster: 'shop', address: '127.0.0.1:17001' }],
    ['hosts.eject', { cluster: 'shop', address: '127.0.0.1:17001' }],
    ['hosts.uneject', { cluster: 'shop', address: '[::1]:17001' }],
  ])('takes %s %j', (name, args) => {
    expect(checkCall(name, args)).toEqual({ call: { name, args } });
  });

  it.each([
    ['config.apply', { text: 'a', save: 'yes' }, 'save'],
    ['config.apply', { text: 7, save: true }, 'text'],
    ['config.apply', null, 'argument'],
    ['config.apply', ['a', true], 'argument'],
    ['config.open', {}, 'file'],
    ['records.rows', { from: -1, limit: 5 }, 'from'],
    ['records.rows', { from: 0, limit: 1e9 }, 'limit'],
    ['records.rows', { from: 0.5, limit: 1 }, 'from'],
    ['records.body', { seq: 1, side: 'both', offset: 0, length: 1 }, 'side'],
    ['records.body', { seq: 1, side: 'request', offset: 0, length: 1e9 }, 'length'],
    ['explain', { method: 'GET', url: '/', headers: [['x']] }, 'headers'],
    ['explain', { method: 'GET', url: '/', headers: [], random: Number.NaN }, 'random'],
    ['demo.host', { address: '127.0.0.1:1', mode: 'broken' }, 'mode'],
    ['demo.rate', { rate: Number.POSITIVE_INFINITY }, 'rate'],
    ['hosts.eject', { cluster: 'shop' }, 'address'],
    ['hosts.history', { cluster: 7, address: 'a' }, 'cluster'],
  ])('refuses %s %j because of %s', (name, args, field) => {
    const error = { code: 'ipc.bad-arguments', message: `${name} was called with a wrong ${field}.` };
    expect(checkCall(name, args)).toEqual({ error });
  });

  it.each(['app.quit', '__proto__', 'toString', '', 7, null, undefined, {}])('knows no call %j', (name) => {
    expect(checkCall(name, {})).toMatchObject({ error: { code: 'ipc.bad-call' } });
  });

  it('hands on only the fields of the contract', () => {
    const args = { file: 'x', extra: 1, __proto__: { save: true } };
    expect(checkCall('config.open', args)).toEqual({ call: { name: 'config.open', args: { file: 'x' } } });
  });

  it('does not take inherited fields for arguments', () => {
    expect(checkCall('config.open', Object.create({ file: 'x' }))).toMatchObject({
      error: { code: 'ipc.bad-arguments' },
    });
  });

  it('never throws, whatever arrives', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constant('config.apply'), fc.anything()),
        fc.anything(),
        (name, args) => {
          const result = checkCall(name, args);
          expect('call' in result || 'error' in result).toBe(true);
        },
      ),
    );
  });
});
