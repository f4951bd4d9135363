import { useState } from 'react';
import type { RecordDetail } from '../../../proxy-core/index.ts';
import { Button } from '../../components/button.tsx';
import { cx } from '../../components/cx.ts';
import { Heading } from '../../components/layers.tsx';
import { plural } from '../../state/format.ts';
import styles from './drawer.module.css';
import { type HeaderChange, type Headers, headerDiff } from './header-diff.ts';

/** What the proxy did to the headers on the way in and on the way back. */
export function HeadersTab({ detail }: { readonly detail: RecordDetail }) {
  return (
    <>
      <Side
        title="Request: from the client, to the upstream"
        before={detail.request.headers}
        after={detail.upstreamRequest?.headers ?? null}
        none="The request did not go upstream."
      />
      <Side
        title="Response: from the upstream, to the client"
        before={detail.upstreamResponse?.headers ?? null}
        after={detail.response?.headers ?? null}
        none={detail.row.local ? 'The proxy wrote the response itself.' : 'There was no response.'}
      />
    </>
  );
}

const SIGNS = { added: '+', removed: '−', changed: '~', same: '' } as const;

function Side(props: {
  readonly title: string;
  readonly before: Headers | null;
  readonly after: Headers | null;
  readonly none: string;
}) {
  const { title, before, after, none } = props;
  const [unfolded, setUnfolded] = useState(false);
  if (before === null || after === null) {
    return (
      <section className={styles.section}>
        <Heading>{title}</Heading>
        <p className="sub">{none}</p>
      </section>
    );
  }
  const changes = headerDiff(before, after);
  const same = changes.filter((each) => each.kind === 'same');
  const shown: readonly HeaderChange[] = unfolded ? changes : changes.filter((each) => each.kind !== 'same');
  return (
    <section className={styles.section}>
      <Heading>{title}</Heading>
      <table className={styles.diff}>
        <thead>
          <tr>
            <th scope="col" aria-label="Change" />
            <th scope="col">Header</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((each) => (
            <tr key={each.name} className={cx(styles[`h-${each.kind}`])}>
              <td title={each.kind}>{SIGNS[each.kind]}</td>
              <td className="mono">{each.name}</td>
              <td className="mono select">{each.before ?? '–'}</td>
              <td className="mono select">{each.after ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {same.length > 0 && (
        <Button small variant="ghost" onClick={() => setUnfolded(!unfolded)}>
          {unfolded ? 'Fold' : 'Show'} {plural(same.length, 'unchanged header')}
        </Button>
      )}
    </section>
  );
}
