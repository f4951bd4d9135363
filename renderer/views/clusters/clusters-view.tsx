import { Toolbar } from '../../components/layers.tsx';

export function ClustersView() {
  return <Toolbar title="Clusters" />;
}
