/**
 * A double as C's `%.<digits>g` prints it, digits exact beyond the 17 that JavaScript stops at. Envoy writes
 * Prometheus sums with 32 (`1.0500000000000000444089209850063`) and bucket bounds in text with 6 (`1.8e+06`).
 */
export function formatGeneral(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const sign = value < 0 ? '-' : '';
  const { text, exponent } = significantDigits(Math.abs(value), digits);
  if (exponent < -4 || exponent >= digits) {
    const mantissa = trimZeros(text.length > 1 ? `${text[0]}.${text.slice(1)}` : text);
    const magnitude = Math.abs(exponent).toString().padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${magnitude}`;
  }
  if (exponent < 0) return sign + trimZeros(`0.${'0'.repeat(-exponent - 1)}${text}`);
  return sign + trimZeros(`${text.slice(0, exponent + 1)}.${text.slice(exponent + 1)}`);
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0*$/, '') : text;
}

/** The first `digits` decimal digits of the exact binary value, rounded half to even, and the decimal exponent. */
function significantDigits(value: number, digits: number): { text: string; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const raw = view.getBigUint64(0);
  const biased = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & 0xfffffffffffffn;
  const mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n;
  const power = (biased === 0 ? 1 : biased) - 1075;
  let numerator = power >= 0 ? mantissa << BigInt(power) : mantissa;
  let denominator = power >= 0 ? 1n : 1n << BigInt(-power);
  let exponent = Math.floor(Math.log10(value));
  const scale = digits - 1 - exponent;
  if (scale >= 0) numerator *= 10n ** BigInt(scale);
  else denominator *= 10n ** BigInt(-scale);
  let quotient = numerator / denominator;
  const remainder = (numerator % denominator) * 2n;
  if (remainder > denominator || (remainder === denominator && (quotient & 1n) === 1n)) quotient += 1n;
  let text = quotient.toString();
  if (text.length > digits) {
    exponent++;
    text = text.slice(0, digits);
  } else if (text.length < digits) {
    // log10 rounded up to the next power: one digit short, so take one more.
    exponent--;
    const more = numerator * 10n;
    text = (more / denominator).toString();
  }
  return { text, exponent };
}
