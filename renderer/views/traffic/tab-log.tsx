import type { RecordDetail } from '../../../proxy-core/index.ts';
import { Heading } from '../../components/layers.tsx';
import styles from './drawer.module.css';
import { Facts } from './facts.tsx';

/** The line that Envoy's default format gives for this request. */
export function LogTab({ detail }: { readonly detail: RecordDetail }) {
  const { row } = detail;
  return (
    <>
      <section className={styles.section}>
        <div className="row">
          <Heading>Access log line</Heading>
          <span className="sm sub">Envoy’s default format</span>
        </div>
        <pre className={styles.pre}>{row.done ? detail.logLine : 'Written when the request ends.'}</pre>
      </section>
      <Facts
        title="Details"
        rows={[
          [
            'response_code_details',
            <span key="v" className="mono">
              {row.details || '-'}
            </span>,
          ],
          [
            'response_flags',
            <span key="v" className="mono">
              {row.flags || '-'}
            </span>,
          ],
          [
            'upstream_cluster',
            <span key="v" className="mono">
              {row.cluster || '-'}
            </span>,
          ],
          [
            'route_name',
            <span key="v" className="mono">
              {row.route || '-'}
            </span>,
          ],
        ]}
      />
    </>
  );
}
