import type { StreamInfo } from '../../base/stream-info.ts';
import type { DataPath } from '../runtime.ts';

/**
 * Watches one service that a filter calls: its first failure is an event, and so is its first answer after that.
 * Everything between is in the statistics.
 */
export class ServiceWatch {
  private failing = false;

  /**
   * @param filter The filter's configured name.
   * @param service What is called: "cluster auth".
   * @param effect What becomes of requests meanwhile: "Requests are denied with 403."
   */
  constructor(
    private readonly filter: string,
    private readonly cluster: string,
    private readonly effect: string,
  ) {}

  failed(path: DataPath, reason: string): void {
    if (this.failing) return;
    this.failing = true;
    path.onEvent({
      kind: 'service-failed',
      tone: 'err',
      cluster: this.cluster,
      reason,
      text: `${this.filter} gets no answer from cluster ${this.cluster}: ${reason}. ${this.effect}`,
    });
  }

  answered(path: DataPath): void {
    if (!this.failing) return;
    this.failing = false;
    path.onEvent({
      kind: 'service-recovered',
      tone: 'ok',
      cluster: this.cluster,
      reason: '',
      text: `${this.filter} is answered by cluster ${this.cluster} again.`,
    });
  }
}

/** The reason of a failed call for people: response code details without their underscores. */
export function failureText(details: string): string {
  const inner = /\{(.*)\}/.exec(details)?.[1] ?? details;
  return inner.replaceAll('|', ', ').replaceAll('_', ' ');
}

/** Keeps with the stream what was asked and answered; recorded requests tell it again. */
export function noteService(info: StreamInfo, text: string): void {
  info.serviceNotes ??= [];
  info.serviceNotes.push(text);
}
