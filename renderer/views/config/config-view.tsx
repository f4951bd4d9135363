import { Toolbar } from '../../components/layers.tsx';

export function ConfigView() {
  return <Toolbar title="Config" />;
}
