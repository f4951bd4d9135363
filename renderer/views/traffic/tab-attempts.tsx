import type { RecordDetail } from '../../../proxy-core/index.ts';
import { EmptyState } from '../../components/layers.tsx';
import { formatDuration } from '../../state/format.ts';
import { Facts } from './tab-overview.tsx';

/** Each try at an upstream host, and what became of it. */
export function AttemptsTab({ detail }: { readonly detail: RecordDetail }) {
  const { attempts } = detail.timing;
  if (attempts.length === 0) {
    return (
      <EmptyState icon="info" title="No upstream was tried">
        The proxy answered by itself: <code>{detail.row.details}</code>.
      </EmptyState>
    );
  }
  const span = (from: number | null, to: number | null): string =>
    from === null || to === null ? '–' : formatDuration((to - from) / 1000);
  return (
    <>
      {attempts.map((attempt, index) => (
        <Facts
          // biome-ignore lint/suspicious/noArrayIndexKey: attempts are numbered
          key={index}
          title={`Attempt ${index + 1}`}
          rows={[
            [
              'Host',
              <span key="v" className="mono">
                {attempt.host || 'none could be picked'}
              </span>,
            ],
            [
              'Connection',
              attempt.connectStarted === null
                ? 'open already'
                : `new, ${span(attempt.connectStarted, attempt.connected)} to connect`,
            ],
            [
              'Answer',
              attempt.status > 0 ? (
                String(attempt.status)
              ) : (
                <span key="v" className="c-err">
                  {attempt.failure || 'given up'}
                </span>
              ),
            ],
            ['First byte', `${span(attempt.sentFirst, attempt.firstByte)} after the request was sent`],
            ['Began', `${formatDuration(attempt.started / 1000)} into the request`],
          ]}
        />
      ))}
    </>
  );
}
