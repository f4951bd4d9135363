import { Skeleton } from '../../components/marks.tsx';
import styles from './drawer.module.css';

export function Loading() {
  return (
    <div className={styles.loading}>
      {[220, 320, 280, 180].map((width) => (
        <Skeleton key={width} width={width} />
      ))}
    </div>
  );
}
