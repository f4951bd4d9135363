import { afterEach, describe, expect, test } from 'vitest';
import { createProxyCore, type ProxyCore } from '../../proxy-core/index.ts';
import {
  answer,
  applied,
  bootstrap,
  boundPort,
  cluster,
  eventually,
  get,
  type Origin,
  startOrigin,
} from './support.ts';

const cleanups: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newCore(): ProxyCore {
  const core = createProxyCore({});
  cleanups.push(() => core.close({ drain: 0 }));
  return core;
}

async function newOrigin(handler = answer(200)): Promise<Origin> {
  const origin = await startOrigin(handler);
  cleanups.push(() => origin.close());
  return origin;
}

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http';
const withFilter = (text: string, filter: string): string =>
  text.replace('          http_filters:\n', `          http_filters:\n          - ${filter}\n`);
const AUTHZ = `{ name: authz, typed_config: { "@type": ${TYPE}.ext_authz.v3.ExtAuthz, http_service: { server_uri: { uri: "http://auth", cluster: auth, timeout: 1s } } } }`;

const lastSeq = (core: ProxyCore): number => {
  const { firstSeq, records } = core.recorderState();
  return firstSeq + records - 1;
};

/** All that a decision says, as one text. */
function told(core: ProxyCore, seq: number): string {
  const decision = core.explainRecord(seq);
  return (decision?.steps ?? []).flatMap((step) => step.notes.map(({ text }) => text)).join('\n');
}

describe('a service that a filter asks', () => {
  test('when it is dead: the failure mode, one event, and the record says what was asked', async () => {
    const service = await newOrigin();
    const auth = await newOrigin();
    const core = newCore();
    const yaml = withFilter(
      bootstrap({ clusters: cluster('service', [service.address]) + cluster('auth', [auth.address]) }),
      AUTHZ,
    );
    await applied(core, yaml);
    const port = boundPort(core);
    expect((await get(port, '/')).status).toBe(200);
    expect(told(core, lastSeq(core))).toContain('`authz` asked cluster auth: allowed');

    await auth.close();
    for (let i = 0; i < 3; i++) expect((await get(port, '/')).status).toBe(403);
    const failed = core.events().filter((event) => event.kind === 'service-failed');
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ cluster: 'auth', tone: 'err', version: 1 });
    const seq = lastSeq(core);
    expect(told(core, seq)).toMatch(
      /`authz` asked cluster auth: no answer \(.*Connection refused\), after \d+ ms/,
    );
    expect(core.explainRecord(seq)?.outcome.localReply).toEqual({
      status: 403,
      flags: 'UAEX',
      details: 'ext_authz_error',
    });
    expect(service.hits).toBe(1);
  });

  test('an imagined request says what would be asked', async () => {
    const core = newCore();
    const clusters = cluster('service', ['127.0.0.1:1']) + cluster('auth', ['127.0.0.1:1']);
    await applied(core, withFilter(bootstrap({ clusters }), AUTHZ));
    const decision = core.explain({
      method: 'GET',
      url: `http://shop.test:${boundPort(core)}/a?b`,
      headers: [],
    });
    const notes = decision.steps.flatMap((step) => step.notes.map(({ text }) => text));
    expect(notes).toContain(
      '`authz` asks cluster auth with `GET /a?b` and no request headers; without an answer in 1000 ms it answers 403',
    );
  });

  test('a new configuration while it is being asked leaves nothing hanging', async () => {
    let release = (): void => {};
    const auth = await newOrigin((_request, response) => {
      release = () => response.writeHead(200, { 'content-length': '0' }).end();
    });
    const service = await newOrigin();
    const core = newCore();
    const clusters = cluster('service', [service.address]) + cluster('auth', [auth.address]);
    const yaml = withFilter(bootstrap({ clusters }), AUTHZ.replace('timeout: 1s', 'timeout: 20s'));
    await applied(core, yaml);
    const pending = get(boundPort(core), '/');
    await eventually('the service is asked', () => auth.hits === 1);
    await applied(core, bootstrap({ clusters }));
    release();
    expect((await pending).status).toBe(200);
  });

  test('keys with async_fetch are there before the first request, and refreshed by the running configuration only', async () => {
    const keys = await newOrigin(answer(200, JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })));
    const core = newCore();
    const clusters = cluster('service', ['127.0.0.1:1']) + cluster('keys', [keys.address]);
    const jwt = (uri: string): string =>
      `{ name: jwt, typed_config: { "@type": ${TYPE}.jwt_authn.v3.JwtAuthentication, providers: { p: { remote_jwks: { http_uri: { uri: "${uri}", cluster: keys, timeout: 2s }, async_fetch: {} } } } } }`;
    await applied(core, withFilter(bootstrap({ clusters }), jwt('http://keys/one')));
    await eventually('the keys are fetched', () => keys.hits === 1);
    await applied(core, withFilter(bootstrap({ clusters }), jwt('http://keys/two')));
    await eventually('the new keys are fetched', () => keys.hits === 2);
  });
});
