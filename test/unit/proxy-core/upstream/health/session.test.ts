import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../../../proxy-core/base/random.ts';
import { VirtualClock } from '../../../../../proxy-core/base/virtual-clock.ts';
import { StatsStore } from '../../../../../proxy-core/observe/stats/store.ts';
import type { HealthCheckConfig } from '../../../../../proxy-core/upstream/health/config.ts';
import type { HealthLogEvent } from '../../../../../proxy-core/upstream/health/event-log.ts';
import { NO_LIMITS } from '../../../../../proxy-core/upstream/health/interval.ts';
import { CheckPacer } from '../../../../../proxy-core/upstream/health/pacer.ts';
import { failure, type ProbeResult } from '../../../../../proxy-core/upstream/health/probe.ts';
import { type CheckOutcome, HostSession } from '../../../../../proxy-core/upstream/health/session.ts';
import { HealthCheckStats } from '../../../../../proxy-core/upstream/health/stats.ts';
import { HealthFlag, healthFlagWords, UpstreamHost } from '../../../../../proxy-core/upstream/host.ts';
import { clusterYaml, compiled } from '../support.ts';

const SUCCESS: ProbeResult = { kind: 'success', degraded: false, answer: '200 OK' };
const DEGRADED: ProbeResult = { kind: 'success', degraded: true, answer: '200 OK, degraded' };
const BAD = failure('ACTIVE', '500 Internal Server Error');
const RETRIABLE = failure('ACTIVE', '503 Service Unavailable', { retriable: true });
const REFUSED = failure('NETWORK', 'connection refused');
const EXCLUDES = failure('ACTIVE', '503 Service Unavailable', { exclude: true });

/** `null`: the host never answers. */
type Answer = ProbeResult | null;

/** Its timers can come late, as after a pause of the process. */
class PausingClock extends VirtualClock {
  late = 0;

  override now(): number {
    return super.now() + this.late;
  }
}

interface Rig {
  readonly clock: PausingClock;
  readonly host: UpstreamHost;
  readonly session: HostSession;
  readonly outcomes: CheckOutcome[];
  readonly logged: HealthLogEvent['kind'][];
  readonly probes: string[];
  stat(name: string): number;
  /** Gives the answer to the check under way. */
  answer(answer: Answer): void;
}

function rig(settings = ''): Rig {
  const clock = new PausingClock();
  const stats = new StatsStore();
  const { endpoints, healthCheck } = compiled(
    clusterYaml(
      [1],
      `health_checks: [{timeout: 1s, interval: 10s, unhealthy_threshold: 3, healthy_threshold: 2, tcp_health_check: {}, ${settings}}]`,
    ),
  );
  const [endpoint] = endpoints;
  if (endpoint === undefined) throw new Error('no endpoint');
  const host = new UpstreamHost('127.0.0.1', 1, 0, endpoint, '');
  host.set(HealthFlag.failedActiveCheck);
  const outcomes: CheckOutcome[] = [];
  const logged: HealthLogEvent['kind'][] = [];
  const probes: string[] = [];
  let sink: (result: ProbeResult) => void = () => {};
  const session = new HostSession(
    host,
    {
      config: healthCheck as HealthCheckConfig,
      services: { clock, random: new SeededRandom(1), stats, log: () => {} },
      stats: new HealthCheckStats(stats, 'cluster.c.'),
      hasTraffic: true,
      limits: NO_LIMITS,
      pacer: new CheckPacer(clock),
      log: (_host, event) => logged.push(event.kind),
      onChecked: (_session, outcome) => outcomes.push(outcome),
    },
    (given) => {
      sink = given;
      return {
        start: () => probes.push('start'),
        cancel: () => probes.push('cancel'),
        close: () => probes.push('close'),
      };
    },
  );
  host.check = session;
  return {
    clock,
    host,
    session,
    outcomes,
    logged,
    probes,
    stat: (name) =>
      stats.counters.get(`cluster.c.health_check.${name}`)?.value ??
      stats.gauges.get(`cluster.c.health_check.${name}`)?.value ??
      Number.NaN,
    answer: (answer) => (answer === null ? clock.advance(1000) : sink(answer)),
  };
}

/** Runs one check per answer, each at its time; gives the host's words after each. */
function story(r: Rig, answers: readonly Answer[]): string[] {
  r.session.start();
  return answers.map((answer, index) => {
    if (index > 0) r.clock.advance(10_000);
    r.answer(answer);
    return healthFlagWords(r.host.healthFlags);
  });
}

const OK = 'healthy';
const OUT = '/failed_active_hc';

describe('thresholds: 3 failures, 2 successes', () => {
  test.each<[string, readonly Answer[], readonly string[]]>([
    ['the first success counts at once', [SUCCESS], [OK]],
    ['the first failure is one', [REFUSED, SUCCESS, SUCCESS], [OUT, OUT, OK]],
    ['silence must reach the threshold', [SUCCESS, REFUSED, REFUSED, REFUSED], [OK, OK, OK, OUT]],
    [
      'a success between starts the count anew',
      [SUCCESS, REFUSED, REFUSED, SUCCESS, REFUSED],
      [OK, OK, OK, OK, OK],
    ],
    ['a bad answer counts at once', [SUCCESS, BAD], [OK, OUT]],
    ['a retriable one counts like silence', [SUCCESS, RETRIABLE, REFUSED, RETRIABLE], [OK, OK, OK, OUT]],
    [
      'a failure between starts the return anew',
      [SUCCESS, BAD, SUCCESS, BAD, SUCCESS, SUCCESS],
      [OK, OUT, OUT, OUT, OUT, OK],
    ],
    ['a timeout has its own word', [null], [`${OUT}/active_hc_timeout`]],
    ['which goes with another failure', [null, REFUSED], [`${OUT}/active_hc_timeout`, OUT]],
    [
      'and with the return',
      [null, SUCCESS, SUCCESS],
      [`${OUT}/active_hc_timeout`, `${OUT}/active_hc_timeout`, OK],
    ],
    ['a timeout below the threshold leaves no word', [SUCCESS, null], [OK, OK]],
    ['degraded', [DEGRADED, SUCCESS], ['/degraded_active_hc', OK]],
    ['degraded after', [SUCCESS, DEGRADED], [OK, '/degraded_active_hc']],
    [
      'asks to be left out',
      [SUCCESS, EXCLUDES, SUCCESS, SUCCESS],
      [OK, `${OUT}/excluded_via_immediate_hc_fail`, `${OUT}/excluded_via_immediate_hc_fail`, OK],
    ],
  ])('%s', (_name, answers, expected) => {
    expect(story(rig(), answers)).toEqual(expected);
  });
});

test('transitions: what load balancing must hear of is only what changed', () => {
  const r = rig();
  story(r, [SUCCESS, SUCCESS, REFUSED, DEGRADED, DEGRADED, BAD, BAD, SUCCESS]);
  expect(r.outcomes.map((each) => each.transition)).toEqual([
    'changed',
    'unchanged',
    'change-pending',
    'changed',
    'unchanged',
    'changed',
    'unchanged',
    'change-pending',
  ]);
});

test('the first result of a host that was left out until then is a change, whatever it is', () => {
  const r = rig();
  r.host.set(HealthFlag.pendingActiveCheck);
  expect(story(r, [REFUSED])).toEqual([OUT]);
  expect(r.outcomes[0]?.transition).toBe('changed');
});

describe('the event log', () => {
  test.each<[string, string, readonly Answer[], readonly string[]]>([
    ['first success', '', [SUCCESS, SUCCESS], ['add_healthy_event']],
    ['first failure', '', [REFUSED, REFUSED], ['health_check_failure_event']],
    [
      'ejection and return',
      '',
      [SUCCESS, BAD, SUCCESS, SUCCESS],
      ['add_healthy_event', 'eject_unhealthy_event', 'add_healthy_event'],
    ],
    [
      'every failure',
      'always_log_health_check_failures: true',
      [REFUSED, REFUSED],
      ['health_check_failure_event', 'health_check_failure_event'],
    ],
    [
      'every success that is no return',
      'always_log_health_check_success: true',
      [SUCCESS, SUCCESS],
      ['add_healthy_event', 'successful_health_check_event'],
    ],
    [
      'degraded and back',
      '',
      [DEGRADED, SUCCESS],
      ['add_healthy_event', 'degraded_healthy_host', 'no_longer_degraded_host'],
    ],
  ])('%s (%s)', (_name, settings, answers, expected) => {
    const r = rig(settings);
    story(r, answers);
    expect(r.logged).toEqual(expected);
  });
});

test('statistics', () => {
  const r = rig();
  story(r, [DEGRADED, SUCCESS, REFUSED, null, BAD]);
  const { stat } = r;
  expect({
    attempt: stat('attempt'),
    success: stat('success'),
    failure: stat('failure'),
    network: stat('network_failure'),
    healthy: stat('healthy'),
    // Envoy counts a host that is degraded no longer on.
    degraded: stat('degraded'),
  }).toEqual({ attempt: 5, success: 2, failure: 3, network: 2, healthy: 0, degraded: 1 });
});

test('an answer to traffic takes the host out and leaves the schedule alone', () => {
  const r = rig();
  story(r, [SUCCESS]);
  r.clock.advance(4000);
  r.session.failPassively();
  expect(healthFlagWords(r.host.healthFlags)).toBe('/failed_active_hc/excluded_via_immediate_hc_fail');
  expect(r.stat('passive_failure')).toBe(1);
  r.clock.advance(5999);
  expect(r.probes).toEqual(['start']);
  r.clock.advance(1);
  expect(r.probes).toEqual(['start', 'start']);
});

test('after the timeout the check is given up; a late answer is nobody’s business', () => {
  const r = rig();
  story(r, [null]);
  expect(r.probes).toEqual(['start', 'cancel']);
  expect(r.outcomes[0]).toMatchObject({ failure: 'NETWORK_TIMEOUT', answer: 'no answer within 1 s' });
});

test('time in which the process stood still is given to the host once more', () => {
  const r = rig();
  r.session.start();
  r.clock.late = 700;
  r.clock.advance(1000);
  expect(r.outcomes).toEqual([]);
  r.answer(SUCCESS);
  expect(healthFlagWords(r.host.healthFlags)).toBe(OK);

  const silent = rig();
  silent.session.start();
  silent.clock.late = 700;
  silent.clock.advance(1699);
  expect(silent.outcomes).toEqual([]);
  silent.clock.advance(1);
  expect(silent.outcomes[0]?.failure).toBe('NETWORK_TIMEOUT');
});

test('a closed session leaves no timer and gives its gauges back', () => {
  const r = rig();
  story(r, [DEGRADED]);
  r.clock.advance(10_000);
  r.session.close();
  expect(r.clock.pending).toBe(0);
  expect([r.stat('healthy'), r.stat('degraded')]).toEqual([0, 0]);
  r.session.failPassively();
  r.answer(BAD);
  expect(r.outcomes).toHaveLength(1);
});
