/** Placeholder until the chain lands below. */
export interface HttpFilterFactory {
  readonly name: string;
}
