import { describe, expect, it } from 'vitest';
import { type AppSession, answerCall } from '../../../../electron/ipc/session.ts';
import { AttacheError } from '../../../../proxy-core/base/errors.ts';

const answering = (call: () => Promise<unknown>) => ({ call, close() {} }) as unknown as AppSession;

describe('answerCall', () => {
  it('answers with the result', async () => {
    const session = answering(async () => ({ total: 3 }));
    expect(await answerCall(session, 'state.get', undefined)).toEqual({ result: { total: 3 } });
  });

  it.each([
    [new AttacheError('demo.not-running', 'It does not run.'), 'demo.not-running', 'It does not run.'],
    [Object.assign(new Error('no entry'), { code: 'EACCES' }), 'EACCES', 'no entry'],
    [new TypeError('x is undefined'), 'internal', 'x is undefined'],
    ['only text', 'internal', 'only text'],
  ])('turns %s into an error with a code', async (thrown, code, message) => {
    const session = answering(() => Promise.reject(thrown));
    expect(await answerCall(session, 'state.get', undefined)).toEqual({ error: { code, message } });
  });

  it('does not reach the app with arguments that are wrong', async () => {
    let called = 0;
    const session = answering(async () => called++);
    expect(await answerCall(session, 'config.open', { file: 1 })).toMatchObject({
      error: { code: 'ipc.bad-arguments' },
    });
    expect(called).toBe(0);
  });
});
