import { VirtualClock } from '../../proxy-core/base/virtual-clock.ts';
import { FilterRun } from '../../proxy-core/listener/filters/inspection.ts';
import { proxyProtocol } from '../../proxy-core/listener/filters/proxy-protocol.ts';
import { parseProxyHeader } from '../../proxy-core/network/proxy-protocol.ts';
import { StatsStore } from '../../proxy-core/observe/stats/store.ts';

const filters = [proxyProtocol(null, new StatsStore())];

/** A header says the same in one piece and byte by byte; what is refused early is refused late. */
export function fuzzProxyProtocol(bytes: Uint8Array): void {
  const input = Buffer.from(bytes);
  const whole = parseProxyHeader(input);
  for (let length = 0; length <= input.length; length++) {
    const part = parseProxyHeader(input.subarray(0, length));
    if (part.kind === 'incomplete') continue;
    const refused = part.kind !== 'header' && whole.kind !== 'header' && whole.kind !== 'incomplete';
    if (!refused && JSON.stringify(part) !== JSON.stringify(whole)) {
      throw new Error(`${length} of ${input.length} bytes: ${part.kind}, all of them: ${whole.kind}`);
    }
    break;
  }
  if (whole.kind === 'header' && whole.length > input.length) throw new Error('longer than its bytes');
  const { consumed } = new FilterRun(filters, new VirtualClock()).advance(input);
  if (consumed > input.length) throw new Error('consumed more than came');
}
