import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideRoute } from '../../../../proxy-core/route/decide.ts';
import { absoluteUrl, followRedirect } from '../../../../proxy-core/route/internal-redirect.ts';
import type { ClusterAction, Route } from '../../../../proxy-core/route/types.ts';
import { compileTable, head, input, oneHost, recordingNarrator } from './support.ts';

const PACKAGE = 'type.googleapis.com/envoy.extensions.internal_redirect.';
const ROUTES = `
- { match: { prefix: /plain }, name: plain, route: { cluster: a, internal_redirect_policy: {} } }
- { match: { prefix: /cross }, name: cross, route: { cluster: a, internal_redirect_policy: { allow_cross_scheme_redirect: true } } }
- { match: { prefix: /safe }, name: safe, route: { cluster: a, internal_redirect_policy: { allow_cross_scheme_redirect: true, predicates: [{ name: s, typed_config: { "@type": ${PACKAGE}safe_cross_scheme.v3.SafeCrossSchemeConfig } }] } } }
- { match: { prefix: /listed }, name: listed, route: { cluster: a, internal_redirect_policy: { predicates: [{ name: l, typed_config: { "@type": ${PACKAGE}allow_listed_routes.v3.AllowListedRoutesConfig, allowed_route_names: [plain] } }] } } }
- { match: { prefix: /copy }, name: copy, route: { cluster: a, internal_redirect_policy: { redirect_response_codes: [303], response_headers_to_copy: [x-a, x-b] } } }
`;
const { table, reported } = compileTable(oneHost(ROUTES));

function follow(path: string, location: string, hops = 0, status = 302, headers: string[] = []) {
  const decide = (request: ReturnType<typeof head>) => decideRoute(table, { ...input(path), head: request });
  const request = head(path, ['x-a', 'old', 'content-length', '2'], { method: 'POST' });
  const route = decide(request) as Route;
  const policy = (route.action as ClusterAction).internalRedirect;
  if (policy === null) throw new Error('no policy');
  const narrator = recordingNarrator();
  const trail = { hops, visited: new Map<string, Set<string>>() };
  const response = { status, headers: ['location', location, ...headers] };
  const result = followRedirect(policy, route, request, response, trail, decide, narrator);
  return { result, notes: narrator.notes, trail };
}

test('the policies are compiled without a complaint', () => expect(reported).toEqual([]));

test.each<[string, string, string, number, string | null]>([
  ['one hop', '/plain/a', 'http://shop.test/plain/b', 0, null],
  ['a second hop is too many', '/plain/a', 'http://shop.test/plain/b', 1, 'too_many_redirects'],
  ['a relative location', '/plain/a', '/plain/b', 0, 'bad_location'],
  ['a location without scheme', '/plain/a', '//shop.test/plain/b', 0, 'bad_location'],
  ['another scheme', '/plain/a', 'https://shop.test/plain/b', 0, 'unsafe_scheme'],
  ['another scheme that is allowed', '/cross/a', 'https://shop.test/plain/b', 0, null],
  ['from http to https is not safe', '/safe/a', 'https://shop.test/plain/b', 0, 'predicate'],
  ['a place without a route', '/plain/a', 'http://shop.test/nowhere', 0, 'no_route'],
  ['a route that is listed', '/listed/a', 'http://shop.test/plain/b', 0, null],
  ['a route that is not listed', '/listed/a', 'http://shop.test/cross/b', 0, 'predicate'],
])('%s', (_name, path, location, hops, refusal) => {
  const { result, notes, trail } = follow(path, location, hops);
  expect(result.refusal).toBe(refusal);
  expect(notes).toHaveLength(1);
  expect(trail.hops).toBe(refusal === null ? hops + 1 : hops);
});

test('the next hop carries the copied headers, the original URL and, after 303, no body', () => {
  const { result } = follow('/copy/a?q=1', 'http://other.test:81/plain/b?r=2#part', 0, 303, [
    'x-a',
    'new',
    'x-b',
    'too',
  ]);
  expect(result.head).toMatchObject({ method: 'GET', authority: 'other.test:81', path: '/plain/b?r=2' });
  expect(result.head?.headers).toEqual([
    'x-forwarded-proto',
    'http',
    'x-a',
    'new',
    'x-b',
    'too',
    'x-envoy-original-url',
    'http://shop.test/copy/a?q=1',
  ]);
});

test('any text is an absolute URL or is not, and what is found is part of it', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.webUrl({ withFragments: true, withQueryParameters: true })),
      (text) => {
        const url = absoluteUrl(text);
        if (url === null) return;
        expect(url.path.startsWith('/')).toBe(true);
        expect(url.path).not.toContain('#');
        expect(text.toLowerCase()).toContain(`${url.scheme}://${url.authority.toLowerCase()}`);
      },
    ),
  );
});
