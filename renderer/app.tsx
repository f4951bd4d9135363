import { Component, type ReactNode } from 'react';
import { Button } from './components/button.tsx';
import { EmptyState } from './components/layers.tsx';
import { Shell } from './views/shell/shell.tsx';

/** A mistake in drawing must not leave a blank window: the proxy runs on, so say so and offer to draw anew. */
class Boundary extends Component<{ readonly children: ReactNode }, { readonly problem: string | null }> {
  override state = { problem: null as string | null };

  static getDerivedStateFromError(error: unknown) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    if (this.state.problem === null) return this.props.children;
    return (
      <div className="col" style={{ height: '100%', background: 'var(--bg-surface)' }}>
        <EmptyState
          icon="error"
          title="The window could not be drawn"
          actions={<Button onClick={() => window.location.reload()}>Draw it anew</Button>}
        >
          The proxy is not affected and goes on recording. What stopped the drawing: {this.state.problem}
        </EmptyState>
      </div>
    );
  }
}

export function App() {
  return (
    <Boundary>
      <Shell />
    </Boundary>
  );
}
