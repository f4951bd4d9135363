import type { Route } from './types.ts';

/** `cluster inventory_service`, `redirect 301 to https`, `answer 200`: an action in short, for lists. */
export function actionText(action: Route['action']): string {
  switch (action.kind) {
    case 'cluster': {
      const specifier = action.clusterSpecifier;
      switch (specifier.kind) {
        case 'cluster':
          return `cluster ${specifier.choice.cluster}`;
        case 'header':
          return `cluster named by header ${specifier.header}`;
        case 'weighted':
          return `clusters ${specifier.entries
            .map(
              (e) =>
                `${e.name === '' ? `named by ${e.clusterHeader}` : e.name} ${share(e.weight, specifier.totalWeight)}`,
            )
            .join(', ')}`;
        case 'none':
          return 'a cluster specifier that is not emulated';
      }
      break;
    }
    case 'redirect': {
      const to = [
        action.scheme,
        action.host,
        action.port === 0 ? '' : `port ${action.port}`,
        action.path,
        action.pathRewrite === null ? '' : 'a rewritten path',
      ].filter((part) => part !== '');
      return `redirect ${action.status}${to.length === 0 ? '' : ` to ${to.join(', ')}`}`;
    }
    case 'direct-response':
      return `answer ${action.status}`;
  }
}

function share(weight: number, total: number): string {
  return total === 0 ? '0 %' : `${Math.round((weight / total) * 1000) / 10} %`;
}
