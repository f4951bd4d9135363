import type { StreamInfo } from '../base/stream-info.ts';
import type { LiveMetrics, Recorder, StreamRecorder } from '../observe/index.ts';

/** What the data path tells goes to the records and to the live metrics; metrics count what is not recorded, too. */
export class Observer implements StreamRecorder {
  constructor(
    private readonly recorder: Recorder,
    private readonly metrics: LiveMetrics,
  ) {}

  begin(info: StreamInfo): void {
    this.recorder.begin(info);
  }

  requestBody(info: StreamInfo, bytes: Uint8Array, start: number, end: number): void {
    this.recorder.requestBody(info, bytes, start, end);
  }

  responseBody(info: StreamInfo, bytes: Uint8Array, start: number, end: number): void {
    this.recorder.responseBody(info, bytes, start, end);
  }

  end(info: StreamInfo): void {
    if (info.record >= 0) this.recorder.end(info);
    // Rates and latencies are of requests.
    if (info.downstreamProtocol !== 'TCP') this.metrics.streamEnded(info);
  }
}
