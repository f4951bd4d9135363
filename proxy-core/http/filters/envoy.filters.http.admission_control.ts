import { isGrpcContentType } from '../../base/grpc.ts';
import { type HeaderList, headerValue } from '../../base/headers.ts';
import type { Counter } from '../../base/stats.ts';
import type { ResponseHead } from '../../base/stream-info.ts';
import type { CompileContext } from '../../config/compile-context.ts';
import type { MessageReader } from '../../config/reader.ts';
import type { FilterCallbacks, HeadStatus, HttpFilter, TrailersStatus } from '../filter.ts';
import type { HttpFilterExtension } from './extension.ts';
import { compileRuntimeFlag, flagEnabled, type RuntimeFlag } from './runtime-flag.ts';
import {
  compileRuntimeNumber,
  compileRuntimePercentage,
  type RuntimeNumber,
  runtimeNumber,
} from './runtime-value.ts';

/** What counts as a success when nothing is said: canceled, unknown, …, all that is the caller's doing. */
const GRPC_SUCCESSES: readonly number[] = [6, 1, 9, 3, 5, 0, 11, 7, 16, 12, 2];
const GRANULARITY = 1000;
/** Probabilities are drawn with four digits. */
const ACCURACY = 10_000;

interface AdmissionSettings {
  readonly enabled: RuntimeFlag;
  /** From `start` to below `end`. */
  readonly httpSuccesses: readonly { readonly start: number; readonly end: number }[];
  readonly grpcSuccesses: ReadonlySet<number>;
  readonly aggression: RuntimeNumber;
  readonly threshold: RuntimeNumber;
  readonly rpsThreshold: RuntimeNumber;
  readonly maxProbability: RuntimeNumber;
  readonly history: RequestHistory;
  readonly rejected: Counter;
}

/** Requests and successes of the last seconds. */
export class RequestHistory {
  requests = 0;
  successes = 0;
  private readonly samples: { at: number; requests: number; successes: number }[] = [];

  /** @param window Milliseconds, whole seconds. */
  constructor(private readonly window: number) {}

  record(success: boolean, now: number): void {
    this.purge(now);
    let last = this.samples.at(-1);
    if (last === undefined || now - last.at >= GRANULARITY) {
      last = { at: now, requests: 0, successes: 0 };
      this.samples.push(last);
    }
    last.requests++;
    this.requests++;
    if (!success) return;
    last.successes++;
    this.successes++;
  }

  purge(now: number): void {
    let first = this.samples[0];
    while (first !== undefined && now - first.at >= this.window) {
      this.requests -= first.requests;
      this.successes -= first.successes;
      this.samples.shift();
      first = this.samples[0];
    }
  }

  /** Requests per second over the window, rounded down. */
  averageRps(now: number): number {
    const [first] = this.samples;
    if (first === undefined || this.requests === 0) return 0;
    const seconds = Math.floor(Math.max(this.window, now - first.at) / 1000);
    return Math.floor(this.requests / Math.max(1, seconds));
  }
}

/** How likely a request is refused, 0 to 1 (documentation of the filter, "rejection probability"). */
function rejectionProbability(settings: AdmissionSettings, runtime: ReadonlyMap<string, unknown>): number {
  const { requests, successes } = settings.history;
  const threshold = Math.min(runtimeNumber(settings.threshold, runtime), 100) / 100;
  const aggression = Math.max(1, runtimeNumber(settings.aggression, runtime));
  const raw = Math.max(0, (requests - successes / threshold) / (requests + 1));
  const probability = aggression === 1 ? raw : raw ** (1 / aggression);
  return Math.min(probability, runtimeNumber(settings.maxProbability, runtime) / 100);
}

/** Too few requests to judge by. */
function isQuiet(settings: AdmissionSettings, runtime: ReadonlyMap<string, unknown>, now: number): boolean {
  return settings.history.averageRps(now) < runtimeNumber(settings.rpsThreshold, runtime);
}

class AdmissionFilter implements HttpFilter {
  private counts = true;
  private awaitsTrailers = false;

  constructor(
    private readonly callbacks: FilterCallbacks,
    private readonly settings: AdmissionSettings,
  ) {}

  decodeHead(): HeadStatus {
    const { callbacks, settings } = this;
    const { runtime, clock } = callbacks;
    if (!flagEnabled(settings.enabled, runtime) || callbacks.info.healthCheck === true) {
      this.counts = false;
      return 'continue';
    }
    if (isQuiet(settings, runtime, clock.now())) return 'continue';
    const probability = rejectionProbability(settings, runtime);
    if (ACCURACY * probability <= callbacks.random() % ACCURACY) return 'continue';
    // What is refused tells nothing of the upstream.
    this.counts = false;
    settings.rejected.inc();
    callbacks.sendLocalReply(503, '', null, 'denied_by_admission_control');
    return 'stop-all';
  }

  encodeHead(head: ResponseHead, endStream: boolean): HeadStatus {
    if (!this.counts) return 'continue';
    const { headers, status } = head;
    const grpcStatus = headerValue(headers, 'grpc-status');
    const isGrpc = endStream
      ? grpcStatus !== undefined
      : status === 200 && isGrpcContentType(headerValue(headers, 'content-type'));
    if (!isGrpc) {
      this.record(this.settings.httpSuccesses.some(({ start, end }) => start <= status && status < end));
    } else if (grpcStatus === undefined) this.awaitsTrailers = true;
    else this.recordGrpc(grpcStatus);
    return 'continue';
  }

  encodeTrailers(trailers: HeaderList): TrailersStatus {
    if (this.awaitsTrailers) this.recordGrpc(headerValue(trailers, 'grpc-status') ?? '');
    return 'continue';
  }

  private recordGrpc(status: string): void {
    this.record(/^\d+$/.test(status) && this.settings.grpcSuccesses.has(Number(status)));
  }

  private record(success: boolean): void {
    this.settings.history.record(success, this.callbacks.clock.now());
  }
}

function compileSettings(reader: MessageReader, ctx: CompileContext, rejected: Counter): AdmissionSettings {
  const criteria = reader.message('success_criteria');
  const http = criteria?.message('http_criteria');
  const grpc = criteria?.message('grpc_criteria');
  const fail = (field: string, message: string): void =>
    ctx.report('error', 'filter.admission-control', reader, field, message);
  const ranges = http?.messages('http_success_status').map((range) => ({
    start: range.number('start') ?? 0,
    end: range.number('end') ?? 0,
  }));
  for (const { start, end } of ranges ?? []) {
    if (start < 100 || end > 600 || start > end)
      fail('success_criteria', `invalid HTTP range: [${start}, ${end})`);
  }
  const codes = grpc?.numbers('grpc_success_status');
  for (const code of codes ?? []) if (code > 16) fail('success_criteria', `invalid gRPC code ${code}`);
  if (criteria === undefined) fail('', 'Evaluation criteria not set');
  const threshold = compileRuntimePercentage(reader.message('sr_threshold'), 95);
  if (threshold.otherwise < 1) fail('sr_threshold', 'Success rate threshold cannot be less than 1.0%.');
  const window = Math.floor((reader.duration('sampling_window') ?? 30_000) / 1000) * 1000;
  return {
    enabled: compileRuntimeFlag(reader.message('enabled')),
    httpSuccesses: ranges ?? [{ start: 0, end: 500 }],
    grpcSuccesses: new Set(codes ?? GRPC_SUCCESSES),
    aggression: compileRuntimeNumber(reader.message('aggression'), 1),
    threshold,
    rpsThreshold: compileRuntimeNumber(reader.message('rps_threshold'), 0),
    maxProbability: compileRuntimePercentage(reader.message('max_rejection_probability'), 80),
    history: new RequestHistory(window),
    rejected,
  };
}

/** `envoy.filters.http.admission_control`: refuses a share of the requests while too few succeed. */
export const ADMISSION_CONTROL: HttpFilterExtension = {
  type: 'envoy.extensions.filters.http.admission_control.v3.AdmissionControl',
  routeTypes: [],
  compile(name, config, ctx, environment) {
    const rejected = environment.stats.counter(`${environment.statPrefix}admission_control.rq_rejected`);
    const settings = compileSettings(config, ctx, rejected);
    return {
      name,
      source: config.range,
      create: (callbacks) => new AdmissionFilter(callbacks, settings),
      explain(question, narrator) {
        if (!flagEnabled(settings.enabled, question.runtime)) return null;
        const { requests, successes } = settings.history;
        const probability = rejectionProbability(settings, question.runtime);
        const share = `${(probability * 100).toFixed(1)} % of requests are refused`;
        const text = `${successes} of the last ${requests} requests succeeded, ${share}`;
        narrator.note(probability > 0 ? 'bad' : 'neutral', `Admission control: ${text}`, config.range);
        return null;
      },
    };
  },
};
