import { describe, expect, test } from 'vitest';
import { envoySchema } from '../../../../proxy-core/config/schema/schema.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';

describe('the generated schema', () => {
  test('holds the v3 API and nothing of v2', () => {
    const names = envoySchema().messageNames();
    expect(names.length).toBeGreaterThan(1000);
    expect(names.filter((name) => /\.v2(alpha\d*)?\./.test(name))).toEqual([]);
  });

  test('every message can be read, from whatever file it is', () => {
    const schema = envoySchema();
    for (const name of schema.messageNames()) expect(schema.message(name)?.typeName).toBe(name);
  });

  test('fields by both names, with their rules', () => {
    const cluster = envoySchema().message(CLUSTER);
    expect(cluster?.byKey.get('connectTimeout')).toBe(cluster?.byKey.get('connect_timeout'));
    expect(cluster?.byKey.get('connect_timeout')?.rules?.kind).toEqual({
      case: 'duration',
      rules: { gt: 0 },
    });
    expect(cluster?.byKey.get('lb_policy')?.type).toMatchObject({ kind: 'enum' });
    expect(cluster?.byKey.get('http2_protocol_options')?.deprecated).toBe(true);
    expect(cluster?.byKey.get('type')?.oneof).toBe('cluster_discovery_type');
  });

  test('rules of the newer kind are there', () => {
    const rules = envoySchema()
      .message('envoy.config.route.v3.RedirectAction')
      ?.byKey.get('host_redirect')?.rules;
    expect(rules?.kind).toEqual({ case: 'string', rules: { wellKnownRegex: 2, strict: false } });
    const paths = envoySchema().message('envoy.extensions.filters.http.jwt_authn.v3.JwtProvider');
    expect(paths?.oneofs.map((oneof) => [oneof.name, oneof.required])).toContainEqual([
      'jwks_source_specifier',
      true,
    ]);
  });

  test('types whose imports the package lacks are there as well', () => {
    const name = 'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig';
    expect(envoySchema().message(name)?.byKey.has('resource_attributes')).toBe(true);
  });

  test('v2 names lead to their v3 types', () => {
    expect(envoySchema().successor('envoy.api.v2.Cluster')).toBe(CLUSTER);
    expect(envoySchema().successor('envoy.api.v2.Nothing')).toBeUndefined();
  });
});
