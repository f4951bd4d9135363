import type { Samples } from './samples.ts';

/** One line of README's table of budgets; `measured` null: the other program is not here. */
export interface Budget {
  readonly what: string;
  readonly measured: number | null;
  readonly limit: number;
  readonly sign: '≤' | '≥';
}

export function budgets(samples: Samples, idleMegabytes: number | null): Budget[] {
  const cpu = (kind: string, against: string): number | null => samples.ratio(kind, 'cpuMicros', against);
  const big = (against: string): number | null => samples.ratio('big', 'megabytesPerSecond', against);
  return [
    { what: 'HTTP/1.1: CPU per request / envoy', measured: cpu('h1', 'envoy'), limit: 0.6, sign: '≤' },
    {
      what: 'HTTP/1.1: CPU per request / http-proxy',
      measured: cpu('h1', 'http-proxy'),
      limit: 0.25,
      sign: '≤',
    },
    {
      what: 'HTTP/2 to HTTP/2: CPU per request / envoy',
      measured: cpu('h2h2', 'envoy'),
      limit: 1,
      sign: '≤',
    },
    {
      what: 'HTTP/2 to HTTP/1.1: CPU per request / envoy',
      measured: cpu('h2h1', 'envoy'),
      limit: 1,
      sign: '≤',
    },
    { what: 'TLS, HTTP/1.1: CPU per request / envoy', measured: cpu('tls', 'envoy'), limit: 1, sign: '≤' },
    {
      what: 'p99 at half load / envoy',
      measured: samples.ratio('half', 'p99', 'envoy'),
      limit: 2,
      sign: '≤',
    },
    { what: '10 MB bodies: throughput / nginx', measured: big('nginx'), limit: 1, sign: '≥' },
    { what: '10 MB bodies: throughput / envoy', measured: big('envoy'), limit: 0.6, sign: '≥' },
    { what: '10,000 idle connections: MB', measured: idleMegabytes, limit: 400, sign: '≤' },
  ];
}

export function isMissed(budget: Budget): boolean {
  const { measured, limit, sign } = budget;
  return measured !== null && (sign === '≤' ? measured > limit : measured < limit);
}

const show = (value: number | null, digits: number): string => (value === null ? '–' : value.toFixed(digits));

export function printTables(proxies: readonly string[], samples: Samples, lines: readonly Budget[]): void {
  console.log(
    '\nHTTP/1.1: 837-byte answers, 32 connections; 10 MB bodies on 4 connections; the best of all rounds',
  );
  console.log(
    'proxy        requests/s  CPU µs/rq   p50 ms   p99 ms  half p50  half p99  10 MB MB/s   RSS MB  bad',
  );
  for (const name of proxies) {
    console.log(
      [
        name.padEnd(12),
        show(samples.best('h1', name, 'rps'), 0).padStart(10),
        show(samples.best('h1', name, 'cpuMicros'), 1).padStart(10),
        show(samples.best('h1', name, 'p50'), 2).padStart(8),
        show(samples.best('h1', name, 'p99'), 2).padStart(8),
        show(samples.best('half', name, 'p50'), 2).padStart(9),
        show(samples.best('half', name, 'p99'), 2).padStart(9),
        show(samples.best('big', name, 'megabytesPerSecond'), 0).padStart(11),
        show(samples.best('big', name, 'rssMegabytes'), 0).padStart(8),
        String(samples.bad(name)).padStart(4),
      ].join(' '),
    );
  }
  const kinds = ['h2h2', 'h2h1', 'tls'] as const;
  console.log('\nCPU µs/rq    HTTP/2 to HTTP/2  HTTP/2 to HTTP/1.1  TLS, HTTP/1.1');
  for (const name of proxies) {
    if (kinds.every((kind) => samples.best(kind, name, 'cpuMicros') === null)) continue;
    const [h2h2, h2h1, tls] = kinds.map((kind) => show(samples.best(kind, name, 'cpuMicros'), 1)) as [
      string,
      string,
      string,
    ];
    console.log(`${name.padEnd(12)} ${h2h2.padStart(16)} ${h2h1.padStart(19)} ${tls.padStart(14)}`);
  }
  console.log(`\n${'budget'.padEnd(45)} measured   wanted`);
  for (const line of lines) {
    console.log(
      `${line.what.padEnd(45)} ${show(line.measured, line.limit < 10 ? 2 : 0).padStart(8)}   ` +
        `${line.sign} ${line.limit}${isMissed(line) ? '  missed' : ''}`,
    );
  }
}
