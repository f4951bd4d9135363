import { Toolbar } from '../../components/layers.tsx';

export function RoutesView() {
  return <Toolbar title="Routes" />;
}
