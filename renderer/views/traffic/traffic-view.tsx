import { Toolbar } from '../../components/layers.tsx';

export function TrafficView() {
  return <Toolbar title="Traffic" />;
}
