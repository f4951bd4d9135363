import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareTemplates,
  matchesTemplate,
  type PathTemplate,
  parseTemplate,
  pathBindings,
  type UnescapeSpec,
  unescapeValue,
} from '../../../../../../proxy-core/http/filters/transcoder/path-template.ts';

const parse = (text: string): PathTemplate => {
  const template = parseTemplate(text);
  if (template === null) throw new Error(`no template: ${text}`);
  return template;
};
const bind = (text: string, path: string, spec: UnescapeSpec = 'ALL_CHARACTERS_EXCEPT_RESERVED') => {
  const parts = path.slice(1).split('/');
  if (!matchesTemplate(parse(text), parts)) return null;
  return Object.fromEntries(
    pathBindings(parse(text), parts, spec).map(({ fieldPath, value }) => [fieldPath.join('.'), value]),
  );
};

describe('path templates', () => {
  test.each([
    ['/v1/items', '/v1/items', {}],
    ['/v1/items', '/v1/items/', null],
    ['/v1/{id}', '/v1/7', { id: '7' }],
    ['/v1/{id}', '/v1/', null],
    ['/v1/{id}', '/v1/a%2Fb', { id: 'a/b' }],
    ['/v1/{a.b=x/*}/y', '/v1/x/1/y', { 'a.b': 'x/1' }],
    ['/v1/{a=x/*}/y', '/v1/z/1/y', null],
    ['/v1/{rest=**}', '/v1/a/b%2Fc%20d', { rest: 'a/b%2Fc d' }],
    ['/v1/{rest=**}', '/v1', { rest: '' }],
    ['/v1/*/{id}', '/v1/any/2', { id: '2' }],
  ])('%s against %s: %o', (template, path, expected) => {
    expect(bind(template, path)).toEqual(expected);
  });

  test.each(['', 'v1', '/', '/{', '/{a', '/{1a}', '/{a=}', '/**/x', '/a:', '/a{b}c', '/{a={b}}'])(
    '%s is none',
    (text) => {
      expect(parseTemplate(text)).toBeNull();
    },
  );

  test('the verb stands after the last segment', () => {
    expect(parse('/v1/{id}:peek').verb).toBe('peek');
  });

  test('literals go before *, * before **', () => {
    const order = ['/a/b', '/a/*', '/a/{x=**}', '/*/b', '/**'].map(parse);
    for (let i = 1; i < order.length; i++) {
      expect(compareTemplates(order[i - 1] as PathTemplate, order[i] as PathTemplate)).toBeLessThan(0);
    }
  });

  test('escapes', () => {
    expect(unescapeValue('%41%2F%C3%A9%zz%', 'ALL_CHARACTERS_EXCEPT_RESERVED')).toBe('A%2Fé%zz%');
    expect(unescapeValue('%2F%3A', 'ALL_CHARACTERS_EXCEPT_SLASH')).toBe('%2F:');
    expect(unescapeValue('%2F', 'ALL_CHARACTERS')).toBe('/');
  });

  test('any text is a template or is refused, and a value comes back as it was', () => {
    fc.assert(fc.property(fc.stringMatching(/^[/{}=*:a-c.]{0,20}$/), (text) => void parseTemplate(text)));
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (value) => {
        // Lone surrogates have no UTF-8.
        fc.pre(!/[\ud800-\udfff]/u.test(value));
        expect(bind('/v1/{id}', `/v1/${encodeURIComponent(value)}`)).toEqual({ id: value });
      }),
    );
  });
});
