/**
 * A made-up ten minutes of a shop behind the proxy, the same at every run: what the scripted client tells the window
 * in tests and in the gallery. Never part of the application.
 */
import type { ConfigState, DemoState, Resync } from '../../../../electron/ipc/contract.ts';
import type {
  ClusterState,
  CoreEvent,
  CoreState,
  HostState,
  MetricsTick,
  RecordRow,
  RouteState,
  SourceRange,
} from '../../../../proxy-core/index.ts';

export const FILE = '/home/dev/shop/edge/shop-edge.yaml';

export function line(number: number): SourceRange {
  return { file: FILE, line: number, column: 1, endLine: number, endColumn: 2 };
}

export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface ClusterPlan {
  readonly name: string;
  readonly policy: string;
  readonly hosts: readonly string[];
  readonly rate: number;
  readonly errors: number;
  readonly p50: number;
  readonly p99: number;
  readonly line: number;
}

const CLUSTERS: readonly ClusterPlan[] = [
  plan('inventory_service', 'LEAST_REQUEST', [7001, 7002, 7003], 22, 0.004, 9.4, 86, 178),
  plan('payment_service', 'ROUND_ROBIN', [7101, 7102], 7.8, 0.096, 38, 503, 205),
  plan('payment_canary', 'ROUND_ROBIN', [7111], 0.9, 0.093, 40, 502, 222),
  plan('catalog_service', 'LEAST_REQUEST', [7201, 7202], 10, 0.002, 18, 64, 231),
  plan('user_service', 'ROUND_ROBIN', [7301, 7302, 7303], 7.2, 0.003, 24, 124, 246),
];

function plan(
  name: string,
  policy: string,
  ports: readonly number[],
  rate: number,
  errors: number,
  p50: number,
  p99: number,
  at: number,
): ClusterPlan {
  return { name, policy, hosts: ports.map((p) => `127.0.0.1:${p}`), rate, errors, p50, p99, line: at };
}

const EJECTED = '127.0.0.1:7003';
const DRAINING = '127.0.0.1:7303';

function host(cluster: ClusterPlan, address: string, now: number): HostState {
  const ejected = address === EJECTED;
  const total = Math.round((cluster.rate * 800) / cluster.hosts.length);
  return {
    address,
    hostname: '',
    weight: 1,
    priority: 0,
    locality: cluster.name === 'inventory_service' ? 'local/dev-a' : '',
    health: ejected ? 'ejected' : address === DRAINING ? 'draining' : 'healthy',
    healthFlags: ejected ? '/failed_outlier_check' : 'healthy',
    healthReason: ejected ? 'ejected by outlier detection' : '',
    ejectedManually: false,
    check: null,
    consecutive5xx: address === '127.0.0.1:7002' ? 1 : 0,
    consecutiveGatewayFailure: 0,
    ejections: ejected ? 2 : 0,
    ejectedUntil: ejected ? now + 41_000 : 0,
    activeRequests: ejected ? 0 : 1,
    activeConnections: ejected ? 0 : 5,
    totalRequests: total,
    successRequests: Math.round(total * (1 - cluster.errors)),
    errorRequests: Math.round(total * cluster.errors),
  };
}

function cluster(planned: ClusterPlan, now: number): ClusterState {
  const outlier = planned.name === 'inventory_service' || planned.name === 'user_service';
  const small = planned.name === 'inventory_service';
  return {
    name: planned.name,
    type: planned.name === 'user_service' ? 'STRICT_DNS' : 'STATIC',
    lbPolicy: planned.policy,
    source: line(planned.line),
    given: false,
    hosts: planned.hosts.map((address) => host(planned, address, now)),
    panic: false,
    outlier: outlier
      ? {
          consecutive5xx: 5,
          consecutiveGatewayFailure: 5,
          baseEjectionTime: 30_000,
          maxEjectionTime: 300_000,
          interval: 10_000,
          maxEjectionPercent: small ? 50 : 10,
          ejected: small ? 1 : 0,
          neverEjects: small
            ? ''
            : 'max_ejection_percent is 10 %: of 3 hosts that is less than one, so no host is ever ejected. 34 % or more lets one go.',
        }
      : null,
    healthCheck: null,
    circuitBreakers: [
      {
        priority: 'default',
        connections: { value: small ? 11 : 3, limit: small ? 64 : 1024 },
        pendingRequests: { value: 0, limit: small ? 32 : 1024 },
        requests: { value: small ? 84 : 2, limit: small ? 128 : 1024 },
        retries: { value: small ? 2 : 0, limit: 3 },
      },
    ],
  };
}

type RoutePlan = readonly [
  name: string,
  match: string,
  action: string,
  clusters: readonly string[],
  rate: number,
];

const SHOP: readonly RoutePlan[] = [
  ['healthz', 'path /healthz', 'direct 200', [], 2],
  [
    'inventory_reserve',
    'regex /inventory/[A-Z0-9-]+/reserve',
    '→ inventory_service',
    ['inventory_service'],
    5.1,
  ],
  ['inventory', 'prefix /inventory/', '→ inventory_service', ['inventory_service'], 17],
  ['payment_beta', 'prefix /payment/ x-canary=1', '→ payment_canary', ['payment_canary'], 0],
  [
    'payment',
    'prefix /payment/',
    '→ payment_service 90, payment_canary 10',
    ['payment_service', 'payment_canary'],
    8.7,
  ],
  ['catalog_grpc', 'prefix /shop.catalog.v1.Catalog/', '→ catalog_service', ['catalog_service'], 10],
  ['users', 'separated prefix /users', '→ user_service', ['user_service'], 6.1],
  ['inventory_export', 'path /inventory/export', '→ inventory_service', ['inventory_service'], 0],
  ['legacy_redirect', 'prefix /v1/', 'redirect 301', [], 0.8],
];
const FALLBACK: readonly RoutePlan[] = [['not_found', 'prefix /', 'direct 404', [], 0.2]];
const ADMIN: readonly RoutePlan[] = [
  ['admin_users', 'prefix /users', '→ user_service', ['user_service'], 1.1],
  ['admin_root', 'prefix /', 'direct 403', [], 0],
];

function routes(prefix: string, plans: readonly RoutePlan[], first: number): RouteState[] {
  return plans.map(([name, match, action, clusters, rate], index) => ({
    id: `${prefix}/${index}`,
    index,
    name,
    match,
    action,
    clusters,
    hits: Math.round(rate * 810),
    source: line(first + index * 6),
  }));
}

export function coreState(now: number, options: { portTaken?: boolean } = {}): CoreState {
  const chain = (
    name: string,
    match: string,
    routeConfig: string | null,
    tls: boolean,
    clusters: readonly string[],
  ) => ({
    name,
    match,
    kind: routeConfig === null ? ('tcp' as const) : ('http' as const),
    tls,
    routeConfig,
    clusters,
    httpFilters: ['envoy.filters.http.router'],
    source: line(20),
  });
  const down = options.portTaken === true;
  return {
    version: 42,
    source: 'shop-edge.yaml',
    appliedAt: now - 341_000,
    admin: { address: '127.0.0.1', port: 9901 },
    listeners: [
      {
        name: 'main_http_listener',
        address: '0.0.0.0:8080',
        status: down ? 'failed' : 'listening',
        error: down ? 'port 8080 is in use by another program' : '',
        activeConnections: down ? 0 : 38,
        source: line(10),
        filterChains: [chain('plain_http', 'any', 'shop_routes', false, [])],
      },
      {
        name: 'tls_listener',
        address: '0.0.0.0:8443',
        status: 'listening',
        error: '',
        activeConnections: 9,
        source: line(24),
        filterChains: [
          chain('sni_shop', 'sni *.shop.local', 'shop_routes', true, []),
          chain('sni_admin', 'sni admin.shop.local', 'admin_routes', true, []),
        ],
      },
      {
        name: 'legacy_tcp_listener',
        address: '0.0.0.0:9000',
        status: 'listening',
        error: '',
        activeConnections: 4,
        source: line(34),
        filterChains: [chain('tcp', 'any', null, false, ['legacy_tcp'])],
      },
    ],
    routeConfigs: [
      {
        name: 'shop_routes',
        source: line(39),
        virtualHosts: [
          {
            name: 'shop',
            domains: ['shop.local', '*.shop.local'],
            source: line(46),
            routes: routes('shop_routes/shop', SHOP, 48),
          },
          {
            name: 'fallback',
            domains: ['*'],
            source: line(105),
            routes: routes('shop_routes/fallback', FALLBACK, 106),
          },
        ],
      },
      {
        name: 'admin_routes',
        source: line(139),
        virtualHosts: [
          {
            name: 'admin',
            domains: ['admin.shop.local'],
            source: line(143),
            routes: routes('admin_routes/admin', ADMIN, 144),
          },
        ],
      },
    ],
    clusters: [
      ...CLUSTERS.map((planned) => cluster(planned, now)),
      {
        ...cluster(plan('legacy_tcp', 'ROUND_ROBIN', [7401], 0, 0, 0, 0, 262), now),
        type: 'STRICT_DNS',
      },
    ],
  };
}

/** Ten minutes of ticks that end at `now`. */
export function ticks(now: number, count = 600): MetricsTick[] {
  const draw = random(7);
  const result: MetricsTick[] = [];
  for (let i = count; i > 0; i--) result.push(tick(now - i * 1000, i, draw));
  return result;
}

export function tick(at: number, secondsAgo: number, draw: () => number): MetricsTick {
  const wave = 1 + 0.08 * Math.sin(at / 47_000) + (draw() - 0.5) * 0.12;
  const out =
    secondsAgo <= 19 || (secondsAgo <= 58 && secondsAgo > 20) || (secondsAgo <= 340 && secondsAgo > 310);
  const slow = secondsAgo <= 98;
  const clusters: Record<string, MetricsTick['clusters'][string]> = {};
  for (const planned of CLUSTERS) {
    const hosts: Record<string, number> = {};
    const inRotation = planned.hosts.filter((h) => !(out && h === EJECTED) && h !== DRAINING);
    const requests = planned.rate * wave;
    for (const address of inRotation) hosts[address] = (requests / inRotation.length) * (0.95 + draw() * 0.1);
    const payment = planned.name.startsWith('payment');
    clusters[planned.name] = {
      requests,
      errors: payment && !slow ? 0 : requests * planned.errors,
      p50: planned.p50 * (0.9 + draw() * 0.2),
      p99: (payment && !slow ? 140 : planned.p99) * (0.92 + draw() * 0.16),
      hosts,
    };
  }
  const byRoute: Record<string, number> = {};
  const count = (prefix: string, plans: readonly RoutePlan[]) =>
    plans.forEach(([, , , , rate], index) => {
      if (rate > 0) byRoute[`${prefix}/${index}`] = rate * wave;
    });
  count('shop_routes/shop', SHOP);
  count('shop_routes/fallback', FALLBACK);
  count('admin_routes/admin', ADMIN);
  return {
    at,
    requests: 51.2 * wave,
    byClass: [48.2 * wave, 0.9 * wave, 1.2 * wave, (slow ? 0.9 : 0.1) * wave, 0],
    p50: 12 * (0.95 + draw() * 0.1),
    p90: 49 * (0.95 + draw() * 0.1),
    p99: (slow ? 486 : secondsAgo > 341 ? 170 : 120) * (0.95 + draw() * 0.1),
    downstreamConnections: Math.round(45 * wave),
    upstreamConnections: Math.round(29 * wave),
    ejected: out ? 1 : 0,
    retries: secondsAgo > 341 ? 1.8 + (draw() - 0.5) * 0.6 : draw() > 0.97 ? 2 : 0,
    overflows: 0,
    clusters,
    listeners: { main_http_listener: 40.3 * wave, tls_listener: 10.9 * wave, legacy_tcp_listener: 0 },
    routes: byRoute,
  };
}

const BLANK = { cluster: '', host: '', version: 42, detector: '', reason: '', duration: 0, count: 0 };

export function events(now: number): CoreEvent[] {
  const inventory = { ...BLANK, cluster: 'inventory_service', detector: 'consecutive_5xx' };
  const notEjected = (seq: number, ago: number, address: string, reason: string): CoreEvent => ({
    ...inventory,
    seq,
    at: now - ago * 1000,
    kind: 'host-not-ejected',
    tone: 'eject',
    host: address,
    reason,
    text: `${address} reached 5 consecutive 5xx but was not ejected: ${reason}.`,
  });
  const ejected = (seq: number, ago: number, count: number): CoreEvent => ({
    ...inventory,
    seq,
    at: now - ago * 1000,
    kind: 'host-ejected',
    tone: 'eject',
    host: EJECTED,
    duration: count * 30_000,
    count,
    text: `${EJECTED} was ejected from inventory_service for ${count * 30} s after 5 consecutive 5xx.`,
  });
  const returned = (seq: number, ago: number): CoreEvent => ({
    ...inventory,
    seq,
    at: now - ago * 1000,
    kind: 'host-returned',
    tone: 'ok',
    host: EJECTED,
    text: `${EJECTED} is back in inventory_service.`,
  });
  return [
    notEjected(1, 566, EJECTED, '1 of 3 hosts is 33 %, max_ejection_percent 10 % would be exceeded'),
    notEjected(2, 477, EJECTED, '1 of 3 hosts is 33 %, max_ejection_percent 10 % would be exceeded'),
    {
      ...BLANK,
      seq: 3,
      at: now - 341_000,
      kind: 'config-applied',
      tone: 'ok',
      text: 'Applied in 48 ms. 1 cluster changed, no connection was closed.',
    },
    ejected(4, 340, 1),
    returned(5, 310),
    { ...BLANK, seq: 6, at: now - 98_000, kind: 'demo', tone: 'warn', text: 'payment hosts are slow.' },
    ejected(7, 58, 1),
    returned(8, 20),
    ejected(9, 19, 2),
    notEjected(10, 15, '127.0.0.1:7002', '2 of 3 hosts is 67 %, max_ejection_percent 50 % would be exceeded'),
  ];
}

export function rows(now: number, count: number, lastSeq: number): RecordRow[] {
  const draw = random(21);
  const result: RecordRow[] = [];
  for (let i = count; i > 0; i--) result.push(row(lastSeq - i + 1, now - i * 20, draw));
  return result;
}

export function row(seq: number, at: number, draw: () => number): RecordRow {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)] as T;
  const kind = draw();
  const sku = 1000 + Math.floor(draw() * 900);
  const base = {
    seq,
    at,
    method: 'GET',
    authority: 'shop.local',
    flags: '',
    details: 'via_upstream',
    local: false,
    done: true,
    protocol: 'HTTP/1.1',
    listener: 'main_http_listener',
    attempts: 1,
    requestBytes: 0,
    responseBytes: 200 + Math.floor(draw() * 4000),
    duration: 3 + draw() * 60,
  };
  if (kind < 0.45) {
    const failed = draw() < 0.01;
    return {
      ...base,
      path: `/inventory/SKU-${sku}?warehouse=ams`,
      status: failed ? 503 : 200,
      attempts: draw() < 0.01 ? 2 : 1,
      route: 'inventory',
      cluster: 'inventory_service',
      host: pick(['127.0.0.1:7001', '127.0.0.1:7002']),
    };
  }
  if (kind < 0.62) {
    const late = draw() < 0.096;
    return {
      ...base,
      method: 'POST',
      path: '/payment/charge',
      status: late ? 504 : 200,
      flags: late ? 'UT' : '',
      details: late ? 'response_timeout' : 'via_upstream',
      local: late,
      duration: late ? 501 : base.duration,
      route: 'payment',
      cluster: 'payment_service',
      host: pick(['127.0.0.1:7101', '127.0.0.1:7102']),
    };
  }
  if (kind < 0.8) {
    return {
      ...base,
      path: '/shop.catalog.v1.Catalog/Search',
      status: 200,
      route: 'catalog_grpc',
      cluster: 'catalog_service',
      host: pick(['127.0.0.1:7201', '127.0.0.1:7202']),
    };
  }
  if (kind < 0.95) {
    return {
      ...base,
      path: '/users/me',
      status: 200,
      route: 'users',
      cluster: 'user_service',
      host: pick(['127.0.0.1:7301', '127.0.0.1:7302']),
    };
  }
  return {
    ...base,
    path: '/checkout',
    status: 404,
    flags: 'NR',
    details: 'route_not_found',
    local: true,
    attempts: 0,
    route: '',
    cluster: '',
    host: '',
    duration: 0.3,
  };
}

export const DEMO_OFF: DemoState = { running: false, rate: 0, services: [], notice: '' };
export const DEMO_ON: DemoState = {
  running: true,
  rate: 40,
  notice: '',
  services: CLUSTERS.map((planned) => ({
    name: planned.name,
    hosts: planned.hosts.map((address) => ({
      address,
      mode: address === EJECTED ? ('503' as const) : ('healthy' as const),
    })),
  })),
};

const CONFIG: ConfigState = {
  file: FILE,
  name: 'shop-edge.yaml',
  demo: false,
  runningText: 'static_resources: {}\n',
  runningVersion: 42,
  fileText: 'static_resources: {}\n',
  status: 'running',
  diagnostics: [],
  recent: [
    FILE,
    '/home/dev/platform/gateway/gateway.yaml',
    '/home/dev/payments/deploy/payments-sidecar.json',
  ],
};

export type Scene = 'shop' | 'demo' | 'welcome' | 'empty' | 'port' | 'rejected' | 'starting' | 'full';
export const LAST_SEQ = 41_208;

/** What `app.resync` answers in each scene. */
export function resync(now: number, scene: Scene): Resync {
  const recorder = {
    records: scene === 'full' ? 100_000 : LAST_SEQ,
    maxRecords: 100_000,
    bytes: 182_000_000,
    maxBytes: 512_000_000,
    firstSeq: 1,
    lastSeq: LAST_SEQ,
    total: LAST_SEQ,
    recording: true,
  };
  const all: Resync = {
    state: coreState(now, { portTaken: scene === 'port' }),
    config: CONFIG,
    demo: scene === 'demo' ? DEMO_ON : DEMO_OFF,
    recorder,
    metrics: ticks(now),
    events: events(now),
    info: { version: '0.1.0', shell: 'browser', platform: 'linux', pid: 4711 },
    process: { rssBytes: 143_000_000, cpuPercent: 6 },
  };
  const nothing = { ...recorder, records: 0, bytes: 0, firstSeq: 0, lastSeq: 0, total: 0 };
  const idle = { ...all.state, version: 0, listeners: [], routeConfigs: [], clusters: [] };
  switch (scene) {
    case 'shop':
    case 'full':
      return all;
    case 'demo':
      return { ...all, config: { ...CONFIG, demo: true, file: 'demo:shop.yaml', name: 'shop.yaml' } };
    case 'port':
      return { ...all, config: { ...CONFIG, status: 'running-in-part' } };
    case 'rejected':
      return {
        ...all,
        config: {
          ...CONFIG,
          status: 'rejected',
          diagnostics: [
            {
              code: 'config.bad-duration',
              severity: 'error',
              message: '“2sec” is not a duration. A duration is a number followed by s.',
              path: 'static_resources.listeners[0]',
              range: line(61),
            },
          ],
        },
      };
    case 'welcome':
      return {
        ...all,
        config: {
          ...CONFIG,
          file: '',
          name: '',
          status: 'none',
          runningVersion: 0,
          runningText: '',
          fileText: '',
        },
        state: idle,
        metrics: [],
        events: [],
        recorder: nothing,
      };
    case 'starting':
      return {
        ...all,
        config: { ...CONFIG, status: 'starting', runningVersion: 0 },
        state: idle,
        metrics: [],
        events: [],
        recorder: nothing,
      };
    case 'empty': {
      const { state } = all;
      const quiet = {
        ...state,
        routeConfigs: state.routeConfigs.map((config) => ({
          ...config,
          virtualHosts: config.virtualHosts.map((virtualHost) => ({
            ...virtualHost,
            routes: virtualHost.routes.map((r) => ({ ...r, hits: 0 })),
          })),
        })),
        clusters: state.clusters.map((c) => ({
          ...c,
          hosts: c.hosts.map((h) => ({
            ...h,
            health: 'healthy' as const,
            healthFlags: 'healthy',
            ejectedUntil: 0,
            consecutive5xx: 0,
            ejections: 0,
            activeConnections: 0,
            activeRequests: 0,
            totalRequests: 0,
            successRequests: 0,
            errorRequests: 0,
          })),
        })),
      };
      return { ...all, state: quiet, metrics: [], events: [], recorder: nothing };
    }
  }
}
