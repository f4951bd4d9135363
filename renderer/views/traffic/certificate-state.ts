import type { CertificateDetail } from '../../../proxy-core/index.ts';
import { plural } from '../../state/format.ts';

const DAY = 24 * 60 * 60 * 1000;

/** Whether a certificate was in its time when the request came, and how long it still was. */
export function certificateState(
  { validFrom, validTo }: Pick<CertificateDetail, 'validFrom' | 'validTo'>,
  at: number,
): { readonly valid: boolean; readonly text: string } {
  if (at < validFrom) return { valid: false, text: 'not valid yet' };
  if (at > validTo) return { valid: false, text: 'expired' };
  const days = Math.floor((validTo - at) / DAY);
  return { valid: true, text: days === 0 ? 'the last day' : `${plural(days, 'day')} left` };
}
