import { TokenBucket } from '../base/token-bucket.ts';
import type { MessageReader } from '../config/reader.ts';

/** `envoy.type.v3.TokenBucket`; one token per fill when it does not say. */
export function compileTokenBucket(reader: MessageReader | undefined): TokenBucket {
  return new TokenBucket({
    maxTokens: reader?.number('max_tokens') ?? 0,
    tokensPerFill: reader?.number('tokens_per_fill') ?? 1,
    fillInterval: Math.max(1, reader?.duration('fill_interval') ?? 1),
  });
}
