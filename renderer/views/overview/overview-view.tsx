import { Toolbar } from '../../components/layers.tsx';

export function OverviewView() {
  return <Toolbar title="Overview" />;
}
