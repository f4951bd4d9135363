import { beforeSeparator } from './header-tokens.ts';

/** A compressor that could serve a response, in the order of the chain. */
export interface EncodingOffer {
  readonly encoding: string;
  /** Wins over others of the same q-value. */
  readonly chooseFirst: boolean;
}

/** Which encoding a client gets, and how it was asked for: the statistic that counts it. */
export interface EncodingDecision {
  readonly encoding: string;
  readonly by: 'compressor' | 'identity' | 'wildcard' | 'not-valid';
}

const NOT_VALID: EncodingDecision = { encoding: 'identity', by: 'not-valid' };

/** Envoy: CompressorFilter::chooseEncoding. `accept` is the value of Accept-Encoding. */
export function chooseEncoding(accept: string, offers: readonly EncodingOffer[]): EncodingDecision {
  const allowed = new Map<string, EncodingOffer>();
  for (const offer of offers) if (!allowed.has(offer.encoding)) allowed.set(offer.encoding, offer);
  const wishes: { readonly encoding: string; readonly q: number }[] = [];
  for (const token of accept.split(',')) {
    if (token === '') continue;
    const encoding = beforeSeparator(token, ';');
    const q = qValue(token);
    if (q === null) continue;
    wishes.push({ encoding, q });
    if (q === 0) allowed.delete(encoding);
  }
  if (wishes.length === 0 || allowed.size === 0) return NOT_VALID;
  let choice = { encoding: 'identity', q: 0 };
  for (const wish of wishes) {
    const { encoding, q } = wish;
    if (!allowed.has(encoding) && encoding !== 'identity' && encoding !== '*') continue;
    if (q > choice.q || (q === choice.q && allowed.get(encoding)?.chooseFirst === true)) choice = wish;
  }
  if (choice.q === 0) return NOT_VALID;
  if (choice.encoding === 'identity') return { encoding: 'identity', by: 'identity' };
  if (choice.encoding !== '*') return { encoding: choice.encoding, by: 'compressor' };
  const [first] = allowed.keys();
  return { encoding: first ?? 'identity', by: 'wildcard' };
}

/** The weight of one token, 1 without `q=`; null when it is no number. */
function qValue(token: string): number | null {
  const at = token.indexOf(';');
  if (at < 0) return 1;
  const parameter = token.slice(at + 1);
  const equals = parameter.indexOf('=');
  if (equals < 0 || parameter.slice(0, equals).trim().toLowerCase() !== 'q') return 1;
  const text = parameter.slice(equals + 1).trim();
  const value = Number(text);
  return text === '' || Number.isNaN(value) ? null : value;
}
