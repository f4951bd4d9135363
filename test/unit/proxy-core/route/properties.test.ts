import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideRoute } from '../../../../proxy-core/route/decide.ts';
import { comparedHost, findVirtualHost } from '../../../../proxy-core/route/domain-index.ts';
import { compileFormat } from '../../../../proxy-core/route/formatter/format.ts';
import { compileJsonFormat } from '../../../../proxy-core/route/formatter/json-format.ts';
import { HEADER_FORMAT, LOG_FORMAT } from '../../../../proxy-core/route/formatter/operator.ts';
import { OPERATOR_NAMES } from '../../../../proxy-core/route/formatter/parse.ts';
import { timeFormat } from '../../../../proxy-core/route/formatter/strftime.ts';
import { queryParameter } from '../../../../proxy-core/route/query-matcher.ts';
import { compilePattern } from '../../../../proxy-core/route/regex.ts';
import { rewrittenPath } from '../../../../proxy-core/route/rewrite.ts';
import { parseUriTemplate } from '../../../../proxy-core/route/uri-template.ts';
import { compileTable, head, input, oneHost, recordingNarrator, streamInfo } from './support.ts';

const segment = fc.stringMatching(/^[abAB]{0,2}$/);
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);

const matcher = fc.oneof(
  fc.record({ prefix: path, case_sensitive: fc.boolean() }),
  fc.record({ path, case_sensitive: fc.boolean() }),
  path.filter((p) => /^[^?#]+[^?#/]$/.test(p)).map((p) => ({ path_separated_prefix: p })),
  path.map((p) => ({ safe_regex: { regex: `${p}.?` } })),
  path.map((p) => ({ prefix: p, headers: [{ name: 'x', string_match: { exact: '1' } }] })),
);

describe('the index of a virtual host', () => {
  test('gives the route that a plain scan gives, and the narrating walk too', () => {
    fc.assert(
      fc.property(
        fc.array(matcher, { minLength: 1, maxLength: 40 }),
        fc.array(fc.tuple(path, fc.boolean()), { minLength: 1, maxLength: 10 }),
        (matchers, requests) => {
          const routes = matchers
            .map((match) => `- ${JSON.stringify({ match, route: { cluster: 'a' } })}`)
            .join('\n');
          const { table } = compileTable(oneHost(routes));
          const all = table.virtualHosts[0]?.routes ?? [];
          for (const [target, withHeader] of requests) {
            const request = input(`${target}?q`, withHeader ? ['x', '1'] : []);
            const scanned = all.findIndex((route) => naive(route.match, target, withHeader));
            expect(decideRoute(table, request)?.index ?? -1).toBe(scanned);
            const narration = { virtualHost: recordingNarrator(), route: recordingNarrator() };
            expect(decideRoute(table, request, narration)?.index ?? -1).toBe(scanned);
            expect(narration.route.candidates).toHaveLength(all.length);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

type Match = ReturnType<typeof compileTable>['table']['virtualHosts'][0]['routes'][0]['match'];

/** The rules of the reference, written down without any index. */
function naive(match: Match, target: string, withHeader: boolean): boolean {
  if (match.headers.length > 0 && !withHeader) return false;
  const fold = (text: string): string => (match.caseSensitive ? text : text.toLowerCase());
  const own = fold(match.path);
  switch (match.pathKind) {
    case 'prefix':
      return fold(target).startsWith(own);
    case 'path':
      return fold(target) === own;
    case 'path-separated-prefix':
      return target === own || target.startsWith(`${own}/`);
    default:
      return new RegExp(`^(?:${match.path})$`).test(target);
  }
}

describe('domains', () => {
  const label = fc.stringMatching(/^[ab.]{1,4}$/);
  const domain = fc.oneof(
    label,
    label.map((l) => `*${l}`),
    label.map((l) => `${l}*`),
    fc.constant('*'),
  );
  test('exact, then the longest suffix, then the longest prefix, then the star', () => {
    fc.assert(
      fc.property(fc.uniqueArray(domain, { minLength: 1, maxLength: 8 }), label, (domains, host) => {
        const yaml = `virtual_hosts: ${JSON.stringify(domains.map((d) => ({ name: d, domains: [d] })))}`;
        const { table } = compileTable(yaml);
        const longest = (list: string[]): string | undefined => list.sort((a, b) => b.length - a.length)[0];
        const wanted =
          domains.find((d) => d === host) ??
          longest(
            domains.filter(
              (d) =>
                d.length > 1 && d.startsWith('*') && host.length >= d.length && host.endsWith(d.slice(1)),
            ),
          ) ??
          longest(
            domains.filter(
              (d) =>
                d.length > 1 &&
                !d.startsWith('*') &&
                d.endsWith('*') &&
                host.length >= d.length &&
                host.startsWith(d.slice(0, -1)),
            ),
          ) ??
          domains.find((d) => d === '*');
        expect(findVirtualHost(table.domainIndex, comparedHost(host, false))?.name).toBe(wanted);
      }),
    );
  });
});

describe('rewriting', () => {
  test('keeps the query as it is', () => {
    const query = fc.stringMatching(/^[a-z0-9=&/?%]{0,12}$/);
    fc.assert(
      fc.property(path, query, path, (target, q, value) => {
        const { table } = compileTable(oneHost('- {match: {prefix: /}, route: {cluster: a}}'));
        const match = table.virtualHosts[0]?.routes[0]?.match;
        if (match === undefined) throw new Error('no route');
        const compiled = compilePattern('[ab]+');
        if ('error' in compiled) throw new Error(compiled.error);
        for (const rewrite of [
          { kind: 'prefix', value } as const,
          { kind: 'regex', substitution: { regex: compiled.regex, substitution: value } } as const,
        ]) {
          const after = rewrittenPath(rewrite, match, `${target}?${q}`);
          expect(after.slice(after.indexOf('?'))).toBe(`?${q}`);
        }
      }),
    );
  });
});

describe('nothing throws', () => {
  const info = streamInfo({ requestHead: head('/') });
  const command = fc
    .tuple(fc.constantFrom(...OPERATOR_NAMES), fc.string({ maxLength: 6 }), fc.nat(5))
    .map(([name, args, length]) => (length === 0 ? `%${name}%` : `%${name}(${args}):${length}%`));
  const format = fc
    .array(fc.oneof(fc.string(), command, fc.constantFrom('%', '%%', '(', ')%')), { maxLength: 6 })
    .map((p) => p.join(''));
  test('a format of any text', () => {
    fc.assert(
      fc.property(format, (text) => {
        let errors = 0;
        for (const options of [LOG_FORMAT, HEADER_FORMAT]) {
          const formatter = compileFormat(text, options, () => errors++);
          expect(typeof formatter.format(info)).toBe('string');
        }
        if (!text.includes('%')) expect(errors).toBe(0);
      }),
    );
  });
  test('a JSON format always gives one line of JSON', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.oneof(format, fc.integer(), fc.boolean(), fc.array(format))),
        (value) => {
          const text = compileJsonFormat(value, LOG_FORMAT, () => undefined).format(info);
          expect(text.indexOf('\n')).toBe(text.length - 1);
          expect(Object.keys(JSON.parse(text))).toHaveLength(Object.keys(value).length);
        },
      ),
    );
  });
  test('time formats, patterns, templates, queries', () => {
    fc.assert(
      fc.property(fc.string(), fc.double(), (text, wall) => {
        expect(typeof timeFormat(text, true)(wall)).toBe('string');
        expect(compilePattern(text)).toBeTypeOf('object');
        expect(parseUriTemplate(`/${text}`)).toBeTypeOf('object');
        queryParameter(text, text);
      }),
    );
  });
  test('a query parameter is found as URLSearchParams finds it', () => {
    const name = fc.stringMatching(/^[a-c]{1,2}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.option(name)), { maxLength: 5 }), name, (pairs, wanted) => {
        const query = pairs.map(([n, v]) => (v === null ? n : `${n}=${v}`)).join('&');
        expect(queryParameter(query, wanted) ?? null).toBe(new URLSearchParams(query).get(wanted));
      }),
    );
  });
});
